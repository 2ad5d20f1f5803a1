//! A log of requests, and its replay: the same lines on the same engine give the same events, byte for byte.
//!
//! Lines name what was granted by its number in the log, so that they can be written down and edited by hand.

use super::machine::Engine;
use super::outcome::{Outcome, Refused};
use super::queue::Ticket;
use cloudlot_core::ledger::{Grant, Holds, State};
use cloudlot_core::{
    OwnerPath, Quantities, Request, ReservationId, Resource, ResourceState, Timestamp,
};

/// One line of a log: what an engine was told, and when.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// What.
    pub command: Command,
}

/// What an engine can be told.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum Command {
    /// Add a resource.
    Add(Box<Resource>),
    /// Set the state of a resource.
    SetState {
        /// Its name.
        resource: String,
        /// Its state from now on.
        state: ResourceState,
    },
    /// Limit an owner and everybody below.
    Limit {
        /// Whom.
        owner: OwnerPath,
        /// How much it may have.
        most: Quantities,
    },
    /// Answer a request at once.
    Place(Request),
    /// Let a request wait.
    Submit {
        /// The request.
        request: Request,
        /// Up to when.
        #[cfg_attr(
            feature = "serde",
            serde(default, skip_serializing_if = "Option::is_none")
        )]
        until: Option<Timestamp>,
    },
    /// Take a request out of the queue, by the number of its ticket.
    Cancel(u64),
    /// Serve those who wait.
    Step,
    /// Confirm a grant, by its number in the log.
    Confirm(u64),
    /// Release a grant, by its number in the log.
    Release(u64),
}

/// What came of a line.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum Event {
    /// A request was granted.
    Granted {
        /// The number of the grant.
        grant: u64,
        /// The ticket, if it waited.
        #[cfg_attr(
            feature = "serde",
            serde(default, skip_serializing_if = "Option::is_none")
        )]
        ticket: Option<u64>,
        /// What it holds where, by the names of the resources.
        holds: Vec<(String, Quantities)>,
        /// When the hold ends unless it is confirmed.
        until: Timestamp,
    },
    /// A request was refused.
    Refused {
        /// The ticket, if it waited.
        #[cfg_attr(
            feature = "serde",
            serde(default, skip_serializing_if = "Option::is_none")
        )]
        ticket: Option<u64>,
        /// Why.
        why: String,
    },
    /// A request waits.
    Waits {
        /// Its ticket.
        ticket: u64,
    },
    /// The line was carried out, and there is nothing to say of it.
    Done,
    /// The line could not be carried out.
    Failed(String),
}

/// An engine that is told the lines of a log.
///
/// ```
/// use cloudlot_core::ledger::Ledger;
/// use cloudlot_core::{Request, Resource, Timestamp, cores};
/// use cloudlot_policy::engine::{Allocator, Command, Engine, Event, Line, Replay};
///
/// let node = Resource::node("n1").capacity([cores(2)]).build()?;
/// let job = Request::new("job").part([cores(2)]).build()?;
/// let submit = Command::Submit { request: job.clone(), until: None };
/// let log = [Command::Add(Box::new(node)), Command::Place(job), submit, Command::Release(0), Command::Step];
/// let lines = log.map(|command| Line { at: Timestamp::ZERO, command });
///
/// let run = || {
///     let mut replay = Replay::new(Engine::new(Ledger::new(), Allocator::builder().build()));
///     lines.iter().flat_map(|line| replay.run(line)).collect::<Vec<Event>>()
/// };
/// assert!(matches!(run().last(), Some(Event::Granted { grant: 1, ticket: Some(0), .. })));
/// assert_eq!(run(), run());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Replay {
    engine: Engine,
    grants: Vec<ReservationId>,
}

impl Replay {
    /// Begins on an engine.
    #[must_use]
    pub const fn new(engine: Engine) -> Self {
        Self {
            engine,
            grants: Vec::new(),
        }
    }

    /// The engine after the lines so far.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Tells the engine one line, and says what came of it.
    pub fn run(&mut self, line: &Line) -> Vec<Event> {
        let now = line.at;
        match &line.command {
            Command::Add(resource) => done(self.engine.add(&**resource, now)),
            Command::SetState { resource, state } => self.set_state(resource, *state, now),
            Command::Limit { owner, most } => {
                let most: Vec<_> = most.iter().cloned().collect();
                let set =
                    |ledger: &mut cloudlot_core::ledger::Ledger| ledger.set_limit(owner, most, now);
                done(self.engine.with_ledger(set))
            }
            Command::Place(request) => {
                let outcome = self.engine.place(request, now);
                vec![match outcome {
                    Outcome::Granted(grant) => self.granted(None, grant),
                    Outcome::Preempted(made) => self.granted(None, made.grant),
                    Outcome::Refused(no) => refused(None, &no),
                }]
            }
            Command::Submit { request, until } => {
                let ticket = self.engine.submit_until(request.clone(), *until, now);
                vec![match ticket {
                    Ok(ticket) => Event::Waits {
                        ticket: ticket.number(),
                    },
                    Err(why) => Event::Failed(why.to_string()),
                }]
            }
            Command::Cancel(ticket) => match self.engine.cancel(Ticket(*ticket)) {
                Some(_) => vec![Event::Done],
                None => vec![Event::Failed(format!("ticket {ticket} does not wait"))],
            },
            Command::Step => self.step(now),
            Command::Confirm(grant) => match self.reservation(*grant) {
                Ok(id) => done(self.engine.confirm(id, now)),
                Err(failed) => vec![failed],
            },
            Command::Release(grant) => match self.reservation(*grant) {
                Ok(id) => done(self.engine.release(id, now)),
                Err(failed) => vec![failed],
            },
        }
    }

    fn set_state(&mut self, name: &str, state: ResourceState, now: Timestamp) -> Vec<Event> {
        match self.engine.state().find(name) {
            Some(id) => done(
                self.engine
                    .with_ledger(|ledger| ledger.set_state(id, state, now)),
            ),
            None => vec![Event::Failed(format!("there is no resource `{name}`"))],
        }
    }

    fn step(&mut self, now: Timestamp) -> Vec<Event> {
        let report = self.engine.step(now);
        let refused = report
            .refused
            .iter()
            .map(|(ticket, no)| refused(Some(*ticket), no));
        let mut events: Vec<Event> = refused.collect();
        for (ticket, grant) in report.granted {
            events.push(self.granted(Some(ticket), grant));
        }
        events
    }

    fn reservation(&self, grant: u64) -> Result<ReservationId, Event> {
        let index = usize::try_from(grant).ok();
        let id = index.and_then(|index| self.grants.get(index)).copied();
        id.ok_or_else(|| Event::Failed(format!("there is no grant {grant} yet")))
    }

    fn granted(&mut self, ticket: Option<Ticket>, grant: Grant) -> Event {
        let known = self.grants.iter().position(|id| *id == grant.id);
        let number = known.unwrap_or_else(|| {
            self.grants.push(grant.id);
            self.grants.len() - 1
        });
        let state = self.engine.state();
        let holds = state
            .reservation(grant.id)
            .map(|reservation| named(state, reservation.holds()));
        Event::Granted {
            grant: number as u64,
            ticket: ticket.map(Ticket::number),
            holds: holds.unwrap_or_default(),
            until: grant.until,
        }
    }
}

fn named(state: &State, holds: &Holds) -> Vec<(String, Quantities)> {
    let name = |id| state.resource(id).map_or("", Resource::name).to_owned();
    let hold = |hold: &cloudlot_core::ledger::Hold| {
        (
            name(hold.resource()),
            state.kinds().quantities(&hold.amounts()),
        )
    };
    holds.iter().map(hold).collect()
}

fn refused(ticket: Option<Ticket>, no: &Refused) -> Event {
    Event::Refused {
        ticket: ticket.map(Ticket::number),
        why: no.why.to_string(),
    }
}

fn done<T, E: std::fmt::Display>(result: Result<T, E>) -> Vec<Event> {
    vec![match result {
        Ok(_) => Event::Done,
        Err(why) => Event::Failed(why.to_string()),
    }]
}

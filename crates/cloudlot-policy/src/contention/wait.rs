//! Who waits, in what order, and until when. Who waits holds nothing, and asks for what it asked for when its turn comes.

use super::place::Place;
use cloudlot_core::ledger::{Plan, Refusal, View, Why};
use cloudlot_core::{Priority, Request, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// The place of a request in a queue: a later one is larger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(u64);

/// A request that waits.
#[derive(Clone, PartialEq, Debug)]
pub struct Waiting {
    /// What is asked for, all of it.
    pub request: Request,
    /// How urgent it is now.
    pub priority: Priority,
    /// Since when it waits.
    pub since: Timestamp,
    /// The first moment at which it waits no more; `None`: for ever.
    pub deadline: Option<Timestamp>,
}

/// Whose turn is next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Turn {
    /// Who came first.
    Arrival,
    /// The most urgent; of equals who came first.
    Urgency,
}

/// What those who wait could get now.
#[derive(Clone, PartialEq, Debug)]
pub struct Served {
    /// Reserves for them.
    pub plan: Plan,
    /// Whom it serves, in turn. They wait until the plan is carried out: [`WaitQueue::leave`].
    pub served: Vec<Ticket>,
    /// Whose turn it was when nothing more fitted, and why.
    pub blocked: Option<(Ticket, Why)>,
}

/// Requests that wait.
///
/// ```
/// use cloudlot_core::{Request, Timestamp, cores};
/// use cloudlot_policy::contention::WaitQueue;
///
/// let at = Timestamp::from_nanos;
/// let mut queue = WaitQueue::new();
/// let request = Request::new("web").part([cores(1)]).build()?;
/// queue.push(request.clone(), at(0), Some(at(5)));
/// queue.push(request, at(1), None);
/// assert_eq!(queue.next_deadline(), Some(at(5)));
/// assert_eq!(queue.expire(at(5)).len(), 1);
/// assert_eq!(queue.len(), 1);
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct WaitQueue {
    next: u64,
    waiting: BTreeMap<Ticket, Waiting>,
    urgency: BTreeSet<(Reverse<Priority>, Ticket)>,
    deadlines: BTreeSet<(Timestamp, Ticket)>,
}

impl WaitQueue {
    /// Nobody waits.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            next: 0,
            waiting: BTreeMap::new(),
            urgency: BTreeSet::new(),
            deadlines: BTreeSet::new(),
        }
    }

    /// A request waits from now on, behind all others.
    pub fn push(
        &mut self,
        request: Request,
        now: Timestamp,
        deadline: Option<Timestamp>,
    ) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        let waiting = Waiting {
            priority: request.priority(),
            request,
            since: now,
            deadline,
        };
        self.urgency.insert((Reverse(waiting.priority), ticket));
        self.deadlines
            .extend(deadline.map(|deadline| (deadline, ticket)));
        self.waiting.insert(ticket, waiting);
        ticket
    }

    /// A request waits no more: it was granted, or its owner gave up.
    pub fn leave(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ticket)?;
        self.urgency.remove(&(Reverse(waiting.priority), ticket));
        if let Some(deadline) = waiting.deadline {
            self.deadlines.remove(&(deadline, ticket));
        }
        Some(waiting)
    }

    /// Makes a request more or less urgent; whether it waits.
    pub fn set_priority(&mut self, ticket: Ticket, priority: Priority) -> bool {
        let Some(waiting) = self.waiting.get_mut(&ticket) else {
            return false;
        };
        self.urgency.remove(&(Reverse(waiting.priority), ticket));
        waiting.priority = priority;
        self.urgency.insert((Reverse(priority), ticket))
    }

    /// When the next request has waited long enough.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Refuses all whose deadline is at or before `now`, the earliest first.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Refusal> {
        let mut refused = Vec::new();
        while let Some((deadline, ticket)) = self.deadlines.first().copied()
            && deadline <= now
        {
            let waiting = self.leave(ticket).expect("who has a deadline waits");
            refused.push(Refusal {
                request: waiting.request,
                why: Why::TooLate(deadline),
                retry_at: None,
            });
        }
        refused
    }

    /// Everybody who waits, in turn.
    pub fn in_turn(&self, turn: Turn) -> impl Iterator<Item = (Ticket, &Waiting)> {
        let tickets: Vec<Ticket> = match turn {
            Turn::Arrival => self.waiting.keys().copied().collect(),
            Turn::Urgency => self.urgency.iter().map(|(_, ticket)| *ticket).collect(),
        };
        tickets
            .into_iter()
            .map(|ticket| (ticket, &self.waiting[&ticket]))
    }

    /// What those who wait could get now, in turn, up to the first who does not fit: nobody overtakes it.
    ///
    /// The view is as before, and so is the queue.
    #[must_use]
    pub fn serve(&self, view: &mut View, place: &dyn Place, turn: Turn, now: Timestamp) -> Served {
        let mut draft = view.draft(now);
        let mut served = Vec::new();
        let mut blocked = None;
        for (ticket, waiting) in self.in_turn(turn) {
            let placement = place.place(&draft, &waiting.request);
            match placement.and_then(|placement| draft.reserve(&waiting.request, &placement)) {
                Ok(()) => served.push(ticket),
                Err(why) => {
                    blocked = Some((ticket, why));
                    break;
                }
            }
        }
        Served {
            plan: draft.finish(),
            served,
            blocked,
        }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

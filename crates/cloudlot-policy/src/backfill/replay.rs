//! A trace of jobs in virtual time, on a real ledger: to try an order and a mode before anybody has to live with them.
//!
//! Every start is committed to the ledger and every end released there, so that a schedule that the ledger would not grant cannot come about.

use super::estimate::Overdue;
use super::order::Order;
use super::placer::Placer;
use super::schedule::{Assigned, Config, Mode, Schedule, Waiting, plan};
use super::{NoStart, Slot};
use crate::order::Order as _;
use cloudlot_core::event::EventQueue;
use cloudlot_core::ledger::{Ledger, Why};
use cloudlot_core::{Request, ReservationId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A job of a trace.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    /// What it asks for; its estimate is [`Request::expected`].
    pub request: Request,
    /// When it comes.
    pub arrives: Timestamp,
    /// How long it really runs, unless the end of its window comes first.
    pub runs: Duration,
}

/// Who is the head of the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Head {
    /// Whoever comes first in the order at each look.
    Ordered,
    /// Who was first once stays first until it starts.
    Kept,
}

/// What happens between events of one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instant {
    /// All events of an instant happen, then the queue is looked at.
    Together,
    /// The queue is looked at after every event, arrivals first.
    OneByOne,
}

/// How a trace is replayed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// The order of the queue.
    pub order: Order,
    /// The order of those behind the head, if it is another.
    pub behind: Option<Order>,
    /// Who may pass whom.
    pub config: Config,
    /// Who is the head.
    pub head: Head,
    /// Whether reservations are kept as promises from look to look.
    pub promises: bool,
    /// What happens within an instant.
    pub instant: Instant,
}

impl Rules {
    /// This order and mode; the head is whoever comes first, nothing is kept, and an instant's events happen together.
    #[must_use]
    pub fn new(order: Order, mode: Mode) -> Self {
        Self {
            order,
            behind: None,
            config: Config::new(mode),
            head: Head::Ordered,
            promises: false,
            instant: Instant::Together,
        }
    }
}

/// What became of a job.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    /// When it started; `None`: never.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The first start that it was promised while it waited.
    pub promised: Option<Timestamp>,
    /// Whether it outstayed its estimate while somebody looked.
    pub overdue: bool,
    /// Why it never started.
    pub refused: Option<NoStart>,
}

/// What became of a trace.
#[derive(Debug)]
pub struct Replayed {
    /// What became of each job, in the order of the trace.
    pub jobs: Vec<Outcome>,
    /// How often the queue was looked at.
    pub looks: u64,
    /// How often a promise was broken.
    pub broken: u64,
    /// The ledger after the last event.
    pub ledger: Ledger,
}

impl Replayed {
    /// The mean bounded slowdown of the jobs that ran, with this least length of a job; zero if none did.
    #[must_use]
    pub fn mean_bounded_slowdown(&self, jobs: &[Job], least: Duration) -> f64 {
        let slowdowns: Vec<f64> = (jobs.iter().zip(&self.jobs))
            .filter_map(|(job, outcome)| {
                let waited = outcome.started?.since(job.arrives);
                let ran = outcome.ended?.since(outcome.started?);
                Some(bounded_slowdown(waited, ran, least))
            })
            .collect();
        slowdowns.iter().sum::<f64>() / (slowdowns.len().max(1)) as f64
    }
}

/// How many times longer a job took than if it had not waited; one at least. Jobs shorter than `least` count as that long, so that a short
/// wait of a tiny job does not count for a lot.
///
/// Source: Feitelson, Rudolph, Schwiegelshohn, Sevcik and Wong, "Theory and practice in parallel job scheduling", JSSPP 1997.
/// ```
/// # use cloudlot_policy::backfill::bounded_slowdown;
/// # use std::time::Duration;
/// let slowdown = |waited, ran| bounded_slowdown(Duration::from_secs(waited), Duration::from_secs(ran), Duration::from_secs(10));
/// assert_eq!((slowdown(0, 100), slowdown(50, 100), slowdown(9, 1), slowdown(99, 1)), (1.0, 1.5, 1.0, 10.0));
/// ```
#[must_use]
pub fn bounded_slowdown(waited: Duration, ran: Duration, least: Duration) -> f64 {
    ((waited + ran).as_secs_f64() / ran.max(least).as_secs_f64()).max(1.0)
}

/// Replays a trace on a ledger.
///
/// A job is confirmed as soon as it starts. One that can never start leaves the queue; its outcome says why. So the replay ends.
///
/// # Errors
/// What the ledger has against a start that was planned: the [`Placer`] offered what the ledger refuses.
pub fn replay(
    ledger: Ledger,
    jobs: &[Job],
    rules: &Rules,
    placer: &mut (impl Placer + ?Sized),
) -> Result<Replayed, Why> {
    let mut events = EventQueue::default();
    for (job, Job { arrives, .. }) in jobs.iter().enumerate() {
        events.push(*arrives, Event::Arrives(job));
    }
    let mut run = Run {
        jobs,
        rules,
        placer,
        events,
        waiting: Vec::new(),
        head: None,
        promises: BTreeMap::new(),
        running: BTreeMap::new(),
        done: Replayed {
            jobs: vec![Outcome::default(); jobs.len()],
            looks: 0,
            broken: 0,
            ledger,
        },
    };
    while let Some((now, event)) = run.events.pop() {
        run.happen(event, now);
        if rules.instant == Instant::Together {
            while let Some((_, event)) = run.events.pop_until(now) {
                run.happen(event, now);
            }
        }
        run.look(now)?;
    }
    Ok(run.done)
}

#[derive(Clone, Copy)]
enum Event {
    Arrives(usize),
    Ends(usize, ReservationId),
    /// A reservation begins.
    Wake,
}

struct Run<'a, P: ?Sized> {
    jobs: &'a [Job],
    rules: &'a Rules,
    placer: &'a mut P,
    events: EventQueue<Event>,
    waiting: Vec<usize>,
    head: Option<usize>,
    promises: BTreeMap<usize, Slot>,
    running: BTreeMap<ReservationId, usize>,
    done: Replayed,
}

impl<P: Placer + ?Sized> Run<'_, P> {
    fn happen(&mut self, event: Event, now: Timestamp) {
        match event {
            Event::Arrives(job) => self.waiting.push(job),
            Event::Ends(job, id) => {
                self.running.remove(&id);
                self.done.jobs[job].ended = Some(now);
                // At the end of its window it is gone by itself.
                let _ = self.done.ledger.release(id, now);
            }
            Event::Wake => {}
        }
    }

    /// Looks at the queue until nobody more starts.
    fn look(&mut self, now: Timestamp) -> Result<(), Why> {
        self.done.ledger.expire(now);
        if self.rules.behind.is_some() {
            // Heads start in their order, before anybody passes.
            let strict = Config {
                mode: Mode::Strict,
                ..self.rules.config
            };
            self.pass(now, &strict, self.rules.order)?;
        }
        let behind = self.rules.behind.unwrap_or(self.rules.order);
        let config = self.rules.config;
        self.pass(now, &config, behind)
    }

    fn pass(&mut self, now: Timestamp, config: &Config, behind: Order) -> Result<(), Why> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.sort(behind);
        let waiting = |job: &usize| Waiting {
            request: &self.jobs[*job].request,
            promised: self.promises.get(job),
        };
        let queue: Vec<Waiting<'_>> = self.waiting.iter().map(waiting).collect();
        let state = self.done.ledger.state();
        let schedule = plan(state, &queue, now, config, self.placer);
        self.done.looks += 1;
        self.carry_out(schedule, now)
    }

    /// The head by the order, and the others behind it by theirs.
    fn sort(&mut self, behind: Order) {
        let kept = self.head.filter(|_| self.rules.head == Head::Kept);
        let head = kept.or_else(|| self.ranked(self.rules.order).first().copied());
        self.waiting = self.ranked(behind);
        if let Some(place) = self.waiting.iter().position(|job| Some(*job) == head) {
            self.waiting[..=place].rotate_right(1);
        }
    }

    /// Those who wait, by an order, then by arrival, then by their place in the trace.
    fn ranked(&self, order: Order) -> Vec<usize> {
        let rank = |job: &usize| {
            let Job {
                request, arrives, ..
            } = &self.jobs[*job];
            (order.rank(request, *arrives), *arrives, *job)
        };
        let mut ranked: Vec<_> = self.waiting.iter().map(rank).collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, _, job)| job).collect()
    }

    fn carry_out(&mut self, schedule: Schedule, now: Timestamp) -> Result<(), Why> {
        for overdue in &schedule.overdue {
            self.note_overdue(*overdue);
        }
        self.done.broken += u64::try_from(schedule.broken.len()).unwrap_or(u64::MAX);
        let mut gone = BTreeSet::new();
        for (index, why) in schedule.refused {
            self.done.jobs[self.waiting[index]].refused = Some(why);
            gone.insert(self.waiting[index]);
        }
        for Assigned { index, slot } in schedule.starts {
            self.start(self.waiting[index], &slot, now)?;
            gone.insert(self.waiting[index]);
        }
        self.promises.clear();
        self.head = schedule
            .reserved
            .first()
            .map(|head| self.waiting[head.index]);
        let mut wake = None;
        for Assigned { index, slot } in schedule.reserved {
            let job = self.waiting[index];
            self.done.jobs[job].promised.get_or_insert(slot.at);
            wake = wake.into_iter().chain([slot.at]).min();
            if self.rules.promises {
                self.promises.insert(job, slot);
            }
        }
        if let Some(at) = wake.filter(|at| *at > now) {
            self.wake(at);
        }
        self.waiting.retain(|job| !gone.contains(job));
        Ok(())
    }

    /// Looks again when the first reservation begins, unless something else happens before.
    fn wake(&mut self, at: Timestamp) {
        if self.events.next_at().is_none_or(|next| at < next) {
            self.events.push(at, Event::Wake);
        }
    }

    fn note_overdue(&mut self, overdue: Overdue) {
        if let Some(job) = self.running.get(&overdue.reservation) {
            self.done.jobs[*job].overdue = true;
        }
    }

    fn start(&mut self, job: usize, slot: &Slot, now: Timestamp) -> Result<(), Why> {
        let Job { request, runs, .. } = &self.jobs[job];
        let grant = self.done.ledger.place(request, &slot.placement, now)?;
        self.done.ledger.confirm(grant.id, now)?;
        let end = request
            .window()
            .until
            .unwrap_or(Timestamp::MAX)
            .min(now + *runs);
        self.running.insert(grant.id, job);
        self.done.jobs[job].started = Some(now);
        self.events.push(end, Event::Ends(job, grant.id));
        Ok(())
    }
}

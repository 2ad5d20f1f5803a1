//! Who starts now, who starts when, and who never: one look at the queue.

use super::estimate::{Estimates, Overdue};
use super::forecast::Forecast;
use super::placer::Placer;
use super::{NoStart, Slot};
use cloudlot_core::ledger::State;
use cloudlot_core::{Request, Timestamp};

/// Who may pass whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Nobody: the first that does not fit stops all behind it.
    Strict,
    /// The first that does not fit has a reservation; others start now only if they are thought to end before it begins, even if
    /// there would be room for both.
    ///
    /// Source: the backfilling of the simulator behind "RLScheduler" (Zhang, Dai, He, Bao and Xie, SC20).
    Shadow,
    /// The first that does not fit has a reservation; others start now if it still begins then, and on that place.
    ///
    /// Source: Lifka, "The ANL/IBM SP scheduling system", JSSPP 1995; with reservations of places and tentative bookings instead of a
    /// count of spare nodes, so that it holds for many kinds and many resources.
    Easy,
    /// Everybody has a reservation, up to this many; others start now if all of these still begin then.
    ///
    /// Source: Mu'alem and Feitelson, "Utilization, predictability, workloads, and user runtime estimates in scheduling the IBM SP2 with
    /// backfilling", IEEE TPDS 12(6), 2001.
    Conservative {
        /// How many reservations are made; what is kept by promise counts too.
        depth: usize,
    },
}

impl Mode {
    const fn reservations(self) -> usize {
        match self {
            Self::Strict | Self::Shadow | Self::Easy => 1,
            Self::Conservative { depth } => depth,
        }
    }

    const fn is_conservative(self) -> bool {
        matches!(self, Self::Conservative { .. })
    }
}

/// How a queue is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// Who may pass whom.
    pub mode: Mode,
    /// What is assumed where nobody gave an estimate.
    pub estimates: Estimates,
    /// How many of the queue are looked at, from the head on.
    pub examine: usize,
}

impl Config {
    /// This mode, the default estimates, and all of the queue.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            estimates: Estimates::default(),
            examine: usize::MAX,
        }
    }
}

/// A request that waits.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// The request.
    pub request: &'a Request,
    /// The reservation that it was promised at an earlier look, if it is to be kept: it starts then at the latest, as long as estimates hold.
    /// Without one it is planned for anew, in its turn.
    pub promised: Option<&'a Slot>,
}

impl<'a> From<&'a Request> for Waiting<'a> {
    /// Without promise.
    fn from(request: &'a Request) -> Self {
        Self {
            request,
            promised: None,
        }
    }
}

/// A place in time for a request of the queue.
#[derive(Clone, PartialEq, Debug)]
pub struct Assigned {
    /// Its place in the queue, from 0.
    pub index: usize,
    /// When and where.
    pub slot: Slot,
}

/// What follows from one look at a queue.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Schedule {
    /// Who starts now, and where, in the order of the queue.
    pub starts: Vec<Assigned>,
    /// Who has a reservation, and when and where, in the order of the queue.
    pub reserved: Vec<Assigned>,
    /// Who can never start as things are, by place in the queue; they hold nobody up.
    pub refused: Vec<(usize, NoStart)>,
    /// Whose promise is broken, by place in the queue: somebody outstayed an estimate, or a resource was lost. They are planned for anew.
    pub broken: Vec<usize>,
    /// Who has outstayed an estimate.
    pub overdue: Vec<Overdue>,
}

impl Schedule {
    /// When the first reservation begins: look again then, if nothing happened before.
    #[must_use]
    pub fn wake(&self) -> Option<Timestamp> {
        self.reserved.iter().map(|assigned| assigned.slot.at).min()
    }
}

/// Decides who of a queue, head first, starts now, and who has to wait until when.
///
/// A request whose window has not begun does not start, and holds nobody up; only [`Mode::Conservative`] reserves for it. Nothing is changed:
/// the starts are the caller's to commit. One start is legal beside those before it, as far as amounts and rules go (see
/// [`Forecast`] for what it does not know).
///
/// ```
/// use cloudlot_core::ledger::Ledger;
/// use cloudlot_core::{Request, Resource, Timestamp, cores};
/// use cloudlot_policy::backfill::{Config, FirstFit, Mode, Waiting, plan};
/// use std::time::Duration;
///
/// let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
/// let job = |name, n, seconds| Request::new(name).part([cores(n)]).expected(Duration::from_secs(seconds)).build();
/// let mut ledger = Ledger::new();
/// let node = ledger.add(Resource::node("n1").capacity([cores(4)]).build()?, at(0))?;
/// let running = ledger.reserve(&job("running", 3, 60)?, node, at(0))?;
/// ledger.confirm(running.id, at(0))?;
///
/// // The head needs all of the node. The second would hold it up, the third would not.
/// let (head, long, short) = (job("head", 4, 10)?, job("long", 1, 90)?, job("short", 1, 50)?);
/// let queue = [&head, &long, &short].map(Waiting::from);
/// let schedule = plan(ledger.state(), &queue, at(10), &Config::new(Mode::Easy), &mut FirstFit);
/// assert_eq!(schedule.starts.iter().map(|start| start.index).collect::<Vec<_>>(), [2]);
/// assert_eq!((schedule.reserved[0].index, schedule.reserved[0].slot.at), (0, at(60)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn plan(
    state: &State,
    queue: &[Waiting<'_>],
    now: Timestamp,
    config: &Config,
    placer: &mut (impl Placer + ?Sized),
) -> Schedule {
    let forecast = Forecast::new(state, now, config.estimates);
    let queue = &queue[..queue.len().min(config.examine)];
    let schedule = Schedule {
        overdue: forecast.overdue().to_vec(),
        ..Schedule::default()
    };
    let mut look = Look {
        forecast,
        mode: config.mode,
        promises: vec![None; queue.len()],
        schedule,
    };
    look.keep_promises(queue);
    for (index, waiting) in queue.iter().enumerate() {
        if !look.turn(index, waiting, placer) {
            break;
        }
    }
    look.schedule.broken = broken(queue, &look.schedule);
    look.schedule
}

/// Whose reservation begins later than was promised, or never.
fn broken(queue: &[Waiting<'_>], schedule: &Schedule) -> Vec<usize> {
    let promised = |index: usize| queue.get(index)?.promised;
    let late = schedule
        .reserved
        .iter()
        .filter_map(|Assigned { index, slot }| {
            let promised = promised(*index)?;
            (slot.at > promised.at).then_some(*index)
        });
    let never = schedule.refused.iter().map(|(index, _)| *index);
    let mut broken: Vec<usize> = late
        .chain(never.filter(|index| promised(*index).is_some()))
        .collect();
    broken.sort_unstable();
    broken
}

struct Look<'a> {
    forecast: Forecast<'a>,
    mode: Mode,
    /// Promises that are booked, by place in the queue.
    promises: Vec<Option<Slot>>,
    schedule: Schedule,
}

impl Look<'_> {
    /// Books what was promised before anything else, where everybody has a reservation.
    fn keep_promises(&mut self, queue: &[Waiting<'_>]) {
        if !self.mode.is_conservative() {
            return;
        }
        for (index, waiting) in queue.iter().enumerate() {
            let Some(promised) = waiting.promised else {
                continue;
            };
            if let Some(slot) = self.kept(waiting.request, promised) {
                self.forecast.book(waiting.request, &slot);
                self.promises[index] = Some(slot);
            }
        }
    }

    /// A promise as it stands now, if it can be kept.
    fn kept(&self, request: &Request, promised: &Slot) -> Option<Slot> {
        let at = promised.at.max(self.forecast.now());
        let fits = self.forecast.fits(request, at, &promised.placement);
        fits.then(|| {
            self.forecast
                .slot_on(request, at, promised.placement.clone())
        })
    }

    /// What a request was promised, if it can be kept; its own booking is out of its way then.
    fn promise(&mut self, index: usize, waiting: &Waiting<'_>) -> Option<Slot> {
        if let Some(booked) = self.promises[index].take() {
            self.forecast.cancel(waiting.request, &booked);
            return Some(booked);
        }
        // Where only the head has a reservation, nobody but those before it can have taken its place.
        let head = self.schedule.reserved.is_empty() && !self.mode.is_conservative();
        let promised = waiting.promised.filter(|_| head)?;
        self.kept(waiting.request, promised)
    }

    /// Looks at one request; `false` if nobody behind it can start.
    fn turn(
        &mut self,
        index: usize,
        waiting: &Waiting<'_>,
        placer: &mut (impl Placer + ?Sized),
    ) -> bool {
        let request = waiting.request;
        let promise = self.promise(index, waiting);
        if let Some(slot) = self.at_once(request, promise.as_ref(), placer) {
            self.forecast.book(request, &slot);
            self.schedule.starts.push(Assigned { index, slot });
            return true;
        }
        if promise.is_none() && !self.reserves(request) {
            return true;
        }
        match self.reservation(request, promise, placer) {
            Ok(slot) => {
                self.forecast.book(request, &slot);
                self.schedule.reserved.push(Assigned { index, slot });
                self.mode != Mode::Strict
            }
            Err(why) => {
                self.schedule.refused.push((index, why));
                true
            }
        }
    }

    /// Whether one more request gets a reservation.
    fn reserves(&self, request: &Request) -> bool {
        let begun = request
            .window()
            .from
            .is_none_or(|from| from <= self.forecast.now());
        (self.mode.is_conservative() || begun)
            && self.schedule.reserved.len() < self.mode.reservations()
    }

    fn at_once(
        &self,
        request: &Request,
        promise: Option<&Slot>,
        placer: &mut (impl Placer + ?Sized),
    ) -> Option<Slot> {
        let due = promise.filter(|promise| promise.at == self.forecast.now());
        let slot = self
            .forecast
            .at_once(request, placer)
            .or_else(|| due.cloned())?;
        let head = self.schedule.reserved.first();
        let ends_before = |head: &Assigned| slot.until < head.slot.at;
        let passes = self.mode != Mode::Shadow || head.is_none_or(ends_before);
        passes.then_some(slot)
    }

    /// The first slot for a request, never later than it was promised.
    fn reservation(
        &self,
        request: &Request,
        promise: Option<Slot>,
        placer: &mut (impl Placer + ?Sized),
    ) -> Result<Slot, NoStart> {
        match (self.forecast.earliest(request, placer), promise) {
            (Ok(found), Some(promise)) if promise.at < found.at => Ok(promise),
            (Err(_), Some(promise)) => Ok(promise),
            (found, _) => found,
        }
    }
}

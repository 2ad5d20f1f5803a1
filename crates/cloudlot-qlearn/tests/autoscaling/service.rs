//! The service that is scaled: its states, what an interval of 30 s does to them, and what it costs.
//!
//! One function says what follows from an action and from chance. The tables of probabilities and
//! the simulated days both come from it, so they cannot differ.

use cloudlot_qlearn::{ActionId, Mask, StateId};

/// How many stages a load pattern goes through.
pub(crate) const PHASES: usize = 4;
/// Work that waits, in units of what one replica does in an interval; what does not fit is dropped.
pub(crate) const QUEUE_MAX: u32 = 4;
/// The most replicas, starting ones included.
pub(crate) const REPLICAS_MAX: u32 = 6;
/// The most replicas that start at the same time.
pub(crate) const STARTING_MAX: u32 = 2;
/// What the actions do: one replica fewer, none, one or two more.
pub(crate) const CHANGES: [i32; 4] = [-1, 0, 1, 2];
/// Decisions in a day.
pub(crate) const DAY: u32 = 2_880;

/// Costs in halves of what a replica costs in an interval: sums are exact.
const REPLICA: u32 = 2;
const WAITING: u32 = 1;
const DROPPED: u32 = 8;
const START: u32 = 1;

/// A service as the autoscaler sees it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Service {
    /// The stage of the load pattern.
    pub(crate) phase: usize,
    /// Units of work that wait.
    pub(crate) queue: u32,
    /// Replicas that work.
    pub(crate) ready: u32,
    /// Replicas that are being started.
    pub(crate) starting: u32,
}

/// What chance decides in an interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chance {
    /// By how much the work that arrives differs from the rate of the stage: −1, 0 or 1.
    pub(crate) surge: i32,
    /// Whether the replicas that are starting get ready.
    pub(crate) started: bool,
    /// The next stage.
    pub(crate) phase: usize,
}

impl Service {
    /// Every state, in the order of its number: by stage, queue, ready, then starting replicas.
    pub(crate) fn all() -> Vec<Self> {
        let mut states = Vec::new();
        for phase in 0..PHASES {
            for queue in 0..=QUEUE_MAX {
                for ready in 1..=REPLICAS_MAX {
                    for starting in 0..=STARTING_MAX.min(REPLICAS_MAX - ready) {
                        states.push(Self {
                            phase,
                            queue,
                            ready,
                            starting,
                        });
                    }
                }
            }
        }
        states
    }

    /// The number of this state.
    pub(crate) fn id(self) -> StateId {
        let pairs = |ready: u32| (1..ready).map(|r| STARTING_MAX.min(REPLICAS_MAX - r) + 1);
        let before: u32 = pairs(self.ready).sum();
        let all: u32 = pairs(REPLICAS_MAX + 1).sum();
        let phase = u32::try_from(self.phase).unwrap();
        StateId((phase * (QUEUE_MAX + 1) + self.queue) * all + before + self.starting)
    }

    /// All replicas that cost.
    pub(crate) fn replicas(self) -> u32 {
        self.ready + self.starting
    }

    /// The actions that keep within the bounds.
    pub(crate) fn mask(self) -> Mask {
        let legal = |change: i32| {
            let starting = self.starting.saturating_add_signed(change);
            match change {
                0 => true,
                -1 => self.replicas() > 1,
                _ => starting <= STARTING_MAX && self.ready + starting <= REPLICAS_MAX,
            }
        };
        let ids = (0..).map(ActionId).zip(CHANGES);
        ids.filter(|(_, change)| legal(*change))
            .fold(Mask::NONE, |mask, (action, _)| mask.with(action))
    }

    /// The action that comes nearest to a wish to have `wish` more replicas, on its near side.
    pub(crate) fn towards(self, wish: i32) -> ActionId {
        let wish = wish.clamp(-1, 2);
        let ids = (0..).map(ActionId).zip(CHANGES);
        let between = wish.min(0)..=wish.max(0);
        let kept =
            ids.filter(|(action, change)| self.mask().allows(*action) && between.contains(change));
        kept.max_by_key(|(_, change)| change.abs()).unwrap().0
    }

    /// The state after an interval, and what it cost, in what a replica costs in one.
    pub(crate) fn after(self, action: ActionId, rate: u32, chance: Chance) -> (Self, f64) {
        let (next, halves) = self.after_in_halves(action, rate, chance);
        (next, 0.5 * f64::from(halves))
    }

    /// The state after an interval, and what it cost, in halves of what a replica costs in one.
    ///
    /// A replica that goes is a starting one first, and goes at once; one that comes costs from now
    /// and works after it got ready.
    pub(crate) fn after_in_halves(
        self,
        action: ActionId,
        rate: u32,
        chance: Chance,
    ) -> (Self, u32) {
        let change = CHANGES[action.index()];
        let (mut ready, mut starting) = (self.ready, self.starting);
        match change {
            -1 if starting > 0 => starting -= 1,
            -1 => ready -= 1,
            more => starting = starting.saturating_add_signed(more),
        }
        let arrived = rate.saturating_add_signed(chance.surge);
        let left = (self.queue + arrived).saturating_sub(ready);
        let queue = left.min(QUEUE_MAX);
        let cost = REPLICA * (ready + starting)
            + WAITING * queue
            + DROPPED * (left - queue)
            + START * u32::try_from(change.max(0)).unwrap();
        if chance.started {
            (ready, starting) = (ready + starting, 0);
        }
        let next = Self {
            phase: chance.phase,
            queue,
            ready,
            starting,
        };
        (next, cost)
    }
}

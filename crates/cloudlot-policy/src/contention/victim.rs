//! Who may be told to go, what that costs, and why the others are spared.

use super::budget::{Budget, Disruptions};
use cloudlot_core::ledger::{Reservation, State};
use cloudlot_core::{Kind, Priority, ReservationId, Timestamp};
use std::num::NonZeroU32;
use std::time::Duration;

/// What losing a victim, or several, costs: the first number counts first. A sum is taken number by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Cost(pub [u128; 4]);

impl Cost {
    /// Nothing.
    pub const ZERO: Self = Self([0; 4]);

    /// Both together; each number at most 2^128 - 1.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| {
            self.0[at].saturating_add(other.0[at])
        }))
    }
}

/// What it costs to let a holder go.
pub trait VictimCost {
    /// The cost of one victim; that of several is the sum.
    fn cost(&self, state: &State, id: ReservationId, victim: &Reservation, now: Timestamp) -> Cost;
}

/// The default: by priority, then by the run time that is lost (milli-cores times nanoseconds since it began), then by
/// size (the largest part of a kind of a resource that it holds, in millionths, added up over resources), then the
/// newest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LeastLost;

impl VictimCost for LeastLost {
    fn cost(&self, state: &State, _: ReservationId, victim: &Reservation, now: Timestamp) -> Cost {
        let ran = age(victim, now).as_nanos();
        let cores = victim.holds().total().get(Kind::CPU);
        let lost = if victim.is_confirmed() {
            u128::from(cores).saturating_mul(ran)
        } else {
            0
        };
        Cost([
            above_the_lowest(victim.priority()),
            lost,
            size(state, victim),
            now.since(victim.reserved_at()).as_nanos(),
        ])
    }
}

/// How far a priority is above the lowest there is.
fn above_the_lowest(priority: Priority) -> u128 {
    u128::from(priority.0.abs_diff(i32::MIN))
}

fn size(state: &State, victim: &Reservation) -> u128 {
    let of_resource = |hold: &cloudlot_core::ledger::Hold| {
        let limit = state.limit(hold.resource());
        let part = |(kind, amount): (Kind, u64)| {
            u128::from(amount) * 1_000_000 / u128::from(limit.get(kind).max(1))
        };
        hold.iter().map(part).max().unwrap_or(0)
    };
    let parts = victim.holds().iter().map(of_resource);
    parts.fold(0, u128::saturating_add)
}

/// How long it has had what it holds.
fn age(victim: &Reservation, now: Timestamp) -> Duration {
    now.since(victim.span().from)
}

/// When a holder may be told to go for somebody else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreemptRules {
    /// By how much its priority has to be below that of whoever comes. At least one: equals do not push each other out,
    /// and so nobody is pushed out in a circle.
    pub gap: NonZeroU32,
    /// How long it may stay once it was told to go.
    pub grace: Duration,
    /// How long it may run undisturbed, from the start of its time.
    pub min_run: Duration,
    /// What groups of holders put up with; a victim must be within all of them.
    pub budgets: Vec<Budget>,
}

impl Default for PreemptRules {
    /// One step of priority, no grace, no time undisturbed, no budgets.
    fn default() -> Self {
        Self {
            gap: NonZeroU32::MIN,
            grace: Duration::ZERO,
            min_run: Duration::ZERO,
            budgets: Vec::new(),
        }
    }
}

/// A holder that was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Considered {
    /// Who.
    pub reservation: ReservationId,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a holder that was looked at, and why.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// It has to go.
    Victim,
    /// It could have gone, and others do instead, or it would not have helped.
    Spared,
    /// Its priority is not far enough below.
    Priority {
        /// Its priority.
        has: Priority,
    },
    /// It has not run as long as it may undisturbed.
    Young {
        /// When it will have.
        until: Timestamp,
    },
    /// It was told to go already; what it frees is promised to another.
    Leaving,
    /// All that it holds is on resources that take nothing new, so that nobody could come in its place.
    FreesNothing,
    /// Its group puts up with no more.
    Budget {
        /// Which budget, from 0 in [`PreemptRules::budgets`].
        budget: usize,
    },
}

/// A holder that may go.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) id: ReservationId,
    pub(super) cost: Cost,
    /// The budgets that it counts in.
    pub(super) budgets: Vec<usize>,
}

/// All holders, sorted into those who may go and those who may not.
pub(super) struct Field {
    /// The cheapest first.
    pub(super) candidates: Vec<Candidate>,
    /// How many evictions each budget still allows.
    pub(super) left: Vec<u32>,
    pub(super) exempt: Vec<Considered>,
}

impl Field {
    pub(super) fn survey(
        state: &State,
        priority: Priority,
        rules: &PreemptRules,
        disruptions: &Disruptions,
        cost: &dyn VictimCost,
        now: Timestamp,
    ) -> Self {
        let budgets = rules.budgets.iter();
        let left: Vec<u32> = budgets
            .map(|budget| disruptions.left(state, budget, now))
            .collect();
        let mut field = Self {
            candidates: Vec::new(),
            left,
            exempt: Vec::new(),
        };
        for (id, holder) in state.reservations() {
            let budgets: Vec<usize> = (0..rules.budgets.len())
                .filter(|budget| rules.budgets[*budget].members.include(state, holder))
                .collect();
            let spent = budgets.iter().find(|budget| field.left[**budget] == 0);
            let spent = spent.map(|budget| Verdict::Budget { budget: *budget });
            match exempt(state, holder, priority, rules, now).or(spent) {
                Some(verdict) => field.exempt.push(Considered {
                    reservation: id,
                    verdict,
                }),
                None => field.candidates.push(Candidate {
                    id,
                    cost: cost.cost(state, id, holder, now),
                    budgets,
                }),
            }
        }
        field
            .candidates
            .sort_by_key(|candidate| (candidate.cost, candidate.id));
        field
    }
}

/// Why a holder may not be told to go, whatever its groups put up with.
fn exempt(
    state: &State,
    holder: &Reservation,
    priority: Priority,
    rules: &PreemptRules,
    now: Timestamp,
) -> Option<Verdict> {
    let has = holder.priority();
    let below = i64::from(priority.0) - i64::from(has.0) >= i64::from(rules.gap.get());
    let until = holder.span().from + rules.min_run;
    let open = |hold: &cloudlot_core::ledger::Hold| state.takes_new(hold.resource());
    if holder.is_evicting() {
        Some(Verdict::Leaving)
    } else if !below {
        Some(Verdict::Priority { has })
    } else if !holder.holds().iter().any(open) {
        Some(Verdict::FreesNothing)
    } else if holder.span().from <= now && now < until {
        Some(Verdict::Young { until })
    } else {
        None
    }
}

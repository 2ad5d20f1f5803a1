//! How much disruption a group of holders puts up with.

use cloudlot_core::ledger::{Reservation, State};
use cloudlot_core::{Label, OwnerPath, ReservationId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A group of holders, and how many of them may be disturbed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Budget {
    /// Who belongs to the group.
    pub members: Members,
    /// How much it puts up with.
    pub allows: Allowance,
}

/// Who belongs to a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Members {
    /// Everybody.
    Everyone,
    /// An owner and everybody below.
    Owner(OwnerPath),
    /// Whoever bears a label.
    Label(Label),
}

/// How much disruption a group puts up with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Allowance {
    /// So many evictions in any stretch of time of a length. The stretch is half-open: what was evicted at `t` counts
    /// before `t + within`.
    Evictions {
        /// How many.
        most: u32,
        /// The length of the stretch.
        within: Duration,
    },
    /// So many members away at once: told to go, or gone and not yet replaced.
    Down {
        /// How many.
        most: u32,
    },
}

impl Members {
    /// Whether a holder belongs to the group.
    #[must_use]
    pub fn include(&self, state: &State, holder: &Reservation) -> bool {
        match self {
            Self::Everyone => true,
            Self::Owner(owner) => state
                .owner(holder.owner())
                .is_some_and(|path| is_within(path, owner)),
            Self::Label(label) => holder.terms().is_some_and(|terms| terms.labels.has(label)),
        }
    }
}

pub(super) fn is_within(path: &OwnerPath, outer: &OwnerPath) -> bool {
    path.ancestors().any(|above| above == outer.as_str())
}

/// What was evicted of late, for budgets to count. Whoever commits a plan that evicts notes it here.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Disruptions {
    past: BTreeMap<ReservationId, Disruption>,
}

#[derive(Clone, PartialEq, Debug)]
struct Disruption {
    holder: Reservation,
    at: Timestamp,
    away: bool,
}

impl Disruptions {
    /// Nothing has been evicted.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            past: BTreeMap::new(),
        }
    }

    /// Notes that a holder was told to go at `now`.
    pub fn note(&mut self, id: ReservationId, holder: &Reservation, now: Timestamp) {
        let disruption = Disruption {
            holder: holder.clone(),
            at: now,
            away: true,
        };
        self.past.insert(id, disruption);
    }

    /// The work of an evicted holder runs again elsewhere, or is over: it is away no more.
    pub fn restored(&mut self, id: ReservationId) {
        if let Some(disruption) = self.past.get_mut(&id) {
            disruption.away = false;
        }
    }

    /// Forgets what happened before a moment, but for those who are still away.
    pub fn forget(&mut self, before: Timestamp) {
        self.past
            .retain(|_, disruption| disruption.away || disruption.at >= before);
    }

    /// How many more evictions a budget allows at `now`.
    pub(super) fn left(&self, state: &State, budget: &Budget, now: Timestamp) -> u32 {
        let theirs = self
            .past
            .iter()
            .filter(|(_, disruption)| budget.members.include(state, &disruption.holder));
        let (most, counted) = match budget.allows {
            Allowance::Evictions { most, within } => {
                let recent = theirs.filter(|(_, disruption)| now < disruption.at + within);
                (most, recent.count())
            }
            Allowance::Down { most } => {
                let away = theirs.filter(|(_, disruption)| disruption.away);
                let mut away: BTreeSet<ReservationId> = away.map(|(id, _)| *id).collect();
                let leaving = state.reservations().filter(|(_, holder)| {
                    holder.is_evicting() && budget.members.include(state, holder)
                });
                away.extend(leaving.map(|(id, _)| id));
                (most, away.len())
            }
        };
        most.saturating_sub(u32::try_from(counted).unwrap_or(u32::MAX))
    }
}

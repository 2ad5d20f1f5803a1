//! How much disruption a group of holders puts up with.

use cloudlot_core::ledger::{Reservation, State, Why};
use cloudlot_core::{Label, OwnerPath, ReservationId, Terms, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
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
        state
            .owner(holder.owner())
            .is_some_and(|owner| self.are(owner, holder.terms()))
    }

    fn are(&self, owner: &OwnerPath, terms: Option<&Arc<Terms>>) -> bool {
        match self {
            Self::Everyone => true,
            Self::Owner(outer) => is_within(owner, outer),
            Self::Label(label) => terms.is_some_and(|terms| terms.labels.has(label)),
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
    owner: OwnerPath,
    terms: Option<Arc<Terms>>,
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

    /// Notes that a holder is told to go at `now`: asked of a state in which it still is.
    ///
    /// # Errors
    /// [`Why::Gone`].
    pub fn note(&mut self, state: &State, id: ReservationId, now: Timestamp) -> Result<(), Why> {
        let holder = state.reservation(id).ok_or(Why::Gone(id))?;
        let disruption = Disruption {
            owner: state.owner(holder.owner()).cloned().unwrap_or_default(),
            terms: holder.terms().cloned(),
            at: now,
            away: true,
        };
        self.past.insert(id, disruption);
        Ok(())
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
            .filter(|(_, past)| budget.members.are(&past.owner, past.terms.as_ref()));
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

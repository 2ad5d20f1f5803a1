//! What would wake a request that was refused, and what has happened that might.

use crate::place::Reason;
use cloudlot_core::ledger::{Change, Entry, State, Why};
use cloudlot_core::{Amounts, Timestamp};

/// What may turn a refusal into a grant. Until one of these happens, asking again gives the same answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WakeOn {
    /// Something of one of these kinds is freed, as a bit set by [`Kind::index`](cloudlot_core::Kind::index).
    pub freed: u32,
    /// A resource comes, changes, or takes new work again.
    pub resources: bool,
    /// An owner's limit changes.
    pub limits: bool,
    /// Work with labels or affinities comes or goes.
    pub company: bool,
    /// Anything changes at all.
    pub anything: bool,
    /// This moment.
    pub at: Option<Timestamp>,
}

impl WakeOn {
    /// Any change.
    pub const ANYTHING: Self = Self {
        freed: u32::MAX,
        resources: true,
        limits: true,
        company: true,
        anything: true,
        at: None,
    };

    /// What would wake a request that takes `wants` and was refused for `reason`.
    pub(crate) fn after(reason: &Reason, wants: &Amounts, is_social: bool) -> Self {
        let resources = Self {
            resources: true,
            ..Self::default()
        };
        match reason {
            Reason::Never(_) | Reason::Unavailable(_) => resources,
            Reason::Full { .. } | Reason::InAll { .. } | Reason::TooFew { .. } => Self {
                freed: wants.mask(),
                company: is_social,
                ..resources
            },
            Reason::Ledger(Why::Limit { .. }) => Self {
                freed: wants.mask(),
                limits: true,
                ..Self::default()
            },
            // What has passed does not come back.
            Reason::Ledger(Why::TooLate(_)) => Self::default(),
            Reason::Filtered { .. } | Reason::Ledger(_) => Self::ANYTHING,
        }
    }

    /// Whether one of these things has happened.
    #[must_use]
    pub fn is_met_by(&self, happened: &Happened, now: Timestamp) -> bool {
        self.freed & happened.freed != 0
            || self.resources && happened.resources
            || self.limits && happened.limits
            || self.company && happened.company
            || self.anything && happened.anything
            || self.at.is_some_and(|at| at <= now)
    }
}

/// What has happened to a ledger since somebody last looked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Happened {
    pub(crate) freed: u32,
    pub(crate) resources: bool,
    pub(crate) limits: bool,
    pub(crate) company: bool,
    pub(crate) anything: bool,
}

impl Happened {
    /// Everything may have.
    pub(crate) const EVERYTHING: Self = Self {
        freed: u32::MAX,
        resources: true,
        limits: true,
        company: true,
        anything: true,
    };

    /// Notes an entry; `before` is the state that it changed.
    pub(crate) fn note(&mut self, before: &State, entry: &Entry) {
        self.anything = true;
        match &entry.change {
            Change::KindAdded { .. }
            | Change::ResourceAdded { .. }
            | Change::ResourceChanged { .. }
            | Change::StateSet { .. }
            | Change::ResourceRemoved { .. } => self.resources = true,
            Change::LimitSet { .. } => self.limits = true,
            Change::Reserved { reservation, .. } => self.company |= reservation.terms().is_some(),
            Change::Resized { id, .. } | Change::Evicting { id, .. } | Change::Ended { id, .. } => {
                if let Some(reservation) = before.reservation(*id) {
                    self.freed |= reservation.holds().total().mask();
                    self.company |= reservation.terms().is_some();
                }
            }
            Change::OwnerAdded { .. }
            | Change::Confirmed { .. }
            | Change::Extended { .. }
            | Change::Advanced { .. } => {}
        }
    }

    /// Whether nothing has.
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

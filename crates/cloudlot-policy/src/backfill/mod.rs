//! Who of a queue starts now, so that nobody waits longer than was promised: strict order, EASY and conservative backfill.
//!
//! A [`Forecast`] is a ledger's time axis with estimates: what will be free where, if everybody leaves when they said. [`plan`] looks at a
//! queue on it and gives a [`Schedule`]: who starts now and where, who has a reservation and for when, who can never start, and who
//! has outstayed an estimate. Both are pure: they read a state, and the caller commits what is to start.
//!
//! Left to others: the order of the queue ([`Order`] has the usual ones), where a request goes ([`Placer`], with [`FirstFit`]), who may have
//! how much, and carrying out. [`replay`] does all of it in virtual time, to try rules on a trace; [`swf`] reads such traces.

mod estimate;
mod forecast;
mod order;
mod placer;
mod replay;
mod room;
mod row;
mod schedule;
mod steps;
pub mod swf;

pub use estimate::{Estimates, Overdue};
pub use forecast::{Forecast, Mark};
pub use order::Order;
pub use placer::{FirstFit, Placer};
pub use replay::{Head, Instant, Job, Outcome, Replayed, Rules, bounded_slowdown, replay};
pub use room::Room;
pub use schedule::{Assigned, Config, Mode, Schedule, Waiting, plan};

use cloudlot_core::Timestamp;
use cloudlot_core::ledger::Placement;

/// A start of a request: when and where.
#[derive(Clone, PartialEq, Debug)]
pub struct Slot {
    /// When it starts.
    pub at: Timestamp,
    /// When it ends, by estimate; the first moment after.
    pub until: Timestamp,
    /// Where.
    pub placement: Placement,
}

/// Why a request can never start, as things are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoStart {
    /// It finds no place even when everything that has an end has ended.
    #[error("no place has room for it, now or later")]
    NoPlace,
    /// It would not be over by the end of its window.
    #[error("it would not be over by {until:?}, the end of its window")]
    TooLate {
        /// The end of its window.
        until: Timestamp,
    },
}

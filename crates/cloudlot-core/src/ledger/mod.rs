//! The reservation ledger: a state machine that is told the time and loses nothing.
//!
//! # Look, decide, do, tell
//! A [`Ledger`] holds the truth, its [`State`]. A planner looks at a [`View`], its own copy, which
//! [`View::sync`] brings up to date by the entries since. It decides in a [`Draft`], which checks every step against
//! the view and what the plan took already, and ends in a [`Plan`]. [`Ledger::commit`] carries the plan out whole or
//! not at all. Every change is an [`Entry`] of the [`Journal`]; [`Ledger::replay`] of the entries gives the same state.
//! [`audit`] counts everything again and says what is wrong.
//!
//! # What holds
//! - No grant takes a row above its limit. After a capacity shrank the excess is reported
//!   ([`State::overfull`]), grows by no step, and blocks whatever takes of that kind.
//! - A reservation ends once: released, expired or evicted. Intervals are half-open: what ends at `t` is gone at `t`.
//! - Every method that is given a `now` first ends what ends at or before it. Time does not run backwards: an earlier `now`
//!   counts as the latest one ([`Ledger::backwards`] says how often).
//! - A request that comes again under its key gets the answer that it got.
//! - A resource that fails keeps its holds until they are evicted or released, or it returns.
//!
//! ```
//! use cloudlot_core::ledger::Ledger;
//! use cloudlot_core::{Request, Resource, Timestamp, cores, gib};
//! use std::time::Duration;
//!
//! let mut ledger = Ledger::new();
//! let start = Timestamp::ZERO;
//! let node = ledger.add(Resource::node("n1").capacity([cores(16), gib(64)]).build()?, start)?;
//!
//! let web = Request::new("web").part([cores(2), gib(4)]).hold_for(Duration::from_secs(30)).build()?;
//! let first = ledger.reserve(&web, node, start)?;
//! let second = ledger.reserve(&web, node, start)?;
//! ledger.confirm(first.id, start + Duration::from_secs(1))?;
//!
//! // The second was never confirmed: it ends by itself.
//! assert_eq!(ledger.next_deadline(), Some(start + Duration::from_secs(30)));
//! ledger.expire(start + Duration::from_secs(30));
//! assert!(ledger.state().reservation(second.id).is_none());
//! ledger.release(first.id, start + Duration::from_secs(60))?;
//! assert_eq!(ledger.state().free(node), ledger.state().limit(node));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admin;
mod assembly;
mod audit;
mod charge;
mod commit;
mod company;
mod deadlines;
mod draft;
mod entry;
mod grant;
mod groups;
mod holds;
mod index;
mod journal;
mod keys;
mod machine;
mod owners;
mod placement;
mod plan;
mod read;
mod record;
mod recorder;
mod records;
mod replay;
mod reservation;
mod restore;
mod rows;
mod rules;
mod shared;
mod slab;
mod state;
mod suits;
mod tally;
mod timeline;
mod usage;
mod view;
mod why;

pub use admin::AdminError;
pub use assembly::Assembly;
pub use audit::{Violation, audit};
pub use draft::{Draft, Mark};
pub use entry::{Change, End, Entry};
pub use grant::Grant;
pub use groups::Group;
pub use holds::{Hold, Holds};
pub use journal::{Journal, Overrun};
pub use machine::{Ledger, LedgerConfig};
pub use placement::{Piece, Placement};
pub use plan::{Booking, Guard, Plan, Refusal, Row, Step};
pub use read::{Activity, Overfull};
pub use record::{HoldRecord, KeyRecord, Record, RecordName, ReservationRecord};
pub use recorder::{RecordChanges, Recorder};
pub use replay::{Checkpoint, ReplayError};
pub use reservation::{Reservation, Stage};
pub use restore::{RestoreError, RestoreProblem};
pub use shared::SharedLedger;
pub use state::State;
pub use timeline::Span;
pub use view::{Synced, View};
pub use why::{CommitError, Why};

//! One ledger for many threads: each planner has a view of its own, plans outside the lock, and commits inside it.

use super::grant::Grant;
use super::machine::Ledger;
use super::plan::Plan;
use super::view::{Synced, View};
use super::why::CommitError;
use crate::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;

/// A ledger that many threads share; a clone is the same ledger.
///
/// Commits are optimistic: a plan that was made on an old view is carried out if it is still legal, and refused whole if
/// not; the planner then syncs and plans again. The lock is held for a check and a change, never for planning.
///
/// ```
/// use cloudlot_core::ledger::{CommitError, Ledger, Placement, SharedLedger};
/// use cloudlot_core::{Request, Resource, Timestamp, cores};
///
/// let now = Timestamp::ZERO;
/// let mut ledger = Ledger::new();
/// let node = ledger.add(Resource::node("n1").capacity([cores(8)]).build()?, now)?;
/// let shared = SharedLedger::new(ledger);
/// let request = Request::new("job").part([cores(1)]).build()?;
///
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| {
///             let mut view = shared.view();
///             for _ in 0..2 {
///                 loop {
///                     let mut draft = view.draft(now);
///                     draft.reserve(&request, &Placement::on(node)).expect("eight jobs fit");
///                     let plan = draft.finish();
///                     if shared.commit(&plan, now).is_ok() {
///                         break;
///                     }
///                     shared.sync(&mut view, now);
///                 }
///             }
///         });
///     }
/// });
/// assert_eq!(shared.with(|ledger| ledger.state().reservation_count()), 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    /// Shares a ledger.
    #[must_use]
    pub fn new(ledger: Ledger) -> Self {
        Self(Arc::new(Mutex::new(ledger)))
    }

    /// A copy to plan on, of the ledger as it is now.
    #[must_use]
    pub fn view(&self) -> View {
        View::of(&self.0.lock())
    }

    /// Ends what ends at or before `now`, and brings a planner's view up to date.
    pub fn sync(&self, view: &mut View, now: Timestamp) -> Synced {
        let mut ledger = self.0.lock();
        ledger.expire(now);
        view.sync(&ledger)
    }

    /// [`Ledger::commit`].
    ///
    /// # Errors
    /// As there; after [`CommitError::Stale`] or [`CommitError::Step`], sync and plan again.
    pub fn commit(&self, plan: &Plan, now: Timestamp) -> Result<Vec<Grant>, CommitError> {
        self.0.lock().commit(plan, now)
    }

    /// Does something with the ledger while nobody else can: confirm, release, expire, look. Keep it short.
    pub fn with<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        act(&mut self.0.lock())
    }
}

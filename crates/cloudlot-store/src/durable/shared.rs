//! One ledger for many threads: whoever waits lets the others decide meanwhile, and they share the next commit.

use super::{DurableLedger, Pending, Unsettled};
use crate::LedgerStore;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A [`DurableLedger`] that threads share. Clones are handles of the same ledger.
///
/// ```
/// use cloudlot_core::{Request, RequestKey, Resource, Timestamp, cores};
/// use cloudlot_store::MemoryStore;
/// use cloudlot_store::durable::{DurableConfig, DurableLedger, SharedLedger};
///
/// let now = Timestamp::ZERO;
/// let ledger = DurableLedger::open(MemoryStore::default(), DurableConfig::default(), now)?;
/// let ledger = SharedLedger::new(ledger);
/// let added = ledger.lock().add(Resource::node("n1").capacity([cores(64)]).build()?, now)?;
/// let node = ledger.wait(&added)?;
/// std::thread::scope(|scope| {
///     for caller in 0..8 {
///         let ledger = &ledger;
///         scope.spawn(move || {
///             let request = Request::new("web").key(RequestKey(caller)).part([cores(1)]).build().unwrap();
///             let reserved = ledger.lock().reserve(&request, node, now).unwrap();
///             ledger.wait(&reserved).unwrap() // durable, maybe together with others
///         });
///     }
/// });
/// assert_eq!(ledger.lock().provisional().state().reservation_count(), 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SharedLedger<S>(Arc<Mutex<DurableLedger<S>>>);

impl<S> Clone for SharedLedger<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: LedgerStore> SharedLedger<S> {
    /// Shares a ledger.
    #[must_use]
    pub fn new(ledger: DurableLedger<S>) -> Self {
        Self(Arc::new(Mutex::new(ledger)))
    }

    /// The ledger, to decide something. Nobody else decides as long as this is held.
    pub fn lock(&self) -> MutexGuard<'_, DurableLedger<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`DurableLedger::wait`], without keeping others from deciding.
    ///
    /// # Errors
    /// As [`DurableLedger::wait`].
    pub fn wait<T: Clone>(&self, pending: &Pending<T>) -> Result<T, Unsettled> {
        loop {
            let (under_way, patience) = {
                let mut ledger = self.lock();
                ledger.poll();
                if let Some(known) = ledger.answer(pending) {
                    return known;
                }
                (ledger.queue.under_way(), ledger.config.patience)
            };
            let Some((batch, ticket)) = under_way else {
                continue;
            };
            drop(ticket.wait(patience));
            let mut ledger = self.lock();
            // Somebody else may have seen the answer first, and another batch may be under way by now.
            if ledger
                .queue
                .under_way()
                .is_some_and(|(now, _)| now == batch)
            {
                ledger.settle(Duration::ZERO);
            }
        }
    }
}

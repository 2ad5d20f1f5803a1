//! Answers that come later: a [`Ticket`] for the caller, a [`Promise`] for the store.

use crate::{RecordKey, Revision, Version};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// What became of a submitted batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is durable, whole.
    Committed(Revision),
    /// A guard did not hold; nothing was written.
    Conflict {
        /// The record, the first by key.
        key: RecordKey,
        /// Its version; `None` if there is no such record.
        found: Option<Version>,
    },
    /// Surely nothing was written, and nothing will be; the same batch may be sent again.
    NotExecuted(NotExecuted),
    /// It may have been committed, or not, or will be: look it up by its key.
    Unknown,
}

/// Why a batch was not executed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotExecuted {
    /// The queue is full.
    #[error("{waiting} batches are waiting already")]
    Full {
        /// Batches in the queue.
        waiting: usize,
    },
    /// The store failed, now or earlier, and takes nothing until it is opened again.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

type Slot = (Mutex<Option<Outcome>>, Condvar);

/// A claim on the [`Outcome`] of one batch.
///
/// A ticket that is dropped changes nothing: the batch goes its way.
#[derive(Clone, Debug)]
pub struct Ticket(Arc<Slot>);

impl Ticket {
    /// A ticket whose answer is here already.
    #[must_use]
    pub fn answered(outcome: Outcome) -> Self {
        let (promise, ticket) = promise();
        promise.keep(outcome);
        ticket
    }

    /// The outcome, waited for at most for `limit`; [`Outcome::Unknown`] after that.
    ///
    /// The answer may still come: a later call may tell it.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> Outcome {
        let (slot, told) = &*self.0;
        let guard = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let (guard, _) = told
            .wait_timeout_while(guard, limit, |outcome| outcome.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        guard.clone().unwrap_or(Outcome::Unknown)
    }

    /// The outcome, if it is known.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        let (slot, _) = &*self.0;
        slot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The other end of a [`Ticket`]. Dropped without an answer, it tells [`Outcome::Unknown`].
#[derive(Debug)]
pub struct Promise(Option<Arc<Slot>>);

impl Promise {
    /// Tells the outcome.
    pub fn keep(mut self, outcome: Outcome) {
        self.tell(outcome);
    }

    fn tell(&mut self, outcome: Outcome) {
        let Some(slot) = self.0.take() else { return };
        *slot.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        slot.1.notify_all();
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.tell(Outcome::Unknown);
    }
}

/// A pair: the store keeps the promise, the caller waits on the ticket.
#[must_use]
pub fn promise() -> (Promise, Ticket) {
    let slot = Arc::<Slot>::default();
    (Promise(Some(Arc::clone(&slot))), Ticket(slot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_tells_what_was_promised_however_often() {
        let (promise, ticket) = promise();
        assert_eq!(ticket.outcome(), None);
        assert_eq!(ticket.wait(Duration::ZERO), Outcome::Unknown);
        let outcome = Outcome::Committed(Revision::new(3));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| ticket.wait(Duration::MAX));
            promise.keep(outcome.clone());
            assert_eq!(waiting.join().unwrap(), outcome);
        });
        assert_eq!(ticket.wait(Duration::ZERO), outcome);
        assert_eq!(ticket.outcome(), Some(outcome));
    }

    #[test]
    fn a_broken_promise_is_an_unknown_outcome() {
        let (promise, ticket) = promise();
        drop(promise);
        assert_eq!(ticket.outcome(), Some(Outcome::Unknown));
    }
}

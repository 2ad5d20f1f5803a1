//! A ledger that survives: every answer is durable before it is given.
//!
//! A [`DurableLedger`] decides in memory and keeps [records](cloudlot_core::ledger::Record) in a [`LedgerStore`]. What
//! was decided is *provisional* until the store has it: a [`Pending`] keeps the answer back so long, and
//! [`DurableLedger::wait`] gives it out. Further work is decided on the provisional state meanwhile, and gathers; one
//! batch is under way at a time, and the next one takes along all that gathered, so that many callers share a commit.
//!
//! Every batch writes the head record and is guarded by the version of it that the one before left. So batches follow
//! each other without a gap, one writer at a time, and a request that was lost on its way can do nothing once
//! another batch was written.
//!
//! When the store conflicts, fails, or does not answer, the ledger stops: nothing more is granted. What is pending is
//! undecided until [`DurableLedger::recover`] has read the store anew, has put an end to batches that are still on their way,
//! and has looked up what became of the last one. After that every pending answer is either durable or has never happened.
//!
//! ```
//! use cloudlot_core::{Request, RequestKey, Resource, Timestamp, cores};
//! use cloudlot_store::MemoryStore;
//! use cloudlot_store::durable::{DurableConfig, DurableLedger};
//!
//! let (store, now) = (MemoryStore::default(), Timestamp::ZERO);
//! let mut ledger = DurableLedger::open(store.clone(), DurableConfig::default(), now)?;
//! let added = ledger.add(Resource::node("n1").capacity([cores(16)]).build()?, now)?;
//! let node = ledger.wait(&added)?;
//! let web = Request::new("web").key(RequestKey(7)).part([cores(2)]).build()?;
//! let reserved = ledger.reserve(&web, node, now)?; // decided; others may follow at once
//! let grant = ledger.wait(&reserved)?; // durable
//!
//! drop(ledger); // or kill -9
//! let ledger = DurableLedger::open(store, DurableConfig::default(), now)?;
//! let again = ledger.provisional().find_key(RequestKey(7)).expect("nothing acknowledged is lost");
//! assert_eq!(again.until, grant.until);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod open;
mod operations;
mod pending;
mod queue;
mod shared;
mod stage;
mod writes;

pub use error::{OpenError, Refused, Stop, Unsettled};
pub use open::Recovered;
pub use pending::Pending;
pub use shared::SharedLedger;

use crate::LedgerStore;
use cloudlot_core::ledger::{Ledger, LedgerConfig, RecordName, Recorder};
use pending::Fates;
use queue::Queue;
use std::time::Duration;
use writes::Pieces;

/// How much a durable ledger remembers, and how long it waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DurableConfig {
    /// What the ledger remembers. Ended keys are records of the store.
    pub ledger: LedgerConfig,
    /// How long the store may take to answer; after that the outcome is unknown and the ledger stops.
    pub patience: Duration,
}

impl Default for DurableConfig {
    /// The ledger's own, and ten seconds.
    fn default() -> Self {
        Self {
            ledger: LedgerConfig::default(),
            patience: Duration::from_secs(10),
        }
    }
}

/// A [`Ledger`] whose answers are durable before they are given. See the [module](self).
#[derive(Debug)]
pub struct DurableLedger<S> {
    store: S,
    config: DurableConfig,
    ledger: Ledger,
    recorder: Recorder,
    pieces: Pieces,
    queue: Queue,
    fates: Fates,
    stop: Option<Stop>,
}

impl<S: LedgerStore> DurableLedger<S> {
    /// The ledger as it was decided last, whether it is durable yet or not: for planners of this same writer, whose
    /// plans come to [`DurableLedger::commit`]. What others may see is what was acknowledged.
    #[must_use]
    pub fn provisional(&self) -> &Ledger {
        &self.ledger
    }

    /// Whether everything that was decided is durable.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.queue.is_empty()
    }

    /// Why the ledger grants nothing until [`DurableLedger::recover`]; `None` as long as all is well.
    #[must_use]
    pub fn stopped(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// The store, for what a ledger has nothing to do with: exports, compaction.
    ///
    /// Whoever writes to it stops the ledger.
    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// Gives the store back. What is not durable yet may be lost or not.
    pub fn into_store(self) -> S {
        self.store
    }

    /// Waits until what is pending is durable, and gives the answer.
    ///
    /// # Errors
    /// [`Unsettled::Stopped`] if the store failed before that was known: ask again after [`DurableLedger::recover`].
    /// [`Unsettled::Lost`] if it has never happened, and [`Unsettled::Undecided`] if that cannot be known any more.
    pub fn wait<T: Clone>(&mut self, pending: &Pending<T>) -> Result<T, Unsettled> {
        loop {
            if let Some(known) = self.answer(pending) {
                return known;
            }
            self.settle(self.config.patience);
            self.submit();
        }
    }

    /// What is known of a pending answer; `None` if that takes waiting.
    fn answer<T: Clone>(&self, pending: &Pending<T>) -> Option<Result<T, Unsettled>> {
        if let Some(fate) = self.fates.of(pending.number) {
            return Some(fate.map(|()| pending.value.clone()));
        }
        let stop = self.stop.clone()?;
        Some(Err(Unsettled::Stopped(stop)))
    }

    /// Waits until everything that was decided is durable.
    ///
    /// # Errors
    /// [`Unsettled::Stopped`] if the store fails before that.
    pub fn flush(&mut self) -> Result<(), Unsettled> {
        while self.stop.is_none() && !self.queue.is_empty() {
            self.settle(self.config.patience);
            self.submit();
        }
        self.stop
            .clone()
            .map_or(Ok(()), |stop| Err(Unsettled::Stopped(stop)))
    }

    /// Takes note of what the store has answered meanwhile and hands it the next batch, without waiting.
    pub fn poll(&mut self) {
        if self.queue.is_answered() {
            self.settle(Duration::ZERO);
        }
        self.submit();
    }

    /// Waits for the batch that is under way, if there is one.
    fn settle(&mut self, limit: Duration) {
        match self.queue.settle(limit) {
            Ok(Some(durable)) => self.fates.durable(durable),
            Ok(None) => {}
            Err(stop) => self.stop = Some(stop),
        }
    }

    /// Hands the store the next batch, if nothing is under way.
    fn submit(&mut self) {
        if self.stop.is_none() {
            let head = self.ledger.find_record(&RecordName::Ledger);
            let head = head.as_ref().map(writes::encoded);
            self.queue.submit(&mut self.store, head);
        }
    }

    /// Queues what has changed since the last call, as one piece of work: all of it happens or nothing.
    fn take_down(&mut self) {
        let changes = self.recorder.follow(&self.ledger);
        if !changes.is_empty() {
            let writes = self.pieces.writes(&changes);
            let number = self.fates.decide();
            self.queue.push(writes, number);
        }
        self.poll();
    }
}

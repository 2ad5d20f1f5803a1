//! A store behind a bad line: answers get lost, requests get lost, requests come late.

use crate::{
    Batch, BatchKey, Changes, Contents, LedgerStore, Lookup, NotExecuted, Outcome, Revision,
    StoreError, Ticket,
};

/// What happens to one batch on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nothing.
    None,
    /// The request never arrives, and the caller can not know.
    RequestLost,
    /// The request never left, and the caller is told so.
    Refused,
    /// The batch is executed and the answer does not come back.
    AnswerLost,
    /// The caller gives up; the batch arrives after everything that is asked next.
    Late,
}

/// A [`LedgerStore`] that wraps another and treats the batches as told, one after the other,
/// over and over.
#[derive(Debug)]
pub struct Flaky<S> {
    inner: S,
    faults: Vec<Fault>,
    next: usize,
    late: Vec<Batch>,
}

impl<S: LedgerStore> Flaky<S> {
    /// A bad line to `inner`.
    pub fn new(inner: S, faults: Vec<Fault>) -> Self {
        Self {
            inner,
            faults,
            next: 0,
            late: Vec::new(),
        }
    }

    /// The store itself, once what was late has arrived.
    pub fn into_inner(mut self) -> S {
        self.deliver();
        self.inner
    }

    fn deliver(&mut self) {
        for batch in std::mem::take(&mut self.late) {
            drop(self.inner.submit(batch));
        }
    }
}

impl<S: LedgerStore> LedgerStore for Flaky<S> {
    fn submit(&mut self, batch: Batch) -> Ticket {
        let fault = self
            .faults
            .get(self.next % self.faults.len().max(1))
            .copied();
        self.next += 1;
        let ticket = match fault.unwrap_or(Fault::None) {
            Fault::None => self.inner.submit(batch),
            Fault::RequestLost => Ticket::answered(Outcome::Unknown),
            Fault::Refused => {
                let why = NotExecuted::Failed("the connection was refused".into());
                Ticket::answered(Outcome::NotExecuted(why))
            }
            Fault::AnswerLost => {
                drop(self.inner.submit(batch));
                Ticket::answered(Outcome::Unknown)
            }
            Fault::Late => {
                self.deliver();
                self.late.push(batch);
                return Ticket::answered(Outcome::Unknown);
            }
        };
        self.deliver();
        ticket
    }

    fn load(&mut self) -> Result<Contents, StoreError> {
        let loaded = self.inner.load();
        self.deliver();
        loaded
    }

    fn changes(&mut self, after: Revision) -> Result<Changes, StoreError> {
        let changes = self.inner.changes(after);
        self.deliver();
        changes
    }

    fn lookup(&mut self, key: BatchKey) -> Result<Lookup, StoreError> {
        let found = self.inner.lookup(key);
        self.deliver();
        found
    }

    fn compact(&mut self, upto: Revision) -> Result<u64, StoreError> {
        let gone = self.inner.compact(upto);
        self.deliver();
        gone
    }
}

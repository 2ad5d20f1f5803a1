//! Work on its way to the store: one batch at a time, all that gathers meanwhile in the next.

use super::error::Stop;
use super::stage::{Room, Staged};
use super::writes::{Writes, batch_key, head_key};
use crate::{Batch, BatchKey, LedgerStore, Outcome, Ticket, Version};
use std::collections::VecDeque;
use std::time::Duration;

/// Writes that happen together.
#[derive(Clone, Debug)]
struct Work {
    writes: Writes,
    /// The number of what is durable with them; `None` if they only prepare or tidy up.
    settles: Option<u64>,
}

/// A batch that the store has.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) batch: Batch,
    pub(super) settles: Option<u64>,
    /// The head that it follows.
    pub(super) after: Option<Version>,
    ticket: Ticket,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Work>,
    flight: Option<Flight>,
    head: Option<Version>,
}

impl Queue {
    /// A queue for a store whose head has this version.
    pub(super) fn after(head: Option<Version>) -> Self {
        Self {
            head,
            ..Self::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.flight.is_none()
    }

    pub(super) fn flight(&self) -> Option<&Flight> {
        self.flight.as_ref()
    }

    /// The name of the batch that is under way, and the claim on its outcome.
    pub(super) fn under_way(&self) -> Option<(BatchKey, Ticket)> {
        let flight = self.flight.as_ref()?;
        Some((flight.batch.key(), flight.ticket.clone()))
    }

    pub(super) fn is_answered(&self) -> bool {
        let flight = self.flight.as_ref();
        flight.is_some_and(|flight| flight.ticket.outcome().is_some())
    }

    /// Puts work at the end: all of it is durable at once, when `number` is.
    pub(super) fn push(&mut self, writes: Writes, number: u64) {
        if Room::default().take(&writes) {
            return self.add(writes, Some(number));
        }
        let staged = Staged::of(writes);
        self.tidy(staged.stage);
        self.add(staged.decision, Some(number));
        self.tidy(staged.moves);
    }

    /// Puts work at the end that nobody waits for.
    pub(super) fn tidy(&mut self, batches: Vec<Writes>) {
        for writes in batches {
            self.add(writes, None);
        }
    }

    fn add(&mut self, writes: Writes, settles: Option<u64>) {
        self.waiting.push_back(Work { writes, settles });
    }

    /// Hands the store a batch of what waits, unless one is under way.
    pub(super) fn submit(&mut self, store: &mut impl LedgerStore, head: Option<Vec<u8>>) {
        if self.flight.is_some() || self.waiting.is_empty() {
            return;
        }
        let (mut writes, settles) = self.gather();
        writes.insert(head_key(), head);
        let batch = batch_after(self.head, writes);
        let ticket = store.submit(batch.clone());
        self.flight = Some(Flight {
            batch,
            settles,
            after: self.head,
            ticket,
        });
    }

    /// As much from the front as goes into one batch.
    fn gather(&mut self) -> (Writes, Option<u64>) {
        let (mut all, mut settles) = (Writes::new(), None);
        let mut room = Room::default();
        while self
            .waiting
            .front()
            .is_some_and(|work| room.take(&work.writes))
        {
            let Some(work) = self.waiting.pop_front() else {
                break;
            };
            all.extend(work.writes);
            settles = work.settles.or(settles);
        }
        (all, settles)
    }

    /// Waits for the batch that is under way: the number up to which all is durable now, if that is new.
    pub(super) fn settle(&mut self, limit: Duration) -> Result<Option<u64>, Stop> {
        let Some(flight) = &self.flight else {
            return Ok(None);
        };
        match flight.ticket.wait(limit) {
            Outcome::Committed(revision) => {
                self.head = Some(revision.into());
                Ok(self.flight.take().and_then(|flight| flight.settles))
            }
            Outcome::Conflict { key, found } => Err(Stop::Conflict { key, found }),
            Outcome::NotExecuted(why) => Err(Stop::NotExecuted(why)),
            Outcome::Unknown => Err(Stop::Unknown),
        }
    }
}

/// The batch of these writes that follows the head of that version.
pub(super) fn batch_after(head: Option<Version>, writes: Writes) -> Batch {
    let batch = Batch::of(batch_key(head, &writes));
    let batch = match head {
        Some(version) => batch.guard(head_key(), version),
        None => batch.absent(head_key()),
    };
    let batch = writes
        .into_iter()
        .fold(batch, |batch, (key, value)| match value {
            Some(value) => batch.put(key, value),
            None => batch.delete(key),
        });
    batch.build().expect("work that does not fit is staged")
}

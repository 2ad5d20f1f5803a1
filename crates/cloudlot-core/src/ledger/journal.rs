//! The last entries of a ledger, for those who follow it.

use super::entry::{Change, Entry};
use crate::{Revision, Timestamp};

/// A bounded ring of entries. The last one is always kept.
#[derive(Clone, Debug)]
pub struct Journal {
    // Once it is full, the oldest entry lies at `oldest` and is overwritten next.
    entries: Vec<Entry>,
    oldest: usize,
    capacity: usize,
    revision: Revision,
}

/// Entries that a follower would need are no longer there.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("entries after {after} are gone; the oldest that is left comes after {oldest}")]
pub struct Overrun {
    /// What was asked for.
    pub after: Revision,
    /// What could be asked for.
    pub oldest: Revision,
}

impl Journal {
    pub(crate) fn new(capacity: usize, revision: Revision) -> Self {
        Self {
            entries: Vec::new(),
            oldest: 0,
            capacity: capacity.max(1),
            revision,
        }
    }

    /// The number of the last change.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The entries after a revision, oldest first.
    ///
    /// # Errors
    /// [`Overrun`] if some of them have left the ring, or if the revision is in the future.
    pub fn since(&self, after: Revision) -> Result<impl ExactSizeIterator<Item = &Entry>, Overrun> {
        let missing = self.revision.number().checked_sub(after.number());
        let missing = missing.and_then(|missing| usize::try_from(missing).ok());
        match missing.filter(|missing| *missing <= self.entries.len()) {
            Some(missing) => Ok(self.last(missing)),
            None => Err(Overrun {
                after,
                oldest: Revision::new(self.revision.number() - self.entries.len() as u64),
            }),
        }
    }

    fn last(&self, count: usize) -> impl ExactSizeIterator<Item = &Entry> {
        let length = self.entries.len();
        (length - count..length).map(move |n| &self.entries[(self.oldest + n) % length])
    }

    /// Writes an entry in its place, and shows it there.
    #[inline]
    pub(crate) fn push(&mut self, at: Timestamp, change: Change) -> &Entry {
        self.revision = self.revision.next();
        let entry = Entry {
            revision: self.revision,
            at,
            change,
        };
        let place = if self.entries.len() < self.capacity {
            self.entries.push(entry);
            self.entries.len() - 1
        } else {
            let place = self.oldest;
            self.entries[place] = entry;
            self.oldest = if place + 1 == self.capacity {
                0
            } else {
                place + 1
            };
            place
        };
        &self.entries[place]
    }
}

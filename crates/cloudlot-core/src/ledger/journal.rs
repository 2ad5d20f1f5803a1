//! The last entries of a ledger, for those who follow it.

use super::entry::{Change, Entry};
use crate::{Revision, Timestamp};
use std::collections::VecDeque;

/// A bounded ring of entries.
#[derive(Clone, Debug)]
pub struct Journal {
    entries: VecDeque<Entry>,
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
            entries: VecDeque::new(),
            capacity,
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
            Some(missing) => Ok(self.entries.range(self.entries.len() - missing..)),
            None => Err(Overrun {
                after,
                oldest: Revision::new(self.revision.number() - self.entries.len() as u64),
            }),
        }
    }

    /// The entry that a change would be.
    #[inline]
    pub(crate) fn next(&self, at: Timestamp, change: Change) -> Entry {
        Entry {
            revision: self.revision.next(),
            at,
            change,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, entry: Entry) {
        self.revision = entry.revision;
        if self.capacity == 0 {
            return;
        }
        if self.entries.len() == self.capacity {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }
}

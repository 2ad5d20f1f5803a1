//! Which requests were granted: a request that comes again under its key gets the same answer.

use super::grant::Grant;
use crate::{RequestKey, ReservationId, Timestamp};
use std::collections::VecDeque;

#[expect(
    clippy::disallowed_types,
    reason = "a million keys want a hash table; it is never iterated, so that its order reaches nothing"
)]
type Table = std::collections::HashMap<RequestKey, Answer>;

/// What a key was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    pub(crate) digest: u64,
    pub(crate) id: ReservationId,
    pub(crate) until: Timestamp,
}

impl Answer {
    pub(crate) const fn grant(self) -> Grant {
        Grant {
            id: self.id,
            until: self.until,
        }
    }
}

/// Keys of live reservations, and the last ones of those that have ended.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    table: Table,
    // Keys of ended reservations, oldest first.
    ended: VecDeque<RequestKey>,
    keep: usize,
}

impl Keys {
    /// `keep`: how many ended keys to remember.
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            table: Table::default(),
            ended: VecDeque::new(),
            keep,
        }
    }

    pub(crate) fn get(&self, key: RequestKey) -> Option<Answer> {
        self.table.get(&key).copied()
    }

    pub(crate) fn granted(&mut self, key: RequestKey, digest: u64, grant: Grant) {
        let answer = Answer {
            digest,
            id: grant.id,
            until: grant.until,
        };
        self.table.insert(key, answer);
    }

    pub(crate) fn ended(&mut self, key: RequestKey) {
        self.ended.push_back(key);
        while self.ended.len() > self.keep {
            if let Some(oldest) = self.ended.pop_front() {
                self.table.remove(&oldest);
            }
        }
    }

    /// How many keys are remembered.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }
}

//! Which requests were granted: a request that comes again under its key gets the same answer.

use super::grant::Grant;
use super::record::KeyRecord;
use crate::{RequestKey, ReservationId, Timestamp};
use std::collections::VecDeque;
use std::num::NonZeroU64;

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
    /// Which ended later has the larger number; `None` while the reservation lives.
    pub(crate) ended: Option<NonZeroU64>,
}

impl Answer {
    pub(crate) const fn grant(self) -> Grant {
        Grant {
            id: self.id,
            until: self.until,
        }
    }

    pub(crate) const fn record(self, key: RequestKey) -> KeyRecord {
        KeyRecord {
            key,
            digest: self.digest,
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
    // The number that the next ended key gets.
    order: NonZeroU64,
}

impl Keys {
    /// `keep`: how many ended keys to remember.
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            table: Table::default(),
            ended: VecDeque::new(),
            keep,
            order: NonZeroU64::MIN,
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
            ended: None,
        };
        self.table.insert(key, answer);
    }

    pub(crate) fn ended(&mut self, key: RequestKey) {
        let order = self.order;
        self.order = order.saturating_add(1);
        if let Some(answer) = self.table.get_mut(&key) {
            answer.ended = Some(order);
        }
        self.ended.push_back(key);
        while self.ended.len() > self.keep {
            if let Some(oldest) = self.ended.pop_front() {
                self.table.remove(&oldest);
            }
        }
    }

    /// Takes an ended key over from a record; older ones come first.
    pub(crate) fn restore_ended(
        &mut self,
        key: RequestKey,
        digest: u64,
        grant: Grant,
        order: NonZeroU64,
    ) {
        self.order = order;
        self.granted(key, digest, grant);
        self.ended(key);
    }

    /// The ended keys that are remembered, oldest first.
    pub(crate) fn all_ended(&self) -> impl Iterator<Item = RequestKey> {
        self.ended.iter().copied()
    }

    /// The number of the oldest ended key that is remembered; `None` if there is none.
    pub(crate) fn oldest(&self) -> Option<NonZeroU64> {
        self.get(*self.ended.front()?)?.ended
    }

    /// How many keys are remembered.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }
}

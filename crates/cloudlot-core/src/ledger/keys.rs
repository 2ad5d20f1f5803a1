//! Which requests were granted: a request that comes again under its key gets the same answer.
//!
//! Answers of live reservations lie by the place of the reservation, those of ended ones in a ring, and one index of
//! keys leads to both: a million keys are cold, and whoever grants or ends touches no more of them than it must.

use super::grant::Grant;
use super::index::{At, Index, Place};
use super::record::KeyRecord;
use crate::{RequestKey, ReservationId, Timestamp};
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU64;

/// What a key was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    pub(crate) key: RequestKey,
    pub(crate) digest: u64,
    pub(crate) id: ReservationId,
    pub(crate) until: Timestamp,
    /// Which ended later has the larger number; `None` while the reservation lives.
    pub(crate) ended: Option<NonZeroU64>,
}

impl Answer {
    const fn of(key: RequestKey, digest: u64, grant: Grant, ended: Option<NonZeroU64>) -> Self {
        Self {
            key,
            digest,
            id: grant.id,
            until: grant.until,
            ended,
        }
    }

    pub(crate) const fn grant(self) -> Grant {
        Grant {
            id: self.id,
            until: self.until,
        }
    }

    pub(crate) const fn record(self) -> KeyRecord {
        KeyRecord {
            key: self.key,
            digest: self.digest,
            until: self.until,
        }
    }
}

/// Keys of live reservations, and the last ones of those that have ended.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    index: Index,
    // Clients choose the keys: nobody may choose them so that all meet in one place of the index.
    hasher: RandomState,
    // By the place of the reservation; one that has ended leaves its answer behind until the place is given again.
    live: Vec<Answer>,
    ended: Ended,
    // The number that the next ended key gets.
    order: NonZeroU64,
}

/// Stands where a reservation without a key has its place: no reservation has this identifier.
const NOBODY: Answer = Answer {
    key: RequestKey(0),
    digest: 0,
    id: ReservationId::new(u32::MAX, u32::MAX),
    until: Timestamp::ZERO,
    ended: None,
};

impl Keys {
    /// `keep`: how many ended keys to remember, 2^32 - 1 at most.
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            index: Index::default(),
            hasher: RandomState::new(),
            live: Vec::new(),
            ended: Ended::new(keep),
            order: NonZeroU64::MIN,
        }
    }

    #[inline]
    pub(crate) fn get(&self, key: RequestKey) -> Option<Answer> {
        let (_, place) = self.find(key)?;
        self.answer(place).copied()
    }

    #[inline]
    pub(crate) fn granted(&mut self, key: RequestKey, digest: u64, grant: Grant) {
        let slot = grant.id.slot();
        let index = slot as usize;
        if self.live.len() <= index {
            self.live.resize(index + 1, NOBODY);
        }
        self.live[index] = Answer::of(key, digest, grant, None);
        self.point(key, Place::Live(slot));
    }

    /// Notes that a reservation ended, which may have had no key.
    #[inline]
    pub(crate) fn ended(&mut self, id: ReservationId) {
        let answer = self.live.get(id.slot() as usize).copied();
        let Some(answer) = answer.filter(|answer| answer.id == id) else {
            return;
        };
        let Some(at) = self.find_place(answer.key, Place::Live(id.slot())) else {
            return;
        };
        self.index.set(at, Place::Ended(self.ended.next()));
        let order = self.order;
        self.order = order.saturating_add(1);
        self.push_ended(Answer {
            ended: Some(order),
            ..answer
        });
    }

    /// Takes an ended key over from a record; older ones come first.
    pub(crate) fn restore_ended(
        &mut self,
        key: RequestKey,
        digest: u64,
        grant: Grant,
        order: NonZeroU64,
    ) {
        self.order = order.saturating_add(1);
        self.point(key, Place::Ended(self.ended.next()));
        self.push_ended(Answer::of(key, digest, grant, Some(order)));
    }

    /// The ended keys that are remembered, oldest first.
    pub(crate) fn all_ended(&self) -> impl Iterator<Item = RequestKey> {
        self.ended.ring.iter().map(|answer| answer.key)
    }

    /// The number of the oldest ended key that is remembered; `None` if there is none.
    pub(crate) fn oldest(&self) -> Option<NonZeroU64> {
        self.ended.ring.front()?.ended
    }

    /// How many keys are remembered.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Puts an answer where the index points already, and forgets the one that is one too many.
    #[inline]
    fn push_ended(&mut self, answer: Answer) {
        if let Some((place, oldest)) = self.ended.push(answer)
            && let Some(at) = self.find_place(oldest.key, Place::Ended(place))
        {
            self.index.remove(at);
        }
    }

    /// Lets the index point from a key to a place.
    #[inline]
    fn point(&mut self, key: RequestKey, place: Place) {
        match self.find(key) {
            Some((at, _)) => self.index.set(at, place),
            None => self.index.insert(self.hash(key), place),
        }
    }

    #[inline]
    fn find(&self, key: RequestKey) -> Option<(At, Place)> {
        let is = |place| self.answer(place).is_some_and(|answer| answer.key == key);
        self.index.find(self.hash(key), is)
    }

    /// The entry that points from a key to a place that is known, so that the answer need not be read.
    #[inline]
    fn find_place(&self, key: RequestKey, place: Place) -> Option<At> {
        let found = self.index.find(self.hash(key), |at| at == place);
        found.map(|(at, _)| at)
    }

    #[inline]
    fn answer(&self, place: Place) -> Option<&Answer> {
        match place {
            Place::Live(slot) => self.live.get(slot as usize),
            Place::Ended(place) => self.ended.get(place),
        }
    }

    #[inline]
    fn hash(&self, key: RequestKey) -> u32 {
        let hash = self.hasher.hash_one(key) >> u32::BITS;
        u32::try_from(hash).expect("half of 64 bits are 32")
    }
}

/// The last answers of ended reservations. Their places are counted on as older ones leave, and start again from 0.
#[derive(Clone, Debug)]
struct Ended {
    // Oldest first.
    ring: VecDeque<Answer>,
    oldest: u32,
    keep: usize,
}

impl Ended {
    fn new(keep: usize) -> Self {
        Self {
            ring: VecDeque::new(),
            oldest: 0,
            keep: keep.min(u32::MAX as usize),
        }
    }

    fn get(&self, place: u32) -> Option<&Answer> {
        self.ring.get(place.wrapping_sub(self.oldest) as usize)
    }

    /// The place that the next answer gets.
    fn next(&self) -> u32 {
        let length = u32::try_from(self.ring.len()).expect("no more than `keep` are kept");
        self.oldest.wrapping_add(length)
    }

    /// Takes an answer in, and gives back what leaves for it, which lay at this place: the oldest, or the answer itself
    /// if none are kept.
    fn push(&mut self, answer: Answer) -> Option<(u32, Answer)> {
        let place = self.oldest;
        if self.keep == 0 {
            return Some((place, answer));
        }
        // First, so that the ring never grows for one more than it keeps.
        let full = self.ring.len() == self.keep;
        let oldest = if full { self.ring.pop_front() } else { None };
        self.ring.push_back(answer);
        let oldest = oldest?;
        self.oldest = place.wrapping_add(1);
        Some((place, oldest))
    }
}

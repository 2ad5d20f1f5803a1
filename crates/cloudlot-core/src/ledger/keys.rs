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
    seeds: Seeds,
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
            seeds: Seeds::random(),
            live: Vec::new(),
            ended: Ended::new(keep),
            order: NonZeroU64::MIN,
        }
    }

    #[inline]
    pub(crate) fn get(&self, key: RequestKey) -> Option<Answer> {
        // The next one that ends pushes the oldest out: its bucket comes while this key's is waited for.
        if let Some(oldest) = self.ended.next_out() {
            self.index.approach(self.seeds.hash(oldest.key));
        }
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
            None => self.index.insert(self.seeds.hash(key), place),
        }
    }

    #[inline]
    fn find(&self, key: RequestKey) -> Option<(At, Place)> {
        let is = |place| self.answer(place).is_some_and(|answer| answer.key == key);
        self.index.find(self.seeds.hash(key), is)
    }

    /// The entry that points from a key to a place that is known, so that the answer need not be read.
    #[inline]
    fn find_place(&self, key: RequestKey, place: Place) -> Option<At> {
        let found = self.index.find(self.seeds.hash(key), |at| at == place);
        found.map(|(at, _)| at)
    }

    #[inline]
    fn answer(&self, place: Place) -> Option<&Answer> {
        match place {
            Place::Live(slot) => self.live.get(slot as usize),
            Place::Ended(place) => self.ended.get(place),
        }
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
    /// Whom the next one that ends pushes out.
    #[inline]
    fn next_out(&self) -> Option<&Answer> {
        self.ring.front().filter(|_| self.ring.len() == self.keep)
    }

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

/// What hashes are drawn from. Clients choose the keys, and none may choose them so that all meet in one bucket: so the
/// seeds are each ledger's own secret. They decide where entries lie, which nobody sees, and nothing else.
///
/// Source: folded multiplication, as in wyhash and foldhash. The standard library's hasher costs several times as much.
#[derive(Clone, Copy, Debug)]
struct Seeds([u64; 3]);

impl Seeds {
    fn random() -> Self {
        let random = RandomState::new();
        Self([0_u64, 1, 2].map(|n| random.hash_one(n)))
    }

    #[inline]
    fn hash(self, RequestKey(key): RequestKey) -> u32 {
        let Self([first, second, third]) = self;
        let (high, low) = halves(key);
        let mixed = folded(high ^ first, low ^ second);
        let hash = folded(mixed ^ third, 0x9E37_79B9_7F4A_7C15);
        u32::try_from(hash >> u32::BITS).expect("half of 64 bits are 32")
    }
}

/// Both halves of a product, one upon the other.
#[inline]
fn folded(a: u64, b: u64) -> u64 {
    let (high, low) = halves(u128::from(a) * u128::from(b));
    high ^ low
}

#[inline]
fn halves(number: u128) -> (u64, u64) {
    let half = |number: u128| u64::try_from(number).expect("half of 128 bits are 64");
    (
        half(number >> u64::BITS),
        half(number & u128::from(u64::MAX)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Keys as one would write them down: a table, and the ended ones in their order.
    #[derive(Default)]
    struct Naive {
        answers: BTreeMap<RequestKey, Answer>,
        ended: VecDeque<RequestKey>,
        order: u64,
    }

    impl Naive {
        fn end(&mut self, key: RequestKey, keep: usize) {
            self.order += 1;
            let answer = self.answers.get_mut(&key).unwrap();
            answer.ended = NonZeroU64::new(self.order);
            self.ended.push_back(key);
            if self.ended.len() > keep {
                self.answers.remove(&self.ended.pop_front().unwrap());
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Act {
        Grant {
            key: u128,
            digest: u64,
            slot: u32,
        },
        End {
            slot: u32,
        },
        Restore {
            key: u128,
            later: u64,
        },
        /// A reservation without a key takes a place.
        Pass {
            slot: u32,
        },
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (0..20_u128, 0..3_u64, 0..8_u32).prop_map(|(key, digest, slot)| {
                Act::Grant { key, digest, slot }
            }),
            4 => (0..8_u32).prop_map(|slot| Act::End { slot }),
            1 => (0..20_u128, 0..5_u64).prop_map(|(key, later)| Act::Restore { key, later }),
            1 => (0..8_u32).prop_map(|slot| Act::Pass { slot }),
        ]
    }

    proptest! {
        #[test]
        fn keys_answer_as_a_table_and_a_queue_do(
            keep in 0..5_usize,
            acts in prop::collection::vec(act(), 0..80),
        ) {
            let mut keys = Keys::new(keep);
            let mut naive = Naive::default();
            // Who has each place, and the key.
            let mut places: [(u32, Option<RequestKey>); 8] = Default::default();
            for (n, act) in acts.into_iter().enumerate() {
                let until = Timestamp::from_nanos(n as u64);
                match act {
                    Act::Grant { key, digest, slot } => {
                        let key = RequestKey(key << 60);
                        let place = &mut places[slot as usize];
                        if place.1.is_some() || naive.answers.contains_key(&key) {
                            continue;
                        }
                        *place = (place.0 + 1, Some(key));
                        let grant = Grant { id: ReservationId::new(slot, place.0), until };
                        keys.granted(key, digest, grant);
                        naive.answers.insert(key, Answer::of(key, digest, grant, None));
                    }
                    Act::End { slot } => {
                        let (generation, key) = &mut places[slot as usize];
                        keys.ended(ReservationId::new(slot, *generation));
                        if let Some(key) = key.take() {
                            naive.end(key, keep);
                        }
                    }
                    Act::Restore { key, later } => {
                        let key = RequestKey(key << 60);
                        if naive.answers.contains_key(&key) {
                            continue;
                        }
                        let grant = Grant { id: ReservationId::new(3, 3), until };
                        naive.order += later;
                        let order = NonZeroU64::new(naive.order + 1).unwrap();
                        keys.restore_ended(key, later, grant, order);
                        naive.answers.insert(key, Answer::of(key, later, grant, None));
                        naive.end(key, keep);
                    }
                    Act::Pass { slot } => {
                        let place = &mut places[slot as usize];
                        if place.1.is_none() {
                            place.0 += 1;
                        }
                    }
                }
                for key in (0..20).map(|key| RequestKey(key << 60)) {
                    prop_assert_eq!(keys.get(key), naive.answers.get(&key).copied());
                }
                prop_assert_eq!(keys.len(), naive.answers.len());
                prop_assert!(keys.all_ended().eq(naive.ended.iter().copied()));
                let oldest = naive.ended.front().and_then(|key| naive.answers[key].ended);
                prop_assert_eq!(keys.oldest(), oldest);
            }
        }
    }

    #[test]
    fn places_of_ended_keys_start_again_after_the_last_number() {
        let mut keys = Keys::new(2);
        keys.ended.oldest = u32::MAX - 1;
        for n in 0..6 {
            let id = ReservationId::new(0, n);
            let until = Timestamp::ZERO;
            keys.granted(RequestKey(n.into()), 0, Grant { id, until });
            keys.ended(id);
            let known = (0..=n).filter(|key| keys.get(RequestKey((*key).into())).is_some());
            assert_eq!(
                known.collect::<Vec<_>>(),
                [n.saturating_sub(1), n][usize::from(n == 0)..]
            );
        }
        assert_eq!(keys.len(), 2);
    }

    #[test]
    fn keys_with_a_pattern_do_not_meet() {
        // As counters, in either half and in both: at 2^16 keys, a good hash of 30 bits has two or three in one place.
        let seeds = Seeds([
            0x243F_6A88_85A3_08D3,
            0x1319_8A2E_0370_7344,
            0xA409_3822_299F_31D0,
        ]);
        let patterns: [fn(u128) -> u128; 4] = [|n| n, |n| n << 64, |n| n << 64 | n, |n| n << 112];
        for pattern in patterns {
            let mut hashes: Vec<u32> = (0..1 << 16)
                .map(|n| seeds.hash(RequestKey(pattern(n))) >> 2)
                .collect();
            hashes.sort_unstable();
            hashes.dedup();
            assert!(hashes.len() > (1 << 16) - 50, "{}", hashes.len());
        }
    }
}

//! Where something lies, by its hash: a table of numbers, for those who keep the things themselves.
//!
//! Whoever looks for one of a million keys finds the table cold. So entries lie in buckets of one cache line, and all of
//! a bucket are compared at once: there is no branch to guess wrong, and the processor goes on while it waits for the
//! line. A full bucket's entries go on in the next one, and a removal moves them back instead of leaving a mark. Each
//! entry keeps its hash, so that the table grows without asking for the keys again. It is never iterated: its order
//! reaches nothing.

use crate::amounts::bits;

/// One of two tables, and the place in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Among the live ones.
    Live(u32),
    /// Among those that have ended.
    Ended(u32),
}

/// Places by hash. Several things may have one hash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    // As many as a power of two, or none.
    buckets: Vec<Bucket>,
    len: usize,
}

/// An entry's own place in the index; true until the index is changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct At {
    bucket: usize,
    lane: usize,
}

/// How many entries fill a cache line.
const LANES: usize = 8;

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Bucket {
    // The upper bits of a hash and, in the two lowest, which table; 0 if the lane is empty.
    marks: [u32; LANES],
    places: [u32; LANES],
}

const LIVE: u32 = 1;
const ENDED: u32 = 2;
const TABLE: u32 = 3;

/// The part of a hash that an entry keeps.
const fn kept(hash: u32) -> u32 {
    hash & !TABLE
}

impl Bucket {
    /// The lanes whose marks are so, one bit each.
    #[inline]
    fn lanes(&self, is: impl Fn(u32) -> bool) -> u32 {
        let bit = |(lane, mark): (usize, &u32)| u32::from(is(*mark)) << lane;
        self.marks.iter().enumerate().map(bit).sum()
    }

    fn gap(&self) -> Option<usize> {
        bits(self.lanes(|mark| mark == 0)).next()
    }

    fn is_full(&self) -> bool {
        self.lanes(|mark| mark == 0) == 0
    }

    fn place(&self, lane: usize) -> Place {
        let place = self.places[lane];
        if self.marks[lane] & TABLE == LIVE {
            Place::Live(place)
        } else {
            Place::Ended(place)
        }
    }

    fn set(&mut self, lane: usize, hash: u32, place: Place) {
        let (table, place) = match place {
            Place::Live(place) => (LIVE, place),
            Place::Ended(place) => (ENDED, place),
        };
        self.marks[lane] = kept(hash) | table;
        self.places[lane] = place;
    }
}

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Brings the bucket of a hash near, for whoever will look for it soon: a load that nothing waits for.
    #[inline]
    pub(crate) fn approach(&self, hash: u32) {
        if !self.buckets.is_empty() {
            std::hint::black_box(self.buckets[self.home(hash)].marks[0]);
        }
    }

    /// The entry of this hash whose place is the one that is looked for.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is: impl Fn(Place) -> bool) -> Option<(At, Place)> {
        if self.buckets.is_empty() {
            return None;
        }
        let mut bucket = self.home(hash);
        loop {
            let entries = &self.buckets[bucket];
            for lane in bits(entries.lanes(|mark| kept(mark) == kept(hash) && mark != 0)) {
                let place = entries.place(lane);
                if is(place) {
                    return Some((At { bucket, lane }, place));
                }
            }
            if !entries.is_full() {
                return None;
            }
            bucket = self.after(bucket);
        }
    }

    #[inline]
    pub(crate) fn insert(&mut self, hash: u32, place: Place) {
        // A quarter stays empty, so that few buckets are full.
        if self.len >= self.buckets.len() * (LANES / 4 * 3) {
            self.grow();
        }
        self.len += 1;
        self.put(hash, place);
    }

    /// Says that what an entry names lies elsewhere now.
    #[inline]
    pub(crate) fn set(&mut self, at: At, place: Place) {
        let entries = &mut self.buckets[at.bucket];
        entries.set(at.lane, entries.marks[at.lane], place);
    }

    /// Forgets an entry.
    #[inline]
    pub(crate) fn remove(&mut self, at: At) {
        self.len -= 1;
        let (mut gap, mut bucket) = (at, at.bucket);
        // Only what found a bucket full lies behind it.
        while self.buckets[bucket].is_full() {
            bucket = self.after(bucket);
            if let Some(lane) = self.passed(gap.bucket, bucket) {
                let (hash, place) = (
                    self.buckets[bucket].marks[lane],
                    self.buckets[bucket].place(lane),
                );
                self.buckets[gap.bucket].set(gap.lane, hash, place);
                gap = At { bucket, lane };
            }
        }
        self.buckets[gap.bucket].marks[gap.lane] = 0;
    }

    /// An entry of a bucket that would rather lie in one before it, or further before.
    fn passed(&self, before: usize, bucket: usize) -> Option<usize> {
        let entries = &self.buckets[bucket];
        let back = |home: usize| bucket.wrapping_sub(home) & (self.buckets.len() - 1);
        let passed = |mark| mark != 0 && back(self.home(mark)) >= back(before);
        bits(entries.lanes(passed)).next()
    }

    #[inline]
    fn put(&mut self, hash: u32, place: Place) {
        let mut bucket = self.home(hash);
        loop {
            let entries = &mut self.buckets[bucket];
            if let Some(lane) = entries.gap() {
                return entries.set(lane, hash, place);
            }
            bucket = self.after(bucket);
        }
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.buckets.len() * 2).max(1);
        let old = std::mem::replace(&mut self.buckets, vec![Bucket::default(); size]);
        for entries in old {
            for lane in bits(entries.lanes(|mark| mark != 0)) {
                self.put(entries.marks[lane], entries.place(lane));
            }
        }
    }

    /// The first bucket that an entry of this hash lies in if there is room. Homes are in the order of hashes, so that
    /// growing goes through memory once.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        let bits = self.buckets.len().trailing_zeros();
        let home = (u64::from(kept(hash)) << bits) >> u32::BITS;
        usize::try_from(home).expect("a home is less than the number of buckets")
    }

    #[inline]
    fn after(&self, bucket: usize) -> usize {
        (bucket + 1) & (self.buckets.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Act {
        Insert(u32, Place),
        Set(prop::sample::Index, Place),
        Remove(prop::sample::Index),
    }

    fn place() -> impl Strategy<Value = Place> {
        (any::<bool>(), 0..5_u32).prop_map(|(live, place)| {
            if live {
                Place::Live(place)
            } else {
                Place::Ended(place)
            }
        })
    }

    fn act() -> impl Strategy<Value = Act> {
        // Few hashes, the first and the last ones, so that entries meet and go round the end.
        let hash = prop_oneof![0..4_u32, 0..4_u32, Just(1 << 31), 0..4_u32]
            .prop_map(|n| if n < 4 { n.wrapping_sub(2) << 2 } else { n });
        prop_oneof![
            3 => (hash, place()).prop_map(|(hash, place)| Act::Insert(hash, place)),
            1 => (any::<prop::sample::Index>(), place()).prop_map(|(n, place)| Act::Set(n, place)),
            2 => any::<prop::sample::Index>().prop_map(Act::Remove),
        ]
    }

    proptest! {
        #[test]
        fn an_index_finds_what_a_list_finds(acts in prop::collection::vec(act(), 0..100)) {
            let mut index = Index::default();
            let mut list: Vec<(u32, Place)> = Vec::new();
            for act in acts {
                match act {
                    Act::Insert(hash, place) => {
                        index.insert(hash, place);
                        list.push((hash, place));
                    }
                    Act::Set(n, place) if !list.is_empty() => {
                        let one = n.get(&list);
                        let (at, _) = index.find(one.0, |place| place == one.1).unwrap();
                        index.set(at, place);
                        let n = n.index(list.len());
                        list[n].1 = place;
                    }
                    Act::Remove(n) if !list.is_empty() => {
                        let (hash, was) = list.swap_remove(n.index(list.len()));
                        let (at, place) = index.find(hash, |place| place == was).unwrap();
                        prop_assert_eq!(place, was);
                        index.remove(at);
                    }
                    _ => {}
                }
                prop_assert_eq!(index.len(), list.len());
                for hash in [0, 4, !7, !3, 1 << 31, 8] {
                    for table in [Place::Live, Place::Ended] {
                        for place in (0..6).map(table) {
                            let there = list.contains(&(hash, place));
                            prop_assert_eq!(index.find(hash, |at| at == place).is_some(), there);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_table_that_comes_and_goes_does_not_grow() {
        let mut index = Index::default();
        for n in 0..10_000_u32 {
            index.insert(n.wrapping_mul(0x9E37_79B9), Place::Live(n));
            if let Some(old) = n.checked_sub(5) {
                let hash = old.wrapping_mul(0x9E37_79B9);
                let (at, _) = index.find(hash, |place| place == Place::Live(old)).unwrap();
                index.remove(at);
            }
        }
        assert_eq!((index.len(), index.buckets.len()), (5, 1));
    }
}

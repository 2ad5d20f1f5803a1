//! Where something lies, by its hash: a table of numbers, eight bytes each, for those who keep the things themselves.
//!
//! Whoever looks for one of a million keys finds the table cold, so a look costs one cache line: entries lie near the
//! place that their hash names, and a removal moves those behind it up instead of leaving a mark. Each entry keeps its
//! hash, so that the table grows without asking for the keys again. It is never iterated: its order reaches nothing.
//!
//! Source: linear probing with deletion by backward shift, Knuth, The Art of Computer Programming 3, 6.4, algorithm R.

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
    entries: Vec<Entry>,
    len: usize,
}

/// An entry's own place in the index; true until the index is changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct At(usize);

/// The upper bits of a hash and, in the two lowest, which table; empty if it is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Entry {
    mark: u32,
    place: u32,
}

const LIVE: u32 = 1;
const ENDED: u32 = 2;
const TABLE: u32 = 3;

impl Entry {
    fn new(hash: u32, place: Place) -> Self {
        let (table, place) = match place {
            Place::Live(place) => (LIVE, place),
            Place::Ended(place) => (ENDED, place),
        };
        Self {
            mark: hash & !TABLE | table,
            place,
        }
    }

    const fn is_empty(self) -> bool {
        self.mark == 0
    }

    const fn hash(self) -> u32 {
        self.mark & !TABLE
    }

    const fn place(self) -> Place {
        if self.mark & TABLE == LIVE {
            Place::Live(self.place)
        } else {
            Place::Ended(self.place)
        }
    }
}

/// The first size of a table that is not empty.
const LEAST: usize = 8;

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The entry of this hash whose place is the one that is looked for.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is: impl Fn(Place) -> bool) -> Option<(At, Place)> {
        if self.entries.is_empty() {
            return None;
        }
        let hash = hash & !TABLE;
        let mut at = self.home(hash);
        loop {
            let entry = self.entries[at];
            if entry.is_empty() {
                return None;
            }
            if entry.hash() == hash && is(entry.place()) {
                return Some((At(at), entry.place()));
            }
            at = self.after(at);
        }
    }

    pub(crate) fn insert(&mut self, hash: u32, place: Place) {
        // A quarter stays empty, so that a look ends soon.
        if self.len >= self.entries.len() / 4 * 3 {
            self.grow();
        }
        self.len += 1;
        self.put(Entry::new(hash, place));
    }

    /// Says that what an entry names lies elsewhere now.
    #[inline]
    pub(crate) fn set(&mut self, At(at): At, place: Place) {
        self.entries[at] = Entry::new(self.entries[at].hash(), place);
    }

    /// Forgets an entry.
    pub(crate) fn remove(&mut self, At(mut gap): At) {
        self.len -= 1;
        let mut at = self.after(gap);
        // An entry may move up to a gap that does not lie before its home.
        while !self.entries[at].is_empty() {
            let entry = self.entries[at];
            if self.distance(self.home(entry.hash()), at) >= self.distance(gap, at) {
                self.entries[gap] = entry;
                gap = at;
            }
            at = self.after(at);
        }
        self.entries[gap] = Entry::default();
    }

    fn put(&mut self, entry: Entry) {
        let mut at = self.home(entry.hash());
        while !self.entries[at].is_empty() {
            at = self.after(at);
        }
        self.entries[at] = entry;
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.entries.len() * 2).max(LEAST);
        let old = std::mem::replace(&mut self.entries, vec![Entry::default(); size]);
        for entry in old.into_iter().filter(|entry| !entry.is_empty()) {
            self.put(entry);
        }
    }

    /// Where an entry of this hash lies if nobody else lies there. Homes are in the order of hashes, so that growing
    /// goes through memory once.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        let bits = self.entries.len().trailing_zeros();
        let home = (u64::from(hash) << bits) >> u32::BITS;
        usize::try_from(home).expect("a home is less than the number of entries")
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.entries.len() - 1)
    }

    /// How many steps lead from one entry to another.
    #[inline]
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.entries.len() - 1)
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
                for hash in [0, 4, u32::MAX & !7, u32::MAX & !3, 1 << 31, 8] {
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
        assert_eq!((index.len(), index.entries.len()), (5, LEAST));
    }
}

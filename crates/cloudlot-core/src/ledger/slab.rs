//! A table whose places are given again, each time with another generation.
//!
//! Places are given last-out, first-in, so that a replay gives the same ones.

/// Where something is to go: place and generation.
pub(crate) type Place = (u32, u32);

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    len: usize,
    // Of places that were never given.
    first: u32,
}

/// Aligned so that a value of 120 bytes lies in one pair of cache lines, which processors fetch together.
#[derive(Clone, PartialEq, Eq, Debug)]
#[repr(align(128))]
struct Slot<T> {
    // Of the value, or of the next one if the place is free.
    generation: u32,
    value: Option<T>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            len: 0,
            first: 0,
        }
    }
}

impl<T> Slab<T> {
    /// An empty table that gives no place that this one gave: its places start with the next generation.
    pub(crate) fn successor<U>(&self) -> Slab<U> {
        let last = self.slots.iter().map(|slot| slot.generation).max();
        Slab {
            first: last.unwrap_or(self.first).max(self.first).saturating_add(1),
            ..Slab::default()
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many places there are, taken or free.
    pub(crate) fn places(&self) -> usize {
        self.slots.len()
    }

    /// The place that the next value gets; `None` when 2^32 - 1 are taken.
    #[inline]
    pub(crate) fn next(&self) -> Option<Place> {
        match self.free.last() {
            Some(&slot) => Some((slot, self.slots[slot as usize].generation)),
            None => {
                let slot = u32::try_from(self.slots.len()).ok()?;
                (slot < u32::MAX).then_some((slot, self.first))
            }
        }
    }

    #[inline]
    pub(crate) fn get(&self, (slot, generation): Place) -> Option<&T> {
        let entry = self.slots.get(slot as usize)?;
        (entry.generation == generation)
            .then_some(entry.value.as_ref())
            .flatten()
    }

    /// What is at a place, whatever its generation.
    pub(crate) fn at(&self, slot: u32) -> Option<(Place, &T)> {
        let entry = self.slots.get(slot as usize)?;
        Some(((slot, entry.generation), entry.value.as_ref()?))
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, (slot, generation): Place) -> Option<&mut T> {
        let entry = self.slots.get_mut(slot as usize)?;
        (entry.generation == generation)
            .then_some(entry.value.as_mut())
            .flatten()
    }

    /// Puts a value at a free place: the one that [`Slab::next`] named, or, when a table is built up again, any other.
    /// Whether the place was free.
    #[inline]
    pub(crate) fn put(&mut self, (slot, generation): Place, value: T) -> bool {
        let index = slot as usize;
        if self.free.last() == Some(&slot) {
            self.free.pop();
        } else if index >= self.slots.len() {
            self.grow_to(index);
        } else if let Some(at) = self.free.iter().rposition(|free| *free == slot) {
            self.free.remove(at);
        } else {
            return false;
        }
        let entry = &mut self.slots[index];
        entry.generation = generation;
        entry.value = Some(value);
        self.len += 1;
        true
    }

    fn grow_to(&mut self, index: usize) {
        for slot in self.slots.len()..=index {
            self.slots.push(Slot {
                generation: self.first,
                value: None,
            });
            if slot < index {
                // Free places before a value that is put far out; u32 because `index` came from one.
                self.free.extend(u32::try_from(slot));
            }
        }
    }

    /// Takes a value away; its place will be given again with the next generation. A place that was given
    /// 2^32 times is given no more.
    pub(crate) fn take(&mut self, (slot, generation): Place) -> Option<T> {
        let entry = self.slots.get_mut(slot as usize)?;
        if entry.generation != generation {
            return None;
        }
        let value = entry.value.take()?;
        self.len -= 1;
        self.retire((slot, generation));
        Some(value)
    }

    /// [`Slab::take`] for those who have read what they need: the value stays where it is until it is dropped.
    #[inline]
    pub(crate) fn clear(&mut self, (slot, generation): Place) {
        let entry = &mut self.slots[slot as usize];
        debug_assert!(entry.generation == generation && entry.value.is_some());
        entry.value = None;
        self.len -= 1;
        self.retire((slot, generation));
    }

    /// Lets a place be given again, unless it was given 2^32 times.
    #[inline]
    fn retire(&mut self, (slot, generation): Place) {
        if generation < u32::MAX {
            // A value that was taken over keeps its old place, whose next generations were given before.
            self.slots[slot as usize].generation = (generation + 1).max(self.first);
            self.free.push(slot);
        }
    }

    /// Undoes the [`Slab::put`] that came last and is not undone yet.
    pub(crate) fn unput(&mut self, (slot, generation): Place) {
        let index = slot as usize;
        let fresh = index + 1 == self.slots.len() && generation == self.first;
        self.slots[index].value = None;
        self.len -= 1;
        if fresh {
            self.slots.pop();
        } else {
            self.free.push(slot);
        }
    }

    /// Undoes the [`Slab::take`] that came last and is not undone yet.
    pub(crate) fn untake(&mut self, (slot, generation): Place, value: T) {
        if generation < u32::MAX {
            self.free.pop();
        }
        self.slots[slot as usize] = Slot {
            generation,
            value: Some(value),
        };
        self.len += 1;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Place, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, entry)| {
            let slot = u32::try_from(index).ok()?;
            Some(((slot, entry.generation), entry.value.as_ref()?))
        })
    }

    /// Whether the free places and the count agree with the values.
    pub(crate) fn is_sound(&self) -> bool {
        let mut free = self.free.clone();
        free.sort_unstable();
        free.dedup();
        let empty = |slot: &u32| {
            let entry = self.slots.get(*slot as usize);
            entry.is_some_and(|entry| entry.value.is_none())
        };
        free.len() == self.free.len()
            && free.iter().all(empty)
            && self
                .slots
                .iter()
                .filter(|slot| slot.value.is_some())
                .count()
                == self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn undoing_leaves_the_table_as_it_was(
            before in proptest::collection::vec(any::<bool>(), 0..20),
            after in proptest::collection::vec(any::<bool>(), 0..20),
        ) {
            let mut slab = Slab::default();
            let mut live = Vec::new();
            for (n, put) in before.into_iter().enumerate() {
                step(&mut slab, &mut live, put, n);
            }
            let was = slab.clone();
            let undo: Vec<_> = after
                .into_iter()
                .enumerate()
                .filter_map(|(n, put)| step(&mut slab, &mut live, put, 100 + n))
                .collect();
            prop_assert!(slab.is_sound());
            for (place, value) in undo.into_iter().rev() {
                match value {
                    Some(value) => slab.untake(place, value),
                    None => slab.unput(place),
                }
            }
            prop_assert_eq!(slab, was);
        }
    }

    fn step(
        slab: &mut Slab<usize>,
        live: &mut Vec<Place>,
        put: bool,
        n: usize,
    ) -> Option<(Place, Option<usize>)> {
        if put {
            let place = slab.next().unwrap();
            assert!(slab.put(place, n));
            live.push(place);
            return Some((place, None));
        }
        let place = (!live.is_empty()).then(|| live.swap_remove(n % live.len()))?;
        Some((place, slab.take(place)))
    }

    #[test]
    fn an_old_name_does_not_mean_the_new_value() {
        let mut slab = Slab::default();
        let first = slab.next().unwrap();
        slab.put(first, 'a');
        assert_eq!(slab.take(first), Some('a'));
        let second = slab.next().unwrap();
        slab.put(second, 'b');
        assert_eq!(first.0, second.0);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.take(first), None);
        assert_eq!(slab.get(second), Some(&'b'));
    }

    #[test]
    fn a_table_that_lost_count_is_not_sound() {
        let mut slab = Slab::default();
        for value in ['a', 'b'] {
            slab.put(slab.next().unwrap(), value);
        }
        slab.take((0, 0));
        assert!(slab.is_sound());
        let spoils: [fn(&mut Slab<char>); 4] = [
            |slab| slab.len += 1,
            |slab| slab.free.push(1),
            |slab| slab.free.push(0),
            |slab| slab.slots[1].value = None,
        ];
        for spoil in spoils {
            let mut spoilt = slab.clone();
            spoil(&mut spoilt);
            assert!(!spoilt.is_sound(), "{spoilt:?}");
        }
    }

    #[test]
    fn a_table_can_be_built_up_out_of_order() {
        let mut slab = Slab::default();
        assert!(slab.put((5, 3), 'x'));
        assert!(slab.put((2, 0), 'y'));
        assert!(!slab.put((5, 3), 'z'));
        assert!(slab.is_sound());
        assert_eq!(slab.get((5, 3)), Some(&'x'));
        assert_eq!((slab.len(), slab.places()), (2, 6));
    }
}

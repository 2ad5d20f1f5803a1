//! A table whose places are given again, and the handles that tell a place's tenants apart.

use std::fmt;

/// A place in a table and which of its tenants is meant: a handle of an earlier tenant finds nothing.
///
/// The tenants of one place are told apart up to 2^32 of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Handle {
    pub(super) place: u32,
    pub(super) turn: u32,
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.place, self.turn)
    }
}

/// No place at all: the end of a list, the absence of a tenant.
pub(super) const NONE: u32 = u32::MAX;

/// Rows by place. A row that was given back is kept as it was until its place is taken again.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
    rows: Vec<Row<T>>,
    free: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Row<T> {
    turn: u32,
    taken: bool,
    value: T,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self {
            rows: Vec::new(),
            free: Vec::new(),
        }
    }

    /// How many rows are taken.
    pub(super) const fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }

    pub(super) fn insert(&mut self, value: T) -> u32 {
        if let Some(place) = self.free.pop() {
            let row = &mut self.rows[place as usize];
            row.taken = true;
            row.value = value;
            return place;
        }
        let place = u32::try_from(self.rows.len()).expect("fewer than 2^32 rows at once");
        assert!(place != NONE, "fewer than 2^32 - 1 rows at once");
        self.rows.push(Row {
            turn: 0,
            taken: true,
            value,
        });
        place
    }

    /// Gives the place back; its handles find nothing from now on.
    pub(super) fn remove(&mut self, place: u32) {
        let row = &mut self.rows[place as usize];
        debug_assert!(row.taken, "a row is given back once");
        row.taken = false;
        row.turn = row.turn.wrapping_add(1);
        self.free.push(place);
    }

    /// Makes the handles of this place find nothing, though its tenant stays.
    pub(super) fn renew(&mut self, place: u32) {
        let row = &mut self.rows[place as usize];
        row.turn = row.turn.wrapping_add(1);
    }

    /// The places that are taken, in their order.
    pub(super) fn taken(&self) -> impl Iterator<Item = u32> {
        let rows = self.rows.iter().zip(0..);
        rows.filter(|(row, _)| row.taken).map(|(_, place)| place)
    }

    /// The same as a list of their own.
    pub(super) fn places(&self) -> impl Iterator<Item = u32> + use<T> {
        let places: Vec<u32> = self.taken().collect();
        places.into_iter()
    }

    pub(super) fn handle(&self, place: u32) -> Handle {
        Handle {
            place,
            turn: self.rows[place as usize].turn,
        }
    }

    /// The place that the handle means, if its tenant is still there.
    pub(super) fn find(&self, handle: Handle) -> Option<u32> {
        let row = self.rows.get(handle.place as usize)?;
        (row.taken && row.turn == handle.turn).then_some(handle.place)
    }
}

impl<T> std::ops::Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, place: u32) -> &T {
        &self.rows[place as usize].value
    }
}

impl<T> std::ops::IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, place: u32) -> &mut T {
        &mut self.rows[place as usize].value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_of_an_earlier_tenant_finds_nothing() {
        let mut slab = Slab::new();
        let first = slab.insert('a');
        let old = slab.handle(first);
        assert_eq!(slab.find(old), Some(first));
        slab.remove(first);
        assert_eq!(slab.find(old), None);
        let second = slab.insert('b');
        assert_eq!((second, slab.find(old), slab[second]), (first, None, 'b'));
        let now = slab.handle(second);
        slab.renew(second);
        assert_eq!((slab.find(now), slab.len()), (None, 1));
    }
}

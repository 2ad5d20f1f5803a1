//! The tenants that rise, close together in memory: the filling comes to them in the order of their bends, not of their places.

use super::dominant::Dominant;
use super::tenant::Tenant;
use super::twofold::Twofold;
use std::ops::{Index, IndexMut};

/// A tenant that can rise.
pub(super) struct Riser {
    pub(super) tenant: usize,
    pub(super) dominant: Dominant,
    /// Tasks a level.
    pub(super) rate: Twofold,
    pub(super) most: u64,
    /// The kinds that its task takes, as a bit set.
    pub(super) kinds: u32,
    pub(super) phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its `least` holds it above the level.
    Lifted,
    Rising,
    Stopped,
}

/// A level at which a riser starts to rise or has its most.
pub(super) struct Bend {
    pub(super) level: Twofold,
    pub(super) riser: usize,
    pub(super) ends: bool,
}

/// All that can rise, with what each needs of every kind, and their bends.
pub(super) struct Risers {
    risers: Vec<Riser>,
    /// Row by row.
    needs: Vec<u64>,
    kinds: usize,
    bends: Vec<Bend>,
}

impl Riser {
    pub(super) fn new(index: usize, tenant: &Tenant, dominant: Dominant) -> Self {
        let full = Twofold::from(tenant.turn_weight()) * dominant.total.into();
        Self {
            tenant: index,
            dominant,
            rate: full / dominant.need.into(),
            most: tenant.most,
            kinds: tenant.task.mask(),
            phase: Phase::Lifted,
        }
    }
}

impl Risers {
    /// Room for so many, whose tasks take up to so many kinds.
    pub(super) fn new(count: usize, kinds: usize) -> Self {
        Self {
            risers: Vec::with_capacity(count),
            needs: Vec::with_capacity(count * kinds),
            kinds,
            bends: Vec::with_capacity(count),
        }
    }

    /// Adds a riser with what its task needs of each kind, and returns its place.
    pub(super) fn push(
        &mut self,
        riser: Riser,
        least: u64,
        needs: impl Iterator<Item = u64>,
    ) -> usize {
        let place = self.risers.len();
        let bend = |tasks: u64, ends| Bend {
            level: Twofold::from(tasks) / riser.rate,
            riser: place,
            ends,
        };
        if least > 0 {
            self.bends.push(bend(least, false));
        }
        // No level reaches a most that does not fit in all there is.
        if riser.dominant.holds(riser.most) {
            self.bends.push(bend(riser.most, true));
        }
        self.needs.extend(needs);
        self.risers.push(riser);
        place
    }

    /// Hands out the bends, the lowest level first; a riser starts before it ends.
    pub(super) fn take_bends(&mut self) -> Vec<Bend> {
        let mut bends = std::mem::take(&mut self.bends);
        bends.sort_unstable_by(|a, b| {
            (a.level.total_cmp(b.level)).then_with(|| (a.ends, a.riser).cmp(&(b.ends, b.riser)))
        });
        bends
    }

    pub(super) fn len(&self) -> usize {
        self.risers.len()
    }

    /// What a riser's task needs of each kind.
    pub(super) fn needs(&self, place: usize) -> &[u64] {
        &self.needs[place * self.kinds..][..self.kinds]
    }

    /// All risers with their needs.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Riser, &[u64])> {
        self.risers.iter().zip(self.needs.chunks(self.kinds.max(1)))
    }
}

impl Index<usize> for Risers {
    type Output = Riser;

    fn index(&self, place: usize) -> &Riser {
        &self.risers[place]
    }
}

impl IndexMut<usize> for Risers {
    fn index_mut(&mut self, place: usize) -> &mut Riser {
        &mut self.risers[place]
    }
}

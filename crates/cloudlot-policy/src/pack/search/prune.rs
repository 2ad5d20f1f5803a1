//! What tells early that a bin cannot be filled so that the rest still works out.

use super::grain::grain;
use super::instance::{Instance, LARGEST, Set, members, size};
use crate::pack::bound::{blocks, levelled, stacked};
use crate::pack::problem::wide;

/// What is left to do when the bins before `at` are filled.
#[derive(Clone, Copy)]
pub(super) struct Rest {
    /// The bin to fill next.
    pub(super) at: usize,
    /// The items not yet on a bin, and their load.
    pub(super) items: Set,
    pub(super) mass: u64,
    /// The sum of squares that the bins from `at` on may have at most.
    pub(super) room: u128,
    /// How many more items may leave their homes among these bins.
    pub(super) moves: usize,
}

/// The loads that a bin may have.
#[derive(Clone, Copy)]
pub(super) struct Window {
    /// Whatever the bin holds.
    pub(super) any: Range,
    /// The items so large that they stand above the level of the rest.
    pub(super) giants: Set,
    /// Holding none of these.
    pub(super) no_giant: Range,
}

/// The least and the largest load.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub(super) low: u64,
    pub(super) high: u64,
}

impl Range {
    fn within(self, other: Self) -> Self {
        Self {
            low: self.low.max(other.low),
            high: self.high.min(other.high),
        }
    }
}

impl Rest {
    /// The loads that the bins may have; `None` if it is plain that there is no way to fill them.
    pub(super) fn window(&self, instance: &Instance) -> Option<Window> {
        let floors = &instance.floors[self.at];
        let blocks = blocks(floors, floors, instance.loads(self.items));
        if levelled(self.total(instance), self.open(instance), blocks) > self.room
            || self.stacks_too_high(instance)
            || instance
                .areas
                .iter()
                .any(|area| area.is_crowded(self, instance))
        {
            return None;
        }
        let mut window = self.frame(instance)?;
        if !self.moves_suffice(instance, window.any) {
            return None;
        }
        let grain = grain(self, instance)?;
        window.any = window.any.within(grain);
        window.no_giant = window.no_giant.within(grain);
        Some(window)
    }

    pub(super) fn open(&self, instance: &Instance) -> usize {
        instance.base.len() - self.at
    }

    /// All load of the open bins.
    pub(super) fn total(&self, instance: &Instance) -> u64 {
        self.mass + instance.floor_sums[self.at]
    }

    /// With few items for each bin, [`stacked`] sees more than [`levelled`].
    fn stacks_too_high(&self, instance: &Instance) -> bool {
        let floors = &instance.floors[self.at];
        if size(self.items) > 2 * floors.len() {
            return false;
        }
        let mut scratch = [0; LARGEST];
        let scratch = &mut scratch[..floors.len()];
        scratch.copy_from_slice(floors);
        stacked(scratch, instance.loads(self.items)) > self.room
    }

    /// The loads L of the next bin for which L² and the least squares of the others fit in the
    /// room.
    ///
    /// Blocks above any level that the others can have stand alone there ([`levelled`]), unless
    /// the bin itself holds some of them: then all of the others' load is taken for divisible.
    fn frame(&self, instance: &Instance) -> Option<Window> {
        let even = Others {
            load: u128::from(self.total(instance)),
            bins: wide(self.open(instance) - 1),
            squares: 0,
        };
        let floors = &instance.floors[self.at];
        let mut others = even;
        let (mut smallest, mut pieces) = (u64::MAX, 0);
        for block in blocks(floors, floors, instance.loads(self.items)) {
            if !others.stands_out(block.load) {
                break;
            }
            others = others.without(block.load);
            smallest = block.load;
            pieces += usize::from(block.is_piece);
        }
        let any = even.loads_beside(self.room)?;
        let is_giant = instance.base[self.at] >= smallest;
        Some(Window {
            any,
            giants: (members(self.items).take(pieces)).fold(0, |set, item| set | 1 << item),
            no_giant: if is_giant {
                any
            } else {
                others.loads_beside(self.room)?
            },
        })
    }

    /// Whether so few moves can bring all loads into the window and the squares into the room.
    fn moves_suffice(&self, instance: &Instance, range: Range) -> bool {
        let free = self.items & instance.free[self.at];
        let bound = self.items & !free;
        let (mut leave, mut lack) = (0, 0);
        let mut floors = [0; LARGEST];
        let floors = &mut floors[..self.open(instance)];
        for (at, floor) in (self.at..).zip(floors.iter_mut()) {
            let residents = bound & instance.residents[at];
            let load = instance.base[at] + instance.mass(residents);
            leave += fewest_to_shed(instance.loads(residents), load, range.high);
            lack += range.low.saturating_sub(load);
            *floor = load - instance.loads(residents).take(self.moves).sum::<u64>();
        }
        let movable: u64 = instance.loads(bound).take(self.moves).sum();
        if leave > self.moves || lack > instance.mass(free) + movable {
            return false;
        }
        floors.sort_unstable_by(|a, b| b.cmp(a));
        let blocks = blocks(floors, floors, instance.loads(free));
        levelled(self.total(instance), self.open(instance), blocks) <= self.room
    }
}

/// How many of `residents`, largest first, must go to bring `load` down to `most`.
fn fewest_to_shed(residents: impl Iterator<Item = u64>, mut load: u64, most: u64) -> usize {
    let goes = |resident| {
        let above = load > most;
        load = load.saturating_sub(resident);
        above
    };
    residents.map(goes).take_while(|&goes| goes).count()
}

/// The bins beside the one that is to be filled: their total load, of which `squares` stand for
/// blocks already taken out, one bin each.
#[derive(Clone, Copy)]
struct Others {
    load: u128,
    bins: u128,
    squares: u128,
}

impl Others {
    /// Whether a block is above the level that the others have even if they take all load.
    fn stands_out(self, block: u64) -> bool {
        self.bins > 1 && u128::from(block) * self.bins > self.load
    }

    fn without(self, block: u64) -> Self {
        let block = u128::from(block);
        Self {
            load: self.load - block,
            bins: self.bins - 1,
            squares: self.squares + block * block,
        }
    }

    /// The least and the largest L with L² + (load - L)² / bins + squares <= room; here `load`
    /// includes L.
    fn loads_beside(self, room: u128) -> Option<Range> {
        let all = self.bins + 1;
        let under_root =
            (all * room.checked_sub(self.squares)?).checked_sub(self.load * self.load)?;
        let root = (self.bins * under_root).isqrt();
        let narrow = |load: u128| u64::try_from(load).unwrap_or(u64::MAX);
        Some(Range {
            low: narrow(self.load.saturating_sub(root).div_ceil(all)),
            high: narrow((self.load + root) / all),
        })
    }
}

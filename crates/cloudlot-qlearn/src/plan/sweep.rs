//! Prioritised sweeping: what changed most is told to its predecessors first.
//!
//! A pair waits with the distance between its value and its full backup, and only while that is
//! above the threshold. When nobody waits, no counted pair is further from its backup than the
//! threshold, as far as the planner was told what changed.
//!
//! Sources: Moore and Atkeson, "Prioritized Sweeping" (1993); Sutton and Barto, 2nd edition,
//! section 8.4.

use super::{Book, Queue};
use crate::Counts;

/// Who waits, and what everybody was told.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Sweep {
    pub(super) queue: Queue,
    /// The bits of the worth of each slot as its predecessors last heard of it; nothing before that.
    pub(super) told: Vec<Option<u64>>,
}

impl Sweep {
    /// Looks at what a fresh transition changed: its own pair, and the worth of both its states.
    pub(super) fn note<S: Copy>(
        &mut self,
        counts: &Counts<S>,
        book: &impl Book<S>,
        threshold: f64,
        (cell, next): (u32, u32),
    ) {
        self.weigh(counts, book, threshold, cell);
        self.tell(counts, book, threshold, counts.place(cell).0);
        self.tell(counts, book, threshold, next);
    }

    /// Looks at the worth of every state.
    pub(super) fn note_all<S: Copy>(
        &mut self,
        counts: &Counts<S>,
        book: &impl Book<S>,
        threshold: f64,
    ) {
        for slot in counts.slots() {
            self.tell(counts, book, threshold, slot);
        }
    }

    /// Backs up the most urgent pairs, `backups` at most, and says how many there were.
    pub(super) fn run<S: Copy>(
        &mut self,
        counts: &Counts<S>,
        book: &mut impl Book<S>,
        threshold: f64,
        backups: u32,
    ) -> u32 {
        for done in 0..backups {
            let Some(cell) = self.queue.pop() else {
                return done;
            };
            if book.back_up(counts, cell).is_ok() {
                self.tell(counts, book, threshold, counts.place(cell).0);
            }
        }
        backups
    }

    /// Lets the predecessors of a state know what it is worth, if that has changed.
    fn tell<S: Copy>(
        &mut self,
        counts: &Counts<S>,
        book: &impl Book<S>,
        threshold: f64,
        slot: u32,
    ) {
        // A state that was only seen behind an end has no mask, and nobody who bootstraps from it.
        let worth = book.worth(counts, slot).ok().map(f64::to_bits);
        let at = slot as usize;
        if self.told.len() <= at {
            self.told.resize(at + 1, None);
        }
        if self.told[at] == worth {
            return;
        }
        self.told[at] = worth;
        for cell in counts.predecessor_cells(slot) {
            self.weigh(counts, book, threshold, *cell);
        }
    }

    /// Lets a pair wait for as long as it is too far from its backup.
    fn weigh<S: Copy>(
        &mut self,
        counts: &Counts<S>,
        book: &impl Book<S>,
        threshold: f64,
        cell: u32,
    ) {
        let distance = match (book.goal(counts, cell), book.value(counts, cell)) {
            (Ok(goal), Ok(value)) => (goal - value).abs(),
            _ => 0.0,
        };
        let urgent = distance > threshold && distance < f64::INFINITY;
        self.queue.set(cell, if urgent { distance } else { 0.0 });
    }
}

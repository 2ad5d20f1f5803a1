//! Bin completion: fills one bin after the other with every subset of items that can be right.
//!
//! A whole bin at a time shows early how far its load is from the level of the rest, where item
//! by item shows it only when most items are placed. Source: E. L. Schreiber, R. E. Korf,
//! M. D. Moffitt, "Optimal Multi-Way Number Partitioning", J. ACM 65, 2018 (for the largest
//! load); windows for the sum of squares and for moves are in `prune`.

use super::instance::{Instance, Set, holds, lowest, size};
use super::prune::{Rest, Window};
use crate::pack::problem::square;

/// What to look for.
#[derive(Clone, Copy)]
pub(super) struct Target {
    /// The most moves allowed, forced ones included.
    pub(super) moves: usize,
    /// The largest sum of squares that is of interest.
    pub(super) squares: u128,
    /// A sum of squares that is good enough to stop at.
    pub(super) enough: u128,
}

/// What was found.
pub(super) struct Found {
    /// The assignment with the least sum of squares within the target, if there is any.
    pub(super) best: Option<Vec<usize>>,
    /// Whether the work allowed was enough to be sure.
    pub(super) sure: bool,
}

/// Looks for the assignment with the least sum of squares within `target`, and takes its nodes
/// from `work`: a node is a bin begun, or an item to put onto that bin or keep off it.
pub(super) fn fill_bins(instance: &Instance, target: Target, work: &mut u64) -> Found {
    let Some(moves) = target.moves.checked_sub(instance.forced) else {
        return Found {
            best: None,
            sure: true,
        };
    };
    let bins = instance.base.len();
    let mut search = Search {
        instance,
        enough: target.enough,
        squares: target.squares,
        chosen: vec![0; bins],
        best: None,
        done: false,
        cut_short: false,
        work,
    };
    let all = instance.fits.iter().fold(0, |all, fits| all | fits);
    let start = Rest {
        at: 0,
        items: all,
        mass: instance.mass(all),
        room: target.squares,
        moves,
    };
    search.next_bin(start, 0, u64::MAX);
    Found {
        sure: !search.cut_short,
        best: search.best.map(|chosen| instance.assignment(&chosen)),
    }
}

struct Search<'a> {
    instance: &'a Instance,
    /// Stop at a sum of squares no larger than this.
    enough: u128,
    /// The largest sum of squares still of interest.
    squares: u128,
    /// The items on each bin filled so far.
    chosen: Vec<Set>,
    best: Option<Vec<Set>>,
    done: bool,
    cut_short: bool,
    work: &'a mut u64,
}

/// The bin that is being filled.
struct Open {
    rest: Rest,
    /// The sum of squares of the bins before it.
    before: u128,
    window: Window,
    /// The items that may go nowhere else any more.
    must: Set,
}

/// A part of the items decided on.
#[derive(Clone, Copy)]
struct Part {
    load: u64,
    chosen: Set,
    moves: usize,
    /// The items still to decide on, and their load.
    undecided: Set,
    reach: u64,
}

impl Search<'_> {
    /// Fills the bins from `rest.at` on, after bins whose squares add up to `before`; a twin of
    /// the last one may not hold more than it did.
    fn next_bin(&mut self, mut rest: Rest, before: u128, last_load: u64) {
        let Some(room) = self.squares.checked_sub(before) else {
            return;
        };
        rest.room = room;
        let instance = self.instance;
        if rest.at + 1 == instance.base.len() {
            self.last_bin(rest, before);
            return;
        }
        if !self.count() {
            return;
        }
        let Some(mut window) = rest.window(instance) else {
            return;
        };
        if instance.twin[rest.at] {
            for range in [&mut window.any, &mut window.no_giant] {
                range.high = range.high.min(last_load);
            }
        }
        let undecided = rest.items & instance.fits[rest.at];
        let part = Part {
            load: instance.base[rest.at],
            chosen: 0,
            moves: rest.moves,
            undecided,
            reach: instance.mass(undecided),
        };
        let open = Open {
            rest,
            before,
            window,
            must: rest.items & instance.last_call[rest.at],
        };
        self.decide(&open, part);
    }

    /// Counts a node; if there are none left the search is over.
    fn count(&mut self) -> bool {
        if *self.work == 0 {
            (self.done, self.cut_short) = (true, true);
            return false;
        }
        *self.work -= 1;
        true
    }

    /// All that is left goes onto the last bin.
    fn last_bin(&mut self, rest: Rest, before: u128) {
        let instance = self.instance;
        let squares = before + square(instance.base[rest.at] + rest.mass);
        if squares > self.squares || rest.items & !instance.fits[rest.at] != 0 {
            return;
        }
        self.chosen[rest.at] = rest.items;
        self.best = Some(self.chosen.clone());
        self.done |= squares <= self.enough || squares == 0;
        self.squares = squares.saturating_sub(1);
    }

    /// Puts the next undecided item onto the bin, or keeps it off.
    fn decide(&mut self, open: &Open, part: Part) {
        let range = if (part.chosen | part.undecided) & open.window.giants == 0 {
            open.window.no_giant
        } else {
            open.window.any
        };
        if self.done || part.load > range.high || part.load + part.reach < range.low {
            return;
        }
        let Some(item) = lowest(part.undecided) else {
            self.close(open, part);
            return;
        };
        if !self.count() {
            return;
        }
        if let Some(with) = self.with(open, part, item) {
            self.decide(open, with);
        }
        if let Some(without) = self.without(open, part, item) {
            self.decide(open, without);
        }
    }

    fn with(&self, open: &Open, part: Part, item: usize) -> Option<Part> {
        let instance = self.instance;
        let at = open.rest.at;
        let one = 1 << item;
        let moved = one & !instance.free[at] & !instance.residents[at];
        Some(Part {
            load: part.load + instance.load[item],
            chosen: part.chosen | one,
            moves: part.moves.checked_sub(size(moved))?,
            undecided: part.undecided & !one,
            reach: part.reach - instance.load[item],
        })
    }

    /// Keeps `item` off, and with it all its equals: which of them goes is all the same.
    fn without(&self, open: &Open, part: Part, item: usize) -> Option<Part> {
        let instance = self.instance;
        let at = open.rest.at;
        let equals = if holds(instance.free[at], item) {
            instance.free[at]
        } else {
            instance.home[item].map_or(0, |home| instance.residents[home])
        };
        let off = (1 << item) | (part.undecided & instance.kin[item] & equals);
        if off & open.must != 0 {
            return None;
        }
        Some(Part {
            moves: part.moves.checked_sub(size(off & instance.residents[at]))?,
            undecided: part.undecided & !off,
            reach: part.reach - instance.mass(off),
            ..part
        })
    }

    fn close(&mut self, open: &Open, part: Part) {
        let rest = &open.rest;
        self.chosen[rest.at] = part.chosen;
        let next = Rest {
            at: rest.at + 1,
            items: rest.items & !part.chosen,
            mass: rest.mass - self.instance.mass(part.chosen),
            room: 0,
            moves: part.moves,
        };
        self.next_bin(next, open.before + square(part.load), part.load);
    }
}

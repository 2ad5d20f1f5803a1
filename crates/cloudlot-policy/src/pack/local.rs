//! Local search: the best single move or swap off the most loaded bin, again and again.
//!
//! For problems too large for `search`; it proves nothing. Each step lowers the sum of squares,
//! so it always ends. Ties are settled by index: the last of equally loaded bins gives, the first
//! takes, and of equal items the first in order of load and index that was weighed goes.

mod layout;

use self::layout::Layout;
use super::goal::{Assignment, Goal, Scale};
use super::greedy;
use super::problem::Balance;

/// A sensible bound on the work of [`improve`]: candidate steps weighed.
///
/// Measured with 4,000 items on 128 bins on one core: 0.3 to 1 ms where a goal within reach is a
/// few hundred moves away, 4 to 12 ms with all items on one bin, some 20 ms where the goal is out
/// of reach and all of this is used.
pub const WORK: u64 = 300_000;

/// How many items on either side of the best size are weighed for a single move, since one that
/// has left home already, and so moves for free, may be worth more than one of better size.
const REACH: usize = 4;

/// An assignment that comes closer to the goal in few moves.
///
/// Items stay at home where they may, the others are placed largest first ([`greedy::place`]).
/// Then, off the most loaded bin from which any step helps, the move or swap follows that lowers
/// the sum of squares most per move counted, until the goal's spread is reached, nothing helps,
/// `most_moves` are made beyond those that were forced, or `work` candidate steps were weighed.
/// Last, items return home as far as the goal allows: its spread if that was reached, else
/// `slack` above the spread found, but never more than the spread at the start.
///
/// `proven` is set only where nothing had to move. [`WORK`] is a sensible `work`.
/// ```
/// # use cloudlot_policy::pack::{Balance, Goal, Item, local};
/// let problem = Balance::new(vec![0, 0], vec![Item::at(0, 30), Item::at(0, 20)])?;
/// let goal = Goal { spread: 5, slack: 0 };
/// let found = local::improve(&problem, goal, usize::MAX, local::WORK);
/// assert_eq!((found.bins, found.moves, found.reached), (vec![0, 1], 1, true));
/// # Ok::<(), cloudlot_policy::pack::BalanceError>(())
/// ```
#[must_use]
pub fn improve(problem: &Balance, goal: Goal, most_moves: usize, work: u64) -> Assignment {
    let scale = Scale::of(problem);
    let enough = scale.most_squares(goal.spread);
    let mut layout = Layout::new(problem, greedy::place(problem));
    let start = layout.squares();
    let most_moves = layout.moves().saturating_add(most_moves);
    let mut hunt = Hunt { most_moves, work };
    while layout.squares() > enough
        && let Some(step) = hunt.next_step(&layout)
    {
        step.take(&mut layout);
    }
    let limit = if layout.squares() <= enough {
        enough
    } else {
        scale
            .most_squares_above(layout.squares(), goal.slack)
            .min(start)
    };
    send_home(&mut layout, limit);
    let found = Assignment::of(problem, layout.into_bins(), goal);
    let only_choice = problem.items().iter().all(|item| item.home.is_some());
    Assignment {
        proven: found.reached && found.moves == 0 && only_choice,
        ..found
    }
}

/// Undoes moves, of small items first, while the sum of squares stays within `limit`.
fn send_home(layout: &mut Layout<'_>, limit: u128) {
    let items = layout.problem.items();
    let mut away: Vec<(u64, usize, usize)> = (items.iter().enumerate())
        .filter(|&(index, _)| layout.is_away(index, layout.bin(index)))
        .filter_map(|(index, item)| Some((item.load, index, item.lawful_home()?)))
        .collect();
    away.sort_unstable();
    loop {
        let before = away.len();
        away.retain(|&(_, item, home)| {
            let stays = layout.squares_with(item, home) > limit;
            if !stays {
                layout.put(item, home);
            }
            stays
        });
        if away.len() == before {
            return;
        }
    }
}

/// One item changes its bin, and perhaps another one takes its place.
struct Step {
    item: usize,
    to: usize,
    back: Option<usize>,
    /// How much it lowers the sum of squares per move counted, in a unit of its own.
    worth: u128,
}

impl Step {
    fn take(&self, layout: &mut Layout<'_>) {
        let from = layout.bin(self.item);
        layout.put(self.item, self.to);
        if let Some(item) = self.back {
            layout.put(item, from);
        }
    }
}

/// The search for the next step, within what is left of its budget.
struct Hunt {
    most_moves: usize,
    work: u64,
}

impl Hunt {
    /// The best step off the most loaded bin that has one.
    fn next_step(&mut self, layout: &Layout<'_>) -> Option<Step> {
        layout.coldest_first().iter().rev().find_map(|&hot| {
            let mut pick = Pick {
                layout,
                hot,
                hunt: self,
                best: None,
            };
            pick.weigh_returns();
            pick.weigh_moves();
            pick.weigh_swaps();
            pick.best
        })
    }
}

/// The choice among the steps off one bin.
struct Pick<'a, 'b> {
    layout: &'a Layout<'b>,
    hot: usize,
    hunt: &'a mut Hunt,
    best: Option<Step>,
}

impl Pick<'_, '_> {
    /// Items that left home and would do better there.
    fn weigh_returns(&mut self) {
        if self.layout.away(self.hot) == 0 {
            return;
        }
        for &(load, item) in self.layout.members(self.hot) {
            let home = self.layout.problem.items()[item].lawful_home();
            if let Some(home) = home.filter(|&home| home != self.hot) {
                self.weigh(load, self.gap(home), item, home, None);
            }
        }
    }

    /// Single moves to cooler bins, of the items whose size is nearest to half the gap.
    fn weigh_moves(&mut self) {
        let members = self.layout.members(self.hot);
        let largest = members.last().map_or(0, |&(load, _)| load);
        for &to in self.layout.coldest_first() {
            let gap = self.gap(to);
            if worth_of(most_gain(gap, largest), 1) <= self.worth() || self.hunt.work == 0 {
                return;
            }
            let middle = members.partition_point(|&(load, _)| load < gap / 2);
            self.weigh_nearest(members[..middle].iter().rev(), gap, to);
            self.weigh_nearest(members[middle..].iter(), gap, to);
        }
    }

    fn weigh_nearest<'i>(
        &mut self,
        members: impl Iterator<Item = &'i (u64, usize)>,
        gap: u64,
        to: usize,
    ) {
        let mut weighed = 0;
        for &(load, item) in members {
            if weighed == REACH || load >= gap || self.hunt.work == 0 {
                return;
            }
            self.hunt.work -= 1;
            if self.may_use(item, to) {
                weighed += 1;
                self.weigh(load, gap, item, to, None);
            }
        }
    }

    /// Swaps with items of cooler bins: for each item here, the two there whose difference to it
    /// is nearest to half the gap.
    fn weigh_swaps(&mut self) {
        let members = self.layout.members(self.hot);
        let largest = members.last().map_or(0, |&(load, _)| load);
        for &to in self.layout.coldest_first() {
            let gap = self.gap(to);
            if worth_of(most_gain(gap, largest), 2) <= self.worth() {
                return;
            }
            let others = self.layout.members(to);
            let smallest = others.first().map_or(largest, |&(load, _)| load);
            if worth_of(most_gain(gap, largest.saturating_sub(smallest)), 2) <= self.worth() {
                continue;
            }
            let mut near = 0;
            for &(load, item) in members {
                if self.hunt.work == 0 {
                    return;
                }
                self.hunt.work -= 1;
                while near < others.len() && others[near].0 + gap / 2 < load {
                    near += 1;
                }
                for &(back_load, back) in
                    &others[near.saturating_sub(1)..others.len().min(near + 1)]
                {
                    if back_load < load && self.may_use(item, to) && self.may_use(back, self.hot) {
                        self.weigh(load - back_load, gap, item, to, Some(back));
                    }
                }
            }
        }
    }

    /// Keeps the step that takes `net` off the hot bin if it is better than the best so far.
    fn weigh(&mut self, net: u64, gap: u64, item: usize, to: usize, back: Option<usize>) {
        if net == 0 || net >= gap {
            return;
        }
        let count = |item, bin| usize::from(self.layout.is_away(item, bin));
        let mut before = count(item, self.hot);
        let mut after = count(item, to);
        if let Some(back) = back {
            before += count(back, to);
            after += count(back, self.hot);
        }
        let worth = worth_of(gain(gap, net), after.saturating_sub(before));
        let affordable = self.layout.moves() + after <= self.hunt.most_moves.saturating_add(before);
        if affordable && worth > self.worth() {
            self.best = Some(Step {
                item,
                to,
                back,
                worth,
            });
        }
    }

    fn may_use(&self, item: usize, bin: usize) -> bool {
        self.layout.problem.items()[item].may_use(bin)
    }

    /// How much hotter the hot bin is than `bin`.
    fn gap(&self, bin: usize) -> u64 {
        self.layout
            .load(self.hot)
            .saturating_sub(self.layout.load(bin))
    }

    fn worth(&self) -> u128 {
        self.best.as_ref().map_or(0, |step| step.worth)
    }
}

/// Half of what the sum of squares falls by when `net` crosses a gap between two bins.
fn gain(gap: u64, net: u64) -> u128 {
    u128::from(net) * u128::from(gap - net)
}

/// The most that can be gained across `gap` with an item no larger than `largest`.
fn most_gain(gap: u64, largest: u64) -> u128 {
    gain(gap, largest.min(gap / 2))
}

/// A gain per move counted: half for two, and twice as much for none as for one.
fn worth_of(gain: u128, moves: usize) -> u128 {
    gain << 2_usize.saturating_sub(moves)
}

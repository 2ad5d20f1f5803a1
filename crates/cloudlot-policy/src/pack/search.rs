//! Exact search for small problems: the fewest moves to a goal, and the least spread with them.
//!
//! Deepens move by move from none, so that the first number of moves with an answer is the
//! fewest, and looks for the least spread with that number. `fill` does one such step; local
//! search and largest first give the answers to beat.

mod area;
mod fill;
mod grain;
mod instance;
mod prune;

use self::fill::{Found, Target, fill_bins};
use self::instance::Instance;
use super::goal::{Assignment, Goal, Scale};
use super::problem::Balance;
use super::{greedy, local};

/// A sensible bound on search nodes: 60 to 130 ms on one core when all are used.
///
/// Measured on 630 problems of 16 items and 4 bins without immovable load (loads random, equal,
/// nearly equal, of two sizes or with one giant; at home on one bin, on two, anywhere or nowhere;
/// goals in and out of reach): all proven, 71,000 nodes and 1.2 ms on average, 4.1 million nodes
/// and 60 ms at most. With 8 items and 16 bins: 7,100 nodes and 2.2 ms at most. With uneven
/// immovable loads and restrictions 2 of 840 problems with 16 items need more nodes than this, and
/// none with 8.
pub const WORK: u64 = 5_000_000;

/// The assignment with the fewest moves that reaches the goal's spread, and among those the one
/// with the least spread.
///
/// If no assignment reaches that spread, the goal is `slack` above the least spread possible,
/// both compared exactly. Ties go to the assignment whose list of bins is the smallest in
/// lexicographic order.
///
/// `work` bounds the search nodes, never the time, so the answer depends on the arguments alone.
/// When they do not suffice the answer is the best one found and `proven` is unset; likewise for
/// more than 64 bins or 64 items with a load. It is never worse than that of [`local::improve`]:
/// where that reaches the goal, it does in no more moves; where that does not, it is at most
/// `slack` above it. When only the search for the first of several equal assignments is cut short, the
/// answer stays proven: no other has fewer moves or a lower spread.
/// ```
/// # use cloudlot_policy::pack::{Balance, Goal, Item, search};
/// // 90 and 50: with the 20 moved both are at 70.
/// let items = vec![Item::at(0, 40), Item::at(0, 30), Item::at(0, 20), Item::at(1, 50)];
/// let problem = Balance::new(vec![0, 0], items)?;
/// let best = search::exact(&problem, Goal { spread: 10, slack: 0 }, search::WORK);
/// assert_eq!((best.bins, best.moves, best.proven), (vec![0, 0, 1, 1], 1, true));
/// # Ok::<(), cloudlot_policy::pack::BalanceError>(())
/// ```
#[must_use]
pub fn exact(problem: &Balance, goal: Goal, work: u64) -> Assignment {
    let local = local::improve(problem, goal, usize::MAX, local::WORK);
    if local.proven {
        return local;
    }
    let starts = vec![
        Candidate::new(problem, local.bins),
        Candidate::new(problem, greedy::repack(problem)),
    ];
    let mut search = Search {
        problem,
        scale: Scale::of(problem),
        left: work,
    };
    let (best, proven) = match Instance::new(problem) {
        Some(instance) => search.run(&instance, starts, goal),
        None => (search.nearest(starts, goal), false),
    };
    Assignment {
        proven,
        work: work - search.left,
        ..Assignment::of(problem, best.bins, goal)
    }
}

/// An assignment and what it is judged by.
struct Candidate {
    bins: Vec<usize>,
    moves: usize,
    squares: u128,
}

impl Candidate {
    fn new(problem: &Balance, mut bins: Vec<usize>) -> Self {
        for (item, bin) in problem.items().iter().zip(&mut bins) {
            if item.load == 0 {
                *bin = item.idle_bin();
            }
        }
        Self {
            moves: problem.moves(&bins),
            squares: problem.squares_of(&bins),
            bins,
        }
    }
}

struct Search<'a> {
    problem: &'a Balance,
    scale: Scale,
    /// Nodes that may still be looked at.
    left: u64,
}

impl Search<'_> {
    /// The best assignment, and whether it is proven to be that.
    fn run(
        &mut self,
        instance: &Instance,
        starts: Vec<Candidate>,
        goal: Goal,
    ) -> (Candidate, bool) {
        let enough = self.scale.most_squares(goal.spread);
        let mut known = starts;
        let mut least = None;
        if known.iter().all(|known| known.squares > enough) {
            let (found, sure) = self.least(instance, &known, enough);
            known.extend(found);
            if !sure {
                return (self.nearest(known, goal), false);
            }
            least = (known.iter().map(|known| known.squares).min()).filter(|&least| least > enough);
        }
        let limit = self.limit(&known, goal);
        let best = self.nearest(known, goal);
        let (best, proven) = self.deepen(instance, best, limit, least);
        if proven {
            (self.first_of_equals(best), true)
        } else {
            (best, false)
        }
    }

    /// An assignment that beats all known ones in spread, the best if `enough` is out of reach;
    /// and whether the search came to its end.
    fn least(
        &mut self,
        instance: &Instance,
        known: &[Candidate],
        enough: u128,
    ) -> (Option<Candidate>, bool) {
        let squares = known.iter().map(|known| known.squares).min();
        let target = Target {
            moves: usize::MAX,
            squares: squares.map_or(u128::MAX, |least| least.saturating_sub(1)),
            enough,
        };
        self.fill(instance, target)
    }

    /// Looks with 0, 1, 2, … moves, up to those of `best`, for one within `limit` or, with as
    /// many moves as `best`, below it; and whether the search came to its end. `least` is the
    /// least sum of squares possible, if that is known.
    fn deepen(
        &mut self,
        instance: &Instance,
        best: Candidate,
        limit: u128,
        least: Option<u128>,
    ) -> (Candidate, bool) {
        for moves in instance.forced..=best.moves {
            let squares = if moves < best.moves {
                limit
            } else if least == Some(best.squares) || best.squares == 0 {
                break;
            } else {
                best.squares - 1
            };
            let target = Target {
                moves,
                squares,
                enough: 0,
            };
            match self.fill(instance, target) {
                (Some(found), sure) => return (found, sure),
                (None, true) => {}
                (None, false) => return (best, false),
            }
        }
        (best, true)
    }

    /// Of all assignments as good as `best`, the one whose list of bins is the smallest, as far
    /// as the work left allows to look.
    fn first_of_equals(&mut self, mut best: Candidate) -> Candidate {
        let target = Target {
            moves: best.moves,
            squares: best.squares,
            enough: best.squares,
        };
        let mut problem = self.problem.clone();
        for item in 0..problem.items().len() {
            for bin in 0..best.bins[item] {
                if problem.items()[item].load == 0 || !problem.items()[item].may_use(bin) {
                    continue;
                }
                let lower = problem.with_only(item, bin);
                let found =
                    Instance::new(&lower).and_then(|instance| self.fill(&instance, target).0);
                if let Some(found) = found {
                    best = found;
                    break;
                }
            }
            problem = problem.with_only(item, best.bins[item]);
        }
        best
    }

    /// The known assignment with the fewest moves within the limit, then the least spread.
    fn nearest(&self, known: Vec<Candidate>, goal: Goal) -> Candidate {
        let limit = self.limit(&known, goal);
        (known.into_iter())
            .filter(|known| known.squares <= limit)
            .min_by_key(|known| (known.moves, known.squares))
            .expect("the limit is no less than the least of the known")
    }

    /// The largest sum of squares that meets the goal, as far as the known ones can tell.
    fn limit(&self, known: &[Candidate], goal: Goal) -> u128 {
        let enough = self.scale.most_squares(goal.spread);
        let least = known.iter().map(|known| known.squares).min();
        match least.filter(|&least| least > enough) {
            Some(least) => self.scale.most_squares_above(least, goal.slack),
            None => enough,
        }
    }

    fn fill(&mut self, instance: &Instance, target: Target) -> (Option<Candidate>, bool) {
        let Found { best, sure } = fill_bins(instance, target, &mut self.left);
        (best.map(|bins| Candidate::new(self.problem, bins)), sure)
    }
}

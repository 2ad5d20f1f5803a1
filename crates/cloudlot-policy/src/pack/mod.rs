//! Assigning items to bins so that the bins' loads are even and few items move.
//!
//! [`balance`] is the way in. It takes [`search`], which is exact, for problems small enough to
//! prove, and [`local`] search for the others; [`greedy`] is the classical way that does not
//! count moves, and [`bound`] says what no assignment can beat.

mod goal;
mod problem;

pub mod bound;
pub mod greedy;
pub mod local;
pub mod search;

pub use goal::{Assignment, Goal};
pub use problem::{Balance, BalanceError, Item};

/// Spreads the items as the goal asks, in as few moves as possible where that can be proven.
///
/// Problems of up to 16 items on up to 4 bins, or 8 on 16, go to [`search::exact`] with `work`
/// nodes ([`search::WORK`] proves them); up to 32 items on 16 bins it gets a sixteenth of that to
/// better what local search finds; larger ones go to [`local::improve`] alone.
/// ```
/// # use cloudlot_policy::pack::{self, Balance, Goal, Item, search};
/// // Four equal items on the first of two bins: two have to move.
/// let problem = Balance::new(vec![0, 0], vec![Item::at(0, 400_000); 4])?;
/// let goal = Goal { spread: 50_000, slack: 5_000 };
/// let plan = pack::balance(&problem, goal, search::WORK);
/// assert_eq!((plan.moves, plan.spread, plan.proven), (2, 0.0, true));
/// # Ok::<(), pack::BalanceError>(())
/// ```
#[must_use]
pub fn balance(problem: &Balance, goal: Goal, work: u64) -> Assignment {
    let (items, bins) = (problem.items().len(), problem.bins());
    if (items <= 16 && bins <= 4) || (items <= 8 && bins <= 16) {
        search::exact(problem, goal, work)
    } else if items <= 32 && bins <= 16 {
        search::exact(problem, goal, work / 16)
    } else {
        local::improve(problem, goal, usize::MAX, local::WORK)
    }
}

//! Putting items into bins so that loads are even, with few items moved.
//!
//! [`balance`] searches exactly where an instance is small and locally where it is large. The
//! parts are public: lower bounds, largest first, the local and the exact search.

mod bound;
mod greedy;
mod local;
mod problem;
mod search;

pub use bound::{least_peak, least_squares};
pub use greedy::largest_first;
pub use local::descend;
pub use problem::{Assignment, Balance, BalanceError, Goal, Item};
pub use search::{WORK, exact};

/// The fewest moves that bring the spread to the goal, and the least spread among these; where
/// the goal is out of reach, the fewest moves that come within the slack of the least spread.
///
/// Up to 16 items on 4 bins, or 8 items on 16 bins, the search is exact: `work` search nodes prove
/// the answer but for rare cases. Up to 32 items on 16 bins a sixteenth of the work goes into
/// bettering the local search's answer; beyond that the local search stands alone.
/// [`Assignment::proven`] says whether a better answer can exist.
/// ```
/// use cloudlot_policy::pack::{Balance, Goal, Item, WORK, balance};
///
/// let item = |load, home| Item { load, home: Some(home), allowed: None };
/// let lopsided = Balance::new(vec![0, 0], vec![item(70, 0), item(30, 0), item(10, 1)])?;
/// let better = balance(&lopsided, Goal { spread: 20, slack: 0 }, WORK);
/// assert_eq!((better.bins.as_slice(), better.moves), ([0, 1, 1].as_slice(), 1));
/// # Ok::<(), cloudlot_policy::pack::BalanceError>(())
/// ```
#[must_use]
pub fn balance(problem: &Balance, goal: Goal, work: u64) -> Assignment {
    let (items, bins) = (problem.items().len(), problem.base().len());
    if (items <= 16 && bins <= 4) || (items <= 8 && bins <= 16) {
        exact(problem, goal, work)
    } else if items <= 32 && bins <= 16 {
        exact(problem, goal, work / 16)
    } else {
        descend(problem, goal)
    }
}

//! What no assignment can beat: lower bounds on the largest load and on the sum of squares.
//!
//! Both hold for every assignment, so homes and allowed bins are left out of account; `search`
//! adds what it knows of these.

use super::problem::{Balance, square, wide};

/// The least that the largest load can be, whoever goes where.
///
/// The largest of: the mean load, rounded up; the largest immovable load; the largest item on
/// the least loaded bin; and, as two of the m + 1 largest items must share one of m bins, the
/// m-th and the next largest item together on the least loaded bin.
///
/// Source: R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969.
/// ```
/// # use cloudlot_policy::pack::{Balance, Item, bound};
/// let problem = Balance::new(vec![0, 0], [5, 4, 4].map(Item::new).to_vec())?;
/// assert_eq!(bound::makespan(&problem), 8);
/// # Ok::<(), cloudlot_policy::pack::BalanceError>(())
/// ```
#[must_use]
pub fn makespan(problem: &Balance) -> u64 {
    let bins = problem.bins();
    let mean = u128::from(problem.total()).div_ceil(wide(bins));
    let mean = u64::try_from(mean).expect("a mean is no more than the total");
    let highest = problem.base().iter().copied().max().unwrap_or(0);
    let lowest = problem.base().iter().copied().min().unwrap_or(0);
    let pieces = pieces(problem);
    let largest = pieces.first().map_or(0, |piece| lowest + piece);
    let pair = pieces
        .get(bins)
        .map_or(0, |small| lowest + pieces[bins - 1] + small);
    mean.max(highest).max(largest).max(pair)
}

/// The least that the sum of the squares of the bins' loads can be, whoever goes where.
///
/// The larger of two bounds: filling the movable load like water over what is indivisible, and
/// stacking the items on the lowest bins as if all but one on each bin were as small as the
/// smallest.
/// ```
/// # use cloudlot_policy::pack::{Balance, Item, bound};
/// let problem = Balance::new(vec![9, 0, 0], [3, 2].map(Item::new).to_vec())?;
/// assert_eq!(bound::sum_of_squares(&problem), 81 + 9 + 4);
/// # Ok::<(), cloudlot_policy::pack::BalanceError>(())
/// ```
#[must_use]
pub fn sum_of_squares(problem: &Balance) -> u128 {
    let pieces = pieces(problem);
    let mut floors = problem.base().to_vec();
    floors.sort_unstable_by(|a, b| b.cmp(a));
    let water = levelled(
        problem.total(),
        problem.bins(),
        blocks(&floors, &floors, pieces.iter().copied()),
    );
    water.max(stacked(&mut floors, pieces.iter().copied()))
}

fn pieces(problem: &Balance) -> Vec<u64> {
    let mut pieces: Vec<u64> = problem.items().iter().map(|item| item.load).collect();
    pieces.sort_unstable_by(|a, b| b.cmp(a));
    pieces
}

/// The least sum of squares of `bins` loads that add up to `total`, when `blocks` cannot be
/// divided: blocks above the level of the rest stand alone, and the rest is even, in whole units.
///
/// The k largest loads must add up to at least the first k of the blocks, for every k. Among all
/// loads with that property these are the most even ones in the sense of majorization, which a
/// sum of squares respects.
///
/// Source: A. W. Marshall, I. Olkin, "Inequalities: Theory of Majorization", 1979, chapter 1.
pub(super) fn levelled(total: u64, bins: usize, blocks: impl Iterator<Item = Block>) -> u128 {
    let (mut left, mut open, mut squares) = (u128::from(total), wide(bins), 0);
    for block in blocks {
        let block = u128::from(block.load);
        if open == 1 || block * open <= left {
            break;
        }
        squares += block * block;
        left -= block;
        open -= 1;
    }
    let (level, over) = (left / open, left % open);
    squares + (open - over) * level * level + over * (level + 1) * (level + 1)
}

/// The least sum of squares when `pieces`, largest first, go onto bins that hold `floors`.
///
/// Putting w onto a load l adds w² + 2 w l. The j-th piece on a bin finds there the floor and at
/// least j - 1 times the smallest piece. Of all such places, the cheapest to the largest piece,
/// the next to the next, costs least (the rearrangement inequality). `floors` is scratch.
pub(super) fn stacked(floors: &mut [u64], pieces: impl Iterator<Item = u64> + Clone) -> u128 {
    let mut squares: u128 = floors.iter().copied().map(square).sum();
    let smallest = pieces.clone().last().unwrap_or(0);
    for piece in pieces {
        let Some(lowest) = floors.iter_mut().min() else {
            break;
        };
        squares += square(piece) + 2 * u128::from(piece) * u128::from(*lowest);
        *lowest += smallest;
    }
    squares
}

/// A load that cannot be divided.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) load: u64,
    /// Whether it is a piece, with a floor under it, rather than a bare floor.
    pub(super) is_piece: bool,
}

/// The blocks where `pieces` go onto bins that hold `under`, and others may hold `bare`, all
/// largest first: the first k lie on k bins or fewer, for every k.
///
/// `under` and `bare` are the same bins or have none in common. Whichever bins the j highest of
/// `bare` and k - j pieces are on, k bins with these among them have under them at least the j
/// highest of `bare` and the k - j lowest of `under`.
pub(super) fn blocks(
    bare: &[u64],
    under: &[u64],
    pieces: impl Iterator<Item = u64>,
) -> impl Iterator<Item = Block> {
    let mut bare = bare.iter().copied().peekable();
    let mut laden = (under.iter().rev().zip(pieces))
        .map(|(floor, piece)| floor + piece)
        .peekable();
    let mut least = u64::MAX;
    std::iter::from_fn(move || {
        let is_piece = match (bare.peek(), laden.peek()) {
            (Some(floor), Some(both)) => floor < both,
            (_, both) => both.is_some(),
        };
        let load = if is_piece { laden.next() } else { bare.next() };
        // Floors may rise faster than pieces fall; a smaller block is as true.
        least = least.min(load?);
        Some(Block {
            load: least,
            is_piece,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Item;
    use proptest::prelude::*;

    fn problem(base: &[u64], loads: &[u64]) -> Balance {
        let items = loads.iter().copied().map(Item::new).collect();
        Balance::new(base.to_vec(), items).unwrap()
    }

    /// The loads under every assignment.
    fn all(problem: &Balance) -> Vec<Vec<u64>> {
        problem
            .items()
            .iter()
            .fold(vec![problem.base().to_vec()], |many, item| {
                let put = |loads: &Vec<u64>, bin: usize| {
                    let mut loads = loads.clone();
                    loads[bin] += item.load;
                    loads
                };
                many.iter()
                    .flat_map(|loads| (0..loads.len()).map(move |bin| put(loads, bin)))
                    .collect()
            })
    }

    fn check(base: &[u64], loads: &[u64], makespan: u64, squares: u128) {
        let problem = problem(base, loads);
        assert_eq!(super::makespan(&problem), makespan);
        assert_eq!(sum_of_squares(&problem), squares);
    }

    #[test]
    fn the_bounds_are_exact_where_the_answer_is_plain() {
        check(&[0], &[], 0, 0);
        check(&[4, 0], &[], 4, 16);
        check(&[0, 0], &[6, 4, 2], 6, 72);
        check(&[9, 0, 0], &[3, 2], 9, 94);
        check(&[0, 0, 0], &[100, 1, 1, 1, 1], 100, 10_008);
        check(&[3, 3], &[5, 4, 4], 11, 11 * 11 + 8 * 8);
    }

    proptest! {
        #[test]
        fn no_assignment_beats_the_bounds(
            base in prop::collection::vec(0..30_u64, 1..5),
            loads in prop::collection::vec(0..30_u64, 0..6),
            giant in 0..100_u64,
        ) {
            let loads: Vec<u64> = loads.into_iter().chain([giant]).collect();
            let problem = problem(&base, &loads);
            let (makespan, squares) = (super::makespan(&problem), sum_of_squares(&problem));
            for loads in all(&problem) {
                prop_assert!(makespan <= loads.iter().copied().max().unwrap());
                prop_assert!(squares <= loads.iter().copied().map(square).sum());
            }
        }
    }
}

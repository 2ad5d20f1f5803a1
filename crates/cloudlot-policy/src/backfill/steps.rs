//! What is taken of one row over time: a step function with a column for each kind that the row offers.
//!
//! It knows numbers and moments only; what they stand for is the [`Forecast`](super::Forecast)'s to know.

use cloudlot_core::Timestamp;

/// Breakpoints, and what is taken from each to the next. The first is the origin, before which nobody looks; the
/// last value holds for ever.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    at: Vec<Timestamp>,
    // By breakpoint, then by column.
    used: Vec<u64>,
    width: usize,
}

/// Amounts by column, for a half-open stretch of time; one that ends at [`Timestamp::MAX`] has no end.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Claim {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) values: Vec<(usize, u64)>,
}

impl Steps {
    /// All these claims together, from `origin` on.
    ///
    /// Cost: O(n log n) for n claims.
    pub(super) fn of(origin: Timestamp, width: usize, claims: &[Claim]) -> Self {
        let live = |claim: &&Claim| claim.until > claim.from.max(origin);
        let mut moves: Vec<(Timestamp, bool, &Claim)> = Vec::with_capacity(2 * claims.len());
        for claim in claims.iter().filter(live) {
            moves.push((claim.from.max(origin), false, claim));
            if claim.until < Timestamp::MAX {
                moves.push((claim.until, true, claim));
            }
        }
        // At one moment what begins comes first, so that no number falls below zero on the way.
        moves.sort_by_key(|(at, ends, _)| (*at, *ends));
        let mut steps = Self {
            at: vec![origin],
            used: vec![0; width],
            width,
        };
        for (at, ends, claim) in moves {
            let step = steps.at_end(at);
            for (column, value) in &claim.values {
                let cell = &mut steps.used[step * width + column];
                *cell = if ends {
                    cell.saturating_sub(*value)
                } else {
                    cell.saturating_add(*value)
                };
            }
        }
        steps
    }

    /// The last step, begun at `at` if it began before.
    fn at_end(&mut self, at: Timestamp) -> usize {
        let last = self.at.len() - 1;
        if self.at[last] == at {
            return last;
        }
        self.at.push(at);
        self.used.extend_from_within(last * self.width..);
        last + 1
    }

    /// Adds a claim.
    pub(super) fn add(&mut self, claim: &Claim) {
        self.change(claim, u64::saturating_add);
    }

    /// Takes a claim away that was added.
    pub(super) fn remove(&mut self, claim: &Claim) {
        self.change(claim, u64::saturating_sub);
    }

    fn change(&mut self, claim: &Claim, op: fn(u64, u64) -> u64) {
        let from = claim.from.max(self.at[0]);
        if claim.until <= from {
            return;
        }
        let first = self.cut(from);
        let end = if claim.until == Timestamp::MAX {
            self.at.len()
        } else {
            self.cut(claim.until)
        };
        for step in first..end {
            for (column, value) in &claim.values {
                let cell = &mut self.used[step * self.width + column];
                *cell = op(*cell, *value);
            }
        }
        // Later first, so that the earlier index stays right.
        self.join(end);
        self.join(first);
    }

    /// Makes `at` a breakpoint and says which.
    fn cut(&mut self, at: Timestamp) -> usize {
        let place = self.at.partition_point(|other| *other < at);
        if self.at.get(place) != Some(&at) {
            let before = (place - 1) * self.width..place * self.width;
            let values = self.used[before].to_vec();
            let here = place * self.width;
            self.at.insert(place, at);
            self.used.splice(here..here, values);
        }
        place
    }

    /// Drops a breakpoint at which nothing changes.
    fn join(&mut self, place: usize) {
        if place == 0 || place >= self.at.len() {
            return;
        }
        let here = place * self.width;
        let (before, after) = (here - self.width..here, here..here + self.width);
        if self.used[before] == self.used[after.clone()] {
            self.at.remove(place);
            self.used.drain(after);
        }
    }

    /// The step that a moment lies in.
    fn step(&self, at: Timestamp) -> usize {
        self.at
            .partition_point(|other| *other <= at)
            .saturating_sub(1)
    }

    /// What is taken of a column at one moment.
    pub(super) fn at(&self, column: usize, at: Timestamp) -> u64 {
        self.used[self.step(at) * self.width + column]
    }

    /// The most that is taken of a column from `from` up to but not at `until`.
    pub(super) fn most(&self, column: usize, from: Timestamp, until: Timestamp) -> u64 {
        let first = self.step(from);
        let steps =
            (first..self.at.len()).take_while(|step| *step == first || self.at[*step] < until);
        let values = steps.map(|step| self.used[step * self.width + column]);
        values.max().unwrap_or(0)
    }

    /// The first breakpoint after a moment.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let place = self.at.partition_point(|at| *at <= after);
        self.at.get(place).copied()
    }

    /// The first moment from `after` on, from which up to `end(start)` no column takes more than its cap.
    ///
    /// Cost: looks at every step at most once.
    pub(super) fn earliest(
        &self,
        after: Timestamp,
        caps: &[(usize, u64)],
        end: impl Fn(Timestamp) -> Timestamp,
    ) -> Option<Timestamp> {
        let mut start = after.max(self.at[0]);
        let mut until = end(start);
        let first = self.step(start);
        for step in first..self.at.len() {
            if step > first && self.at[step] >= until {
                break;
            }
            let row = &self.used[step * self.width..][..self.width];
            if caps.iter().any(|(column, cap)| row[*column] > *cap) {
                start = *self.at.get(step + 1)?;
                until = end(start);
            }
        }
        Some(start)
    }

    #[cfg(test)]
    fn is_sound(&self) -> bool {
        let rows: Vec<&[u64]> = self.used.chunks(self.width.max(1)).collect();
        self.at.is_sorted() && rows.windows(2).all(|pair| pair[0] != pair[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn t(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    const ORIGIN: u64 = 3;

    fn claims() -> impl Strategy<Value = Vec<Claim>> {
        let claim = (0..30_u64, 0..31_u64, 0..2_usize, 1..5_u64);
        let claim = claim.prop_map(|(a, b, column, n)| Claim {
            from: t(a.min(b)),
            until: if a.max(b) == 30 {
                Timestamp::MAX
            } else {
                t(a.max(b))
            },
            values: vec![(column, n)],
        });
        proptest::collection::vec(claim, 0..20)
    }

    fn counted(claims: &[Claim], column: usize, at: u64) -> u64 {
        let inside = |claim: &&Claim| claim.from <= t(at) && t(at) < claim.until;
        let values = claims.iter().filter(inside).flat_map(|claim| &claim.values);
        values
            .filter(|(other, _)| *other == column)
            .map(|(_, n)| n)
            .sum()
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_counting_gives(first in claims(), then in claims(), gone in claims()) {
            let mut steps = Steps::of(t(ORIGIN), 2, &[first.clone(), gone.clone()].concat());
            for claim in &then {
                steps.add(claim);
            }
            for claim in &gone {
                steps.remove(claim);
            }
            let all = [first, then].concat();
            for column in 0..2 {
                for at in ORIGIN..33 {
                    prop_assert_eq!(steps.at(column, t(at)), counted(&all, column, at));
                    let most = (at..(at + 5)).map(|at| counted(&all, column, at)).max();
                    prop_assert_eq!(Some(steps.most(column, t(at), t(at + 5))), most);
                }
            }
        }

        #[test]
        fn the_earliest_start_is_the_first_that_fits(
            claims in claims(), after in 0..32_u64, length in 1..6_u64, caps in (0..6_u64, 0..6_u64),
        ) {
            let steps = Steps::of(t(ORIGIN), 2, &claims);
            let fits = |start: u64| (start..start + length)
                .all(|at| counted(&claims, 0, at) <= caps.0 && counted(&claims, 1, at) <= caps.1);
            let first = (after.max(ORIGIN)..40).find(|start| fits(*start)).map(t);
            let end = |start: Timestamp| t(start.as_nanos() + length);
            prop_assert_eq!(steps.earliest(t(after), &[(0, caps.0), (1, caps.1)], end), first);
        }

        #[test]
        fn what_was_added_and_removed_leaves_no_trace(claims in claims()) {
            let empty = Steps::of(t(ORIGIN), 2, &[]);
            let mut steps = empty.clone();
            for claim in &claims {
                steps.add(claim);
                prop_assert!(steps.is_sound());
            }
            for claim in claims.iter().rev() {
                steps.remove(claim);
            }
            prop_assert_eq!((steps.at, steps.used), (empty.at, empty.used));
        }
    }
}

//! A sum of ratios of sums over episodes: what the weighted estimators are.

use super::bound::count;

/// For each episode and each of its terms a numerator and a weight. The value is the sum over terms
/// of all numerators by all weights; an episode that has no more terms keeps its last weight and
/// adds nothing above.
#[derive(Clone, Debug)]
pub(super) struct Ratios {
    rows: Vec<[f64; 2]>,
    ends: Vec<usize>,
    /// The most terms an episode has.
    terms: usize,
}

/// The value for some multiple of each episode.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Point {
    pub(super) value: f64,
    /// Its standard error, to first order: the root of the summed squares of what each episode changes.
    pub(super) error: f64,
}

impl Point {
    /// What rounding alone makes of an error, at most, as a share of the value.
    const ROUNDING: f64 = 1e-12;

    /// How far the value lies from `from`, in errors.
    pub(super) fn score(&self, from: f64) -> f64 {
        let way = self.value - from;
        if way == 0.0 {
            0.0
        } else {
            way / self.error.max(self.value.abs() * Self::ROUNDING)
        }
    }

    /// Whether the value varies at all between episodes, but for rounding.
    pub(super) fn varies(&self) -> bool {
        self.error > self.value.abs() * Self::ROUNDING
    }
}

impl Ratios {
    /// The terms of all episodes, and where those of each end; no episode is without one.
    pub(super) fn new(rows: Vec<[f64; 2]>, ends: Vec<usize>) -> Self {
        let mut ratios = Self {
            rows,
            ends,
            terms: 0,
        };
        ratios.terms = ratios.parts().map(<[_]>::len).max().unwrap_or(0);
        ratios
    }

    pub(super) const fn episodes(&self) -> usize {
        self.ends.len()
    }

    /// The value with episode `i` taken `counts[i]` times; nothing where a term has no weight, or
    /// where a number ran over.
    pub(super) fn at(&self, counts: &[u32]) -> Option<Point> {
        let sums = self.sums(counts);
        let mut value = 0.0;
        for [above, below] in &sums {
            if *below <= 0.0 {
                return None;
            }
            value += above / below;
        }
        let error = self.error(counts, &sums);
        (value.is_finite() && error.is_finite()).then_some(Point { value, error })
    }

    fn sums(&self, counts: &[u32]) -> Vec<[f64; 2]> {
        let mut sums = vec![[0.0; 2]; self.terms];
        // What is kept from the episodes that end before a term, entered where they end.
        let mut kept = vec![0.0; self.terms + 1];
        for (rows, times) in self.parts().zip(counts).filter(|(_, times)| **times > 0) {
            let times = f64::from(*times);
            for ([above, below], sum) in rows.iter().zip(&mut sums) {
                sum[0] += times * above;
                sum[1] += times * below;
            }
            kept[rows.len()] += rows.last().map_or(0.0, |row| times * row[1]);
        }
        let mut running = 0.0;
        for (sum, kept) in sums.iter_mut().zip(kept) {
            running += kept;
            sum[1] += running;
        }
        sums
    }

    fn error(&self, counts: &[u32], sums: &[[f64; 2]]) -> f64 {
        // From a term on: what a unit of weight takes from the value.
        let mut rest = vec![0.0; sums.len() + 1];
        for (term, [above, below]) in sums.iter().enumerate().rev() {
            rest[term] = rest[term + 1] + above / below / below;
        }
        let mut squares = 0.0;
        for (rows, times) in self.parts().zip(counts).filter(|(_, times)| **times > 0) {
            let mut change = rows.last().map_or(0.0, |row| -row[1] * rest[rows.len()]);
            for ([above, below], [all, weight]) in rows.iter().zip(sums) {
                change += (above - below * (all / weight)) / weight;
            }
            squares += f64::from(*times) * change * change;
        }
        let episodes = count(self.episodes());
        (squares * episodes / (episodes - 1.0)).sqrt()
    }

    fn parts(&self) -> impl Iterator<Item = &[[f64; 2]]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.rows[start..*end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratios() -> Ratios {
        Ratios::new(
            vec![
                [1.0, 1.0],
                [2.0, 4.0],
                [3.0, 2.0],
                [0.0, 1.0],
                [5.0, 0.5],
                [1.0, 3.0],
            ],
            vec![2, 3, 6],
        )
    }

    #[test]
    fn an_episode_that_is_over_keeps_its_last_weight() {
        let point = ratios().at(&[1, 1, 1]).unwrap();
        let expected = 4.0 / 4.0 + 7.0 / 6.5 + 1.0 / 9.0;
        assert!((point.value - expected).abs() < 1e-15);
    }

    #[test]
    fn the_error_is_that_of_leaving_each_out_to_first_order() {
        // What an episode changes, by a difference quotient in its weight of a million copies.
        let unit = 1_000_000;
        let ratios = ratios();
        let value = |counts: [u32; 3]| ratios.at(&counts).unwrap().value;
        let mut squares = 0.0;
        for episode in 0..3 {
            let (mut more, mut less) = ([unit; 3], [unit; 3]);
            more[episode] += 1;
            less[episode] -= 1;
            let slope = (value(more) - value(less)) / 2.0 * f64::from(unit);
            squares += slope * slope;
        }
        let expected = (squares * 3.0 / 2.0).sqrt();
        let error = ratios.at(&[1, 1, 1]).unwrap().error;
        assert!((error / expected - 1.0).abs() < 1e-6, "{error} {expected}");
    }

    #[test]
    fn a_term_without_weight_has_no_value() {
        let ratios = Ratios::new(vec![[0.0, 0.0], [1.0, 1.0]], vec![1, 2]);
        assert_eq!(ratios.at(&[1, 0]), None);
        assert!(ratios.at(&[0, 1]).is_some());
    }
}

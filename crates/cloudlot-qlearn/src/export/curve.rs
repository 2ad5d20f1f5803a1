//! A learning curve of bounded length.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::csv::line;

/// A stretch of numbers that follow each other.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// How many numbers it stands for.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The least of them.
    pub least: f64,
    /// The greatest of them.
    pub most: f64,
}

/// Numbers over time in at most so many points. When all are used up, each two neighbours become one,
/// so that a curve of any length keeps its shape.
///
/// ```
/// # use cloudlot_qlearn::export::Curve;
/// let mut curve = Curve::new(4);
/// for reward in 0..100 {
///     curve.push(f64::from(reward));
/// }
/// assert_eq!(curve.stride(), 32);
/// let means: Vec<_> = curve.points().iter().map(|point| point.mean).collect();
/// assert_eq!(means, [15.5, 47.5, 79.5, 97.5]);
/// ```
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    points: Vec<Point>,
    /// How many points there may be; even, so that halving leaves full points.
    points_max: u32,
    /// How many numbers a full point stands for.
    stride: u64,
    skipped: u64,
}

impl Curve {
    /// An empty curve of at most `points_max` points, rounded up to an even number of at least two.
    #[must_use]
    pub fn new(points_max: u32) -> Self {
        Self {
            points: Vec::new(),
            points_max: points_max.clamp(2, 1 << 31).next_multiple_of(2),
            stride: 1,
            skipped: 0,
        }
    }

    /// Adds a number. One that is not finite is skipped and counted.
    pub fn push(&mut self, number: f64) {
        if !number.is_finite() {
            self.skipped = self.skipped.saturating_add(1);
            return;
        }
        if let Some(last) = self.points.last_mut().filter(|p| p.count < self.stride) {
            *last = last.and(Point::of(number));
            return;
        }
        if self.points.len() >= self.points_max as usize {
            self.halve();
        }
        self.points.push(Point::of(number));
    }

    /// The points, oldest first; the last one may stand for fewer numbers than the others.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// How many numbers a full point stands for: a power of two.
    #[must_use]
    pub const fn stride(&self) -> u64 {
        self.stride
    }

    /// How many numbers were not finite.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Writes `until,count,mean,least,most`; `until` counts the numbers up to the end of a point.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn write_csv(&self, to: &mut impl Write) -> io::Result<()> {
        line(to, ["until", "count", "mean", "least", "most"])?;
        let mut until = 0_u64;
        for point in &self.points {
            until = until.saturating_add(point.count);
            let numbers = [point.mean, point.least, point.most].map(|number| number.to_string());
            let counts = [until, point.count].map(|count| count.to_string());
            line(to, counts.iter().chain(&numbers))?;
        }
        Ok(())
    }

    fn halve(&mut self) {
        self.points = self
            .points
            .chunks(2)
            .map(|pair| {
                pair[1..]
                    .iter()
                    .fold(pair[0], |left, &right| left.and(right))
            })
            .collect();
        self.stride = self.stride.saturating_mul(2);
    }
}

impl Point {
    const fn of(number: f64) -> Self {
        Self {
            count: 1,
            mean: number,
            least: number,
            most: number,
        }
    }

    fn and(self, other: Self) -> Self {
        let count = self.count.saturating_add(other.count);
        let share = crate::schedule::real(other.count) / crate::schedule::real(count.max(1));
        Self {
            count,
            // Not by the difference, which may overflow.
            mean: self.mean * (1.0 - share) + other.mean * share,
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_curve_of_any_length_keeps_what_it_stands_for(
            numbers in prop::collection::vec(-1e3..1e3_f64, 0..600),
            points_max in 0_u32..12,
        ) {
            let mut curve = Curve::new(points_max);
            for &number in &numbers {
                curve.push(number);
            }
            prop_assert!(curve.points().len() <= points_max.max(2) as usize + 1);
            let mut rest = &numbers[..];
            for (at, point) in curve.points().iter().enumerate() {
                let (part, after) = rest.split_at(usize::try_from(point.count).unwrap());
                rest = after;
                let full = point.count == curve.stride();
                prop_assert!(full || at + 1 == curve.points().len());
                let mean = part.iter().sum::<f64>() / f64::from(u32::try_from(part.len()).unwrap());
                prop_assert!((point.mean - mean).abs() < 1e-9);
                prop_assert_eq!(point.least, part.iter().copied().fold(f64::INFINITY, f64::min));
                prop_assert_eq!(point.most, part.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            }
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn what_is_not_finite_is_skipped_and_counted() {
        let mut curve = Curve::new(4);
        for number in [1.0, f64::NAN, f64::MAX, f64::MAX, f64::INFINITY] {
            curve.push(number);
        }
        assert_eq!((curve.points().len(), curve.skipped()), (3, 2));
        for _ in 0..100 {
            curve.push(f64::MAX);
        }
        assert!(curve.points().iter().all(|point| point.mean.is_finite()));
    }

    #[test]
    fn the_table_counts_up() {
        let mut curve = Curve::new(2);
        for number in [1.0, 3.0, 5.0] {
            curve.push(number);
        }
        let mut text = Vec::new();
        curve.write_csv(&mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "until,count,mean,least,most\n2,2,2,1,3\n3,1,5,5,5\n"
        );
    }
}

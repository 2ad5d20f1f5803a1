//! Percentiles of a stream in bounded memory, with a proven bound on the relative error.
//!
//! A histogram whose buckets are cut from the bits of the number: so many equal steps in every
//! power of two. No logarithm is taken, so that every machine finds the same bucket. Exact
//! percentiles over a window are with [`Series`](super::Series).

#[cfg(feature = "serde")]
mod raw;

use std::collections::BTreeMap;

use super::Percentile;

/// A sketch of a stream of amounts from zero up: count, sum, extremes and percentiles.
///
/// # The bound
/// A bucket is one of `2^m` equal steps of a power of two, and a percentile is the middle of the
/// bucket that holds the value of its rank. So the answer `a` for the exact value `v` satisfies
/// `|a − v| ≤ v × 2^-(m+1)`, for every percentile. The sketch starts at `m = 6` (0.79 %) and
/// halves its resolution when more than [`Sketch::MAX_BUCKETS`] buckets are in use:
/// [`Sketch::relative_error`] tells the bound that holds. Amounts below the smallest normal
/// number (2.2e-308) count as zero. The smallest and the largest value are exact.
///
/// # Merging
/// Two sketches merge into the one that the joined stream would have made, whatever the order
/// (the sum alone may differ in its last digits).
///
/// Source: buckets as in HdrHistogram (Tene 2012); halving as in `UDDSketch` (Epicoco, Melle, Cafaro,
/// Pulimeno, Morleo 2020), which here is exact because the steps are powers of two.
/// ```
/// # use cloudlot_core::metrics::{Percentile, Sketch};
/// let mut waits = Sketch::new();
/// for millis in 1..=1000 {
///     waits.record(f64::from(millis) / 1000.0)?;
/// }
/// let p95 = waits.percentile(Percentile::P95).unwrap();
/// assert!((p95 - 0.95).abs() <= 0.95 * waits.relative_error());
/// assert_eq!(waits.percentile(Percentile::MAX), Some(1.0));
/// # Ok::<(), cloudlot_core::metrics::SketchError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "raw::Raw", into = "raw::Raw")
)]
pub struct Sketch {
    /// `m`: a power of two is cut into `2^precision` buckets.
    precision: u32,
    zeros: u64,
    buckets: BTreeMap<u64, u64>,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

/// Why a value did not enter a [`Sketch`].
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum SketchError {
    /// NaN or infinite.
    #[error("{0} is not a finite number")]
    NotFinite(f64),
    /// Below zero.
    #[error("{0} is below zero")]
    Negative(f64),
}

const FINEST: u32 = 6;
const MANTISSA_BITS: u32 = 52;

impl Default for Sketch {
    fn default() -> Self {
        Self::new()
    }
}

impl Sketch {
    /// The most buckets a sketch keeps: 32 powers of two at the finest resolution. There are 2,047
    /// at the coarsest, so halving always ends.
    pub const MAX_BUCKETS: usize = 2048;

    /// A sketch of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            precision: FINEST,
            zeros: 0,
            buckets: BTreeMap::new(),
            count: 0,
            sum: 0.0,
            min: 0.0,
            max: 0.0,
        }
    }

    /// Takes in one value.
    ///
    /// # Errors
    /// If the value is NaN, infinite or below zero; the sketch stays as it was.
    pub fn record(&mut self, value: f64) -> Result<(), SketchError> {
        if !value.is_finite() {
            return Err(SketchError::NotFinite(value));
        }
        if value < 0.0 {
            return Err(SketchError::Negative(value));
        }
        self.stretch(value + 0.0, value + 0.0);
        self.count = self.count.saturating_add(1);
        self.sum = (self.sum + value).min(f64::MAX);
        if value < f64::MIN_POSITIVE {
            self.zeros = self.zeros.saturating_add(1);
        } else {
            self.add(bucket(value, self.precision), 1);
            self.coarsen();
        }
        Ok(())
    }

    /// Takes in all that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.stretch(other.min, other.max);
        self.count = self.count.saturating_add(other.count);
        self.zeros = self.zeros.saturating_add(other.zeros);
        self.sum = (self.sum + other.sum).min(f64::MAX);
        while self.precision > other.precision {
            self.halve();
        }
        let finer = other.precision - self.precision;
        for (&index, &count) in &other.buckets {
            self.add(index >> finer, count);
        }
        self.coarsen();
    }

    /// The value at this percentile, by nearest rank, within [`Sketch::relative_error`] of the
    /// exact one; `None` before the first value.
    #[must_use]
    pub fn percentile(&self, p: Percentile) -> Option<f64> {
        let rank = p.rank(self.count)?;
        // The extremes are known exactly, and they bound every answer.
        if rank == self.count {
            return Some(self.max);
        }
        if rank == 1 {
            return Some(self.min);
        }
        let mut seen = self.zeros;
        if rank <= seen {
            return Some(self.min);
        }
        for (&index, &count) in &self.buckets {
            seen = seen.saturating_add(count);
            if rank <= seen {
                return Some(middle(index, self.precision).clamp(self.min, self.max));
            }
        }
        Some(self.max)
    }

    /// The bound on `|answer − exact| / exact` that holds for every percentile now: 2^-7 unless
    /// the values span more than 32 powers of two.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        0.5 / f64::from(1_u32 << self.precision)
    }

    /// How many values were taken in; saturates.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all values; saturates at [`f64::MAX`].
    #[must_use]
    pub const fn sum(&self) -> f64 {
        self.sum
    }

    /// The mean of all values.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.sum / self.count as f64).clamp(self.min, self.max))
    }

    /// The smallest value.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest value.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }

    /// Counts by powers of two, ascending: `(upper, n)` says that `n` values are at most `upper`
    /// and above the bound before. Exact, since buckets never cross a power of two; values
    /// that count as zero are within the first.
    #[must_use]
    pub fn octaves(&self) -> Vec<(f64, u64)> {
        let mut octaves: Vec<(f64, u64)> = Vec::new();
        if self.zeros > 0 {
            octaves.push((0.0, self.zeros));
        }
        for (&index, &count) in &self.buckets {
            let upper = edge((index >> self.precision) + 1, 0);
            match octaves.last_mut() {
                Some((last, sum)) if *last == upper => *sum = sum.saturating_add(count),
                _ => octaves.push((upper, count)),
            }
        }
        octaves
    }

    fn stretch(&mut self, min: f64, max: f64) {
        if self.count == 0 {
            (self.min, self.max) = (min, max);
        } else {
            (self.min, self.max) = (self.min.min(min), self.max.max(max));
        }
    }

    fn add(&mut self, index: u64, count: u64) {
        let bucket = self.buckets.entry(index).or_default();
        *bucket = bucket.saturating_add(count);
    }

    fn coarsen(&mut self) {
        while self.buckets.len() > Self::MAX_BUCKETS && self.precision > 0 {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.precision -= 1;
        for (index, count) in std::mem::take(&mut self.buckets) {
            self.add(index >> 1, count);
        }
    }
}

/// The bucket `(edge(i), edge(i + 1)]` that holds a normal number. Upper ends are inside, as the
/// `le` of an exported histogram wants it.
fn bucket(value: f64, precision: u32) -> u64 {
    (value.to_bits() - 1) >> (MANTISSA_BITS - precision)
}

/// The lower edge of a bucket; the one beyond all numbers is the largest number.
fn edge(index: u64, precision: u32) -> f64 {
    f64::from_bits(index << (MANTISSA_BITS - precision)).min(f64::MAX)
}

fn middle(index: u64, precision: u32) -> f64 {
    let low = edge(index, precision);
    low + (edge(index + 1, precision) - low) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sketch_of(values: &[f64]) -> Sketch {
        let mut sketch = Sketch::new();
        for &value in values {
            sketch.record(value).unwrap();
        }
        sketch
    }

    /// The same sketch but for the rounding of the sum.
    fn assert_same(a: &Sketch, b: &Sketch) {
        assert!(
            (a.sum - b.sum).abs() <= a.sum.abs() * 1e-9,
            "{} {}",
            a.sum,
            b.sum
        );
        let b = Sketch {
            sum: a.sum,
            ..b.clone()
        };
        assert_eq!(*a, b);
    }

    #[test]
    fn what_is_no_amount_is_refused_and_changes_nothing() {
        let mut sketch = sketch_of(&[1.0]);
        let before = sketch.clone();
        for value in [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -1.0,
            -f64::MIN_POSITIVE,
        ] {
            assert!(sketch.record(value).is_err(), "{value}");
        }
        assert_eq!(sketch, before);
    }

    #[test]
    fn nothing_has_no_percentile() {
        let empty = Sketch::new();
        assert_eq!(empty.percentile(Percentile::P50), None);
        assert_eq!((empty.mean(), empty.min(), empty.max()), (None, None, None));
    }

    #[test]
    fn the_ends_of_the_numbers_are_held() {
        let sketch = sketch_of(&[f64::MAX, f64::MAX, 0.0, -0.0, f64::MIN_POSITIVE, 5e-324]);
        assert_eq!(sketch.percentile(Percentile::MIN), Some(0.0));
        assert_eq!(sketch.percentile(Percentile::MAX), Some(f64::MAX));
        assert_eq!(sketch.sum(), f64::MAX);
        assert!(sketch.mean().unwrap().is_finite());
        assert!(sketch.octaves().iter().all(|(upper, _)| upper.is_finite()));
    }

    #[test]
    fn a_power_of_two_is_within_its_own_bound() {
        assert_eq!(sketch_of(&[4.0]).octaves(), [(4.0, 1)]);
        assert_eq!(
            sketch_of(&[0.0, 4.1, 8.0, 2.5]).octaves(),
            [(0.0, 1), (4.0, 1), (8.0, 2)]
        );
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let mut sketch = Sketch::new();
        for exponent in 1_u64..2047 {
            for step in 0_u64..64 {
                let value = f64::from_bits((exponent << 52) | (step << 46) | 1);
                sketch.record(value).unwrap();
                assert!(sketch.buckets.len() <= Sketch::MAX_BUCKETS);
            }
        }
        assert_eq!(sketch.count(), 2046 * 64);
        assert_eq!(sketch.relative_error(), 0.5);
    }

    /// Amounts over all magnitudes, with zeros and ties.
    fn amount() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => 0.0..1000.0_f64,
            2 => (0_u64..0x7ff0_0000_0000_0000).prop_map(f64::from_bits),
            1 => Just(0.0),
            1 => (0_u32..8).prop_map(f64::from),
        ]
    }

    proptest! {
        #[test]
        fn every_percentile_is_within_the_bound(
            values in prop::collection::vec(amount(), 1..300),
            p in 0.0..=100.0_f64,
        ) {
            let sketch = sketch_of(&values);
            let p = Percentile::new(p).unwrap();
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let rank = usize::try_from(p.rank(values.len() as u64).unwrap()).unwrap();
            let exact = sorted[rank - 1];
            let answer = sketch.percentile(p).unwrap();
            let allowed = (exact * sketch.relative_error()).max(f64::MIN_POSITIVE);
            prop_assert!((answer - exact).abs() <= allowed, "{answer} for {exact}");
        }

        #[test]
        fn merged_sketches_are_the_sketch_of_the_joined_stream(
            values in prop::collection::vec(0.0..1e6_f64, 0..200),
            cut in 0_usize..200,
        ) {
            let (left, right) = values.split_at(cut.min(values.len()));
            let mut merged = sketch_of(left);
            merged.merge(&sketch_of(right));
            assert_same(&merged, &sketch_of(&values));
            let mut other_way = sketch_of(right);
            other_way.merge(&sketch_of(left));
            assert_same(&merged, &other_way);
        }

        #[test]
        fn octaves_count_exactly(values in prop::collection::vec(amount(), 0..100)) {
            let mut below = 0;
            for (upper, count) in sketch_of(&values).octaves() {
                below += count;
                let exact = values.iter().filter(|v| **v <= upper.max(f64::MIN_POSITIVE.next_down())).count();
                prop_assert_eq!(below, exact as u64);
            }
            prop_assert_eq!(below, values.len() as u64);
        }
    }

    #[test]
    fn wide_sketches_merge_to_the_same_in_any_order() {
        // More than the finest resolution can hold, cut in two.
        let values: Vec<f64> = (900_u64..1100)
            .flat_map(|exponent| {
                (0_u64..64).map(move |s| f64::from_bits((exponent << 52) | (s << 46) | 9))
            })
            .collect();
        let whole = sketch_of(&values);
        assert!(whole.precision < FINEST);
        for cut in [1, 100, 5000, values.len() - 1] {
            let mut merged = sketch_of(&values[..cut]);
            merged.merge(&sketch_of(&values[cut..]));
            assert_same(&merged, &whole);
        }
    }

    #[cfg(feature = "serde")]
    mod serde {
        use super::*;

        #[test]
        fn a_sketch_travels_whole() {
            for values in [&[][..], &[0.0], &[0.0, 1.0, 3.5e9], &[f64::MAX, 0.1]] {
                let sketch = sketch_of(values);
                let text = serde_json::to_string(&sketch).unwrap();
                assert_eq!(serde_json::from_str::<Sketch>(&text).unwrap(), sketch);
            }
        }

        #[test]
        fn extremes_the_wrong_way_round_are_refused() {
            let mut changed = serde_json::to_value(sketch_of(&[1.001, 1.002])).unwrap();
            changed["min"] = serde_json::json!(1.003);
            assert!(serde_json::from_value::<Sketch>(changed).is_err());
        }

        #[test]
        fn a_sketch_that_cannot_be_is_refused() {
            let one = serde_json::to_value(sketch_of(&[1.0])).unwrap();
            for (field, value) in [
                ("precision", serde_json::json!(7)),
                ("precision", serde_json::json!(5)),
                ("zeros", serde_json::json!(1)),
                ("zeros", serde_json::json!(u64::MAX)),
                ("buckets", serde_json::json!([])),
                ("buckets", serde_json::json!([[65471, 0]])),
                ("buckets", serde_json::json!([[65471, 1], [65471, 1]])),
                ("buckets", serde_json::json!([[u64::MAX, 1]])),
                ("sum", serde_json::json!(-1.0)),
                ("min", serde_json::json!(0.5)),
                ("max", serde_json::json!(2.0)),
            ] {
                let mut changed = one.clone();
                changed[field] = value.clone();
                let read = serde_json::from_value::<Sketch>(changed);
                assert!(read.is_err(), "{field} = {value}");
            }
        }
    }
}

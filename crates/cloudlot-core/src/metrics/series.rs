//! A bounded history of one number: samples in a ring, and what can be said of a window of them.
//!
//! Time is an argument. Percentiles of a stream that no ring could hold are with
//! [`Sketch`](super::Sketch).

use std::collections::VecDeque;
use std::time::Duration;

use super::Percentile;
use crate::Timestamp;

/// The last samples of one number, oldest first.
///
/// # Windows
/// A window of length `w` at `now` is the half-open interval `(now − w, now]`: windows laid end to
/// end count every sample once. A window longer than the clock has run reaches back to its epoch.
/// Samples after `now` are left out, so a question about the past has the answer it had then, as
/// far as the history reaches.
///
/// # What is refused
/// NaN, infinities, and samples older than the latest. A second sample at the same time is kept.
/// Nothing a series answers is NaN or infinite.
/// ```
/// # use cloudlot_core::{Timestamp, metrics::{Percentile, Series}};
/// # use std::time::Duration;
/// let mut load = Series::new();
/// for second in 0..10 {
///     load.push(Timestamp::ZERO + Duration::from_secs(second), second as f64)?;
/// }
/// let (now, window) = (Timestamp::ZERO + Duration::from_secs(9), Duration::from_secs(4));
/// assert_eq!(load.latest(), Some(9.0));
/// assert_eq!(load.mean(now, window), Some(7.5)); // 6, 7, 8 and 9
/// assert_eq!(load.percentile(now, window, Percentile::P50), Some(7.0));
/// assert_eq!(load.slope(now, window), Some(1.0)); // per second
/// # Ok::<(), cloudlot_core::metrics::PushError>(())
/// ```
#[derive(PartialEq, Debug)]
pub struct Series {
    samples: VecDeque<(Timestamp, f64)>,
    capacity: usize,
    refused: u64,
}

/// Why a sample did not enter a [`Series`].
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum PushError {
    /// NaN or infinite.
    #[error("{0} is not a finite number")]
    NotFinite(f64),
    /// Older than the latest sample.
    #[error("a sample at {at:?} after one at {latest:?}")]
    Backwards {
        /// When the refused sample was taken.
        at: Timestamp,
        /// When the latest one was.
        latest: Timestamp,
    },
}

impl Clone for Series {
    /// With the memory of its whole history, so that pushes to the clone take none either.
    fn clone(&self) -> Self {
        let mut clone = Self::with_history(self.capacity);
        clone.samples.extend(&self.samples);
        clone.refused = self.refused;
        clone
    }
}

impl Default for Series {
    fn default() -> Self {
        Self::new()
    }
}

impl Series {
    /// The samples that a series keeps unless told otherwise.
    pub const DEFAULT_HISTORY: usize = 1000;
    /// The most samples a series can be told to keep: 16 MiB.
    pub const MAX_HISTORY: usize = 1 << 20;

    /// A series of the last 1,000 samples.
    #[must_use]
    pub fn new() -> Self {
        Self::with_history(Self::DEFAULT_HISTORY)
    }

    /// A series of the last `samples` samples, at least 1 and at most [`Series::MAX_HISTORY`].
    ///
    /// All memory is taken here; a push takes none.
    #[must_use]
    pub fn with_history(samples: usize) -> Self {
        let capacity = samples.clamp(1, Self::MAX_HISTORY);
        Self {
            samples: VecDeque::with_capacity(capacity),
            capacity,
            refused: 0,
        }
    }

    /// Appends a sample; a full series forgets its oldest.
    ///
    /// # Errors
    /// If the value is NaN or infinite, or `at` is before the latest sample. The series then
    /// only counts it among the [`refused`](Self::refused).
    pub fn push(&mut self, at: Timestamp, value: f64) -> Result<(), PushError> {
        if let Err(error) = self.check(at, value) {
            self.refused = self.refused.saturating_add(1);
            return Err(error);
        }
        if self.samples.len() == self.capacity {
            self.samples.pop_front();
        }
        self.samples.push_back((at, value));
        Ok(())
    }

    fn check(&self, at: Timestamp, value: f64) -> Result<(), PushError> {
        if !value.is_finite() {
            return Err(PushError::NotFinite(value));
        }
        match self.samples.back() {
            Some(&(latest, _)) if at < latest => Err(PushError::Backwards { at, latest }),
            _ => Ok(()),
        }
    }

    /// How many samples were refused; saturates.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// How many samples are kept at most.
    #[must_use]
    pub const fn history(&self) -> usize {
        self.capacity
    }

    /// How many samples are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is no sample yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The latest value.
    #[must_use]
    pub fn latest(&self) -> Option<f64> {
        self.samples.back().map(|(_, value)| *value)
    }

    /// All samples, oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = (Timestamp, f64)> + Clone {
        self.samples.iter().copied()
    }

    /// The samples of the window, oldest first.
    pub fn window(
        &self,
        now: Timestamp,
        window: Duration,
    ) -> impl DoubleEndedIterator<Item = (Timestamp, f64)> + Clone {
        let (first, end) = self.bounds(now, window);
        self.samples.range(first..end).copied()
    }

    fn bounds(&self, now: Timestamp, window: Duration) -> (usize, usize) {
        let first = match start_of(now, window) {
            Some(start) => self.samples.partition_point(|(at, _)| *at <= start),
            None => 0,
        };
        let end = self.samples.partition_point(|(at, _)| *at <= now);
        (first.min(end), end)
    }

    /// The mean of the samples in the window, each counting the same.
    #[must_use]
    pub fn mean(&self, now: Timestamp, window: Duration) -> Option<f64> {
        weighted_mean(self.window(now, window).map(|(_, value)| (value, 1.0)))
    }

    /// The mean over the time of the window: a value holds until the next sample, the last one
    /// until `now`. The value at the start of the window is that of the sample before it; time
    /// before the first known sample does not count.
    /// ```
    /// # use cloudlot_core::{Timestamp, metrics::Series};
    /// # use std::time::Duration;
    /// let second = Duration::from_secs(1);
    /// let mut busy = Series::new();
    /// busy.push(Timestamp::ZERO, 1.0)?;
    /// busy.push(Timestamp::ZERO + second, 0.0)?;
    /// let now = Timestamp::ZERO + 4 * second;
    /// assert_eq!(busy.time_weighted_mean(now, 4 * second), Some(0.25));
    /// # Ok::<(), cloudlot_core::metrics::PushError>(())
    /// ```
    #[must_use]
    pub fn time_weighted_mean(&self, now: Timestamp, window: Duration) -> Option<f64> {
        let start = start_of(now, window).unwrap_or(Timestamp::ZERO);
        let (first, end) = self.bounds(now, window);
        let held = self.samples.range(first.saturating_sub(1)..end);
        let ends = held.clone().skip(1).map(|(at, _)| *at).chain([now]);
        let spans = held
            .zip(ends)
            .map(|((at, value), until)| (*value, until.since((*at).max(start)).as_secs_f64()));
        // Without any time, all there is to say is the value that holds.
        let latest = end.checked_sub(1).map(|last| self.samples[last].1);
        weighted_mean(spans).or(latest)
    }

    /// The mean of the window in which a sample's weight halves with every `half_life` of its age,
    /// counted from the latest sample of the window.
    ///
    /// A half-life of zero leaves the latest sample alone (those of its time, if many).
    ///
    /// Source: exponentially weighted moving average, in its form for uneven gaps (Eckner 2014).
    #[must_use]
    pub fn ewma(&self, now: Timestamp, window: Duration, half_life: Duration) -> Option<f64> {
        let (newest, _) = self.window(now, window).next_back()?;
        let weight = |at: Timestamp| match newest.since(at) {
            Duration::ZERO => 1.0,
            age => (-age.as_secs_f64() / half_life.as_secs_f64()).exp2(),
        };
        weighted_mean(
            self.window(now, window)
                .map(|(at, value)| (value, weight(at))),
        )
    }

    /// The exact percentile of the window, by nearest rank: always a value of the window.
    #[must_use]
    pub fn percentile(&self, now: Timestamp, window: Duration, p: Percentile) -> Option<f64> {
        let mut values: Vec<f64> = self.window(now, window).map(|(_, value)| value).collect();
        let rank = p.rank(u64::try_from(values.len()).ok()?)?;
        let place = usize::try_from(rank).ok()?.checked_sub(1)?;
        let (_, value, _) = values.select_nth_unstable_by(place, f64::total_cmp);
        Some(*value)
    }

    /// The smallest value of the window.
    #[must_use]
    pub fn min(&self, now: Timestamp, window: Duration) -> Option<f64> {
        let values = self.window(now, window).map(|(_, value)| value);
        values.min_by(f64::total_cmp)
    }

    /// The largest value of the window.
    #[must_use]
    pub fn max(&self, now: Timestamp, window: Duration) -> Option<f64> {
        let values = self.window(now, window).map(|(_, value)| value);
        values.max_by(f64::total_cmp)
    }

    /// The slope of the least-squares line through the window, per second; `None` with fewer
    /// than two different times, or when it is beyond all numbers.
    #[must_use]
    pub fn slope(&self, now: Timestamp, window: Duration) -> Option<f64> {
        let origin = self.window(now, window).next()?.0;
        let points = || {
            self.window(now, window)
                .map(|(at, value)| (at.since(origin).as_secs_f64(), value))
        };
        let mean_x = weighted_mean(points().map(|(x, _)| (x, 1.0)))?;
        let mean_y = weighted_mean(points().map(|(_, y)| (y, 1.0)))?;
        let (xy, xx) = points().fold((0.0, 0.0), |(xy, xx), (x, y)| {
            let x = x - mean_x;
            (xy + x * (y - mean_y), xx + x * x)
        });
        let slope = xy / xx;
        (xx > 0.0 && slope.is_finite()).then_some(slope)
    }
}

/// The excluded start of the window, or `None` if it reaches back to the epoch and includes it.
fn start_of(now: Timestamp, window: Duration) -> Option<Timestamp> {
    let nanos = u64::try_from(window.as_nanos()).ok()?;
    now.as_nanos().checked_sub(nanos).map(Timestamp::from_nanos)
}

/// The mean of values by finite weights from zero up; `None` without any weight. It lies between
/// the smallest and the largest value that have a weight.
fn weighted_mean(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> Option<f64> {
    let pairs = pairs.filter(|(_, weight)| *weight > 0.0);
    let total: f64 = pairs.clone().map(|(_, weight)| weight).sum();
    let values = pairs.clone().map(|(value, _)| value);
    let (min, max) = (
        values.clone().min_by(f64::total_cmp)?,
        values.max_by(f64::total_cmp)?,
    );
    let sum: f64 = pairs.clone().map(|(value, weight)| value * weight).sum();
    let mean = if sum.is_finite() {
        sum / total
    } else {
        // The sum is beyond all numbers but its parts are not.
        pairs.map(|(value, weight)| value * (weight / total)).sum()
    };
    Some(mean.clamp(min, max))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const ALL: Duration = Duration::MAX;

    fn at(second: u32) -> Timestamp {
        Timestamp::ZERO + second * SECOND
    }

    fn series_of(samples: &[(u32, f64)]) -> Series {
        let mut series = Series::new();
        for &(second, value) in samples {
            series.push(at(second), value).unwrap();
        }
        series
    }

    #[test]
    fn what_is_no_sample_is_refused_and_counted() {
        let mut series = series_of(&[(5, 1.0)]);
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let refusal = series.push(at(6), value);
            assert!(matches!(refusal, Err(PushError::NotFinite(_))));
        }
        let refusal = series.push(at(4), 1.0);
        let (at4, latest) = (at(4), at(5));
        assert_eq!(refusal, Err(PushError::Backwards { at: at4, latest }));
        assert_eq!((series.len(), series.refused()), (1, 4));
        assert_eq!(series.push(at(5), 2.0), Ok(()));
    }

    #[test]
    fn a_full_series_forgets_its_oldest_and_takes_no_memory() {
        let mut series = Series::with_history(3);
        let room = series.samples.capacity();
        for second in 0..10_u32 {
            series.push(at(second), f64::from(second)).unwrap();
        }
        assert_eq!(series.samples.capacity(), room);
        assert!(series.samples().map(|(_, value)| value).eq([7.0, 8.0, 9.0]));
        assert!(series.clone().samples.capacity() >= room.min(3));
        assert_eq!(series.clone(), series);
        assert_eq!(Series::with_history(0).history(), 1);
        assert_eq!(
            Series::with_history(usize::MAX).history(),
            Series::MAX_HISTORY
        );
    }

    #[test]
    fn windows_end_to_end_count_every_sample_once() {
        let series = series_of(&[(0, 1.0), (1, 1.0), (2, 1.0), (2, 1.0), (4, 1.0)]);
        let count = |now| series.window(at(now), 2 * SECOND).count();
        assert_eq!((count(0), count(2), count(4)), (1, 3, 1));
        assert_eq!(series.window(at(4), ALL).count(), 5);
        assert_eq!(series.window(at(4), Duration::ZERO).count(), 0);
    }

    #[test]
    fn an_empty_window_says_nothing() {
        let series = series_of(&[(0, 1.0)]);
        let (now, window) = (at(9), SECOND);
        assert_eq!(series.mean(now, window), None);
        assert_eq!(series.percentile(now, window, Percentile::P50), None);
        assert_eq!(series.min(now, window), None);
        assert_eq!(series.slope(now, window), None);
        assert_eq!(series.ewma(now, window, SECOND), None);
        // But the value still holds.
        assert_eq!(series.time_weighted_mean(now, window), Some(1.0));
        assert_eq!(Series::new().time_weighted_mean(now, window), None);
    }

    #[test]
    fn time_weighs_a_value_by_how_long_it_held() {
        let series = series_of(&[(0, 4.0), (6, 0.0), (6, 2.0), (8, 10.0)]);
        let mean = |now, window| series.time_weighted_mean(at(now), window).unwrap();
        assert_eq!(mean(8, 4 * SECOND), 3.0); // 4 for two seconds, then 2 for two
        assert_eq!(mean(8, ALL), 3.5);
        assert_eq!(mean(10, 2 * SECOND), 10.0);
        assert_eq!(mean(0, SECOND), 4.0);
        assert_eq!(mean(3, ALL), 4.0);
    }

    #[test]
    fn the_weight_of_a_sample_halves_with_its_half_life() {
        let series = series_of(&[(0, 0.0), (1, 6.0)]);
        let ewma = |half_life| series.ewma(at(1), ALL, half_life).unwrap();
        assert_eq!(ewma(SECOND), 4.0);
        assert_eq!(ewma(Duration::ZERO), 6.0);
        assert_eq!(ewma(Duration::MAX), 3.0);
    }

    #[test]
    fn a_slope_needs_two_times() {
        let series = series_of(&[(3, 1.0), (3, 9.0)]);
        assert_eq!(series.slope(at(3), ALL), None);
        let series = series_of(&[(3, 9.0), (5, 5.0), (7, 1.0)]);
        assert_eq!(series.slope(at(7), ALL), Some(-2.0));
    }

    #[test]
    fn the_largest_numbers_give_numbers() {
        let series = series_of(&[(0, f64::MAX), (1, f64::MAX), (2, f64::MIN), (3, f64::MAX)]);
        let now = at(4);
        let answers = [
            series.mean(now, ALL),
            series.time_weighted_mean(now, ALL),
            series.ewma(now, ALL, SECOND),
            series.percentile(now, ALL, Percentile::P50),
        ];
        for answer in answers {
            assert!(answer.is_some_and(f64::is_finite), "{answer:?}");
        }
        assert_eq!(series.slope(now, ALL), None);
    }
}

//! A series in a few numbers.

use std::time::Duration;

use cloudlot_core::Timestamp;
use cloudlot_core::metrics::{Percentile, Series};

use super::samples::Samples;

/// A series in a few numbers, in its own unit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Summary {
    /// How many samples.
    pub count: usize,
    /// The mean.
    pub mean: f64,
    /// The standard deviation, with n.
    pub deviation: f64,
    /// The smallest.
    pub min: f64,
    /// The median, by nearest rank as all percentiles here.
    pub p50: f64,
    /// 95 of 100 are no larger.
    pub p95: f64,
    /// 99 of 100 are no larger.
    pub p99: f64,
    /// The largest.
    pub max: f64,
    /// The third standardised moment: above zero with a long tail upwards. Zero for a series that does not vary.
    pub skewness: f64,
    /// The fourth standardised moment less 3: zero for a normal, and for a series that does not vary.
    pub kurtosis: f64,
}

impl Summary {
    /// Of these; nothing of nothing.
    /// ```
    /// # use cloudlot_serverless::monitor::{Samples, Summary};
    /// # use std::time::Duration;
    /// let samples = Samples::new(Duration::from_secs(60), vec![1.0, 1.0, 1.0, 5.0])?;
    /// let summary = Summary::of(&samples).unwrap();
    /// assert_eq!((summary.mean, summary.p50, summary.max), (2.0, 1.0, 5.0));
    /// assert!(summary.skewness > 1.0);
    /// # Ok::<(), cloudlot_serverless::monitor::SamplesError>(())
    /// ```
    #[must_use]
    pub fn of(samples: &Samples) -> Option<Self> {
        let values = samples.values();
        let mut series = Series::with_history(values.len());
        for value in values {
            series.push(Timestamp::ZERO, *value).ok()?;
        }
        let at = |p| series.percentile(Timestamp::ZERO, Duration::MAX, p);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let [second, third, fourth] = moments(values, mean);
        let deviation = second.sqrt();
        let varies = deviation > mean * 1e-9;
        let standard = |moment: f64| if varies { moment } else { 0.0 };
        Some(Self {
            count: values.len(),
            mean,
            deviation,
            min: at(Percentile::MIN)?,
            p50: at(Percentile::P50)?,
            p95: at(Percentile::P95)?,
            p99: at(Percentile::P99)?,
            max: at(Percentile::MAX)?,
            skewness: standard(third / (second * deviation)),
            kurtosis: standard(fourth / (second * second) - 3.0),
        })
    }
}

/// The second, third and fourth central moments.
fn moments(values: &[f64], mean: f64) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for value in values {
        let off = value - mean;
        let square = off * off;
        sums[0] += square;
        sums[1] += square * off;
        sums[2] += square * square;
    }
    sums.map(|sum| sum / values.len() as f64)
}

//! What a series is like: its season, its trend, its bursts.

use std::fmt;
use std::time::Duration;

use super::samples::Samples;
use super::season;

/// What a series is like. What is missing was looked for and is not there, or the series is too short to tell.
///
/// The line is taken out before the season is looked for, the season before the trend is measured, and both before
/// bursts are. So neither is mistaken for another. It takes time in the square of the number of samples: some 2 ms for a thousand, half a second for ten thousand.
/// ```
/// use cloudlot_serverless::monitor::{Pattern, Samples};
/// use std::time::Duration;
///
/// // Three weeks of hours: quiet nights, busy days.
/// let hour = |n: u32| if (8..20).contains(&(n % 24)) { 90.0 } else { 10.0 };
/// let hours = Samples::new(Duration::from_secs(3600), (0..504).map(hour).collect())?;
/// let season = Pattern::of(&hours).season.expect("days are alike");
/// assert_eq!((season.lag, season.period), (24, Duration::from_secs(86_400)));
/// # Ok::<(), cloudlot_serverless::monitor::SamplesError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Pattern {
    /// What repeats.
    pub season: Option<Season>,
    /// Where it goes.
    pub trend: Option<Trend>,
    /// Whether it comes in bursts.
    pub burst: Option<Burst>,
}

/// A series repeats.
///
/// Found by autocorrelation: of at least 0.3, above what noise reaches in one of a hundred series whatever their length, higher than its neighbours
/// and than a valley before it, and seen for three rounds at least.
///
/// Source: Box and Jenkins, "Time Series Analysis", chapter 2; the bound is Bennett's (1962).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Season {
    /// After so many samples.
    pub lag: usize,
    /// After so long.
    pub period: Duration,
    /// The correlation at the lag, from 0.3 to 1.
    pub strength: f64,
}

/// A series rises or falls.
///
/// Found by the correlation with time, the season's means taken out of both: of at least 0.3, and above 3.29 standard errors, which noise passes
/// in one of a thousand series.
///
/// Source: least squares with dummies for the season, after Frisch and Waugh (1933).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trend {
    /// How much it gains from one sample to the next.
    pub slope: f64,
    /// The correlation with time, from -1 to 1.
    pub r: f64,
}

/// Calls come in bursts: what is left without trend and season varies more than independent calls do.
///
/// Found by the index of dispersion: of at least 1.5, and above 4 standard errors over the 1 of a Poisson process.
///
/// Source: Cox and Lewis, "The Statistical Analysis of Series of Events" (1966): the dispersion test.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Burst {
    /// Variance by mean; 1 for independent calls.
    pub dispersion: f64,
    /// The largest sample by the mean.
    pub peak: f64,
}

const LEAST_TREND: f64 = 0.3;
const TREND_ERRORS: f64 = 3.29;
const LEAST_DISPERSION: f64 = 1.5;
const DISPERSION_ERRORS: f64 = 4.0;
/// Of fewer samples nothing is said.
const LEAST_SAMPLES: usize = 8;

impl Pattern {
    /// What these are like.
    #[must_use]
    pub fn of(samples: &Samples) -> Self {
        let values = samples.values();
        if values.len() < LEAST_SAMPLES {
            return Self::default();
        }
        let flat = without_line(values);
        let found = if is_rounding(&flat, values) {
            None
        } else {
            season::find(&flat)
        };
        let season = found.map(|(lag, strength)| Season {
            lag,
            period: samples.period(lag),
            strength,
        });
        let lag = season.map_or(1, |season| season.lag);
        let (time, rest) = (
            without_round(&places(values), lag),
            without_round(values, lag),
        );
        let slope = slope(&time, &rest);
        let left: Vec<f64> = (time.iter().zip(&rest))
            .map(|(t, v)| v - slope * t)
            .collect();
        Self {
            season,
            trend: trend(&time, &rest, lag).filter(|_| !is_rounding(&rest, values)),
            burst: burst(values, &left, lag),
        }
    }
}

fn trend(time: &[f64], rest: &[f64], lag: usize) -> Option<Trend> {
    let r = season::correlation(time, rest)?;
    let free = time.len().checked_sub(lag)? as f64;
    let bound = LEAST_TREND.max(TREND_ERRORS / free.sqrt());
    (r.abs() > bound).then(|| Trend {
        slope: slope(time, rest),
        r,
    })
}

fn burst(values: &[f64], left: &[f64], lag: usize) -> Option<Burst> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    // Every mean of the season and the slope take a degree of freedom.
    let free = values.len().checked_sub(lag + 1).filter(|free| *free > 1)? as f64;
    let dispersion = left.iter().map(|v| v * v).sum::<f64>() / free / mean;
    let bound = LEAST_DISPERSION.max(1.0 + DISPERSION_ERRORS * (2.0 / free).sqrt());
    (mean > 0.0 && dispersion > bound).then(|| Burst {
        dispersion,
        peak: values.iter().copied().fold(0.0, f64::max) / mean,
    })
}

/// Whether what is left of the values is no more than what rounding leaves of them.
fn is_rounding(left: &[f64], values: &[f64]) -> bool {
    let largest = values.iter().copied().fold(0.0, f64::max);
    left.iter().all(|it| it.abs() <= largest * 1e-9)
}

fn places(values: &[f64]) -> Vec<f64> {
    (0..values.len()).map(|place| place as f64).collect()
}

fn without_line(values: &[f64]) -> Vec<f64> {
    let (time, rest) = (without_round(&places(values), 1), without_round(values, 1));
    let slope = slope(&time, &rest);
    (time.iter().zip(&rest))
        .map(|(t, v)| v - slope * t)
        .collect()
}

/// Each value less the mean of all at the same place of the round.
fn without_round(values: &[f64], lag: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); lag];
    for (place, value) in values.iter().enumerate() {
        let (sum, count) = &mut sums[place % lag];
        *sum += value;
        *count += 1.0;
    }
    let mean = |place: usize| sums[place % lag].0 / sums[place % lag].1;
    (values.iter().enumerate())
        .map(|(place, value)| value - mean(place))
        .collect()
}

/// The slope of the line through the origin; both sides have a mean of zero.
fn slope(time: &[f64], rest: &[f64]) -> f64 {
    let xy: f64 = time.iter().zip(rest).map(|(t, v)| t * v).sum();
    let xx: f64 = time.iter().map(|t| t * t).sum();
    if xx > 0.0 { xy / xx } else { 0.0 }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.season {
            Some(it) => write!(f, "repeats every {:?} (r {:.2})", it.period, it.strength)?,
            None => f.write_str("no season")?,
        }
        match self.trend {
            Some(it) => write!(f, ", trend {:+.4} a sample (r {:.2})", it.slope, it.r)?,
            None => f.write_str(", no trend")?,
        }
        match self.burst {
            Some(it) => write!(
                f,
                ", bursts (dispersion {:.1}, peak {:.1} × mean)",
                it.dispersion, it.peak
            ),
            None => f.write_str(", no bursts"),
        }
    }
}

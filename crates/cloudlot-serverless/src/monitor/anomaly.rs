//! What does not fit: a sample against those before it.
//!
//! The window never contains the sample that it judges. A window of thirty that did could score it with 5.3 at most, and an outage
//! would widen the spread that it is measured by.

use super::samples::Samples;

/// How far a sample is from what was expected.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Score {
    /// The centre of the window.
    pub expected: f64,
    /// How much the window varies, at least the detector's floor.
    pub spread: f64,
    /// The distance in spreads; negative below.
    pub z: f64,
}

/// A sample that does not fit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Anomaly {
    /// Which one, counted from zero.
    pub place: usize,
    /// What it is.
    pub value: f64,
    /// How far off.
    pub score: Score,
}

/// What the centre and the spread of a window are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Spread {
    /// The median, and 1.4826 times the median distance from it: half of the window may be wrong. Where that is zero, because more than
    /// half are equal, 1.2533 times the mean distance.
    ///
    /// Source: Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993).
    #[default]
    Median,
    /// The mean, and the standard deviation with n - 1.
    Mean,
}

/// Finds samples that do not fit.
/// ```
/// use cloudlot_serverless::monitor::{Detector, Spread};
///
/// let detector = Detector::new(30, 3.0, 1.0, Spread::Median)?;
/// let calm = [10.0, 12.0, 11.0, 9.0, 10.0].repeat(6);
/// assert!(detector.score(&calm, 11.0).unwrap().z.abs() < 1.0);
/// assert!(detector.score(&calm, 100.0).unwrap().z > 50.0);
/// # Ok::<(), cloudlot_serverless::monitor::DetectorError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Detector {
    window: usize,
    limit: f64,
    floor: f64,
    by: Spread,
}

/// Why there is no such detector.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum DetectorError {
    /// Too few samples to tell what is usual, or too many to look at.
    #[error("a window of {0} samples is not between 4 and 10000")]
    Window(usize),
    /// The limit is no positive number.
    #[error("a limit of {0} is not above zero")]
    Limit(f64),
    /// The floor is no positive number.
    #[error("a floor of {0} is not above zero")]
    Floor(f64),
}

/// Earlier rounds of the season that a sample is compared with.
const ROUNDS: usize = 5;

impl Default for Detector {
    /// Thirty samples, three spreads of at least one call, medians.
    fn default() -> Self {
        Self {
            window: 30,
            limit: 3.0,
            floor: 1.0,
            by: Spread::Median,
        }
    }
}

impl Detector {
    /// The smallest window.
    pub const LEAST: usize = 4;
    /// The largest window.
    pub const MOST: usize = 10_000;

    /// Judges by the last `window` samples: what is more than `limit` spreads off does not fit. The spread is at least `floor`, in the unit of
    /// the samples, so that a change next to nothing after silence is none.
    ///
    /// # Errors
    /// If the window is out of range, or one of the numbers is not finite or not above zero.
    pub fn new(window: usize, limit: f64, floor: f64, by: Spread) -> Result<Self, DetectorError> {
        if !(Self::LEAST..=Self::MOST).contains(&window) {
            return Err(DetectorError::Window(window));
        }
        if !(limit.is_finite() && limit > 0.0) {
            return Err(DetectorError::Limit(limit));
        }
        if !(floor.is_finite() && floor > 0.0) {
            return Err(DetectorError::Floor(floor));
        }
        Ok(Self {
            window,
            limit,
            floor,
            by,
        })
    }

    /// How far `value` is from the last samples of `past`, which does not contain it; nothing if those do not fill the window, or a number
    /// among them is not finite.
    #[must_use]
    pub fn score(&self, past: &[f64], value: f64) -> Option<Score> {
        let window = &past[past.len().checked_sub(self.window)?..];
        if !value.is_finite() || window.iter().any(|it| !it.is_finite()) {
            return None;
        }
        let (expected, spread) = match self.by {
            Spread::Median => by_median(window),
            Spread::Mean => by_mean(window),
        };
        let spread = spread.max(self.floor);
        Some(Score {
            expected,
            spread,
            z: (value - expected) / spread,
        })
    }

    /// Whether such a score does not fit.
    #[must_use]
    pub fn exceeds(&self, score: &Score) -> bool {
        score.z.abs() > self.limit
    }

    /// All samples that do not fit, oldest first. Those before the first full window are not judged.
    ///
    /// With a season of so many samples each is first compared with the median of up to five at the same place of earlier
    /// rounds, and what is left is judged: the peak of every day is none then, and a missing one is.
    #[must_use]
    pub fn scan(&self, samples: &Samples, season: Option<usize>) -> Vec<Anomaly> {
        let values = samples.values();
        let lag = season.filter(|lag| *lag > 0);
        let usual: Vec<f64> = match lag {
            None => vec![0.0; values.len()],
            Some(lag) => (0..values.len())
                .map(|place| usual(values, place, lag))
                .collect(),
        };
        let rest: Vec<f64> = values.iter().zip(&usual).map(|(v, u)| v - u).collect();
        let first = lag.unwrap_or(0);
        let mut found = Vec::new();
        for place in first..values.len() {
            let Some(score) = self.score(&rest[first..place], rest[place]) else {
                continue;
            };
            if self.exceeds(&score) {
                found.push(Anomaly {
                    place,
                    value: values[place],
                    score: Score {
                        expected: score.expected + usual[place],
                        ..score
                    },
                });
            }
        }
        found
    }
}

/// What came at this place of earlier rounds.
fn usual(values: &[f64], place: usize, lag: usize) -> f64 {
    let rounds = (place / lag).min(ROUNDS);
    let mut same: Vec<f64> = (1..=rounds)
        .map(|back| values[place - back * lag])
        .collect();
    median(&mut same)
}

fn by_median(window: &[f64]) -> (f64, f64) {
    let mut sorted = window.to_vec();
    let centre = median(&mut sorted);
    let mut distances: Vec<f64> = window.iter().map(|value| (value - centre).abs()).collect();
    let mean = distances.iter().sum::<f64>() / distances.len() as f64;
    let middle = median(&mut distances);
    let spread = if middle > 0.0 {
        1.4826 * middle
    } else {
        1.2533 * mean
    };
    (centre, spread)
}

fn by_mean(window: &[f64]) -> (f64, f64) {
    let count = window.len() as f64;
    let mean = window.iter().sum::<f64>() / count;
    let squares: f64 = window.iter().map(|v| (v - mean) * (v - mean)).sum();
    (mean, (squares / (count - 1.0)).sqrt())
}

/// The middle, or the mean of the two in the middle; zero of nothing.
pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.get(half) {
        None => 0.0,
        Some(upper) if values.len() % 2 == 1 => *upper,
        Some(upper) => (values[half - 1] + upper) / 2.0,
    }
}

//! What comes next, and how good such forecasts were so far.
//!
//! Every method forecasts the whole past, one origin after the other, from what was known then. The best by its past errors is
//! taken, for each horizon by itself, and its error is always told beside that of the baseline.

use std::fmt;

use cloudlot_policy::scale::{HoltWinters, Smoothing};

use super::samples::Samples;

/// How a forecast is made.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Method {
    /// What was so many samples ago, or the last whole round before: the baseline. 1 is "as it was last".
    Repeat(usize),
    /// The mean of the last samples, so many.
    Mean(usize),
    /// Holt-Winters smoothing, with a season of so many samples.
    Smooth {
        /// How fast it follows.
        speed: Smoothing,
        /// The season, if it uses one.
        season: Option<usize>,
    },
}

/// How far forecasts of one length were off.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Errors {
    /// How many were compared with what came.
    pub tested: usize,
    /// The mean absolute error, in the unit of the samples.
    pub mae: f64,
    /// The same by the mean step of the series from one round to the next (from one sample to the next without a season): below 1 is better
    /// than repeating. Nothing for a series that repeats exactly.
    ///
    /// Source: Hyndman and Koehler, "Another look at measures of forecast accuracy" (2006).
    pub mase: Option<f64>,
}

/// A forecast with what it is worth.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Forecast {
    /// How many samples ahead.
    pub steps: usize,
    /// What is expected, from zero up.
    pub value: f64,
    /// By whom.
    pub method: Method,
    /// How far that method was off.
    pub errors: Errors,
    /// How far repeating was off.
    pub baseline: Errors,
    /// Where nine of ten should lie; nothing before nine forecasts were tested.
    pub interval: Option<Interval>,
}

/// A range that holds nine of ten outcomes.
///
/// It is as wide as nine of ten past errors were, by rank `⌈0.9 (n + 1)⌉`: for errors in any order the next one lies within with 90 % at least.
///
/// Source: split conformal prediction (Vovk, Gammerman and Shafer 2005; Lei et al. 2018).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    /// The lower end, from zero up.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// How many past outcomes lay within the interval of their time; nothing if there was none to test.
    pub coverage: Option<f64>,
}

/// With fewer tested forecasts there is none.
const LEAST_TESTS: usize = 4;
/// Without a season forecasts begin after so many samples.
const LEAST_PAST: usize = 8;
/// The furthest forecast.
const FURTHEST: usize = 10_000;

fn methods(season: Option<usize>) -> Vec<Method> {
    let fading = |level, trend| Smoothing {
        level,
        trend,
        season: 0.1,
        damping: 0.9,
    };
    let round = season.unwrap_or(1);
    let mut all = vec![Method::Repeat(round)];
    if round > 1 {
        all.push(Method::Repeat(1));
    }
    all.extend([Method::Mean(8), Method::Mean(60)]);
    let speeds = [
        Smoothing::default(),
        fading(0.5, 0.1),
        fading(0.2, 0.05),
        fading(0.05, 0.01),
    ];
    for season in [None, season] {
        if season.is_some() || round == 1 {
            all.extend(speeds.map(|speed| Method::Smooth { speed, season }));
        }
    }
    all
}

/// The best forecast for each number of samples ahead, in that order; lengths of which too little was tested are left out.
///
/// `season` is the number of samples in a round, as [`Pattern`](super::Pattern) finds it. Forecasts are tested from the third round
/// on (without a season from the ninth sample), and four tests are the least.
/// ```
/// use cloudlot_serverless::monitor::{Samples, forecasts};
/// use std::time::Duration;
///
/// let wave = [10.0, 20.0, 60.0].repeat(6);
/// let samples = Samples::new(Duration::from_secs(60), wave)?;
/// let next = forecasts(&samples, Some(3), &[1, 2, 6]);
/// let values: Vec<f64> = next.iter().map(|it| it.value).collect();
/// assert_eq!(values, [10.0, 20.0, 60.0]);
/// assert!(next.iter().all(|it| it.errors.mae == 0.0));
/// # Ok::<(), cloudlot_serverless::monitor::SamplesError>(())
/// ```
#[must_use]
pub fn forecasts(samples: &Samples, season: Option<usize>, horizons: &[usize]) -> Vec<Forecast> {
    let season = season.filter(|lag| (2..=samples.len() / 2).contains(lag));
    let (values, round) = (samples.values(), season.unwrap_or(1));
    let start = LEAST_PAST.max(2 * round);
    let legal: Vec<usize> = (horizons.iter().copied())
        .filter(|steps| {
            (1..=FURTHEST).contains(steps) && start + steps + LEAST_TESTS <= values.len() + 1
        })
        .collect();
    let trials: Vec<(Method, Vec<Trial>)> = methods(season)
        .into_iter()
        .map(|method| (method, trials(values, method, start, &legal)))
        .collect();
    let scale = mean_step(values, round);
    let each = legal.iter().enumerate().filter_map(|(place, &steps)| {
        let of = |trials: &[Trial]| trials[place].errors(scale);
        let (_, first) = trials.first()?;
        let (method, best) = trials
            .iter()
            .min_by(|(_, a), (_, b)| of(a).mae.total_cmp(&of(b).mae))?;
        let trial = &best[place];
        Some(Forecast {
            steps,
            value: trial.next,
            method: *method,
            errors: trial.errors(scale),
            baseline: of(first),
            interval: trial.interval(steps),
        })
    });
    each.collect()
}

/// How a method did at one length, and what it says now.
struct Trial {
    off: Vec<f64>,
    next: f64,
}

/// Forecasts of all lengths from every origin.
fn trials(values: &[f64], method: Method, start: usize, horizons: &[usize]) -> Vec<Trial> {
    let mut off = vec![Vec::with_capacity(values.len()); horizons.len()];
    let mut state = State::begin(method, &values[..start.min(values.len())]);
    for origin in start..values.len() {
        for (missed, steps) in off.iter_mut().zip(horizons) {
            if let Some(came) = values.get(origin + steps - 1) {
                missed.push(came - state.ahead(&values[..origin], *steps));
            }
        }
        state.push(values[origin]);
    }
    let rows = off.into_iter().zip(horizons);
    rows.map(|(off, steps)| Trial {
        off,
        next: state.ahead(values, *steps),
    })
    .collect()
}

/// A method under way.
enum State {
    Past(Method),
    Smooth(Box<HoltWinters>),
}

impl State {
    fn begin(method: Method, past: &[f64]) -> Self {
        match method {
            Method::Smooth { speed, season } => match HoltWinters::new(speed, past, season) {
                Ok(smooth) => Self::Smooth(Box::new(smooth)),
                Err(_) => Self::Past(Method::Repeat(1)),
            },
            Method::Repeat(_) | Method::Mean(_) => Self::Past(method),
        }
    }

    fn push(&mut self, value: f64) {
        if let Self::Smooth(smooth) = self {
            smooth.push(value);
        }
    }

    fn ahead(&self, past: &[f64], steps: usize) -> f64 {
        let value = match self {
            Self::Smooth(smooth) => smooth.ahead(steps),
            Self::Past(Method::Mean(last)) => {
                let window = &past[past.len().saturating_sub(*last)..];
                window.iter().sum::<f64>() / window.len().max(1) as f64
            }
            Self::Past(Method::Repeat(round)) => {
                let back = round * steps.div_ceil(*round);
                let place = (past.len() + steps - 1).checked_sub(back);
                place
                    .and_then(|place| past.get(place))
                    .copied()
                    .unwrap_or(0.0)
            }
            Self::Past(Method::Smooth { .. }) => 0.0,
        };
        value.max(0.0)
    }
}

impl Trial {
    fn errors(&self, scale: f64) -> Errors {
        let tested = self.off.len();
        let mae = self.off.iter().map(|off| off.abs()).sum::<f64>() / tested.max(1) as f64;
        Errors {
            tested,
            mae,
            mase: (scale > 0.0).then(|| mae / scale),
        }
    }

    /// The interval now, and how many of the past ones held what came.
    fn interval(&self, steps: usize) -> Option<Interval> {
        let mut sorted: Vec<f64> = Vec::with_capacity(self.off.len());
        let (mut held, mut tested) = (0.0, 0.0);
        for (place, off) in self.off.iter().enumerate() {
            // What a forecast of this length missed is known so many samples later.
            if let Some(known) = place.checked_sub(steps) {
                let missed = self.off[known].abs();
                sorted.insert(sorted.partition_point(|it| *it < missed), missed);
            }
            if let Some(width) = width(&sorted) {
                tested += 1.0;
                held += f64::from(u8::from(off.abs() <= width));
            }
        }
        sorted = self.off.iter().map(|off| off.abs()).collect();
        sorted.sort_by(f64::total_cmp);
        let width = width(&sorted)?;
        Some(Interval {
            low: (self.next - width).max(0.0),
            high: self.next + width,
            coverage: (tested > 0.0).then(|| held / tested),
        })
    }
}

/// The error of rank `⌈0.9 (n + 1)⌉`, if there are so many.
fn width(sorted: &[f64]) -> Option<f64> {
    // In tenths, so that no rounding moves the rank.
    let rank = (9 * (sorted.len() + 1)).div_ceil(10);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn mean_step(values: &[f64], round: usize) -> f64 {
    let pairs = values.iter().zip(values.iter().skip(round));
    let count = values.len().saturating_sub(round).max(1) as f64;
    pairs.map(|(early, late)| (late - early).abs()).sum::<f64>() / count
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repeat(1) => f.write_str("as the last"),
            Self::Repeat(round) => write!(f, "as {round} before"),
            Self::Mean(last) => write!(f, "mean of {last}"),
            Self::Smooth {
                speed,
                season: None,
            } => write!(f, "smoothed {}/{}", speed.level, speed.trend),
            Self::Smooth {
                speed,
                season: Some(lag),
            } => {
                write!(
                    f,
                    "smoothed {}/{} with a season of {lag}",
                    speed.level, speed.trend
                )
            }
        }
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ahead {:.2}", self.steps, self.value)?;
        if let Some(it) = self.interval {
            write!(f, " ({:.2} to {:.2}", it.low, it.high)?;
            match it.coverage {
                Some(share) => write!(f, ", held {:.0} %)", share * 100.0)?,
                None => f.write_str(")")?,
            }
        }
        write!(f, " by {}, off {:.2}", self.method, self.errors.mae)?;
        if let Some(mase) = self.errors.mase {
            write!(f, " (MASE {mase:.2})")?;
        }
        write!(
            f,
            " against {:.2} by repeating, {} tests",
            self.baseline.mae, self.errors.tested
        )
    }
}

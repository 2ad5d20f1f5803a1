//! The hybrid histogram: a window between two percentiles of a function's idle times.
//!
//! Source: Shahrad et al., "Serverless in the Wild", USENIX ATC 2020, section 4. There an app is the unit, here a function; there the
//! forecast for idle times beyond the histogram is ARIMA, here exponential smoothing of the last ones.

use std::time::Duration;

use cloudlot_core::Timestamp;

use crate::{Function, FunctionId, KeepAlive, Prewarm, Rest, Resting};

/// Settings of [`Hybrid`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct HybridConfig {
    /// How many bins of a minute there are: idle times beyond are out of bounds.
    pub minutes: u32,
    /// The share of idle times below the window's begin.
    pub head: f64,
    /// The share of idle times below the window's end.
    pub tail: f64,
    /// By which part the begin is taken earlier and the end later.
    pub margin: f64,
    /// The histogram counts if the coefficient of variation of its bins is at least this.
    pub variation: f64,
    /// Beyond this share of idle times out of bounds, the forecast counts.
    pub beyond: f64,
    /// By which part of the forecast the window begins earlier and ends later.
    pub forecast_margin: f64,
}

impl HybridConfig {
    /// As published: four hours, the 5th and the 99th percentile, margins of 10 %, a variation of 2, a forecast with 15 %.
    pub const PUBLISHED: Self = Self {
        minutes: 240,
        head: 0.05,
        tail: 0.99,
        margin: 0.10,
        variation: 2.0,
        beyond: 0.5,
        forecast_margin: 0.15,
    };

    /// As published, with another range.
    #[must_use]
    pub const fn within(minutes: u32) -> Self {
        Self {
            minutes,
            ..Self::PUBLISHED
        }
    }
}

impl Default for HybridConfig {
    fn default() -> Self {
        Self::PUBLISHED
    }
}

/// What an idle time adds to the forecast.
const SMOOTHING: f64 = 0.3;

/// The hybrid histogram policy, for each function by itself.
///
/// While a function's histogram says nothing (too few idle times, or spread too evenly) its instances are kept for the whole range.
#[derive(Clone, Debug)]
pub struct Hybrid {
    config: HybridConfig,
    functions: Vec<History>,
}

#[derive(Clone, Debug)]
struct History {
    bins: Vec<u32>,
    /// Idle times within the range, and the squares of the bins' counts.
    total: u64,
    squares: u64,
    beyond: u64,
    /// In seconds; only of those beyond the range.
    forecast: f64,
    /// Whether a call has come.
    known: bool,
    /// Since when no call runs.
    idle_since: Option<Timestamp>,
    window: Option<Window>,
}

/// In seconds from the rest.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: f64,
    until: f64,
}

impl Hybrid {
    /// A policy that has seen nothing.
    #[must_use]
    pub const fn new(config: HybridConfig) -> Self {
        Self {
            config,
            functions: Vec::new(),
        }
    }
}

impl KeepAlive for Hybrid {
    fn added(&mut self, _: FunctionId, _: &Function) {
        self.functions.push(History {
            bins: Vec::new(),
            total: 0,
            squares: 0,
            beyond: 0,
            forecast: 0.0,
            known: false,
            idle_since: None,
            window: None,
        });
    }

    fn arrived(&mut self, function: FunctionId, now: Timestamp) {
        let minutes = self.config.minutes;
        let Some(history) = self.functions.get_mut(at(function)) else {
            return;
        };
        // One that comes while others run, which an instance of its own has to serve, finds the function idle for no time.
        if let Some(since) = history.idle_since.take() {
            history.add(now.since(since), minutes);
        } else if history.known {
            history.add(Duration::ZERO, minutes);
        }
        history.known = true;
    }

    fn rest(&mut self, resting: &Resting) -> Rest {
        let config = &self.config;
        let range = f64::from(config.minutes) * 60.0;
        let Some(history) = self.functions.get_mut(at(resting.function)) else {
            return Rest::keep(seconds(range));
        };
        if resting.busy == 0 {
            history.idle_since = Some(resting.now);
        }
        let window = match history.window {
            Some(window) => window,
            None => *history.window.insert(history.decide(config)),
        };
        // A window that begins within its first minute is one without a release.
        if window.from < 60.0 {
            return Rest::keep(seconds(window.until));
        }
        Rest {
            keep: Duration::ZERO,
            prewarm: Some(Prewarm {
                after: seconds(window.from),
                keep: seconds(window.until - window.from),
            }),
        }
    }
}

impl History {
    fn add(&mut self, idle: Duration, minutes: u32) {
        self.window = None;
        let minute = idle.as_secs() / 60;
        if minute >= u64::from(minutes) {
            let seconds = idle.as_secs_f64();
            let old = if self.beyond == 0 {
                seconds
            } else {
                self.forecast
            };
            self.forecast = old + SMOOTHING * (seconds - old);
            self.beyond += 1;
            return;
        }
        if self.bins.is_empty() {
            self.bins = vec![0; usize::try_from(minutes).unwrap_or(0)];
        }
        let bin = &mut self.bins[usize::try_from(minute).unwrap_or(0)];
        // (n + 1)² − n².
        self.squares += 2 * u64::from(*bin) + 1;
        *bin = bin.saturating_add(1);
        self.total += 1;
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of calls")]
    fn decide(&self, config: &HybridConfig) -> Window {
        let range = f64::from(config.minutes) * 60.0;
        let (total, beyond) = (self.total as f64, self.beyond as f64);
        if beyond > config.beyond * (total + beyond) {
            return Window {
                from: self.forecast * (1.0 - config.forecast_margin),
                until: self.forecast * (1.0 + config.forecast_margin),
            };
        }
        let mean = total / f64::from(config.minutes);
        let variance = self.squares as f64 / f64::from(config.minutes) - mean * mean;
        if total == 0.0 || variance < (config.variation * mean) * (config.variation * mean) {
            return Window {
                from: 0.0,
                until: range,
            };
        }
        // The begin of the head's bin, the end of the tail's.
        let head = percentile(&self.bins, config.head * total);
        let tail = percentile(&self.bins, config.tail * total) + 1.0;
        Window {
            from: head * 60.0 * (1.0 - config.margin),
            until: tail * 60.0 * (1.0 + config.margin),
        }
    }
}

/// The bin in which the running sum reaches this much.
fn percentile(bins: &[u32], goal: f64) -> f64 {
    let mut sum = 0.0;
    let mut number = 0.0;
    for &bin in bins {
        sum += f64::from(bin);
        if sum >= goal {
            break;
        }
        number += 1.0;
    }
    number
}

fn at(function: FunctionId) -> usize {
    usize::try_from(function.number()).unwrap_or(usize::MAX)
}

fn seconds(count: f64) -> Duration {
    Duration::try_from_secs_f64(count).unwrap_or(Duration::MAX)
}

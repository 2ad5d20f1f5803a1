//! Predictive scaling: as many units as the load will need once units that are asked for now are there.

use super::Scaler;
use super::evidence::{Check, unbroken, units};
use super::smooth::{HoltWinters, Smoothing};
use cloudlot_core::metrics::{Percentile, Series};
use cloudlot_core::{Faults, Rule, Timestamp};
use std::time::Duration;

/// How a forecast follows the load.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fit {
    /// So fast, and with the season if there is one.
    Fixed(Smoothing),
    /// As fast as would have been best: of a straight line and of four speeds with a trend that fades, with and without the
    /// season, that whose past forecasts were closest, a miss upwards weighing as much more as the quantile says.
    Best,
}

impl Fit {
    /// Each smoothing to try, with whether the season is used.
    fn candidates(self) -> impl Iterator<Item = (Smoothing, bool)> {
        let fading = |level, trend| Smoothing {
            level,
            trend,
            damping: 0.9,
            ..Smoothing::default()
        };
        // A straight line comes first: it is what stays when nothing is missed.
        let speeds = [
            (Smoothing::default(), false),
            (fading(0.8, 0.1), false),
            (fading(0.5, 0.1), false),
            (fading(0.2, 0.05), false),
            (fading(0.05, 0.01), false),
            (fading(0.5, 0.1), true),
            (fading(0.2, 0.05), true),
            (fading(0.05, 0.01), true),
        ];
        let (fixed, best) = match self {
            Self::Fixed(smoothing) => (Some((smoothing, true)), None),
            Self::Best => (None, Some(speeds)),
        };
        fixed.into_iter().chain(best.into_iter().flatten())
    }
}

/// What a [`Predictive`] scaler goes by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PredictiveConfig {
    /// The load that each unit is to have; 1.0 is fully used.
    pub utilisation: f64,
    /// How far below the target the utilisation may be before units go, as a share of the target. More is met at once.
    pub tolerance: f64,
    /// How long it takes until a unit that was asked for is there.
    pub lead: Duration,
    /// The step of the forecast, and how often the scaler is asked: what it does not ask for now is there one step later.
    pub interval: Duration,
    /// How the forecast follows the load.
    pub fit: Fit,
    /// After how many intervals the load repeats, if it does.
    pub season: Option<usize>,
    /// How many of the past forecasts would have been high enough with the margin that is added.
    pub quantile: Percentile,
    /// How many intervals are looked back at most.
    pub memory: usize,
    /// Samples further apart than this, or older, are no evidence.
    pub fresh: Duration,
}

impl Default for PredictiveConfig {
    /// 80 % within a tenth, units that take a minute, asked once a minute, no season, a margin for nine of ten forecasts,
    /// four hours of memory.
    fn default() -> Self {
        Self {
            utilisation: 0.8,
            tolerance: 0.1,
            lead: Duration::from_secs(60),
            interval: Duration::from_secs(60),
            fit: Fit::Best,
            season: None,
            quantile: Percentile::P90,
            memory: 240,
            fresh: Duration::from_secs(300),
        }
    }
}

/// The most steps ahead, and the most intervals of memory: what one decision may cost.
const STEPS: u64 = 1_000;
const MEMORY: u64 = 100_000;
/// Of fewer past forecasts no margin is learnt.
const LEAST_FORECASTS: usize = 3;

/// As many units as the highest forecast needs, from now until units of the next decision could be there.
///
/// The load of each interval is the mean of its samples; Holt-Winters smoothing forecasts it, as fast as [`Fit`] says. Forecasts of the same length
/// were made all along the history, and were too low by so much: an upper quantile of that is added, so that noise is met
/// with as much margin as it needs and no more. A negative margin is none.
///
/// Nothing is remembered: the history is smoothed anew with every question, once for each speed.
///
/// Source: Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, chapter 8 for the forecast and
/// section 5.5 for intervals from residuals.
/// ```
/// use cloudlot_core::{Timestamp, metrics::Series};
/// use cloudlot_policy::scale::{Predictive, PredictiveConfig, Scaler};
/// use std::time::Duration;
///
/// let scaler = Predictive::new(PredictiveConfig::default())?;
/// let at = |minute: u64| Timestamp::ZERO + Duration::from_secs(60 * minute);
/// let mut load = Series::new();
/// for minute in 0..=10 {
///     load.push(at(minute), minute as f64)?;
/// }
/// // 10 now, 12 when units of the next decision are there.
/// assert_eq!(scaler.target(&load, 13, at(10)), Some(15));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Predictive {
    config: PredictiveConfig,
    /// Intervals until units of the next decision are there.
    steps: usize,
}

impl Predictive {
    /// A scaler that forecasts so.
    ///
    /// # Errors
    /// Every number that is not in its range: utilisation above zero; tolerance and smoothing from 0 to 1; some interval,
    /// some `fresh`, at most 1,000 intervals until units are there and 100,000 of memory.
    pub fn new(config: PredictiveConfig) -> Result<Self, Faults> {
        let check = Check::default()
            .above_zero("utilisation", config.utilisation)
            .share("tolerance", config.tolerance)
            .some_time("interval", config.interval)
            .some_time("fresh", config.fresh);
        let check = match config.fit {
            Fit::Fixed(smoothing) => smoothing.check(check),
            Fit::Best => check,
        };
        let mut faults = check.or(()).err().unwrap_or_default();
        let interval = config.interval.as_nanos().max(1);
        let steps = config.lead.as_nanos().div_ceil(interval).saturating_add(1);
        let outside = |most| Rule::Outside { least: 1, most };
        if steps > u128::from(STEPS) {
            faults.add("lead", format_args!("{:?}", config.lead), outside(STEPS));
        }
        if !(1..=MEMORY).contains(&u64::try_from(config.memory).unwrap_or(u64::MAX)) {
            faults.add("memory", config.memory, outside(MEMORY));
        }
        let steps = usize::try_from(steps).unwrap_or(usize::MAX);
        faults.or(Self { config, steps })
    }

    /// The load to be ready for: the highest forecast with its margin, or `None` without evidence.
    ///
    /// Evidence are two samples at least, and three past forecasts to learn the margin from.
    #[must_use]
    pub fn forecast(&self, history: &Series, now: Timestamp) -> Option<f64> {
        let loads = self.intervals(history, now);
        let trials = self
            .config
            .fit
            .candidates()
            .filter_map(|(smoothing, used)| {
                let season = self.config.season.filter(|_| used);
                self.trial(&loads, smoothing, season)
            });
        let best = trials.min_by(|one, other| one.loss.total_cmp(&other.loss))?;
        Some(best.load)
    }

    /// What this smoothing makes of the loads, or `None` if it is no number or has too little to learn from.
    fn trial(&self, loads: &[f64], smoothing: Smoothing, season: Option<usize>) -> Option<Trial> {
        let (mut smooth, start) = HoltWinters::begin(smoothing, loads, season);
        let mut missed = Series::with_history(loads.len());
        for (place, load) in loads.iter().enumerate().skip(start) {
            smooth.push(*load);
            if let Some(came) = loads.get(place + self.steps) {
                // What is beyond all numbers is no forecast, and does not count as one.
                let _ = missed.push(Timestamp::ZERO, came - smooth.ahead(self.steps));
            }
        }
        if missed.len() < LEAST_FORECASTS {
            return None;
        }
        let quantile = self.config.quantile;
        let margin = missed.percentile(Timestamp::ZERO, Duration::MAX, quantile)?;
        let forecasts = (1..=self.steps).map(|step| smooth.ahead(step) + margin.max(0.0));
        forecasts.clone().all(f64::is_finite).then_some(())?;
        Some(Trial {
            loss: loss(&missed, margin, quantile),
            load: forecasts.max_by(f64::total_cmp)?.max(0.0),
        })
    }

    /// The mean load of each interval that ends at `now` or a whole number of intervals before, oldest first; one without
    /// samples repeats the one before it.
    fn intervals(&self, history: &Series, now: Timestamp) -> Vec<f64> {
        let config = &self.config;
        let mut loads: Vec<(f64, f64)> = Vec::new();
        for (at, load) in unbroken(history, now, config.fresh) {
            let age = now.since(at).as_nanos() / config.interval.as_nanos();
            match usize::try_from(age) {
                Ok(age) if age < config.memory => {
                    loads.resize(age + 1, (0.0, 0.0));
                    let (sum, count) = &mut loads[age];
                    *sum += load;
                    *count += 1.0;
                }
                _ => break,
            }
        }
        let mut last = 0.0;
        let oldest_first = loads.into_iter().rev();
        oldest_first
            .map(|(sum, count)| {
                if count > 0.0 {
                    last = sum / count;
                }
                last
            })
            .collect()
    }
}

/// A forecast and what its kind would have been worth so far.
struct Trial {
    loss: f64,
    load: f64,
}

/// The mean quantile loss of forecasts that missed by so much, with a margin: what came above costs the quantile, what stayed
/// below costs the rest.
///
/// Source: Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, section 5.9, quantile scores.
fn loss(missed: &Series, margin: f64, quantile: Percentile) -> f64 {
    let above = quantile.get() / 100.0;
    let each = missed.samples().map(|(_, miss)| {
        let off = miss - margin;
        (above * off).max((above - 1.0) * off)
    });
    let count = u32::try_from(missed.len()).map_or(f64::MAX, f64::from);
    each.sum::<f64>() / count
}

impl Scaler for Predictive {
    fn target(&self, history: &Series, current: u32, now: Timestamp) -> Option<u32> {
        let config = &self.config;
        let load = self.forecast(history, now)?;
        let target = units(load, config.utilisation);
        let aim = f64::from(current) * config.utilisation;
        if target < current && load >= aim * (1.0 - config.tolerance) {
            return Some(current);
        }
        Some(target)
    }
}

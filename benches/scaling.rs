//! Scalers on real arrival curves: unit-minutes that were provided in vain, and that were missing, counted in virtual time.
//!
//! Nothing is timed. The traces are found through `CLOUDLOT_DATA`; without them the bench says so and counts nothing.

#[path = "scaling/arrivals.rs"]
mod arrivals;
#[path = "scaling/hpa.rs"]
mod hpa;

use arrivals::Trace;
use cloudlot_core::Timestamp;
use cloudlot_core::metrics::{Percentile, Series};
use cloudlot_policy::scale::{
    Band, Bounded, Bounds, Change, Fit, Highest, Predictive, PredictiveConfig, RateConfig,
    RateOfChange, Scaler, Smoothing, Stabilised, TargetTracking, Threshold, ThresholdConfig,
    TrackingConfig,
};
use hpa::Hpa;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

/// How much of each unit is to be used where that is all the head room.
const UTILISATION: f64 = 0.8;
/// The same where the head room is the margin of forecasts.
const FULL: f64 = 1.0;
/// How far every scaler looks back before it lets units go; the default of Kubernetes.
const LOOK_BACK: Duration = Duration::from_secs(300);
/// Timers fire every 5, 10, 15 or 30 minutes: after this they all repeat.
const SEASON: Duration = Duration::from_secs(1_800);
/// How long it takes until a unit that was asked for is there, in seconds.
const LEADS: [u64; 2] = [60, 120];

fn main() {
    let folder = std::env::var_os("CLOUDLOT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let folder = folder.join("serverless");
    let traces = match arrivals::all(&folder) {
        Ok(traces) => traces,
        Err(error) => {
            println!("SKIPPED: the traces are not there, nothing was counted: {error}");
            println!("set CLOUDLOT_DATA to the folder that holds `serverless`");
            return;
        }
    };
    for trace in traces {
        for lead in LEADS {
            table(&trace, Duration::from_secs(lead));
        }
    }
}

/// Every scaler on one trace.
fn table(trace: &Trace, lead: Duration) {
    let total = trace.load.iter().sum::<f64>() * trace.interval.as_secs_f64() / 60.0;
    println!(
        "\n{}, a unit: {}; {} intervals of {} s, {total:.0} unit-minutes asked for, lead {} s",
        trace.name,
        trace.unit,
        trace.load.len(),
        trace.interval.as_secs(),
        lead.as_secs(),
    );
    let curve = Curve::of(trace, lead);
    println!("| scaler | over | under | formula at the same over | actions |");
    println!("|---|---|---|---|---|");
    for (name, mut scaler) in scalers(trace.interval, lead) {
        let run = replay(trace, lead, &mut *scaler);
        let formula = curve
            .under_at(run.over)
            .map_or("-".to_owned(), |under| format!("{under:.0}"));
        println!(
            "| {name} | {:.0} | {:.0} | {formula} | {} |",
            run.over, run.under, run.actions
        );
    }
}

/// What the HPA formula leaves missing for what it provides in vain, at utilisations from 30 to 150 %: any scaler can trade one
/// for the other by its target, so that only the same `over` compares.
struct Curve(Vec<(f64, f64)>);

impl Curve {
    fn of(trace: &Trace, lead: Duration) -> Self {
        let runs = (6..=30).map(|twentieths| {
            let run = replay(trace, lead, &mut Hpa::new(f64::from(twentieths) / 20.0));
            (run.over, run.under)
        });
        let mut curve: Vec<(f64, f64)> = runs.collect();
        curve.sort_by(|one, other| one.0.total_cmp(&other.0));
        Self(curve)
    }

    /// Between the two runs that provided a little less and a little more in vain.
    fn under_at(&self, over: f64) -> Option<f64> {
        let pair = self
            .0
            .windows(2)
            .find(|pair| pair[0].0 <= over && over <= pair[1].0)?;
        let share = (over - pair[0].0) / (pair[1].0 - pair[0].0).max(f64::MIN_POSITIVE);
        Some(pair[0].1 + share * (pair[1].1 - pair[0].1))
    }
}

/// What a scaler cost, in unit-minutes.
#[derive(Default)]
struct Run {
    over: f64,
    under: f64,
    actions: u32,
}

/// Follows a scaler through a trace: units come one lead time after they were asked for, and go at once. What was not served
/// is not asked for again.
fn replay(trace: &Trace, lead: Duration, scaler: &mut dyn Scaler) -> Run {
    let minutes = trace.interval.as_secs_f64() / 60.0;
    let first = trace.load.first().copied().unwrap_or(0.0);
    let mut ready = (1..)
        .find(|units| f64::from(*units) * UTILISATION >= first)
        .unwrap_or(1);
    let mut ordered: VecDeque<(Timestamp, u32)> = VecDeque::new();
    let mut history = Series::with_history(trace.load.len());
    let mut now = Timestamp::ZERO;
    let mut run = Run::default();
    for load in &trace.load {
        while ordered.front().is_some_and(|(at, _)| *at <= now) {
            ready += ordered.pop_front().map_or(0, |(_, units)| units);
        }
        let units = f64::from(ready);
        run.over += (units - load).max(0.0) * minutes;
        run.under += (load - units).max(0.0) * minutes;
        now = now + trace.interval;
        history.push(now, *load).expect("traces hold numbers");

        let coming: u32 = ordered.iter().map(|(_, units)| units).sum();
        let current = ready + coming;
        let target = scaler.target(&history, current, now).unwrap_or(current);
        if target == current {
            continue;
        }
        run.actions += 1;
        scaler.observe(&Change {
            at: now,
            from: current,
            to: target,
        });
        match target.checked_sub(current) {
            Some(more) => ordered.push_back((now + lead, more)),
            // No order is called back.
            None => ready -= (current - target).min(ready),
        }
    }
    run
}

type Named = (&'static str, Box<dyn Scaler>);

/// All of them look back as far and are bounded alike.
fn scalers(interval: Duration, lead: Duration) -> Vec<Named> {
    let forecast = |utilisation, p: f64| PredictiveConfig {
        utilisation,
        lead,
        interval,
        quantile: Percentile::new(p).expect("a percentile"),
        ..PredictiveConfig::default()
    };
    let season = SEASON.as_secs() / interval.as_secs();
    let seasonal = |p: f64| PredictiveConfig {
        season: usize::try_from(season).ok(),
        ..forecast(FULL, p)
    };
    let fixed = |p: f64| PredictiveConfig {
        fit: Fit::Fixed(Smoothing::default()),
        ..forecast(FULL, p)
    };
    let pair: [Box<dyn Scaler>; 2] = [
        Box::new(tracking(interval, FULL)),
        Box::new(predictive(forecast(FULL, 90.0))),
    ];
    vec![
        ("HPA formula", Box::new(Hpa::new(UTILISATION))),
        ("target tracking", calm(tracking(interval, UTILISATION))),
        ("threshold", calm(threshold(interval))),
        ("rate of change", calm(rate(interval, lead))),
        (
            "predictive, P50",
            calm(predictive(forecast(UTILISATION, 50.0))),
        ),
        (
            "predictive, P80, full",
            calm(predictive(forecast(FULL, 80.0))),
        ),
        (
            "predictive, P90, full",
            calm(predictive(forecast(FULL, 90.0))),
        ),
        (
            "predictive, P95, full",
            calm(predictive(forecast(FULL, 95.0))),
        ),
        (
            "predictive, P90, full, one speed",
            calm(predictive(fixed(90.0))),
        ),
        (
            "predictive, P90, full, season",
            calm(predictive(seasonal(90.0))),
        ),
        (
            "predictive, P90, full, or tracking",
            calm(Highest::of(pair)),
        ),
    ]
}

fn calm(scaler: impl Scaler + 'static) -> Box<dyn Scaler> {
    let bounds = Bounds::new(1, 100_000).expect("least is below most");
    let scaler = Stabilised::new(scaler, LOOK_BACK);
    Box::new(Bounded { scaler, bounds })
}

fn tracking(interval: Duration, utilisation: f64) -> TargetTracking {
    let config = TrackingConfig {
        utilisation,
        window: interval,
        ..TrackingConfig::default()
    };
    TargetTracking::new(config).expect("a legal configuration")
}

fn threshold(interval: Duration) -> Threshold {
    let config = ThresholdConfig {
        utilisation: Band {
            up: UTILISATION,
            down: 0.5,
        },
        up_after: interval,
        down_after: LOOK_BACK,
        ..ThresholdConfig::default()
    };
    Threshold::new(config).expect("a legal configuration")
}

fn rate(interval: Duration, lead: Duration) -> RateOfChange {
    let config = RateConfig {
        up: UTILISATION,
        lead,
        interval,
        ..RateConfig::default()
    };
    RateOfChange::new(config).expect("a legal configuration")
}

fn predictive(config: PredictiveConfig) -> Predictive {
    Predictive::new(config).expect("a legal configuration")
}

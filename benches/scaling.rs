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
    Band, Bounded, Bounds, Change, Highest, Predictive, PredictiveConfig, RateConfig, RateOfChange,
    Scaler, Smoothing, Stabilised, TargetTracking, Threshold, ThresholdConfig, TrackingConfig,
};
use hpa::Hpa;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

/// What each unit is to be used, by every scaler alike.
const UTILISATION: f64 = 0.8;
/// How far every scaler looks back before it lets units go; the default of Kubernetes.
const LOOK_BACK: Duration = Duration::from_secs(300);
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
    println!("| scaler | over | under | actions |");
    println!("|---|---|---|---|");
    for (name, mut scaler) in scalers(trace.interval, lead) {
        let run = replay(trace, lead, &mut *scaler);
        println!(
            "| {name} | {:.0} | {:.0} | {} |",
            run.over, run.under, run.actions
        );
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

/// All of them aim at the same utilisation, look back as far, and are bounded alike.
fn scalers(interval: Duration, lead: Duration) -> Vec<Named> {
    let quantile = |p: f64| Percentile::new(p).expect("a percentile");
    let forecast = |season, p| predictive(interval, lead, season, quantile(p));
    let hour = 3_600 / interval.as_secs();
    let hour = usize::try_from(hour).ok();
    vec![
        ("HPA formula", Box::new(Hpa::new(UTILISATION))),
        ("target tracking", calm(tracking(interval))),
        ("threshold", calm(threshold(interval))),
        ("rate of change", calm(rate(interval, lead))),
        ("predictive, P50", calm(forecast(None, 50.0))),
        ("predictive, P80", calm(forecast(None, 80.0))),
        ("predictive, P95", calm(forecast(None, 95.0))),
        (
            "predictive with an hour's season, P80",
            calm(forecast(hour, 80.0)),
        ),
        (
            "highest of tracking and predictive, P80",
            calm(Highest::of([
                Box::new(tracking(interval)) as Box<dyn Scaler>,
                Box::new(forecast(None, 80.0)),
            ])),
        ),
    ]
}

fn calm(scaler: impl Scaler + 'static) -> Box<dyn Scaler> {
    let bounds = Bounds::new(1, 100_000).expect("least is below most");
    let scaler = Stabilised::new(scaler, LOOK_BACK);
    Box::new(Bounded { scaler, bounds })
}

fn tracking(interval: Duration) -> TargetTracking {
    let config = TrackingConfig {
        utilisation: UTILISATION,
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

fn predictive(
    interval: Duration,
    lead: Duration,
    season: Option<usize>,
    quantile: Percentile,
) -> Predictive {
    let smoothing = Smoothing::default();
    let config = PredictiveConfig {
        utilisation: UTILISATION,
        lead,
        interval,
        season,
        quantile,
        smoothing,
        ..PredictiveConfig::default()
    };
    Predictive::new(config).expect("a legal configuration")
}

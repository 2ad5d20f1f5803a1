//! How often each rule moves and turns under a load that only looks as if it changed.

use std::num::NonZeroU32;
use std::time::Duration;

use cloudlot_core::{Bytes, Seeds};
use cloudlot_policy::scale::{
    Band, Predictive, PredictiveConfig, RateConfig, RateOfChange, TargetTracking, Threshold,
    ThresholdConfig, TrackingConfig,
};
use cloudlot_serverless::Profile;
use cloudlot_serverless::scale::kpa::{Kpa, KpaConfig, ToZero};
use cloudlot_serverless::scale::learned::{Headroom, HeadroomConfig};
use cloudlot_serverless::scale::{ByLoad, Railed, RailsConfig, Scaler};
use cloudlot_serverless::synthetic::{Mix, Process, Runs, Source};

use super::world::{moves, run, seconds, turns};

/// An hour of Poisson calls, two a second of one second on average: nothing ever changes but by chance.
fn steady(seed: u64) -> Vec<(u64, Duration)> {
    let profile = Profile {
        name: "steady".into(),
        app: String::new(),
        owner: String::new(),
        memory: Bytes::mib(128),
        runs: seconds(1),
        longest: seconds(1),
    };
    let process = Process::Poisson { rate: 2.0 };
    let runs = Runs::Exponential;
    let source = Source {
        profile,
        process,
        runs,
    };
    let mix = Mix::new(vec![source], seconds(3_600), Seeds::new(seed)).unwrap();
    let second = |arrival: cloudlot_serverless::Arrival| arrival.at.as_nanos() / 1_000_000_000;
    mix.arrivals().map(|it| (second(it), it.runs)).collect()
}

fn by_load<R: cloudlot_policy::scale::Scaler>(rule: R) -> ByLoad<R> {
    ByLoad::new(rule, NonZeroU32::MIN, 256)
}

fn rules() -> Vec<(&'static str, Box<dyn Scaler>)> {
    let band = Band { up: 0.8, down: 0.3 };
    let threshold = ThresholdConfig {
        utilisation: band,
        up_after: Duration::ZERO,
        down_after: seconds(10),
        ..ThresholdConfig::default()
    };
    let threshold = || by_load(Threshold::new(threshold).unwrap());
    let hpa = TrackingConfig {
        window: seconds(4),
        ..TrackingConfig::default()
    };
    let forecast = PredictiveConfig {
        lead: seconds(2),
        interval: seconds(2),
        memory: 60,
        ..PredictiveConfig::default()
    };
    let rate = RateConfig {
        lead: seconds(2),
        interval: seconds(2),
        window: seconds(20),
        ..RateConfig::default()
    };
    let kpa = KpaConfig {
        container_concurrency: 1,
        ..KpaConfig::default()
    };
    let learner = Headroom::new(threshold(), HeadroomConfig::new(Bytes::mib(128)), 1).unwrap();
    let untaught = learner.control(threshold()).unwrap();
    vec![
        ("threshold", Box::new(threshold())),
        ("hpa", Box::new(by_load(TargetTracking::new(hpa).unwrap()))),
        (
            "forecast",
            Box::new(by_load(Predictive::new(forecast).unwrap())),
        ),
        (
            "rate of change",
            Box::new(by_load(RateOfChange::new(rate).unwrap())),
        ),
        ("kpa", Box::new(ToZero::new(Kpa::new(kpa).unwrap()))),
        ("learned", Box::new(untaught)),
    ]
}

/// With the default rails there is at most one turn a minute, and with those for calm services one in five.
#[test]
fn under_noise_no_rule_turns_more_often_than_its_rails_allow() {
    for seed in [1, 2] {
        let calls = steady(seed);
        for minutes in [1, 5] {
            for (name, rule) in rules() {
                let turn = seconds(60 * minutes);
                let rails = RailsConfig {
                    turn,
                    ..RailsConfig::default()
                };
                let (_, said) = run(Railed::new(rule, rails), &calls, 3_600);
                let most = usize::try_from(60 / minutes).unwrap();
                println!(
                    "{name}: {} turns, {} moves in an hour with {minutes} min",
                    turns(&said),
                    moves(&said)
                );
                assert!(turns(&said) <= most, "{name}: {}", turns(&said));
            }
        }
    }
}

/// A pace bounds how much a rule does in a minute: here at most one instance either way in each half.
#[test]
fn in_steady_load_a_pace_bounds_the_actions_of_a_minute() {
    let calls = steady(3);
    let pace = cloudlot_serverless::scale::Pace {
        count: 1,
        percent: 0,
        within: seconds(30),
    };
    for (name, rule) in rules() {
        let rails = RailsConfig {
            up: pace,
            down: pace,
            ..RailsConfig::default()
        };
        let (_, said) = run(Railed::new(rule, rails), &calls, 3_600);
        // Thirty ticks are a minute.
        let busiest = said.windows(31).map(moves).max();
        assert!(busiest <= Some(4), "{name}: {busiest:?}");
    }
}

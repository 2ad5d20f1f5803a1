//! Learned room: a shadow says what its rule says, and so does one that knows nothing; settings that make no sense are refused.

use std::time::Duration;

use cloudlot_core::Bytes;
use cloudlot_serverless::scale::kpa::{Kpa, KpaConfig, ToZero};
use cloudlot_serverless::scale::learned::{Headroom, HeadroomConfig, HeadroomError};

use super::world::{run, seconds};

fn rule() -> ToZero {
    let config = KpaConfig {
        container_concurrency: 1,
        ..KpaConfig::default()
    };
    ToZero::new(Kpa::new(config).unwrap())
}

fn config() -> HeadroomConfig {
    HeadroomConfig::new(Bytes::mib(128))
}

/// Waves of calls, and silence between them.
fn waves() -> Vec<(u64, Duration)> {
    (0..1_200)
        .filter(|second| second % 300 < 100)
        .flat_map(|second| (0..1 + second % 4).map(move |_| (second, seconds(2))))
        .collect()
}

#[test]
fn a_shadow_and_one_that_knows_nothing_say_what_the_rule_says() {
    let calls = waves();
    let (_, alone) = run(rule(), &calls, 1_500);
    let shadow = Headroom::new(rule(), config(), 1).unwrap();
    let untaught = shadow.control(rule()).unwrap();
    assert_eq!(run(untaught, &calls, 1_500).1, alone);
    assert_eq!(run(shadow, &calls, 1_500).1, alone);
}

#[test]
fn one_that_tries_things_does_not_and_rolled_back_it_does_again() {
    let calls = waves();
    let (_, alone) = run(rule(), &calls, 1_500);
    let mut bold = Headroom::new(rule(), config(), 1).unwrap();
    bold.train(rule());
    assert_ne!(run(bold.clone(), &calls, 1_500).1, alone);
    bold.roll_back();
    assert_eq!(run(bold, &calls, 1_500).1, alone);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let refused = |config| Headroom::new(rule(), config, 1).err().unwrap();
    for (discount, explore, memory_of_load, which) in [
        (1.5, 0.1, 0.5, "discount"),
        (0.9, f64::NAN, 0.5, "explore"),
        (0.9, 0.1, -0.1, "memory_of_load"),
    ] {
        let config = HeadroomConfig {
            discount,
            explore,
            memory_of_load,
            ..config()
        };
        let refusal = refused(config);
        assert!(
            matches!(refusal, HeadroomError::Part { name, .. } if name == which),
            "{refusal}"
        );
    }
    let backups = 0;
    let refusal = refused(HeadroomConfig {
        backups,
        ..config()
    });
    assert!(matches!(refusal, HeadroomError::Planner(_)), "{refusal}");
}

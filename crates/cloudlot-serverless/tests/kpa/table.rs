//! The table of `reference.py`, replayed. Its head says how it was made and what its columns are.

use crate::{at, milli};
use cloudlot_serverless::scale::kpa::{Kpa, KpaConfig};
use std::time::Duration;

const TABLE: &str = include_str!("ticks.csv");

/// One tick of the table.
struct Tick {
    now: u64,
    observed: [Option<u64>; 2],
    ready: u32,
    desired: u32,
    panicking: bool,
    excess: i64,
}

/// The rule with the settings of a line `S`.
fn rule(line: &str) -> Kpa {
    let cells: Vec<&str> = line.split(',').collect();
    let whole = |at: usize| cells[at].parse::<u32>().unwrap();
    let seconds = |at: usize| Duration::from_secs(u64::from(whole(at)));
    let config = KpaConfig {
        stable_window: seconds(2),
        panic_window_percent: whole(3),
        panic_threshold_percent: whole(4),
        container_concurrency: whole(5),
        target_percent: whole(6),
        max_scale_up_rate: cells[7].parse().unwrap(),
        max_scale_down_rate: cells[8].parse().unwrap(),
        target_burst_capacity: whole(9),
        activation_scale: whole(10),
        scale_down_delay: seconds(11),
        ..KpaConfig::default()
    };
    if cells[1].starts_with("default") {
        assert_eq!(config, KpaConfig::default(), "{line}");
    }
    let mut kpa = Kpa::new(config).unwrap();
    kpa.set_reachable(whole(12) == 1);
    kpa
}

fn tick(line: &str) -> Tick {
    let cells: Vec<&str> = line.split(',').collect();
    let seen = |at: usize| (!cells[at].is_empty()).then(|| cells[at].parse().unwrap());
    Tick {
        now: cells[0].parse().unwrap(),
        observed: [seen(1), seen(2)],
        ready: cells[3].parse().unwrap(),
        desired: cells[4].parse().unwrap(),
        panicking: cells[5] == "1",
        excess: cells[6].parse().unwrap(),
    }
}

#[test]
fn every_tick_is_as_the_independent_program_has_it() {
    let (mut kpa, mut series, mut ticks, mut panics) = (None, "", 0, 0);
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with('S') {
            kpa = Some(rule(line));
            series = line;
            continue;
        }
        let kpa = kpa.as_mut().expect("a series begins with its settings");
        let tick = tick(line);
        for (second, seen) in (tick.now - 1..).zip(tick.observed) {
            if let Some(seen) = seen {
                kpa.observe(at(second), milli(seen)).unwrap();
            }
        }
        let desired = kpa.decide(at(tick.now), tick.ready).unwrap();
        assert_eq!(
            (desired.replicas, desired.panicking, desired.excess_burst),
            (tick.desired, tick.panicking, tick.excess),
            "{series}\n{line}\n{desired:?}"
        );
        ticks += 1;
        panics += u32::from(tick.panicking);
    }
    assert!(ticks >= 10_000, "{ticks} ticks");
    assert!(
        panics > ticks / 4 && panics < ticks * 3 / 4,
        "{panics} of {ticks} in panic"
    );
}

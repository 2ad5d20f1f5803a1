//! What users of other platforms asked for, each as a small exact run. The numbers are those of their issue threads.

use std::time::Duration;

use cloudlot_serverless::scale::kpa::{Kpa, KpaConfig, ToZero};
use cloudlot_serverless::scale::{Fixed, Pace, Railed, RailsConfig, Sample, Scaler, Wake};

use super::world::{at, run, seconds};

const NO_WAIT: RailsConfig = RailsConfig {
    least: 0,
    most: 100,
    up: Pace::FREE,
    down: Pace::FREE,
    turn: Duration::ZERO,
    first: Duration::ZERO,
    grace: Duration::ZERO,
    wake: Wake::Demand,
};

/// Says these in turn, and then the last for ever.
#[derive(Clone, Debug)]
struct Script(Vec<u32>, usize);

impl Script {
    fn new(says: &[u32]) -> Self {
        Self(says.to_vec(), 0)
    }
}

impl Scaler for Script {
    fn desired(&mut self, _: &Sample) -> Option<u32> {
        let said = self.0[self.1.min(self.0.len() - 1)];
        self.1 += 1;
        Some(said)
    }
}

/// Asks every two seconds, as if what was said was done at once; `busy` has the ticks with demand.
fn said(mut scaler: impl Scaler, first: u32, ticks: u64, busy: &[u64]) -> Vec<u32> {
    let mut target = first;
    (0..ticks)
        .map(|tick| {
            let arrivals = u64::from(busy.contains(&tick));
            let sample = Sample {
                arrivals,
                ready: target,
                target: Some(target),
                ..Sample::quiet(at(2 * tick), at(2 * tick + 2))
            };
            target = scaler.desired(&sample).unwrap();
            target
        })
        .collect()
}

fn kpa() -> ToZero {
    let config = KpaConfig {
        container_concurrency: 1,
        target_percent: 100,
        ..KpaConfig::default()
    };
    ToZero::new(Kpa::new(config).unwrap())
}

/// Knative 2961: act at once when scaling from zero.
#[test]
fn a_call_at_zero_starts_an_instance_at_once_and_not_at_the_next_tick() {
    let (story, said) = run(Fixed(0), &[(5, seconds(1))], 12);
    // The call came at 5 and began at 6 when its instance was there; that tick wanted none again, so the instance goes when
    // the call ends.
    assert_eq!(story.moves, [(5, 1), (7, -1)]);
    let [record] = story.records[..] else {
        panic!("one call");
    };
    assert!(record.cold && record.delay() == seconds(1));
    assert_eq!(said, [0; 6]);
    // Rails do not make a sleeper wait, however lately it went down.
    let rails = RailsConfig {
        turn: seconds(3_600),
        ..NO_WAIT
    };
    let scaler = Railed::new(Script::new(&[0, 1, 1]), rails);
    assert_eq!(super::threads::said(scaler, 1, 3, &[1]), [0, 1, 1]);
}

/// Knative 15033: a revision at zero came up again without traffic.
#[test]
fn a_function_at_zero_without_demand_stays_there() {
    let scaler = Railed::new(Script::new(&[0, 3, 3, 3]), NO_WAIT);
    assert_eq!(said(scaler, 2, 4, &[3]), [0, 0, 0, 3]);
    // Those who know the future may wake it, if told so.
    let wake = Wake::Forecast;
    let scaler = Railed::new(Script::new(&[0, 3]), RailsConfig { wake, ..NO_WAIT });
    assert_eq!(said(scaler, 2, 2, &[]), [0, 3]);
    // And Knative's rule itself does not, on a platform.
    let (story, said) = run(kpa(), &[(1, seconds(1))], 600);
    assert_eq!(said.last(), Some(&0));
    assert_eq!(story.moves.iter().filter(|&&(_, by)| by > 0).count(), 1);
}

/// Knative 8365: up and down without end.
#[test]
fn a_scaler_that_flaps_turns_at_most_once_in_the_time_between_turns() {
    let flaps: Vec<u32> = (0..600).map(|tick| 4 + 6 * (tick % 2)).collect();
    let turn = seconds(60);
    let scaler = Railed::new(Script::new(&flaps), RailsConfig { turn, ..NO_WAIT });
    let said = said(scaler, 4, 600, &[]);
    // Twenty minutes.
    assert!(super::world::turns(&said) <= 20, "{said:?}");
    assert!(super::world::turns(&said) >= 15, "it still follows");
}

/// KEDA 5008: the cooldown counts from the first deployment.
#[test]
fn a_function_that_was_just_deployed_keeps_what_it_has() {
    let first = seconds(20);
    let scaler = Railed::new(Fixed(0), RailsConfig { first, ..NO_WAIT });
    assert_eq!(
        said(scaler, 3, 12, &[]),
        [3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 0, 0]
    );
}

/// KEDA 7770: the cooldown is for the last instance only. KEDA 737: those who want one above that too have a pace.
#[test]
fn the_last_instance_has_a_grace_and_the_others_a_pace() {
    let grace = seconds(10);
    let scaler = Railed::new(Fixed(0), RailsConfig { grace, ..NO_WAIT });
    assert_eq!(said(scaler, 8, 7, &[]), [1, 1, 1, 1, 1, 0, 0]);
    let down = Pace {
        count: 2,
        percent: 0,
        within: seconds(6),
    };
    let rails = RailsConfig { down, ..NO_WAIT };
    let scaler = Railed::new(Fixed(0), rails);
    assert_eq!(said(scaler, 8, 11, &[]), [6, 6, 6, 4, 4, 4, 2, 2, 2, 0, 0]);
    // By percent of what there was when the time began, whichever is more.
    let up = Pace {
        count: 1,
        percent: 100,
        within: seconds(4),
    };
    let scaler = Railed::new(Fixed(20), RailsConfig { up, ..NO_WAIT });
    assert_eq!(said(scaler, 2, 8, &[]), [4, 4, 8, 8, 16, 16, 20, 20]);
}

#[test]
fn demand_that_comes_back_begins_the_grace_anew() {
    let grace = seconds(6);
    let scaler = Railed::new(
        Script::new(&[0, 0, 1, 0, 0, 0, 0]),
        RailsConfig { grace, ..NO_WAIT },
    );
    assert_eq!(said(scaler, 1, 7, &[]), [1, 1, 1, 1, 1, 1, 0]);
}

#[test]
fn bounds_hold_whatever_the_scaler_says() {
    let rails = RailsConfig {
        least: 2,
        most: 5,
        ..NO_WAIT
    };
    let scaler = Railed::new(Script::new(&[0, 9, 3, u32::MAX]), rails);
    assert_eq!(said(scaler, 2, 4, &[]), [2, 5, 3, 5]);
}

/// A function goes to zero and comes back, move by move.
#[test]
fn to_zero_and_from_zero_under_the_stable_and_panic_rule() {
    let calls = [(1, seconds(4)), (200, seconds(1))];
    let (story, _) = run(kpa(), &calls, 400);
    // The first call starts the only instance before the first tick. Its last second is in the stable window until a minute
    // after; then the grace of half a minute runs.
    let starts: Vec<u64> = story
        .moves
        .iter()
        .filter(|m| m.1 > 0)
        .map(|m| m.0)
        .collect();
    let stops: Vec<u64> = story
        .moves
        .iter()
        .filter(|m| m.1 < 0)
        .map(|m| m.0)
        .collect();
    assert_eq!(starts, [1, 200], "{story:?}");
    assert_eq!(stops.len(), 2, "{story:?}");
    assert!((90..=100).contains(&stops[0]), "{stops:?}");
    assert!((288..=298).contains(&stops[1]), "{stops:?}");
}

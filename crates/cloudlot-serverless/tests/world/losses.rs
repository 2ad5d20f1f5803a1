//! Losses come at their rate, and end nothing that is over.

use std::time::Duration;

use cloudlot_core::{Bytes, Seeds, Timestamp};
use cloudlot_serverless::sim::{Faults, Simulation, World};
use cloudlot_serverless::start::StartModel;
use cloudlot_serverless::{Arrival, FixedWindow, Function, Life, Move, Platform, Settings, Sink};

/// How long all instances lived together, by state, and how many were lost there.
#[derive(Default)]
struct Lives {
    since: std::collections::BTreeMap<cloudlot_serverless::InstanceId, Timestamp>,
    idle: Duration,
    busy: Duration,
    lost: (u32, u32),
}

impl Sink for Lives {
    fn moved(&mut self, step: &Move) {
        let before = self.since.insert(step.instance, step.at).unwrap_or(step.at);
        let lost = u32::from(step.to == Life::Gone);
        match step.from {
            Life::Idle => {
                self.idle += step.at.since(before);
                self.lost.0 += lost;
            }
            Life::Busy => {
                self.busy += step.at.since(before);
                self.lost.1 += lost;
            }
            _ => {}
        }
    }
}

fn run(calls: u64, at_once: u64, life: Duration) -> (Lives, World) {
    let faults = Faults {
        instance_life: Some(life),
        ..Faults::NONE
    };
    let world = World::new(Seeds::new(11), StartModel::new("at once"));
    let mut world = world.with_faults(faults).expect("legal");
    let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::from_secs(40)));
    let function = platform.add(Function::new(Bytes::mib(1)));
    let arrivals = (0..calls).map(|call| Arrival {
        at: Timestamp::ZERO + Duration::from_secs(call / at_once * 30),
        function,
        runs: Duration::from_secs(10),
    });
    let mut lives = Lives::default();
    Simulation::new(&mut world).run(&mut platform, arrivals, &mut lives);
    assert_eq!(platform.totals().replies, calls);
    assert_eq!((platform.instances(), world.instances()), (0, 0));
    (lives, world)
}

#[test]
fn an_instance_is_lost_as_often_whether_it_runs_or_waits_and_however_many_there_are() {
    for at_once in [1, 3, 4, 5, 64] {
        let (lives, world) = run(20_000, at_once, Duration::from_secs(100));
        for (what, lived, lost) in [
            ("idle", lives.idle, lives.lost.0),
            ("busy", lives.busy, lives.lost.1),
        ] {
            let expected = lived.as_secs_f64() / 100.0;
            let sigma = expected.sqrt();
            assert!(expected > 500.0, "{expected}");
            assert!(
                (f64::from(lost) - expected).abs() < 4.0 * sigma,
                "{at_once} at once, {what}: {lost} of {expected}"
            );
        }
        assert_eq!(world.struck().lost, u64::from(lives.lost.0 + lives.lost.1));
    }
}

#[test]
fn who_lives_for_years_is_not_lost_after_a_day() {
    let (_, world) = run(20_000, 1, Duration::from_secs(86_400 * 3_650));
    assert_eq!(world.struck().lost, 0);
}

#[test]
fn a_run_ends_though_losses_never_would() {
    let (_, world) = run(1, 1, Duration::from_nanos(1));
    assert_eq!(world.struck().lost, 1);
}

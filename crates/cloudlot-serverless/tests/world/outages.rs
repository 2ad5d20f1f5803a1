//! Hosts that are lost and come back: when they were to, at their rate, and with everybody on them.

use std::time::Duration;

use cloudlot_core::{Bytes, Seeds, Timestamp};
use cloudlot_serverless::sim::{Faults, HostLoss, Simulation, World};
use cloudlot_serverless::start::{Delay, Part, StartModel};
use cloudlot_serverless::{
    Arrival, FixedWindow, Function, Host, HostId, Move, Outcome, Platform, Record, Settings, Sink,
};

const fn second(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// When each call began and how it ended, and when instances were made and gone, in seconds.
#[derive(Default, PartialEq, Debug)]
struct Course {
    calls: Vec<(Option<u64>, Outcome)>,
    lives: Vec<(u64, String)>,
}

impl Sink for Course {
    fn call(&mut self, record: &Record) {
        let started = record.started.map(|at| at.as_nanos() / 1_000_000_000);
        self.calls.push((started, record.outcome));
    }

    fn moved(&mut self, step: &Move) {
        let what = format!("{} {} -> {}", step.instance, step.from, step.to);
        self.lives.push((step.at.as_nanos() / 1_000_000_000, what));
    }
}

/// Starts take a second, calls ten; one instance fits on a host, and none is kept.
fn run(hosts: u32, faults: Faults, arrivals: &[u64]) -> (Course, World) {
    let model = StartModel::new("a second").with(Part::Init, Delay::Fixed(second(1)));
    let world = World::new(Seeds::new(1), model.expect("legal"));
    let mut world = world.with_faults(faults).expect("legal");
    let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::ZERO));
    let function = platform.add(Function::new(Bytes::mib(64)));
    (0..hosts).for_each(|_| _ = platform.add_host(Host::new(Bytes::mib(100))));
    let arrivals = arrivals.iter().map(|&at| Arrival {
        at: Timestamp::ZERO + second(at),
        function,
        runs: second(10),
    });
    let mut course = Course::default();
    Simulation::new(&mut world).run(&mut platform, arrivals, &mut course);
    assert_eq!(platform.pending(), 0);
    assert_eq!((platform.instances(), world.instances()), (0, 0));
    (course, world)
}

fn losses(losses: &[(u32, u64, u64)]) -> Faults {
    let loss = |&(host, at, lasts)| HostLoss {
        host: HostId::new(host),
        at: Timestamp::ZERO + second(at),
        lasts: Some(second(lasts)),
    };
    Faults {
        host_losses: losses.iter().map(loss).collect(),
        ..Faults::NONE
    }
}

#[test]
fn who_runs_there_is_lost_and_who_comes_waits_until_the_host_is_back() {
    let (course, world) = run(1, losses(&[(0, 5, 20)]), &[0, 7]);
    assert_eq!(
        course.calls,
        [(Some(1), Outcome::Lost), (Some(26), Outcome::Success)]
    );
    let lives: Vec<(u64, &str)> = course
        .lives
        .iter()
        .map(|(at, what)| (*at, &what[..]))
        .collect();
    assert_eq!(
        lives,
        [
            (0, "instance-0.0 gone -> starting"),
            (1, "instance-0.0 starting -> busy"),
            (5, "instance-0.0 busy -> gone"),
            (25, "instance-0.1 gone -> starting"),
            (26, "instance-0.1 starting -> busy"),
            (36, "instance-0.1 busy -> idle"),
            (36, "instance-0.1 idle -> stopping"),
            (36, "instance-0.1 stopping -> gone"),
        ]
    );
    assert_eq!((world.struck().lost, world.struck().host_losses), (1, 1));
}

#[test]
fn a_host_that_is_lost_twice_at_once_is_back_after_both() {
    for (first, then) in [((0, 5, 20), (0, 10, 40)), ((0, 5, 45), (0, 10, 2))] {
        let (course, world) = run(1, losses(&[then, first]), &[7]);
        assert_eq!(course.calls, [(Some(51), Outcome::Success)]);
        assert_eq!((world.struck().lost, world.struck().host_losses), (0, 2));
    }
}

#[test]
fn what_is_on_another_host_runs_on() {
    let (course, _) = run(2, losses(&[(1, 5, 20), (7, 6, 1)]), &[0, 0]);
    let mut outcomes: Vec<Outcome> = course.calls.iter().map(|call| call.1).collect();
    outcomes.sort_by_key(|it| *it != Outcome::Success);
    assert_eq!(outcomes, [Outcome::Success, Outcome::Lost]);
}

#[test]
fn hosts_are_lost_by_chance_at_their_rate() {
    let faults = Faults {
        hosts: 4,
        host_life: Some(second(900)),
        host_repair: Delay::Fixed(second(100)),
        ..Faults::NONE
    };
    let arrivals: Vec<u64> = (0..1_000_000).step_by(50).collect();
    let (course, world) = run(4, faults.clone(), &arrivals);
    assert_eq!(course.calls.len(), arrivals.len());
    // Four hosts for a million seconds, a loss in each thousand of a host's.
    let count = world.struck().host_losses;
    assert!((3_750..4_250).contains(&count), "{count}");
    let (_, other) = run(3, Faults { hosts: 2, ..faults }, &arrivals);
    assert!((1_825..2_175).contains(&other.struck().host_losses));
}

#[test]
fn a_run_ends_though_a_host_never_comes_back() {
    let mut faults = losses(&[(0, 5, 0)]);
    faults.host_losses[0].lasts = None;
    let (course, _) = run(2, faults, &[0, 0, 6]);
    assert_eq!(course.calls.len(), 3);
}

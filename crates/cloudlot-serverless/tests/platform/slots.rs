//! Several calls at once on one instance, numbers of instances that are set, versions, and code that lies prepared.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::{
    AttemptId, Binding, Call, CallId, Effect, Event, Exit, FixedWindow, Function, FunctionId,
    InstanceId, Outcome, Platform, Record, Settings, Sink, Source, StopReason, Temperature,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

const START: u64 = 100;

/// What is to happen from outside.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// A call of function 0 that runs for so long.
    Call(u64),
    Target(u32),
    Replace(Function),
    Lose,
    Drain,
}

/// Carries out by itself what a platform asks for: a start takes [`START`], times are milliseconds, the function is one.
struct World {
    platform: Platform<FixedWindow>,
    now: u64,
    /// What will be reported: when, in which class, in which order.
    reports: BTreeMap<(u64, u8, u64), Event>,
    made: u64,
    running: BTreeMap<InstanceId, BTreeSet<AttemptId>>,
    most_at_once: usize,
    starts: Vec<(u64, u32, Temperature)>,
    stops: Vec<(u64, StopReason)>,
    alive: BTreeSet<InstanceId>,
    other: Vec<Effect>,
    tell: Told,
}

#[derive(Default)]
struct Told(Vec<Record>);

impl Sink for Told {
    fn call(&mut self, record: &Record) {
        self.0.push(*record);
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_millis(millis)
}

fn millis(at: Timestamp) -> u64 {
    at.as_nanos() / 1_000_000
}

impl World {
    fn new(settings: Settings, function: Function) -> Self {
        let mut platform = Platform::new(settings, FixedWindow(Duration::from_secs(1)));
        platform.add(function);
        let mut world = Self {
            platform,
            now: 0,
            reports: BTreeMap::new(),
            made: 0,
            running: BTreeMap::new(),
            most_at_once: 0,
            starts: Vec::new(),
            stops: Vec::new(),
            alive: BTreeSet::new(),
            other: Vec::new(),
            tell: Told::default(),
        };
        if let Some(wake) = world.platform.wakes_at() {
            world.report(millis(wake), 9, Event::Tick);
        }
        world
    }

    fn report(&mut self, at: u64, class: u8, event: Event) {
        self.made += 1;
        self.reports.insert((at, class, self.made), event);
    }

    fn play(mut self, acts: &[(u64, Act)]) -> Self {
        for (index, &(when, act)) in acts.iter().enumerate() {
            self.reach(when, 5);
            self.now = when;
            match act {
                Act::Call(runs) => {
                    let call = Call {
                        id: CallId::new(index as u64),
                        function: FunctionId::new(0),
                        payload: runs,
                        source: Source::Request,
                        key: None,
                    };
                    self.tell(Event::Arrived(call));
                }
                Act::Target(instances) => self.tell(Event::Target {
                    function: FunctionId::new(0),
                    instances,
                }),
                Act::Lose => {
                    if let Some(&instance) = self.alive.first() {
                        self.running.remove(&instance);
                        self.alive.remove(&instance);
                        self.tell(Event::Lost(instance));
                    }
                }
                Act::Drain => self.tell(Event::Drain),
                Act::Replace(function) => {
                    let mut out = Vec::new();
                    let id = FunctionId::new(0);
                    let known =
                        self.platform
                            .replace(id, function, at(when), &mut out, &mut self.tell);
                    assert!(known);
                    self.carry_out(out);
                }
            }
        }
        self.reach(u64::MAX, 0);
        self
    }

    /// Reports what comes before this moment and class.
    fn reach(&mut self, when: u64, class: u8) {
        while let Some((&key, _)) = self.reports.first_key_value()
            && (key.0, key.1) < (when, class)
        {
            let event = self.reports.remove(&key).expect("it was there");
            self.now = key.0;
            if let Event::Done { attempt, .. } = event {
                self.running
                    .values_mut()
                    .for_each(|runs| _ = runs.remove(&attempt));
            }
            self.tell(event);
        }
    }

    fn tell(&mut self, event: Event) {
        let mut out = Vec::new();
        self.platform
            .handle(event, at(self.now), &mut out, &mut self.tell);
        self.carry_out(out);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Start {
                    instance,
                    version,
                    from,
                    ..
                } => {
                    self.starts.push((self.now, version, from));
                    self.alive.insert(instance);
                    self.report(self.now + START, 0, Event::Ready(instance));
                }
                Effect::Run {
                    instance,
                    attempt,
                    payload,
                    ..
                } => {
                    let runs = self.running.entry(instance).or_default();
                    runs.insert(attempt);
                    self.most_at_once = self.most_at_once.max(runs.len());
                    let exit = Exit::Success;
                    self.report(self.now + payload, 1, Event::Done { attempt, exit });
                }
                Effect::Stop { instance, why } => {
                    self.stops.push((self.now, why));
                    self.alive.remove(&instance);
                    self.running.remove(&instance);
                    self.report(self.now, 3, Event::Stopped(instance));
                }
                Effect::WakeAt(wake) => {
                    self.reports.retain(|_, event| *event != Event::Tick);
                    self.report(millis(wake).max(self.now), 9, Event::Tick);
                }
                Effect::Prepare(function) => {
                    self.other.push(effect);
                    self.report(self.now + START, 4, Event::Prepared(function));
                }
                other => self.other.push(other),
            }
        }
    }

    /// When each call began and ended, and how, in the order of the calls.
    fn calls(&self) -> Vec<(Option<u64>, u64, Outcome)> {
        let mut records = self.tell.0.clone();
        records.sort_by_key(|record| record.call);
        let line = |it: &Record| (it.started.map(millis), millis(it.ended), it.outcome);
        records.iter().map(line).collect()
    }

    fn stop_reasons(&self) -> Vec<StopReason> {
        self.stops.iter().map(|&(_, why)| why).collect()
    }
}

fn function(concurrency: u32) -> Function {
    Function {
        concurrency: NonZeroU32::new(concurrency).expect("not zero"),
        ..Function::new(Bytes::mib(1))
    }
}

fn bound(binding: Binding) -> Settings {
    Settings {
        binding,
        ..Settings::DEFAULT
    }
}

use Outcome::Success;

#[test]
fn one_start_serves_as_many_calls_as_an_instance_runs_at_once() {
    for binding in [Binding::Late, Binding::LateShared, Binding::Early] {
        let world = World::new(bound(binding), function(3)).play(&[(0, Act::Call(10)); 4]);
        assert_eq!(world.starts.len(), 2, "{binding:?}");
        assert_eq!(world.calls(), [(Some(100), 110, Success); 4], "{binding:?}");
        assert!(world.tell.0.iter().all(|record| record.cold), "{binding:?}");
        assert_eq!(world.most_at_once, 3);
    }
}

#[test]
fn a_call_takes_the_room_that_another_leaves() {
    let one = Function {
        instances: NonZeroU32::new(1),
        ..function(2)
    };
    let world = World::new(bound(Binding::Late), one).play(&[
        (0, Act::Call(10)),
        (0, Act::Call(30)),
        (0, Act::Call(5)),
        (120, Act::Call(5)),
    ]);
    let began: Vec<_> = world.calls().iter().map(|call| call.0).collect();
    assert_eq!(began, [Some(100), Some(100), Some(110), Some(120)]);
    assert_eq!((world.starts.len(), world.platform.totals().waited), (1, 3));
}

#[test]
fn a_call_that_takes_too_long_does_not_take_its_neighbours_with_it() {
    let limited = Function {
        timeout: Some(Duration::from_millis(50)),
        ..function(2)
    };
    let world = World::new(bound(Binding::Late), limited).play(&[
        (0, Act::Call(500)),
        (120, Act::Call(40)),
        // The instance has room, but takes no more.
        (155, Act::Call(1)),
    ]);
    let expected = [
        (Some(100), 150, Outcome::TimedOut),
        (Some(120), 160, Success),
        (Some(255), 256, Success),
    ];
    assert_eq!(world.calls(), expected);
    assert_eq!(world.stops[0], (160, StopReason::TimedOut));
}

#[test]
fn all_that_run_on_an_instance_are_lost_with_it() {
    for binding in [Binding::Late, Binding::Early] {
        let world = World::new(bound(binding), function(2)).play(&[
            (0, Act::Call(50)),
            (0, Act::Call(60)),
            (110, Act::Lose),
            (111, Act::Call(1)),
        ]);
        let lost = (Some(100), 110, Outcome::Lost);
        assert_eq!(world.calls(), [lost, lost, (Some(211), 212, Success)]);
    }
}

#[test]
fn all_that_wait_for_one_start_are_lost_with_it() {
    let world = World::new(bound(Binding::Early), function(2)).play(&[
        (0, Act::Call(50)),
        (0, Act::Call(60)),
        (10, Act::Lose),
    ]);
    assert_eq!(world.calls(), [(None, 10, Outcome::Lost); 2]);
    assert_eq!(world.platform.totals().failed_starts, 1);
}

#[test]
fn a_target_is_kept_whether_calls_come_or_not() {
    let world = World::new(Settings::DEFAULT, function(1)).play(&[
        (0, Act::Target(2)),
        (10_000, Act::Call(5)),
        (20_000, Act::Target(3)),
        (30_000, Act::Target(1)),
        (40_000, Act::Target(0)),
    ]);
    assert_eq!(world.calls(), [(Some(10_000), 10_005, Success)]);
    let starts: Vec<u64> = world.starts.iter().map(|start| start.0).collect();
    assert_eq!(starts, [0, 0, 20_000]);
    let surplus = |at| (at, StopReason::Surplus);
    assert_eq!(
        world.stops,
        [surplus(30_000), surplus(30_000), surplus(40_000)]
    );
}

#[test]
fn calls_beyond_a_target_wait_for_one_of_its_instances() {
    let world = World::new(Settings::DEFAULT, function(1)).play(&[
        (0, Act::Target(1)),
        (200, Act::Call(50)),
        (210, Act::Call(50)),
        (210, Act::Call(50)),
    ]);
    let began: Vec<_> = world.calls().iter().map(|call| call.0).collect();
    assert_eq!(began, [Some(200), Some(250), Some(300)]);
    assert_eq!(world.starts.len(), 1);
}

#[test]
fn the_first_call_after_a_target_of_zero_starts_one_and_it_stays() {
    let world = World::new(Settings::DEFAULT, function(1)).play(&[
        (0, Act::Target(0)),
        (1_000, Act::Call(5)),
        (1_010, Act::Call(5)),
        (9_000, Act::Call(5)),
        (10_000, Act::Target(0)),
    ]);
    let began: Vec<_> = world.calls().iter().map(|call| call.0).collect();
    assert_eq!(began, [Some(1_100), Some(1_105), Some(9_000)]);
    assert_eq!(world.starts.len(), 1);
    assert_eq!(world.stops, [(10_000, StopReason::Surplus)]);
}

#[test]
fn a_busy_instance_beyond_the_target_ends_its_call_first() {
    let world = World::new(Settings::DEFAULT, function(1)).play(&[
        (0, Act::Target(1)),
        (200, Act::Call(500)),
        (300, Act::Target(0)),
    ]);
    assert_eq!(world.calls(), [(Some(200), 700, Success)]);
    assert_eq!(world.stops, [(700, StopReason::Surplus)]);
}

#[test]
fn a_target_is_made_good_after_a_loss() {
    let world = World::new(Settings::DEFAULT, function(1)).play(&[
        (0, Act::Target(2)),
        (500, Act::Lose),
        (600, Act::Target(2)),
    ]);
    let starts: Vec<u64> = world.starts.iter().map(|start| start.0).collect();
    assert_eq!(starts, [0, 0, 500]);
}

#[test]
fn provisioned_instances_are_there_before_the_first_call_and_outlast_their_windows() {
    let warm = Function {
        provisioned: 2,
        ..function(1)
    };
    let world = World::new(Settings::DEFAULT, warm).play(&[
        (200, Act::Call(5)),
        (200, Act::Call(5)),
        // The third is started for this call, and goes when its window is over.
        (200, Act::Call(5)),
        (60_000, Act::Call(5)),
    ]);
    let began: Vec<_> = world.calls().iter().map(|call| call.0).collect();
    assert_eq!(began, [Some(200), Some(200), Some(205), Some(60_000)]);
    assert_eq!(
        world.starts.iter().map(|start| start.0).collect::<Vec<_>>(),
        [0, 0, 200]
    );
    assert_eq!(world.stop_reasons(), [StopReason::Unused]);
    assert_eq!(world.platform.instances(), 2);
}

#[test]
fn what_is_provisioned_ends_with_a_drain() {
    let warm = Function {
        provisioned: 2,
        ..function(1)
    };
    let world = World::new(Settings::DEFAULT, warm).play(&[(50, Act::Drain)]);
    assert_eq!(world.stop_reasons(), [StopReason::Drained; 2]);
    assert_eq!(world.platform.instances(), 0);
}

#[test]
fn a_new_version_serves_what_comes_and_the_old_one_ends_what_it_began() {
    for binding in [Binding::Late, Binding::Early] {
        let world = World::new(bound(binding), function(1)).play(&[
            (0, Act::Call(500)),
            (0, Act::Call(20)),
            (200, Act::Replace(function(1))),
            (300, Act::Call(5)),
        ]);
        assert_eq!(world.calls()[0], (Some(100), 600, Success));
        assert_eq!(world.calls()[2], (Some(400), 405, Success));
        let versions: Vec<u32> = world.starts.iter().map(|start| start.1).collect();
        assert_eq!(versions, [0, 0, 1]);
        // The idle one goes at once, the busy one when it is done, the new one when its window is over.
        let replaced = |at| (at, StopReason::Replaced);
        assert_eq!(
            world.stops,
            [replaced(200), replaced(600), (1_405, StopReason::Unused)]
        );
    }
}

#[test]
fn a_call_that_waits_for_any_instance_gets_the_new_version() {
    let world = World::new(bound(Binding::Late), function(1))
        .play(&[(0, Act::Call(5)), (50, Act::Replace(function(1)))]);
    assert_eq!(world.calls(), [(Some(150), 155, Success)]);
    assert_eq!(world.stops[0], (50, StopReason::Replaced));
}

#[test]
fn a_start_after_the_first_was_ready_finds_the_code_prepared() {
    let world = World::new(bound(Binding::Early), function(1)).play(&[
        (0, Act::Call(200)),
        (50, Act::Call(1)),
        (150, Act::Call(1)),
        (5_000, Act::Replace(function(1))),
        (5_010, Act::Call(1)),
    ]);
    let from: Vec<_> = world.starts.iter().map(|start| start.2).collect();
    let (none, there) = (Temperature::NoCode, Temperature::Prepared);
    // At 150 the code is there; the new version brings its own.
    assert_eq!(from, [none, none, there, none]);
}

#[test]
fn code_that_is_wanted_is_fetched_before_the_first_call() {
    let eager = Function {
        prepared: true,
        ..function(1)
    };
    let world = World::new(Settings::DEFAULT, eager).play(&[(150, Act::Call(5))]);
    assert!(world.other.contains(&Effect::Prepare(FunctionId::new(0))));
    assert_eq!(world.starts[0].2, Temperature::Prepared);
}

fn acts() -> impl Strategy<Value = Vec<(u64, Act)>> {
    let act = prop_oneof![
        12 => (0..300_u64).prop_map(Act::Call),
        2 => (0..4_u32).prop_map(Act::Target),
        1 => (1..4_u32).prop_map(|slots| Act::Replace(function(slots))),
        2 => Just(Act::Lose),
    ];
    prop::collection::vec((0..150_u64, act), 1..60).prop_map(|acts| {
        let mut now = 0;
        let step = |(gap, act)| {
            now += gap;
            (now, act)
        };
        acts.into_iter().map(step).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn whatever_happens_each_call_gets_one_reply_and_no_instance_more_than_it_can_run(
        slots in 1..4_u32,
        provisioned in 0..3_u32,
        most in prop::option::of(1..4_u32),
        timeout in prop::option::of(50..250_u64),
        binding in prop::sample::select(vec![Binding::Late, Binding::LateShared, Binding::Early]),
        mut acts in acts(),
    ) {
        let first = Function {
            provisioned,
            instances: most.and_then(NonZeroU32::new),
            timeout: timeout.map(Duration::from_millis),
            ..function(slots)
        };
        let ever = acts.iter().filter_map(|(_, act)| match act {
            Act::Replace(function) => Some(function.concurrency.get()),
            _ => None,
        });
        let widest = ever.chain([slots]).max().expect("one");
        let calls = acts.iter().filter(|(_, act)| matches!(act, Act::Call(_))).count();
        acts.push((1_000_000, Act::Drain));
        let world = World::new(bound(binding), first).play(&acts);
        prop_assert_eq!(world.tell.0.len(), calls);
        prop_assert!(world.most_at_once <= widest as usize);
        prop_assert_eq!((world.platform.instances(), world.platform.pending()), (0, 0));
        prop_assert!(world.alive.is_empty());
    }

    #[test]
    fn no_call_waits_while_an_instance_has_room(
        slots in 1..4_u32,
        binding in prop::sample::select(vec![Binding::Late, Binding::LateShared]),
        calls in prop::collection::vec((0..60_u64, 0..200_u64), 1..60),
    ) {
        let mut now = 0;
        let acts: Vec<_> = calls.iter().map(|&(gap, runs)| {
            now += gap;
            (now, Act::Call(runs))
        }).collect();
        let world = World::new(bound(binding), function(slots)).play(&acts);
        let ready: Vec<u64> = world.starts.iter().map(|start| start.0 + START).collect();
        let calls = world.calls();
        for (&(came, _), &(began, ..)) in acts.iter().zip(&calls) {
            let began = began.expect("every call runs");
            for moment in came..began {
                let ready = ready.iter().filter(|&&at| at <= moment).count();
                let gone = world.stops.iter().filter(|stop| stop.0 <= moment).count();
                let runs = |&&(start, end, _): &&(Option<u64>, u64, Outcome)| {
                    start.is_some_and(|it| it <= moment) && moment < end
                };
                prop_assert!(calls.iter().filter(runs).count() >= (ready - gone) * slots as usize);
            }
        }
    }
}

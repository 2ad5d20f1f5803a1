//! What a world's starts cost: the figures of the classes, and that chance keeps its place.

use std::time::Duration;

use cloudlot_core::{Bytes, Seeds, Timestamp};
use cloudlot_serverless::sim::{CrashLoop, Faults, Simulation, SlowSpell, World};
use cloudlot_serverless::start::{Delay, Part, RuntimeClass, StartCosts, StartModel};
use cloudlot_serverless::{
    Arrival, FixedWindow, Function, FunctionId, Move, Platform, Record, Settings, Sink, Temperature,
};

const HOUR: Duration = Duration::from_secs(3_600);

/// So many calls an hour apart, none of which finds an instance; after the first start its code is prepared.
fn cold_calls(world: &mut World, calls: u32, sink: &mut impl Sink) {
    calls_in_turn(world, 1, calls, sink);
}

fn calls_in_turn(world: &mut World, functions: u32, calls: u32, sink: &mut impl Sink) {
    let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::ZERO));
    (0..functions).for_each(|_| _ = platform.add(Function::new(Bytes::mib(1))));
    let calls = (0..calls).map(|hour| Arrival {
        at: Timestamp::ZERO + HOUR * hour,
        function: FunctionId::new(hour % functions),
        runs: Duration::ZERO,
    });
    Simulation::new(world).run(&mut platform, calls, sink);
}

/// Of first starts.
fn costs(class: RuntimeClass) -> StartCosts {
    let mut world = World::new(Seeds::new(3), class.model());
    calls_in_turn(&mut world, 20_000, 20_000, &mut ());
    world.costs(world.class_of(FunctionId::new(0))).clone()
}

/// When each call began to run, after its arrival.
#[derive(Default)]
struct Delays(Vec<Duration>);

impl Sink for Delays {
    fn call(&mut self, record: &Record) {
        self.0.push(record.delay());
    }

    fn moved(&mut self, _: &Move) {}
}

#[test]
fn wasm_costs_microseconds_once_it_is_compiled() {
    let costs = costs(RuntimeClass::Wasm);
    let init = costs.part(Part::Init).expect("starts");
    assert!(
        init.p50 < Duration::from_micros(4) && init.p99 < Duration::from_micros(8),
        "{init:?}"
    );
    assert!(costs.part(Part::Code).expect("starts").mean > 100 * init.mean);
}

#[test]
fn the_measured_classes_have_their_medians() {
    for (class, part, p50) in [
        (RuntimeClass::Process, Part::Allocation, 4_500),
        (RuntimeClass::Process, Part::Init, 500),
        (RuntimeClass::Oci, Part::Allocation, 10_600),
        (RuntimeClass::Oci, Part::Init, 21_000),
        (RuntimeClass::MicroVm, Part::Allocation, 12_000),
        (RuntimeClass::MicroVm, Part::Dependencies, 125_000),
    ] {
        let cost = costs(class).part(part).expect("starts");
        let off = cost.p50.as_secs_f64() / Duration::from_micros(p50).as_secs_f64() - 1.0;
        assert!(off.abs() < 0.05, "{class:?} {part}: {cost:?}");
    }
}

#[test]
fn the_regions_take_as_long_as_was_published_and_for_the_same_reasons() {
    for (class, most, reasons) in [
        (
            RuntimeClass::HuaweiRegion1,
            7.0,
            vec![Part::Dependencies, Part::Scheduling],
        ),
        (RuntimeClass::HuaweiRegion2, 3.0, vec![Part::Allocation]),
    ] {
        let costs = costs(class);
        let whole = costs.whole().expect("starts");
        let p99 = whole.p99.as_secs_f64();
        assert!((0.7 * most..most).contains(&p99), "{class:?}: {p99}");
        let of = |part| costs.part(part).expect("starts").mean;
        let main: Duration = reasons.into_iter().map(of).sum();
        assert!(
            main > whole.mean.mul_f64(0.8),
            "{class:?}: {main:?} of {whole:?}"
        );
        // The parts are all there is.
        let sum: Duration = Part::ALL.into_iter().map(of).sum();
        assert!(sum.abs_diff(whole.mean) < Duration::from_micros(1));
        let mean = class.model().mean(Temperature::NoCode);
        assert!(
            mean.abs_diff(whole.mean) < mean.mul_f64(0.03),
            "{mean:?} {whole:?}"
        );
    }
}

#[test]
fn the_nth_start_takes_its_time_whatever_else_goes_wrong() {
    let oci = RuntimeClass::Oci.model();
    let mut alone = Delays::default();
    cold_calls(&mut World::new(Seeds::new(5), oci.clone()), 500, &mut alone);
    let faults = Faults {
        failed_runs: 0.5,
        ghosts: 0.5,
        repeated: 0.5,
        stops: Delay::Exponential {
            mean: Duration::from_millis(300),
        },
        stuck_stops: 0.2,
        ..Faults::NONE
    };
    let mut wrong = Delays::default();
    let mut world = World::new(Seeds::new(5), oci.clone())
        .with_faults(faults)
        .expect("legal");
    cold_calls(&mut world, 500, &mut wrong);
    assert!(alone.0 == wrong.0 && alone.0.len() == 500);
    let struck = world.struck();
    for (what, count, expected) in [
        ("failed runs", struck.failed_runs, 250.0),
        ("ghosts", struck.ghosts, 250.0),
        ("stuck stops", struck.stuck_stops, 100.0),
    ] {
        let count = f64::from(u32::try_from(count).expect("few"));
        assert!(
            (count - expected).abs() < 40.0,
            "{what}: {count} of 500, {expected} expected"
        );
    }
    let mut other = Delays::default();
    cold_calls(&mut World::new(Seeds::new(6), oci), 500, &mut other);
    assert_ne!(alone.0, other.0);
}

#[test]
fn a_slow_start_is_the_same_start_so_many_times_longer() {
    let fixed = StartModel::new("fixed")
        .with(Part::Scheduling, Delay::Fixed(Duration::from_millis(30)))
        .and_then(|it| it.with(Part::Init, Delay::Fixed(Duration::from_millis(12))))
        .expect("legal");
    let faults = Faults {
        slow_starts: 0.25,
        slow_factor: 3.0,
        slow_spells: vec![SlowSpell {
            from: Timestamp::ZERO + HOUR,
            until: Timestamp::ZERO + HOUR * 2,
            factor: 2.0,
        }],
        ..Faults::NONE
    };
    let mut delays = Delays::default();
    let mut world = World::new(Seeds::new(1), fixed)
        .with_faults(faults)
        .expect("legal");
    cold_calls(&mut world, 1_000, &mut delays);
    let millis: Vec<u128> = delays.0.iter().map(Duration::as_millis).collect();
    assert!(matches!(millis[1], 84 | 252), "{}", millis[1]);
    let others = || millis[..1].iter().chain(&millis[2..]);
    assert!(others().all(|it| [42, 126].contains(it)));
    let slow = others().filter(|&&it| it == 126).count();
    assert!((200..300).contains(&slow), "{slow}");
    assert!(world.struck().slow_starts.abs_diff(slow as u64) <= 1);
}

#[test]
fn in_a_crash_loop_every_start_of_that_function_fails_and_no_other() {
    let from = Timestamp::ZERO + HOUR * 10;
    let faults = |function| Faults {
        crash_loops: vec![CrashLoop {
            function: FunctionId::new(function),
            from,
            until: from + Duration::from_secs(600),
        }],
        ..Faults::NONE
    };
    let run = |function| {
        let oci = RuntimeClass::Oci.model();
        let mut world = World::new(Seeds::new(1), oci)
            .with_faults(faults(function))
            .expect("legal");
        let mut delays = Delays::default();
        cold_calls(&mut world, 20, &mut delays);
        let late = delays
            .0
            .iter()
            .filter(|it| **it > Duration::from_secs(600))
            .count();
        (late, world.struck().failed_starts)
    };
    // Pauses of 1, 2, 4, ... and at most 300 s: at 0, 1, 3, 7, ..., 255, 511, and the one after 300 more succeeds.
    assert_eq!(run(0), (1, 10));
    assert_eq!(run(1), (0, 0));
}

#[test]
fn functions_have_the_class_that_they_were_assigned() {
    let mut world = World::new(Seeds::new(1), RuntimeClass::Oci.model());
    let wasm = world.add_class(RuntimeClass::Wasm.model());
    world.assign(FunctionId::new(0), wasm);
    cold_calls(&mut world, 10, &mut ());
    let starts: Vec<(&str, u64)> = world
        .classes()
        .map(|(_, model, costs)| (model.name(), costs.starts()))
        .collect();
    assert_eq!(starts, [("oci", 0), ("wasm", 10)]);
    assert_eq!(
        world.costs(world.class_of(FunctionId::new(9))).whole(),
        None
    );
}

#[test]
fn a_start_from_prepared_code_is_spared_what_was_prepared() {
    let model = Part::ALL.into_iter().zip([1, 10, 100, 1_000, 10_000]);
    let model = model.fold(StartModel::new("digits"), |model, (part, millis)| {
        model
            .with(part, Delay::Fixed(Duration::from_millis(millis)))
            .expect("legal")
    });
    for (model, cold, warm) in [
        (model.clone(), 11_111_u64, 11_000_u64),
        (
            model.preparing(&[Part::Code, Part::Dependencies]),
            11_111,
            11_001,
        ),
    ] {
        let mut delays = Delays::default();
        cold_calls(
            &mut World::new(Seeds::new(1), model.clone()),
            3,
            &mut delays,
        );
        let millis: Vec<u128> = delays.0.iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [cold, warm, warm].map(u128::from));
        // Code that is asked for comes before the first call; or does not come, and is fetched with the first start.
        for (share, first) in [(0.0, warm), (1.0, cold)] {
            let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::ZERO));
            let function = platform.add(Function {
                prepared: true,
                ..Function::new(Bytes::mib(1))
            });
            let world = World::new(Seeds::new(1), model.clone());
            let faults = Faults {
                failed_preparations: share,
                ..Faults::NONE
            };
            let mut world = world.with_faults(faults).expect("legal");
            let call = Arrival {
                at: Timestamp::ZERO + HOUR,
                function,
                runs: Duration::ZERO,
            };
            let mut delays = Delays::default();
            Simulation::new(&mut world).run(&mut platform, [call], &mut delays);
            assert_eq!(delays.0, [Duration::from_millis(first)]);
        }
    }
}

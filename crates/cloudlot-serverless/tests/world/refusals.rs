//! Models and faults that are none are refused, with the number.

use std::time::Duration;

use cloudlot_core::metrics::Percentile;
use cloudlot_core::{Seeds, Timestamp};
use cloudlot_serverless::FunctionId;
use cloudlot_serverless::sim::{CrashLoop, FaultError, Faults, SlowSpell, World};
use cloudlot_serverless::start::{Delay, DelayError, Part, StartError, StartModel};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Delay::LONGEST;

#[test]
fn delays_that_are_none_are_refused() {
    let over = DAY + Duration::from_nanos(1);
    let (two, long) = (SECOND * 2, DelayError::TooLong(over));
    let falls = DelayError::Falls(two, SECOND);
    let at = |p| Percentile::new(p).expect("a percentile");
    for (delay, wrong) in [
        (Delay::Fixed(over), long.clone()),
        (Delay::Exponential { mean: over }, long.clone()),
        (
            Delay::Uniform {
                from: SECOND,
                to: over,
            },
            long.clone(),
        ),
        (
            Delay::LogNormal {
                median: SECOND,
                p99: over,
            },
            long.clone(),
        ),
        (Delay::Empirical(vec![(at(50.0), over)]), long),
        (
            Delay::Uniform {
                from: two,
                to: SECOND,
            },
            falls.clone(),
        ),
        (
            Delay::LogNormal {
                median: two,
                p99: SECOND,
            },
            falls.clone(),
        ),
        (
            Delay::Empirical(vec![(at(1.0), two), (at(2.0), SECOND)]),
            falls,
        ),
        (
            Delay::LogNormal {
                median: Duration::ZERO,
                p99: SECOND,
            },
            DelayError::NoMedian,
        ),
        (Delay::Empirical(Vec::new()), DelayError::NoPoints),
        (
            Delay::Empirical(vec![(at(2.0), SECOND), (at(2.0), two)]),
            DelayError::Unordered(2.0, 2.0),
        ),
    ] {
        assert_eq!(delay.check(), Err(wrong.clone()), "{delay:?}");
        let part = Part::Scheduling;
        let model = StartModel::new("none").with(part, delay);
        assert_eq!(model, Err(StartError { part, wrong }));
    }
    for legal in [
        Delay::Fixed(DAY),
        Delay::LogNormal {
            median: DAY,
            p99: DAY,
        },
    ] {
        assert_eq!(legal.check(), Ok(()));
    }
}

#[test]
fn faults_that_are_none_are_refused() {
    let (from, until) = (Timestamp::ZERO + SECOND, Timestamp::ZERO);
    let wrong = DelayError::NoPoints;
    let share = |share| move |of| FaultError::Share { of, share };
    let spell = |from, until, factor| {
        vec![SlowSpell {
            from,
            until,
            factor,
        }]
    };
    let function = FunctionId::new(0);
    let none = Faults::NONE;
    for (faults, error) in [
        (
            Faults {
                failed_starts: -0.1,
                ..none.clone()
            },
            share(-0.1)("failed starts"),
        ),
        (
            Faults {
                failed_preparations: 1.1,
                ..none.clone()
            },
            share(1.1)("failed preparations"),
        ),
        (
            Faults {
                slow_starts: 2.0,
                ..none.clone()
            },
            share(2.0)("slow starts"),
        ),
        (
            Faults {
                failed_runs: 2.0,
                ..none.clone()
            },
            share(2.0)("failed runs"),
        ),
        (
            Faults {
                stuck_stops: f64::INFINITY,
                ..none.clone()
            },
            share(f64::INFINITY)("stuck stops"),
        ),
        (
            Faults {
                ghosts: 2.0,
                ..none.clone()
            },
            share(2.0)("ghosts"),
        ),
        (
            Faults {
                repeated: 2.0,
                ..none.clone()
            },
            share(2.0)("repeated reports"),
        ),
        (
            Faults {
                slow_factor: 0.5,
                ..none.clone()
            },
            FaultError::Factor(0.5),
        ),
        (
            Faults {
                slow_spells: spell(until, from, 1e7),
                ..none.clone()
            },
            FaultError::Factor(1e7),
        ),
        (
            Faults {
                slow_spells: spell(from, until, 2.0),
                ..none.clone()
            },
            FaultError::Backwards { from, until },
        ),
        (
            Faults {
                crash_loops: vec![CrashLoop {
                    function,
                    from,
                    until,
                }],
                ..none.clone()
            },
            FaultError::Backwards { from, until },
        ),
        (
            Faults {
                instance_life: Some(Duration::ZERO),
                ..none.clone()
            },
            FaultError::NoLife,
        ),
        (
            Faults {
                stops: Delay::Empirical(Vec::new()),
                ..none.clone()
            },
            FaultError::Delay {
                of: "stops",
                wrong: wrong.clone(),
            },
        ),
        (
            Faults {
                repeated_after: Delay::Empirical(Vec::new()),
                ..none.clone()
            },
            FaultError::Delay {
                of: "repeats",
                wrong,
            },
        ),
    ] {
        assert_eq!(faults.check(), Err(error.clone()));
        let world = World::new(Seeds::new(1), StartModel::new("any"));
        assert_eq!(world.with_faults(faults).map(drop), Err(error));
    }
    let nan = Faults {
        failed_runs: f64::NAN,
        ..none.clone()
    };
    assert!(matches!(nan.check(), Err(FaultError::Share { share, .. }) if share.is_nan()));
    assert_eq!(none.check(), Ok(()));
}

#[test]
#[should_panic(expected = "class-1 was never added")]
fn a_class_of_another_world_is_refused() {
    let mut other = World::new(Seeds::new(1), StartModel::new("a"));
    let class = other.add_class(StartModel::new("b"));
    World::new(Seeds::new(1), StartModel::new("a")).assign(FunctionId::new(0), class);
}

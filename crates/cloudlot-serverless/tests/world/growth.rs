//! A long run in a world that fails needs no more memory than a short one.

use std::time::Duration;

use cloudlot_core::{Bytes, Seeds, Timestamp};
use cloudlot_serverless::sim::{Faults, Simulation, World};
use cloudlot_serverless::start::{Delay, Part, StartModel};
use cloudlot_serverless::{Arrival, FixedWindow, Function, FunctionId, Platform, Settings};

/// 50 functions in turns with every fault that ends: so many events, losses, and what was allocated for them.
fn allocations(calls: u64) -> (u64, u64, u64) {
    let (mut events, mut lost) = (0, 0);
    let info = allocation_counter::measure(|| {
        let model = StartModel::new("narrow")
            .with(
                Part::Init,
                Delay::Uniform {
                    from: Duration::from_millis(20),
                    to: Duration::from_millis(25),
                },
            )
            .expect("legal");
        let faults = Faults {
            failed_starts: 0.05,
            failed_runs: 0.02,
            instance_life: Some(Duration::from_millis(400)),
            stops: Delay::Uniform {
                from: Duration::ZERO,
                to: Duration::from_millis(5),
            },
            ghosts: 0.5,
            repeated: 0.05,
            repeated_after: Delay::Uniform {
                from: Duration::ZERO,
                to: Duration::from_millis(50),
            },
            ..Faults::NONE
        };
        let settings = Settings {
            restart: cloudlot_serverless::Backoff {
                first: Duration::from_millis(5),
                longest: Duration::from_millis(40),
            },
            ..Settings::DEFAULT
        };
        let mut world = World::new(Seeds::new(1), model)
            .with_faults(faults)
            .expect("legal");
        let mut platform = Platform::new(settings, FixedWindow(Duration::from_millis(40)));
        for _ in 0..50 {
            platform.add(Function {
                timeout: Some(Duration::from_secs(1)),
                patience: Some(Duration::from_secs(1)),
                ..Function::new(Bytes::mib(1))
            });
        }
        let arrivals = (0..calls).map(|index| Arrival {
            at: Timestamp::from_nanos(index * 500_000),
            function: FunctionId::new(u32::try_from(index % 50).unwrap_or(0)),
            runs: Duration::from_millis(3),
        });
        let mut simulation = Simulation::new(&mut world);
        simulation.run(&mut platform, arrivals, &mut ());
        events = simulation.events();
        assert_eq!(platform.totals().replies, calls);
        lost = world.struck().lost;
    });
    (events, lost, info.count_total)
}

#[test]
fn a_million_events_with_faults_allocate_no_more_than_a_hundred_thousand() {
    let (few, _, once) = allocations(50_000);
    let (many, lost, again) = allocations(500_000);
    assert!(few < 200_000 && many > 1_000_000, "{few} and {many} events");
    assert!(lost > 10_000, "{lost}");
    // The highest tide of a longer run may be higher: a table doubles.
    assert!(again <= once + 8, "{once} and {again} allocations");
}

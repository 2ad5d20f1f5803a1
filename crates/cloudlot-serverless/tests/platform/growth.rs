//! A long run needs no more memory than a short one.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::{Arrival, FixedWindow, Function, FunctionId, Platform, Settings};
use std::time::Duration;

/// 50 functions in turns, each call running for 3 ms; so many calls, and what was allocated for them.
fn allocations(calls: u64) -> (u64, u64) {
    let mut events = 0;
    let info = allocation_counter::measure(|| {
        let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::from_millis(90)));
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
        let mut simulation = Simulation::new(FixedStart(Duration::from_millis(20)));
        simulation.run(&mut platform, arrivals, &mut ());
        events = simulation.events();
    });
    (events, info.count_total)
}

#[test]
fn a_million_events_allocate_no_more_than_a_few_thousand() {
    let (few, once) = allocations(10_000);
    let (many, again) = allocations(500_000);
    assert!(few < 50_000 && many > 1_000_000, "{few} and {many} events");
    assert_eq!(once, again, "allocations");
}

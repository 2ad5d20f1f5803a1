//! The table of the guide says what the classes give.

use std::time::Duration;

use cloudlot_core::{Bytes, Seeds, Timestamp};
use cloudlot_serverless::sim::{Simulation, World};
use cloudlot_serverless::start::{Delay, Part, RuntimeClass, StartModel};
use cloudlot_serverless::{Arrival, FixedWindow, Function, FunctionId, Platform, Settings};

const GUIDE: &str = include_str!("../../../../docs/strategies/starts.md");

/// To three digits.
fn short(time: Duration) -> String {
    let nanos = time.as_secs_f64() * 1e9;
    let (unit, size) = [("s", 1e9), ("ms", 1e6), ("us", 1e3)]
        .into_iter()
        .find(|&(_, size)| nanos >= size)
        .unwrap_or(("ns", 1.0));
    let number = nanos / size;
    let digits = usize::from(number < 100.0) + usize::from(number < 10.0);
    format!("{number:.digits$} {unit}")
}

fn part(model: &StartModel, part: Part) -> String {
    let delay = model.delay(part);
    match delay {
        Delay::Fixed(Duration::ZERO) => "-".to_owned(),
        Delay::Fixed(time) => short(*time),
        _ => format!("{} / {}", short(delay.at(0.5)), short(delay.at(0.99))),
    }
}

/// Median and 99th percentile of 20,000 starts, of all parts and of those that preparing leaves.
fn whole(model: &StartModel, prepared: bool) -> String {
    let mut world = World::new(Seeds::new(1), model.clone());
    let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::ZERO));
    for _ in 0..20_000 {
        platform.add(Function {
            prepared,
            ..Function::new(Bytes::mib(1))
        });
    }
    let calls = (0..20_000).map(|number| Arrival {
        at: Timestamp::ZERO + Duration::from_secs(100_000 + u64::from(number)),
        function: FunctionId::new(number),
        runs: Duration::ZERO,
    });
    Simulation::new(&mut world).run(&mut platform, calls, &mut ());
    let cost = world.costs(world.class_of(FunctionId::new(0))).whole();
    let cost = cost.expect("starts");
    format!("{} / {}", short(cost.p50), short(cost.p99))
}

#[test]
fn the_guide_says_what_the_classes_give() {
    let mut rows = String::new();
    for class in RuntimeClass::ALL {
        let model = class.model();
        let parts = Part::ALL.map(|it| part(&model, it)).join(" | ");
        let (cold, warm) = (whole(&model, false), whole(&model, true));
        rows += &format!("| `{}` | {parts} | {cold} | {warm} |\n", model.name());
    }
    assert!(GUIDE.contains(&rows), "the guide lacks this table:\n{rows}");
}

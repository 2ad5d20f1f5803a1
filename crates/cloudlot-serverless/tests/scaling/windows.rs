//! Learned windows: a shadow changes nothing, what was not learned changes nothing, and a mistake has a limit.

use std::time::Duration;

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::scale::learned::{Windows, WindowsConfig, WindowsError};
use cloudlot_serverless::scale::{Bill, Prices};
use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::{
    Arrival, FixedWindow, Function, FunctionId, KeepAlive, Platform, Settings, Totals,
};

use super::world::{at, seconds};

const START: Duration = Duration::from_secs(1);
const TEN_MINUTES: FixedWindow = FixedWindow(Duration::from_secs(600));
const MEMORY: Bytes = Bytes::mib(64);

fn config() -> WindowsConfig {
    WindowsConfig::new(START)
}

/// Functions that are called once every `every` seconds, out of step, for so long.
fn periodic(functions: u32, every: u64, until: u64) -> Vec<Arrival> {
    let mut calls: Vec<Arrival> = (0..functions)
        .flat_map(|function| {
            let times = (u64::from(function) * 7 % every..until).step_by(every as usize);
            times.map(move |second| Arrival {
                at: at(second),
                function: FunctionId::new(function),
                runs: seconds(1),
            })
        })
        .collect();
    calls.sort_by_key(|arrival| (arrival.at, arrival.function));
    calls
}

fn run<K: KeepAlive>(keep: K, functions: u32, calls: &[Arrival]) -> (Totals, Bill, Platform<K>) {
    let mut bill = Bill::new(
        Prices::DEFAULT,
        Timestamp::MAX,
        (0..functions).map(|_| MEMORY),
    );
    let mut platform = Platform::new(Settings::DEFAULT, keep);
    for _ in 0..functions {
        platform.add(Function::new(MEMORY));
    }
    let mut simulation = Simulation::new(FixedStart(START));
    simulation.run(&mut platform, calls.iter().copied(), &mut bill);
    (*platform.totals(), bill, platform)
}

#[test]
fn a_bill_counts_what_the_platform_counts() {
    let calls = periodic(5, 700, 40_000);
    let (totals, bill, _) = run(TEN_MINUTES, 5, &calls);
    assert_eq!(
        (bill.calls(), bill.cold(), bill.idle()),
        (totals.calls, totals.cold, totals.idle)
    );
    // Each cold call waited for a second and was late.
    assert_eq!(
        (bill.waited(), bill.late()),
        (START * u32::try_from(totals.cold).unwrap(), totals.cold)
    );
    let idle = totals.idle_mib_s() / 1_024.0 * 0.02;
    let total = bill.total().as_secs_f64();
    assert!(
        (total - 2.0 * totals.cold as f64 - idle).abs() < 1e-3,
        "{total}"
    );
}

#[test]
fn a_shadow_and_one_that_knows_nothing_keep_as_long_as_their_base() {
    let calls = periodic(9, 900, 50_000);
    let (base, ..) = run(TEN_MINUTES, 9, &calls);
    let shadow = Windows::new(TEN_MINUTES, config()).unwrap();
    let untaught = shadow.control(TEN_MINUTES, false);
    let (watched, _, platform) = run(shadow, 9, &calls);
    assert_eq!(watched, base);
    assert!(
        platform.keep_alive().agent().learner.steps() > 0,
        "it did learn"
    );
    let (acted, _, platform) = run(untaught, 9, &calls);
    assert_eq!(acted, base);
    assert_eq!(platform.keep_alive().agent().learner.steps(), 0, "frozen");
}

/// Called every quarter of an hour: ten minutes are always wasted, and a little more would always be enough.
#[test]
fn what_is_learned_from_some_functions_serves_others_of_their_class() {
    let calls = periodic(20, 900, 80_000);
    let (_, _, platform) = run(Windows::new(TEN_MINUTES, config()).unwrap(), 20, &calls);
    let learned = platform.keep_alive().control(TEN_MINUTES, false);
    let others = periodic(8, 880, 80_000);
    let (base, base_bill, _) = run(TEN_MINUTES, 8, &others);
    let (totals, bill, platform) = run(learned, 8, &others);
    // The first four of each are not known yet; then they stay warm.
    assert!(totals.cold <= 5 * 8 && base.cold > 80 * 8, "{totals:?}");
    assert!(bill.total() < base_bill.total());
    assert_eq!(platform.keep_alive().given_back(), 0);
    let mut rolled_back = platform.keep_alive().control(TEN_MINUTES, false);
    rolled_back.roll_back();
    assert_eq!(run(rolled_back, 8, &others).0, base);
}

/// The world changes: what was called every quarter of an hour comes every two hours, always just after the longest window. The class is
/// given back, and all of it cost no more than the limit for each class, and a gap.
#[test]
fn a_class_that_becomes_too_dear_is_given_back_within_its_limit() {
    let calls = periodic(20, 900, 80_000);
    let limit = seconds(5);
    let config = WindowsConfig { limit, ..config() };
    let (_, _, platform) = run(Windows::new(TEN_MINUTES, config).unwrap(), 20, &calls);
    let learned = platform.keep_alive().control(TEN_MINUTES, false);
    // As before for some calls, so that their class is the learned one, and then rare.
    let mut turned = periodic(6, 900, 6_000);
    let late = periodic(6, 7_300, 700_000)
        .into_iter()
        .map(|arrival| Arrival {
            at: arrival.at + seconds(7_000),
            ..arrival
        });
    turned.extend(late);
    let (_, base, _) = run(TEN_MINUTES, 6, &turned);
    let (_, bill, platform) = run(learned, 6, &turned);
    let given_back = platform.keep_alive().given_back();
    assert!(given_back >= 1, "{given_back}");
    let classes = u32::try_from(given_back + 1).unwrap();
    // A gap costs at most an hour of this memory.
    let gap = Prices::DEFAULT.idle(MEMORY, seconds(3_600));
    assert!(
        bill.total() <= base.total() + (limit + 6 * gap) * classes,
        "{:?} over {:?}",
        bill.total(),
        base.total()
    );
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let refused = |config| Windows::new(TEN_MINUTES, config).err().unwrap();
    for percents in [vec![], vec![50, 200], vec![100, 50], vec![100, 100]] {
        let config = WindowsConfig {
            percents: percents.clone(),
            ..config()
        };
        assert_eq!(refused(config), WindowsError::Percents(percents));
    }
    for errors in [-1.0, f64::INFINITY] {
        let config = WindowsConfig { errors, ..config() };
        assert_eq!(refused(config), WindowsError::Errors(errors));
    }
    let percents = (100..165).collect();
    let too_many = refused(WindowsConfig {
        percents,
        ..config()
    });
    assert!(matches!(too_many, WindowsError::Table(_)), "{too_many}");
}

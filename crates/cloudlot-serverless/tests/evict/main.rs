//! Valuations against what their words say, counted from all that happened.

use std::time::Duration;

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::evict::{
    Age, Cost, Due, Frequency, GreedyDual, Lru, Size, StartCost, Valuation, Weigh,
};
use cloudlot_serverless::{Function, FunctionId};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Said {
    Arrived,
    Ready(u64),
    Finished,
    Gone,
    /// The least valued of this function went.
    Evicted,
}

/// What was said of which function, one nanosecond after the other.
type History = Vec<(usize, Said)>;

const MEMORY: [u64; 3] = [1 << 20, 3 << 20, 5_000_000];

fn id(function: usize) -> FunctionId {
    FunctionId::new(u32::try_from(function).expect("few"))
}

fn history() -> impl Strategy<Value = History> {
    let said = prop_oneof![
        3 => Just(Said::Arrived),
        2 => (0..2_000_000_000_u64).prop_map(Said::Ready),
        3 => Just(Said::Finished),
        1 => Just(Said::Gone),
        1 => Just(Said::Evicted),
    ];
    prop::collection::vec((0..3_usize, said), 0..60)
}

fn tell(by: &mut impl Valuation, history: &History) {
    for (function, &memory) in MEMORY.iter().enumerate() {
        by.added(id(function), &Function::new(Bytes::new(memory)));
    }
    for (now, &(function, said)) in (0..).zip(history) {
        let (function, now) = (id(function), Timestamp::from_nanos(now));
        match said {
            Said::Arrived => by.arrived(function, now),
            Said::Ready(took) => by.ready(function, Duration::from_nanos(took)),
            Said::Finished => by.finished(function, Duration::ZERO),
            Said::Gone => by.gone(function),
            Said::Evicted => {
                let value = by.value(function, now, now);
                let value = by.revalue(function, value);
                by.evicted(function, value);
            }
        }
    }
}

/// The calls that count for a function, one entry an instance that is there.
fn calls(history: &[(usize, Said)], of: usize) -> u64 {
    let (mut calls, mut instances) = (0_u64, 0_u64);
    for &(function, said) in history {
        match said {
            _ if function != of => {}
            Said::Ready(_) => instances += 1,
            Said::Finished => calls += 1,
            Said::Gone if instances > 0 => {
                // Each has the same part; the one that goes has the larger if they are not equal.
                let left = calls / instances * (instances - 1);
                let rest = (calls % instances).saturating_sub(1);
                (calls, instances) = (left + rest, instances - 1);
            }
            _ => {}
        }
    }
    calls
}

fn start(history: &[(usize, Said)], of: usize) -> u64 {
    let mut cost = StartCost::default();
    for &(function, said) in history {
        if let (true, Said::Ready(took)) = (function == of, said) {
            cost.started(Duration::from_nanos(took));
        }
    }
    u64::try_from(cost.mean().as_nanos()).expect("short")
}

/// Greedy-dual from the beginning of time.
fn dual(history: &[(usize, Said)], weigh: Weigh) -> ([u64; 3], u64) {
    let (mut worth, mut clock) = ([0_u64; 3], 0);
    for (until, &(function, said)) in history.iter().enumerate() {
        match said {
            Said::Evicted => clock = worth[function].max(clock),
            Said::Finished => {
                let past = &history[..=until];
                let (calls, start) = (calls(past, function), start(past, function));
                let (calls, start) = (u128::from(calls), u128::from(start));
                let each_mib = |amount: u128| (amount << 20) / u128::from(MEMORY[function]);
                let saved = match weigh {
                    Weigh::StartPerMib => each_mib(calls * start),
                    Weigh::Start => calls * start,
                    Weigh::PerMib => each_mib(calls * 1_000_000_000),
                };
                worth[function] = clock + u64::try_from(saved).expect("few calls");
            }
            _ => {}
        }
    }
    (worth, clock)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn greedy_dual_is_clock_and_calls_times_start_over_memory(history in history()) {
        for weigh in [Weigh::StartPerMib, Weigh::Start, Weigh::PerMib] {
            let mut by = GreedyDual::weighing(weigh);
            tell(&mut by, &history);
            let (worth, clock) = dual(&history, weigh);
            for (function, worth) in worth.into_iter().enumerate() {
                let now = Timestamp::MAX;
                let value = by.value(id(function), now, now);
                prop_assert_eq!(value, worth.max(clock));
                let risen = by.revalue(id(function), 0);
                prop_assert_eq!(risen, worth);
                prop_assert_eq!(by.revalue(id(function), u64::MAX), u64::MAX);
            }
        }
    }

    #[test]
    fn frequency_and_cost_and_due_are_what_they_say(history in history()) {
        let (mut frequency, mut cost, mut due) =
            (Frequency::default(), Cost::default(), Due::default());
        tell(&mut frequency, &history);
        tell(&mut cost, &history);
        tell(&mut due, &history);
        let now = Timestamp::from_nanos(1_000);
        for (function, memory) in MEMORY.into_iter().enumerate() {
            let (calls, start) = (calls(&history, function), start(&history, function));
            prop_assert_eq!(frequency.value(id(function), now, now), calls);
            prop_assert_eq!(frequency.revalue(id(function), 0), calls);
            let per_mib = (u128::from(start) << 20) / u128::from(memory);
            prop_assert_eq!(u128::from(cost.value(id(function), now, now)), per_mib);
            let came = (0_u64..).zip(&history);
            let came = came.filter(|(_, said)| matches!(said, (of, Said::Arrived) if *of == function));
            let came: Vec<u64> = came.map(|(at, _)| at).collect();
            let gaps = came.windows(2).map(|pair| pair[1] - pair[0]);
            let gap = gaps.reduce(|mean, gap| (mean + gap) / 2);
            let value = (1 << 60) + 1_000 + start - gap.unwrap_or(600_000_000_000);
            prop_assert_eq!(due.value(id(function), now, now), value);
        }
    }
}

#[test]
fn age_size_and_the_last_use_order_as_they_say() {
    let at = Timestamp::from_nanos;
    assert!(Lru.value(id(0), at(5), at(7)) < Lru.value(id(1), at(1), at(8)));
    assert!(Age.value(id(0), at(5), at(7)) > Age.value(id(1), at(1), at(8)));
    let mut size = Size::default();
    tell(&mut size, &Vec::new());
    assert!(size.value(id(2), at(0), at(0)) < size.value(id(0), at(0), at(0)));
}

#[test]
fn the_largest_numbers_end_where_numbers_do() {
    let mut by = GreedyDual::default();
    by.added(id(0), &Function::new(Bytes::new(0)));
    by.ready(id(0), Duration::MAX);
    by.finished(id(0), Duration::MAX);
    assert_eq!(by.value(id(0), Timestamp::ZERO, Timestamp::MAX), u64::MAX);
    let mut due = Due::default();
    due.ready(id(0), Duration::MAX);
    due.arrived(id(0), Timestamp::ZERO);
    due.arrived(id(0), Timestamp::MAX);
    let value = due.value(id(0), Timestamp::MAX, Timestamp::MAX);
    assert_eq!(value, u64::MAX - (1 << 60));
}

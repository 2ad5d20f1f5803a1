//! Damaged traces: refused, or read as a legal trace; never a panic, and never much memory.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::trace::azure2019::{self, Lacking};
use cloudlot_serverless::trace::azure2021;
use cloudlot_serverless::trace::huawei::{Reader, Step};
use cloudlot_serverless::trace::opendc::Samples;
use cloudlot_serverless::{Arrival, FunctionId};
use proptest::prelude::*;
use std::time::Duration;

const INVOCATIONS: &[u8] = include_bytes!("fixtures/azure2019/invocations.csv");
const DURATIONS: &[u8] = include_bytes!("fixtures/azure2019/durations.csv");
const MEMORY: &[u8] = include_bytes!("fixtures/azure2019/memory.csv");
const CALLS: &[u8] = include_bytes!("fixtures/azure2021.csv");
const SAMPLES: &[u8] = include_bytes!("fixtures/opendc/thumbnail.csv");
const REQUESTS: &[u8] = include_bytes!("fixtures/huawei/requests_day_00.csv");

/// No more calls of a damaged trace are looked at: one digit more makes millions.
const LOOKED_AT: usize = 20_000;

/// What happens to a file.
#[derive(Clone, Debug)]
enum Damage {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let place = any::<prop::sample::Index>;
    let telling = prop::sample::select(b",\n\r\".-+eE0123456789 #\0\xff".to_vec());
    let damage = prop_oneof![
        4 => (place(), telling).prop_map(|(at, byte)| Damage::Set(at, byte)),
        2 => (place(), 0_u8..8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        1 => place().prop_map(Damage::Cut),
        1 => (place(), 1_usize..40).prop_map(|(at, length)| Damage::Remove(at, length)),
        1 => (place(), 1_usize..40).prop_map(|(at, length)| Damage::Repeat(at, length)),
    ];
    prop::collection::vec(damage, 0..4)
}

fn damaged(file: &[u8], damages: &[Damage]) -> Vec<u8> {
    let mut file = file.to_vec();
    for damage in damages {
        if file.is_empty() {
            break;
        }
        match damage {
            Damage::Set(at, byte) => *at.get_mut(&mut file) = *byte,
            Damage::Flip(at, bit) => *at.get_mut(&mut file) ^= 1 << bit,
            Damage::Cut(at) => file.truncate(at.index(file.len())),
            Damage::Remove(at, length) => {
                let from = at.index(file.len());
                file.drain(from..file.len().min(from + length));
            }
            Damage::Repeat(at, length) => {
                let from = at.index(file.len());
                let part = file[from..file.len().min(from + length)].to_vec();
                file.splice(from..from, part);
            }
        }
    }
    file
}

/// Looks at the first calls: in order, and of functions that are there.
fn check(
    arrivals: impl Iterator<Item = Arrival>,
    functions: usize,
) -> Result<usize, TestCaseError> {
    let mut last = (Timestamp::ZERO, FunctionId::new(0));
    let mut calls = 0;
    for call in arrivals.take(LOOKED_AT) {
        prop_assert!(last <= (call.at, call.function));
        prop_assert!(usize::try_from(call.function.number()).is_ok_and(|it| it < functions));
        last = (call.at, call.function);
        calls += 1;
    }
    Ok(calls)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_damaged_day_of_azure_is_refused_or_legal(first in damages(), second in damages(), third in damages(), refuse: bool) {
        let lacking = if refuse { Lacking::Refuse } else { Lacking::LeaveOut };
        let files = [damaged(INVOCATIONS, &first), damaged(DURATIONS, &second), damaged(MEMORY, &third)];
        match azure2019::read(&files[0][..], &files[1][..], &files[2][..], lacking) {
            Ok(day) => {
                let functions = day.counts.functions();
                prop_assert_eq!(functions.len(), day.triggers.len());
                let mut names: Vec<&str> = functions.iter().map(|it| it.name.as_str()).collect();
                names.sort_unstable();
                names.dedup();
                prop_assert_eq!(names.len(), functions.len());
                let calls = check(day.counts.arrivals(), functions.len())?;
                let expected = usize::try_from(day.counts.calls()).unwrap_or(usize::MAX);
                prop_assert_eq!(calls, expected.min(LOOKED_AT));
                prop_assert!(day.counts.size() < 3 * files[0].len());
            }
            Err(error) => prop_assert!(error.line >= 1 && !error.to_string().is_empty()),
        }
    }

    #[test]
    fn damaged_calls_are_refused_or_legal(damages in damages()) {
        let file = damaged(CALLS, &damages);
        if let Ok(calls) = azure2021::read(&file[..], Bytes::mib(1)) {
            prop_assert_eq!(check(calls.arrivals(), calls.functions().len())?, calls.len());
        }
    }

    #[test]
    fn damaged_samples_are_refused_or_legal(damages in damages(), seconds in 0_u64..100) {
        let file = damaged(SAMPLES, &damages);
        let mut trace = Samples::new();
        if trace.add("sample", &file[..]).is_ok() {
            let arrivals = trace.arrivals(Duration::from_secs(seconds));
            let calls = usize::try_from(trace.calls()).unwrap_or(usize::MAX);
            prop_assert_eq!(check(arrivals, 1)?, calls.min(LOOKED_AT));
        } else {
            prop_assert!(trace.functions().is_empty());
        }
    }

    #[test]
    fn damaged_tables_are_refused_or_legal(damages in damages()) {
        let file = damaged(REQUESTS, &damages);
        let mut reader = Reader::new(Step::Minute);
        if reader.requests("table", &file[..]).is_ok() {
            let trace = reader.finish(Duration::ZERO, Bytes::ZERO);
            let calls = usize::try_from(trace.calls()).unwrap_or(usize::MAX);
            prop_assert_eq!(check(trace.arrivals(), trace.functions().len())?, calls.min(LOOKED_AT));
        }
    }
}

#[test]
fn a_day_that_was_not_damaged_is_read() {
    // Else all the properties above would hold of a reader that refuses everything.
    let day = azure2019::read(INVOCATIONS, DURATIONS, MEMORY, Lacking::Refuse).unwrap();
    assert_eq!(day.counts.arrivals().count(), 139);
}

#[test]
fn a_hostile_count_takes_time_and_no_memory() {
    let text = String::from_utf8_lossy(INVOCATIONS);
    let text = text.replace(",0", ",100000000");
    let day = azure2019::read(text.as_bytes(), DURATIONS, MEMORY, Lacking::Refuse).unwrap();
    assert!(day.counts.calls() > 10_000_000_000);
    let used = allocation_counter::measure(|| {
        assert_eq!(day.counts.arrivals().take(1_000_000).count(), 1_000_000);
    });
    assert!(used.bytes_max < 2 << 20, "{} bytes", used.bytes_max);
}

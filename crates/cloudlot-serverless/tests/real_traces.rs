//! Samples of the real traces, where they are there: CLOUDLOT_DATA names the folder that has `serverless/`.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::trace::azure2019::{Day, Lacking, Trigger, Unmatched, read};
use cloudlot_serverless::trace::{Replay, azure2021};
use cloudlot_serverless::{Arrival, FunctionId};
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::BufReader;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A folder of samples; `None`, said loudly, if it is not there.
fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CLOUDLOT_DATA").map_or_else(default_data, PathBuf::from);
    let folder = root.join("serverless").join(name);
    if !folder.is_dir() {
        eprintln!(
            "SKIPPED: no {}; set CLOUDLOT_DATA to the folder that has serverless/",
            folder.display()
        );
        return None;
    }
    Some(folder)
}

/// A sample of the trace of 2019.
fn day(name: &str) -> Option<Day> {
    let folder = folder(name)?;
    let open = |part: &str| {
        let file = File::open(folder.join(format!("{part}.anon.d01.csv.gz")));
        BufReader::new(GzDecoder::new(file.expect("a file of the trace")))
    };
    let day = read(
        open("invocations_per_function_md"),
        open("function_durations_percentiles"),
        open("app_memory_percentiles"),
        Lacking::Refuse,
    );
    Some(day.unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// Beside the workspace.
fn default_data() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let is_root = |folder: &&Path| folder.join("Cargo.lock").is_file();
    let root = here.ancestors().find(is_root).unwrap_or(&here);
    root.join("../shared/data")
}

fn first_minutes(minutes: u32) -> Replay {
    Replay {
        slots: 0..minutes,
        faster: NonZeroU32::MIN,
    }
}

/// How many there are; panics if one comes before its predecessor in time and function.
fn count_in_order(arrivals: impl Iterator<Item = Arrival>) -> usize {
    let mut last = (Timestamp::ZERO, FunctionId::new(0));
    let mut calls = 0;
    for call in arrivals {
        assert!(last <= (call.at, call.function), "{last:?} before {call:?}");
        last = (call.at, call.function);
        calls += 1;
    }
    calls
}

#[test]
fn a_hundred_functions_are_called_as_often_as_published() {
    let Some(day) = day("azure2019_dirigent100") else {
        return;
    };
    let counts = &day.counts;
    assert_eq!(counts.functions().len(), 100);
    assert_eq!(counts.slots(), 1_440);
    assert_eq!(counts.calls(), 339_657);
    assert_eq!(counts.calls_in(0..120), 77_790);
    assert_eq!(
        count_in_order(counts.arrivals_of(&first_minutes(120))),
        77_790
    );
    assert_eq!(count_in_order(counts.arrivals()), 339_657);
}

#[test]
fn five_hundred_functions_are_called_as_often_as_published() {
    let Some(day) = day("azure2019_dirigent500") else {
        return;
    };
    let counts = &day.counts;
    assert_eq!(day.unmatched, Unmatched::default());
    assert_eq!(counts.functions().len(), 500);
    let owners: std::collections::BTreeSet<_> =
        counts.functions().iter().map(|it| &it.owner).collect();
    assert_eq!(owners.len(), 428);
    let timers = day.triggers.iter().filter(|it| **it == Trigger::Timer);
    assert_eq!(timers.count(), 247);
    assert_eq!(counts.calls(), 3_037_902);
    assert_eq!(
        count_in_order(counts.arrivals_of(&first_minutes(480))),
        3_037_902
    );
    let (first, last) = (
        counts.arrivals().next().unwrap(),
        counts.arrivals().last().unwrap(),
    );
    assert_eq!(
        (first.at, first.function),
        (Timestamp::ZERO, FunctionId::new(3))
    );
    let end = Timestamp::ZERO + Duration::from_millis(28_799_986);
    assert_eq!((last.at, last.function), (end, FunctionId::new(287)));
    // Some tens of thousands of bytes hold what 3 million calls say.
    assert!(counts.size() < 150_000, "{}", counts.size());
}

#[test]
fn a_minute_is_expanded_as_the_published_comparisons_do() {
    let Some(day) = day("azure2019_dirigent500") else {
        return;
    };
    let counts = &day.counts;
    for minute in [0, 7, 240, 479] {
        let mut expected = Vec::new();
        for (function, profile) in (0..).map(FunctionId::new).zip(counts.functions()) {
            let n = counts.counts_of(function).find(|(slot, _)| *slot == minute);
            let n = u64::from(n.map_or(0, |(_, n)| n));
            expected.extend((0..n).map(|k| Arrival {
                at: Timestamp::from_nanos(k * 60_000 / n * 1_000_000),
                function,
                runs: profile.runs,
            }));
        }
        expected.sort_by_key(|call| (call.at, call.function));
        let replay = Replay {
            slots: minute..minute + 1,
            faster: NonZeroU32::MIN,
        };
        assert_eq!(counts.arrivals_of(&replay).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn the_memory_of_an_app_is_shared_by_its_functions() {
    let Some(day) = day("azure2019_dirigent500") else {
        return;
    };
    let functions = day.counts.functions();
    let app = "1aed6a5aa397da392fd0f73a30060ddaffdf548a890b73e666c81a11d2588aa6";
    let shares: Vec<Bytes> = functions
        .iter()
        .filter(|it| it.app == app)
        .map(|it| it.memory)
        .collect();
    // 14 MB for all four.
    assert_eq!(shares, [Bytes::kib(3_584); 4]);
}

#[test]
fn a_faster_replay_keeps_the_calls_and_their_order() {
    let Some(day) = day("azure2019_dirigent100") else {
        return;
    };
    let sixty = Replay {
        slots: 0..120,
        faster: NonZeroU32::new(60).unwrap(),
    };
    let fast = day.counts.arrivals_of(&sixty);
    assert_eq!(count_in_order(fast.clone()), 77_790);
    assert!(fast.last().unwrap().at < Timestamp::ZERO + Duration::from_secs(120));
}

#[test]
fn a_full_day_of_minutes_is_read() {
    let Some(day) = day("azure2019_sample_1350a") else {
        return;
    };
    assert_eq!(day.counts.functions().len(), 1_350);
    assert_eq!(count_in_order(day.counts.arrivals()), 927_272);
    // 330,431 minutes have calls: about two bytes for each.
    assert!(day.counts.size() < 700_000, "{}", day.counts.size());
}

#[test]
fn a_replay_allocates_no_more_for_more_calls() {
    let Some(day) = day("azure2019_dirigent500") else {
        return;
    };
    let replay = |minutes: u32| {
        let mut calls = 0;
        let used = allocation_counter::measure(|| {
            calls = day.counts.arrivals_of(&first_minutes(minutes)).count();
        });
        (calls, used)
    };
    let (calls, used) = replay(480);
    assert_eq!(calls, 3_037_902);
    assert!(used.count_total < 100, "{} allocations", used.count_total);
    assert!(used.bytes_max < 1 << 20, "{} bytes", used.bytes_max);
}

#[test]
fn single_calls_of_2021_are_read() {
    let Some(folder) = folder("azure2021_sample") else {
        return;
    };
    let file = File::open(folder.join("Azure2021_200.csv")).expect("the sample");
    let calls = azure2021::read(BufReader::new(file), Bytes::mib(128)).unwrap();
    assert_eq!((calls.len(), calls.functions().len()), (199, 31));
    assert_eq!(count_in_order(calls.arrivals()), 199);
}

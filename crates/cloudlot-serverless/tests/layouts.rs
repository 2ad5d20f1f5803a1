//! Each layout on a small trace of our own: what is read, and what is refused and where.

use cloudlot_core::{Bytes, Seeds};
use cloudlot_serverless::synthetic::azure_day;
use cloudlot_serverless::trace::azure2019::{self, Day, Lacking, Trigger, Unmatched};
use cloudlot_serverless::trace::huawei::{Reader, Step};
use cloudlot_serverless::trace::opendc::Samples;
use cloudlot_serverless::trace::{TraceError, TraceFault, azure2021};
use cloudlot_serverless::{Arrival, FunctionId};
use std::time::Duration;

const INVOCATIONS: &str = include_str!("fixtures/azure2019/invocations.csv");
const DURATIONS: &str = include_str!("fixtures/azure2019/durations.csv");
const MEMORY: &str = include_str!("fixtures/azure2019/memory.csv");
const CALLS: &str = include_str!("fixtures/azure2021.csv");
const THUMBNAIL: &str = include_str!("fixtures/opendc/thumbnail.csv");
const REPORT: &str = include_str!("fixtures/opendc/report.csv");

fn day(
    invocations: &str,
    durations: &str,
    memory: &str,
    lacking: Lacking,
) -> Result<Day, TraceError> {
    azure2019::read(
        invocations.as_bytes(),
        durations.as_bytes(),
        memory.as_bytes(),
        lacking,
    )
}

/// Whose calls begin when, in milliseconds.
fn times(arrivals: impl Iterator<Item = Arrival>) -> Vec<(u64, u32)> {
    arrivals
        .map(|call| (call.at.as_nanos() / 1_000_000, call.function.number()))
        .collect()
}

#[test]
fn a_day_of_azure_is_joined_from_its_three_files() {
    let day = day(INVOCATIONS, DURATIONS, MEMORY, Lacking::Refuse).unwrap();
    let functions = day.counts.functions();
    let names: Vec<_> = functions.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["fa", "fb", "fc", "fd"]);
    assert_eq!(
        (functions[2].app.as_str(), functions[2].owner.as_str()),
        ("app2", "own2")
    );
    // 199 MB for two functions, 64.5 MB for one.
    assert_eq!(functions[1].memory, Bytes::new(199 * (1 << 20) / 2));
    assert_eq!(functions[2].memory, Bytes::kib(66_048));
    assert_eq!(functions[0].runs, Duration::from_millis(30));
    assert_eq!(functions[0].longest, Duration::from_secs(5));
    assert_eq!(functions[2].runs, Duration::from_micros(12_500));
    let triggers = [
        Trigger::Http,
        Trigger::Timer,
        Trigger::Queue,
        Trigger::Orchestration,
    ];
    assert_eq!(day.triggers, triggers);
    assert_eq!(day.unmatched, Unmatched::default());
    assert_eq!((day.counts.slots(), day.counts.calls()), (30, 139));
    let first = times(day.counts.arrivals().take(6));
    let minute = 60_000;
    assert_eq!(
        first,
        [
            (0, 0),
            (20_000, 0),
            (40_000, 0),
            (minute, 0),
            (4 * minute, 1),
            (6 * minute, 2)
        ]
    );
    let counts: Vec<_> = day.counts.counts_of(FunctionId::new(2)).collect();
    assert_eq!(counts, [(6, 120), (7, 7)]);
}

#[test]
fn line_ends_marks_quotes_and_the_order_of_columns_do_not_matter() {
    let plain = day(INVOCATIONS, DURATIONS, MEMORY, Lacking::Refuse).unwrap();
    let dos = format!("\u{feff}{}", INVOCATIONS.replace('\n', "\r\n\r\n"));
    let quoted = MEMORY.replace("own1", "\"own1\"");
    let turned: String = DURATIONS
        .lines()
        .map(|line| line.rsplit(',').collect::<Vec<_>>().join(",") + "\n")
        .collect();
    assert_eq!(day(&dos, &turned, &quoted, Lacking::Refuse).unwrap(), plain);
    let counts = INVOCATIONS.replace(",120,7,", ",120.0,7.0,");
    assert_eq!(
        day(&counts, DURATIONS, MEMORY, Lacking::Refuse).unwrap(),
        plain
    );
}

#[test]
fn a_function_without_a_partner_is_left_out_refused_or_assumed() {
    let durations = DURATIONS.replace("own2,app2,fc", "own2,app2,other");
    let memory = MEMORY.replace("own3,app3", "own3,other");
    let left = day(INVOCATIONS, &durations, &memory, Lacking::LeaveOut).unwrap();
    let names: Vec<_> = left
        .counts
        .functions()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["fa", "fb"]);
    let expected = Unmatched {
        without_duration: 1,
        without_memory: 1,
        calls_left_out: 127,
        other_durations: 1,
        other_memory: 1,
    };
    assert_eq!(left.unmatched, expected);
    let refused = day(INVOCATIONS, &durations, &memory, Lacking::Refuse).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "invocations, line 4: `own2/app2/fc` has no row in durations"
    );
    let assumed = Lacking::Assume {
        runs: Duration::from_secs(2),
        memory: Bytes::mib(99),
    };
    let kept = day(INVOCATIONS, &durations, &memory, assumed).unwrap();
    assert_eq!(kept.counts.functions()[2].longest, Duration::from_secs(2));
    assert_eq!(kept.counts.functions()[3].memory, Bytes::mib(99));
    assert_eq!(
        kept.unmatched,
        Unmatched {
            calls_left_out: 0,
            ..expected
        }
    );
}

#[test]
fn functions_of_one_name_in_two_apps_are_told_apart() {
    let invocations = INVOCATIONS.replace(",fc,", ",fa,");
    let durations = DURATIONS.replace(",fc,", ",fa,");
    let day = day(&invocations, &durations, MEMORY, Lacking::Refuse).unwrap();
    let names: Vec<_> = day
        .counts
        .functions()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["own1/app1/fa", "fb", "own2/app2/fa", "fd"]);
}

#[test]
fn a_faulty_day_is_refused_with_the_place_and_the_reason() {
    let read = |file: usize, from: &str, to: &str| {
        let mut files = [INVOCATIONS, DURATIONS, MEMORY].map(str::to_owned);
        assert!(files[file].contains(from), "{from}");
        files[file] = files[file].replacen(from, to, 1);
        match day(&files[0], &files[1], &files[2], Lacking::LeaveOut) {
            Ok(_) => panic!("{to} for {from} was read"),
            Err(error) => error.to_string(),
        }
    };
    let count = "needs a whole number of calls from 0 to 100000000";
    let time = "needs a time from 0 to 30 days";
    for (file, from, to, expected) in [
        (0, ",120,", ",-1,", format!("invocations, line 4: column `7` is `-1` and {count}")),
        (0, ",120,", ",x,", format!("invocations, line 4: column `7` is `x` and {count}")),
        (0, ",120,", ",,", format!("invocations, line 4: column `7` is `` and {count}")),
        (0, ",120,", ",1.5,", format!("invocations, line 4: column `7` is `1.5` and {count}")),
        (0, ",120,", ",NaN,", format!("invocations, line 4: column `7` is `NaN` and {count}")),
        (0, ",120,", ",100000001,", format!("invocations, line 4: column `7` is `100000001` and {count}")),
        (0, ",120,", ",120,0,", "invocations, line 4: 35 fields where the header has 34".into()),
        (0, ",17,", ",99,", "invocations, line 1: column `17` is missing".into()),
        (0, ",17,", ",16,", "invocations, line 1: column `16` stands twice".into()),
        (0, "Trigger,", "Cause,", "invocations, line 1: column `Trigger` is missing".into()),
        (0, ",fb,", ",fa,", "invocations, line 3: `own1/app1/fa` already stands in line 2".into()),
        (0, "own2,app2", "own2,", "invocations, line 4: column `HashApp` is `` and needs a name".into()),
        (1, ",12.5,", ",-12.5,", format!("durations, line 2: column `Average` is `-12.5` and {time}")),
        (1, ",12.5,", ",nan,", format!("durations, line 2: column `Average` is `nan` and {time}")),
        (1, ",12.5,", ",inf,", format!("durations, line 2: column `Average` is `inf` and {time}")),
        (1, ",5000.0,", ",1e300,", format!("durations, line 4: column `Maximum` is `1e300` and {time}")),
        (1, "own1,app1,fb", "own2,app2,fc", "durations, line 3: `own2/app2/fc` already stands in line 2".into()),
        (1, "Maximum", "Max", "durations, line 1: column `Maximum` is missing".into()),
        (2, "64.5", "-1", "memory, line 4: column `AverageAllocatedMb` is `-1` and needs an amount of memory from 0 to 1048576 MB".into()),
        (2, "own1,app1", "own3,app3", "memory, line 3: `own3/app3` already stands in line 2".into()),
    ] {
        assert_eq!(read(file, from, to), expected);
    }
}

#[test]
fn a_day_that_is_written_reads_back() {
    let written = |day: &Day| {
        let (mut invocations, mut durations, mut memory) = (Vec::new(), Vec::new(), Vec::new());
        day.write(&mut invocations, &mut durations, &mut memory)
            .unwrap();
        [invocations, durations, memory].map(|file| String::from_utf8(file).unwrap())
    };
    let whole = MEMORY.replace(",199,", ",198,");
    for day in [
        day(INVOCATIONS, DURATIONS, &whole, Lacking::Refuse).unwrap(),
        azure_day(400, Seeds::new(3)),
    ] {
        let [invocations, durations, memory] = written(&day);
        let again = self::day(&invocations, &durations, &memory, Lacking::Refuse).unwrap();
        assert_eq!(again, day);
    }
    let small = written(&day(INVOCATIONS, DURATIONS, &whole, Lacking::Refuse).unwrap());
    assert_eq!(small[0], INVOCATIONS);
    assert_eq!(
        small[2],
        "HashOwner,HashApp,AverageAllocatedMb\nown1,app1,198\nown2,app2,64.5\nown3,app3,40\n"
    );
}

#[test]
fn an_empty_cut_or_endless_file_is_refused() {
    let fault = |invocations: &[u8]| {
        let read = azure2019::read(
            invocations,
            DURATIONS.as_bytes(),
            MEMORY.as_bytes(),
            Lacking::LeaveOut,
        );
        read.unwrap_err()
    };
    assert_eq!(
        fault(b"").to_string(),
        "invocations, line 1: a header line is missing"
    );
    let cut = &INVOCATIONS.as_bytes()[..INVOCATIONS.len() - 20];
    assert_eq!(
        fault(cut).to_string(),
        "invocations, line 5: 25 fields where the header has 34"
    );
    let endless = vec![b'0'; 3 << 20];
    assert!(matches!(
        fault(&endless).fault,
        TraceFault::TooLong { limit: 1_048_576 }
    ));
    assert!(matches!(
        fault(b"HashOwner,\xff\n").fault,
        TraceFault::Read(_)
    ));
    let none = day(
        INVOCATIONS.lines().next().unwrap(),
        DURATIONS,
        MEMORY,
        Lacking::Refuse,
    )
    .unwrap();
    assert_eq!(
        (
            none.counts.functions().len(),
            none.counts.arrivals().count()
        ),
        (0, 0)
    );
}

#[test]
fn calls_of_2021_are_sorted_by_their_starts() {
    let calls = azure2021::read(CALLS.as_bytes(), Bytes::mib(170)).unwrap();
    let names: Vec<_> = calls
        .functions()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["a1/f1", "f2", "a2/f1"]);
    // The first began before the trace did.
    assert_eq!(
        times(calls.arrivals()),
        [(0, 0), (500, 2), (3_000, 0), (3_000, 1), (3_000, 2)]
    );
    let runs: Vec<_> = calls
        .calls_of(FunctionId::new(0))
        .map(|call| call.runs.as_millis())
        .collect();
    assert_eq!(runs, [750, 1_000]);
    assert_eq!(calls.functions()[0].runs, Duration::from_millis(875));
    assert_eq!(calls.functions()[2].longest, Duration::from_secs(3));
    assert_eq!(calls.functions()[1].memory, Bytes::mib(170));
    for (from, to, expected) in [
        (
            "3.25",
            "-3",
            "calls, line 3: column `end_timestamp` is `-3` and needs a time from 0 to 30 days",
        ),
        (
            ",0.25",
            "",
            "calls, line 3: 3 fields where the header has 4",
        ),
        (
            "duration",
            "length",
            "calls, line 1: column `duration` is missing",
        ),
    ] {
        let damaged = CALLS.replacen(from, to, 1);
        let error = azure2021::read(damaged.as_bytes(), Bytes::ZERO).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn samples_of_opendc_are_spread_until_the_next() {
    let mut trace = Samples::new();
    assert_eq!(
        trace.add("thumbnail", THUMBNAIL.as_bytes()).unwrap(),
        FunctionId::new(0)
    );
    assert_eq!(
        trace.add("report", REPORT.as_bytes()).unwrap(),
        FunctionId::new(1)
    );
    assert_eq!(trace.calls(), 10);
    let functions = trace.functions();
    assert_eq!(functions[0].memory, Bytes::mib(256));
    // (2 × 100 + 4 × 50) / 6, and (9 + 3 × 8) / 4.
    assert_eq!(functions[0].runs, Duration::from_nanos(66_666_666));
    assert_eq!(functions[1].runs, Duration::from_millis(8_250));
    let minute = trace.arrivals(Duration::from_secs(60));
    let expected = [
        (0, 0),
        (0, 1),
        (10_000, 1),
        (30_000, 0),
        (30_000, 1),
        (50_000, 1),
        (120_000, 0),
        (135_000, 0),
        (150_000, 0),
        (165_000, 0),
    ];
    assert_eq!(times(minute.clone()), expected);
    assert_eq!(minute.map(|call| call.runs.as_millis()).max(), Some(9_000));
    let at_once = times(trace.arrivals(Duration::ZERO));
    assert_eq!(
        at_once[..6],
        [
            (0, 0),
            (0, 0),
            (0, 1),
            (10_000, 1),
            (10_000, 1),
            (10_000, 1)
        ]
    );
    // The second sample of the report comes after ten seconds, so the first does not reach beyond.
    let long = times(trace.arrivals(Duration::from_secs(3_600)));
    assert!(long.is_sorted() && long.len() == 10, "{long:?}");
}

#[test]
fn faulty_samples_of_opendc_are_refused() {
    for (from, to, expected) in [
        (
            "1120000,4",
            "1060000,4",
            "thumbnail, line 5: time 1060000 is not after 1060000",
        ),
        (
            "1120000,4",
            "x,4",
            "thumbnail, line 5: column `Timestamp [ms]` is `x` and needs whole milliseconds",
        ),
        (
            "1120000,4",
            "1120000,-4",
            "thumbnail, line 5: column `Invocations` is `-4` and needs a whole number from 0 to 100000000",
        ),
        (
            "Invocations",
            "Calls",
            "thumbnail, line 2: column `Invocations` is missing",
        ),
        (
            ",50,61",
            ",50",
            "thumbnail, line 5: 6 fields where the header has 7",
        ),
    ] {
        let mut trace = Samples::new();
        let damaged = THUMBNAIL.replacen(from, to, 1);
        let error = trace.add("thumbnail", damaged.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(trace.functions().is_empty());
        trace.add("thumbnail", THUMBNAIL.as_bytes()).unwrap();
        let twice = trace.add("thumbnail", THUMBNAIL.as_bytes()).unwrap_err();
        assert!(matches!(twice.fault, TraceFault::Twice { .. }));
    }
}

#[test]
fn days_of_huawei_follow_each_other() {
    let mut reader = Reader::new(Step::Minute);
    let tables = [
        include_str!("fixtures/huawei/requests_day_00.csv"),
        include_str!("fixtures/huawei/requests_day_01.csv"),
    ];
    reader.requests("day_00", tables[0].as_bytes()).unwrap();
    reader.requests("day_01", tables[1].as_bytes()).unwrap();
    let delays = include_str!("fixtures/huawei/delays_day_00.csv");
    reader.delays("delays", delays.as_bytes()).unwrap();
    let memory = include_str!("fixtures/huawei/memory_day_00.csv");
    reader.memory("memory", memory.as_bytes()).unwrap();
    let trace = reader.finish(Duration::from_secs(9), Bytes::mib(64));
    let functions = trace.functions();
    let names: Vec<_> = functions.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["0", "1", "2", "3"]);
    let runs: Vec<_> = functions.iter().map(|it| it.runs.as_millis()).collect();
    assert_eq!(runs, [500, 1, 9_000, 9_000]);
    let memory: Vec<_> = functions.iter().map(|it| it.memory.whole_mib()).collect();
    assert_eq!(memory, [300, 64, 256, 64]);
    assert_eq!((trace.slots(), trace.calls()), (1_441, 13));
    let counts: Vec<_> = (0..4)
        .map(|id| trace.counts_of(FunctionId::new(id)).collect::<Vec<_>>())
        .collect();
    assert_eq!(
        counts,
        [
            vec![(0, 2), (1_440, 1)],
            vec![(1, 5)],
            vec![(1_440, 1)],
            vec![(1_440, 4)]
        ]
    );
}

#[test]
fn names_of_2025_tell_the_user_and_the_memory() {
    let mut reader = Reader::new(Step::Minute);
    let table = include_str!("fixtures/huawei/requests_2025.csv");
    reader.requests("requests", table.as_bytes()).unwrap();
    let trace = reader.finish(Duration::from_secs(1), Bytes::mib(64));
    let functions = trace.functions();
    assert_eq!(
        (functions[0].owner.as_str(), functions[0].memory),
        ("418", Bytes::mib(128))
    );
    assert_eq!(functions[1].memory, Bytes::mib(512));
    assert_eq!(times(trace.arrivals()), [(0, 0), (60_000, 1), (90_000, 1)]);
}

#[test]
fn faulty_tables_of_huawei_are_refused() {
    let table = include_str!("fixtures/huawei/requests_day_00.csv");
    for (from, to, expected) in [
        ("0,60,", "0,0,", "day, line 3: time 0 is not after 0"),
        (
            "0,60,",
            "0,61,",
            "day, line 3: column `time` is `61` and needs whole seconds, a multiple of the step",
        ),
        (
            "5.0",
            "-5",
            "day, line 3: column `1` is `-5` and needs a whole number from 0 to 100000000",
        ),
        (
            "5.0,0",
            "5.0",
            "day, line 3: 4 fields where the header has 5",
        ),
        ("time", "when", "day, line 1: column `time` is missing"),
        ("0,1,2", "0,1,1", "day, line 1: column `1` stands twice"),
    ] {
        let mut reader = Reader::new(Step::Minute);
        let damaged = table.replacen(from, to, 1);
        let error = reader.requests("day", damaged.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let mut reader = Reader::new(Step::Second);
    reader.requests("day", table.as_bytes()).unwrap();
    let again = reader.requests("day", table.as_bytes()).unwrap_err();
    assert_eq!(again.to_string(), "day, line 2: time 0 is not after 60");
    assert!(
        reader
            .delays("delays", "day,time,0\n0,0,-1\n".as_bytes())
            .is_err()
    );
    assert!(
        reader
            .memory("memory", "day,time,0\n0,0,inf\n".as_bytes())
            .is_err()
    );
}

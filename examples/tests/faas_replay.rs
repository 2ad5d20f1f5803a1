//! The program `faas-replay`, run as people run it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cloudlot_core::Seeds;
use cloudlot_serverless::report::Report;
use cloudlot_serverless::synthetic::azure_day;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A generated day that takes a moment.
const QUICK: &str = "--functions 10 --hours 2 --svg it.svg";
/// The three files, without the day and the ending.
const FILES: [&str; 3] = [
    "invocations_per_function_md",
    "function_durations_percentiles",
    "app_memory_percentiles",
];

struct Said {
    code: Option<i32>,
    out: String,
    complaint: String,
}

fn run(folder: &Path, line: &str) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_faas-replay"))
        .args(line.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code(),
        out: text(output.stdout),
        complaint: text(output.stderr),
    }
}

/// What is printed by a run that ends well.
#[track_caller]
fn told(folder: &Path, line: &str) -> String {
    let said = run(folder, line);
    let ended = (said.code, said.complaint.as_str());
    assert_eq!(ended, (Some(0), ""), "{line}");
    said.out
}

#[track_caller]
fn report_of(folder: &Path, line: &str) -> Report {
    let out = told(folder, &format!("{line} --json --svg it.svg"));
    assert_eq!(out.lines().count(), 1);
    serde_json::from_str(&out).unwrap()
}

/// Ends with this code and one line that has these words.
#[track_caller]
fn refused(folder: &Path, line: &str, code: i32, words: &str) {
    let said = run(folder, line);
    let complaint = said.complaint;
    assert_eq!(
        (said.code, said.out.as_str()),
        (Some(code), ""),
        "{line}: {complaint}"
    );
    assert!(complaint.contains(words), "{line}: {complaint}");
    assert!(complaint.starts_with("faas-replay: "), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

/// The texts of a generated day's three files.
fn day(functions: u32) -> [Vec<u8>; 3] {
    let [mut invocations, mut durations, mut memory] = [Vec::new(), Vec::new(), Vec::new()];
    let day = azure_day(functions, Seeds::new(1));
    day.write(&mut invocations, &mut durations, &mut memory)
        .unwrap();
    [invocations, durations, memory]
}

fn write_day(folder: &Path, functions: u32, number: &str, ending: &str) {
    fs::create_dir_all(folder).unwrap();
    for (name, text) in FILES.into_iter().zip(day(functions)) {
        let text = if ending.ends_with("gz") {
            packed(&text)
        } else {
            text
        };
        fs::write(folder.join(format!("{name}.anon.d{number}.{ending}")), text).unwrap();
    }
}

#[test]
fn a_generated_day_is_told_as_a_table_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let out = told(folder.path(), QUICK);
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].starts_with("A generated day, seed 7: 10 functions of "),
        "{out}"
    );
    assert!(lines[0].ends_with(" calls in 2 h"), "{out}");
    for policy in ["fixed:10m", "fixed:1m", "fixed:60m"] {
        assert!(lines.iter().any(|line| line.starts_with(policy)), "{out}");
    }
    assert_eq!(lines[lines.len() - 1], "drawing  it.svg");
    let drawing = fs::read_to_string(folder.path().join("it.svg")).unwrap();
    assert!(drawing.starts_with("<svg") && drawing.contains("fixed:60m"));
}

#[test]
fn the_same_line_gives_the_same_bytes_and_another_seed_another_day() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("{QUICK} --json");
    assert_eq!(told(folder.path(), &line), told(folder.path(), &line));
    let other = told(folder.path(), &format!("{line} --seed 8"));
    assert_ne!(told(folder.path(), &line), other);
}

#[test]
fn a_longer_window_has_fewer_cold_starts_and_holds_more() {
    let folder = tempfile::tempdir().unwrap();
    let report = report_of(
        folder.path(),
        "--functions 10 --hours 6 --policy fixed:1m,fixed:30m --price 0.00001,0.0000002",
    );
    let [short, long] = report.runs() else {
        panic!("two runs");
    };
    assert!(short.cold > long.cold && short.idle_mib_s < long.idle_mib_s);
    assert_eq!(
        (short.name.as_str(), long.setting.as_str()),
        ("fixed:1m", "30m")
    );
    assert!(long.cost.unwrap().total() > 0.0);
    assert_eq!(report.workload().calls, long.calls);
}

#[test]
fn a_folder_is_read_plain_and_packed_and_by_the_day() {
    let folder = tempfile::tempdir().unwrap();
    write_day(&folder.path().join("plain"), 12, "01", "csv");
    write_day(&folder.path().join("packed"), 12, "01", "csv.gz");
    let plain = report_of(folder.path(), "plain --minutes 120");
    let packed = report_of(folder.path(), "packed --minutes 120");
    assert_eq!(plain.runs(), packed.runs());
    assert_eq!(plain.workload().functions, 12);
    assert_eq!(plain.workload().span_s, 7_200.0);

    write_day(&folder.path().join("plain"), 5, "14", "csv");
    assert_eq!(
        report_of(folder.path(), "plain --minutes 9")
            .workload()
            .functions,
        12
    );
    assert_eq!(
        report_of(folder.path(), "plain --minutes 9 --day 14")
            .workload()
            .functions,
        5
    );
    refused(
        folder.path(),
        "plain --day 2",
        2,
        "plain: invocations_per_function_md.anon.d02.csv is missing",
    );
}

#[test]
fn parts_of_a_trace_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let calls = |line: &str| {
        let line = format!("--functions 10 --policy fixed:1m {line}");
        report_of(folder.path(), &line).workload().calls
    };
    assert_eq!(
        calls("--minutes 100") + calls("--from 100 --minutes 50"),
        calls("--minutes 150")
    );
    assert_eq!(
        calls("--from 60 --hours 3"),
        calls("--from 60 --minutes 120")
    );
    refused(folder.path(), "--from 1440", 2, "no calls in this part");
    refused(
        folder.path(),
        "--from 4294967295",
        2,
        "no calls in this part",
    );
}

#[test]
fn a_missing_file_of_the_three_is_named() {
    for missing in FILES {
        let folder = tempfile::tempdir().unwrap();
        write_day(folder.path(), 3, "07", "csv.gz");
        fs::remove_file(folder.path().join(format!("{missing}.anon.d07.csv.gz"))).unwrap();
        let words = match missing {
            // Without it no day is known.
            name if name == FILES[0] => format!("{name}.anon.dNN.csv is missing"),
            name => format!("{name}.anon.d07.csv is missing"),
        };
        refused(folder.path(), ".", 2, &words);
    }
}

#[test]
fn damaged_files_are_refused_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let file =
        |place: usize, ending: &str| path.join(format!("{}.anon.d01.{ending}", FILES[place]));
    let [invocations, durations, _] = day(6);

    write_day(path, 6, "01", "csv.gz");
    let whole = packed(&invocations);
    fs::write(file(0, "csv.gz"), &whole[..whole.len() / 2]).unwrap();
    refused(path, ".", 2, "cannot be read");
    fs::write(file(0, "csv.gz"), b"no gzip at all").unwrap();
    refused(path, ".", 2, "invocations, line 1: cannot be read");
    fs::write(file(0, "csv.gz"), packed(b"")).unwrap();
    refused(
        path,
        ".",
        2,
        "invocations, line 1: a header line is missing",
    );

    write_day(path, 6, "01", "csv");
    let cut = &invocations[..invocations.len() - 2_000];
    fs::write(file(0, "csv"), cut).unwrap();
    refused(path, ".", 2, "fields where the header has 1444");

    write_day(path, 6, "01", "csv");
    let lines = String::from_utf8(durations).unwrap();
    let mut lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    for (average, words) in [
        ("NaN", "column `Average` is `NaN`"),
        ("-1", "`-1`"),
        ("1e300", "`1e300`"),
        ("inf", "`inf`"),
    ] {
        let mut fields: Vec<&str> = lines[1].split(',').collect();
        fields[3] = average;
        lines[1] = fields.join(",");
        fs::write(file(1, "csv"), lines.join("\n")).unwrap();
        refused(path, ".", 2, words);
        refused(path, ".", 2, "durations, line 2: ");
    }
}

#[test]
fn other_layouts_are_known_by_their_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(
        path.join("calls.csv"),
        "app,func,end_timestamp,duration\na,f,5.0,1.5\na,g,65.5,3.0\n",
    )
    .unwrap();
    let report = report_of(path, "calls.csv --policy fixed:1m");
    assert_eq!(
        (report.workload().calls, report.workload().span_s),
        (2, 120.0)
    );
    // The first instance is idle still when the second starts.
    assert_eq!(report.runs()[0].peak_mib, 340.0);
    let report = report_of(
        path,
        "calls.csv --policy fixed:1m --memory-unknown 1GiB --from 1",
    );
    assert_eq!(
        (report.workload().calls, report.runs()[0].peak_mib),
        (1, 1_024.0)
    );

    fs::write(
        path.join("requests.csv"),
        "day,time,f,g\n0,0,2,NaN\n0,60,,1\n",
    )
    .unwrap();
    assert_eq!(report_of(path, "requests.csv").workload().calls, 3);
    fs::create_dir_all(path.join("huawei/requests_minute")).unwrap();
    fs::create_dir_all(path.join("huawei/function_delay_minute")).unwrap();
    fs::write(
        path.join("huawei/requests_minute/day_000.csv"),
        "day,time,f\n0,0,2\n",
    )
    .unwrap();
    fs::write(
        path.join("huawei/function_delay_minute/day_000.csv"),
        "day,time,f\n0,0,4\n",
    )
    .unwrap();
    let report = report_of(path, "huawei --policy fixed:1m");
    assert_eq!(report.runs()[0].busy_mib_s, 2.0 * 4.0 * 170.0);

    let samples = "Timestamp [ms],Invocations, Avg Exec time per Invocation,Provisioned Memory [mb]\n0,2,100,128\n60000,1,50,128\n";
    fs::create_dir(path.join("opendc")).unwrap();
    fs::write(path.join("opendc/resize.csv"), samples).unwrap();
    fs::write(path.join("opendc/label.csv.gz"), packed(samples.as_bytes())).unwrap();
    let report = report_of(path, "opendc");
    assert_eq!(
        (report.workload().calls, report.workload().functions),
        (6, 2)
    );

    fs::write(path.join("what.csv"), "a,b\n1,2\n").unwrap();
    refused(
        path,
        "what.csv",
        2,
        "what.csv: not a trace that is known by its first line",
    );
    refused(
        path,
        "what.csv --format azure2021",
        2,
        "column `app` is missing",
    );
    refused(
        path,
        "calls.csv --format azure2019",
        2,
        "give the folder with the three files",
    );
    refused(
        path,
        "opendc --format azure2021",
        2,
        "give the file of the trace",
    );
    fs::create_dir(path.join("empty")).unwrap();
    refused(path, "empty", 2, "empty: no trace is in there");
    refused(path, "nowhere", 2, "nowhere: ");
}

#[test]
fn tables_and_time_lines_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!(
        "{QUICK} --csv runs.csv --timeline-csv lines.csv --timeline --policy fixed:10m,fixed:1m"
    );
    let out = told(folder.path(), &line);
    assert!(out.contains("cold starts a minute, up to "), "{out}");
    let runs = fs::read_to_string(folder.path().join("runs.csv")).unwrap();
    assert!(runs.starts_with("policy,family,setting,calls,") && runs.lines().count() == 3);
    let lines = fs::read_to_string(folder.path().join("lines.csv")).unwrap();
    assert!(lines.starts_with("policy,from_s,") && lines.lines().count() > 100);
    for option in [
        "--svg none/it.svg",
        "--svg it.svg --csv none/r",
        "--svg it.svg --timeline-csv none/l",
    ] {
        refused(
            folder.path(),
            &format!("--functions 3 --hours 1 {option}"),
            1,
            "none/",
        );
    }
}

#[test]
fn the_frontier_has_every_binding_beside_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let line = "--functions 10 --hours 1 --frontier --binding late,early,late-shared";
    let report = report_of(folder.path(), line);
    let runs = report.runs();
    assert!(runs.len() >= 24 && runs.len() % 3 == 0, "{}", runs.len());
    for binding in ["late", "early", "late-shared"] {
        let family = format!("fixed, {binding}");
        assert!(runs.iter().filter(|run| run.family == family).count() >= 8);
        assert!(
            runs.iter()
                .any(|run| run.name == format!("fixed:10m {binding}"))
        );
    }
    let drawing = fs::read_to_string(folder.path().join("it.svg")).unwrap();
    assert!(drawing.contains("fixed, late-shared") && !drawing.contains("Over time"));
}

#[test]
fn little_memory_makes_room_and_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let line = "--functions 10 --hours 2 --policy fixed:60m";
    let free = report_of(folder.path(), line);
    let tight = report_of(folder.path(), &format!("{line} --memory 300MiB"));
    assert_eq!(free.runs()[0].evictions, 0);
    assert!(tight.runs()[0].evictions > 0 && tight.runs()[0].peak_mib <= 300.0);
    let none = report_of(folder.path(), &format!("{line} --memory 1B"));
    assert_eq!(none.runs()[0].outcomes["no_room"], none.workload().calls);
}

#[test]
fn starts_of_a_class_differ_and_are_the_same_for_the_same_seed() {
    let folder = tempfile::tempdir().unwrap();
    let longest = |start: &str| {
        let line = format!("--functions 10 --hours 2 --policy fixed:1m --start {start}");
        let report = report_of(folder.path(), &line);
        report.runs()[0].delay_s.unwrap().max
    };
    assert_eq!(longest("250ms"), 0.25);
    let [wasm, oci] = [longest("wasm"), longest("oci")];
    assert!(wasm < 0.1 && oci > wasm, "{wasm} {oci}");
    assert_eq!(longest("oci"), oci);
}

#[test]
fn wrong_use_is_refused_with_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "--policy best",
        "--policy fixed",
        "--policy fixed:",
        "--policy fixed:10",
        "--policy fixed:-1m",
        "--policy fixed:NaNs",
        "--policy fixed:1e99h",
        "--policy fixed:1m,",
        "--frontier --policy fixed:1m",
        "--binding never",
        "--start soon",
        "--functions 0",
        "--functions 100001",
        "--hours 25",
        "--minutes 0",
        "--from -1",
        "--memory much",
        "--price 1",
        "--price 1,NaN",
        "--price=-1,0",
        "--format azure2019",
        "--day 1",
        "a b",
        "a --functions 3",
        "a --format excel",
        "--frobnicate",
    ] {
        let said = run(folder.path(), line);
        assert_eq!(
            (said.code, said.out.as_str()),
            (Some(2), ""),
            "{line}: {}",
            said.complaint
        );
        assert!(!said.complaint.is_empty(), "{line}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn help_names_options_policies_and_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let help = told(folder.path(), "--help");
    for word in [
        "--policy",
        "--frontier",
        "--binding",
        "--start",
        "--from",
        "--minutes",
        "--seed",
        "--functions",
        "--hours",
        "--format",
        "--day",
        "--memory",
        "--price",
        "--json",
        "--csv",
        "--timeline",
        "--svg",
        "fixed:TIME",
        "Exit codes",
    ] {
        assert!(help.contains(word), "{word}");
    }
}

//! The demonstration as a process, simulated: what it prints, draws and refuses.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn demo(folder: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command
        .args(line.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null());
    command.output().unwrap()
}

/// What is printed and drawn, by a run that ends well and leaves nothing but the drawing.
fn shown(line: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path(), &format!("--sim --out it.svg {line}"));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{line}");
    assert_eq!(output.status.code(), Some(0), "{line}");
    let files = fs::read_dir(folder.path()).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["it.svg"], "{line}");
    let drawing = fs::read_to_string(folder.path().join("it.svg")).unwrap();
    (String::from_utf8(output.stdout).unwrap(), drawing)
}

fn figures(line: &str) -> Value {
    serde_json::from_str(&shown(&format!("--json {line}")).0).unwrap()
}

#[test]
fn a_simulation_says_and_draws_the_same_every_time() {
    for line in ["", "--json", "--seconds 20", "--seconds 300"] {
        assert_eq!(shown(line), shown(line), "{line}");
    }
}

#[test]
fn both_algorithms_stand_side_by_side_on_the_same_host() {
    let (table, drawing) = shown("");
    let heads: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(heads, ["CloudLot", "former"]);
    let all = figures("");
    let [ours, former] = [&all["runs"][0], &all["runs"][1]];
    assert_eq!(ours["algorithm"], "cloudlot");
    assert_eq!(former["algorithm"], "former");
    for run in [ours, former] {
        assert_eq!(run["host"], "simulated");
    }
    for (part, figure) in [
        ("cpu", "spread"),
        ("cpu", "busiest"),
        ("memory", "held_bytes"),
        ("memory", "available_bytes"),
    ] {
        let before = |run: &Value| run[part][figure]["before"].clone();
        assert!(before(ours).is_number(), "{figure}");
        assert_eq!(before(ours), before(former), "{figure}");
    }
    for words in ["pCPU 3", "ada eats", "former, simulated", "% of a pCPU"] {
        assert!(drawing.contains(words), "{words}");
    }
}

#[test]
fn ours_does_better_than_the_former_one() {
    for line in ["", "--seconds 120"] {
        let all = figures(line);
        let [ours, former] = [&all["runs"][0], &all["runs"][1]];
        let number = |run: &Value, part: &str, path: &str| -> f64 {
            let value = path.split('.').fold(&run[part], |value, key| &value[key]);
            value.as_f64().unwrap_or_else(|| panic!("{path}: {value}"))
        };
        let less = |part, path| {
            let (ours, former) = (number(ours, part, path), number(former, part, path));
            assert!(ours < former, "{line} {path}: {ours} {former}");
        };
        less("cpu", "pins");
        let moved = |run| number(run, "cpu", "migrations");
        assert!(moved(ours) <= moved(former));
        assert!(number(ours, "cpu", "balanced_after_s") <= 6.0);
        assert!(number(ours, "cpu", "spread.after") <= 5.0);
        assert_eq!(ours["cpu"]["late_pins"], 0);

        less("memory", "targets");
        less("memory", "held_bytes.after");
        less("memory", "eater_unused_most_bytes");
        let more = |path| {
            let (ours, former) = (number(ours, "memory", path), number(former, "memory", path));
            assert!(ours > former, "{line} {path}: {ours} {former}");
        };
        more("available_least_bytes");
        more("available_bytes.after");
        let floor = f64::from(100 << 20);
        assert!(number(ours, "memory", "unused_least_bytes") >= floor);
    }
}

#[test]
fn wrong_use_is_refused_with_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "--seconds 19",
        "--seconds 3601",
        "--seconds -1",
        "--seconds many",
        "--seconds",
        "--out",
        "--frobnicate",
        "again",
    ] {
        let output = demo(folder.path(), &format!("--sim {line}"));
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(output.stdout.is_empty(), "{line}");
        assert!(!output.stderr.is_empty(), "{line}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_drawing_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path(), "--sim --out none/it.svg");
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(complaint.contains("none/it.svg"), "{complaint}");
    assert!(output.stdout.is_empty());

    fs::create_dir(folder.path().join("taken")).unwrap();
    let output = demo(folder.path(), "--sim --out taken");
    assert_eq!(output.status.code(), Some(1));
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "a partial file stays");
}

#[test]
fn help_names_the_options() {
    let folder = tempfile::tempdir().unwrap();
    let help = demo(folder.path(), "--help");
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8(help.stdout).unwrap();
    for option in ["--sim", "--seconds", "--out", "--json"] {
        assert!(help.contains(option), "{option}");
    }
}

//! The program `reserve`, run as people run it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};

struct Said {
    code: Option<i32>,
    out: String,
    complaint: String,
}

fn run(folder: &Path, line: &str) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_reserve"))
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

/// The program with these two files.
fn with(resources: &str, requests: &str, line: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("nodes.json"), resources).unwrap();
    std::fs::write(folder.path().join("jobs.json"), requests).unwrap();
    let line = format!("--resources nodes.json --requests jobs.json {line}");
    run(folder.path(), &line)
}

fn example(line: &str) -> Said {
    run(Path::new("."), line)
}

#[track_caller]
fn refused(said: &Said, expected: &Expect) {
    assert_eq!(said.code, Some(2), "{}", said.complaint);
    assert_eq!(said.out, "");
    expected.assert_eq(&said.complaint);
}

fn json_of(said: &Said) -> Value {
    assert_eq!((said.code, said.complaint.as_str()), (Some(0), ""));
    assert_eq!(said.out.lines().count(), 1);
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn the_example_grants_refuses_and_says_why() {
    let said = example("");
    assert_eq!((said.code, said.complaint.as_str()), (Some(0), ""));
    expect![[""]].assert_eq(&said.out);
}

#[test]
fn the_dashboard_shows_what_is_held() {
    let (short, long) = (example("").out, example("--dashboard").out);
    let usage = long.strip_prefix(&short).unwrap();
    expect![[""]].assert_eq(usage);
}

#[test]
fn json_tells_grants_refusals_and_usage() {
    let told = json_of(&example("--json --dashboard"));
    assert_eq!(told["grants"].as_array().unwrap().len(), 3);
    assert_eq!(
        told["grants"][1],
        json!({"request": "db", "owner": "shop", "on": "n1", "reservation": "reservation-1.0", "until_s": 300.0})
    );
    let refusals = told["refusals"].as_array().unwrap();
    let verdicts: Vec<_> = refusals.iter().map(|refusal| &refusal["verdict"]).collect();
    assert_eq!(verdicts, ["not_now", "never"]);
    assert_eq!(refusals[0]["reasons"].as_array().unwrap().len(), 3);
    assert_eq!(told["usage"]["kinds"]["cpu"]["held"], 14_000);
    assert_eq!(told["dashboard"]["widgets"].as_array().unwrap().len(), 8);
    assert_eq!(json_of(&example("--json"))["dashboard"], Value::Null);
}

#[test]
fn the_same_files_give_the_same_bytes() {
    assert_eq!(example("--json").out, example("--json").out);
}

#[test]
fn files_are_read_and_a_gang_goes_whole_or_not_at_all() {
    let nodes = r#"[{"name": "a", "capacity": {"cpu": 3}}, {"name": "b", "capacity": {"cpu": 4}}]"#;
    let jobs = r#"[{"name": "gang", "parts": [{"amounts": {"cpu": 1}, "count": 4}]},
        {"name": "stretch", "elastic": {"least": {"cpu": 2}, "most": {"cpu": 9}}},
        {"name": "late", "parts": [{"amounts": {"cpu": 2}}]}]"#;
    let told = json_of(&with(nodes, jobs, "--json"));
    assert_eq!(told["grants"][0]["on"], "b");
    assert_eq!(told["grants"][1]["on"], "a");
    assert_eq!(told["refusals"][0]["verdict"], "not_now");
    let drained = nodes.replace(r#""b","#, r#""b", "state": "draining","#);
    let told = json_of(&with(&drained, jobs, "--json"));
    assert_eq!(told["refusals"][0]["request"], "gang");
    assert_eq!(told["refusals"][0]["verdict"], "unavailable");
}

#[test]
fn empty_lists_are_no_failure() {
    let said = with("[]", "[]", "");
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""));
    let alone = with(
        "[]",
        r#"[{"name": "a", "parts": [{"amounts": {"cpu": 1}}]}]"#,
        "",
    );
    assert!(alone.out.contains("never"), "{}", alone.out);
}

#[test]
fn bad_files_say_everything_at_once() {
    let nodes = r#"[{"name": "n 1", "capacity": {"cpu": "-1", "memory": "4GHz"}},
        {"name": "n2", "capacity": {"cpu": 1}},
        {"name": "n2", "capacity": {"cpu": 1}},
        {"name": "gpu0", "parent": "n9"},
        {"name": "n3", "colour": "red"}]"#;
    let jobs = r#"[{"name": "a", "parts": []}, 7,
        {"name": "b", "labels": {"x": "1", "x": "2"}, "parts": [{"amounts": {"cpu": 1}, "count": 0}]}]"#;
    refused(&with(nodes, jobs, ""), &expect![[""]]);
}

#[test]
fn what_is_no_list_or_no_file_is_refused_by_name() {
    refused(&with("{", "nonsense", ""), &expect![[""]]);
    refused(
        &example("--resources nowhere.json --requests nowhere.json"),
        &expect![[""]],
    );
}

#[test]
fn wrong_use_ends_with_exit_code_2() {
    for (line, words) in [
        ("--resources a.json", "--requests"),
        ("--requests a.json", "--resources"),
        ("--colour", "--colour"),
        ("extra", "extra"),
    ] {
        let said = example(line);
        assert_eq!(said.code, Some(2), "{line}");
        assert!(said.complaint.contains(words), "{line}: {}", said.complaint);
    }
    assert!(example("--help").out.contains("Exit codes"));
    assert!(example("--version").out.contains(env!("CARGO_PKG_VERSION")));
}

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
    expect![[r#"
        web    on n1 as reservation-0.0, held for 300 s
        db     on n1 as reservation-1.0, held for 300 s
        train  on n3 as reservation-2.0, held for 300 s
        batch  refused: no node has room for it just now
                 n1: resource-0.0 is short by cpu 6
                 n2: resource-1.0 does not suit: cpu 12000 is above the limit 8000
                 n3: resource-2.0 does not suit: cpu 12000 is above the limit 8000; taint gpu=:NoSchedule is not tolerated
        huge   refused: these nodes never can take it
                 n1: resource-0.0 does not suit: cpu 64000 is above the limit 16000
                 n2: resource-1.0 does not suit: cpu 64000 is above the limit 8000
                 n3: resource-2.0 does not suit: cpu 64000 is above the limit 8000; taint gpu=:NoSchedule is not tolerated
    "#]].assert_eq(&said.out);
}

#[test]
fn the_dashboard_shows_what_is_held() {
    let (short, long) = (example("").out, example("--dashboard").out);
    let usage = long.strip_prefix(&short).unwrap();
    expect![[r#"

        name        kind        capacity         limit         held  confirmed         free    used
        n1          cpu            16000         16000        10000          0         6000  62.5 %
        n1          memory   68719476736   68719476736  38654705664          0  30064771072  56.2 %
        n2          cpu             8000          8000            0          0         8000   0.0 %
        n2          memory   34359738368   34359738368            0          0  34359738368   0.0 %
        n3          cpu             8000          8000         4000          0         4000  50.0 %
        n3          gpu             2000          2000         1000          0         1000  50.0 %
        n3          memory   34359738368   34359738368  17179869184          0  17179869184  50.0 %
        total       cpu            32000         32000        14000          0        18000  43.8 %
        total       gpu             2000          2000         1000          0         1000  50.0 %
        total       memory  137438953472  137438953472  55834574848          0  81604378624  40.6 %
        owner lab   cpu                -             -         4000          0            -  12.5 %
        owner lab   gpu                -             -         1000          0            -  50.0 %
        owner lab   memory             -             -  17179869184          0            -  12.5 %
        owner shop  cpu                -             -        10000          0            -  31.2 %
        owner shop  memory             -             -  38654705664          0            -  28.1 %
        in all 44.8 %, efficiency 0.0 %
        granted 0.000/s, finished 0.000/s, contention 0.0 %
        waited 0 times: mean 0.000 s, p50 0.000 s, p95 0.000 s, p99 0.000 s, max 0.000 s
    "#]]
    .assert_eq(usage);
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
    refused(
        &with(nodes, jobs, ""),
        &expect![[r#"
            reserve: nodes.json[0]: capacity.cpu: `-1` is no amount: `-1` is below zero
            reserve: nodes.json[0]: capacity.memory: `4GHz` is no amount: `GHz` is not a unit of memory; known are B, kB, MB…
            reserve: nodes.json[0]: name: `n 1` is not letters, digits, `-`, `_`, `.` and `:`, with a letter or digit at both ends
            reserve: nodes.json[4]: unknown field `colour`, expected one of `name`, `class`, `state`, `capacity`, `reserved`, `overcommit`, `capabilities`, `labels`, `taints`, `topology`, `parent`, `owner`, `tags`, `metadata`
            reserve: nodes.json[2]: there is a resource named `n2` already
            reserve: nodes.json[3]: the parent `n9` is not there
            reserve: jobs.json[0]: parts: is missing
            reserve: jobs.json[1]: invalid type: integer `7`, expected a request
            reserve: jobs.json[2]: parts[0].count: `0` is not within 1 to 1000000
            reserve: jobs.json[2]: labels.x: `x` is named twice
        "#]],
    );
}

#[test]
fn what_is_no_list_or_no_file_is_refused_by_name() {
    refused(
        &with("{", "nonsense", ""),
        &expect![[r#"
        reserve: nodes.json: invalid type: map, expected a sequence at line 1 column 0
        reserve: jobs.json: expected ident at line 1 column 2
    "#]],
    );
    refused(
        &example("--resources nowhere.json --requests nowhere.json"),
        &expect![[r#"
            reserve: nowhere.json: No such file or directory (os error 2)
            reserve: nowhere.json: No such file or directory (os error 2)
        "#]],
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

//! The programs as processes: what they refuse and how, simulations, signals, locks.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

const SCHEDULER: &str = env!("CARGO_BIN_EXE_vcpu-scheduler");
const COORDINATOR: &str = env!("CARGO_BIN_EXE_memory-coordinator");

fn command(program: &str, line: &str) -> Command {
    let mut command = Command::new(program);
    command.args(line.split_whitespace()).stdin(Stdio::null());
    command
}

fn output(program: &str, line: &str) -> Output {
    command(program, line).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The program ends with this exit code and one line that contains `words`.
fn refused(program: &str, line: &str, code: i32, words: &str) {
    let output = output(program, line);
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{line}: {complaint}");
    assert_eq!(complaint.lines().count(), 1, "{line}: {complaint}");
    assert!(complaint.contains(words), "{line}: {complaint}");
    assert_eq!(text(&output.stdout), "", "{line}");
}

/// The program ends well, and said this.
fn said(program: &str, line: &str) -> String {
    let output = output(program, line);
    assert_eq!(text(&output.stderr), "", "{line}");
    assert_eq!(output.status.code(), Some(0), "{line}");
    text(&output.stdout)
}

#[test]
fn wrong_use_gets_one_clear_line_and_exit_code_2() {
    for program in [SCHEDULER, COORDINATOR] {
        for (line, words) in [
            ("0", "0.1 to 86400"),
            ("-3", "0.1 to 86400"),
            ("soon", "0.1 to 86400"),
            ("1 2", "'2'"),
            ("--cycles 0", "--cycles"),
            ("--restore nothing", "original, max, keep"),
            ("--profile fast", "production, course"),
            ("--format csv", "table, json, monitor"),
            ("--algorithm best", "cloudlot, former"),
            ("--only [", "--only"),
            ("--connect xyz:///system", "qemu:///system"),
            ("--connect nonsense", "neither"),
            ("--connect sim:nothing", "known are"),
            ("restore --connect sim:nothing", "known are"),
            ("--connect test:///default --seed 3", "--seed"),
            (
                "--algorithm former --config some.toml --connect test:///default",
                "--config",
            ),
            (
                "--config /nowhere.toml --connect test:///default",
                "/nowhere.toml",
            ),
        ] {
            refused(program, line, 2, words);
        }
    }
    refused(SCHEDULER, "--connect sim:mem-1", 2, "cpu-1, cpu-2");
    refused(
        SCHEDULER,
        "restore --connect sim:cpu-1",
        2,
        "nothing to restore",
    );
}

#[test]
fn a_config_file_with_an_unknown_key_is_refused_by_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("my.toml");
    std::fs::write(&path, "idle_lod = 0.1\n").unwrap();
    let line = format!("--connect sim:cpu-1 --config {}", path.display());
    refused(SCHEDULER, &line, 2, "`idle_lod`");
    std::fs::write(&path, "idle_load = 0.1\n").unwrap();
    assert!(said(SCHEDULER, &line).contains(&format!("config {}", path.display())));
}

#[test]
fn help_and_version_are_no_failure() {
    for program in [SCHEDULER, COORDINATOR] {
        let help = said(program, "--help");
        assert!(
            help.contains("Exit codes") && help.contains("Examples"),
            "{help}"
        );
        assert!(said(program, "--version").contains(env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn the_first_line_names_what_is_in_force() {
    let first = |line: &str| said(SCHEDULER, line).lines().next().unwrap().to_owned();
    assert_eq!(
        first("0.5 --connect sim:cpu-2 --seed 9 --cycles 1"),
        "vcpu-scheduler: profile course on sim:cpu-2 every 0.5 s, seed 9"
    );
    assert_eq!(
        first("--connect sim:cpu-2 --profile production --dry-run --format monitor"),
        "vcpu-scheduler: profile production on sim:cpu-2 every 5 s, seed 1, dry-run: nothing is changed"
    );
}

#[test]
fn the_coordinator_feeds_who_grows_and_puts_everything_back() {
    let lines = lines(COORDINATOR, "2 --connect sim:mem-1 --json");
    assert_eq!(lines[0]["profile"], "course");
    let most = lines
        .iter()
        .filter_map(|line| line["memory"]["guests"][0]["actual_bytes"].as_u64())
        .max();
    assert!(most > Some(1 << 30), "{most:?}");
    let end = lines.last().unwrap();
    assert_eq!(end["cycles"], 121);
    assert!(
        end["available_bytes"]["least"].as_u64() >= Some(200 << 20),
        "{end}"
    );
    assert!(end["restored"].as_u64() >= Some(4), "{end}");
    assert_eq!(end["left"], serde_json::json!([]));
}

#[test]
fn the_memory_monitor_speaks_every_other_second() {
    let text = said(
        COORDINATOR,
        "5 --connect sim:mem-3 --format monitor --cycles 5",
    );
    let readings = text
        .lines()
        .filter(|line| line.starts_with("Memory (VM: aos_vm_1)  Actual ["));
    assert_eq!(readings.count(), 10);
    assert!(
        text.lines()
            .skip(1)
            .all(|line| line.starts_with("Memory (VM: ")),
        "{text}"
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for line in ["--json", "--format monitor", "--algorithm former"] {
        let run = |seed: u32| {
            said(
                COORDINATOR,
                &format!("2 --connect sim:mem-4 --seed {seed} {line}"),
            )
        };
        assert_eq!(run(1), run(1), "{line}");
        assert_ne!(run(1), run(2), "{line}");
    }
    for line in [
        "--json",
        "--explain",
        "--format monitor",
        "--algorithm former",
    ] {
        let run = |seed: u32| {
            said(
                SCHEDULER,
                &format!("1 --connect sim:cpu-7 --seed {seed} {line}"),
            )
        };
        assert_eq!(run(1), run(1), "{line}");
        assert_ne!(run(1), run(2), "{line}");
    }
}

fn lines(program: &str, line: &str) -> Vec<serde_json::Value> {
    let text = said(program, line);
    let values = text.lines().map(|line| serde_json::from_str(line).unwrap());
    values.collect()
}

#[test]
fn a_simulation_lasts_as_long_as_its_scenario_or_as_told() {
    let cycles = |line: &str| {
        let lines = lines(SCHEDULER, &format!("{line} --connect sim:cpu-3 --json"));
        assert_eq!(lines[0]["event"], "start");
        let end = lines.last().unwrap();
        assert_eq!(end["event"], "end");
        assert_eq!(end["cycles"], lines.len() - 2);
        lines.len() - 2
    };
    assert_eq!(cycles("1"), 41);
    assert_eq!(cycles(""), 9);
    assert_eq!(cycles("0.5 --cycles 7"), 7);
}

#[test]
fn the_scheduler_balances_and_puts_everything_back() {
    let lines = lines(SCHEDULER, "1 --connect sim:cpu-1 --json");
    let end = lines.last().unwrap();
    assert!(end["pins"].as_u64() >= Some(6), "{end}");
    assert_eq!(end["restored"], end["pins"], "{end}");
    assert!(end["spread"]["most"].as_f64() > Some(30.0), "{end}");
    assert!(end["spread"]["last"].as_f64() <= Some(5.0), "{end}");
}

#[test]
fn a_dry_run_plans_and_asks_for_nothing() {
    let lines = lines(SCHEDULER, "1 --connect sim:cpu-1 --json --dry-run");
    let steps: Vec<&serde_json::Value> = lines
        .iter()
        .filter_map(|line| line["steps"].as_array())
        .flatten()
        .collect();
    assert!(!steps.is_empty());
    assert!(steps.iter().all(|step| step["outcome"] == "planned"));
    let end = lines.last().unwrap();
    assert_eq!((&end["pins"], &end["restored"]), (&0.into(), &0.into()));
    assert!(end["spread"]["last"].as_f64() > Some(30.0), "{end}");
}

#[test]
fn excluded_domains_are_left_alone() {
    let lines = lines(
        SCHEDULER,
        "1 --connect sim:cpu-1 --json --exclude *_vm_[1-4]",
    );
    let names: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["steps"].as_array())
        .flatten()
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    assert!(!names.is_empty());
    assert!(
        names
            .iter()
            .all(|name| name.as_bytes().last() >= Some(&b'5')),
        "{names:?}"
    );
}

#[test]
fn the_monitor_speaks_every_second_between_cycles() {
    let text = said(SCHEDULER, "5 --connect sim:cpu-1 --format monitor");
    let readings = text.lines().filter(|line| line.starts_with("0 - usage: "));
    assert_eq!(readings.count(), 40);
    assert!(
        text.lines().skip(1).all(|line| line.contains(" - usage: ")),
        "{text}"
    );
}

/// A simulation that would last for hours.
fn endless(line: &str) -> Child {
    command(
        SCHEDULER,
        &format!("1 --connect sim:cpu-1 --cycles 1000000000 {line}"),
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap()
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).unwrap();
}

#[test]
fn a_signal_ends_the_loop_and_restores() {
    for by in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let mut child = endless("--json");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let done = |line: &String| line.contains("\"outcome\":\"done\"");
        lines
            .by_ref()
            .take(100)
            .map(Result::unwrap)
            .find(done)
            .unwrap();
        signal(&child, by);
        let last = lines.last().unwrap().unwrap();
        let end: serde_json::Value = serde_json::from_str(&last).unwrap();
        assert!(end["restored"].as_u64() >= Some(6), "{end}");
        assert_eq!(end["left"], serde_json::json!([]));
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_reader_that_leaves_ends_the_run_quietly() {
    let mut child = endless("");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    drop(lines);
    let mut complaint = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut complaint)
        .unwrap();
    assert_eq!(complaint, "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        eprintln!("no /dev/full here: not tried");
        return;
    };
    let output = command(SCHEDULER, "--connect sim:cpu-1")
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot write the output"));
}

/// A state folder in which a program has been, and the path of its lock.
fn used_folder(program: &str) -> (tempfile::TempDir, String, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let line = format!(
        "restore --connect test:///default --state-dir {}",
        dir.path().display()
    );
    assert_eq!(
        said(program, &line),
        "nothing to restore on test:///default\n"
    );
    let mut files = std::fs::read_dir(dir.path()).unwrap();
    let lock = files.next().unwrap().unwrap().path();
    assert_eq!(lock.extension().unwrap(), "lock");
    assert!(files.next().is_none());
    (dir, line, lock)
}

#[test]
fn a_second_of_a_kind_is_refused_with_the_pid_of_the_first() {
    let (_dir, line, path) = used_folder(SCHEDULER);
    std::fs::write(&path, "4711\n").unwrap();
    let lock = File::open(&path).unwrap();
    lock.lock().unwrap();
    let refusal = "another vcpu-scheduler (pid 4711) works on test:///default";
    refused(SCHEDULER, &line, 1, refusal);
    said(COORDINATOR, &line);
    drop(lock);
    said(SCHEDULER, &line);
}

#[test]
fn a_journal_that_is_not_ours_is_refused_and_kept() {
    let (_dir, line, lock) = used_folder(COORDINATOR);
    let journal = lock.with_extension("journal");
    std::fs::write(&journal, "precious\n").unwrap();
    refused(COORDINATOR, &line, 1, "is not a journal");
    assert_eq!(std::fs::read(&journal).unwrap(), b"precious\n");
}

#[cfg(not(feature = "libvirt"))]
#[test]
fn without_libvirt_one_line_says_how_to_build_it_in() {
    refused(SCHEDULER, "", 2, "--features libvirt");
    refused(
        COORDINATOR,
        "--connect test:///default",
        2,
        "--features libvirt",
    );
}

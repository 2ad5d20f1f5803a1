//! The programs as processes on libvirt's built-in test driver: waiting, signals, locks.
#![cfg(feature = "libvirt")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

const SCHEDULER: &str = env!("CARGO_BIN_EXE_vcpu-scheduler");
const COORDINATOR: &str = env!("CARGO_BIN_EXE_memory-coordinator");

fn command(program: &str, state: &Path, line: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(line.split_whitespace())
        .arg("--state-dir")
        .arg(state)
        .stdin(Stdio::null());
    command
}

/// A program that waits for an hour after its first cycle.
struct Waiting {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Waiting {
    fn start(program: &str, state: &Path) -> Self {
        let mut child = command(program, state, "3600 --connect test:///default --json")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut waiting = Self { child, lines };
        assert_eq!(waiting.line()["event"], "start");
        assert_eq!(waiting.line()["event"], "cycle");
        waiting
    }

    fn line(&mut self) -> serde_json::Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }

    /// What it says at its end, which is a good one.
    fn end(mut self, by: Signal) -> serde_json::Value {
        kill_process(Pid::from_child(&self.child), by).unwrap();
        let end = self.line();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        end
    }
}

impl Drop for Waiting {
    /// A test that fails leaves nobody waiting.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn refused(output: &Output, code: i32, words: &str) {
    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(complaint.contains(words), "{complaint}");
}

#[test]
fn a_signal_wakes_a_program_that_waits_for_its_next_cycle() {
    for program in [SCHEDULER, COORDINATOR] {
        for by in [Signal::INT, Signal::TERM] {
            let state = tempfile::tempdir().unwrap();
            let end = Waiting::start(program, state.path()).end(by);
            assert_eq!(end["event"], "end");
            assert_eq!(
                (&end["cycles"], &end["left"]),
                (&1.into(), &serde_json::json!([]))
            );
        }
    }
}

#[test]
fn two_of_a_kind_are_kept_apart_and_two_kinds_are_not() {
    let state = tempfile::tempdir().unwrap();
    let first = Waiting::start(SCHEDULER, state.path());
    let try_again = |line: &str| command(SCHEDULER, state.path(), line).output().unwrap();
    let pid = first.child.id();
    refused(
        &try_again("1 --connect test:///default --cycles 1"),
        1,
        &format!("another vcpu-scheduler (pid {pid}) works on test:///default"),
    );
    refused(
        &try_again("restore --connect test+unix:///default/"),
        1,
        "another",
    );
    let looking = try_again("1 --connect test:///default --cycles 1 --dry-run");
    assert_eq!(looking.status.code(), Some(0));
    Waiting::start(COORDINATOR, state.path()).end(Signal::INT);
    first.end(Signal::INT);
    let next = try_again("1 --connect test:///default --cycles 1");
    assert_eq!(next.status.code(), Some(0));
}

#[test]
fn a_host_that_does_not_answer_is_exit_code_3() {
    let state = tempfile::tempdir().unwrap();
    let uri = format!("qemu:///system?socket={}/nobody", state.path().display());
    let output = command(SCHEDULER, state.path(), &format!("--connect {uri}")).output();
    refused(&output.unwrap(), 3, "nobody");
}

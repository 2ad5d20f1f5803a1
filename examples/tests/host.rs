//! The programs as processes on libvirt's built-in test driver: waiting, signals, locks.
#![cfg(feature = "libvirt")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
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
        Self::start_on("test:///default", program, state)
    }

    fn start_on(uri: &str, program: &str, state: &Path) -> Self {
        let mut child = command(program, state, &format!("3600 --connect {uri} --json"))
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

/// A host with two guests whose statistics nobody asks for yet, described in a file.
fn host_with_two_guests(dir: &Path) -> String {
    let guest = |number: u32| {
        format!(
            "<domain type='test'><name>guest-{number}</name>
               <uuid>c10d0000-0000-0000-0000-00000000000{number}</uuid>
               <memory unit='MiB'>1024</memory><vcpu>1</vcpu><os><type>hvm</type></os>
               <devices><memballoon model='virtio'/></devices></domain>"
        )
    };
    let path = dir.join("node.xml");
    let text = format!("<node>{}{}</node>", guest(1), guest(2));
    std::fs::write(&path, text).unwrap();
    format!("test://{}", path.display())
}

fn journals(state: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(state).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "journal"))
        .collect()
}

#[test]
fn what_is_changed_is_journaled_before_and_restored_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let uri = host_with_two_guests(dir.path());
    let state = dir.path().join("state");
    let waiting = Waiting::start_on(&uri, COORDINATOR, &state);
    let journal = std::fs::read_to_string(&journals(&state)[0]).unwrap();
    assert_eq!(
        journal.lines().count(),
        3,
        "a header and two guests: {journal}"
    );
    let end = waiting.end(Signal::TERM);
    assert_eq!(end["restored"], 2);
    assert_eq!(end["left"], serde_json::json!([]));
    assert!(journals(&state).is_empty());
}

/// The changes themselves end with the process here, since the driver lives inside it; the way
/// back from a kill on a host that outlives the program is tested on live guests.
#[test]
fn a_killed_program_leaves_a_journal_that_restore_works_off() {
    let dir = tempfile::tempdir().unwrap();
    let uri = host_with_two_guests(dir.path());
    let state = dir.path().join("state");
    drop(Waiting::start_on(&uri, COORDINATOR, &state)); // kill -9
    assert_eq!(journals(&state).len(), 1);
    let line = format!("restore --connect {uri}");
    let output = command(COORDINATOR, &state, &line).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(journals(&state).is_empty());
}

#[test]
fn a_host_that_does_not_answer_is_exit_code_3() {
    let state = tempfile::tempdir().unwrap();
    let uri = format!("qemu:///system?socket={}/nobody", state.path().display());
    let output = command(SCHEDULER, state.path(), &format!("--connect {uri}")).output();
    refused(&output.unwrap(), 3, "nobody");
}

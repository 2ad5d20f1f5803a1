//! The two programs as processes, and the JSON lines they print.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use cloudlot_core::{Clock, SystemClock};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

pub(crate) const SCHEDULER: &str = env!("CARGO_BIN_EXE_vcpu-scheduler");
pub(crate) const COORDINATOR: &str = env!("CARGO_BIN_EXE_memory-coordinator");

/// Seconds between cycles in all scenarios.
pub(crate) const INTERVAL_S: &str = "2";

/// How long a line may take to come: many intervals, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program with the profile `course` on `uri`.
fn command(program: &str, uri: &str, state: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args([
            INTERVAL_S,
            "--json",
            "--profile",
            "course",
            "--connect",
            uri,
        ])
        .arg("--state-dir")
        .arg(state)
        .args(more)
        .stdin(Stdio::null());
    command
}

/// The whole output of a run that ends by itself.
pub(crate) fn output(program: &str, uri: &str, state: &Path, more: &[&str]) -> Output {
    command(program, uri, state, more).output().unwrap()
}

/// Runs the `restore` command, which must do all there is to do.
pub(crate) fn restore(program: &str, uri: &str, state: &Path) {
    let mut command = Command::new(program);
    command.args(["restore", "--connect", uri, "--state-dir"]);
    let output = command.arg(state).output().unwrap();
    assert!(output.status.success(), "{program} restore: {output:?}");
}

/// A program at work; it is killed when dropped.
pub(crate) struct Run {
    child: Child,
    lines: Receiver<String>,
}

/// A cycle's line.
#[derive(Debug)]
pub(crate) struct Cycle(Value);

impl Run {
    /// Starts a program and reads its first line.
    pub(crate) fn start(program: &str, uri: &str, state: &Path, more: &[&str]) -> Self {
        let mut command = command(program, uri, state, more);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut run = Self { child, lines };
        let first = run.line();
        assert_eq!(first["event"], "start", "{first}");
        assert_eq!(first["profile"], "course", "{first}");
        run
    }

    fn line(&mut self) -> Value {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).unwrap(),
            Err(error) => panic!("no further line: {error}; {:?}", self.child.try_wait()),
        }
    }

    /// The next cycle, failed or not.
    pub(crate) fn any_cycle(&mut self) -> Cycle {
        let line = self.line();
        assert_eq!(line["event"], "cycle", "{line}");
        Cycle(line)
    }

    /// The next cycle, which must not have failed.
    pub(crate) fn cycle(&mut self) -> Cycle {
        let cycle = self.any_cycle();
        assert_eq!(cycle.error(), None, "{cycle:?}");
        cycle
    }

    /// Sends SIGINT, and returns how it ended and its last line.
    pub(crate) fn interrupt(mut self) -> (ExitStatus, Value) {
        kill_process(self.pid(), Signal::INT).unwrap();
        let clock = SystemClock::start();
        let deadline = clock.now() + PATIENCE;
        let end = loop {
            let line = self.line();
            if line["event"] == "end" {
                break line;
            }
            assert!(clock.now() < deadline, "SIGINT does not end it: {line}");
        };
        (self.child.wait().unwrap(), end)
    }

    /// Sends SIGINT; it must restore everything and end well.
    pub(crate) fn end(self) -> Value {
        let (status, end) = self.interrupt();
        assert!(status.success(), "{status}: {end}");
        assert_eq!(end["left"], Value::Array(Vec::new()), "{end}");
        end
    }

    /// Ends it with SIGKILL, as a crash would.
    pub(crate) fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Cycle {
    pub(crate) fn number(&self) -> u64 {
        self.0["cycle"].as_u64().unwrap()
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.0["error"].as_str()
    }

    /// Whether there were samples enough for a picture of the host.
    pub(crate) fn is_blind(&self) -> bool {
        self.0["cpu"].is_null() && self.0["memory"].is_null()
    }

    /// vCPU demand by pCPU, in cores.
    pub(crate) fn loads(&self) -> Vec<f64> {
        let pcpus = self.0["cpu"]["pcpus"].as_array().unwrap();
        pcpus
            .iter()
            .map(|pcpu| pcpu["load"].as_f64().unwrap())
            .collect()
    }

    pub(crate) fn steps(&self) -> &[Value] {
        self.0["steps"].as_array().unwrap()
    }

    /// What the host had available, in MiB.
    pub(crate) fn available(&self) -> u64 {
        self.0["memory"]["available_bytes"].as_u64().unwrap() >> 20
    }
}

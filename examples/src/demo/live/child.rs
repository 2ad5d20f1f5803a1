//! One of the programs as a child process: started, listened to, and asked to end.

use super::LiveError;
use crate::demo::scenario::INTERVAL;
use crate::demo::trace::Deed;
use crate::program::Program;
use cloudlot_core::{Clock, SystemClock, Timestamp};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// How long a program may take to put everything back; it needs a second or two.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// A running program. Dropping it asks it to end and waits until it has put everything back.
pub(super) struct Child {
    program: Program,
    process: process::Child,
    lines: Receiver<Heard>,
}

/// A line, and when it was heard.
struct Heard {
    at: Timestamp,
    line: Line,
}

/// What matters here of a line of `--json`.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line {
    Start,
    Cycle { cpu: Option<Cpu>, steps: Vec<Step> },
    End { restored: u64 },
}

#[derive(Deserialize)]
struct Cpu {
    migrations: u64,
}

#[derive(Deserialize)]
struct Step {
    step: String,
    outcome: String,
}

impl Child {
    /// Starts the program that was built beside this one.
    pub(super) fn start(
        program: Program,
        uri: &str,
        state: &Path,
        clock: &SystemClock,
    ) -> Result<Self, LiveError> {
        let file = std::env::current_exe()?.with_file_name(program.name());
        let mut process = Command::new(&file)
            .arg(INTERVAL.as_secs_f64().to_string())
            .args(["--connect", uri, "--profile", "course", "--json"])
            .arg("--state-dir")
            .arg(state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // Ctrl-C is for us: a second one would end its restoring.
            .process_group(0)
            .spawn()
            .map_err(|error| {
                LiveError::Program(format!("{} does not start: {error}", file.display()))
            })?;
        let stdout = process.stdout.take().expect("standard output is piped");
        Ok(Self {
            program,
            process,
            lines: listen(stdout, clock.clone()),
        })
    }

    /// What it did since the last call.
    pub(super) fn deeds(&mut self) -> impl Iterator<Item = Deed> {
        self.lines.try_iter().filter_map(|heard| heard.deed())
    }

    /// Fails if it has ended unasked.
    pub(super) fn must_be_alive(&mut self) -> Result<(), LiveError> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.ended_badly(status)),
        }
    }

    /// Asks it to end, and says how many settings it put back.
    pub(super) fn end(mut self) -> Result<u64, LiveError> {
        let status = self.stop()?;
        if !status.success() {
            return Err(self.ended_badly(status));
        }
        let mut restored = self.lines.iter().filter_map(|heard| match heard.line {
            Line::End { restored } => Some(restored),
            _ => None,
        });
        restored.next().ok_or_else(|| {
            LiveError::Program(format!("{} ended without a word", self.program.name()))
        })
    }

    fn stop(&mut self) -> Result<ExitStatus, LiveError> {
        if let Some(status) = self.process.try_wait()? {
            return Ok(status);
        }
        kill_process(Pid::from_child(&self.process), Signal::INT).map_err(std::io::Error::from)?;
        // A clock of its own: the one of the stage does not wait after Ctrl-C.
        let clock = SystemClock::start();
        let deadline = clock.now() + PATIENCE;
        while clock.now() < deadline {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            clock.sleep_until(clock.now() + POLL);
        }
        self.process.kill()?;
        Ok(self.process.wait()?)
    }

    fn ended_badly(&self, status: ExitStatus) -> LiveError {
        LiveError::Program(format!("{} ended with {status}", self.program.name()))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It is our child: what fails here is that it is gone already.
        let _ = self.stop();
    }
}

impl Heard {
    fn deed(self) -> Option<Deed> {
        let Line::Cycle { cpu, steps } = self.line else {
            return None;
        };
        let done = |kind: &str| {
            let steps = steps
                .iter()
                .filter(|step| step.outcome == "done" && step.step == kind);
            steps.fold(0, |count, _| count + 1)
        };
        let pins = done("pin");
        Some(Deed {
            at: self.at,
            pins,
            migrations: cpu.map_or(0, |cpu| cpu.migrations.min(pins)),
            targets: done("set-memory"),
        })
    }
}

/// Hands on what the program says until it falls silent.
fn listen(stdout: ChildStdout, clock: SystemClock) -> Receiver<Heard> {
    let (say, hear) = mpsc::channel();
    thread::spawn(move || {
        for text in BufReader::new(stdout).lines().map_while(Result::ok) {
            // A line of another kind is nothing that we count.
            if let Ok(line) = serde_json::from_str(&text) {
                let at = clock.now();
                if say.send(Heard { at, line }).is_err() {
                    return;
                }
            }
        }
    });
    hear
}

//! `test`: the whole check, the same for people and for CI. Every step is one command line that
//! can be repeated by hand; the closing line counts them.

use std::fmt;
use std::process::{Command, ExitCode};

use crate::{run, setup};

/// How much is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Whole,
    /// Without benches and live suite.
    Quick,
}

const LIBVIRT: &[&str] = &[
    "--features",
    "cloudlot-hv/libvirt,cloudlot-examples/libvirt",
];

/// The optional features that need no package of the system.
const PURE: &[&str] = &["--features", "cloudlot-core/openmetrics"];

/// Logs of requests as text.
const LOGS: &[&str] = &["--features", "cloudlot-policy/serde"];

/// What a learner's checkpoints must be to the byte, however they are built.
const GOLDEN: &[&str] = &["test", "-p", "cloudlot-qlearn", "--test", "determinism"];

/// The suite on real guests.
const LIVE: &[&str] = &[
    "-p",
    "cloudlot-examples",
    "--features",
    "libvirt",
    "--test",
    "live",
];

/// Exit status with which `lab check` says that real guests cannot run here; automake's, too.
const NOT_HERE: i32 = 77;

/// How a step ended, if not well.
enum Trouble {
    /// It could not run here.
    Skipped(String),
    Failed(String),
}

/// Steps by how they ended.
#[derive(Default)]
struct Tally {
    passed: u32,
    failed: u32,
    skipped: u32,
}

/// Runs all steps in order; after a failure the rest is skipped.
pub(crate) fn run(scope: Scope) -> ExitCode {
    let mut tally = Tally::default();
    let readiness = match scope {
        Scope::Whole => setup::prepare(),
        Scope::Quick => setup::look(),
    };
    let ready = |state: &Result<(), String>| state.clone().map_err(Trouble::Skipped);
    tally.step("packages for building", || ready(&readiness.build));
    tally.step("packages for real guests", || ready(&readiness.live));
    formatting_and_lints(&mut tally, &readiness);
    tests_and_docs(&mut tally, &readiness);
    if scope == Scope::Whole {
        tally.step("the same bytes in a release", || {
            cargo(GOLDEN, &["--release", "golden"])
        });
        tally.step("benches, once", || {
            cargo(&["bench", "-p", "cloudlot-benches", "--", "--test"], &[])
        });
        tally.step("live suite", || live(&readiness));
    }
    println!("{tally}");
    if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn formatting_and_lints(tally: &mut Tally, readiness: &setup::Readiness) {
    let deny = &["--", "-D", "warnings"];
    tally.step("format", || cargo(&["fmt", "--all", "--check"], &[]));
    tally.step("lints", || {
        cargo(&["clippy", "--workspace", "--all-targets"], deny)
    });
    tally.step("lints with openmetrics", || {
        let clippy = ["clippy", "-p", "cloudlot-core", "--all-targets"];
        cargo(&[&clippy, PURE].concat(), deny)
    });
    for library in [
        "cloudlot-core",
        "cloudlot-policy",
        "cloudlot-hv",
        "cloudlot-store",
    ] {
        let lean = ["clippy", "-p", library, "--lib", "--no-default-features"];
        tally.step("lints without default features", || cargo(&lean, deny));
    }
    tally.step("lints with libvirt", || {
        readiness.build.clone().map_err(Trouble::Skipped)?;
        let clippy = ["clippy", "--workspace", "--all-targets"];
        cargo(&[&clippy, LIBVIRT].concat(), deny)
    });
}

fn tests_and_docs(tally: &mut Tally, readiness: &setup::Readiness) {
    // Every optional feature that can be built here.
    let features = match readiness.build {
        Ok(()) => [PURE, LOGS, LIBVIRT].concat(),
        Err(_) => [PURE, LOGS].concat(),
    };
    let features = features.as_slice();
    tally.step("tests", || {
        // The live suite wants the machine for itself: its target has `test = false`, so that it
        // runs only when it is named.
        if run::output(&mut run::cargo(["nextest", "--version"])).is_ok() {
            return cargo(&["nextest", "run", "--workspace"], features);
        }
        eprintln!("xtask: cargo nextest is not here: cargo test instead");
        cargo(
            &["test", "--workspace", "--lib", "--bins", "--tests"],
            features,
        )
    });
    tally.step("the same bytes without optimisation", || {
        cargo(GOLDEN, &["--profile", "dev", "golden"])
    });
    tally.step("doctests", || {
        cargo(&["test", "--workspace", "--doc"], features)
    });
    tally.step("documentation", || {
        let mut command = run::cargo(["doc", "--workspace", "--no-deps"]);
        succeed(command.args(features).env("RUSTDOCFLAGS", "-D warnings"))
    });
}

/// The suite on real guests, after one guest has shown that they can run at all.
fn live(readiness: &setup::Readiness) -> Result<(), Trouble> {
    readiness.build.clone().map_err(Trouble::Skipped)?;
    // Not among "all targets" of the lints, because it is not among the tests that run unasked.
    cargo(&[&["clippy"], LIVE].concat(), &["--", "-D", "warnings"])?;
    readiness.live.clone().map_err(Trouble::Skipped)?;
    let mut check = run::cargo(["run", "-p", "cloudlot-examples", "--features", "libvirt"]);
    check.args(["--bin", "lab", "--", "check"]);
    let status = run::status(&mut check).map_err(Trouble::Failed)?;
    match status.code() {
        Some(0) => {}
        Some(NOT_HERE) => return Err(Trouble::Skipped("no real guests here, see above".into())),
        _ => return Err(Trouble::Failed(format!("lab check: {status}"))),
    }
    cargo(&[&["test"], LIVE].concat(), &["--", "--test-threads=1"])
}

fn cargo(arguments: &[&str], more: &[&str]) -> Result<(), Trouble> {
    succeed(run::cargo(arguments.iter().copied()).args(more))
}

fn succeed(command: &mut Command) -> Result<(), Trouble> {
    run::succeed(command).map_err(Trouble::Failed)
}

impl Tally {
    fn step(&mut self, title: &str, act: impl FnOnce() -> Result<(), Trouble>) {
        let end = match self.failed {
            0 => {
                eprintln!("\n== {title}");
                act()
            }
            _ => Err(Trouble::Skipped("an earlier step failed".to_owned())),
        };
        match end {
            Ok(()) => self.passed += 1,
            Err(Trouble::Skipped(reason)) => {
                self.skipped += 1;
                eprintln!("!! SKIPPED {title}: {reason}");
            }
            Err(Trouble::Failed(reason)) => {
                self.failed += 1;
                eprintln!("!! FAILED {title}: {reason}");
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The closing line after steps that end as told.
    fn closing_line(ends: impl IntoIterator<Item = Result<(), Trouble>>) -> String {
        let mut tally = Tally::default();
        for end in ends {
            tally.step("step", || end);
        }
        tally.to_string()
    }

    #[test]
    fn a_skipped_step_is_not_a_passed_one() {
        let ends = [Ok(()), Err(Trouble::Skipped("no".into())), Ok(())];
        assert_eq!(closing_line(ends), "2 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn what_follows_a_failure_is_skipped() {
        let ends = [Ok(()), Err(Trouble::Failed("bad".into())), Ok(()), Ok(())];
        assert_eq!(closing_line(ends), "1 passed, 1 failed, 2 skipped");
    }
}

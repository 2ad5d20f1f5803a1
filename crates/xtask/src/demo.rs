//! `demo`: builds the demonstration with what the machine allows, and becomes it.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use crate::{run, setup};

/// Asks for a demonstration without real guests.
const SIMULATED: &str = "--sim";

/// With one of these no guest is started, so nothing is installed.
const GUESTLESS: [&str; 3] = [SIMULATED, "--help", "-h"];

/// Builds and runs the demonstration; `arguments` are its own.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    match build_and_become(arguments) {
        Ok(never) => match never {},
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn build_and_become(arguments: &[&str]) -> Result<std::convert::Infallible, String> {
    let mut build = run::cargo([
        "build",
        "--release",
        "-p",
        "cloudlot-examples",
        // It starts the other programs, and looks for them where it lies itself.
        "--bins",
    ]);
    let mut demo = Command::new(run::target().join("release").join("demo"));
    demo.args(arguments);
    if !arguments
        .iter()
        .any(|argument| GUESTLESS.contains(argument))
    {
        let readiness = setup::prepare();
        match readiness.build.and(readiness.live) {
            Ok(()) => {
                build.args(["--features", "libvirt"]);
            }
            Err(reason) => {
                eprintln!("xtask: no real guests here ({reason}): the demonstration is simulated");
                demo.arg(SIMULATED);
            }
        }
    }
    run::succeed(&mut build)?;
    run::echo(&demo);
    // It takes our place: Ctrl-C and exit code are its own, and nobody leaves before it has
    // cleaned up.
    let error = demo.exec();
    Err(run::cannot_start(&demo, &error))
}

//! `bench`: the criterion benches of the workspace, and the interpreter for the peers in Python.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::run;

/// Where the benches look for the interpreter.
const PYTHON: &str = "target/python";
/// What the peers need, with versions.
const PEERS: &str = "benches/qlearn/requirements.txt";

/// Runs the benches; `arguments` go to criterion.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    if let Err(reason) = prepare_python() {
        eprintln!("xtask: the peers in Python are left out: {reason}");
    }
    let mut command = run::cargo(["bench", "-p", "cloudlot-benches", "--"]);
    match run::succeed(command.args(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// An environment of its own for the peers, once; it is whole or not there.
fn prepare_python() -> Result<(), String> {
    let home = run::workspace().join(PYTHON);
    if home.exists() {
        return Ok(());
    }
    eprintln!("xtask: installing the peers in Python below {PYTHON}");
    let made = run::succeed(Command::new("python3").args(["-m", "venv"]).arg(&home))
        .and_then(|()| install(&home));
    if made.is_err() && home.exists() {
        std::fs::remove_dir_all(&home).map_err(|error| error.to_string())?;
    }
    made
}

fn install(home: &Path) -> Result<(), String> {
    let mut pip = Command::new(home.join("bin/pip"));
    run::succeed(
        pip.args(["install", "-q", "-r"])
            .arg(run::workspace().join(PEERS)),
    )
}

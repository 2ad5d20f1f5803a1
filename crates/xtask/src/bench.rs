//! `bench`: the criterion benches of the workspace.

use std::process::ExitCode;

use crate::run;

/// Runs the benches; `arguments` go to criterion.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    let mut command = run::cargo(["bench", "-p", "cloudlot-benches", "--"]);
    match run::succeed(command.args(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

//! Running other programs: echo the command line, run it, say plainly what went wrong.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// The `cargo` that runs us, so that a toolchain chosen by the caller is kept.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(workspace());
    command
}

/// Root folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// The target folder in use: the nearest one above this program that cargo has tagged as its own.
pub(crate) fn target() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|program| {
            let tagged = |folder: &&Path| folder.join("CACHEDIR.TAG").exists();
            program.ancestors().find(tagged).map(Path::to_path_buf)
        })
        .unwrap_or_else(|| workspace().join("target"))
}

/// Runs `command` to its end, echoed on standard error as a shell would take it.
///
/// # Errors
/// One line that names the program, when it cannot be started.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus, String> {
    echo(command);
    command
        .status()
        .map_err(|error| cannot_start(command, &error))
}

/// Like [`status`], for callers that need success.
///
/// # Errors
/// One line that names the program, when it cannot be started or does not succeed.
pub(crate) fn succeed(command: &mut Command) -> Result<(), String> {
    match status(command)? {
        status if status.success() => Ok(()),
        status => Err(format!("{}: {status}", name(command))),
    }
}

/// Runs `command` silently and returns what it prints on standard output.
///
/// # Errors
/// One line that names the program and what it printed on standard error, when it cannot be
/// started or does not succeed.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| cannot_start(command, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let complaint = complaint.lines().last().unwrap_or("no message");
    Err(format!("{}: {}: {complaint}", name(command), output.status))
}

/// Prints `command` on standard error, after a `$`.
pub(crate) fn echo(command: &Command) {
    let words = command.get_envs().filter_map(|(key, value)| {
        value.map(|value| format!("{}={}", key.display(), value.display()))
    });
    let words = words.chain([name(command)]);
    let words = words.chain(command.get_args().map(|word| word.display().to_string()));
    eprintln!("$ {}", words.collect::<Vec<_>>().join(" "));
}

/// One line for a program that could not be started.
pub(crate) fn cannot_start(command: &Command, error: &io::Error) -> String {
    format!("cannot start {}: {error}", name(command))
}

fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program
        .file_name()
        .unwrap_or(command.get_program())
        .display()
        .to_string()
}

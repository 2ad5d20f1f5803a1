//! The project's own commands: `cargo xtask COMMAND`. Plain `std`, so that it builds in seconds on
//! a machine that has nothing else yet; each command is one file, this one only routes.

mod bench;
mod demo;
mod run;
mod setup;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  setup [--check]   install the Debian packages that are missing, and fetch a kernel for the
                    guests; --check only says what is missing (exit 1 if anything is)
  test [--quick]    the whole check: format, lints, tests, docs, benches once, live suite;
                    --quick leaves out the benches and the live suite
  bench [ARGS...]   run the benches; ARGS go to criterion. The peers in Python are installed first, below
                    target/python
  demo [ARGS...]    build and run the demonstration; --sim runs it without virtualisation
";

/// What the shell gets for a command line that makes no sense.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["setup"] => setup::install(),
        ["setup", "--check"] => setup::check(),
        ["test"] => test::run(test::Scope::Whole),
        ["test", "--quick"] => test::run(test::Scope::Quick),
        ["bench", rest @ ..] => bench::run(rest),
        ["demo", rest @ ..] => demo::run(rest),
        ["--help" | "-h" | "help"] => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        [] => usage("no command given"),
        ["setup" | "test", option, ..] => usage(&format!("unknown option {option:?}")),
        [command, ..] => usage(&format!("unknown command {command:?}")),
    }
}

fn usage(complaint: &str) -> ExitCode {
    eprint!("xtask: {complaint}\n\n{HELP}");
    ExitCode::from(USAGE)
}

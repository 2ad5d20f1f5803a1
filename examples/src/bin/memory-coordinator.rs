//! Divides the memory of a host over its guests.

use cloudlot_examples::program::{Program, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(Program::MemoryCoordinator)
}

//! Balances vCPUs over the pCPUs of a host.

use cloudlot_examples::program::{Program, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(Program::VcpuScheduler)
}

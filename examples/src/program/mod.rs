//! The two programs on a hypervisor host, `vcpu-scheduler` and `memory-coordinator`.
//!
//! They differ in what they plan and how they show it; arguments, the connection, the lock, the
//! journal, signals and the way back are the same. All rules are in `cloudlot-hv`.

mod args;
mod config;
mod connect;
mod control;
mod drive;
mod fault;
mod lock;
mod logbook;
pub mod output;
mod place;
mod recover;
mod select;
pub(crate) mod signals;
mod sink;
mod tally;
mod target;
mod watch;

use args::{Args, Command};
pub use fault::Fault;
use std::io::{Write, stderr};
use std::process::ExitCode;
pub use tally::{Extremes, Tally};

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Program {
    /// Balances vCPUs over pCPUs.
    VcpuScheduler,
    /// Divides memory over guests.
    MemoryCoordinator,
}

impl Program {
    /// The name of its binary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VcpuScheduler => "vcpu-scheduler",
            Self::MemoryCoordinator => "memory-coordinator",
        }
    }

    /// How the names of its simulations begin.
    #[must_use]
    pub const fn scenarios(self) -> &'static str {
        match self {
            Self::VcpuScheduler => "cpu-",
            Self::MemoryCoordinator => "mem-",
        }
    }

    /// A line on standard error, if anybody reads it.
    fn complain(self, text: &str) {
        let _ = writeln!(stderr(), "{}: {text}", self.name());
    }
}

/// Does what the command line asks for.
///
/// Exit codes: 0 done, 1 failed, 2 wrong use, 3 no permission or nobody to talk to.
#[must_use]
pub fn run(program: Program) -> ExitCode {
    let done = Args::parse(program, std::env::args_os()).and_then(|args| match args {
        None => Ok(()),
        Some(args) => carry_out(program, &args),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            program.complain(&fault.to_string());
            fault.code()
        }
    }
}

fn carry_out(program: Program, args: &Args) -> Result<(), Fault> {
    match args.command {
        Some(Command::Restore) => recover::recover(program, args),
        None => drive::drive(program, args),
    }
}

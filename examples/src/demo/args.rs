//! The command line of the demonstration.

use clap::Parser;
use std::path::PathBuf;

/// Shows both programs at work on real guests, beside what they replace
///
/// Boots guests (five, on large machines more) under emulation on a libvirtd of their own, runs vcpu-scheduler and then
/// memory-coordinator on them, prints what was before and after beside the former algorithms'
/// figures on the same scenario in the simulator, and draws it all. Real guests need root and
/// what `cargo xtask setup` installs; without them all of it is simulated, and it says so.
/// Nothing stays behind but the drawing.
#[derive(Parser, Clone, PartialEq, Eq, Debug)]
#[command(
    name = "demo",
    after_help = "Exit codes: 0 done, 1 failed or interrupted, 2 wrong use."
)]
pub(super) struct Args {
    /// Simulate the guests: takes a moment instead of minutes
    #[arg(long)]
    pub(super) sim: bool,

    /// How long each program runs
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(20..=3600))]
    pub(super) seconds: u32,

    /// The drawing [default: demo.svg in cargo's target folder]
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,

    /// Print the figures as one JSON object instead of a table
    #[arg(long)]
    pub(super) json: bool,
}

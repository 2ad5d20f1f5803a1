//! The command line.

use super::policy::Policy;
use super::start::Start;
use super::trace::Format;
use clap::{Parser, ValueEnum};
use cloudlot_core::Bytes;
use cloudlot_serverless::Binding;
use cloudlot_serverless::report::Price;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Policies:
  fixed:TIME     keep an idle instance for so long after each call
  hybrid:TIME    the hybrid histogram of Serverless in the Wild, over so much time
  gaps[:TIME]    by the gaps of each function; a cold start is worth so much idling
  oracle[:TIME]  the same for one who knows what comes, with starts that take no time: the least of worth x cold + idle
                 that is possible without starting anything ahead
  lru            keep all until --memory is short, then the least recently used goes
  greedy-dual    the same, but whoever saves the least goes

Examples:
  faas-replay                                     a generated day
  faas-replay --frontier --binding late,early     many settings, and where they stand
  faas-replay TRACE --policy fixed:10m --json     a real day, for programs

Exit codes: 0 done, 1 failed, 2 wrong use or a bad trace.";

/// Replays a day of function calls under policies of keeping instances warm, and compares them
///
/// Without TRACE it generates a day out of a seed, like those of a large platform. TRACE is a folder with a day of
/// the Azure trace of 2019 (three files, plain or .gz), or a file or folder of another trace.
#[derive(Parser, Clone, Debug)]
#[command(
    name = "faas-replay",
    version,
    after_help = AFTER_HELP
)]
pub(super) struct Args {
    /// The trace: a folder or a file [default: a generated day]
    pub(super) trace: Option<PathBuf>,

    /// Policies, the first of which the others are compared with
    #[arg(
        long = "policy",
        value_name = "P,…",
        value_delimiter = ',',
        default_value = "fixed:10m,hybrid:4h,gaps,oracle"
    )]
    pub(super) policies: Vec<Policy>,

    /// Try many settings of every policy instead, and draw where they stand
    #[arg(long, conflicts_with = "policies")]
    pub(super) frontier: bool,

    /// What a call without a warm instance waits for
    #[arg(
        long = "binding",
        value_name = "B,…",
        value_delimiter = ',',
        default_value = "late"
    )]
    pub(super) bindings: Vec<Bind>,

    /// How much memory all instances share; the least recently used idle one makes room [default: as much as calls want]
    #[arg(long, value_name = "SIZE")]
    pub(super) memory: Option<Bytes>,

    /// How long a start takes: a time, or as in wasm, process, oci, microvm, huawei-1 or huawei-2
    #[arg(long, value_name = "TIME|CLASS", default_value = "1s")]
    pub(super) start: Start,

    /// Replay from this minute of the trace on
    #[arg(long, value_name = "MINUTE", default_value_t = 0)]
    pub(super) from: u32,

    /// Replay so many minutes [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) minutes: Option<u32>,

    /// The root of all chance: of a generated day, and of starts of a class
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(super) seed: u64,

    /// How many functions a generated day has
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=100_000),
        conflicts_with = "trace"
    )]
    pub(super) functions: u32,

    /// How many hours of a generated day there are
    #[arg(
        long,
        value_name = "N",
        default_value_t = 24,
        value_parser = clap::value_parser!(u32).range(1..=24),
        conflicts_with = "trace"
    )]
    pub(super) hours: u32,

    /// What the trace is [default: found out]
    #[arg(long, value_name = "FORMAT", requires = "trace")]
    pub(super) format: Option<Format>,

    /// Which day of a folder with several [default: the first]
    #[arg(long, value_name = "NN", requires = "trace")]
    pub(super) day: Option<u32>,

    /// What an instance holds where the trace does not say it
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "170MiB",
        requires = "trace"
    )]
    pub(super) memory_unknown: Bytes,

    /// What a GiB for a second and a call cost, such as 0.0000166667,0.0000002
    #[arg(long, value_name = "GIB_S,CALL", value_parser = price)]
    pub(super) price: Option<Price>,

    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,

    /// Write the runs as a table
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,

    /// Write the time lines as a table
    #[arg(long, value_name = "FILE")]
    pub(super) timeline_csv: Option<PathBuf>,

    /// The drawing [default: faas-replay/replay.svg in cargo's target folder]
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,

    /// Print time lines, too
    #[arg(long)]
    pub(super) timeline: bool,
}

impl Args {
    /// A policy that wants memory to be limited, where it is not.
    pub(super) fn unlimited(&self) -> Option<&Policy> {
        let mut policies = self.policies.iter();
        policies.find(|policy| policy.wants_limit() && self.memory.is_none())
    }
}

/// What a call without a warm instance waits for.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bind {
    /// Whichever instance is free first; each such call starts one
    Late,
    /// The instance that it starts
    Early,
    /// As late, but no start while one is on its way for nobody
    LateShared,
}

impl Bind {
    pub(super) const fn binding(self) -> Binding {
        match self {
            Self::Late => Binding::Late,
            Self::Early => Binding::Early,
            Self::LateShared => Binding::LateShared,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Early => "early",
            Self::LateShared => "late-shared",
        }
    }
}

fn price(text: &str) -> Result<Price, String> {
    let wrong = || "two numbers such as 0.0000166667,0.0000002".to_owned();
    let (gib_s, call) = text.split_once(',').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse().map_err(|_| wrong());
    Price::new(number(gib_s)?, number(call)?).map_err(|why| why.to_string())
}

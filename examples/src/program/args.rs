//! The command line: what can be asked for, in types that hold only what makes sense.

use super::{Fault, Program};
use clap::error::{Error, ErrorKind};
use clap::{Args as Flags, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use cloudlot_hv::RestorePolicy;
use glob::Pattern;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Follows the options; `NAME` and `SIM` stand for the program's.
const AFTER_HELP: &str = "\
Examples:
  NAME                            every 5 s on qemu:///system
  NAME 2 --dry-run --explain      say what would be done, and why
  NAME 1 --connect sim:SIM1      a simulation, in virtual time
  NAME --only 'web-*' --json      change some guests only, tell programs
  NAME restore                    after a crash: put everything back

URIs: qemu:///system, qemu+ssh://host/system, test:///default and all others that libvirt knows;
sim:SCENARIO for a simulation in virtual time.

JSON: one object a line; `event` is start, cycle or end. The keys are listed in examples/README.md.

Exit codes: 0 done, 1 failed, 2 wrong use, 3 no permission or the host cannot be reached.";

/// All that can be asked for.
#[derive(Parser, Debug)]
#[command(version, disable_help_subcommand = true)]
pub(super) struct Args {
    /// Seconds between cycles, 0.1 to 86400
    #[arg(value_name = "INTERVAL_S", default_value = "5", value_parser = interval, allow_negative_numbers = true)]
    pub(super) interval: Duration,

    #[command(flatten)]
    pub(super) host: HostArgs,

    /// Seed of a simulation; the same seed gives the same output [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,

    /// End after so many cycles; simulations end with their scenario
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) cycles: Option<u64>,

    /// Plan and show, but change nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Show what each decision rests on
    #[arg(long)]
    pub(super) explain: bool,

    /// How to show what happens
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "table",
        conflicts_with = "json"
    )]
    format: Format,

    /// The same as --format json
    #[arg(long)]
    json: bool,

    /// Change only domains whose name matches; may be given several times
    #[arg(long, value_name = "GLOB", value_parser = glob)]
    pub(super) only: Vec<Pattern>,

    /// Do not change domains whose name matches; may be given several times
    #[arg(long, value_name = "GLOB", value_parser = glob)]
    pub(super) exclude: Vec<Pattern>,

    /// Parameters to start from [default: course in simulations, production elsewhere]
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<Profile>,

    /// TOML file with parameters that differ from the profile's
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Which algorithm decides; `former` is the baseline to compare with
    #[arg(long, value_name = "NAME", default_value = "cloudlot")]
    pub(super) algorithm: Algorithm,

    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What a run and a recovery both need.
#[derive(Flags, Debug)]
pub(super) struct HostArgs {
    /// The host
    #[arg(
        long,
        value_name = "URI",
        default_value = "qemu:///system",
        global = true
    )]
    pub(super) connect: String,

    /// What to go back to on exit; `keep` restores only what costs, the statistics periods
    #[arg(long, value_name = "WHAT", default_value = "original", global = true)]
    restore: Restore,

    /// Folder for lock and journal [default: /run/cloudlot for root, $XDG_RUNTIME_DIR/cloudlot]
    #[arg(long, value_name = "DIR", global = true)]
    pub(super) state_dir: Option<PathBuf>,
}

/// What else a program does.
#[derive(Subcommand, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Command {
    /// Undo what a run changed that was killed before it could
    Restore,
}

/// How to show what happens.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    /// A compact table a cycle
    Table,
    /// A JSON object a line
    Json,
    /// The former monitor's lines, between cycles
    Monitor,
}

/// A named set of parameters.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Profile {
    /// Careful: for hosts that earn money
    Production,
    /// Quick: what the course's scenarios ask for
    Course,
}

impl Profile {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Course => "course",
        }
    }
}

/// Which algorithm decides.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Algorithm {
    /// CloudLot's planner
    Cloudlot,
    /// Largest first onto the least loaded; fixed steps of memory
    Former,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Restore {
    Original,
    Max,
    Keep,
}

impl Args {
    /// Reads a command line; `None` when it asked for help or the version, which were printed.
    pub(super) fn parse(
        program: Program,
        line: impl IntoIterator<Item = OsString>,
    ) -> Result<Option<Self>, Fault> {
        let parsed = command(program)
            .try_get_matches_from(line)
            .and_then(|matches| Self::from_arg_matches(&matches));
        match parsed {
            Ok(args) => Ok(Some(args)),
            Err(error) if asks_for_text(&error) => {
                // A reader that is gone needs no help.
                let _ = error.print();
                Ok(None)
            }
            Err(error) => Err(Fault::Usage(one_line(&error))),
        }
    }

    pub(super) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

impl HostArgs {
    pub(super) fn policy(&self) -> RestorePolicy {
        match self.restore {
            Restore::Original => RestorePolicy::Original,
            Restore::Max => RestorePolicy::Max,
            Restore::Keep => RestorePolicy::Keep,
        }
    }
}

fn command(program: Program) -> clap::Command {
    let name = program.name();
    let examples = AFTER_HELP
        .replace("SIM", program.scenarios())
        .replace("NAME", name);
    let about = match program {
        Program::VcpuScheduler => "Balances vCPUs over the pCPUs of a host",
        Program::MemoryCoordinator => "Divides the memory of a host over its guests",
    };
    Args::command()
        .name(name)
        .bin_name(name)
        .about(about)
        .after_help(examples)
}

fn asks_for_text(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    )
}

/// The first paragraph of a message, which is what is wrong; usage and tips follow in `--help`.
fn one_line(error: &Error) -> String {
    let text = error.render().to_string();
    let paragraph = text.lines().take_while(|line| !line.trim().is_empty());
    let words: Vec<&str> = paragraph.flat_map(str::split_whitespace).collect();
    let line = words.join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

fn interval(text: &str) -> Result<Duration, String> {
    let wrong = || "not a number of seconds from 0.1 to 86400".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if (0.1..=86_400.0).contains(&seconds) {
        Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
    } else {
        Err(wrong())
    }
}

fn glob(text: &str) -> Result<Pattern, String> {
    Pattern::new(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[&str]) -> Result<Args, Fault> {
        let line = std::iter::once("it").chain(line.iter().copied());
        Args::parse(Program::VcpuScheduler, line.map(OsString::from))
            .map(|args| args.expect("no help was asked for"))
    }

    #[test]
    fn the_definition_is_sound() {
        command(Program::VcpuScheduler).debug_assert();
    }

    #[test]
    fn intervals_are_seconds_with_fractions() {
        let interval = |text: &str| parse(&[text]).map(|args| args.interval);
        assert_eq!(interval("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(interval("86400"), Ok(Duration::from_secs(86_400)));
        assert_eq!(parse(&[]).unwrap().interval, Duration::from_secs(5));
        for text in ["0", "-5", "0.09", "86401", "5s", "", "NaN", "inf", "1e400"] {
            assert!(matches!(interval(text), Err(Fault::Usage(_))), "{text}");
        }
    }

    #[test]
    fn json_is_a_format() {
        assert_eq!(parse(&["--json"]).unwrap().format(), Format::Json);
        let format = parse(&["--format", "monitor"]).unwrap().format();
        assert_eq!(format, Format::Monitor);
    }

    #[test]
    fn the_host_may_be_named_on_either_side_of_restore() {
        for line in [
            ["restore", "--connect", "test:///default"],
            ["--connect", "test:///default", "restore"],
        ] {
            let args = parse(&line).unwrap();
            assert_eq!(args.command, Some(Command::Restore));
            assert_eq!(args.host.connect, "test:///default");
        }
    }

    #[test]
    fn every_complaint_is_one_line() {
        for line in [
            &["-5"][..],
            &["abc"],
            &["1", "2"],
            &["--cycles", "0"],
            &["--cycles", "x"],
            &["--seed", "-1"],
            &["--restore", "some"],
            &["--profile", "none"],
            &["--format", "xml"],
            &["--format", "table", "--json"],
            &["--only", "["],
            &["--frobnicate"],
            &["--connect"],
        ] {
            let complaint = parse(line).unwrap_err().to_string();
            assert_eq!(complaint.lines().count(), 1, "{complaint}");
            assert!(complaint.ends_with("(see --help)"), "{complaint}");
        }
    }
}

//! A run: connect, turn the cycle until told to stop, restore, report.

use super::args::{Algorithm, Args, Format, Profile};
use super::connect::connect;
use super::control::{Control, control};
use super::logbook::Logbook;
use super::output::{End, Json, Quiet, Show, Start, Style, Table};
use super::recover::{claim, go_back, settled};
use super::select::selection;
use super::signals::Signals;
use super::sink::Sink;
use super::tally::Tally;
use super::target::Target;
use super::watch::{Shared, Watch};
use super::{Fault, Program};
use cloudlot_core::{Clock, ManualClock, Seeds, SystemClock, Timestamp};
use cloudlot_hv::fake::{FakeHost, scenario};
use cloudlot_hv::{Cycle, HvError, Hypervisor, Mode, Picture, RestoreReport, run};
use std::env;
use std::io::{IsTerminal, Stdout, stdout};
use std::time::Duration;

/// The default command.
pub(super) fn drive(program: Program, args: &Args) -> Result<(), Fault> {
    match Target::parse(program, &args.host.connect)? {
        Target::Simulation(name) => simulate(program, args, &name),
        Target::Host(uri) => live(program, args, &uri),
    }
}

/// A run on a host, with all that it needs.
struct Run<'a> {
    program: Program,
    args: &'a Args,
    clock: &'a dyn Clock,
    /// For the way back: signals wake the loop, and its clock does not wait any more then.
    after: &'a dyn Clock,
    signals: &'a Signals,
    control: Control,
    logbook: Logbook,
    turns: Option<u64>,
    mode: Mode,
    start: Start,
}

fn simulate(program: Program, args: &Args, name: &str) -> Result<(), Fault> {
    let profile = args.profile.unwrap_or(Profile::Course);
    let control = control(program, args, profile)?;
    let seed = args.seed.unwrap_or(1);
    let seeds = Seeds::new(seed);
    let clock = ManualClock::at(Timestamp::ZERO);
    let failed = |reason: String| Fault::Failed(format!("simulation {name}: {reason}"));
    let spec = scenario::named(name, seeds).ok_or_else(|| failed("unknown".to_owned()))?;
    let host = FakeHost::new(spec, seeds, clock.clone());
    let host = host.map_err(|error| failed(error.to_string()))?;
    let signals = listen(|| {})?;
    let run = Run {
        program,
        args,
        clock: &clock,
        after: &clock,
        signals: &signals,
        control,
        logbook: Logbook::none(),
        turns: Some(args.cycles.unwrap_or_else(|| whole_length(program, args))),
        mode: mode(args),
        start: start(program, args, profile, Some(seed), mode_name(args)),
    };
    run.on(host)
}

fn live(program: Program, args: &Args, uri: &str) -> Result<(), Fault> {
    if args.seed.is_some() {
        let complaint = "--seed is for simulations; a real host has no seed";
        return Err(Fault::Usage(complaint.to_owned()));
    }
    let profile = args.profile.unwrap_or(Profile::Production);
    let control = control(program, args, profile)?;
    let clock = SystemClock::start();
    let host = connect(&args.host.connect, !args.dry_run, &clock)?;
    let looking = args.dry_run || !host.capabilities().write;
    // Who only looks is in nobody's way.
    let (_lock, logbook) = if looking {
        (None, Logbook::none())
    } else {
        let (lock, logbook) = claim(program, uri, args)?;
        (Some(lock), logbook)
    };
    let denied = looking && !args.dry_run;
    if denied {
        let notice = format!("no permission to change anything on {uri}: only looking");
        program.complain(&notice);
    }
    let waker = clock.clone();
    let signals = listen(move || waker.interrupt())?;
    let shown = if denied { "observe" } else { mode_name(args) };
    let run = Run {
        program,
        args,
        clock: &clock,
        after: &SystemClock::start(),
        signals: &signals,
        control,
        logbook,
        turns: args.cycles,
        mode: if looking { Mode::DryRun } else { Mode::Act },
        start: start(program, args, profile, None, shown),
    };
    run.on(host)?;
    if denied {
        return Err(Fault::Unreachable(format!(
            "{uri}: no permission to change anything"
        )));
    }
    Ok(())
}

impl Run<'_> {
    fn on<H: Hypervisor>(self, host: H) -> Result<(), Fault> {
        let args = self.args;
        let sink = Sink::new(stdout());
        let show = show(args);
        sink.say(&show.start(&self.start));
        let host = Shared::new(host);
        let watch = (args.format() == Format::Monitor)
            .then(|| Watch::new(self.program, self.clock, host.clone(), &sink));
        let clock: &dyn Clock = match &watch {
            Some(watch) => watch,
            None => self.clock,
        };
        let originals = self.logbook.originals();
        let controller = self.control.controller;
        let mut cycle = Cycle::new(host, controller, self.logbook, self.mode, originals)
            .select(selection(&args.only, &args.exclude));
        let mut tally = Tally::default();
        let mut last_error = None;
        let mut limits = self.control.limits;
        let stop = || self.signals.stop() || sink.is_shut();
        run(
            &mut cycle,
            clock,
            args.interval,
            self.turns,
            &stop,
            &mut |turn| match turn {
                Ok(report) => {
                    tally.observe(report);
                    if let Picture::Memory(seen) = &report.plan.picture {
                        // The reserve may be a share of the host's memory.
                        limits.reserve = seen.reserve;
                    }
                    sink.say(&show.cycle(report));
                }
                Err(error) => {
                    tally.observe_failure();
                    last_error = Some(error.clone());
                    self.program.complain(&error.to_string());
                    sink.say(&show.failed(tally.cycles + tally.failed, error));
                }
            },
        );
        let originals = cycle.originals();
        let (mut host, _, mut logbook) = cycle.into_parts();
        let restored = match self.mode {
            Mode::DryRun => RestoreReport::default(),
            Mode::Act => go_back(
                &mut host,
                &mut logbook,
                &originals,
                args.host.policy(),
                limits,
                self.after,
                &|| self.signals.abandon(),
            ),
        };
        let end = End { tally, restored };
        sink.say(&show.end(&end));
        if logbook.lasts() {
            settled(self.program, args, &end.restored)?;
        }
        verdict(&end.tally, last_error, &sink)
    }
}

fn listen(wake: impl Fn() + Send + 'static) -> Result<Signals, Fault> {
    Signals::listen(wake).map_err(|error| Fault::Failed(format!("signals: {error}")))
}

fn mode(args: &Args) -> Mode {
    if args.dry_run {
        Mode::DryRun
    } else {
        Mode::Act
    }
}

fn mode_name(args: &Args) -> &'static str {
    if args.dry_run { "dry-run" } else { "act" }
}

fn start(
    program: Program,
    args: &Args,
    profile: Profile,
    seed: Option<u64>,
    mode: &'static str,
) -> Start {
    let config = args.config.as_ref();
    Start {
        program: program.name(),
        profile: profile.name(),
        config: config.map(|path| path.display().to_string()),
        algorithm: match args.algorithm {
            Algorithm::Cloudlot => "cloudlot",
            Algorithm::Former => "former",
        },
        uri: args.host.connect.clone(),
        seed,
        interval: args.interval,
        mode,
    }
}

fn show(args: &Args) -> Box<dyn Show> {
    let text = |name| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let (no_color, term) = (text("NO_COLOR"), text("TERM"));
    let terminal = stdout().is_terminal();
    match args.format() {
        Format::Json => Box::new(Json),
        Format::Monitor => Box::new(Quiet),
        Format::Table => Box::new(Table {
            style: Style::fitting(terminal, no_color.as_deref(), term.as_deref()),
            explain: args.explain,
        }),
    }
}

/// As many cycles as the scenarios last, the first at their beginning.
fn whole_length(program: Program, args: &Args) -> u64 {
    let length = match program {
        Program::VcpuScheduler => Duration::from_secs(40),
        Program::MemoryCoordinator => Duration::from_secs(240),
    };
    let beats = length.as_nanos() / args.interval.as_nanos().max(1);
    u64::try_from(beats).unwrap_or(u64::MAX).saturating_add(1)
}

/// Whether the run did what it was for.
fn verdict(tally: &Tally, last_error: Option<HvError>, sink: &Sink<Stdout>) -> Result<(), Fault> {
    if let Some(kind) = sink.fault() {
        return Err(Fault::Failed(format!("cannot write the output: {kind}")));
    }
    match last_error {
        Some(error) if tally.cycles == 0 => {
            let seen_nothing = format!("no cycle could see the host: {error}");
            Err(match error {
                HvError::Disconnected(_) | HvError::Denied(_) => Fault::Unreachable(seen_nothing),
                _ => Fault::Failed(seen_nothing),
            })
        }
        _ => Ok(()),
    }
}

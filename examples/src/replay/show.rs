//! The whole course: open, replay, compare, tell.

use super::args::{Args, Bind};
use super::policy::Policy;
use super::start::Start;
use super::trace::Trace;
use crate::progress::Progress;
use clap::Parser;
use cloudlot_serverless::report::{Gather, Panels, Report, Run, Workload, thousands};
use cloudlot_serverless::sim::Simulation;
use cloudlot_serverless::{Frees, Full, Function, Platform, Pool, Settings};
use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Wrong use, or a trace that is not what it should be.
const WRONG: u8 = 2;
const FAILED: u8 = 1;

/// Why nothing more is told: the exit status, and the words.
type Fault = (u8, String);

/// Does what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    match show(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err((status, words)) => {
            eprintln!("faas-replay: {words}");
            ExitCode::from(status)
        }
    }
}

fn show(args: &Args) -> Result<(), Fault> {
    if let Some(policy) = args.unlimited() {
        return Err((WRONG, format!("{policy} wants --memory")));
    }
    let trace = Trace::open(args).map_err(|words| (WRONG, words))?;
    if let Some(note) = &trace.note {
        eprintln!("faas-replay: {note}");
    }
    let report = replay_all(args, &trace);
    let drawing = args.svg.clone().map_or_else(usual_drawing, Ok)?;
    let panels = match (args.frontier, report.runs().len()) {
        (true, _) => Panels::Frontier,
        (false, 1) => Panels::Timeline,
        (false, _) => Panels::Both,
    };
    write(&drawing, report.draw(panels).map_err(failed)?.as_bytes())?;
    let mut table = Vec::new();
    if let Some(file) = &args.csv {
        report.write_csv(&mut table).map_err(failed)?;
        write(file, &table)?;
    }
    if let Some(file) = &args.timeline_csv {
        table.clear();
        report.write_timeline_csv(&mut table).map_err(failed)?;
        write(file, &table)?;
    }
    let text = if args.json {
        serde_json::to_string(&report).map_err(failed)? + "\n"
    } else {
        let times = if args.timeline {
            report.timeline_text()
        } else {
            String::new()
        };
        format!("{report}{times}\ndrawing  {}\n", drawing.display())
    };
    say(&text)
}

fn replay_all(args: &Args, trace: &Trace) -> Report {
    let workload = Workload::new(
        &trace.name,
        trace.functions(),
        trace.calls,
        trace.span.as_secs_f64(),
    );
    let mut report = Report::new(workload);
    if let Some(price) = args.price {
        report = report.priced(price);
    }
    let policies = if args.frontier {
        Policy::sweep()
    } else {
        args.policies.clone()
    };
    let runs = args
        .bindings
        .iter()
        .flat_map(|bind| policies.iter().map(move |policy| (policy, *bind)));
    let all = trace.calls * (args.bindings.len() * policies.len()) as u64;
    let mut progress = Progress::new();
    for (number, (policy, bind)) in (0..).zip(runs) {
        let mut show = |calls: u64| {
            let words = || format!("{policy}, {} calls", thousands(calls));
            progress.show(number * trace.calls + calls, all, words);
        };
        report.push(replay(args, trace, policy, bind, &mut show));
    }
    report
}

/// As many calls go by between two looks at the bar.
const LOOK: u64 = 1 << 14;

fn replay(
    args: &Args,
    trace: &Trace,
    policy: &Policy,
    bind: Bind,
    show: &mut dyn FnMut(u64),
) -> Run {
    let settings = Settings {
        binding: bind.binding(),
        pool: args.memory.map(|memory| Pool {
            memory,
            frees: Frees::WhenGone,
            full: Full::Wait,
        }),
        ..Settings::DEFAULT
    };
    let mut platform = Platform::new(settings, policy.make(trace));
    for profile in trace.functions() {
        platform.add(Function::from(profile));
    }
    let mut gather = Gather::new(trace.functions());
    let start = if policy.foresees() {
        Start::NONE
    } else {
        args.start
    };
    let mut backend = start.make(args.seed);
    let mut simulation = Simulation::new(&mut *backend);
    let mut calls = 0;
    let arrivals = trace.arrivals().inspect(|_| {
        if calls % LOOK == 0 {
            show(calls);
        }
        calls += 1;
    });
    simulation.run(&mut platform, arrivals, &mut gather);
    let mut run = gather.finish(&policy.to_string(), platform.totals());
    if args.bindings.len() > 1 {
        run.name = format!("{} {}", run.name, bind.name());
        run.family = format!("{}, {}", run.family, bind.name());
    }
    run
}

/// Makes the folder.
fn usual_drawing() -> Result<PathBuf, Fault> {
    let name = "faas-replay";
    let folder = crate::target::folder().map_or_else(|| name.into(), |folder| folder.join(name));
    let made = fs::create_dir_all(&folder);
    made.map_err(|why| (FAILED, format!("{}: {why}", folder.display())))?;
    Ok(folder.join("replay.svg"))
}

fn write(file: &Path, text: &[u8]) -> Result<(), Fault> {
    fs::write(file, text).map_err(|why| (FAILED, format!("{}: {why}", file.display())))
}

fn failed(error: impl Display) -> Fault {
    (FAILED, error.to_string())
}

fn say(text: &str) -> Result<(), Fault> {
    let mut stdout = io::stdout();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err((FAILED, format!("cannot write the output: {error}")))
        }
        _ => Ok(()),
    }
}

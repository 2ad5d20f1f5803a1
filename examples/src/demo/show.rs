//! The whole evening: choose the stage, run everything, print, draw.

use super::args::Args;
#[cfg(feature = "libvirt")]
use super::live;
use super::plot;
use super::report::{Figures, Ground, Recording, Run, Table};
use super::scenario::{Guest, Machine, Times};
use super::simulate::{self, Algorithm, SimulationError};
use clap::Parser;
use cloudlot_core::Seeds;
use serde::Serialize;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Simulations of the demonstration are the same every time.
const SEEDS: Seeds = Seeds::new(1);

/// Does what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    let args = Args::parse();
    match show(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("demo: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn show(args: &Args) -> Result<(), String> {
    let times = Times::new(Duration::from_secs(args.seconds.into()));
    let played = if args.sim { None } else { play(&times)? };
    let (real, machine) = played.unzip();
    // What real guests ran on is what the others are simulated on.
    let machine = machine.unwrap_or_else(Machine::example);
    let simulations = [Algorithm::Cloudlot, Algorithm::Former]
        .into_iter()
        .map(|algorithm| simulated(algorithm, &machine, &times))
        .collect::<Result<Vec<Run>, SimulationError>>()
        .map_err(|error| error.to_string())?;
    let runs: Vec<Run> = real.into_iter().chain(simulations).collect();
    tell(args, machine.guests, &runs)
}

/// A run on real guests, where there can be one.
#[cfg(feature = "libvirt")]
fn play(times: &Times) -> Result<Option<(Run, Machine)>, String> {
    match live::run(times) {
        Ok(played) => Ok(Some(played)),
        Err(live::LiveError::Impossible(reason)) => {
            eprintln!("demo: no real guests here ({reason}): all is simulated");
            Ok(None)
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Says what is missing.
#[cfg(not(feature = "libvirt"))]
fn play(_: &Times) -> Result<Option<(Run, Machine)>, String> {
    eprintln!("demo: no real guests, since libvirt is not built in: all is simulated");
    Ok(None)
}

fn simulated(
    algorithm: Algorithm,
    machine: &Machine,
    times: &Times,
) -> Result<Run, SimulationError> {
    let recording = |trace| Recording {
        trace,
        times: *times,
    };
    Ok(Run {
        algorithm,
        ground: Ground::Simulated,
        cpu: recording(simulate::cpu(algorithm, machine, times, SEEDS)?),
        memory: recording(simulate::memory(algorithm, machine, times, SEEDS)?),
    })
}

/// All that is printed with `--json`.
#[derive(Serialize)]
struct Told<'a> {
    seconds: u32,
    runs: &'a [Figures],
    drawing: &'a Path,
}

fn tell(args: &Args, guests: &[Guest], runs: &[Run]) -> Result<(), String> {
    let figures: Option<Vec<Figures>> = runs.iter().map(Figures::of).collect();
    let figures = figures.ok_or("the recording is too short for figures")?;
    let drawing = plot::draw(runs).map_err(|error| error.to_string())?;
    let file = args.out.clone().unwrap_or_else(usual_file);
    write_whole(&file, &drawing).map_err(|error| format!("{}: {error}", file.display()))?;
    let text = if args.json {
        let told = Told {
            seconds: args.seconds,
            runs: &figures,
            drawing: &file,
        };
        serde_json::to_string(&told).map_err(|error| error.to_string())? + "\n"
    } else {
        let table = Table {
            guests,
            figures: &figures,
        };
        format!("{table}drawing: {}\n", file.display())
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}

fn usual_file() -> PathBuf {
    let name = "demo.svg";
    crate::target::folder().map_or_else(|| name.into(), |folder| folder.join(name))
}

/// Writes a file that is there whole or not at all.
fn write_whole(file: &Path, text: &str) -> io::Result<()> {
    let mut partial = file.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, file));
    written.inspect_err(|_| {
        // What could not be made need not be removed.
        let _ = fs::remove_file(&partial);
    })
}

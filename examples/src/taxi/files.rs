//! Where files go, the tables and the drawing.

use super::args::Args;
use super::plot::{self, Line};
use super::report::Figures;
use super::show::{FAILED, Fault, failed};
use super::train::{School, Training};
use super::world::{Situation, name, situations};
use cloudlot_qlearn::Agent;
use cloudlot_qlearn::export::{policy_rows, write_policy};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The files that are always written.
pub(super) struct Files {
    pub(super) checkpoint: PathBuf,
    pub(super) drawing: PathBuf,
}

impl Files {
    /// Makes the folder where one is needed.
    pub(super) fn of(args: &Args) -> Result<Self, Fault> {
        let folder = args.out.clone().unwrap_or_else(usual_folder);
        if args.save.is_none() || args.plot.is_none() {
            let made = fs::create_dir_all(&folder);
            made.map_err(|why| (FAILED, format!("{}: {why}", folder.display())))?;
        }
        let file = |given: &Option<PathBuf>, name| match given {
            Some(file) => file.clone(),
            None => folder.join(name),
        };
        Ok(Self {
            checkpoint: file(&args.save, "taxi.checkpoint.json"),
            drawing: file(&args.plot, "taxi.svg"),
        })
    }
}

fn usual_folder() -> PathBuf {
    let name = "qlearn-taxi";
    crate::target::folder().map_or_else(|| name.into(), |folder| folder.join(name))
}

/// Draws the curves of all drivers.
pub(super) fn draw(file: &Path, drivers: &[&Figures], optimum: f64) -> Result<(), Fault> {
    let lines: Vec<Line<'_>> = drivers
        .iter()
        .map(|driver| Line {
            name: driver.planning,
            looks: &driver.curve,
            best_since: driver.best_since_steps,
        })
        .collect();
    write(file, plot::draw(&lines, optimum).map_err(failed)?)
}

/// Writes the tables that were asked for.
pub(super) fn write_tables(
    args: &Args,
    agent: &Agent,
    school: &School,
    training: &Training,
    drivers: &[&Figures],
) -> Result<(), Fault> {
    if let Some(file) = &args.curve_csv {
        write(file, curve(drivers))?;
    }
    if let Some(file) = &args.returns_csv {
        let mut text = Vec::new();
        training.returns.write_csv(&mut text).map_err(failed)?;
        write(file, text)?;
    }
    if let Some(file) = &args.policy_csv {
        let states = situations().map(Situation::state);
        let mask = |state| school.model.mask(state);
        let rows = policy_rows(&agent.learner, states, mask).map_err(failed)?;
        let describe = |state| Situation::of(state).map_or_else(String::new, |now| now.to_string());
        let mut text = Vec::new();
        write_policy(&mut text, &rows, describe, name).map_err(failed)?;
        write(file, text)?;
    }
    Ok(())
}

fn curve(drivers: &[&Figures]) -> String {
    let mut text = "planner,steps,episodes,value\n".to_owned();
    for driver in drivers {
        for look in &driver.curve {
            let (steps, episodes, value) = (look.steps, look.episodes, look.value);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{},{steps},{episodes},{value}", driver.planner);
        }
    }
    text
}

fn write(file: &Path, text: impl AsRef<[u8]>) -> Result<(), Fault> {
    fs::write(file, text).map_err(|why| (FAILED, format!("{}: {why}", file.display())))
}

//! The whole course: train, judge, save, reload, draw, tell.

use super::args::Args;
use super::driver::{self, Kind, RuleName};
use super::files::{self, Files};

use super::report::{Explained, Figures, Report, Saved, Settings};
use super::rules::Sheet;
use super::train::{Budget, School, Training};
use super::world::{Situation, situations};
use crate::program::signals::Signals;
use crate::progress::Progress;
use clap::Parser;
use cloudlot_qlearn::{Agent, Mask, Save};
use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Wrong use, or a checkpoint that is not what it should be.
const WRONG: u8 = 2;
pub(super) const FAILED: u8 = 1;

/// How far the reloaded driver is followed.
const FURTHER: u64 = 1_000;

/// Why nothing more is told: the exit status, and the words.
pub(super) type Fault = (u8, String);

/// Does what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    match show(&Args::parse()) {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::FAILURE,
        Err((status, words)) => {
            eprintln!("qlearn-taxi: {words}");
            ExitCode::from(status)
        }
    }
}

/// Whether it was interrupted.
fn show(args: &Args) -> Result<bool, Fault> {
    let mut agent = begin(args)?;
    let loaded = args.load.is_some().then(|| agent.learner.steps());
    let masked = is_masked(args, &agent)?;
    let mut school = School::new(masked);
    if let Some(now) = args
        .explain
        .filter(|now| school.model.is_terminal(now.state()))
    {
        return Err((WRONG, format!("{now}: the ride is over there")));
    }
    let files = Files::of(args)?;
    let signals = Signals::listen(|| {}).map_err(failed)?;
    let settings = settings(args, &agent, masked, loaded);
    if !args.json {
        say(&format!("{settings}\n"))?;
    }
    let kind = Kind::of(&agent);
    let budget = args.budget(kind, loaded.unwrap_or(0));
    let training = train(&mut school, &mut agent, budget, &signals)?;
    let checkpoint = keep(&agent, &mut school, &files.checkpoint)?;
    let alone = args.alone || loaded.is_some() || training.cut_short;
    let other = kind.other();
    let beside = match alone {
        true => None,
        false => Some(companion(args, &mut school, other, &signals)?),
    };
    let trainings = [Some(&training), beside.as_ref()];
    let interrupted = trainings.into_iter().flatten().any(|one| one.cut_short);
    let driver = figures(&school, kind, &training);
    let beside = beside.map(|training| figures(&school, other, &training));
    let drivers: Vec<&Figures> = [Some(&driver), beside.as_ref()]
        .into_iter()
        .flatten()
        .collect();
    files::draw(&files.drawing, &drivers, school.optimum)?;
    files::write_tables(args, &agent, &school, &training, &drivers)?;
    let report = Report {
        settings,
        optimum: school.optimum,
        explained: args
            .explain
            .map(|now| explain(&agent, &school, now))
            .transpose()?,
        rules: args.rules.map(|slice| {
            let best = |state| agent.learner.best(state, school.model.mask(state)).ok();
            Sheet::of(slice, |state| Some(best(state)?.action))
        }),
        interrupted,
        checkpoint,
        drawing: &files.drawing,
        driver,
        beside,
    };
    let text = match args.json {
        true => serde_json::to_string(&report).map_err(failed)? + "\n",
        false => report.to_string(),
    };
    say(&text)?;
    Ok(interrupted)
}

fn begin(args: &Args) -> Result<Agent, Fault> {
    let agent = match &args.load {
        None => driver::new(args, args.planner),
        Some(path) => driver::load(path),
    };
    agent.map_err(|words| (WRONG, words))
}

/// Whether useless actions are not allowed. A checkpoint does not say so, but shows it: who was
/// allowed to has tried some.
fn is_masked(args: &Args, agent: &Agent) -> Result<bool, Fault> {
    let tried = |now: Situation| {
        let known = agent.learner.explain(now.state(), Mask::all(6));
        let useful = now.mask();
        known.is_ok_and(|known| {
            let mut candidates = known.candidates.iter();
            candidates.any(|one| one.visits > 0 && !useful.allows(one.action))
        })
    };
    let tried = situations().any(tried);
    if args.mask && tried {
        return Err((
            WRONG,
            "the checkpoint was trained without --mask".to_owned(),
        ));
    }
    Ok(args.mask || (!tried && agent.learner.steps() > 0))
}

fn settings(args: &Args, agent: &Agent, mask: bool, loaded_steps: Option<u64>) -> Settings {
    let config = agent.learner.config();
    let kind = Kind::of(agent);
    Settings {
        rule: RuleName(config.rule).to_string(),
        planner: kind.name(),
        planning: kind.words(),
        epsilon: agent.learner.exploration_rate(),
        discount: config.discount,
        mask,
        seed: loaded_steps.is_none().then_some(args.seed),
        loaded_steps,
    }
}

/// Trains until the budget is spent or somebody wants an end.
fn train(
    school: &mut School,
    agent: &mut Agent,
    budget: Budget,
    signals: &Signals,
) -> Result<Training, Fault> {
    let mut progress = Progress::new();
    let training = school.train(agent, budget, |learner, look| {
        let (done, all) = match budget.steps {
            u64::MAX => (learner.episodes(), budget.episodes),
            all => (learner.steps(), all),
        };
        progress.show(done, all, || {
            let (steps, value) = (learner.steps(), look.value);
            format!("{steps} steps, worth {value:.2}")
        });
        !signals.stop()
    });
    training.map_err(failed)
}

/// A driver with the same settings, but for planning.
fn companion(
    args: &Args,
    school: &mut School,
    kind: Kind,
    signals: &Signals,
) -> Result<Training, Fault> {
    let mut agent = driver::new(args, kind).map_err(|words| (WRONG, words))?;
    let mut budget = args.budget(kind, 0);
    budget.steps = budget.steps.min(kind.usual_steps());
    train(school, &mut agent, budget, signals)
}

/// Saves the driver, reloads it, and follows both a little further.
fn keep<'a>(agent: &Agent, school: &mut School, file: &'a Path) -> Result<Saved<'a>, Fault> {
    let in_file = |why: &dyn Display| (FAILED, format!("{}: {why}", file.display()));
    agent.save_to(file).map_err(|why| in_file(&why))?;
    let written = fs::read(file).map_err(|why| in_file(&why))?;
    let mut reloaded = driver::load(file).map_err(|words| (FAILED, words))?;
    let same = bytes(&reloaded)? == written;
    let mut original = agent.clone();
    let budget = Budget {
        steps: agent.learner.steps().saturating_add(FURTHER),
        episodes: u64::MAX,
    };
    for agent in [&mut original, &mut reloaded] {
        school.train(agent, budget, |_, _| true).map_err(failed)?;
    }
    if !same || bytes(&reloaded)? != bytes(&original)? {
        return Err(in_file(
            &"the reloaded driver is not the one that was saved",
        ));
    }
    Ok(Saved {
        file,
        bytes: written.len(),
        checksum: format!("{:08x}", agent.checkpoint().checksum()),
        same,
        same_after_steps: reloaded.learner.steps() - agent.learner.steps(),
    })
}

fn bytes(agent: &Agent) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    agent.save(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn figures(school: &School, kind: Kind, training: &Training) -> Figures {
    let last = training.looks.last().copied().unwrap_or_default();
    Figures {
        planner: kind.name(),
        planning: kind.words(),
        steps: last.steps,
        episodes: last.episodes,
        value: last.value,
        best: school.is_best(last.value),
        best_since_steps: school.best_since(&training.looks).map(|look| look.steps),
        curve: training.looks.clone(),
    }
}

/// What is known of a state, and what would be done there now.
fn explain(agent: &Agent, school: &School, now: Situation) -> Result<Explained, Fault> {
    let state = now.state();
    let mask = school.model.mask(state);
    let explanation = agent.learner.explain(state, mask).map_err(failed)?;
    let next = agent.clone().decide(state, mask).map_err(failed)?;
    Ok(Explained {
        state: state.0,
        situation: now.to_string(),
        explanation: explanation.of(next.action, next.reason),
    })
}

pub(super) fn failed(error: impl Display) -> Fault {
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

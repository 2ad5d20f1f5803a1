//! The command line.

use super::driver::{Kind, RuleName};
use super::train::Budget;
use super::world::{Situation, Slice};
use clap::Parser;
use std::path::PathBuf;

/// Trains a taxi driver by Q-learning and says how good it is, exactly
///
/// Taxi is a grid with walls: fetch a passenger at one of four stands and bring them to another. 500 states, 6 actions; -1 for
/// a step, -10 for a useless pickup or dropoff, +20 for the delivery, at most 200 steps. The
/// driver knows nothing of that. The exact value of what it has learned stands beside the optimum, 7.93. It is saved, reloaded
/// and compared, and its learning curve is drawn, beside that of one that plans (or does not).
#[derive(Parser, Clone, PartialEq, Debug)]
#[command(
    name = "qlearn-taxi",
    version,
    after_help = "Ctrl-C ends the training; what was learned is saved and shown.\n\n\
        Exit codes: 0 done, 1 failed or interrupted, 2 wrong use or a bad checkpoint."
)]
pub(super) struct Args {
    /// Train until so many steps were learned from, and the episode is over; with --load those
    /// of the checkpoint count [default: 2000000, with a planner 20000]
    #[arg(long, value_name = "N")]
    steps: Option<u64>,

    /// Train until so many episodes have ended; with --load those of the checkpoint count
    #[arg(long, value_name = "N", conflicts_with = "steps")]
    episodes: Option<u64>,

    /// The root of all chance
    #[arg(long, value_name = "N", default_value_t = 7, conflicts_with = "load")]
    pub(super) seed: u64,

    /// Allow only actions that change something; with --load say it again if it was said before
    #[arg(long)]
    pub(super) mask: bool,

    /// What to do between steps: nothing, or learn from a counted model
    #[arg(long, value_enum, default_value_t = Kind::None, conflicts_with = "load")]
    pub(super) planner: Kind,

    /// How values learn: q, double, sarsa, expected-sarsa, n-step-sarsa:N, tree-backup:N,
    /// q-lambda:L or sarsa-lambda:L
    #[arg(
        long,
        value_name = "RULE",
        default_value = "q",
        conflicts_with = "load"
    )]
    pub(super) rule: RuleName,

    /// How often something else than the best is tried, 0 to 1
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.1,
        value_parser = share,
        conflicts_with = "load"
    )]
    pub(super) epsilon: f64,

    /// What a reward one step later is worth, 0 to 1
    #[arg(
        long,
        value_name = "FACTOR",
        default_value_t = 0.99,
        value_parser = share,
        conflicts_with = "load"
    )]
    pub(super) discount: f64,

    /// Go on from this checkpoint, exactly
    #[arg(long, value_name = "FILE")]
    pub(super) load: Option<PathBuf>,

    /// Train no second driver to draw beside the first; with --load there is none
    #[arg(long)]
    pub(super) alone: bool,

    /// Where files go that have no path of their own [default: qlearn-taxi in cargo's target folder]
    #[arg(long, value_name = "FOLDER")]
    pub(super) out: Option<PathBuf>,

    /// The checkpoint [default: taxi.checkpoint.json in the folder]
    #[arg(long, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,

    /// The drawing [default: taxi.svg in the folder]
    #[arg(long, value_name = "FILE")]
    pub(super) plot: Option<PathBuf>,

    /// Write the exact values of the greedy policies while they were learned
    #[arg(long, value_name = "FILE")]
    pub(super) curve_csv: Option<PathBuf>,

    /// Write what the episodes earned, with all that was tried
    #[arg(long, value_name = "FILE")]
    pub(super) returns_csv: Option<PathBuf>,

    /// Write the greedy policy
    #[arg(long, value_name = "FILE")]
    pub(super) policy_csv: Option<PathBuf>,

    /// Print the policy for one passenger as a map and as rules, such as R:G or taxi:G
    #[arg(long, value_name = "PASSENGER:DESTINATION")]
    pub(super) rules: Option<Slice>,

    /// Print what is known of a state: its number, or ROW,COLUMN,PASSENGER,DESTINATION such as
    /// 2,3,taxi,R
    #[arg(long, value_name = "STATE")]
    pub(super) explain: Option<Situation>,

    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    /// When the training ends of a driver that has learned from `steps` steps.
    pub(super) fn budget(&self, kind: Kind, steps: u64) -> Budget {
        let usual = steps.saturating_add(kind.usual_steps());
        Budget {
            steps: match (self.steps, self.episodes) {
                (None, None) => usual,
                (given, _) => given.unwrap_or(u64::MAX),
            },
            episodes: self.episodes.unwrap_or(u64::MAX),
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok();
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a number from 0 to 1".to_owned())
}

//! Drivers: from settings, from a checkpoint, and the names of what they do.

use super::args::Args;
use super::world::{ACTIONS, STATES};
use clap::ValueEnum;
use cloudlot_qlearn::{
    Agent, Config, Dense, Explore, Learner, Plan, Planner, PlannerConfig, Practice, Rule, Save,
    Target, Trace,
};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A checkpoint of this world is far smaller.
const BYTES_MAX: u64 = 16 << 20;

/// Backups of Dyna-Q after each step.
const BACKUPS: u32 = 10;

/// What a driver does between steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Kind {
    /// Nothing
    None,
    /// Backups where they change most
    Sweeping,
    /// Backups of anything that was seen
    Dyna,
}

impl Kind {
    /// How long a driver of this kind is trained unless somebody says otherwise: some times what it
    /// needs.
    pub(super) const fn usual_steps(self) -> u64 {
        match self {
            Self::None => 2_000_000,
            Self::Sweeping | Self::Dyna => 20_000,
        }
    }

    /// What to see beside it: with planning if it has none, else without.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::None => Self::Sweeping,
            Self::Sweeping | Self::Dyna => Self::None,
        }
    }

    /// What an agent does.
    pub(super) fn of(agent: &Agent) -> Self {
        match &agent.practice {
            Some(Practice::Planner(planner)) => match planner.config().plan {
                Plan::Sweeping { .. } => Self::Sweeping,
                Plan::DynaQ { .. } => Self::Dyna,
            },
            Some(Practice::Replay(_)) | None => Self::None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sweeping => "sweeping",
            Self::Dyna => "dyna",
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::None => "without planning",
            Self::Sweeping => "with prioritised sweeping",
            Self::Dyna => "with Dyna-Q",
        }
    }

    fn practice(self) -> Option<Practice> {
        let plan = match self {
            Self::None => return None,
            Self::Sweeping => Plan::default(),
            Self::Dyna => Plan::DynaQ {
                backups: BACKUPS,
                backup: cloudlot_qlearn::Backup::Expected,
            },
        };
        let config = PlannerConfig {
            plan,
            ..PlannerConfig::default()
        };
        let planner = Planner::new(config, ACTIONS.len()).expect("these numbers are in range");
        Some(planner.into())
    }
}

/// A rule as people write it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct RuleName(pub(super) Rule);

impl FromStr for RuleName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (text, None),
        };
        let steps = || parsed::<u32>(name, number, "a number of steps");
        let lambda = || parsed::<f64>(name, number, "a share");
        let trace = Trace::default();
        let target = Target::default();
        let rule = match (name, number) {
            ("q", None) => Rule::QLearning,
            ("double", None) => Rule::DoubleQ,
            ("sarsa", None) => Rule::Sarsa,
            ("expected-sarsa", None) => Rule::ExpectedSarsa,
            ("n-step-sarsa", _) => Rule::NStepSarsa { steps: steps()? },
            ("tree-backup", _) => Rule::TreeBackup {
                steps: steps()?,
                target,
            },
            ("q-lambda", _) => Rule::WatkinsLambda {
                lambda: lambda()?,
                trace,
            },
            ("sarsa-lambda", _) => Rule::SarsaLambda {
                lambda: lambda()?,
                trace,
            },
            _ => return Err("no such rule; see --help".to_owned()),
        };
        Ok(Self(rule))
    }
}

fn parsed<T: FromStr>(name: &str, number: Option<&str>, what: &str) -> Result<T, String> {
    let number = number.and_then(|number| number.parse().ok());
    number.ok_or_else(|| format!("{name} takes {what}, such as {name}:1"))
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Rule::QLearning => f.write_str("q"),
            Rule::DoubleQ => f.write_str("double"),
            Rule::Sarsa => f.write_str("sarsa"),
            Rule::ExpectedSarsa => f.write_str("expected-sarsa"),
            Rule::NStepSarsa { steps } => write!(f, "n-step-sarsa:{steps}"),
            Rule::TreeBackup { steps, .. } => write!(f, "tree-backup:{steps}"),
            Rule::WatkinsLambda { lambda, .. } => write!(f, "q-lambda:{lambda}"),
            Rule::SarsaLambda { lambda, .. } => write!(f, "sarsa-lambda:{lambda}"),
        }
    }
}

/// A driver that knows nothing.
///
/// # Errors
/// If a setting is outside its range.
pub(super) fn new(args: &Args, kind: Kind) -> Result<Agent, String> {
    let config = Config {
        rule: args.rule.0,
        discount: args.discount,
        explore: Explore::epsilon(args.epsilon),
        ..Config::default()
    };
    let table = Dense::new(size(), ACTIONS.len(), 0.0).map_err(|why| why.to_string())?;
    let learner = Learner::new(table, config).map_err(|why| why.to_string())?;
    let mut agent = Agent::new(learner, args.seed, 0);
    agent.practice = kind.practice();
    Ok(agent)
}

/// A driver as it was saved.
///
/// # Errors
/// If there is none, or it is damaged, or one of another world.
pub(super) fn load(path: &Path) -> Result<Agent, String> {
    let agent = Agent::load_from(path, BYTES_MAX);
    let agent: Agent = agent.map_err(|why| format!("{}: {why}", path.display()))?;
    let (states, actions) = agent.learner.values().view().dim();
    if (states, actions) != (size(), ACTIONS.len()) {
        return Err(format!(
            "{}: a table of {states} states and {actions} actions is not one of Taxi",
            path.display()
        ));
    }
    Ok(agent)
}

fn size() -> usize {
    cloudlot_qlearn::StateId(STATES).index()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_written_as_they_are_read() {
        for text in [
            "q",
            "double",
            "sarsa",
            "expected-sarsa",
            "n-step-sarsa:3",
            "tree-backup:4",
            "q-lambda:0.9",
            "sarsa-lambda:0.5",
        ] {
            let rule: RuleName = text.parse().unwrap();
            assert_eq!(rule.to_string(), text);
        }
        for text in [
            "",
            "Q",
            "q:1",
            "n-step-sarsa",
            "tree-backup:-1",
            "q-lambda:x",
        ] {
            assert!(text.parse::<RuleName>().is_err(), "{text}");
        }
    }
}

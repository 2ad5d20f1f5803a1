//! What a rule remembers from step to step, for those that learn from more than the last one.

use serde::{Deserialize, Serialize};

use super::traces::Traces;
use super::window::Window;
use crate::Rule;

/// Nothing for the rules that learn from a single step.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Memory<S> {
    #[default]
    Nothing,
    Window(Window<S>),
    Traces(Traces<S>),
}

impl<S> Memory<S> {
    /// What `rule` starts with.
    pub(crate) fn of(rule: Rule) -> Self {
        match rule {
            Rule::NStepSarsa { steps } | Rule::TreeBackup { steps, .. } => {
                Self::Window(Window::new(steps as usize))
            }
            Rule::WatkinsLambda { .. } | Rule::SarsaLambda { .. } => {
                Self::Traces(Traces::default())
            }
            Rule::QLearning | Rule::DoubleQ | Rule::Sarsa | Rule::ExpectedSarsa => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ActionId, Config, Dense, End, Learner, Mask, StateId, Target, Trace, Transition};

    fn rules() -> [Rule; 4] {
        let trace = Trace::Accumulating;
        let target = Target::Exploring;
        [
            Rule::NStepSarsa { steps: 4 },
            Rule::TreeBackup { steps: 4, target },
            Rule::WatkinsLambda { lambda: 1.0, trace },
            Rule::SarsaLambda { lambda: 1.0, trace },
        ]
    }

    fn step(end: End) -> Transition {
        Transition {
            next_action: Some(ActionId(0)),
            end,
            ..Transition::new(StateId(0), ActionId(0), 0.5, StateId(0), Mask::all(1))
        }
    }

    /// A learner in the middle of an episode.
    fn amid(rule: Rule) -> Learner {
        let config = Config {
            rule,
            ..Config::default()
        };
        let mut learner = Learner::new(Dense::new(1, 1, 0.0).unwrap(), config).unwrap();
        learner.observe(&step(End::Running)).unwrap();
        assert_ne!(learner.memory, Memory::of(rule));
        learner
    }

    #[test]
    fn nothing_is_remembered_past_an_end() {
        for rule in rules() {
            for end in [End::Terminated, End::Truncated] {
                let mut learner = amid(rule);
                learner.observe(&step(end)).unwrap();
                assert_eq!(learner.memory, Memory::of(rule), "{end:?}");
            }
            let mut learner = amid(rule);
            learner.finish().unwrap();
            assert_eq!(learner.memory, Memory::of(rule));
        }
    }

    #[test]
    fn to_finish_is_to_be_truncated_without_a_step() {
        for rule in &rules()[..2] {
            let mut open = amid(*rule);
            open.finish().unwrap();
            let config = *open.config();
            let mut ended = Learner::new(Dense::new(1, 1, 0.0).unwrap(), config).unwrap();
            ended.observe(&step(End::Truncated)).unwrap();
            assert_eq!(open.values(), ended.values());
            assert_eq!((open.steps(), open.episodes()), (1, 0));
            assert_eq!((ended.steps(), ended.episodes()), (1, 1));
        }
    }
}

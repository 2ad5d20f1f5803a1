//! Linear values in a checkpoint: their weights are a dense table.

use serde::{Deserialize, Serialize};

use super::{DenseForm, Persist};
use crate::values::{Dense, Linear, ShapeError};

/// Linear values as they are written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearForm {
    tilings: u32,
    weights: DenseForm,
}

impl Persist for Linear {
    type Form = LinearForm;

    fn form(&self) -> LinearForm {
        LinearForm {
            tilings: self.tilings(),
            weights: self.weights().form(),
        }
    }

    fn restore(form: LinearForm) -> Result<Self, ShapeError> {
        Self::learned(Dense::restore(form.weights)?, form.tilings)
    }

    fn cell_count(&self) -> usize {
        self.weights().cell_count()
    }

    fn same_shape(&self, other: &Self) -> bool {
        self.tilings() == other.tilings() && self.weights().same_shape(other.weights())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Agent, Config, Dimension, Learner, Mask, Rule, Save, TileCoder, Trace, Transition, below,
        unit,
    };

    const RULES: [Rule; 4] = [
        Rule::Sarsa,
        Rule::DoubleQ,
        Rule::NStepSarsa { steps: 5 },
        Rule::SarsaLambda {
            lambda: 0.9,
            trace: Trace::Dutch,
        },
    ];

    fn coder() -> TileCoder {
        let dimension = Dimension {
            from: 0.0,
            to: 1.0,
            tiles: 4,
        };
        TileCoder::new(8, &[dimension; 2]).unwrap()
    }

    fn fresh(rule: Rule) -> Agent<Linear> {
        let values = Linear::new(&coder(), 3, 0.1).unwrap();
        Agent::new(
            Learner::new(
                values,
                Config {
                    rule,
                    ..Config::default()
                },
            )
            .unwrap(),
            5,
            5,
        )
    }

    /// Walks at random, where the world's chance is the agent's.
    fn walk(agent: &mut Agent<Linear>, steps: u32) {
        let all = Mask::all(3);
        let mut at = coder().tiles(&[0.5, 0.5]).unwrap();
        let mut action = agent.decide(at, all).unwrap().action;
        for _ in 0..steps {
            let stream = &mut agent.stream;
            let next = coder().tiles(&[unit(stream), unit(stream)]).unwrap();
            let reward = f64::from(below(stream, 7)) / 7.0;
            let following = agent.decide(next, all).unwrap().action;
            let step = Transition::new(at, action, reward, next, all);
            agent
                .observe(&Transition {
                    next_action: Some(following),
                    ..step
                })
                .unwrap();
            (at, action) = (next, following);
        }
    }

    #[test]
    fn what_was_saved_goes_on_as_if_nothing_had_happened() {
        for rule in RULES {
            let mut agent = fresh(rule);
            walk(&mut agent, 100);
            let mut text = Vec::new();
            agent.save(&mut text).unwrap();
            let mut back = Agent::<Linear>::load(&text[..], 1 << 24).unwrap();
            assert_eq!(back, agent);
            walk(&mut agent, 100);
            walk(&mut back, 100);
            assert_eq!(back, agent, "{rule:?}");
        }
    }

    #[test]
    fn weights_that_no_coder_has_are_refused() {
        let form = Linear::new(&coder(), 3, 0.1).unwrap().form();
        assert!(Linear::restore(form.clone()).is_ok());
        for tilings in [0, 3, 16, 64, u32::MAX] {
            let refused = Linear::restore(LinearForm {
                tilings,
                ..form.clone()
            });
            assert_eq!(
                refused,
                Err(ShapeError::Tiles {
                    tiles: 8 * 25,
                    tilings
                })
            );
        }
    }
}

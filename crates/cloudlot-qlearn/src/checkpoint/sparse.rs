//! A sparse table in a checkpoint: the rows that it has, in the order of their first write.
//!
//! The order is kept, for it numbers the cells, and traces name cells.

use serde::{Deserialize, Serialize};

use super::Persist;
use super::hex::Packed;
use crate::StateId;
use crate::values::{ShapeError, Sparse, Values};

/// A sparse table as it is written: a state and two lines of bits for each row.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SparseForm {
    states: u32,
    actions: u16,
    initial: Packed<f64>,
    ids: Packed<u32>,
    values: Vec<Packed<f64>>,
    visits: Vec<Packed<u32>>,
}

impl Persist for Sparse {
    type Form = SparseForm;

    fn form(&self) -> SparseForm {
        SparseForm {
            states: u32::try_from(self.states()).unwrap_or(u32::MAX),
            actions: u16::try_from(self.actions()).unwrap_or(u16::MAX),
            initial: Packed(vec![self.initial()]),
            ids: Packed(self.ids().iter().map(|id| id.0).collect()),
            values: self
                .rows()
                .map(|(_, values, _)| Packed(values.to_vec()))
                .collect(),
            visits: self
                .rows()
                .map(|(_, _, visits)| Packed(visits.to_vec()))
                .collect(),
        }
    }

    fn restore(form: SparseForm) -> Result<Self, ShapeError> {
        let SparseForm {
            states,
            actions,
            initial,
            ids,
            values,
            visits,
        } = form;
        let (Packed(initial), Packed(ids)) = (initial, ids);
        let shape = (ids.len(), usize::from(actions));
        if initial.len() != 1 || values.len() != ids.len() {
            return Err(ShapeError::Values {
                found: (values.len(), initial.len()),
                shape,
            });
        }
        if visits.len() != ids.len() {
            return Err(ShapeError::Visits {
                found: (visits.len(), shape.1),
                shape,
            });
        }
        let mut table = Self::new(states as usize, usize::from(actions), initial[0])?;
        for (id, (values, visits)) in ids.into_iter().zip(values.iter().zip(&visits)) {
            table.push_row(StateId(id), &values.0, &visits.0)?;
        }
        Ok(table)
    }

    fn cell_count(&self) -> usize {
        self.ids().len() * self.actions()
    }

    fn same_shape(&self, other: &Self) -> bool {
        (self.states(), self.actions()) == (other.states(), other.actions())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ActionId, Agent, Config, Learner, Mask, Rule, Save, Target, Trace, Transition, below,
    };

    const RULES: [Rule; 5] = [
        Rule::QLearning,
        Rule::DoubleQ,
        Rule::TreeBackup {
            steps: 4,
            target: Target::Greedy,
        },
        Rule::WatkinsLambda {
            lambda: 0.8,
            trace: Trace::Replacing,
        },
        Rule::SarsaLambda {
            lambda: 0.9,
            trace: Trace::Dutch,
        },
    ];

    fn fresh(rule: Rule) -> Agent<Sparse> {
        let values = Sparse::new(1 << 30, 3, 0.1).unwrap();
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
    fn walk(agent: &mut Agent<Sparse>, steps: u32) {
        let all = Mask::all(3);
        let mut at = StateId(0);
        let mut action = agent.decide(at, all).unwrap().action;
        for _ in 0..steps {
            let next = StateId(below(&mut agent.stream, 700) * 1_000_003);
            let reward = f64::from(below(&mut agent.stream, 7)) / 7.0;
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
            walk(&mut agent, 1000);
            assert!(agent.learner.values().ids().len() > 256);
            let mut text = Vec::new();
            agent.save(&mut text).unwrap();
            let mut back = Agent::<Sparse>::load(&text[..], 1 << 24).unwrap();
            assert_eq!(back, agent);
            walk(&mut agent, 1000);
            walk(&mut back, 1000);
            assert_eq!(back, agent, "{rule:?}");
        }
    }

    #[test]
    fn values_past_any_reward_come_back() {
        let mut table = Sparse::new(9, 2, 0.0).unwrap();
        table.add(StateId(4), ActionId(1), 1e200);
        assert_eq!(Sparse::restore(table.form()).unwrap(), table);
    }

    #[test]
    fn a_form_that_no_table_gave_is_refused() {
        let mut table = Sparse::new(9, 2, 0.0).unwrap();
        table.visit(StateId(4), ActionId(0));
        table.visit(StateId(8), ActionId(1));
        let good = table.form();
        assert_eq!(Sparse::restore(good.clone()).unwrap(), table);
        let zeros = || Packed(vec![0.0; 2]);
        let bad = [
            SparseForm {
                ids: Packed(vec![4, 4]),
                ..good.clone()
            },
            SparseForm {
                ids: Packed(vec![4, 9]),
                ..good.clone()
            },
            SparseForm {
                ids: Packed(vec![4]),
                ..good.clone()
            },
            SparseForm {
                ids: Packed(vec![4, 8, 7]),
                ..good.clone()
            },
            SparseForm {
                visits: good.visits[..1].to_vec(),
                ..good.clone()
            },
            SparseForm {
                visits: vec![Packed(vec![0; 3]), Packed(vec![0; 1])],
                ..good.clone()
            },
            SparseForm {
                values: vec![zeros(), Packed(vec![0.0; 3])],
                ..good.clone()
            },
            SparseForm {
                values: vec![zeros(), Packed(vec![0.0, f64::NAN])],
                ..good.clone()
            },
            SparseForm {
                values: vec![zeros(), zeros(), zeros()],
                ..good.clone()
            },
            SparseForm {
                initial: Packed(vec![f64::INFINITY]),
                ..good.clone()
            },
            SparseForm {
                initial: Packed(vec![]),
                ..good.clone()
            },
            SparseForm {
                actions: 0,
                ..good.clone()
            },
            SparseForm {
                actions: 65,
                ..good.clone()
            },
            SparseForm {
                states: 0,
                ..good.clone()
            },
            SparseForm {
                states: 8,
                ..good.clone()
            },
        ];
        for form in bad {
            assert!(Sparse::restore(form.clone()).is_err(), "{form:?}");
        }
    }
}

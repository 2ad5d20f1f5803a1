//! One actor: where it is in its world, and what it saw in this round.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::ActorsConfig;
use crate::values::Values;
use crate::{ActionId, End, Environment, Mask, Policy, Refused, Stream, Transition};

/// Where an actor is between rounds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Place<S> {
    /// In a world that was never seeded.
    New,
    /// Between two episodes.
    Between,
    /// In the midst of one.
    Within {
        /// The state it saw last.
        state: S,
        /// What is allowed there.
        mask: Mask,
        /// What it will do there, if it has decided ahead.
        chosen: Option<Chosen>,
        /// How many steps of the episode it has taken.
        taken: u64,
    },
}

/// A decision to be carried out.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chosen {
    pub(crate) action: ActionId,
    pub(crate) probability: f64,
}

/// An actor with its chance.
#[derive(Clone, Debug)]
pub(crate) struct Seat<S> {
    pub(crate) stream: Stream,
    pub(crate) place: Place<S>,
    /// What it saw in this round, in order.
    pub(super) batch: Vec<Transition<S>>,
    /// Why it stopped after the batch.
    pub(super) refused: Option<Refused>,
}

impl<S: Copy> Seat<S> {
    pub(super) const fn new(stream: Stream) -> Self {
        Self::at(stream, Place::New)
    }

    pub(crate) const fn at(stream: Stream, place: Place<S>) -> Self {
        Self {
            stream,
            place,
            batch: Vec::new(),
            refused: None,
        }
    }

    /// Leaves its episode.
    pub(super) fn begin_anew(&mut self) {
        self.place = Place::Between;
        self.refused = None;
    }

    /// Acts for one round; where the policy refuses, the batch is shorter.
    pub(super) fn act<E, V>(
        &mut self,
        world: &mut E,
        policy: &Policy<V>,
        config: &ActorsConfig,
        ahead: bool,
    ) where
        E: Environment<State = S>,
        V: Values<State = S>,
    {
        self.batch.clear();
        for _ in 0..config.steps {
            if let Err(refused) = self.step(world, policy, config.episode_steps, ahead) {
                self.refused = Some(refused);
                break;
            }
        }
    }

    fn step<E, V>(
        &mut self,
        world: &mut E,
        policy: &Policy<V>,
        episode_steps: u64,
        ahead: bool,
    ) -> Result<(), Refused>
    where
        E: Environment<State = S>,
        V: Values<State = S>,
    {
        let (state, mask, chosen, taken) = self.stand(world);
        let chosen = match chosen {
            Some(chosen) => chosen,
            None => self.choose(policy, state, mask)?,
        };
        let outcome = world.step(chosen.action);
        let taken = taken + 1;
        let end = match outcome.end {
            End::Running if taken >= episode_steps => End::Truncated,
            end => end,
        };
        let following = if ahead && end != End::Terminated {
            Some(self.choose(policy, outcome.state, outcome.mask)?)
        } else {
            None
        };
        self.batch.push(Transition {
            state,
            mask,
            proposed: chosen.action,
            executed: chosen.action,
            probability: chosen.probability,
            reward: outcome.reward,
            next: outcome.state,
            next_mask: outcome.mask,
            next_action: following.map(|next| next.action),
            end,
            dt: outcome.dt,
        });
        self.place = if end == End::Running {
            Place::Within {
                state: outcome.state,
                mask: outcome.mask,
                chosen: following,
                taken,
            }
        } else {
            Place::Between
        };
        Ok(())
    }

    /// Where it stands, after entering its world if need be.
    fn stand<E>(&mut self, world: &mut E) -> (S, Mask, Option<Chosen>, u64)
    where
        E: Environment<State = S>,
    {
        let start = match self.place {
            Place::Within {
                state,
                mask,
                chosen,
                taken,
            } => return (state, mask, chosen, taken),
            Place::Between => world.reset(None),
            Place::New => world.reset(Some(self.stream.next_u64())),
        };
        (start.state, start.mask, None, 0)
    }

    fn choose<V>(&mut self, policy: &Policy<V>, state: S, mask: Mask) -> Result<Chosen, Refused>
    where
        V: Values<State = S>,
    {
        let decision = policy.decide(state, mask, &mut self.stream)?;
        Ok(Chosen {
            action: decision.action,
            probability: decision.probability,
        })
    }
}

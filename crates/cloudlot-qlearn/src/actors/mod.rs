//! Several actors feed one learner, and how many threads they share changes nothing.
//!
//! The number of actors is a setting. Work goes in rounds: every actor acts for some steps with the policy
//! published for the round and a stream of its own; the learner takes the batches in order of actors;
//! then it publishes. A batch ends like a log: the rules that look several steps ahead bootstrap there.
//! Threads only decide who computes a batch, never what is in it.

mod seat;

pub(crate) use seat::{Place, Seat};

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::values::{Dense, Values};
use crate::{Environment, Learner, Policy, Publisher, Reader, Refused};

/// How many act, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActorsConfig {
    /// How many actors there are, 1 to 65,536.
    pub actors: u32,
    /// How many steps each acts in a round, 1 to 2²⁴.
    pub steps: u32,
    /// After how many steps an episode is cut short; at least one.
    pub episode_steps: u64,
}

/// One learner and those who feed it. Worlds are the caller's.
///
/// ```
/// # use cloudlot_qlearn::*;
/// # use std::ops::ControlFlow;
/// /// One of two levers pays.
/// struct Levers;
/// impl Environment for Levers {
///     type State = StateId;
///     fn reset(&mut self, _: Option<u64>) -> Start {
///         Start { state: StateId(0), mask: Mask::all(2) }
///     }
///     fn step(&mut self, action: ActionId) -> Outcome {
///         let reward = f64::from(action.0);
///         Outcome { state: StateId(0), mask: Mask::all(2), reward, end: End::Terminated, dt: 1.0 }
///     }
/// }
/// let learner = Learner::new(Dense::new(1, 2, 0.0)?, Config::default())?;
/// let config = ActorsConfig { actors: 3, steps: 10, episode_steps: 100 };
/// let mut actors = Actors::new(learner, config, 7)?;
/// let mut reader = actors.reader();
/// actors.run(&mut [Levers, Levers, Levers], 5, 2, |_| ControlFlow::Continue(()))?;
/// assert_eq!(actors.learner().steps(), 3 * 10 * 5);
/// assert_eq!(reader.latest().best(StateId(0), Mask::all(2))?.action, ActionId(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Actors<V: Values = Dense> {
    pub(crate) config: ActorsConfig,
    pub(crate) learner: Learner<V>,
    pub(crate) rounds: u64,
    pub(crate) seats: Vec<Seat<V::State>>,
    publisher: Publisher<Policy<V>>,
}

/// How a round went.
#[derive(Debug)]
pub struct Round<'a, V: Values = Dense> {
    /// Its number, counted from zero.
    pub number: u64,
    /// How many steps were learned from.
    pub steps: u64,
    /// How many of them ended an episode.
    pub episodes: u64,
    /// The sum of their rewards.
    pub reward: f64,
    /// The learner after the round.
    pub learner: &'a Learner<V>,
    /// What was published at its end.
    pub policy: Arc<Policy<V>>,
}

/// Why actors cannot begin or go on.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActorsError {
    /// A number outside its range.
    #[error("the numbers of {0:?} leave their ranges")]
    Config(ActorsConfig),
    /// Not one world for each actor.
    #[error("{found} worlds for {actors} actors")]
    Worlds {
        /// How many were given.
        found: usize,
        /// How many actors there are.
        actors: u32,
    },
    /// A world showed what the learner refuses. All steps before this one, by round, actor and
    /// step, were learned from; what other actors saw in the round is lost, and whoever saw it begins anew.
    #[error("round {round}, actor {actor}, step {step}: {refused}")]
    Refused {
        /// In which round, counted from zero.
        round: u64,
        /// Which actor's world.
        actor: usize,
        /// Which step of that actor in that round.
        step: usize,
        /// Why.
        refused: Refused,
    },
}

impl ActorsConfig {
    /// Whether every number is in its range.
    ///
    /// # Errors
    /// Gives the settings back if one is not.
    pub fn check(&self) -> Result<(), ActorsError> {
        let legal = (1..=1 << 16).contains(&self.actors)
            && (1..=1 << 24).contains(&self.steps)
            && self.episode_steps > 0;
        legal.then_some(()).ok_or(ActorsError::Config(*self))
    }
}

impl<V: Values + Clone> Actors<V> {
    /// Actors that begin with a learner; their streams are those of the root seed.
    ///
    /// # Errors
    /// If a number of `config` is out of range.
    pub fn new(learner: Learner<V>, config: ActorsConfig, root: u64) -> Result<Self, ActorsError> {
        config.check()?;
        let seats = (0..config.actors)
            .map(|actor| Seat::new(crate::stream(root, u64::from(actor))))
            .collect();
        Ok(Self::going_on(config, learner, 0, seats))
    }

    pub(crate) fn going_on(
        config: ActorsConfig,
        learner: Learner<V>,
        rounds: u64,
        seats: Vec<Seat<V::State>>,
    ) -> Self {
        Self {
            publisher: Publisher::starting_at(rounds, learner.policy()),
            config,
            learner,
            rounds,
            seats,
        }
    }

    /// Acts and learns for at most `rounds` rounds, until `after_each` breaks.
    ///
    /// Worlds come in order of actors, and are where the last run left them. The first time, each is reset
    /// with a seed from its actor's stream. `threads` is how many compute at once; zero counts as one.
    ///
    /// # Errors
    /// If worlds are missing, or one shows what the learner refuses. The learner stands at the end of a
    /// round then, too, and can go on.
    pub fn run<E>(
        &mut self,
        worlds: &mut [E],
        rounds: u64,
        threads: usize,
        mut after_each: impl FnMut(&Round<'_, V>) -> ControlFlow<()>,
    ) -> Result<(), ActorsError>
    where
        E: Environment<State = V::State> + Send,
        V: Send + Sync,
        V::State: Send,
    {
        if worlds.len() != self.seats.len() {
            return Err(ActorsError::Worlds {
                found: worlds.len(),
                actors: self.config.actors,
            });
        }
        for _ in 0..rounds {
            self.act(worlds, threads);
            let before = (self.learner.steps(), self.learner.episodes());
            let learned = self.learn();
            let number = self.rounds;
            self.rounds += 1;
            self.publisher.publish(self.learner.policy());
            let round = Round {
                number,
                steps: self.learner.steps() - before.0,
                episodes: self.learner.episodes() - before.1,
                reward: learned?,
                learner: &self.learner,
                policy: self.publisher.current().1,
            };
            if after_each(&round).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Every actor fills its batch, a fixed share of them on each thread.
    fn act<E>(&mut self, worlds: &mut [E], threads: usize)
    where
        E: Environment<State = V::State> + Send,
        V: Send + Sync,
        V::State: Send,
    {
        let (_, policy) = self.publisher.current();
        let (policy, config) = (policy.as_ref(), self.config);
        let ahead = self.learner.config().rule.needs_next_action();
        let fill = |seats: &mut [Seat<V::State>], worlds: &mut [E]| {
            for (seat, world) in seats.iter_mut().zip(worlds) {
                seat.act(world, policy, &config, ahead);
            }
        };
        let share = self.seats.len().div_ceil(threads.max(1));
        let mut shares = self.seats.chunks_mut(share).zip(worlds.chunks_mut(share));
        let Some((own_seats, own_worlds)) = shares.next() else {
            return;
        };
        std::thread::scope(|scope| {
            for (seats, worlds) in shares {
                scope.spawn(move || fill(seats, worlds));
            }
            fill(own_seats, own_worlds);
        });
    }

    /// The learner takes all batches, in order of actors and steps; gives the sum of rewards.
    fn learn(&mut self) -> Result<f64, ActorsError> {
        let mut reward = 0.0;
        for actor in 0..self.seats.len() {
            if let Err((step, refused)) = self.learn_from(actor, &mut reward) {
                // What is left of the round was acted but will not be learned, and what was
                // learned leads nowhere. If that cannot be told either, the first reason stands.
                let _ = self.learner.finish();
                for seat in &mut self.seats[actor..] {
                    seat.begin_anew();
                }
                return Err(ActorsError::Refused {
                    round: self.rounds,
                    actor,
                    step,
                    refused,
                });
            }
        }
        Ok(reward)
    }

    fn learn_from(&mut self, actor: usize, reward: &mut f64) -> Result<(), (usize, Refused)> {
        let seat = &mut self.seats[actor];
        for (step, seen) in seat.batch.iter().enumerate() {
            self.learner.observe(seen).map_err(|why| (step, why))?;
            *reward += seen.reward;
        }
        // Rules that tell earlier steps would take the next actor's steps for this one's.
        let end = seat.batch.len();
        self.learner.finish().map_err(|why| (end, why))?;
        match seat.refused.take() {
            Some(why) => Err((end, why)),
            None => Ok(()),
        }
    }
}

impl<V: Values> Actors<V> {
    /// One who follows what is published. Its version is the number of rounds that were learned from.
    #[must_use]
    pub fn reader(&self) -> Reader<Policy<V>> {
        self.publisher.reader()
    }

    /// The learner, as it stands between rounds.
    #[must_use]
    pub const fn learner(&self) -> &Learner<V> {
        &self.learner
    }

    /// How many rounds there were.
    #[must_use]
    pub const fn rounds(&self) -> u64 {
        self.rounds
    }

    /// The settings.
    #[must_use]
    pub const fn config(&self) -> &ActorsConfig {
        &self.config
    }

    /// Lets go of the actors.
    #[must_use]
    pub fn into_learner(self) -> Learner<V> {
        self.learner
    }

    /// Worlds are new, not where they were: every actor begins an episode, with a fresh seed for its world.
    pub fn enter_new_worlds(&mut self) {
        for seat in &mut self.seats {
            seat.place = Place::New;
        }
    }
}

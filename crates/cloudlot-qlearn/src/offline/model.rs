//! A model counted from a log, to be solved rather than learned from.

use std::collections::BTreeMap;

use super::Log;
use super::bound::count;
use super::target::shape;
use crate::exact::{Branch, Model, ModelError};
use crate::{ActionId, End, StateId};

/// Why a log gives no model.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CountError {
    /// A step of another length than one: a model knows no durations.
    #[error("episode {episode}, step {step}: a duration of {dt:?}, and a model has only 1")]
    Duration {
        /// The episode.
        episode: usize,
        /// The step in its episode.
        step: usize,
        /// How long it took.
        dt: f64,
    },
    /// What was counted is no model.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// The world as the log shows it: where each action led how often, and its mean reward there.
///
/// An action is legal in a state where it was done `least` times or more, so that its solution never
/// relies on less; a state without such an action is terminal, worth nothing. A truncated step goes on where it
/// led. Masks of the log are not looked at: what was never allowed was never done.
///
/// ```
/// # use cloudlot_qlearn::{ActionId, End, Mask, StateId, Transition};
/// # use cloudlot_qlearn::exact::{Policy, value_iteration};
/// # use cloudlot_qlearn::offline::{Header, Log, TargetPolicy, counted};
/// let tried = |action: u16, reward: f64| Transition {
///     end: End::Terminated,
///     ..Transition::new(StateId(0), ActionId(action), reward, StateId(0), Mask::all(2))
/// };
/// let log = Log::new(Header::new(1, 2, 0.9)?, [tried(0, 1.0), tried(1, 0.0), tried(1, 3.0)])?;
/// let model = counted(&log, 1)?;
/// let solution = value_iteration(&model, log.header().discount(), 1e-12, 10_000)?;
/// assert_eq!(solution.values[0], 1.5);
/// let target = TargetPolicy::from(&Policy::greedy(&model, &solution.q)?);
/// assert_eq!(target.probability(StateId(0), Mask::all(2), ActionId(1)), 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A step of another length than one; no episode, or one that begins where nothing was done `least` times; or
/// more cells than a model may have.
pub fn counted(log: &Log, least: usize) -> Result<Model, CountError> {
    let header = log.header();
    let (states, actions) = shape(header);
    // A log may speak of more states than fit in memory.
    if states > Model::CELLS_MAX / actions {
        return Err(ModelError::States { states, actions }.into());
    }
    let mut builder = Model::builder(header.states(), header.actions());
    let mut known = vec![false; states];
    for ((state, action), pair) in pairs(log)? {
        let times: usize = pair.values().map(|seen| seen.times).sum();
        if times < least {
            continue;
        }
        known[state.index()] = true;
        for ((next, terminated), seen) in pair {
            let branch = Branch {
                probability: count(seen.times) / count(times),
                next,
                reward: seen.reward / count(seen.times),
                terminated,
            };
            builder.branch(state, action, branch);
        }
    }
    for state in (0..header.states()).map(StateId) {
        if !known[state.index()] {
            builder.terminal(state);
        }
    }
    for (state, times) in starts(log) {
        builder.start(state, count(times) / count(log.episodes().len()));
    }
    Ok(builder.build()?)
}

/// What was done, and where it led, past an end or not.
type Pairs = BTreeMap<(StateId, ActionId), BTreeMap<(StateId, bool), Seen>>;

#[derive(Default)]
struct Seen {
    times: usize,
    reward: f64,
}

fn pairs(log: &Log) -> Result<Pairs, CountError> {
    let mut pairs = Pairs::new();
    for (episode, steps) in log.episodes().enumerate() {
        for (step, transition) in steps.iter().enumerate() {
            #[expect(clippy::float_cmp, reason = "a unit step is written as exactly one")]
            if transition.dt != 1.0 {
                let dt = transition.dt;
                return Err(CountError::Duration { episode, step, dt });
            }
            let seen = pairs
                .entry((transition.state, transition.executed))
                .or_default()
                .entry((transition.next, transition.end == End::Terminated))
                .or_default();
            seen.times += 1;
            seen.reward += transition.reward;
        }
    }
    Ok(pairs)
}

fn starts(log: &Log) -> BTreeMap<StateId, usize> {
    let mut starts = BTreeMap::new();
    for step in log.episodes().filter_map(<[_]>::first) {
        *starts.entry(step.state).or_default() += 1;
    }
    starts
}

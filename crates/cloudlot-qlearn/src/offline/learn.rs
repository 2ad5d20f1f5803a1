//! Learning from a log, before or instead of acting.

use serde::Serialize;

use super::Log;
use super::bound::count;
use crate::{End, Learner, Refused, StateId, Transition, Values};

/// What learning from a log did.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Learned {
    /// How many steps were learned from, over all passes.
    pub steps: u64,
    /// The mean size of the errors that were corrected, one number a pass: flat where more passes teach
    /// nothing more.
    pub errors: Vec<f64>,
}

/// A step that the learner refused; what came before it is learned.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[error("pass {pass}, episode {episode}, step {step}: {refused}")]
pub struct LearnError {
    /// The pass, counted from zero.
    pub pass: u32,
    /// The episode.
    pub episode: usize,
    /// The step in its episode.
    pub step: usize,
    /// The learner's words.
    pub refused: Refused,
}

/// Shows all steps of `log` to `learner`, in their order, `passes` times.
///
/// Rules that learn from the next action are told the one that was done, where the log does not name it: they
/// learn what the behaviour is worth. The others learn what they would do themselves.
///
/// ```
/// # use cloudlot_qlearn::{ActionId, Config, Dense, End, Learner, Mask, StateId, Transition};
/// # use cloudlot_qlearn::offline::{Header, Log, TargetPolicy, learn};
/// let (state, mask) = (StateId(0), Mask::all(2));
/// let tried = |action: u16| Transition {
///     end: End::Terminated,
///     ..Transition::new(state, ActionId(action), f64::from(action), state, mask)
/// };
/// let log = Log::new(Header::new(1, 2, 1.0)?, [tried(0), tried(1)])?;
/// let mut learner = Learner::new(Dense::new(1, 2, 0.0)?, Config::default())?;
/// let learned = learn(&mut learner, &log, 10)?;
/// assert_eq!(learned.steps, 20);
/// assert_eq!(TargetPolicy::frozen(&learner).probability(state, mask, ActionId(1)), 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The first step that the learner refuses.
pub fn learn<V: Values<State = StateId>>(
    learner: &mut Learner<V>,
    log: &Log,
    passes: u32,
) -> Result<Learned, LearnError> {
    let mut learned = Learned {
        steps: 0,
        errors: Vec::new(),
    };
    for pass in 0..passes {
        let mut sum = 0.0;
        for (episode, steps) in log.episodes().enumerate() {
            for step in 0..steps.len() {
                let update = learner
                    .observe(&told(steps, step))
                    .map_err(|refused| LearnError {
                        pass,
                        episode,
                        step,
                        refused,
                    })?;
                sum += update.td_error.abs();
                learned.steps += 1;
            }
        }
        learned.errors.push(sum / count(log.steps().len().max(1)));
    }
    Ok(learned)
}

/// A step with the action that followed it.
fn told(steps: &[Transition], step: usize) -> Transition {
    let here = steps[step];
    let following = match here.end {
        End::Running => steps.get(step + 1).map(|next| next.executed),
        End::Terminated | End::Truncated => None,
    };
    Transition {
        next_action: here.next_action.or(following),
        ..here
    }
}

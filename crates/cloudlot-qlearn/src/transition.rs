//! What happened: one step of an agent in its world, told in full.

use serde::{Deserialize, Serialize};

use crate::{ActionId, Mask, StateId};

/// How a step left its episode.
///
/// The third value matters: a time limit, a redeploy or a lost log cuts an episode short, but the
/// world would have gone on, so the value of the next state still counts.
/// Source: Pardo et al., "Time Limits in Reinforcement Learning" (2018).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The episode goes on.
    #[default]
    Running,
    /// The world ended: nothing comes after, so there is no bootstrap.
    Terminated,
    /// Somebody stopped looking: bootstrap, then begin anew.
    Truncated,
}

/// One step, with all that learning from it, or judging it later, needs.
///
/// `S` is how a state is named: [`StateId`] for tables.
/// ```
/// # use cloudlot_qlearn::{ActionId, End, Mask, StateId, Transition};
/// let step = Transition {
///     end: End::Truncated,
///     ..Transition::new(StateId(0), ActionId(2), 0.5, StateId(5), Mask::all(3))
/// };
/// assert_eq!(step.executed, ActionId(2));
/// ```
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition<S = StateId> {
    /// Where the step began.
    pub state: S,
    /// What was allowed there.
    pub mask: Mask,
    /// What the learner wanted.
    pub proposed: ActionId,
    /// What was done; learning is about this one.
    pub executed: ActionId,
    /// How likely the behaviour was to do `executed` here, in (0, 1].
    pub probability: f64,
    /// What came of it; finite, at most [`Transition::REWARD_MAX`] in size.
    pub reward: f64,
    /// Where the step led; given at every end.
    pub next: S,
    /// What is allowed there; not looked at after a terminated end.
    pub next_mask: Mask,
    /// What is done there, for the rules that learn from it (SARSA and its kin).
    pub next_action: Option<ActionId>,
    /// How the step left the episode.
    pub end: End,
    /// How long the step took, in units of the base interval: the next value is discounted by
    /// `discount^dt`. Above zero.
    pub dt: f64,
}

impl<S> Transition<S> {
    /// The largest reward that is believed, in size: sums of values stay finite below it.
    pub const REWARD_MAX: f64 = 1e150;

    /// A step of unit length in a running episode, with the same `mask` on both sides, done as
    /// proposed and with certainty.
    #[must_use]
    pub const fn new(state: S, action: ActionId, reward: f64, next: S, mask: Mask) -> Self {
        Self {
            state,
            mask,
            proposed: action,
            executed: action,
            probability: 1.0,
            reward,
            next,
            next_mask: mask,
            next_action: None,
            end: End::Running,
            dt: 1.0,
        }
    }

    /// Whether the step took one base interval; compared as bits, which is one comparison.
    #[inline]
    pub(crate) const fn is_unit(&self) -> bool {
        self.dt.to_bits() == 1.0_f64.to_bits()
    }

    /// Whether the probability lies in (0, 1]; positive doubles are ordered as their bits are, so this
    /// takes one comparison.
    #[inline]
    pub(crate) const fn is_probable(&self) -> bool {
        self.probability.to_bits().wrapping_sub(1) < 1.0_f64.to_bits()
    }

    /// Whether the reward, and an error that came of it, are numbers of a believable size.
    #[inline]
    pub(crate) fn is_believed_with(&self, td_error: f64) -> bool {
        let (reward, error) = (self.reward.abs(), td_error.abs());
        // A reward that is no number fails the comparison, and then the error is none either.
        let larger = if reward > error { reward } else { error };
        larger <= Self::REWARD_MAX
    }
}

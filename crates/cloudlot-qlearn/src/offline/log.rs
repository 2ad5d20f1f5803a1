//! A log: whole episodes of steps that were really taken, checked once.
//!
//! What is done with a log, and how it lies in a file, is left to the files beside this one.

use serde::{Deserialize, Serialize};

use crate::{ACTIONS_MAX, ActionId, End, Mask, StateId, Transition};

/// What all steps of a log have in common.
///
/// ```
/// # use cloudlot_qlearn::offline::{Header, HeaderError};
/// assert_eq!(Header::new(7, 3, 0.9)?.actions(), 3);
/// assert_eq!(Header::new(7, 65, 0.9), Err(HeaderError::Actions(65)));
/// # Ok::<(), HeaderError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Header {
    version: u32,
    states: u32,
    actions: u16,
    discount: f64,
}

impl Header {
    /// The version of the files that are written, and the only one that is read.
    pub const VERSION: u32 = 1;

    /// States 0 to `states - 1`, actions 0 to `actions - 1`, and the discount of one unit of time.
    ///
    /// # Errors
    /// No state, no action or more than [`ACTIONS_MAX`], or a discount outside (0, 1].
    pub fn new(states: u32, actions: u16, discount: f64) -> Result<Self, HeaderError> {
        if states == 0 {
            return Err(HeaderError::States);
        }
        if !(1..=ACTIONS_MAX).contains(&usize::from(actions)) {
            return Err(HeaderError::Actions(actions));
        }
        if !(discount > 0.0 && discount <= 1.0) {
            return Err(HeaderError::Discount(discount));
        }
        Ok(Self {
            version: Self::VERSION,
            states,
            actions,
            discount,
        })
    }

    /// How many states there are.
    #[must_use]
    pub const fn states(&self) -> u32 {
        self.states
    }

    /// How many actions there are.
    #[must_use]
    pub const fn actions(&self) -> u16 {
        self.actions
    }

    /// The discount of one unit of time.
    #[must_use]
    pub const fn discount(&self) -> f64 {
        self.discount
    }

    /// The discount of a step that took `dt` units of time.
    pub(super) fn discount_over(&self, dt: f64) -> f64 {
        #[expect(clippy::float_cmp, reason = "a unit step is written as exactly one")]
        if dt == 1.0 {
            self.discount
        } else {
            libm::pow(self.discount, dt)
        }
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Fields that are not known are passed over, so that a later version is told as such.
        #[derive(Deserialize)]
        struct Raw {
            version: u32,
            states: u32,
            actions: u16,
            discount: f64,
        }
        let raw = Raw::deserialize(deserializer)?;
        if raw.version != Self::VERSION {
            return Err(serde::de::Error::custom(HeaderError::Version(raw.version)));
        }
        Self::new(raw.states, raw.actions, raw.discount).map_err(serde::de::Error::custom)
    }
}

/// Why there is no such header.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// A file of another version.
    #[error("version {0} is not known, only {known}", known = Header::VERSION)]
    Version(u32),
    /// There is no state.
    #[error("no state")]
    States,
    /// Too many actions, or none.
    #[error("{0} actions, not 1 to {ACTIONS_MAX}")]
    Actions(u16),
    /// The discount is not in (0, 1].
    #[error("a discount of {0:?}, not in (0, 1]")]
    Discount(f64),
}

/// Episodes that were logged: every step is legal, follows from the one before it, and only the last
/// step of an episode ends it.
///
/// ```
/// # use cloudlot_qlearn::offline::{Header, Log};
/// # use cloudlot_qlearn::{ActionId, End, Mask, StateId, Transition};
/// let (here, there, mask) = (StateId(0), StateId(1), Mask::all(2));
/// let log = Log::new(
///     Header::new(2, 2, 0.9)?,
///     [
///         Transition { probability: 0.5, ..Transition::new(here, ActionId(1), 2.0, there, mask) },
///         Transition { end: End::Terminated, ..Transition::new(there, ActionId(0), 1.0, here, mask) },
///     ],
/// )?;
/// assert_eq!(log.episodes().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Log {
    header: Header,
    steps: Vec<Transition>,
    /// Where each episode ends, one past its last step.
    ends: Vec<usize>,
}

impl Log {
    /// The log of `steps`, episode after episode.
    ///
    /// # Errors
    /// The first step that is not legal or does not follow, or an episode without an end.
    pub fn new(
        header: Header,
        steps: impl IntoIterator<Item = Transition>,
    ) -> Result<Self, LogError> {
        let mut check = Check::new(header);
        let mut log = Self::empty(header);
        for step in steps {
            check.admit(&step)?;
            log.push(step);
        }
        check.close()?;
        Ok(log)
    }

    pub(super) const fn empty(header: Header) -> Self {
        Self {
            header,
            steps: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Takes a step that was checked.
    pub(super) fn push(&mut self, step: Transition) {
        self.steps.push(step);
        if step.end != End::Running {
            self.ends.push(self.steps.len());
        }
    }

    /// What all steps have in common.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// All steps, episode after episode.
    #[must_use]
    pub fn steps(&self) -> &[Transition] {
        &self.steps
    }

    /// The episodes in the order of the log; none is empty.
    pub fn episodes(&self) -> impl ExactSizeIterator<Item = &[Transition]> {
        self.ranges().map(|range| &self.steps[range])
    }

    /// Where the steps of each episode lie among all steps.
    pub(super) fn ranges(&self) -> impl ExactSizeIterator<Item = std::ops::Range<usize>> {
        let starts = |episode: usize| episode.checked_sub(1).map_or(0, |before| self.ends[before]);
        (0..self.ends.len()).map(move |episode| starts(episode)..self.ends[episode])
    }

    /// The episodes whose number is kept, to fit on one part and to judge on another.
    ///
    /// Source: Jiang and Li (2016) fit and judge on separate parts: a fit on the judged episodes
    /// themselves would be biased.
    #[must_use]
    pub fn select(&self, mut keep: impl FnMut(usize) -> bool) -> Self {
        let mut part = Self::empty(self.header);
        for (episode, steps) in self.episodes().enumerate() {
            if keep(episode) {
                steps.iter().for_each(|step| part.push(*step));
            }
        }
        part
    }
}

/// What is wrong with a log, and where; both count from zero.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[error("episode {episode}, step {step}: {fault}")]
pub struct LogError {
    /// The episode.
    pub episode: usize,
    /// The step in its episode.
    pub step: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What can be wrong with a step.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is no such state.
    #[error("state {} of {states}", .state.0)]
    State {
        /// What the step says.
        state: StateId,
        /// How many there are.
        states: u32,
    },
    /// There is no such action.
    #[error("action {} of {actions}", .action.0)]
    Action {
        /// What the step says.
        action: ActionId,
        /// How many there are.
        actions: u16,
    },
    /// A mask allows an action that does not exist.
    #[error("mask {bits:#b} for {actions} actions")]
    Mask {
        /// The mask.
        bits: u64,
        /// How many actions there are.
        actions: u16,
    },
    /// The action was not allowed.
    #[error("action {} is not allowed", .0.0)]
    Forbidden(ActionId),
    /// No probability of something that happened.
    #[error("probability {0:?}, not in (0, 1]")]
    Probability(f64),
    /// The reward is not finite, or larger than [`Transition::REWARD_MAX`].
    #[error("reward {0:?}")]
    Reward(f64),
    /// The duration is not finite, or not above zero.
    #[error("duration {0:?}")]
    Duration(f64),
    /// The step does not begin where the one before it led.
    #[error("begins in state {} where the last step led to {}", .found.0, .expected.0)]
    Gap {
        /// Where the last step led.
        expected: StateId,
        /// Where this one begins.
        found: StateId,
    },
    /// The log stops inside an episode; this is the step that is missing.
    #[error("the episode has no end")]
    Unfinished,
}

/// The rules of a log, one step at a time: for logs in memory, and for both directions of a file.
#[derive(Clone, Debug)]
pub(super) struct Check {
    header: Header,
    episode: usize,
    step: usize,
    /// Where the running episode stands.
    at: Option<StateId>,
}

impl Check {
    pub(super) const fn new(header: Header) -> Self {
        Self {
            header,
            episode: 0,
            step: 0,
            at: None,
        }
    }

    /// Whether `step` may follow; if not, nothing changes.
    pub(super) fn admit(&mut self, step: &Transition) -> Result<(), LogError> {
        self.legal(step)
            .and_then(|()| self.joins(step))
            .map_err(|fault| self.error(fault))?;
        if step.end == End::Running {
            self.step += 1;
            self.at = Some(step.next);
        } else {
            self.episode += 1;
            self.step = 0;
            self.at = None;
        }
        Ok(())
    }

    /// Whether the log may stop here.
    pub(super) fn close(&self) -> Result<(), LogError> {
        self.at
            .map_or(Ok(()), |_| Err(self.error(Fault::Unfinished)))
    }

    const fn error(&self, fault: Fault) -> LogError {
        LogError {
            episode: self.episode,
            step: self.step,
            fault,
        }
    }

    fn joins(&self, step: &Transition) -> Result<(), Fault> {
        match self.at {
            Some(expected) if expected != step.state => Err(Fault::Gap {
                expected,
                found: step.state,
            }),
            _ => Ok(()),
        }
    }

    fn legal(&self, step: &Transition) -> Result<(), Fault> {
        self.state(step.state)?;
        self.state(step.next)?;
        self.mask(step.mask)?;
        self.action(step.proposed)?;
        self.action(step.executed)?;
        if !step.mask.allows(step.executed) {
            return Err(Fault::Forbidden(step.executed));
        }
        // Nothing is done after a terminated end, whatever is written there.
        if step.end != End::Terminated {
            self.mask(step.next_mask)?;
            if let Some(action) = step.next_action {
                self.action(action)?;
                if !step.next_mask.allows(action) {
                    return Err(Fault::Forbidden(action));
                }
            }
        }
        if !(step.probability > 0.0 && step.probability <= 1.0) {
            return Err(Fault::Probability(step.probability));
        }
        if !(0.0..=Transition::<StateId>::REWARD_MAX).contains(&step.reward.abs()) {
            return Err(Fault::Reward(step.reward));
        }
        if !(step.dt > 0.0 && step.dt.is_finite()) {
            return Err(Fault::Duration(step.dt));
        }
        Ok(())
    }

    const fn state(&self, state: StateId) -> Result<(), Fault> {
        let states = self.header.states;
        if state.0 < states {
            Ok(())
        } else {
            Err(Fault::State { state, states })
        }
    }

    const fn action(&self, action: ActionId) -> Result<(), Fault> {
        let actions = self.header.actions;
        if action.0 < actions {
            Ok(())
        } else {
            Err(Fault::Action { action, actions })
        }
    }

    fn mask(&self, mask: Mask) -> Result<(), Fault> {
        let actions = self.header.actions;
        if mask.and(Mask::all(usize::from(actions))) == mask {
            Ok(())
        } else {
            Err(Fault::Mask {
                bits: mask.bits(),
                actions,
            })
        }
    }
}

//! What goes wrong in a world, and how often.

use std::time::Duration;

use cloudlot_core::Timestamp;

use crate::FunctionId;
use crate::start::{Delay, DelayError};

/// What goes wrong. Shares are of 1; each fault draws from a stream of its own, so that changing one does not change when another strikes
/// the n-th start or run of a function.
/// ```
/// use cloudlot_serverless::sim::Faults;
/// use std::time::Duration;
///
/// let faults = Faults {
///     failed_runs: 0.01,
///     instance_life: Some(Duration::from_secs(3_600)),
///     ..Faults::NONE
/// };
/// assert_eq!(faults.check(), Ok(()));
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Faults {
    /// The share of starts that fail, at their end.
    pub failed_starts: f64,
    /// The share of preparations of code that come to nothing.
    pub failed_preparations: f64,
    /// Times in which every start of a function fails.
    pub crash_loops: Vec<CrashLoop>,
    /// The share of starts that are slow.
    pub slow_starts: f64,
    /// How many times longer each part of a slow start takes.
    pub slow_factor: f64,
    /// Times in which every start is slow.
    pub slow_spells: Vec<SlowSpell>,
    /// The share of attempts that end with an error.
    pub failed_runs: f64,
    /// How long an instance lives on average, in whatever state, until it is lost; exponential. Nothing: none is lost.
    pub instance_life: Option<Duration>,
    /// How long it takes to stop an instance.
    pub stops: Delay,
    /// The share of stops that never end, unless the instance is killed.
    pub stuck_stops: f64,
    /// The share of kills that do nothing. The others take no time.
    pub failed_kills: f64,
    /// The share of checks that an instance does not answer.
    pub silent_checks: f64,
    /// The share of checks that it answers with a no.
    pub unwell: f64,
    /// The share of attempts whose end is reported even when their instance was stopped or lost before.
    pub ghosts: f64,
    /// The share of reports that come twice; the second one even when the first does not come.
    pub repeated: f64,
    /// How long after the first.
    pub repeated_after: Delay,
}

/// A time in which a function's starts fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CrashLoop {
    /// Whose.
    pub function: FunctionId,
    /// Of starts that begin then or later.
    pub from: Timestamp,
    /// And before this.
    pub until: Timestamp,
}

/// A time in which starts are slow.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SlowSpell {
    /// Of starts that begin then or later.
    pub from: Timestamp,
    /// And before this.
    pub until: Timestamp,
    /// How many times longer each part takes; on top of [`Faults::slow_factor`].
    pub factor: f64,
}

/// Why faults are none.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum FaultError {
    /// Not a share.
    #[error("a share of {share} for {of} is not between 0 and 1")]
    Share {
        /// Of what.
        of: &'static str,
        /// The number.
        share: f64,
    },
    /// Not a factor.
    #[error("a factor of {0} is not between 1 and 1000000")]
    Factor(f64),
    /// A time that ends before it begins.
    #[error("a time from {from:?} ends before, at {until:?}")]
    Backwards {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// Instances that live for no time.
    #[error("instances that live for no time never run")]
    NoLife,
    /// A time that is no distribution.
    #[error("the time for {of}: {wrong}")]
    Delay {
        /// Of what.
        of: &'static str,
        /// What is wrong with it.
        wrong: DelayError,
    },
}

impl Faults {
    /// Nothing goes wrong, and stops take no time.
    pub const NONE: Self = Self {
        failed_starts: 0.0,
        failed_preparations: 0.0,
        crash_loops: Vec::new(),
        slow_starts: 0.0,
        slow_factor: 10.0,
        slow_spells: Vec::new(),
        failed_runs: 0.0,
        instance_life: None,
        stops: Delay::NONE,
        stuck_stops: 0.0,
        failed_kills: 0.0,
        silent_checks: 0.0,
        unwell: 0.0,
        ghosts: 0.0,
        repeated: 0.0,
        repeated_after: Delay::NONE,
    };

    /// Says what is wrong with them.
    ///
    /// # Errors
    /// If a share, a factor, a time or an order of times is not legal; the first that is found.
    pub fn check(&self) -> Result<(), FaultError> {
        let shares = [
            ("failed starts", self.failed_starts),
            ("failed preparations", self.failed_preparations),
            ("slow starts", self.slow_starts),
            ("failed runs", self.failed_runs),
            ("stuck stops", self.stuck_stops),
            ("failed kills", self.failed_kills),
            ("silent checks", self.silent_checks),
            ("bad checks", self.silent_checks + self.unwell),
            ("instances that are not well", self.unwell),
            ("ghosts", self.ghosts),
            ("repeated reports", self.repeated),
        ];
        for (of, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return Err(FaultError::Share { of, share });
            }
        }
        let spells = self.slow_spells.iter();
        let factors = std::iter::once(self.slow_factor).chain(spells.clone().map(|it| it.factor));
        if let Some(factor) = factors.into_iter().find(|it| !(1.0..=1e6).contains(it)) {
            return Err(FaultError::Factor(factor));
        }
        let loops = self.crash_loops.iter().map(|it| (it.from, it.until));
        let mut times = loops.chain(spells.map(|it| (it.from, it.until)));
        if let Some((from, until)) = times.find(|(from, until)| from > until) {
            return Err(FaultError::Backwards { from, until });
        }
        if self.instance_life.is_some_and(|life| life.is_zero()) {
            return Err(FaultError::NoLife);
        }
        for (of, delay) in [("stops", &self.stops), ("repeats", &self.repeated_after)] {
            delay
                .check()
                .map_err(|wrong| FaultError::Delay { of, wrong })?;
        }
        Ok(())
    }

    /// Whether a start of this function that begins now is in a crash loop.
    pub(super) fn crashes(&self, function: FunctionId, now: Timestamp) -> bool {
        let holds = |it: &CrashLoop| it.function == function && (it.from..it.until).contains(&now);
        self.crash_loops.iter().any(holds)
    }

    /// How many times longer a start takes that begins now; the product of all spells.
    pub(super) fn spell(&self, now: Timestamp) -> f64 {
        let now = self
            .slow_spells
            .iter()
            .filter(|it| (it.from..it.until).contains(&now));
        now.map(|it| it.factor).product()
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::NONE
    }
}

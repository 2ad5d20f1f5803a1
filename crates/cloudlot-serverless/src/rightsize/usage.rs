//! What one call used, and under which limits.

use std::fmt;
use std::time::Duration;

use cloudlot_core::{Bytes, Timestamp};

use crate::FunctionId;

/// How much an instance may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// Memory.
    pub memory: Bytes,
    /// Processor time, in thousandths of a core.
    pub millicores: u64,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {} millicores", self.memory, self.millicores)
    }
}

/// What one call used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Whose call.
    pub function: FunctionId,
    /// When it ended.
    pub at: Timestamp,
    /// The most memory that it held.
    pub peak: Bytes,
    /// The processor time that it took, of all its threads.
    pub cpu: Duration,
    /// From its start to its end.
    pub wall: Duration,
    /// How it ended.
    pub fate: Fate,
    /// What its instance might have.
    pub size: Size,
}

/// How a call ended, as far as its size may be the cause.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Fate {
    /// By itself.
    #[default]
    Finished,
    /// It wanted more memory than there was.
    OutOfMemory,
    /// It ran for too long.
    TimedOut,
}

/// Why a usage is not learned from.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UsageError {
    /// The function's number is higher than those that are watched.
    #[error("{function} is not among the {functions} functions that are watched")]
    Function {
        /// Which.
        function: FunctionId,
        /// How many are watched.
        functions: u32,
    },
    /// More cores than any machine has: a wrong unit, as a rule.
    #[error("{cpu:?} of processor time in {wall:?} are more than 4096 cores")]
    Cores {
        /// The processor time.
        cpu: Duration,
        /// In which it was taken.
        wall: Duration,
    },
    /// More memory than any machine has.
    #[error("a peak of {0} is more than 1 PiB")]
    Memory(Bytes),
}

const MOST_CORES: u128 = 4096;
const MOST_MEMORY: u64 = 1 << 50;

impl Usage {
    /// The cores that it used on average, in thousandths; nothing for a call that took no time.
    /// ```
    /// # use cloudlot_core::{Bytes, Timestamp};
    /// # use cloudlot_serverless::{FunctionId, rightsize::{Fate, Size, Usage}};
    /// # use std::time::Duration;
    /// let usage = Usage {
    ///     function: FunctionId::new(0),
    ///     at: Timestamp::ZERO,
    ///     peak: Bytes::mib(90),
    ///     cpu: Duration::from_millis(150),
    ///     wall: Duration::from_millis(600),
    ///     fate: Fate::Finished,
    ///     size: Size { memory: Bytes::mib(128), millicores: 500 },
    /// };
    /// assert_eq!(usage.millicores(), Some(250.0));
    /// assert!(!usage.throttled());
    /// ```
    #[must_use]
    pub fn millicores(&self) -> Option<f64> {
        (!self.wall.is_zero()).then(|| self.cpu.as_secs_f64() / self.wall.as_secs_f64() * 1e3)
    }

    /// Whether it ran for too long with all the processor time that it might have: within 5 %, as clocks differ.
    #[must_use]
    pub fn throttled(&self) -> bool {
        let all = self.size.millicores as f64 * 0.95;
        self.fate == Fate::TimedOut && self.millicores().is_some_and(|used| used >= all)
    }

    pub(super) fn check(&self, functions: u32) -> Result<(), UsageError> {
        if self.function.number() >= functions {
            let function = self.function;
            return Err(UsageError::Function {
                function,
                functions,
            });
        }
        let (cpu, wall) = (self.cpu, self.wall);
        if cpu.as_nanos() > wall.as_nanos().saturating_mul(MOST_CORES) {
            return Err(UsageError::Cores { cpu, wall });
        }
        if self.peak.get() > MOST_MEMORY {
            return Err(UsageError::Memory(self.peak));
        }
        Ok(())
    }
}

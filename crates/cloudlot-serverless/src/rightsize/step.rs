//! The step rule of the reference system, as it was meant: a baseline.
//!
//! It moves each amount by a part of how far utilisation and performance are off their targets. It looks at means, so it takes memory
//! away that the larger calls need, and it never arrives where the step is cut by volatility. Measured beside [`Optimiser`](super::Optimiser).

/// How fast amounts follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// A tenth of the way.
    Conservative,
    /// A fifth.
    Balanced,
    /// Three tenths.
    Aggressive,
}

/// The four resources of the rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Four {
    /// Cores, 0.1 to 4.
    Cpu,
    /// MiB, 128 to 8192.
    Memory,
    /// Disk transfer, 10 to 1000.
    Io,
    /// Network transfer, 10 to 1000.
    Network,
}

/// The rule: its pace, and what it aims at.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StepRule {
    /// How fast.
    pub pace: Pace,
    /// The utilisation that is best, above zero.
    pub utilisation: f64,
    /// The performance that is best, above zero; a response time, for one.
    pub performance: f64,
}

/// Amounts of all four, in the units of [`Four`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Allocation {
    /// Cores.
    pub cpu: f64,
    /// MiB.
    pub memory: f64,
    /// Disk transfer.
    pub io: f64,
    /// Network transfer.
    pub network: f64,
}

/// Amounts that do not go together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conflict {
    /// More cores than MiB.
    CpuByMemory,
    /// More than ten times as much disk transfer as cores.
    IoByCpu,
}

/// A number that the rule cannot use: not finite, negative, or a target of zero.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("a {what} of {value} is no use")]
pub struct StepError {
    /// Which.
    pub what: &'static str,
    /// The number.
    pub value: f64,
}

impl Pace {
    const fn share(self) -> f64 {
        match self {
            Self::Conservative => 0.1,
            Self::Balanced => 0.2,
            Self::Aggressive => 0.3,
        }
    }
}

impl Four {
    /// The least and the most.
    #[must_use]
    pub const fn limits(self) -> (f64, f64) {
        match self {
            Self::Cpu => (0.1, 4.0),
            Self::Memory => (128.0, 8192.0),
            Self::Io | Self::Network => (10.0, 1000.0),
        }
    }
}

impl StepRule {
    /// The next amount: `old · (1 + k · (mean(utilisation / target, performance / target) - 1))`, half of the way downwards, with
    /// `k` divided by `1 + volatility`, within the limits of the resource.
    /// ```
    /// # use cloudlot_serverless::rightsize::{Four, Pace, StepRule};
    /// let rule = StepRule { pace: Pace::Balanced, utilisation: 0.7, performance: 100.0 };
    /// // Twice what it should be in both: a fifth more, a tenth with a volatility of one.
    /// assert!((rule.next(Four::Cpu, 1.0, 1.4, 200.0, 0.0)? - 1.2).abs() < 1e-12);
    /// assert!((rule.next(Four::Cpu, 1.0, 1.4, 200.0, 1.0)? - 1.1).abs() < 1e-12);
    /// # Ok::<(), cloudlot_serverless::rightsize::StepError>(())
    /// ```
    ///
    /// # Errors
    /// If a number is not finite or negative, or a target zero.
    pub fn next(
        &self,
        resource: Four,
        old: f64,
        utilisation: f64,
        performance: f64,
        volatility: f64,
    ) -> Result<f64, StepError> {
        let amounts = [
            ("amount", old),
            ("utilisation", utilisation),
            ("performance", performance),
            ("volatility", volatility),
        ];
        let targets = [
            ("target of utilisation", self.utilisation),
            ("target of performance", self.performance),
        ];
        let zero = targets.into_iter().find(|(_, value)| *value == 0.0);
        let legal = |value: f64| value.is_finite() && value >= 0.0;
        let wrong = amounts
            .into_iter()
            .chain(targets)
            .find(|(_, value)| !legal(*value));
        if let Some((what, value)) = zero.or(wrong) {
            return Err(StepError { what, value });
        }
        let off = utilisation / self.utilisation / 2.0 + performance / self.performance / 2.0 - 1.0;
        let pace = self.pace.share() / (1.0 + volatility) * if off < 0.0 { 0.5 } else { 1.0 };
        let (least, most) = resource.limits();
        Ok((old * (1.0 + pace * off)).clamp(least, most))
    }
}

impl Allocation {
    /// What does not go together: more cores than MiB, or more than ten times as much disk transfer as cores.
    ///
    /// Within the limits of [`Four`] the first never holds, and the second does wherever disk transfer is above 40.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Conflict> {
        let rules = [
            (self.cpu > self.memory, Conflict::CpuByMemory),
            (self.io > 10.0 * self.cpu, Conflict::IoByCpu),
        ];
        let broken = rules.into_iter().filter(|(broken, _)| *broken);
        broken.map(|(_, conflict)| conflict).collect()
    }
}

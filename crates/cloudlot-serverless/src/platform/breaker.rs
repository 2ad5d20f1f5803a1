//! The circuit breaker of a function: what fails too often is left alone for a while, then tried with a few.
//!
//! Here is the circuit itself, a few words of state that know no platform. What calls make of it is in `guard`.
//!
//! Source: M. Nygard, "Release It!", 2007, chapter 5, stability patterns.

use std::num::NonZeroU8;
use std::time::Duration;

use cloudlot_core::Timestamp;

/// When a function is left alone, for how long, and what it takes to use it again.
///
/// The attempts that count are those that ended: by themselves, by time or with their instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Breaker {
    /// So many failures, 64 at most, open it…
    pub failures: NonZeroU8,
    /// …among so many of the last attempts; 64 at most, and never fewer than `failures` count as so many.
    pub of: NonZeroU8,
    /// How long it stays open before it lets anybody through.
    pub open: Duration,
    /// So many attempts must succeed then, one failing opens it again; as many may run at once.
    pub probes: NonZeroU8,
}

impl Breaker {
    fn threshold(&self) -> u32 {
        u32::from(self.failures.get()).min(64)
    }

    /// How many of the last attempts are remembered.
    fn window(&self) -> u32 {
        u32::from(self.of.get()).clamp(self.threshold(), 64)
    }
}

/// What a circuit says of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// As if there were none.
    Pass,
    /// As one of those that are to show whether it works again.
    Probe,
    /// Not now.
    Stop,
}

/// What an attempt made of a circuit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turned {
    Not,
    /// It opened just now.
    Open,
    /// It closed just now.
    Closed,
}

/// A circuit as it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Circuit {
    /// Attempts pass; the last ones, the youngest lowest, with a bit for each that failed.
    Closed { last: u64 },
    /// None passes before this time.
    Open { until: Timestamp },
    /// A few may: so many are on their way, and so many have succeeded.
    Half { away: u8, good: u8 },
}

impl Circuit {
    pub(super) const NEW: Self = Self::Closed { last: 0 };

    /// Whether a call may go on to an instance; one that may as a probe is on its way from now on.
    pub(super) fn admit(&mut self, breaker: &Breaker, now: Timestamp) -> Verdict {
        if matches!(*self, Self::Open { until } if until <= now) {
            *self = Self::Half { away: 0, good: 0 };
        }
        match self {
            Self::Closed { .. } => Verdict::Pass,
            Self::Half { away, good } if *away + *good < breaker.probes.get() => {
                *away += 1;
                Verdict::Probe
            }
            Self::Half { .. } | Self::Open { .. } => Verdict::Stop,
        }
    }

    /// An attempt has ended. Those that began before the circuit opened say nothing once it has.
    pub(super) fn ended(
        &mut self,
        breaker: &Breaker,
        probe: bool,
        good: bool,
        now: Timestamp,
    ) -> Turned {
        match self {
            Self::Closed { last } => {
                let kept = u64::MAX >> (64 - breaker.window());
                *last = (*last << 1 | u64::from(!good)) & kept;
                if last.count_ones() < breaker.threshold() {
                    return Turned::Not;
                }
                self.open(breaker, now)
            }
            Self::Half { away, good: count } if probe => {
                *away -= 1;
                if !good {
                    return self.open(breaker, now);
                }
                *count += 1;
                if *count < breaker.probes.get() {
                    return Turned::Not;
                }
                *self = Self::NEW;
                Turned::Closed
            }
            Self::Half { .. } | Self::Open { .. } => Turned::Not,
        }
    }

    fn open(&mut self, breaker: &Breaker, now: Timestamp) -> Turned {
        let until = now + breaker.open;
        *self = Self::Open { until };
        Turned::Open
    }

    /// A probe has gone without an attempt: another may take its place.
    pub(super) fn returned(&mut self) {
        if let Self::Half { away, .. } = self {
            *away -= 1;
        }
    }
}

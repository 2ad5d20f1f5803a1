//! What a vCPU wants: demand over time in two models, and the noise on it.

use super::chance::Chance;
use cloudlot_core::Timestamp;

/// What a vCPU does while nothing changes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Load {
    /// Work arrives at this rate, in cores, whether it is done or not. What is not done is waited
    /// for: delay = demand − share, so that time + delay is the demand.
    Open {
        /// Demand in cores of the host's fastest kind; more than one core is cut to one.
        cores: f64,
    },
    /// A loop that computes, then sleeps, then computes again. A full pCPU slows the loop down, so
    /// that time + delay is more than what it would use if it had a pCPU for itself.
    Loop {
        /// Computing in each turn, in microseconds on the host's fastest core.
        run_us: u32,
        /// Sleep in each turn, in microseconds.
        sleep_us: u32,
    },
}

impl Load {
    /// No load at all.
    pub const NONE: Self = Self::Open { cores: 0.0 };

    /// Cores that the load uses on a pCPU of the given speed that it has for itself.
    /// ```
    /// use cloudlot_hv::fake::Load;
    ///
    /// let busy_loop = Load::Loop { run_us: 100, sleep_us: 400 };
    /// assert_eq!(busy_loop.cores(1.0), 0.2);
    /// assert_eq!(Load::Open { cores: 0.3 }.cores(0.5), 0.6);
    /// ```
    #[must_use]
    pub fn cores(self, speed: f64) -> f64 {
        match self {
            Self::Open { cores } => (cores / speed).min(1.0),
            Self::Loop { run_us: 0, .. } => 0.0,
            Self::Loop { run_us, sleep_us } => {
                let run = f64::from(run_us) / speed;
                run / (run + f64::from(sleep_us))
            }
        }
    }

    /// Run-queue delay in nanoseconds a second, when of `want` nanoseconds a second `share` are had.
    pub(super) fn delay(self, want: u64, share: u64) -> u64 {
        let short = want.saturating_sub(share);
        match self {
            Self::Open { .. } => short,
            // A turn that computes for r out of r + s takes r / share when it has to wait, of
            // which r + s are not waited: the rest, as a part of the turn, is 1 − share / want.
            Self::Loop { .. } if want == 0 => 0,
            Self::Loop { .. } => {
                let part = u128::from(short) * u128::from(SECOND) / u128::from(want);
                u64::try_from(part).unwrap_or(SECOND)
            }
        }
    }
}

/// Nanoseconds in a second: the capacity of a pCPU, and the unit of rates in the simulation.
pub(super) const SECOND: u64 = 1_000_000_000;

/// Nanoseconds a second for a number of cores in [0, 1].
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within [0, 1e9]"
)]
pub(super) fn nanos(cores: f64) -> u64 {
    (cores.clamp(0.0, 1.0) * SECOND as f64) as u64
}

/// A load and when it begins; it holds until the next one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DemandStep {
    /// When.
    pub at: Timestamp,
    /// What from then on.
    pub load: Load,
}

/// The load at a moment: that of the last step not after it, none before the first.
pub(super) fn load_at(steps: &[DemandStep], now: Timestamp) -> Load {
    let begun = steps.partition_point(|step| step.at <= now);
    begun
        .checked_sub(1)
        .map_or(Load::NONE, |last| steps[last].load)
}

/// Noise that multiplies every vCPU's demand; drawn anew once a second, at a phase of its own.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Noise {
    /// Demand is exactly as written down.
    None,
    /// Normal around 1, cut at 0.
    Normal {
        /// Standard deviation, relative to the demand.
        sd: f64,
    },
    /// Uniform around 1.
    Uniform {
        /// The most it differs from 1, up to 1.
        spread: f64,
    },
}

impl Noise {
    pub(super) fn factor(self, chance: &mut Chance) -> f64 {
        match self {
            Self::None => 1.0,
            Self::Normal { sd } => (1.0 + sd * chance.normal()).max(0.0),
            Self::Uniform { spread } => chance.between(1.0 - spread, 1.0 + spread),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A loop turned by hand: it gets the pCPU at an even rate, and sleeps between turns.
    fn turned_by_hand(run: f64, sleep: f64, share: f64) -> f64 {
        let turn = run / share;
        (turn - sleep - run) / turn
    }

    proptest! {
        #[test]
        fn a_loop_waits_for_what_its_turns_take_longer(
            run in 1_u32..1000, sleep in 0_u32..1000, part in 0.01_f64..1.0,
        ) {
            let load = Load::Loop { run_us: run, sleep_us: sleep };
            let want = load.cores(1.0);
            let expected = turned_by_hand(f64::from(run), f64::from(sleep), want * part);
            let delay = load.delay(nanos(want), nanos(want * part)) as f64 / 1e9;
            prop_assert!((delay - expected).abs() < 1e-6, "{delay} {expected}");
        }
    }

    #[test]
    fn a_step_holds_from_its_moment_until_the_next() {
        let at = Timestamp::from_nanos;
        let load = |cores| Load::Open { cores };
        let steps = [(5, 0.5), (9, 0.9)].map(|(nanos, cores)| DemandStep {
            at: at(nanos),
            load: load(cores),
        });
        assert_eq!(load_at(&steps, at(4)), Load::NONE);
        assert_eq!(load_at(&steps, at(5)), load(0.5));
        assert_eq!(load_at(&steps, at(8)), load(0.5));
        assert_eq!(load_at(&steps, at(10)), load(0.9));
    }
}

//! How fast past use is forgotten.
//!
//! Use is held amounts over time, and fades by half in each half-life `h`. While an account holds the amount `a` without a
//! change, the use at the end of a stretch `Δ` follows in closed form from that at its start:
//! `u(t + Δ) = u(t) · 2^(-Δ/h) + a · (h / ln 2) · (1 - 2^(-Δ/h))`.
//! Who holds `a` for ever comes to `a · h / ln 2`, so that `h / ln 2` is the length of the window that use looks back on, and
//! use divided by it is the mean amount held, the recent weighing most. The accounts keep this mean: it never leaves the
//! range of the amounts held, however long the time.
//!
//! Only additions, multiplications and divisions are used, whose results are the same on every machine; those of a
//! library's `exp2` are not.
//!
//! Source: the half-life decay of fair-share schedulers, as in Slurm's multifactor priority plug-in; J. Kay and P. Lauder,
//! "A fair share scheduler", Communications of the ACM 31(1), 1988, section 4.

use cloudlot_core::{Kind, KindName, Kinds};
use std::collections::BTreeMap;
use std::f64::consts::LN_2;
use std::time::Duration;

/// How fast past use is forgotten, for each kind.
///
/// The half-life is seven days unless told otherwise. People work by the week: after a shorter one, such as four hours,
/// whoever fills the machines every night starts every morning as if they had not, and weekdays and weekends count as
/// different tenants. Seven days is also what Slurm starts with.
///
/// Forgetting at once has to be said, by [`Decay::none`].
/// ```
/// # use cloudlot_policy::accounts::Decay;
/// # use cloudlot_core::Kind;
/// # use std::time::Duration;
/// let day = Duration::from_secs(86_400);
/// let decay = Decay::default().kind(Kind::GPU, day)?;
/// assert_eq!(decay.half_life(&Kind::GPU.into()), Some(day));
/// assert_eq!(decay.half_life(&Kind::CPU.into()), Some(7 * day));
/// assert!(Decay::half_life_of(Duration::ZERO).is_err());
/// # Ok::<(), cloudlot_policy::accounts::DecayError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decay {
    all: Option<Duration>,
    kinds: BTreeMap<KindName, Duration>,
}

/// Why a half-life is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecayError {
    /// A half-life of nothing would forget at once.
    #[error("a half-life has to be longer than nothing; to forget at once, say `Decay::none`")]
    Zero,
}

impl Default for Decay {
    /// Seven days for every kind.
    fn default() -> Self {
        Self {
            all: Some(Duration::from_secs(7 * 86_400)),
            kinds: BTreeMap::new(),
        }
    }
}

impl Decay {
    /// The past counts for nothing: no use is remembered of any kind.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            all: None,
            kinds: BTreeMap::new(),
        }
    }

    /// This half-life for every kind.
    ///
    /// # Errors
    /// [`DecayError::Zero`].
    pub fn half_life_of(half_life: Duration) -> Result<Self, DecayError> {
        Ok(Self {
            all: Some(checked(half_life)?),
            kinds: BTreeMap::new(),
        })
    }

    /// Another half-life for one kind.
    ///
    /// # Errors
    /// [`DecayError::Zero`].
    pub fn kind(
        mut self,
        kind: impl Into<KindName>,
        half_life: Duration,
    ) -> Result<Self, DecayError> {
        self.kinds.insert(kind.into(), checked(half_life)?);
        Ok(self)
    }

    /// The half-life of a kind; `None` if its past counts for nothing.
    #[must_use]
    pub fn half_life(&self, kind: &KindName) -> Option<Duration> {
        self.kinds.get(kind).copied().or(self.all)
    }
}

fn checked(half_life: Duration) -> Result<Duration, DecayError> {
    if half_life.is_zero() {
        return Err(DecayError::Zero);
    }
    Ok(half_life)
}

/// Half-lives by the numbers of a ledger's kinds, in seconds.
#[derive(Clone, Debug)]
pub(super) struct HalfLives {
    decay: Decay,
    known: Vec<Option<f64>>,
}

impl HalfLives {
    pub(super) fn new(decay: Decay) -> Self {
        let mut half_lives = Self {
            decay,
            known: Vec::new(),
        };
        half_lives.learn_all(&Kinds::new());
        half_lives
    }

    pub(super) const fn decay(&self) -> &Decay {
        &self.decay
    }

    pub(super) fn learn_all(&mut self, kinds: &Kinds) {
        for kind in kinds.iter() {
            self.learn(kind, &kinds.name(kind));
        }
    }

    /// A kind got its number.
    pub(super) fn learn(&mut self, kind: Kind, name: &KindName) {
        let all = self.decay.all.map(|all| all.as_secs_f64());
        if self.known.len() <= kind.index() {
            self.known.resize(kind.index() + 1, all);
        }
        self.known[kind.index()] = self.decay.half_life(name).map(|own| own.as_secs_f64());
    }

    /// The half-life of a kind in seconds; of one that has no name here, that of all.
    pub(super) fn seconds(&self, kind: Kind) -> Option<f64> {
        let all = || self.decay.all.map(|all| all.as_secs_f64());
        self.known.get(kind.index()).copied().unwrap_or_else(all)
    }

    /// How far back the use of a kind looks, in seconds: its half-life over ln 2.
    pub(super) fn window(&self, kind: Kind) -> Option<f64> {
        Some(self.seconds(kind)? / LN_2)
    }
}

/// The part of a mean that is left after so many half-lives, and the part that is new: together one.
pub(super) fn fade(half_lives: f64) -> (f64, f64) {
    // Below 2^-1074 there is nothing left of any number.
    if half_lives.is_nan() || half_lives >= 1_074.0 {
        return (0.0, 1.0);
    }
    let whole = half_lives.max(0.0).floor();
    let gone = -expm1(-(half_lives.max(0.0) - whole) * LN_2);
    let mut left = 1.0 - gone;
    let mut halvings = whole;
    if halvings == 0.0 {
        // The new part of a short stretch is small, and `1 - left` would lose its digits.
        return (left, gone);
    }
    while halvings >= 1.0 {
        left *= 0.5;
        halvings -= 1.0;
    }
    (left, 1.0 - left)
}

/// `e^x - 1` for `x` from -ln 2 to 0, by its series: twenty terms go below the last digit.
fn expm1(x: f64) -> f64 {
    // Horner's scheme: x(1 + x/2(1 + x/3(1 + …))).
    let terms = (2..=20).rev().map(f64::from);
    x * terms.fold(1.0, |inner, n| 1.0 + x / n * inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fading_is_two_to_the_minus(x in prop_oneof![0.0..1.0_f64, 0.0..60.0_f64, 0.0..1e-6_f64]) {
            let (left, gone) = fade(x);
            prop_assert!((left - (-x).exp2()).abs() <= 4e-16 * left.max(1e-300), "{left} for {x}");
            prop_assert!((gone + (-x * LN_2).exp_m1()).abs() <= 4e-16 * gone.max(1e-300));
        }
    }

    #[test]
    fn after_any_time_a_part_is_left_that_is_a_number() {
        for x in [
            0.0,
            1.0,
            1_073.0,
            1_074.0,
            1e300,
            f64::INFINITY,
            f64::NAN,
            -1.0,
        ] {
            let (left, gone) = fade(x);
            assert!((0.0..=1.0).contains(&left), "{left} for {x}");
            assert_eq!(left + gone, 1.0);
        }
        assert_eq!(fade(0.0), (1.0, 0.0));
        assert_eq!(fade(1.0), (0.5, 0.5));
    }
}

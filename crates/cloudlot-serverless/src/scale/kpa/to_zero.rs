//! The two ends of the rule: before anything is known, and when nothing is wanted any more.

use super::{Concurrency, Desired, Kpa, KpaError};
use cloudlot_core::Timestamp;

/// The rule with its initial scale and its grace before zero.
///
/// Before anything was observed the answer is the initial scale at least. Afterwards the last instance stays until the rule
/// has wanted none for the whole grace. Where none runs none is kept: a function at zero waits for demand.
/// ```
/// use cloudlot_core::Timestamp;
/// use cloudlot_serverless::scale::kpa::{Concurrency, Kpa, KpaConfig, ToZero};
/// use std::time::Duration;
///
/// let mut scale = ToZero::new(Kpa::new(KpaConfig::default())?);
/// let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
/// assert_eq!(scale.decide(at(0), 0)?.replicas, 1);
/// scale.observe(at(1), Concurrency::ZERO)?;
/// assert_eq!(scale.decide(at(2), 1)?.replicas, 1);
/// assert_eq!(scale.decide(at(31), 1)?.replicas, 1);
/// assert_eq!(scale.decide(at(32), 1)?.replicas, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct ToZero {
    kpa: Kpa,
    idle_since: Option<Timestamp>,
}

impl ToZero {
    /// Around this rule, whose settings say the scale and the grace.
    #[must_use]
    pub const fn new(kpa: Kpa) -> Self {
        Self {
            kpa,
            idle_since: None,
        }
    }

    /// The rule within.
    #[must_use]
    pub const fn rule(&self) -> &Kpa {
        &self.kpa
    }

    /// As [`Kpa::set_reachable`].
    pub const fn set_reachable(&mut self, reachable: bool) {
        self.kpa.set_reachable(reachable);
    }

    /// As [`Kpa::observe`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn observe(&mut self, at: Timestamp, concurrency: Concurrency) -> Result<(), KpaError> {
        self.kpa.observe(at, concurrency)
    }

    /// As [`Kpa::decide`], but with the initial scale and the grace. The other fields say what the rule itself found.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn decide(&mut self, now: Timestamp, ready: u32) -> Result<Desired, KpaError> {
        let mut desired = self.kpa.decide(now, ready)?;
        let config = self.kpa.config();
        if !self.kpa.has_observed() {
            desired.replicas = desired.replicas.max(config.initial_scale);
            return Ok(desired);
        }
        if desired.replicas > 0 {
            self.idle_since = None;
            return Ok(desired);
        }
        let since = *self.idle_since.get_or_insert(now);
        if ready > 0 && now.since(since) < config.scale_to_zero_grace {
            desired.replicas = 1;
        }
        Ok(desired)
    }
}

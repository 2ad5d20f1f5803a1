//! What a run costs at a declared price.

use super::Run;
use serde::{Deserialize, Serialize};

/// What memory over time and calls cost, in any currency.
///
/// There is no usual price here: providers differ and change theirs.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Price {
    gib_s: f64,
    call: f64,
}

/// A number that is no price.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[error("a price is a number from 0 to 1e9, not {0}")]
pub struct PriceError(pub f64);

/// What a run costs.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Cost {
    /// All calls.
    pub calls: f64,
    /// Memory while it runs calls: what customers of most providers pay for.
    pub busy: f64,
    /// Memory while it starts or waits for calls: what a provider pays for, mostly.
    pub idle: f64,
}

impl Price {
    /// A price of one GiB for a second, and one of a call.
    ///
    /// # Errors
    /// If one is below zero, above 10⁹ or not a number.
    /// ```
    /// use cloudlot_serverless::report::Price;
    /// assert!(Price::new(0.000_016_7, 0.000_000_2).is_ok());
    /// assert!(Price::new(f64::NAN, 0.0).is_err());
    /// ```
    pub fn new(gib_s: f64, call: f64) -> Result<Self, PriceError> {
        let bad = |price: &f64| !(0.0..=1e9).contains(price);
        match [gib_s, call].into_iter().find(bad) {
            Some(price) => Err(PriceError(price)),
            None => Ok(Self { gib_s, call }),
        }
    }

    /// What a run costs.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "money here is an estimate")]
    pub fn of(self, run: &Run) -> Cost {
        let memory = |mib_s: f64| mib_s / 1_024.0 * self.gib_s;
        Cost {
            calls: run.calls as f64 * self.call,
            busy: memory(run.busy_mib_s),
            idle: memory(run.idle_mib_s + run.starting_mib_s),
        }
    }
}

impl Cost {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.calls + self.busy + self.idle
    }
}

#[derive(Deserialize)]
struct Parts {
    gib_s: f64,
    call: f64,
}

impl TryFrom<Parts> for Price {
    type Error = PriceError;

    fn try_from(Parts { gib_s, call }: Parts) -> Result<Self, PriceError> {
        Self::new(gib_s, call)
    }
}

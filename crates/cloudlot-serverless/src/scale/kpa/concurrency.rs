//! How many requests were in flight, averaged over a second.

use serde::{Deserialize, Serialize};

/// The most thousandths: 10⁹ requests. An hour of them still has an exact sum in a double.
const MOST: u64 = 1_000_000_000_000;

/// Requests in flight on average over one second, in whole thousandths.
/// ```
/// # use cloudlot_serverless::scale::kpa::Concurrency;
/// assert_eq!(Concurrency::from_requests(2.5)?, Concurrency::from_milli(2_500)?);
/// assert!(Concurrency::from_requests(f64::NAN).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct Concurrency(u64);

/// Why a number is no concurrency.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum ConcurrencyError {
    /// It is negative or not a number.
    #[error("a concurrency of {0} requests is not a number from zero on")]
    NotANumber(f64),
    /// It is above 10⁹ requests.
    #[error("a concurrency of {0} requests is above 1000000000")]
    TooHigh(f64),
}

impl Concurrency {
    /// Nothing in flight.
    pub const ZERO: Self = Self(0);
    /// The most that there can be: 10⁹ requests.
    pub const MAX: Self = Self(MOST);

    /// So many thousandths of a request; equally, so many milliseconds of work in a second.
    ///
    /// # Errors
    ///
    /// Above 10⁹ requests.
    pub const fn from_milli(milli: u64) -> Result<Self, ConcurrencyError> {
        if milli > MOST {
            return Err(ConcurrencyError::TooHigh(milli as f64 / 1e3));
        }
        Ok(Self(milli))
    }

    /// So many requests, rounded to the nearest thousandth; half a thousandth rounds up.
    ///
    /// # Errors
    ///
    /// For what is not a number, negative, or above 10⁹ requests.
    pub fn from_requests(requests: f64) -> Result<Self, ConcurrencyError> {
        if requests.is_nan() || requests < 0.0 {
            return Err(ConcurrencyError::NotANumber(requests));
        }
        if requests > 1e9 {
            return Err(ConcurrencyError::TooHigh(requests));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number between 0 and 10¹²"
        )]
        Ok(Self((requests * 1e3).round() as u64))
    }

    /// In thousandths of a request.
    #[must_use]
    pub const fn milli(self) -> u64 {
        self.0
    }

    /// Both together, unless they are too many.
    pub(super) const fn plus(self, other: Self) -> Result<Self, ConcurrencyError> {
        // Neither is above 10¹², so the sum fits.
        Self::from_milli(self.0 + other.0)
    }
}

impl TryFrom<u64> for Concurrency {
    type Error = ConcurrencyError;

    fn try_from(milli: u64) -> Result<Self, ConcurrencyError> {
        Self::from_milli(milli)
    }
}

impl From<Concurrency> for u64 {
    fn from(concurrency: Concurrency) -> Self {
        concurrency.0
    }
}

//! The settings of the rule, and what they may be.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest window, grace and delay.
const LONGEST: Duration = Duration::from_secs(3_600);
/// The highest rates, counts and capacities.
const MOST: u32 = 1_000_000;

/// The settings of the rule; the default is Knative's. [`Kpa::new`](super::Kpa::new) checks them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KpaConfig {
    /// What the count follows in calm times; whole seconds, 1 s to 1 h.
    pub stable_window: Duration,
    /// The panic window as a part of the stable one: 1 to 100 %. It is rounded to the nearest second (half a second up) and
    /// is at least one second.
    pub panic_window_percent: u32,
    /// Panic begins where the panic window wants this part of the ready instances: 110 to 1000 %.
    pub panic_threshold_percent: u32,
    /// What one instance can hold at once: 1 to 1,000,000 requests.
    pub container_concurrency: u32,
    /// What it should hold, as a part of that: 1 to 100 %.
    pub target_percent: u32,
    /// How many times the ready instances there may be at most after one tick; above 1.
    pub max_scale_up_rate: f64,
    /// The part of the ready instances that one tick leaves at least is one over this; above 1.
    pub max_scale_down_rate: f64,
    /// The burst that should find room at once, in requests; up to 1,000,000.
    pub target_burst_capacity: u32,
    /// Any demand at all asks for so many: 1 to 1,000,000.
    pub activation_scale: u32,
    /// A lower count must have been wanted for so long; up to 1 h, zero for at once.
    pub scale_down_delay: Duration,
    /// How many there are before anything was observed ([`ToZero`](super::ToZero)); up to 1,000,000.
    pub initial_scale: u32,
    /// How long none must have been wanted before the last one goes ([`ToZero`](super::ToZero)); up to 1 h.
    pub scale_to_zero_grace: Duration,
}

/// Why settings are none.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum KpaConfigError {
    /// The stable window is empty, too long or not whole.
    #[error("a stable window of {0:?} is not a whole number of seconds between 1 and 3600")]
    StableWindow(Duration),
    /// A whole number is out of its range.
    #[error("{name} is {value}, not between {least} and {most}")]
    Range {
        /// Which setting.
        name: &'static str,
        /// What it is.
        value: u32,
        /// The least that it may be.
        least: u32,
        /// The most that it may be.
        most: u32,
    },
    /// A rate is none.
    #[error("{name} is {value}, not above 1 and up to 1000000")]
    Rate {
        /// Which setting.
        name: &'static str,
        /// What it is.
        value: f64,
    },
    /// A time is too long.
    #[error("{name} is {value:?}, above one hour")]
    TooLong {
        /// Which setting.
        name: &'static str,
        /// What it is.
        value: Duration,
    },
}

impl Default for KpaConfig {
    fn default() -> Self {
        Self {
            stable_window: Duration::from_secs(60),
            panic_window_percent: 10,
            panic_threshold_percent: 200,
            container_concurrency: 100,
            target_percent: 70,
            max_scale_up_rate: 1_000.0,
            max_scale_down_rate: 2.0,
            target_burst_capacity: 211,
            activation_scale: 1,
            scale_down_delay: Duration::ZERO,
            initial_scale: 1,
            scale_to_zero_grace: Duration::from_secs(30),
        }
    }
}

impl KpaConfig {
    /// Says what is wrong with it.
    ///
    /// # Errors
    ///
    /// The first setting that is out of its range.
    pub fn check(&self) -> Result<(), KpaConfigError> {
        let stable = self.stable_window;
        if stable.is_zero() || stable > LONGEST || stable.subsec_nanos() != 0 {
            return Err(KpaConfigError::StableWindow(stable));
        }
        range("panic_window_percent", self.panic_window_percent, 1, 100)?;
        range(
            "panic_threshold_percent",
            self.panic_threshold_percent,
            110,
            1_000,
        )?;
        range("container_concurrency", self.container_concurrency, 1, MOST)?;
        range("target_percent", self.target_percent, 1, 100)?;
        range("target_burst_capacity", self.target_burst_capacity, 0, MOST)?;
        range("activation_scale", self.activation_scale, 1, MOST)?;
        range("initial_scale", self.initial_scale, 0, MOST)?;
        rate("max_scale_up_rate", self.max_scale_up_rate)?;
        rate("max_scale_down_rate", self.max_scale_down_rate)?;
        short("scale_down_delay", self.scale_down_delay)?;
        short("scale_to_zero_grace", self.scale_to_zero_grace)
    }

    /// What one instance should hold, in requests.
    #[must_use]
    pub fn target(&self) -> f64 {
        f64::from(self.container_concurrency) * (f64::from(self.target_percent) / 100.0)
    }

    /// The stable window in seconds.
    pub(super) fn stable_seconds(&self) -> u16 {
        u16::try_from(self.stable_window.as_secs()).expect("a checked window is at most one hour")
    }

    /// The panic window in seconds.
    pub(super) fn panic_seconds(&self) -> u16 {
        let hundredths = u32::from(self.stable_seconds()) * self.panic_window_percent;
        let seconds = (hundredths + 50) / 100;
        u16::try_from(seconds.max(1)).expect("a part of at most one hour")
    }
}

fn range(name: &'static str, value: u32, least: u32, most: u32) -> Result<(), KpaConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(KpaConfigError::Range {
        name,
        value,
        least,
        most,
    })
}

fn rate(name: &'static str, value: f64) -> Result<(), KpaConfigError> {
    // Not a number is not above 1 either.
    if value > 1.0 && value <= f64::from(MOST) {
        return Ok(());
    }
    Err(KpaConfigError::Rate { name, value })
}

fn short(name: &'static str, value: Duration) -> Result<(), KpaConfigError> {
    if value <= LONGEST {
        return Ok(());
    }
    Err(KpaConfigError::TooLong { name, value })
}

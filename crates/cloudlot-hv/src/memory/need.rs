//! What one guest needs, and between which bounds it may be set.
//!
//! Source: used memory, a buffer in proportion, and growth over the time until a grant helps; the
//! shape of Hyper-V's dynamic memory and of Qubes' `qmemman`.

use super::config::{MemoryConfig, percent};
use super::usage::{GuestUsage, Pressure};
use cloudlot_core::Bytes;
use std::time::Duration;

/// The numbers that a guest is judged by; for one that does not tell what it uses, all of them
/// are what it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Need {
    /// It is never made smaller than this.
    pub(super) low: Bytes,
    /// Nor larger than this.
    pub(super) high: Bytes,
    /// What it should have to be at ease, within its bounds.
    pub(super) need: Bytes,
    /// What it will need at the next turn if it goes on like this.
    pub(super) soon: Bytes,
    /// What it must keep when it gives.
    pub(super) keep: Bytes,
}

impl Need {
    /// `interval` is the time until the next turn.
    pub(super) fn of(guest: &GuestUsage, interval: Duration, config: &MemoryConfig) -> Self {
        let (low, high) = bounds(guest, config);
        let Some(reading) = guest.reading else {
            let need = guest.actual.clamp(low, high);
            return Self {
                low,
                high,
                need,
                soon: need,
                keep: guest.actual,
            };
        };
        let horizon = interval
            .saturating_mul(config.growth_intervals)
            .saturating_add(config.growth_delay)
            .saturating_add(reading.age);
        let expected = percent(guest.growth, config.growth_percent).max(config.growth_min);
        let buffered = percent(reading.used, config.need_percent)
            .saturating_add(config.need_extra)
            .saturating_add(over(expected, horizon));
        // A guest that is merely short needs no more than its use says; asking for more would
        // have to be taken back.
        let pressed = match guest.pressure {
            Some(Pressure::Swaps | Pressure::Faults) => {
                percent(guest.actual, config.pressure_need_percent)
            }
            Some(Pressure::Short) | None => Bytes::ZERO,
        };
        let next = interval.saturating_add(reading.age);
        let keep = reading
            .used
            .saturating_add(reading.doubt)
            .saturating_add(spare(guest, config))
            .saturating_add(over(guest.growth, next));
        let mut need = buffered.max(pressed).clamp(low, high);
        // The last bit below the maximum would be a gap that is not worth a call.
        if high.saturating_sub(need) < grow_band(guest, config) {
            need = high;
        }
        Self {
            low,
            high,
            need,
            soon: need.saturating_add(over(guest.growth, interval)).min(high),
            keep: keep.max(low),
        }
    }
}

/// Spare memory that a guest keeps when it gives.
pub(super) fn spare(guest: &GuestUsage, config: &MemoryConfig) -> Bytes {
    config
        .spare_min
        .max(percent(guest.maximum, config.spare_percent))
}

/// A guest is not made larger for less than this.
pub(super) fn grow_band(guest: &GuestUsage, config: &MemoryConfig) -> Bytes {
    config
        .grow_band
        .max(percent(guest.maximum, config.band_percent))
}

/// A guest is not made smaller for less than this.
pub(super) fn shrink_band(guest: &GuestUsage, config: &MemoryConfig) -> Bytes {
    config
        .shrink_band
        .max(percent(guest.maximum, config.band_percent))
}

/// The least and the most that a guest is set to.
fn bounds(guest: &GuestUsage, config: &MemoryConfig) -> (Bytes, Bytes) {
    let by_default = config
        .minimum
        .max(percent(guest.maximum, config.minimum_percent));
    let low = guest
        .minimum
        .unwrap_or(by_default)
        .max(config.minimum_floor);
    (low.min(guest.maximum), guest.maximum)
}

/// What a rate a second comes to, rounded to the nearest byte.
fn over(rate: Bytes, time: Duration) -> Bytes {
    Bytes::from_f64(rate.get() as f64 * time.as_secs_f64())
}

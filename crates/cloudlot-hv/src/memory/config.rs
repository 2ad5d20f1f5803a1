//! The rules of the memory coordinator as numbers, in two named profiles.
//!
//! What the numbers do is in `need.rs` and `division.rs`, what they may be in `check.rs`. Bytes and percentages are integers, so that
//! no field can hold a NaN or an amount below zero.

use cloudlot_core::Bytes;
use std::time::Duration;

/// Which word of a guest counts as memory that it could spare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum Spare {
    /// What nothing uses, page cache not counted (Linux: `MemFree`).
    Unused,
    /// What could be used without swapping (Linux: `MemAvailable`); from guests that do not tell,
    /// unused memory and half of the page cache.
    Usable,
}

/// What becomes of memory that a guest does not need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum Surplus {
    /// It stays where it is until somebody needs it; while the host has plenty, guests go back
    /// to their maximum.
    Stays,
    /// The host takes it back.
    Reclaimed,
}

/// The parameters of [`plan_memory`](super::plan_memory) and [`MemoryWindow`](super::MemoryWindow).
///
/// Percentages are whole numbers, and products with them are rounded down.
/// ```
/// use cloudlot_core::Bytes;
/// use cloudlot_hv::memory::{MemoryConfig, MemoryConfigError};
/// use std::time::Duration;
///
/// let config = MemoryConfig::course().every(Duration::from_secs(2));
/// assert_eq!(config.check(), Ok(()));
/// assert_eq!(config.reserve(Bytes::gib(6)), Bytes::mib(220));
///
/// let never = MemoryConfig::production().every(Duration::ZERO);
/// assert_eq!(never.check(), Err(MemoryConfigError::NoInterval));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct MemoryConfig {
    /// Time between two turns, in seconds where written as text.
    #[cfg_attr(feature = "serde", serde(with = "seconds"))]
    pub interval: Duration,
    /// How often guests are asked for statistics, in whole seconds; absent: every `interval`,
    /// rounded up.
    #[cfg_attr(feature = "serde", serde(with = "maybe_seconds"))]
    pub stats_period: Option<Duration>,

    /// Whose absence makes memory used.
    pub spare: Spare,
    /// A guest that shrinks keeps at least this much unused too, unless the host itself is short.
    pub unused_min: Bytes,
    /// Growth is the slope of the last so many readings; at least 2.
    pub readings: u32,
    /// Statistics older than this, and than three periods, say nothing any more.
    #[cfg_attr(feature = "serde", serde(with = "seconds"))]
    pub stale_after: Duration,
    /// So many turns without new statistics say the same.
    pub stale_turns: u32,

    /// A guest that reads back more major faults than this a second is under pressure.
    pub pressure_faults: u64,
    /// So is a guest whose spare memory is below this share of what it has, in percent; and
    /// always one that swaps in.
    pub pressure_spare_percent: u32,
    /// A guest that swaps or faults needs at least this share of what it has, in percent.
    pub pressure_need_percent: u32,

    /// Need: this share of what is used, in percent, …
    pub need_percent: u32,
    /// … and this, …
    pub need_extra: Bytes,
    /// … and growth over the time until a grant helps: at least so many bytes a second, …
    pub growth_min: Bytes,
    /// … and this share of the measured growth, in percent, …
    pub growth_percent: u32,
    /// … over so many intervals, the age of the statistics, …
    pub growth_intervals: u32,
    /// … and this long.
    #[cfg_attr(feature = "serde", serde(with = "seconds"))]
    pub growth_delay: Duration,

    /// A guest without a rule of its own is not made smaller than this, …
    pub minimum: Bytes,
    /// … and than this share of its maximum, in percent.
    pub minimum_percent: u32,
    /// No rule of an owner makes the minimum less than this.
    pub minimum_floor: Bytes,
    /// A guest that shrinks keeps this much spare memory, …
    pub spare_min: Bytes,
    /// … and this share of its maximum, in percent.
    pub spare_percent: u32,

    /// The host keeps this much available, …
    pub reserve_min: Bytes,
    /// … and this share of all it has, in percent.
    pub reserve_percent: u32,
    /// A state of scarcity is left for a better one at this share of the better one's threshold,
    /// in percent.
    pub state_leave_percent: u32,

    /// What becomes of memory that a guest does not need.
    pub surplus: Surplus,
    /// The steps below are for this long, and go with the interval; absent: for one turn.
    #[cfg_attr(feature = "serde", serde(with = "maybe_seconds"))]
    pub step_time: Option<Duration>,
    /// A guest shrinks by at most this share of what it has, in percent, …
    pub shrink_percent: u32,
    /// … and, in one turn, of what it could spare beyond `spare_min`.
    pub shrink_spare_percent: u32,
    /// While the host is short, or a guest is under pressure, `shrink_percent` counts so often, …
    pub urgent_factor: u32,
    /// … and this stands for `shrink_spare_percent`.
    pub urgent_spare_percent: u32,
    /// A guest grows by at most this share of what it has, in percent, …
    pub grow_percent: u32,
    /// … or by this, if it is more.
    pub grow_min: Bytes,
    /// Under pressure, by so many times that.
    pub pressure_grow_factor: u32,
    /// A guest is not made smaller for less than this, …
    pub shrink_band: Bytes,
    /// … and nobody is made larger for less than this, unless it is pressing; …
    pub grow_band: Bytes,
    /// … nor either for less than this share of the maximum, in percent.
    pub band_percent: u32,

    /// A guest gives nothing for so long after it booted.
    #[cfg_attr(feature = "serde", serde(with = "seconds"))]
    pub boot_hold: Duration,
    /// A guest gives nothing for so long after it was given something that it needed.
    #[cfg_attr(feature = "serde", serde(with = "seconds"))]
    pub growth_hold: Duration,

    /// A balloon that moves by less than this in a turn, though it has a way to go, stands still.
    pub progress_min: Bytes,
    /// After so many turns of standing still, or refusing, the guest is left alone.
    pub progress_turns: u32,
    /// For so long, …
    #[cfg_attr(feature = "serde", serde(with = "seconds"))]
    pub retry_min: Duration,
    /// … twice as long each next time, and at most for this long.
    #[cfg_attr(feature = "serde", serde(with = "seconds"))]
    pub retry_max: Duration,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self::production()
    }
}

impl MemoryConfig {
    /// For real hosts: guests keep what nobody needs, page cache counts as spare, and the host
    /// keeps a twentieth for itself.
    ///
    /// Source: the buffers and steps are of the size that Hyper-V's dynamic memory and oVirt MOM
    /// use; lazy return follows ESX (Waldspurger 2002), without its idle tax.
    #[must_use]
    pub fn production() -> Self {
        Self {
            interval: Duration::from_secs(5),
            stats_period: None,
            spare: Spare::Usable,
            unused_min: Bytes::mib(32),
            readings: 6,
            stale_after: Duration::from_secs(15),
            stale_turns: 3,
            pressure_faults: 100,
            pressure_spare_percent: 10,
            pressure_need_percent: 125,
            need_percent: 120,
            need_extra: Bytes::mib(96),
            growth_min: Bytes::ZERO,
            growth_percent: 100,
            growth_intervals: 3,
            growth_delay: Duration::ZERO,
            minimum: Bytes::mib(256),
            minimum_percent: 25,
            minimum_floor: Bytes::mib(100),
            spare_min: Bytes::mib(100),
            spare_percent: 5,
            reserve_min: Bytes::mib(200),
            reserve_percent: 5,
            state_leave_percent: 125,
            surplus: Surplus::Stays,
            step_time: Some(Duration::from_secs(5)),
            shrink_percent: 10,
            shrink_spare_percent: 50,
            urgent_factor: 4,
            urgent_spare_percent: 75,
            grow_percent: 25,
            grow_min: Bytes::mib(256),
            pressure_grow_factor: 2,
            shrink_band: Bytes::mib(32),
            grow_band: Bytes::mib(32),
            band_percent: 1,
            boot_hold: Duration::from_secs(120),
            growth_hold: Duration::from_secs(30),
            progress_min: Bytes::mib(1),
            progress_turns: 3,
            retry_min: Duration::from_secs(60),
            retry_max: Duration::from_secs(32 * 60),
        }
    }

    /// The contract of the operating-systems course that the scenarios `mem-1` to `mem-4` come
    /// from: every guest keeps 100 MiB unused while it grows at 28 MiB/s, and what it does not
    /// need goes back to the host.
    ///
    /// A guest at rest keeps room for 32 MiB/s: growth may go on at 28 MiB/s + 30 % from the
    /// last statistics to the next turn, 36.4 × (interval + age), and with an interval of 2 s and
    /// an age below 1 s that is at most 32 × (interval + age + 0.5 s). 28 would be short by up to
    /// 11 MiB. A grant smaller than `grow_band` is not worth a call; a larger band would eat into
    /// the 100 MiB, since the need is exact.
    #[must_use]
    pub fn course() -> Self {
        Self {
            stats_period: Some(Duration::from_secs(1)),
            spare: Spare::Unused,
            unused_min: Bytes::ZERO,
            readings: 2,
            pressure_spare_percent: 0,
            pressure_need_percent: 100,
            need_percent: 100,
            need_extra: Bytes::mib(100),
            growth_min: Bytes::mib(32),
            growth_percent: 125,
            growth_intervals: 1,
            growth_delay: Duration::from_millis(500),
            minimum: Bytes::mib(200),
            minimum_percent: 0,
            reserve_min: Bytes::mib(220),
            reserve_percent: 0,
            surplus: Surplus::Reclaimed,
            step_time: None,
            shrink_spare_percent: 100,
            urgent_factor: 1,
            urgent_spare_percent: 100,
            grow_percent: 10,
            grow_min: Bytes::mib(102),
            pressure_grow_factor: 1,
            grow_band: Bytes::mib(8),
            band_percent: 0,
            boot_hold: Duration::ZERO,
            growth_hold: Duration::from_secs(6),
            ..Self::production()
        }
    }

    /// The same rules for another interval.
    #[must_use]
    pub fn every(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// What a host with this much memory keeps available for itself.
    #[must_use]
    pub fn reserve(&self, total: Bytes) -> Bytes {
        self.reserve_min.max(percent(total, self.reserve_percent))
    }

    /// How often guests are to be asked for statistics: whole seconds, at least one.
    #[must_use]
    pub fn wanted_period(&self) -> Duration {
        let period = self.stats_period.unwrap_or(self.interval);
        let part = u64::from(period.subsec_nanos() > 0);
        Duration::from_secs(period.as_secs().saturating_add(part).max(1))
    }
}

/// `percent` % of an amount, rounded down.
pub(super) fn percent(amount: Bytes, percent: u32) -> Bytes {
    amount.fraction(u64::from(percent), 100)
}

/// Durations as seconds: a number such as 5 or 0.5.
#[cfg(feature = "serde")]
mod seconds {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(time.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(from)?;
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| D::Error::custom(format!("{seconds} is not a number of seconds")))
    }
}

/// The same where the field may be absent.
#[cfg(feature = "serde")]
mod maybe_seconds {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => to.serialize_some(&time.as_secs_f64()),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(from)?;
        let time = seconds.map(Duration::try_from_secs_f64).transpose();
        time.map_err(|error| D::Error::custom(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_asked_for_in_whole_seconds() {
        let period = |millis| {
            MemoryConfig::production()
                .every(Duration::from_millis(millis))
                .wanted_period()
                .as_secs()
        };
        assert_eq!([300, 1000, 2500].map(period), [1, 1, 3]);
        assert_eq!(MemoryConfig::course().wanted_period().as_secs(), 1);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_file_may_name_some_fields_and_no_others() {
        let read = serde_json::from_str::<MemoryConfig>;
        let some = read(r#"{"interval": 2.5, "reserve_min": "1GiB", "stats_period": null}"#);
        let expected = MemoryConfig {
            reserve_min: Bytes::gib(1),
            ..MemoryConfig::production().every(Duration::from_millis(2500))
        };
        assert_eq!(some.expect("good"), expected);
        for wrong in [
            r#"{"intervall": 2}"#,
            r#"{"interval": -1}"#,
            r#"{"interval": 1e300}"#,
            r#"{"spare": "cached"}"#,
            r#"{"reserve_min": -5}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let course = MemoryConfig::course();
        let text = serde_json::to_string(&course).expect("written");
        assert_eq!(read(&text).expect("read again"), course);
    }
}

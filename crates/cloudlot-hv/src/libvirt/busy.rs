//! Busy time of a pCPU, from the daemon's counters.
//!
//! On a host that is itself a guest a part of the time is counted nowhere: libvirt leaves out
//! what Linux calls steal. A pCPU that never was idle would so look as if it had had room. The
//! busy part is therefore taken of the time that was counted, and holds for all of it.

use cloudlot_core::Timestamp;
use std::time::Duration;

/// What one reading of the counters says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Counted {
    busy: u64,
    idle: u64,
}

impl Counted {
    /// Reads Linux's counters, in nanoseconds; `None` where the driver counts something else.
    ///
    /// `kernel` and `user` hold all that counts beside `idle` and `iowait`; `intr` is BSD's.
    pub(super) fn of(counters: &[(String, u64)]) -> Option<Self> {
        let counter = |name: &str| {
            let found = counters.iter().find(|(field, _)| field == name);
            found.map(|&(_, nanos)| nanos)
        };
        let more = |name: &str| counter(name).unwrap_or(0);
        Some(Self {
            busy: counter("kernel")?
                .saturating_add(counter("user")?)
                .saturating_add(more("intr")),
            idle: more("idle").saturating_add(more("iowait")),
        })
    }

    /// The part of the time from `earlier` to this reading that was busy.
    fn busy_part_since(self, earlier: Self) -> f64 {
        // Linux's `iowait` may run backwards.
        let busy = Duration::from_nanos(self.busy.saturating_sub(earlier.busy));
        let idle = Duration::from_nanos(self.idle.saturating_sub(earlier.idle));
        match busy.saturating_add(idle) {
            Duration::ZERO => 0.0,
            counted => busy.div_duration_f64(counted),
        }
    }
}

/// The busy time of one pCPU, summed up reading by reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct BusyTime {
    at: Timestamp,
    counted: Counted,
    sum: Duration,
}

impl BusyTime {
    /// The sum at the first reading: what was counted until then.
    pub(super) fn start(counted: Counted, at: Timestamp) -> Self {
        Self {
            at,
            counted,
            sum: Duration::from_nanos(counted.busy),
        }
    }

    /// The sum at the next reading.
    pub(super) fn advance(self, counted: Counted, at: Timestamp) -> Self {
        let part = counted.busy_part_since(self.counted);
        Self {
            at,
            counted,
            sum: self.sum + at.since(self.at).mul_f64(part),
        }
    }

    pub(super) fn sum(self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn counted(list: &[(&str, u64)]) -> Option<Counted> {
        let owned = |&(name, ms): &(&str, u64)| (name.to_owned(), ms * MS);
        Counted::of(&list.iter().map(owned).collect::<Vec<_>>())
    }

    fn reading(user: u64, idle: u64, iowait: u64) -> Counted {
        let told = [
            ("kernel", 2),
            ("user", user),
            ("idle", idle),
            ("iowait", iowait),
        ];
        counted(&told).unwrap()
    }

    fn busy_ms(from: Counted, to: Counted, elapsed: u64) -> u64 {
        let start = BusyTime::start(from, Timestamp::ZERO);
        let next = start.advance(to, Timestamp::ZERO + Duration::from_millis(elapsed));
        u64::try_from((next.sum() - start.sum()).as_millis()).unwrap()
    }

    #[test]
    fn idle_and_waiting_time_is_not_busy() {
        let start = reading(3, 50, 7);
        assert_eq!(
            BusyTime::start(start, Timestamp::ZERO).sum(),
            Duration::from_millis(5)
        );
        assert_eq!(busy_ms(start, reading(503, 1050, 507), 2000), 500);
        assert_eq!(busy_ms(start, reading(3, 2050, 7), 2000), 0);
    }

    #[test]
    fn a_pcpu_that_was_never_idle_was_busy_whatever_the_machine_got() {
        let start = reading(3, 50, 7);
        assert_eq!(busy_ms(start, reading(1933, 50, 7), 2000), 2000);
        assert_eq!(busy_ms(start, reading(1003, 550, 7), 2000), 1333);
    }

    #[test]
    fn counters_that_stand_or_run_backwards_add_nothing() {
        let start = reading(100, 50, 7);
        assert_eq!(busy_ms(start, start, 2000), 0);
        assert_eq!(busy_ms(start, reading(3, 50, 7), 2000), 0);
        assert_eq!(busy_ms(start, reading(200, 50, 6), 100), 100);
    }

    #[test]
    fn other_counters_are_not_understood() {
        assert_eq!(counted(&[("utilization", 40)]), None);
    }
}

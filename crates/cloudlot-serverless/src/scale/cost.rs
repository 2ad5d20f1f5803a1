//! What a function costs those who wait for it and those who pay for it, in one unit: time that somebody waits.

use std::time::Duration;

use cloudlot_core::{Bytes, Timestamp};

use crate::{FunctionId, Life, Move, Record, Sink};

/// What things are worth, all in time that somebody waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prices {
    /// A call that waits for longer than this is late.
    pub patience: Duration,
    /// What a late call costs besides its waiting.
    pub late: Duration,
    /// What a GiB costs that is idle for a second.
    pub gib_second: Duration,
}

impl Prices {
    /// Half a second of patience, a second for each late call, and 20 ms for a GiB·s: an idle GiB costs in 50 s what
    /// a second of waiting costs.
    pub const DEFAULT: Self = Self {
        patience: Duration::from_millis(500),
        late: Duration::from_secs(1),
        gib_second: Duration::from_millis(20),
    };

    /// What a call costs that waited so long.
    #[must_use]
    pub fn call(&self, delay: Duration) -> Duration {
        if delay > self.patience {
            return delay.saturating_add(self.late);
        }
        delay
    }

    /// What so much memory costs that is idle for so long; rounded down to the nanosecond.
    /// ```
    /// # use cloudlot_core::Bytes;
    /// # use cloudlot_serverless::scale::Prices;
    /// # use std::time::Duration;
    /// let cost = Prices::DEFAULT.idle(Bytes::mib(512), Duration::from_secs(100));
    /// assert_eq!(cost, Duration::from_secs(1));
    /// ```
    #[must_use]
    pub fn idle(&self, memory: Bytes, time: Duration) -> Duration {
        let area = u128::from(memory.get()).saturating_mul(time.as_nanos());
        self.area(area)
    }

    /// What bytes times nanoseconds cost.
    fn area(&self, area: u128) -> Duration {
        // A GiB·s is 2^30 · 10^9 of them.
        let nanos = (area >> 30).saturating_mul(self.gib_second.as_nanos()) / 1_000_000_000;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Default for Prices {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Adds up what a run costs until an end: a sink.
///
/// A call counts when it is answered, whenever that is; idle memory counts up to the end and not beyond, whether anybody
/// stops the instance or not.
#[derive(Clone, Debug)]
pub struct Bill {
    prices: Prices,
    end: Timestamp,
    functions: Vec<Idle>,
    calls: u64,
    waited: Duration,
    late: u64,
    cold: u64,
}

/// The idle instances of a function.
#[derive(Clone, Copy, Debug)]
struct Idle {
    memory: Bytes,
    now: u32,
    since: Timestamp,
    /// Instances times nanoseconds.
    area: u128,
}

impl Bill {
    /// For functions of these sizes, in the order of their numbers.
    #[must_use]
    pub fn new(prices: Prices, end: Timestamp, memory: impl IntoIterator<Item = Bytes>) -> Self {
        let functions = memory.into_iter().map(|memory| Idle {
            memory,
            now: 0,
            since: Timestamp::ZERO,
            area: 0,
        });
        Self {
            prices,
            end,
            functions: functions.collect(),
            calls: 0,
            waited: Duration::ZERO,
            late: 0,
            cold: 0,
        }
    }

    /// Calls that were answered.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.calls
    }

    /// How long they waited, all together.
    #[must_use]
    pub const fn waited(&self) -> Duration {
        self.waited
    }

    /// Those of them that were late.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// Those that were the first on an instance for which they had waited.
    #[must_use]
    pub const fn cold(&self) -> u64 {
        self.cold
    }

    /// Idle memory over time, in bytes times nanoseconds.
    #[must_use]
    pub fn idle(&self) -> u128 {
        let sum = |sum: u128, idle: &Idle| {
            let mut idle = *idle;
            idle.advance(self.end);
            sum.saturating_add(idle.area.saturating_mul(idle.memory.get().into()))
        };
        self.functions.iter().fold(0, sum)
    }

    /// The sum of waiting, late calls and idle memory.
    #[must_use]
    pub fn total(&self) -> Duration {
        let late = self.prices.late.as_nanos().saturating_mul(self.late.into());
        let late = Duration::from_nanos(u64::try_from(late).unwrap_or(u64::MAX));
        let idle = self.prices.area(self.idle());
        self.waited.saturating_add(late).saturating_add(idle)
    }
}

impl Idle {
    fn advance(&mut self, now: Timestamp) {
        let passed = now.since(self.since).as_nanos();
        self.area += u128::from(self.now) * passed;
        self.since = self.since.max(now);
    }
}

impl Sink for Bill {
    fn call(&mut self, record: &Record) {
        let delay = record.delay();
        self.calls += 1;
        self.waited = self.waited.saturating_add(delay);
        self.late += u64::from(delay > self.prices.patience);
        self.cold += u64::from(record.cold);
    }

    fn moved(&mut self, step: &Move) {
        let Some(idle) = self.functions.get_mut(place(step.function)) else {
            return;
        };
        idle.advance(step.at.min(self.end));
        if step.from == Life::Idle {
            idle.now = idle.now.saturating_sub(1);
        }
        if step.to == Life::Idle {
            idle.now += 1;
        }
    }
}

fn place(function: FunctionId) -> usize {
    function.number() as usize
}

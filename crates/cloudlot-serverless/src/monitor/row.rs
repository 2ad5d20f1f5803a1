//! What is kept of one function.

use std::time::Duration;

use cloudlot_core::Timestamp;
use cloudlot_core::metrics::{Rate, Sketch, WaitSummary};

use super::config::MonitorConfig;
use super::figures::{Endings, Figures, InstanceTime, Lately};
use super::objective::Performance;
use super::tally::Tally;
use crate::{Life, Move, Outcome, Record};

/// One function.
#[derive(Clone, Debug)]
pub(super) struct Row {
    calls: u64,
    cold: u64,
    good: u64,
    retries: u64,
    /// Calls whose arrival was too long ago to be counted in an interval.
    late: u64,
    endings: Endings,
    latency: Sketch,
    delay: Sketch,
    windows: Vec<Window>,
    pub(super) fine: Tally,
    pub(super) coarse: Tally,
    instances: Instances,
}

/// Events of one sliding window.
#[derive(Clone, Debug)]
struct Window {
    length: Duration,
    calls: Rate,
    cold: Rate,
    good: Rate,
}

impl Row {
    pub(super) fn new(config: &MonitorConfig, since: Timestamp) -> Self {
        let rate = |length| Rate::over(length, since);
        let windows = config.windows.iter().map(|&length| Window {
            length,
            calls: rate(length),
            cold: rate(length),
            good: rate(length),
        });
        let tally = |scale: super::config::Scale| Tally::new(scale.interval, scale.kept, since);
        Self {
            calls: 0,
            cold: 0,
            good: 0,
            retries: 0,
            late: 0,
            endings: Endings::default(),
            latency: Sketch::new(),
            delay: Sketch::new(),
            windows: windows.collect(),
            fine: tally(config.fine),
            coarse: tally(config.coarse),
            instances: Instances::default(),
        }
    }

    /// Takes in a call that was answered; `good` if it went as promised.
    pub(super) fn call(&mut self, record: &Record, good: bool) {
        self.calls += 1;
        self.cold += u64::from(record.cold);
        self.good += u64::from(good);
        self.retries += u64::from(record.attempts.saturating_sub(1));
        self.endings.count(record.outcome);
        if record.started.is_some() {
            let latency = record.ended.since(record.arrived);
            for (sketch, time) in [
                (&mut self.latency, latency),
                (&mut self.delay, record.delay()),
            ] {
                let entered = sketch.record(time.as_secs_f64());
                debug_assert!(entered.is_ok(), "a duration is finite and from zero up");
            }
        }
        for window in &mut self.windows {
            window.calls.record(record.ended, 1);
            window.cold.record(record.ended, record.cold.into());
            window.good.record(record.ended, good.into());
        }
        let coarse = self.coarse.record(record.arrived);
        if !(self.fine.record(record.arrived) && coarse) {
            self.late += 1;
        }
    }

    pub(super) fn moved(&mut self, step: &Move) {
        self.instances.moved(step);
    }

    pub(super) fn figures(&self, config: &MonitorConfig, now: Timestamp) -> Figures {
        let share = |part: u64| (self.calls > 0).then(|| part as f64 / self.calls as f64);
        let instances = self.instances.until(now);
        let lately = self.windows.iter().map(|window| window.at(now));
        let performance = share(self.good).zip(instances.used());
        Figures {
            calls: self.calls,
            retries: self.retries,
            late: self.late,
            endings: self.endings,
            cold: share(self.cold),
            compliance: share(self.good),
            burn: share(self.good).map(|it| config.objective.burn(it)),
            latency: WaitSummary::of(&self.latency),
            delay: WaitSummary::of(&self.delay),
            error: self
                .latency
                .relative_error()
                .max(self.delay.relative_error()),
            lately: lately.collect(),
            instances,
            performance: performance.map(|(compliance, used)| Performance {
                compliance,
                warm: 1.0 - share(self.cold).unwrap_or(0.0),
                success: share(self.endings.success).unwrap_or(0.0),
                used,
            }),
        }
    }

    /// What it takes on the heap, in bytes, the sketches left out.
    pub(super) fn size(&self) -> usize {
        let windows = self.windows.capacity() * size_of::<Window>();
        size_of::<Self>() + windows + self.fine.size() + self.coarse.size()
    }

    /// What one window takes.
    pub(super) const WINDOW: usize = size_of::<Window>();
}

impl Window {
    fn at(&self, now: Timestamp) -> Lately {
        let calls = self.calls.events(now);
        let share = |part: &Rate| (calls > 0).then(|| part.events(now) as f64 / calls as f64);
        Lately {
            window: self.length,
            calls,
            per_second: self.calls.per_second(now),
            cold: share(&self.cold),
            compliance: share(&self.good),
        }
    }
}

/// Instances by state, and how long they were there so far.
#[derive(Clone, Copy, Default, Debug)]
struct Instances {
    /// Starting, busy and idle ones.
    counts: [u32; 3],
    /// Until when `times` is counted.
    until: Timestamp,
    /// Nanoseconds of all of them.
    times: [u128; 3],
}

impl Instances {
    fn moved(&mut self, step: &Move) {
        self.advance(step.at);
        if let Some(from) = place(step.from) {
            // The monitor may have come later than the instance.
            self.counts[from] = self.counts[from].saturating_sub(1);
        }
        if let Some(to) = place(step.to) {
            self.counts[to] = self.counts[to].saturating_add(1);
        }
    }

    fn advance(&mut self, now: Timestamp) {
        let passed = now.since(self.until).as_nanos();
        for (time, count) in self.times.iter_mut().zip(self.counts) {
            *time = time.saturating_add(passed.saturating_mul(count.into()));
        }
        self.until = self.until.max(now);
    }

    fn until(mut self, now: Timestamp) -> InstanceTime {
        self.advance(now);
        let [starting, busy, idle] = self.times.map(|nanos| nanos as f64 / 1e9);
        InstanceTime {
            starting,
            busy,
            idle,
        }
    }
}

/// What holds memory without being about to go.
const fn place(life: Life) -> Option<usize> {
    match life {
        Life::Starting => Some(0),
        Life::Busy => Some(1),
        Life::Stopping | Life::Gone => None,
        _ => Some(2),
    }
}

impl Endings {
    const fn count(&mut self, outcome: Outcome) {
        let sum = match outcome {
            Outcome::Success => &mut self.success,
            Outcome::Failure => &mut self.failure,
            Outcome::TimedOut => &mut self.timed_out,
            Outcome::Lost => &mut self.lost,
            Outcome::WaitedTooLong => &mut self.waited_too_long,
            _ => &mut self.turned_away,
        };
        *sum += 1;
    }
}

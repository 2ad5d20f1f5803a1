//! What a function did, in numbers.

use std::fmt;
use std::time::Duration;

use cloudlot_core::metrics::WaitSummary;

use super::objective::Performance;

/// What a function did so far.
#[derive(Clone, PartialEq, Debug)]
pub struct Figures {
    /// Calls that were answered.
    pub calls: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Calls that are in no interval, because they were answered too long after they came.
    pub late: u64,
    /// How calls ended.
    pub endings: Endings,
    /// The share of calls that waited for a start; nothing without calls, as all shares here.
    pub cold: Option<f64>,
    /// The share of calls that went as promised.
    pub compliance: Option<f64>,
    /// How fast the budget of bad calls is used up; 1 is just what may be.
    pub burn: Option<f64>,
    /// From arrival to answer, in seconds, of calls that ran.
    pub latency: WaitSummary,
    /// From arrival to the start of the last attempt, in seconds, of calls that ran.
    pub delay: WaitSummary,
    /// By how much percentiles of the two are off at most, relative to themselves.
    pub error: f64,
    /// The same over sliding windows.
    pub lately: Vec<Lately>,
    /// How long there were instances.
    pub instances: InstanceTime,
    /// How well it does; nothing without calls or without instances.
    pub performance: Option<Performance>,
}

/// How calls ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Endings {
    /// With an answer.
    pub success: u64,
    /// With an error.
    pub failure: u64,
    /// Running for too long.
    pub timed_out: u64,
    /// With their instance.
    pub lost: u64,
    /// Waiting for too long.
    pub waited_too_long: u64,
    /// In any other way: not let in, for want of room or by a limit, a breaker, a conflict or the end of the platform; too old; taken back.
    /// None of them went as promised.
    pub turned_away: u64,
}

/// One sliding window, by the time of the answer.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Lately {
    /// How long it is.
    pub window: Duration,
    /// Calls in it.
    pub calls: u64,
    /// Calls a second.
    pub per_second: f64,
    /// The share that waited for a start.
    pub cold: Option<f64>,
    /// The share that went as promised.
    pub compliance: Option<f64>,
}

/// How long instances were there, in seconds of all of them.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct InstanceTime {
    /// Starting.
    pub starting: f64,
    /// Running calls.
    pub busy: f64,
    /// Waiting for calls.
    pub idle: f64,
}

impl InstanceTime {
    /// The share in which they ran calls; nothing if there were none.
    #[must_use]
    pub fn used(&self) -> Option<f64> {
        let all = self.starting + self.busy + self.idle;
        (all > 0.0).then(|| self.busy / all)
    }
}

impl fmt::Display for Figures {
    /// A few lines for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: Option<f64>| match share {
            Some(share) => format!("{:.2} %", share * 100.0),
            None => "-".to_owned(),
        };
        writeln!(
            f,
            "{} calls, {} good, {} cold, {} retries, burn {:.2}",
            self.calls,
            percent(self.compliance),
            percent(self.cold),
            self.retries,
            self.burn.unwrap_or(0.0)
        )?;
        for (name, times) in [("latency", self.latency), ("delay", self.delay)] {
            writeln!(
                f,
                "{name} mean {:.3} s, p50 {:.3}, p95 {:.3}, p99 {:.3}, max {:.3}",
                times.mean, times.p50, times.p95, times.p99, times.max
            )?;
        }
        for it in &self.lately {
            let (cold, good) = (percent(it.cold), percent(it.compliance));
            writeln!(
                f,
                "last {:?}: {:.3}/s, {good} good, {cold} cold",
                it.window, it.per_second
            )?;
        }
        let score = self.performance.map(|it| it.score());
        let used = percent(self.instances.used());
        write!(
            f,
            "instances used {used}, score {:.3}",
            score.unwrap_or(0.0)
        )
    }
}

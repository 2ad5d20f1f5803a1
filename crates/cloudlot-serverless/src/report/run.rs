//! One run, as plain data.

use super::price::Cost;
use super::timeline::Timeline;
use cloudlot_core::metrics::{Percentile, Sketch};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of a workload under one policy.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Run {
    /// How it is called.
    pub name: String,
    /// What it has in common with others that differ in one setting: they are one line in a drawing.
    pub family: String,
    /// That setting.
    pub setting: String,
    /// Calls that came.
    pub calls: u64,
    /// Calls by what they were answered with.
    pub outcomes: BTreeMap<String, u64>,
    /// Instances that were started.
    pub starts: u64,
    /// Those of them that were started ahead of a call.
    pub prewarms: u64,
    /// Starts that failed.
    pub failed_starts: u64,
    /// Idle instances that made room for others.
    pub evictions: u64,
    /// Attempts that were followed by another.
    pub retries: u64,
    /// Times that a call found no warm instance and waited, for a start or for one to become free.
    pub waited: u64,
    /// Calls that waited for a start and were the first to run there.
    pub cold: u64,
    /// [`cold`](Self::cold) as a share of the calls, 0 to 1.
    pub cold_share: f64,
    /// That share function by function; nothing without calls.
    pub cold_by_function: Option<Shares>,
    /// And app by app.
    pub cold_by_app: Option<Shares>,
    /// How long calls waited for their last attempt; nothing if none ran.
    pub delay_s: Option<Delays>,
    /// Memory held while waiting for calls, and while starting ahead of one, over time. What is idle still at the last event is counted until then.
    pub idle_mib_s: f64,
    /// Memory held while running calls, over time.
    pub busy_mib_s: f64,
    /// Memory held while starting for a call, over time.
    pub starting_mib_s: f64,
    /// The most memory that was held at once, by instances in any state.
    pub peak_mib: f64,
    /// The most instances that were there at once.
    pub peak_instances: u64,
    /// What it costs, where there is a price.
    pub cost: Option<Cost>,
    /// The same over time.
    pub timeline: Timeline,
}

impl Run {
    /// [`idle_mib_s`](Self::idle_mib_s) in GiB·h.
    #[must_use]
    pub fn idle_gib_h(&self) -> f64 {
        self.idle_mib_s / 1_024.0 / 3_600.0
    }

    /// Calls that were answered with anything but a success.
    #[must_use]
    pub fn failed(&self) -> u64 {
        let all: u64 = self
            .outcomes
            .values()
            .fold(0, |sum, n| sum.saturating_add(*n));
        let good = self.outcomes.get(super::gather::SUCCESS).copied();
        all - good.unwrap_or(0)
    }
}

/// Percentiles of shares, by nearest rank.
///
/// This is how policies are compared since Shahrad et al., "Serverless in the Wild", USENIX ATC 2020: so that the few functions which make
/// nearly all calls, and are never cold, do not hide the others.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Shares {
    /// Of how many functions or apps.
    pub count: u64,
    /// The median.
    pub p50: f64,
    /// Three of four have at most this share.
    pub p75: f64,
    /// Nine of ten have.
    pub p90: f64,
}

impl Shares {
    /// Of cold calls among all calls; who was not called does not count.
    #[expect(clippy::cast_precision_loss, reason = "for display and comparison")]
    pub(super) fn of(tallies: impl Iterator<Item = Tally>) -> Option<Self> {
        let called = tallies.filter(|tally| tally.calls > 0);
        let mut shares: Vec<f64> = called
            .map(|tally| tally.cold as f64 / tally.calls as f64)
            .collect();
        shares.sort_by(f64::total_cmp);
        let rank = |percent: usize| shares.get((shares.len() * percent).div_ceil(100).max(1) - 1);
        Some(Self {
            count: shares.len() as u64,
            p50: *rank(50)?,
            p75: *rank(75)?,
            p90: *rank(90)?,
        })
    }
}

/// The calls of a function or an app.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Tally {
    pub(super) calls: u64,
    pub(super) cold: u64,
}

/// Percentiles of delays in seconds, each within a part in a hundred; the longest is exact.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Delays {
    /// The median.
    pub p50: f64,
    /// Nine of ten calls waited no longer.
    pub p90: f64,
    /// 99 of 100 did.
    pub p99: f64,
    /// 999 of 1,000 did.
    pub p99_9: f64,
    /// The longest.
    pub max: f64,
}

impl Delays {
    pub(super) fn of(delays: &Sketch) -> Option<Self> {
        Some(Self {
            p50: delays.percentile(Percentile::P50)?,
            p90: delays.percentile(Percentile::P90)?,
            p99: delays.percentile(Percentile::P99)?,
            p99_9: delays.percentile(Percentile::new(99.9).ok()?)?,
            max: delays.max()?,
        })
    }
}

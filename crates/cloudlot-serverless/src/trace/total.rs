//! How long the calls of a function run, on the whole.

use crate::Profile;
use cloudlot_core::Bytes;
use std::time::Duration;

/// What the calls of a function add up to.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Total {
    calls: u64,
    nanos: u128,
    longest: Duration,
}

impl Total {
    pub(super) fn add(&mut self, runs: Duration) {
        self.add_many(runs, 1);
    }

    pub(super) fn add_many(&mut self, runs: Duration, calls: u32) {
        self.calls += u64::from(calls);
        self.nanos += runs.as_nanos() * u128::from(calls);
        self.longest = self.longest.max(runs);
    }

    /// The mean, rounded down; zero without calls.
    pub(super) fn mean(&self) -> Duration {
        let mean = self.nanos / u128::from(self.calls.max(1));
        Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX))
    }

    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls == 0
    }

    /// A profile for a function whose owner is not known.
    pub(super) fn profile(&self, name: String, app: String, memory: Bytes) -> Profile {
        Profile {
            name,
            app,
            owner: String::new(),
            memory,
            runs: self.mean(),
            longest: self.longest,
        }
    }
}

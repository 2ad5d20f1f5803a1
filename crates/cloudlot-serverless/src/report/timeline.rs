//! A run over time in a fixed number of buckets, which widen as it grows.

use cloudlot_core::Timestamp;
use serde::{Deserialize, Serialize};

/// What happened in each of some buckets of time, all of one width.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Timeline {
    /// How wide a bucket is, in seconds.
    pub bucket_s: u64,
    /// Calls that arrived.
    pub calls: Vec<u64>,
    /// Those of them that were cold.
    pub cold: Vec<u64>,
    /// What idle instances held, as a mean over the bucket.
    pub idle_mib: Vec<f64>,
    /// What busy instances held, likewise.
    pub busy_mib: Vec<f64>,
}

impl Timeline {
    /// There are at most so many buckets: a day has 288 of five minutes.
    pub const BUCKETS: usize = 480;

    /// How many buckets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether there is no bucket.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Where the last bucket ends, in seconds.
    #[must_use]
    pub fn end_s(&self) -> u64 {
        self.bucket_s.saturating_mul(self.len() as u64)
    }

    pub(super) fn calls_a_minute(&self) -> Vec<f64> {
        self.a_minute(&self.calls)
    }

    pub(super) fn cold_a_minute(&self) -> Vec<f64> {
        self.a_minute(&self.cold)
    }

    pub(super) fn idle_gib(&self) -> Vec<f64> {
        self.idle_mib.iter().map(|mib| mib / 1_024.0).collect()
    }

    pub(super) fn busy_gib(&self) -> Vec<f64> {
        self.busy_mib.iter().map(|mib| mib / 1_024.0).collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "for display")]
    fn a_minute(&self, counts: &[u64]) -> Vec<f64> {
        let minutes = self.bucket_s as f64 / 60.0;
        counts.iter().map(|count| *count as f64 / minutes).collect()
    }
}

const SECOND: u64 = 1_000_000_000;
/// From one width to the next: 1 s, 5 s, 10 s, 30 s, 1 min, 5 min, 10 min, 30 min, 1 h; doubled from there.
const WIDER: [u8; 8] = [5, 2, 3, 2, 5, 2, 3, 2];

/// A time line that is being made.
#[derive(Clone, Debug)]
pub(super) struct Buckets {
    width: u64,
    /// How often it was made wider.
    steps: usize,
    buckets: Vec<Bucket>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Bucket {
    calls: u64,
    cold: u64,
    /// In bytes times nanoseconds.
    idle: u128,
    busy: u128,
}

impl Buckets {
    pub(super) const fn new() -> Self {
        Self {
            width: SECOND,
            steps: 0,
            buckets: Vec::new(),
        }
    }

    /// Counts a call that came at this time.
    pub(super) fn count(&mut self, arrived: Timestamp, cold: bool) {
        let bucket = self.bucket(arrived.as_nanos());
        bucket.calls += 1;
        bucket.cold += u64::from(cold);
    }

    /// Adds so many bytes that were held between two times.
    pub(super) fn hold(&mut self, from: Timestamp, to: Timestamp, idle: u64, busy: u64) {
        let (mut from, to) = (from.as_nanos(), to.as_nanos());
        if idle == 0 && busy == 0 {
            return;
        }
        while from < to {
            self.bucket(from);
            let end = (from / self.width + 1).saturating_mul(self.width).min(to);
            let nanos = u128::from(end - from);
            let bucket = self.bucket(from);
            bucket.idle += u128::from(idle) * nanos;
            bucket.busy += u128::from(busy) * nanos;
            from = end;
        }
    }

    /// The bucket of a time; all become wider until there is one.
    fn bucket(&mut self, nanos: u64) -> &mut Bucket {
        while nanos / self.width >= Timeline::BUCKETS as u64 {
            self.widen();
        }
        let index = usize::try_from(nanos / self.width).unwrap_or(usize::MAX);
        if self.buckets.len() <= index {
            self.buckets.resize(index + 1, Bucket::default());
        }
        &mut self.buckets[index]
    }

    fn widen(&mut self) {
        let by = WIDER.get(self.steps).copied().unwrap_or(2);
        self.steps += 1;
        self.width = self.width.saturating_mul(by.into());
        let sums = self.buckets.chunks(by.into()).map(|chunk| {
            let add = |mut sum: Bucket, one: &Bucket| {
                sum.calls += one.calls;
                sum.cold += one.cold;
                sum.idle += one.idle;
                sum.busy += one.busy;
                sum
            };
            chunk.iter().fold(Bucket::default(), add)
        });
        self.buckets = sums.collect();
    }

    pub(super) fn finish(&self) -> Timeline {
        let column = |of: fn(&Bucket) -> u64| self.buckets.iter().map(of).collect();
        let mean = |of: fn(&Bucket) -> u128| {
            let means = self.buckets.iter().map(|bucket| self.mean_mib(of(bucket)));
            means.collect()
        };
        Timeline {
            bucket_s: self.width / SECOND,
            calls: column(|bucket| bucket.calls),
            cold: column(|bucket| bucket.cold),
            idle_mib: mean(|bucket| bucket.idle),
            busy_mib: mean(|bucket| bucket.busy),
        }
    }

    /// Rounded to thousandths: files are read by people, too.
    #[expect(clippy::cast_precision_loss, reason = "for display and comparison")]
    fn mean_mib(&self, held: u128) -> f64 {
        let mib = held as f64 / (1_u64 << 20) as f64 / self.width as f64;
        libm::round(mib * 1_000.0) / 1_000.0
    }
}

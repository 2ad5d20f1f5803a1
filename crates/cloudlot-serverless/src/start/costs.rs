//! What starts cost, by part: for a report.

use std::time::Duration;

use cloudlot_core::metrics::{Percentile, Sketch};

use super::part::{Part, Parts};

/// The starts of one class, added up.
///
/// Memory is bounded: percentiles are those of sketches, within 0.8 %.
#[derive(Clone, PartialEq, Debug)]
pub struct StartCosts {
    parts: [Sketch; 5],
    whole: Sketch,
    failed: u64,
}

/// What one part cost over many starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// On average, rounded to the nearest nanosecond.
    pub mean: Duration,
    /// Half took no longer.
    pub p50: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl StartCosts {
    /// Of no starts.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            parts: [const { Sketch::new() }; 5],
            whole: Sketch::new(),
            failed: 0,
        }
    }

    /// Takes in one start. Parts that it did not need count as no time.
    pub fn record(&mut self, parts: &Parts, failed: bool) {
        for part in Part::ALL {
            enter(&mut self.parts[part.index()], parts[part]);
        }
        enter(&mut self.whole, parts.total());
        self.failed += u64::from(failed);
    }

    /// How many starts there were, those that failed included.
    #[must_use]
    pub const fn starts(&self) -> u64 {
        self.whole.count()
    }

    /// How many of them failed.
    #[must_use]
    pub const fn failed(&self) -> u64 {
        self.failed
    }

    /// What a part cost; nothing before the first start.
    #[must_use]
    pub fn part(&self, part: Part) -> Option<Cost> {
        cost(&self.parts[part.index()])
    }

    /// What whole starts cost.
    #[must_use]
    pub fn whole(&self) -> Option<Cost> {
        cost(&self.whole)
    }
}

impl Default for StartCosts {
    fn default() -> Self {
        Self::new()
    }
}

fn enter(sketch: &mut Sketch, time: Duration) {
    sketch
        .record(time.as_secs_f64())
        .expect("a duration is finite and not negative");
}

fn cost(sketch: &Sketch) -> Option<Cost> {
    let time = |seconds: f64| super::delay::capped(seconds * 1e9);
    Some(Cost {
        mean: time(sketch.mean()?),
        p50: time(sketch.percentile(Percentile::P50)?),
        p99: time(sketch.percentile(Percentile::P99)?),
        max: time(sketch.max()?),
    })
}

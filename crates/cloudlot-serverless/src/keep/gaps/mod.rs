//! Our own policy: for each function it weighs memory that waits against cold starts, with what it has seen of the function's gaps.
//!
//! A gap belongs to a level. When the calls of a function that run at once fall from three to two, the instance that becomes idle will be wanted
//! when they rise from two to three again: how long that takes is a gap of level two. The first level, where nobody else runs,
//! has longer gaps than the others have, and each has a distribution of its own. Bins and counts are in `bins`, the choice of a plan is in `plan`.

mod bins;
mod plan;

use std::time::Duration;

use cloudlot_core::Timestamp;

use crate::{Function, FunctionId, KeepAlive, Prewarm, Rest, Resting};
use bins::{Common, Histogram, NO_GAP, bin, edge};
use plan::{Plan, Price, cheapest};

/// Settings of [`Gaps`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GapConfig {
    /// What a cold start costs: so much idling of an instance of mean size. More keeps more.
    pub worth: Duration,
    /// By how much a start ahead comes earlier and its instance stays longer than the gaps say. It is also the least time for which
    /// letting go and starting again pays. As coarse as what is known of arrivals.
    pub slack: Duration,
    /// For how many gaps of its own a function believes those of all functions.
    pub trust: f64,
    /// Whether instances are started ahead of calls.
    pub ahead: bool,
}

impl GapConfig {
    /// Chosen on the arrivals of `azure2019_sample_1350a` alone: so that as much memory waits there as with 95 % of a fixed window of
    /// ten minutes, and then for the fewest cold starts. The slack is the minute in which that trace counts.
    pub const DEFAULT: Self = Self {
        worth: Duration::from_secs(1_640),
        slack: Duration::from_secs(60),
        trust: 16.0,
        ahead: true,
    };
}

impl Default for GapConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Levels from here on are taken for this one.
const LEVELS: usize = 32;

/// Keeps each instance for as long as pays by what was seen of its function's gaps, and starts one ahead where that is cheaper.
///
/// The expected cost of a plan is `worth × P(cold) × mean memory + memory × E[idle]`; the plan with the least is taken. Of a function
/// of which little is known it believes what was seen of all, after a gap like its last. A function needs some
/// 200 bytes, and about a kilobyte if many of its calls run at once. Decisions depend on nothing but what the platform tells, and are the same on every
/// machine.
/// ```
/// use cloudlot_core::{Bytes, Timestamp};
/// use cloudlot_serverless::keep::{GapConfig, Gaps};
/// use cloudlot_serverless::sim::{FixedStart, Simulation};
/// use cloudlot_serverless::{Arrival, Function, Platform, Settings};
/// use std::time::Duration;
///
/// let mut platform = Platform::new(Settings::DEFAULT, Gaps::new(GapConfig::DEFAULT));
/// let hourly = platform.add(Function::new(Bytes::mib(128)));
/// let calls = (0..48).map(|hour| Arrival {
///     at: Timestamp::ZERO + Duration::from_secs(3_600 * hour),
///     function: hourly,
///     runs: Duration::from_millis(200),
/// });
/// Simulation::new(FixedStart(Duration::from_secs(1))).run(&mut platform, calls, &mut ());
/// // It was warm when it was called, and held memory for a part of the day.
/// let totals = platform.totals();
/// assert!(totals.cold < 5 && totals.idle_mib_s() < 0.5 * 128.0 * 48.0 * 3_600.0);
/// ```
#[derive(Clone, Debug)]
pub struct Gaps {
    config: GapConfig,
    functions: Vec<Row>,
    /// The first level's gaps and those of the others.
    common: [Common; 2],
    /// Of all functions.
    memory: u128,
}

#[derive(Clone, Debug)]
struct Row {
    memory: u64,
    /// Calls that have come and not ended.
    busy: u32,
    /// How long its last start took, in nanoseconds.
    start: u64,
    /// When the level was last left downwards, in nanoseconds; the end of time if it is not known.
    left: Vec<u64>,
    /// What is known of the levels 0, 1, 2 to 3, 4 to 7 and all above.
    known: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    seen: Histogram,
    last: usize,
    /// How many gaps came since the plan was made.
    news: u16,
    rest: Rest,
}

impl Gaps {
    /// A policy that has seen nothing.
    #[must_use]
    pub fn new(config: GapConfig) -> Self {
        Self {
            config,
            functions: Vec::new(),
            common: [Common::new(), Common::new()],
            memory: 0,
        }
    }

    fn decide(&self, row: &Row, known: &Known, level: usize) -> Rest {
        let common = &self.common[level.min(1)];
        let expected = common.expect(known.last, &known.seen, self.config.trust);
        let start = Duration::from_nanos(row.start).as_secs_f64();
        let price = Price {
            cold: self.worth_of(row.memory),
            ahead: (self.config.ahead && level == 0).then_some(start),
        };
        rest(cheapest(&expected, &price), row.start, self.config.slack)
    }

    /// What a cold start costs in seconds of idling of an instance of this size.
    #[expect(clippy::cast_precision_loss, reason = "a ratio of sizes")]
    fn worth_of(&self, memory: u64) -> f64 {
        let mean = self.memory as f64 / self.functions.len().max(1) as f64;
        // What holds nothing can wait for ever: the longest bin is much shorter than that.
        let times = if memory == 0 {
            1e6
        } else {
            mean / memory as f64
        };
        self.config.worth.as_secs_f64() * times
    }
}

impl KeepAlive for Gaps {
    fn added(&mut self, _: FunctionId, is: &Function) {
        self.memory += u128::from(is.memory.get());
        self.functions.push(Row {
            memory: is.memory.get(),
            busy: 0,
            start: 1_000_000_000,
            left: Vec::new(),
            known: Vec::new(),
        });
    }

    fn ready(&mut self, function: FunctionId, took: Duration) {
        if let Some(row) = self.functions.get_mut(at(function)) {
            row.start = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        }
    }

    fn replaced(&mut self, function: FunctionId, is: &Function) {
        let row = &mut self.functions[function.number() as usize];
        self.memory = self.memory - u128::from(row.memory) + u128::from(is.memory.get());
        row.memory = is.memory.get();
    }

    fn arrived(&mut self, function: FunctionId, now: Timestamp) {
        let Some(row) = self.functions.get_mut(at(function)) else {
            return;
        };
        let level = depth(row.busy);
        row.busy = row.busy.saturating_add(1);
        let Some(left) = row.left.get_mut(level) else {
            return;
        };
        if *left == u64::MAX {
            return;
        }
        let gap = bin(now.as_nanos().saturating_sub(*left));
        *left = u64::MAX;
        let known = &mut row.known[class(level)];
        self.common[level.min(1)].add(known.last, gap);
        known.seen.add(gap);
        known.news = known.news.saturating_add(1);
        known.last = gap;
    }

    fn rest(&mut self, resting: &Resting) -> Rest {
        let number = at(resting.function);
        let level = depth(resting.busy);
        let Some(row) = self.functions.get_mut(number) else {
            return Rest::keep(self.config.worth);
        };
        row.busy = resting.busy;
        row.left.resize(row.left.len().max(level + 1), u64::MAX);
        row.left[level] = resting.now.as_nanos();
        let class = class(level);
        while row.known.len() <= class {
            row.known.push(Known::NOTHING);
        }
        let known = &row.known[class];
        if !known.is_due() {
            return known.rest;
        }
        let row = &self.functions[number];
        let rest = self.decide(row, &row.known[class], level);
        let known = &mut self.functions[number].known[class];
        known.rest = rest;
        known.news = 0;
        rest
    }
}

impl Known {
    const NOTHING: Self = Self {
        seen: Histogram::EMPTY,
        last: NO_GAP,
        news: 0,
        rest: Rest::keep(Duration::ZERO),
    };

    /// Whether a plan is to be made: with few gaps always, with many when an eighth of them is new.
    const fn is_due(&self) -> bool {
        let total = self.seen.total();
        total < 64 || self.news > total / 8
    }
}

/// A plan in time from the rest on.
fn rest(plan: Plan, start: u64, slack: Duration) -> Rest {
    let keep = Duration::from_nanos(edge(plan.keep));
    let Some((from, until)) = plan.again else {
        return Rest::keep(keep);
    };
    let (from, until) = (
        Duration::from_nanos(edge(from)),
        Duration::from_nanos(edge(until)),
    );
    let until = until + slack;
    let after = from.saturating_sub(slack + Duration::from_nanos(start));
    if after < keep + slack {
        return Rest::keep(until);
    }
    let ready = after + Duration::from_nanos(start);
    Rest {
        keep,
        prewarm: Some(Prewarm {
            after,
            keep: until.saturating_sub(ready),
        }),
    }
}

fn depth(busy: u32) -> usize {
    usize::try_from(busy).unwrap_or(usize::MAX).min(LEVELS - 1)
}

/// Levels that share what is known: 0, 1, 2 to 3, 4 to 7, 8 and more.
fn class(level: usize) -> usize {
    let doublings = level.checked_ilog2().map_or(0, |doublings| doublings + 1);
    usize::try_from(doublings).unwrap_or(0).min(4)
}

fn at(function: FunctionId) -> usize {
    usize::try_from(function.number()).unwrap_or(usize::MAX)
}

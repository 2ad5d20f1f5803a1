//! The rule: two windows, the panic, and the number that follows.

use super::{Concurrency, ConcurrencyError, KpaConfig, KpaConfigError, Window};
use cloudlot_core::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// No more are ready; no more are wanted than `i32::MAX`, where a count of Knative ends.
const READY_MOST: u32 = 1_000_000;
const WANTED_MOST: u32 = 2_147_483_647;

/// The rule and what it remembers.
///
/// With `ready` at least 1: `up = ceil(rate_up · ready)`, `down = floor(ready / rate_down)`, zero where the function is not
/// reachable. Each window wants `ceil(average / target)`, kept between `down` and `up`; where it wants any, at least the
/// activation scale. Panic begins where the panic window wants the threshold times `ready` or more before it is kept; every
/// such tick begins it again, and it ends at the first tick more than a stable window after. In panic the larger of the two
/// counts, and the answer is the most since the panic began. Last, the answer is the most of the scale-down delay.
/// ```
/// use cloudlot_core::Timestamp;
/// use cloudlot_serverless::scale::kpa::{Concurrency, Kpa, KpaConfig};
/// use std::time::Duration;
///
/// let mut kpa = Kpa::new(KpaConfig::default())?;
/// let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
/// kpa.observe(at(1), Concurrency::from_requests(141.0)?)?;
/// let desired = kpa.decide(at(2), 1)?;
/// assert_eq!((desired.replicas, desired.panicking), (3, true));
/// assert_eq!(desired.excess_burst, 100 - 211 - 141);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Kpa {
    config: KpaConfig,
    reachable: bool,
    stable: Window,
    panic: Window,
    panicking: Option<Panic>,
    /// Answers of the scale-down delay, later ones lower.
    recent: VecDeque<(Timestamp, u32)>,
    latest: Timestamp,
    observed: bool,
}

/// What is kept while it panics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Panic {
    /// The last tick over the threshold.
    since: Timestamp,
    most: u32,
}

/// How many there should be, and what it comes from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Desired {
    /// How many instances.
    pub replicas: u32,
    /// The rule panics.
    pub panicking: bool,
    /// The room that ready instances have beyond the load and the burst, in requests, rounded down; negative where a burst
    /// would wait. Unlike the bounds it counts no instance where none is ready.
    pub excess_burst: i64,
    /// Which step made the number.
    pub why: Why,
    /// The average of the stable window, in requests.
    pub stable_average: f64,
    /// The average of the panic window, in requests.
    pub panic_average: f64,
    /// The fewest that one tick may leave.
    pub down: u32,
    /// The most that one tick may ask for.
    pub up: u32,
}

/// Which step of the rule made the number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// The stable window wants it.
    Stable,
    /// The panic window wants it.
    Panic,
    /// The window wants fewer, but one tick takes no more away.
    DownLimit,
    /// The window wants more, but one tick adds no more.
    UpLimit,
    /// There is demand, and the activation scale is more.
    Activation,
    /// It was wanted since the panic began.
    PanicHolds,
    /// It was wanted within the scale-down delay.
    Delayed,
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum KpaError {
    /// Time ran backwards; nothing changed.
    #[error("{} ns is before {} ns", now.as_nanos(), latest.as_nanos())]
    Backwards {
        /// What was said.
        now: Timestamp,
        /// What was said before.
        latest: Timestamp,
    },
    /// More instances are ready than there may be.
    #[error("{0} instances are above 1000000")]
    Ready(u32),
    /// One second would hold too much.
    #[error(transparent)]
    Concurrency(#[from] ConcurrencyError),
}

/// What a window wants after the bounds, and why.
#[derive(Clone, Copy)]
struct Wanted {
    count: u32,
    why: Why,
}

impl Kpa {
    /// The rule before it has seen anything.
    ///
    /// # Errors
    ///
    /// Where a setting is out of its range.
    pub fn new(config: KpaConfig) -> Result<Self, KpaConfigError> {
        config.check()?;
        Ok(Self {
            stable: Window::new(config.stable_seconds()),
            panic: Window::new(config.panic_seconds()),
            config,
            reachable: true,
            panicking: None,
            recent: VecDeque::new(),
            latest: Timestamp::ZERO,
            observed: false,
        })
    }

    /// The rule where `ready` instances already run, as after a restart: above one, it begins in panic, and so keeps them
    /// until the windows are full.
    ///
    /// # Errors
    ///
    /// Where a setting is out of its range.
    pub fn resumed(config: KpaConfig, now: Timestamp, ready: u32) -> Result<Self, KpaConfigError> {
        let mut kpa = Self::new(config)?;
        kpa.latest = now;
        if ready > 1 {
            kpa.panicking = Some(Panic {
                since: now,
                most: ready,
            });
        }
        Ok(kpa)
    }

    /// The settings.
    #[must_use]
    pub const fn config(&self) -> &KpaConfig {
        &self.config
    }

    /// Says whether calls can reach the function; at first they can. One that is out of reach may lose all at once.
    pub const fn set_reachable(&mut self, reachable: bool) {
        self.reachable = reachable;
    }

    /// Whether anything was observed yet.
    #[must_use]
    pub const fn has_observed(&self) -> bool {
        self.observed
    }

    /// Takes the concurrency of the second that `at` lies in. What is told of one second adds up: several hosts may report.
    ///
    /// # Errors
    ///
    /// Where `at` is before a time that was told already, or one second would hold too much; then nothing changes.
    pub fn observe(&mut self, at: Timestamp, concurrency: Concurrency) -> Result<(), KpaError> {
        self.not_before(at)?;
        let second = second(at);
        // Both windows hold the same in their last bucket: they refuse together.
        self.stable.record(second, concurrency)?;
        self.panic.record(second, concurrency)?;
        self.latest = at;
        self.observed = true;
        Ok(())
    }

    /// How many instances there should be, `ready` being those that serve now.
    ///
    /// # Errors
    ///
    /// Where `now` is before a time that was told already, or more than 1,000,000 are ready; then nothing changes.
    pub fn decide(&mut self, now: Timestamp, ready: u32) -> Result<Desired, KpaError> {
        self.not_before(now)?;
        if ready > READY_MOST {
            return Err(KpaError::Ready(ready));
        }
        self.latest = now;
        let stable_average = self.stable.average(second(now));
        let panic_average = self.panic.average(second(now));
        let (down, up) = self.bounds(ready);
        let target = self.config.target();
        let stable_wants = (stable_average / target).ceil();
        let panic_wants = (panic_average / target).ceil();

        let calm = self.wanted(stable_wants, (down, up), Why::Stable);
        let hasty = self.wanted(panic_wants, (down, up), Why::Panic);
        self.turn_panic(now, self.is_over(panic_wants, ready));
        let wanted = self.delay(now, self.hold(calm, hasty));

        if let Some(panic) = &mut self.panicking {
            panic.most = panic.most.max(hasty.count).max(calm.count);
        }
        Ok(Desired {
            replicas: wanted.count,
            panicking: self.panicking.is_some(),
            excess_burst: self.excess_burst(ready, panic_average),
            why: wanted.why,
            stable_average,
            panic_average,
            down,
            up,
        })
    }

    fn not_before(&self, now: Timestamp) -> Result<(), KpaError> {
        if now < self.latest {
            return Err(KpaError::Backwards {
                now,
                latest: self.latest,
            });
        }
        Ok(())
    }

    /// The fewest and the most after one tick.
    fn bounds(&self, ready: u32) -> (u32, u32) {
        let ready = f64::from(ready.max(1));
        let down = if self.reachable {
            (ready / self.config.max_scale_down_rate).floor()
        } else {
            0.0
        };
        let up = (self.config.max_scale_up_rate * ready).ceil();
        (count(down), count(up))
    }

    fn is_over(&self, panic_wants: f64, ready: u32) -> bool {
        let threshold = f64::from(self.config.panic_threshold_percent) / 100.0;
        panic_wants / f64::from(ready.max(1)) >= threshold
    }

    /// Keeps what a window wants between the bounds, and above the activation scale where it wants any.
    fn wanted(&self, wants: f64, (down, up): (u32, u32), window: Why) -> Wanted {
        let unbounded = count(wants);
        let bounded = unbounded.max(down).min(up);
        let floor = self.config.activation_scale;
        if unbounded > 0 && floor > 1 && floor > bounded {
            return Wanted {
                count: floor,
                why: Why::Activation,
            };
        }
        let why = match bounded.cmp(&unbounded) {
            std::cmp::Ordering::Less => Why::UpLimit,
            std::cmp::Ordering::Equal => window,
            std::cmp::Ordering::Greater => Why::DownLimit,
        };
        Wanted {
            count: bounded,
            why,
        }
    }

    /// Begins, prolongs or ends the panic.
    fn turn_panic(&mut self, now: Timestamp, over: bool) {
        match &mut self.panicking {
            Some(panic) if over => panic.since = now,
            Some(panic) if now.since(panic.since) > self.config.stable_window => {
                self.panicking = None;
            }
            None if over => {
                self.panicking = Some(Panic {
                    since: now,
                    most: 0,
                })
            }
            _ => {}
        }
    }

    /// In panic, the larger of both and of all since it began.
    fn hold(&self, calm: Wanted, hasty: Wanted) -> Wanted {
        let Some(panic) = self.panicking else {
            return calm;
        };
        let larger = if calm.count < hasty.count {
            hasty
        } else {
            calm
        };
        if larger.count < panic.most {
            return Wanted {
                count: panic.most,
                why: Why::PanicHolds,
            };
        }
        larger
    }

    /// The most of the answers that are younger than the delay.
    fn delay(&mut self, now: Timestamp, wanted: Wanted) -> Wanted {
        let delay: Duration = self.config.scale_down_delay;
        // An earlier answer that is no higher can never be the maximum again.
        while self
            .recent
            .back()
            .is_some_and(|&(_, most)| most <= wanted.count)
        {
            self.recent.pop_back();
        }
        self.recent.push_back((now, wanted.count));
        while self.recent.len() > 1
            && self
                .recent
                .front()
                .is_some_and(|&(at, _)| now.since(at) >= delay)
        {
            self.recent.pop_front();
        }
        match self.recent.front() {
            Some(&(_, most)) if most > wanted.count => Wanted {
                count: most,
                why: Why::Delayed,
            },
            _ => wanted,
        }
    }

    fn excess_burst(&self, ready: u32, panic_average: f64) -> i64 {
        let capacity = f64::from(ready) * f64::from(self.config.container_concurrency);
        let excess = capacity - f64::from(self.config.target_burst_capacity) - panic_average;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a whole number of at most 10¹² either way"
        )]
        let excess = excess.floor() as i64;
        excess
    }
}

fn second(at: Timestamp) -> u64 {
    at.as_nanos() / 1_000_000_000
}

/// A whole number from zero on, at most [`WANTED_MOST`].
fn count(whole: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and between 0 and i32::MAX"
    )]
    let count = whole.clamp(0.0, f64::from(WANTED_MOST)) as u32;
    count
}

//! Rails around any scaler: how fast the number may move, when it may turn, and when the last instance may go.

use std::collections::VecDeque;
use std::time::Duration;

use cloudlot_core::Timestamp;

use super::{Sample, Scaler};

/// How far the number may move within some time: by a count or by a part, whichever is more.
///
/// Source: Kubernetes documentation, "Horizontal Pod Autoscaling", scaling policies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// So many instances.
    pub count: u32,
    /// So many percent of those that there were when the time began; upwards it is rounded up, downwards down.
    pub percent: u32,
    /// Within this time.
    pub within: Duration,
}

impl Pace {
    /// As fast as the scaler likes.
    pub const FREE: Self = Self {
        count: u32::MAX,
        percent: 0,
        within: Duration::ZERO,
    };
}

/// What may wake a function that has no instance.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Wake {
    /// Calls alone: without demand it stays at zero, whatever the scaler thinks.
    #[default]
    Demand,
    /// The scaler too: for those that know the future.
    Forecast,
}

/// Where the rails lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RailsConfig {
    /// The fewest instances; zero lets the function rest.
    pub least: u32,
    /// The most.
    pub most: u32,
    /// How fast there may be more.
    pub up: Pace,
    /// How fast there may be fewer.
    pub down: Pace,
    /// How long after a move there is none in the other direction. A function without an instance does not wait for it.
    pub turn: Duration,
    /// How long after its first tick a function loses nothing.
    pub first: Duration,
    /// How long none must be wanted before the last one goes; more than one go without it.
    pub grace: Duration,
    /// What may wake it.
    pub wake: Wake,
}

impl Default for RailsConfig {
    /// Any number, at any pace, but no turn within a minute, nothing lost in the first five, half a minute before zero (Knative's grace), and
    /// calls alone wake it.
    fn default() -> Self {
        Self {
            least: 0,
            most: u32::MAX,
            up: Pace::FREE,
            down: Pace::FREE,
            turn: Duration::from_secs(60),
            first: Duration::from_secs(300),
            grace: Duration::from_secs(30),
            wake: Wake::Demand,
        }
    }
}

/// A scaler between rails.
///
/// Of what the scaler wants, first the bounds are kept, then the pace, then the least time between turns, then the first
/// minutes, and last the grace before zero. So the number turns at most once in [`turn`](RailsConfig::turn), but for waking up.
/// ```
/// use cloudlot_core::Timestamp;
/// use cloudlot_serverless::scale::{Fixed, Railed, RailsConfig, Sample, Scaler};
/// use std::time::Duration;
///
/// let mut scaler = Railed::new(Fixed(0), RailsConfig { first: Duration::ZERO, ..RailsConfig::default() });
/// let at = |second| Timestamp::ZERO + Duration::from_secs(second);
/// let mut idle = Sample {
///     ready: 4,
///     target: Some(4),
///     ..Sample::quiet(at(0), at(2))
/// };
/// assert_eq!(scaler.desired(&idle), Some(1), "down to one at once");
/// (idle.at, idle.target) = (at(31), Some(1));
/// assert_eq!(scaler.desired(&idle), Some(1));
/// idle.at = at(32);
/// assert_eq!(scaler.desired(&idle), Some(0), "after the grace");
/// ```
#[derive(Clone, Debug)]
pub struct Railed<S> {
    scaler: S,
    config: RailsConfig,
    born: Option<Timestamp>,
    /// Since when none is wanted.
    idle_since: Option<Timestamp>,
    /// When it last went up, and when down.
    last_up: Option<Timestamp>,
    last_down: Option<Timestamp>,
    /// Moves that a pace still counts.
    moves: VecDeque<(Timestamp, i64)>,
}

impl<S> Railed<S> {
    /// This scaler between these rails.
    #[must_use]
    pub const fn new(scaler: S, config: RailsConfig) -> Self {
        Self {
            scaler,
            config,
            born: None,
            idle_since: None,
            last_up: None,
            last_down: None,
            moves: VecDeque::new(),
        }
    }

    /// The scaler within.
    #[must_use]
    pub const fn scaler(&self) -> &S {
        &self.scaler
    }

    /// The scaler within, to be taught.
    pub const fn scaler_mut(&mut self) -> &mut S {
        &mut self.scaler
    }

    /// Between the bounds, which may themselves contradict: the most wins.
    fn bounded(&self, wanted: u32) -> u32 {
        wanted.max(self.config.least).min(self.config.most)
    }

    /// No further than the pace of its direction allows.
    fn paced(&self, wanted: u32, current: u32, now: Timestamp) -> u32 {
        let up = wanted > current;
        let pace = if up { self.config.up } else { self.config.down };
        let moved: i64 = self
            .moves
            .iter()
            .filter(|&&(at, by)| now.since(at) < pace.within && (by > 0) == up)
            .map(|&(_, by)| by)
            .sum();
        let begun = i64::from(current) - moved;
        let base = u64::try_from(begun).unwrap_or(0);
        let part = base * u64::from(pace.percent);
        let part = if up { part.div_ceil(100) } else { part / 100 };
        let reach = i64::try_from(part.max(u64::from(pace.count))).unwrap_or(i64::MAX);
        let limit = if up {
            i64::from(wanted).min(begun.saturating_add(reach).max(i64::from(current)))
        } else {
            i64::from(wanted).max(begun.saturating_sub(reach).min(i64::from(current)))
        };
        u32::try_from(limit).unwrap_or(wanted)
    }

    /// Whether it has just gone the other way.
    fn is_turning(&self, wanted: u32, current: u32, now: Timestamp) -> bool {
        let before = if wanted > current {
            // A sleeping function wakes at once.
            if current == 0 {
                return false;
            }
            self.last_down
        } else {
            self.last_up
        };
        before.is_some_and(|at| now.since(at) < self.config.turn)
    }

    fn note(&mut self, wanted: u32, current: u32, now: Timestamp) {
        let by = i64::from(wanted) - i64::from(current);
        if by == 0 {
            return;
        }
        *(if by > 0 {
            &mut self.last_up
        } else {
            &mut self.last_down
        }) = Some(now);
        let longest = self.config.up.within.max(self.config.down.within);
        self.moves.retain(|&(at, _)| now.since(at) < longest);
        if !longest.is_zero() {
            self.moves.push_back((now, by));
        }
    }
}

impl<S: Scaler> Scaler for Railed<S> {
    /// Never `None`: without evidence the number stays, between its bounds.
    fn desired(&mut self, sample: &Sample) -> Option<u32> {
        let (now, current) = (sample.at, sample.current());
        let born = *self.born.get_or_insert(sample.from);
        let wanted = self.scaler.desired(sample).unwrap_or(current);
        let wanted = self.bounded(wanted);
        if wanted > 0 {
            self.idle_since = None;
        }
        let asleep = current == 0 && self.config.wake == Wake::Demand && !sample.has_demand();
        let mut allowed = self.paced(wanted, current, now);
        if allowed > current && asleep && self.config.least == 0 {
            allowed = 0;
        }
        if self.is_turning(allowed, current, now)
            || (allowed < current && now.since(born) < self.config.first)
        {
            allowed = self.bounded(current);
        }
        if wanted == 0 {
            let since = *self.idle_since.get_or_insert(now);
            if allowed == 0 && current > 0 && now.since(since) < self.config.grace {
                allowed = 1;
            }
        }
        self.note(allowed, current, now);
        Some(allowed)
    }
}

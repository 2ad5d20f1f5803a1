//! Holt-Winters: exponential smoothing of a level, a trend and, where there is one, a season.
//!
//! Source: Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, sections 8.2 (trend, damped
//! trend) and 8.3 (additive season).

use super::evidence::Check;
use cloudlot_core::Faults;

/// How fast each part of a forecast follows what is new, from 0 (never) to 1 (at once).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Smoothing {
    /// The level, α.
    pub level: f64,
    /// The trend, β*: the share of the last change of the level.
    pub trend: f64,
    /// The season, γ.
    pub season: f64,
    /// What is left of the trend after each step, φ: 1 for a straight line.
    pub damping: f64,
}

impl Default for Smoothing {
    /// A quick level, a slow trend that goes on in a straight line, and a slow season.
    fn default() -> Self {
        Self {
            level: 0.5,
            trend: 0.1,
            season: 0.1,
            damping: 1.0,
        }
    }
}

impl Smoothing {
    pub(super) fn check(&self, check: Check) -> Check {
        check
            .share("smoothing.level", self.level)
            .share("smoothing.trend", self.trend)
            .share("smoothing.season", self.season)
            .share("smoothing.damping", self.damping)
    }
}

/// A smoothed sequence, and what follows it.
/// ```
/// use cloudlot_policy::scale::{HoltWinters, Smoothing};
///
/// let mut line = HoltWinters::new(Smoothing::default(), &[1.0, 2.0, 3.0, 4.0, 5.0], None)?;
/// line.push(6.0);
/// assert_eq!(line.ahead(3), 9.0);
///
/// // Two rounds of a season of three, then the third.
/// let waves = [10.0, 20.0, 60.0, 10.0, 20.0, 60.0];
/// let mut wave = HoltWinters::new(Smoothing::default(), &waves, Some(3))?;
/// wave.push(10.0);
/// assert_eq!((wave.ahead(1), wave.ahead(2), wave.ahead(3)), (20.0, 60.0, 10.0));
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, Debug)]
pub struct HoltWinters {
    smoothing: Smoothing,
    level: f64,
    trend: f64,
    /// Empty without a season; `next` is the place of the value that comes next.
    season: Vec<f64>,
    next: usize,
}

/// The trend starts as that of so many steps: enough to even out noise, few enough that a ramp shows.
const START: usize = 4;

impl HoltWinters {
    /// Smooths `values`, oldest first, with a season of so many values.
    ///
    /// A season shorter than two values, or longer than half of them, is none. Without values everything is zero.
    ///
    /// # Errors
    /// Smoothing parameters outside of 0 to 1.
    pub fn new(
        smoothing: Smoothing,
        values: &[f64],
        season: Option<usize>,
    ) -> Result<Self, Faults> {
        let checked = smoothing.check(Check::default()).or(smoothing)?;
        let (mut this, start) = Self::begin(checked, values, season);
        values[start..].iter().for_each(|value| this.push(*value));
        Ok(this)
    }

    /// The state from which smoothing starts, and the place of the first value that is yet to be pushed.
    pub(super) fn begin(
        smoothing: Smoothing,
        values: &[f64],
        season: Option<usize>,
    ) -> (Self, usize) {
        let round = season.filter(|round| *round >= 2 && values.len() / 2 >= *round);
        match round {
            Some(round) => (Self::seasonal(smoothing, values, round), round),
            None => (Self::straight(smoothing, values), values.len().min(1)),
        }
    }

    fn straight(smoothing: Smoothing, values: &[f64]) -> Self {
        let steps = values.len().saturating_sub(1).min(START);
        let first = values.first().copied().unwrap_or(0.0);
        let trend = match steps {
            0 => 0.0,
            _ => (values[steps] - first) / number(steps),
        };
        Self {
            smoothing,
            level: first,
            trend,
            season: Vec::new(),
            next: 0,
        }
    }

    /// Level and trend from the means of the first two rounds, the season from what the first differs from that line.
    fn seasonal(smoothing: Smoothing, values: &[f64], round: usize) -> Self {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / number(round);
        let first = mean(&values[..round]);
        let trend = (mean(&values[round..2 * round]) - first) / number(round);
        let middle = number(round - 1) / 2.0;
        let line = |place: usize| first + (number(place) - middle) * trend;
        let season = (0..round)
            .map(|place| values[place] - line(place))
            .collect();
        Self {
            smoothing,
            level: line(round - 1),
            trend,
            season,
            next: 0,
        }
    }

    /// Takes in the value that follows.
    pub fn push(&mut self, value: f64) {
        let Smoothing {
            level: alpha,
            trend: beta,
            season: gamma,
            damping,
        } = self.smoothing;
        let season = self.season.get(self.next).copied().unwrap_or(0.0);
        let expected = self.level + damping * self.trend;
        let level = alpha * (value - season) + (1.0 - alpha) * expected;
        self.trend = beta * (level - self.level) + (1.0 - beta) * damping * self.trend;
        self.level = level;
        if let Some(place) = self.season.get_mut(self.next) {
            *place = gamma * (value - expected) + (1.0 - gamma) * season;
            self.next = (self.next + 1) % self.season.len();
        }
    }

    /// The forecast so many values ahead; 0 is the level as it is, without season.
    #[must_use]
    pub fn ahead(&self, steps: usize) -> f64 {
        let damping = self.smoothing.damping;
        let mut weight = 1.0;
        let mut weights = 0.0;
        for _ in 0..steps {
            weight *= damping;
            weights += weight;
        }
        let season = match steps {
            0 => None,
            _ => self
                .season
                .get((self.next + steps - 1) % self.season.len().max(1)),
        };
        self.level + weights * self.trend + season.copied().unwrap_or(0.0)
    }
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

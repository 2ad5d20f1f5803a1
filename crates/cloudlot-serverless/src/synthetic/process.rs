//! When one function is called: arrival processes that need a seed and no trace.

use crate::chance::Chance;
use cloudlot_core::Timestamp;
use std::f64::consts::TAU;
use std::time::Duration;

/// No function is called more often.
const MOST_PER_SECOND: f64 = 1e6;

/// How calls arrive. Rates are calls a second.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Process {
    /// At one rate, each call independent of the others.
    Poisson {
        /// The rate.
        rate: f64,
    },
    /// Independent calls whose rate swings as a cosine: `mean × (1 + swing × cos(2π (t − peak) / period))`.
    ///
    /// Source of the thinning: Lewis and Shedler (1979).
    Diurnal {
        /// The rate over a whole period.
        mean: f64,
        /// How far the rate swings, as a part of the mean: 0 to 1.
        swing: f64,
        /// When the rate is highest.
        peak: Duration,
        /// From one peak to the next; a day, as a rule.
        period: Duration,
    },
    /// Independent calls at one of two rates, which take turns for exponential times: a Markov-modulated Poisson process. It
    /// begins in the quiet.
    Burst {
        /// The rate between bursts; often zero.
        quiet: f64,
        /// The rate in a burst.
        busy: f64,
        /// How long it is quiet, on average.
        quiet_for: Duration,
        /// How long a burst lasts, on average.
        busy_for: Duration,
    },
    /// Independent calls at one rate, but for one time at another.
    Spike {
        /// The rate before and after.
        base: f64,
        /// The rate in the spike.
        spike: f64,
        /// When the spike begins.
        from: Duration,
        /// How long it lasts.
        lasts: Duration,
    },
}

/// Why a process is none.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ProcessError {
    /// A rate is negative, not finite or too high.
    #[error("a rate of {0} calls a second is not between 0 and 1000000")]
    Rate(f64),
    /// The swing is not a part.
    #[error("a swing of {0} is not between 0 and 1")]
    Swing(f64),
    /// A time that must pass is zero.
    #[error("{0} is zero")]
    NoTime(&'static str),
}

impl Process {
    /// How many calls there are on average from zero to `until`; of a burst over the long run.
    #[must_use]
    pub fn expected(&self, until: Duration) -> f64 {
        let time = until.as_secs_f64();
        match *self {
            Self::Poisson { rate } => rate * time,
            Self::Diurnal {
                mean,
                swing,
                peak,
                period,
            } => {
                let (peak, period) = (peak.as_secs_f64(), period.as_secs_f64());
                let wave = |t: f64| libm::sin(TAU * (t - peak) / period) * period / TAU;
                mean * (time + swing * (wave(time) - wave(0.0)))
            }
            Self::Burst {
                quiet,
                busy,
                quiet_for,
                busy_for,
            } => {
                let (quiet_for, busy_for) = (quiet_for.as_secs_f64(), busy_for.as_secs_f64());
                time * (quiet * quiet_for + busy * busy_for) / (quiet_for + busy_for)
            }
            Self::Spike {
                base,
                spike,
                from,
                lasts,
            } => {
                let within = until.saturating_sub(from).min(lasts).as_secs_f64();
                base * (time - within) + spike * within
            }
        }
    }

    /// Says what is wrong with it.
    pub(super) fn check(&self) -> Result<(), ProcessError> {
        let rates = match *self {
            Self::Poisson { rate } => [rate, 0.0],
            Self::Diurnal { mean, .. } => [mean, 0.0],
            Self::Burst { quiet, busy, .. } => [quiet, busy],
            Self::Spike { base, spike, .. } => [base, spike],
        };
        if let Some(rate) = rates
            .iter()
            .find(|it| !(0.0..=MOST_PER_SECOND).contains(*it))
        {
            return Err(ProcessError::Rate(*rate));
        }
        match *self {
            Self::Diurnal { swing, .. } if !(0.0..=1.0).contains(&swing) => {
                Err(ProcessError::Swing(swing))
            }
            Self::Diurnal { period, .. } if period.is_zero() => Err(ProcessError::NoTime("period")),
            Self::Burst { quiet_for, .. } if quiet_for.is_zero() => {
                Err(ProcessError::NoTime("quiet_for"))
            }
            Self::Burst { busy_for, .. } if busy_for.is_zero() => {
                Err(ProcessError::NoTime("busy_for"))
            }
            _ => Ok(()),
        }
    }
}

/// The times of one process, strictly ascending.
#[derive(Clone, Debug)]
pub(super) struct Times {
    process: Process,
    chance: Chance,
    /// In nanoseconds: no time at or before this comes any more.
    now: u64,
    /// Until when the present rate holds; `u64::MAX` if for ever.
    until: u64,
    /// No time from here on is wanted: else a process that is silent would be searched for ever.
    end: u64,
    /// Whether it is the second of two rates.
    second: bool,
}

impl Times {
    /// Those from zero until before `end`.
    pub(super) fn new(process: Process, chance: Chance, end: Timestamp) -> Self {
        let mut times = Self {
            process,
            chance,
            now: 0,
            until: u64::MAX,
            end: end.as_nanos(),
            second: false,
        };
        times.until = match process {
            Process::Poisson { .. } | Process::Diurnal { .. } => u64::MAX,
            Process::Burst { quiet_for, .. } => times.stay(quiet_for),
            Process::Spike { from, .. } => nanos(from),
        };
        times
    }

    /// Takes the other rate.
    fn turn(&mut self) {
        self.second = !self.second;
        self.now = self.until;
        self.until = match self.process {
            Process::Burst {
                quiet_for,
                busy_for,
                ..
            } => self.stay(if self.second { busy_for } else { quiet_for }),
            Process::Spike { lasts, .. } if self.second => self.now.saturating_add(nanos(lasts)),
            _ => u64::MAX,
        };
    }

    /// The end of an exponential time from now.
    fn stay(&mut self, mean: Duration) -> u64 {
        self.now
            .saturating_add(whole(mean.as_secs_f64() * 1e9 * self.chance.exponential()))
    }

    /// The present rate; that of a diurnal process at its peak.
    fn rate(&self) -> f64 {
        match self.process {
            Process::Poisson { rate } => rate,
            Process::Diurnal { mean, swing, .. } => mean * (1.0 + swing),
            Process::Burst { busy, .. } if self.second => busy,
            Process::Burst { quiet, .. } => quiet,
            Process::Spike { spike, .. } if self.second => spike,
            Process::Spike { base, .. } => base,
        }
    }

    /// Whether a candidate of a process that was drawn at its highest rate stays.
    fn keeps(&mut self, at: u64) -> bool {
        let Process::Diurnal {
            swing,
            peak,
            period,
            ..
        } = self.process
        else {
            return true;
        };
        // The phase is taken in whole nanoseconds, so that it is as exact after a year as on the first day.
        let period = nanos(period);
        let past = (at % period + period - nanos(peak) % period) % period;
        let wave = libm::cos(TAU * seconds(past) / seconds(period));
        self.chance.unit() * (1.0 + swing) < 1.0 + swing * wave
    }
}

impl Iterator for Times {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        loop {
            let rate = self.rate();
            let gap = if rate > 0.0 {
                whole(self.chance.exponential() / rate * 1e9).max(1)
            } else {
                u64::MAX
            };
            let at = self.now.saturating_add(gap);
            if at.min(self.until) >= self.end {
                return None;
            }
            if at >= self.until {
                self.turn();
                continue;
            }
            self.now = at;
            if self.keeps(at) {
                return Some(Timestamp::from_nanos(at));
            }
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn seconds(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64()
}

/// To the nearest whole number; the largest one beyond it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and nothing here is negative"
)]
fn whole(number: f64) -> u64 {
    libm::round(number) as u64
}

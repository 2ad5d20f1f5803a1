//! What is known of one function: what its calls used lately, and which limits were too low.

use std::time::Duration;

use cloudlot_core::Timestamp;
use cloudlot_core::metrics::{Percentile, Sketch};

use super::config::{Bump, RightsizeConfig};
use super::usage::{Fate, Usage};

/// One function.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    /// When the running epoch began.
    epoch: Timestamp,
    pub(super) memory: Amounts,
    pub(super) cpu: Amounts,
    pub(super) out_of_memory: Option<Exhausted>,
    pub(super) throttled: Option<Exhausted>,
    /// Calls that ran for too long without using all the processor time there was.
    pub(super) slow: u64,
}

/// A limit that was too low.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Exhausted {
    pub(super) at: Timestamp,
    pub(super) limit: u64,
    /// What it should at least have been.
    pub(super) floor: u64,
}

/// Amounts of one resource: those of the running epoch and of the one before.
#[derive(Clone, Debug, Default)]
pub(super) struct Amounts {
    new: Sketch,
    old: Sketch,
}

/// A percentile of what was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Quantile {
    /// The lower end of the range in which that of all calls lies with 95 %: the percentile two standard errors of the rank below.
    ///
    /// Source: Conover, "Practical Nonparametric Statistics", section 3.2, confidence intervals for a quantile.
    pub(super) low: u64,
    /// The percentile itself.
    pub(super) amount: u64,
    /// The upper end.
    pub(super) high: u64,
}

impl Evidence {
    pub(super) fn new(at: Timestamp) -> Self {
        Self {
            epoch: at,
            memory: Amounts::default(),
            cpu: Amounts::default(),
            out_of_memory: None,
            throttled: None,
            slow: 0,
        }
    }

    /// Learns from a usage that was checked.
    pub(super) fn learn(&mut self, usage: &Usage, config: &RightsizeConfig) {
        self.turn(usage.at, config.epoch);
        let limit = usage.size.memory.get();
        let killed = usage.fate == Fate::OutOfMemory;
        // Who was killed wanted more than the limit, whatever was measured last.
        let peak = usage.peak.get().max(if killed { limit } else { 0 });
        self.memory.add(peak as f64);
        if let Some(used) = usage.millicores() {
            self.cpu.add(used);
        }
        let now = usage.at;
        if killed {
            raise(&mut self.out_of_memory, now, peak, config.out_of_memory);
        } else if usage.throttled() {
            raise(
                &mut self.throttled,
                now,
                usage.size.millicores,
                config.throttled,
            );
        } else if usage.fate == Fate::TimedOut {
            self.slow = self.slow.saturating_add(1);
        }
    }

    /// Forgets the epoch before the last. A function that is not called forgets nothing.
    fn turn(&mut self, now: Timestamp, epoch: Duration) {
        let passed = now.since(self.epoch);
        if passed < epoch {
            return;
        }
        let whole = passed.as_nanos() / epoch.as_nanos().max(1);
        for amounts in [&mut self.memory, &mut self.cpu] {
            let last = std::mem::take(&mut amounts.new);
            amounts.old = if whole == 1 { last } else { Sketch::new() };
        }
        let nanos = u64::try_from(whole.saturating_mul(epoch.as_nanos())).unwrap_or(u64::MAX);
        self.epoch = self.epoch + Duration::from_nanos(nanos);
        self.slow = 0;
    }
}

/// Two events at one limit raise it once.
fn raise(known: &mut Option<Exhausted>, at: Timestamp, limit: u64, bump: Bump) {
    let floor = scaled(limit, bump.factor).max(limit.saturating_add(bump.least));
    let floor = known.map_or(floor, |known| floor.max(known.floor));
    *known = Some(Exhausted { at, limit, floor });
}

/// An amount times a factor from 1 up, rounded up.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; what is beyond the largest integer becomes it"
)]
pub(super) fn scaled(amount: u64, factor: f64) -> u64 {
    ((amount as f64 * factor).ceil() as u64).max(amount)
}

impl Amounts {
    fn add(&mut self, amount: f64) {
        let entered = self.new.record(amount);
        debug_assert!(
            entered.is_ok(),
            "what was checked is finite and from zero up"
        );
    }

    pub(super) fn count(&self) -> u64 {
        self.new.count().saturating_add(self.old.count())
    }

    /// The percentile, with the range in which that of all calls lies; nothing of nothing.
    pub(super) fn quantile(&self, p: Percentile) -> Option<Quantile> {
        let mut all = self.new.clone();
        all.merge(&self.old);
        let share = p.get() / 100.0;
        let error = 200.0 * (share * (1.0 - share) / all.count() as f64).sqrt();
        let near = |percent: f64| at_least(&all, Percentile::new(percent.clamp(0.0, 100.0)).ok()?);
        Some(Quantile {
            low: near(p.get() - error)?,
            amount: at_least(&all, p)?,
            high: near(p.get() + error)?,
        })
    }

    /// How sure it is that one of these amounts at least is above the percentile: `1 - p^n`.
    ///
    /// Source: Wilks, "Determination of sample sizes for setting tolerance limits" (1941).
    pub(super) fn confidence(&self, p: Percentile) -> f64 {
        1.0 - libm::pow(p.get() / 100.0, self.count() as f64)
    }
}

/// At least the percentile and at most the largest amount, rounded up: the sketch's answer, raised by its error.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "amounts are from zero up, and below 2^53"
)]
fn at_least(amounts: &Sketch, p: Percentile) -> Option<u64> {
    let answer = amounts.percentile(p)? / (1.0 - amounts.relative_error());
    Some(answer.min(amounts.max()?).ceil() as u64)
}

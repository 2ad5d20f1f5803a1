//! One guest while a plan is made: what it may do, what it is asked for, and how far at a time.

use super::config::{MemoryConfig, percent};
use super::history::Asked;
use super::need::{Need, grow_band};
use super::usage::{Barred, GuestUsage, MemoryUsage, Pressure};
use crate::{GuestPicture, HostStep, PlannedStep};
use cloudlot_core::Bytes;
use cloudlot_policy::share::Claim;
use std::time::Duration;

/// Why a guest gives nothing, or is not touched at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stance {
    /// It may give and get.
    Open,
    /// It may get only.
    Holds(&'static str),
    /// It is counted at what it has.
    Fixed(&'static str),
}

/// One guest on the table.
pub(super) struct Desk<'a> {
    pub(super) guest: &'a GuestUsage,
    pub(super) past: Option<&'a Asked>,
    pub(super) need: Need,
    pub(super) stance: Stance,
    /// What it is on its way to: the standing target, unless that has lost its meaning.
    pub(super) base: Bytes,
    /// What it is owed of the pool.
    pub(super) entitled: Bytes,
    /// What it is asked for from now on.
    pub(super) target: Bytes,
    pub(super) why: String,
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        guest: &'a GuestUsage,
        past: Option<&'a Asked>,
        usage: &MemoryUsage,
        config: &MemoryConfig,
    ) -> Self {
        let stance = stance(guest, past, usage, config);
        let standing = past.and_then(|past| past.target).unwrap_or(guest.actual);
        // A reboot empties the balloon, but the target stands: it is lifted as long as it is below.
        let emptied = stance == Stance::Holds(BOOTED) && standing < guest.actual;
        let given_up = stance == Stance::Fixed(LEFT_ALONE)
            && standing.abs_diff(guest.actual) >= config.progress_min;
        let base = if emptied || given_up {
            guest.actual
        } else {
            standing
        };
        let why = if emptied {
            format!("{}: its balloon was emptied by a reboot", guest.name)
        } else {
            format!(
                "{}: its balloon does not come nearer to {standing}",
                guest.name
            )
        };
        Self {
            guest,
            past,
            need: Need::of(guest, usage.interval, config),
            stance,
            base,
            entitled: guest.actual,
            target: base,
            why,
        }
    }

    pub(super) fn is_fixed(&self) -> bool {
        matches!(self.stance, Stance::Fixed(_))
    }

    /// Whether it shares the pool; others are counted at what they have.
    pub(super) fn takes_part(&self) -> bool {
        !self.is_fixed() && self.guest.reading.is_some()
    }

    /// The target that its balloon has now, as far as we know.
    pub(super) fn standing(&self) -> Bytes {
        let target = self.past.and_then(|past| past.target);
        target.unwrap_or(self.guest.actual)
    }

    /// What it may still take by the target that stands, even if that is about to change.
    pub(super) fn promised(&self) -> Bytes {
        self.standing().saturating_sub(self.guest.actual)
    }

    /// What it was granted, is meant to have, and has not taken.
    pub(super) fn in_flight(&self) -> Bytes {
        self.base.saturating_sub(self.guest.actual)
    }

    /// What it was asked for and has not given; nothing from one that is left alone.
    pub(super) fn coming(&self) -> Bytes {
        self.guest.actual.saturating_sub(self.base)
    }

    /// What it has, or will have by earlier grants.
    pub(super) fn way_up(&self) -> Bytes {
        self.base.max(self.guest.actual)
    }

    /// What it should have, as far as it is owed.
    pub(super) fn goal(&self) -> Bytes {
        if self.takes_part() {
            self.need.need.min(self.entitled)
        } else {
            self.need.need
        }
    }

    /// What it misses, if that is worth a call.
    pub(super) fn wants(&self, config: &MemoryConfig) -> Bytes {
        let gap = self.goal().saturating_sub(self.way_up());
        if self.is_fixed() || gap < self.least(config) {
            Bytes::ZERO
        } else {
            gap
        }
    }

    /// The least that it is made larger for: next to nothing where it is pressing.
    pub(super) fn least(&self, config: &MemoryConfig) -> Bytes {
        let short = |spare: Bytes| spare < config.spare_min;
        if self.guest.pressure.is_some() || self.guest.spare().is_some_and(short) {
            config.progress_min
        } else {
            grow_band(self.guest, config)
        }
    }

    pub(super) fn may_give(&self, config: &MemoryConfig) -> bool {
        let on_its_way = self.coming() >= config.progress_min;
        self.stance == Stance::Open && !on_its_way && self.wants(config) == Bytes::ZERO
    }

    pub(super) fn grow_step(&self, config: &MemoryConfig) -> Bytes {
        let part = percent(self.guest.actual, config.grow_percent);
        config.grow_min.max(part)
    }

    /// Its claim on something that is divided by shares.
    pub(super) fn claims(&self, most: Bytes) -> Claim {
        Claim {
            weight: u64::from(self.guest.shares),
            most: most.get(),
        }
    }

    pub(super) fn gives(&mut self, give: Bytes) {
        let (name, actual) = (&self.guest.name, self.guest.actual);
        let used = self.guest.reading.map(|it| it.used).unwrap_or_default();
        let owed = if self.entitled < self.need.need {
            format!("needs {} and is owed {}", self.need.need, self.entitled)
        } else {
            format!("needs {}", self.need.need)
        };
        self.why = format!("{name}: has {actual}, uses {used}, {owed}: gives {give}");
        self.target = actual.saturating_sub(give);
    }

    pub(super) fn gets(&mut self, grant: Bytes, most: Bytes) {
        let (name, actual) = (&self.guest.name, self.guest.actual);
        let used = self.guest.reading.map(|it| it.used).unwrap_or_default();
        let (need, growth) = (self.need.need, self.guest.growth);
        self.why = format!(
            "{name}: has {actual}, uses {used} and {growth} more a second, needs {need}: gets \
             {grant} of {most} in this turn"
        );
        self.target = self.way_up().saturating_add(grant);
    }

    /// A guest on its way down stops at what it needs, and at once if it may not give any more.
    pub(super) fn raise(&mut self, config: &MemoryConfig) {
        let actual = self.guest.actual;
        let (goal, worth) = match self.stance {
            Stance::Fixed(_) => return,
            Stance::Holds(_) => (actual, config.progress_min),
            Stance::Open => (
                self.goal().max(self.need.keep).min(actual),
                grow_band(self.guest, config),
            ),
        };
        if goal.saturating_sub(self.base) >= worth {
            self.why = format!(
                "{}: needs {}, so it keeps {goal}",
                self.guest.name, self.need.need
            );
            self.target = goal;
        }
    }

    pub(super) fn step(&self) -> PlannedStep {
        PlannedStep {
            step: HostStep::SetMemory {
                domain: self.guest.id,
                target: self.target,
            },
            why: self.why.clone(),
        }
    }

    pub(super) fn picture(&self) -> GuestPicture {
        GuestPicture {
            id: self.guest.id,
            name: self.guest.name.clone(),
            actual: self.guest.actual,
            used: self.guest.reading.map(|reading| reading.used),
            need: self.need.need,
            target: self.target,
            held: match self.stance {
                Stance::Open => String::new(),
                Stance::Holds(why) | Stance::Fixed(why) => why.to_owned(),
            },
        }
    }
}

const BOOTED: &str = "booted";
const LEFT_ALONE: &str = "its balloon stands still";

/// What a guest may do in this turn.
fn stance(
    guest: &GuestUsage,
    past: Option<&Asked>,
    usage: &MemoryUsage,
    config: &MemoryConfig,
) -> Stance {
    if let Some(barred) = guest.barred {
        return Stance::Fixed(match barred {
            Barred::Unmanaged => "not managed",
            Barred::NotRunning => "not running",
            Barred::Job => "held by a job",
            Barred::Nonsense => "tells nonsense",
        });
    }
    if past.is_some_and(|past| past.unsupported) {
        return Stance::Fixed("cannot be changed");
    }
    let until = past.and_then(|past| past.left_alone);
    if until.is_some_and(|until| usage.at < until) {
        return Stance::Fixed(LEFT_ALONE);
    }
    let emptied_now = past
        .filter(|past| past.is_emptied(guest, config))
        .map(|_| usage.at);
    let emptied = past.and_then(|past| past.emptied).max(emptied_now);
    let within = |since, hold: Duration| match since {
        Some(since) => usage.at.since(since) < hold,
        None => false,
    };
    if within(guest.booted.max(emptied), config.boot_hold) {
        Stance::Holds(BOOTED)
    } else if guest.reading.is_none() {
        Stance::Holds("silent")
    } else if let Some(pressure) = guest.pressure {
        Stance::Holds(match pressure {
            Pressure::Swaps => "swaps in",
            Pressure::Faults => "reads pages back",
            Pressure::Short => "is short",
        })
    } else if within(past.and_then(|past| past.grew), config.growth_hold) {
        Stance::Holds("grew")
    } else {
        Stance::Open
    }
}

/// How much of a gap is closed now, at most `limit`.
///
/// A gap below the band is not worth a call, so none is left: where a full step would leave one,
/// the step is shorter and the next one closes the rest. Steps below two bands are not cut.
pub(super) fn pace(gap: Bytes, limit: Bytes, band: Bytes) -> Bytes {
    if gap < band {
        return Bytes::ZERO;
    }
    let rest = gap.saturating_sub(limit);
    if rest == Bytes::ZERO || rest >= band || limit < band.saturating_add(band) {
        gap.min(limit)
    } else {
        gap.saturating_sub(band)
    }
}

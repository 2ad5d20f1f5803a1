//! Who gives and who gets memory in one turn: pure, from usage and history to a plan.
//!
//! First the whole pool is divided: every guest is owed its minimum, and of the rest up to its
//! need, max-min fair by shares. Then come reductions, then grants from what the host has free by
//! its own word now: memory on its way back from a guest is not spent before it is seen. What a
//! guest needs is in `need.rs`.
//!
//! Source: max-min fairness (Bertsekas, Gallager: Data Networks, 1992, section 6.5); states of
//! scarcity and revocation by shares after ESX (Waldspurger 2002, sections 5 and 6).

use super::config::{MemoryConfig, Surplus, percent};
use super::history::{Asked, GrantHistory, host_state};
use super::need::{Need, grow_band, shrink_band, spare};
use super::usage::{Barred, GuestUsage, MemoryUsage, Pressure};
use crate::{
    GuestPicture, HostMemory, HostPlan, HostState, HostStep, MemoryPicture, Picture, PlannedStep,
};
use cloudlot_core::Bytes;
use cloudlot_policy::share::{Claim, max_min};
use std::time::Duration;

/// Decides about the memory of every guest; reductions stand first.
///
/// Every step keeps these: a guest is made smaller only down to what it uses and `spare_min`
/// more (never below its minimum), and not while it is under pressure, silent, held or barred;
/// grants together never exceed what is available beyond the reserve and beyond earlier grants
/// that have not arrived; no target is above the guest's maximum.
/// ```
/// use cloudlot_core::{Bytes, Clock, ManualClock, Seeds, Timestamp};
/// use cloudlot_hv::{HostStep, Hypervisor};
/// use cloudlot_hv::fake::{FakeHost, scenario};
/// use cloudlot_hv::memory::{GrantHistory, MemoryConfig, MemoryWindow, plan_memory};
/// use std::time::Duration;
///
/// let clock = ManualClock::default();
/// let spec = scenario::named("mem-1", Seeds::new(1)).expect("a known name");
/// let mut host = FakeHost::new(spec, Seeds::new(1), clock.clone())?;
/// clock.sleep_until(Timestamp::ZERO + Duration::from_secs(2));
///
/// let config = MemoryConfig::course();
/// let usage = MemoryWindow::new(&config).push(&host.sample()?);
/// let plan = plan_memory(&usage, &GrantHistory::new(), &config);
/// let HostStep::SetMemory { target, .. } = plan.steps[0].step else {
///     unreachable!("statistics are asked for every second already");
/// };
/// // An idle guest gives a tenth of its 512 MiB.
/// assert_eq!(target.whole_mib(), 460);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn plan_memory(usage: &MemoryUsage, past: &GrantHistory, config: &MemoryConfig) -> HostPlan {
    let mut steps = period_steps(usage, past, config);
    let mut notes = usage.notes.clone();
    let Some(host) = usage.host else {
        notes.push("the host does not tell its memory: nothing is changed".to_owned());
        return HostPlan {
            steps,
            picture: Picture::Blind,
            notes,
        };
    };
    let mut table = Table::new(usage, past, host, config);
    table.entitle();
    table.take_back();
    table.reclaim();
    table.grant();
    table.give_back();
    if table.state == HostState::Low && past.state() != Some(HostState::Low) {
        notes.push(format!(
            "host memory is low: {} available, {} to be kept",
            host.available, table.reserve
        ));
    }
    let (down, up): (Vec<_>, Vec<_>) = table
        .desks
        .iter()
        .filter(|desk| desk.target != desk.standing())
        .partition(|desk| desk.target < desk.standing());
    steps.extend(down.into_iter().chain(up).map(Desk::step));
    HostPlan {
        steps,
        picture: table.picture(),
        notes,
    }
}

/// Statistics are asked for at the wanted period, once a run.
fn period_steps(
    usage: &MemoryUsage,
    past: &GrantHistory,
    config: &MemoryConfig,
) -> Vec<PlannedStep> {
    let wanted = config.wanted_period();
    let differs = |guest: &&GuestUsage| {
        guest.barred.is_none()
            && guest.period.unwrap_or_default() != wanted
            && past.asked(guest).is_none_or(Asked::may_set_period)
    };
    let step = |guest: &GuestUsage| PlannedStep {
        step: HostStep::SetStatsPeriod {
            domain: guest.id,
            period: wanted,
        },
        why: format!(
            "{}: statistics come every {} s, wanted every {} s",
            guest.name,
            guest.period.unwrap_or_default().as_secs(),
            wanted.as_secs()
        ),
    };
    usage.guests.iter().filter(differs).map(step).collect()
}

/// Why a guest gives nothing, or is not touched at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stance {
    /// It may give and get.
    Open,
    /// It may get only.
    Holds(&'static str),
    /// It is counted at what it has.
    Fixed(&'static str),
}

/// One guest on the table.
struct Desk<'a> {
    guest: &'a GuestUsage,
    past: Option<&'a Asked>,
    need: Need,
    stance: Stance,
    /// What it is on its way to: the standing target, unless that has lost its meaning.
    base: Bytes,
    /// What it is owed of the pool.
    entitled: Bytes,
    /// What it is asked for from now on.
    target: Bytes,
    why: String,
}

/// The host and its guests while a plan is made.
struct Table<'a> {
    usage: &'a MemoryUsage,
    config: &'a MemoryConfig,
    available: Bytes,
    reserve: Bytes,
    /// Granted earlier and not yet taken.
    in_flight: Bytes,
    state: HostState,
    desks: Vec<Desk<'a>>,
}

impl<'a> Table<'a> {
    fn new(
        usage: &'a MemoryUsage,
        past: &'a GrantHistory,
        host: HostMemory,
        config: &'a MemoryConfig,
    ) -> Self {
        let desks: Vec<Desk<'a>> = usage
            .guests
            .iter()
            .map(|guest| Desk::new(guest, past.asked(guest), usage, config))
            .collect();
        let in_flight: Bytes = desks.iter().map(Desk::promised).sum();
        let reserve = config.reserve(host.total);
        let net = host.available.saturating_sub(in_flight);
        Self {
            usage,
            config,
            available: host.available,
            reserve,
            in_flight,
            state: host_state(past.state(), net, reserve, config),
            desks,
        }
    }

    /// Divides the pool: minimum first, then up to the need, max-min fair by shares.
    ///
    /// Claims look one turn ahead, so that of guests that grow alike none runs away with the last
    /// of the pool while the others are just about to need it.
    fn entitle(&mut self) {
        let fixed: Bytes = self
            .desks
            .iter()
            .filter(|desk| !desk.takes_part())
            .map(Desk::promised)
            .sum();
        let sharing = || self.desks.iter().filter(|desk| desk.takes_part());
        let owed = self
            .reserve
            .saturating_add(fixed)
            .saturating_add(sharing().map(|desk| desk.need.low).sum());
        let claims: Vec<Claim> = sharing()
            .map(|desk| Claim {
                weight: u64::from(desk.guest.shares),
                most: desk.need.soon.saturating_sub(desk.need.low).get(),
            })
            .collect();
        let pool = sharing()
            .map(|desk| desk.guest.actual)
            .sum::<Bytes>()
            .saturating_add(self.available)
            .saturating_sub(owed);
        let shares = max_min(pool.get(), &claims);
        let desks = self.desks.iter_mut().filter(|desk| desk.takes_part());
        for (desk, share) in desks.zip(shares) {
            desk.entitled = desk.need.low.saturating_add(Bytes::new(share));
        }
    }

    fn is_short(&self) -> bool {
        self.state >= HostState::Hard
    }

    /// When the host lacks what it has promised, grants that have not arrived are withdrawn.
    fn take_back(&mut self) {
        if self.available >= self.reserve.saturating_add(self.in_flight) {
            return;
        }
        let state = self.state;
        for desk in &mut self.desks {
            let at_ease = desk.guest.pressure.is_none() && !desk.is_fixed();
            if at_ease && desk.in_flight() >= self.config.progress_min {
                desk.target = desk.guest.actual;
                desk.why = format!(
                    "{}: host state {state}, {} that have not arrived are taken back",
                    desk.guest.name,
                    desk.in_flight()
                );
            }
        }
    }

    /// Reductions: all surplus, or as much as somebody needs.
    fn reclaim(&mut self) {
        let urgent = self.is_short()
            || self
                .desks
                .iter()
                .any(|desk| !desk.is_fixed() && desk.guest.pressure.is_some());
        let mut gives: Vec<Bytes> = self
            .desks
            .iter()
            .map(|desk| self.most_given(desk, urgent))
            .collect();
        if self.config.surplus == Surplus::Stays {
            let claims: Vec<Claim> = self
                .desks
                .iter()
                .zip(&gives)
                .map(|(desk, most)| Claim {
                    weight: u64::from(desk.guest.shares),
                    most: most.get(),
                })
                .collect();
            let kept = gives
                .iter()
                .copied()
                .sum::<Bytes>()
                .saturating_sub(self.demand());
            for ((give, keep), desk) in gives
                .iter_mut()
                .zip(max_min(kept.get(), &claims))
                .zip(&self.desks)
            {
                // What is not worth a call is rounded up to what is.
                let worth = shrink_band(desk.guest, self.config).min(*give);
                let given = give.saturating_sub(Bytes::new(keep));
                *give = match given {
                    Bytes::ZERO => Bytes::ZERO,
                    given => given.max(worth),
                };
            }
        }
        for (desk, give) in self.desks.iter_mut().zip(gives) {
            if give > Bytes::ZERO {
                desk.gives(give);
            }
        }
    }

    /// What is missing: unmet needs, and what the host lacks of its reserve.
    fn demand(&self) -> Bytes {
        let wanted: Bytes = self.desks.iter().map(|desk| desk.wants(self.config)).sum();
        let coming: Bytes = self.desks.iter().map(Desk::coming).sum();
        wanted
            .saturating_add(self.reserve)
            .saturating_add(self.in_flight)
            .saturating_sub(self.available)
            .saturating_sub(coming)
    }

    /// The most that a guest gives in this turn.
    fn most_given(&self, desk: &Desk<'_>, urgent: bool) -> Bytes {
        let (guest, config) = (desk.guest, self.config);
        let Some(reading) = guest.reading.filter(|_| desk.may_give(config)) else {
            return Bytes::ZERO;
        };
        let goal = desk.goal().saturating_add(reading.doubt);
        let surplus = guest.actual.saturating_sub(goal.max(desk.need.keep));
        let (factor, of_spare) = if urgent {
            (config.urgent_factor, config.urgent_spare_percent)
        } else {
            (1, config.shrink_spare_percent)
        };
        let step = percent(guest.actual, config.shrink_percent);
        let step = self.scaled(step).fraction(u64::from(factor), 1);
        let beyond = guest
            .actual
            .saturating_sub(reading.used)
            .saturating_sub(reading.doubt)
            .saturating_sub(spare(guest, config));
        let unused = match reading.unused {
            Some(unused) if !self.is_short() => unused.saturating_sub(config.unused_min),
            _ => Bytes::MAX,
        };
        let limit = step.min(percent(beyond, of_spare)).min(unused);
        // Where somebody is waiting for it, the band of who gets it decides if it is worth a call.
        let band = match config.surplus {
            Surplus::Stays => config.progress_min,
            Surplus::Reclaimed => shrink_band(guest, config),
        };
        pace(surplus, limit, band)
    }

    /// Grants up to what is owed, from what the host has to give now.
    fn grant(&mut self) {
        let room = self
            .available
            .saturating_sub(self.reserve)
            .saturating_sub(self.in_flight);
        let claims: Vec<Claim> = self
            .desks
            .iter()
            .map(|desk| Claim {
                weight: u64::from(desk.guest.shares),
                most: self.most_granted(desk).get(),
            })
            .collect();
        let grants = max_min(room.get(), &claims);
        for ((desk, grant), claim) in self.desks.iter_mut().zip(grants).zip(claims) {
            desk.raise(self.config);
            if grant > 0 {
                desk.gets(Bytes::new(grant), Bytes::new(claim.most));
            }
        }
    }

    /// The most that a guest gets in this turn, if the host has it.
    fn most_granted(&self, desk: &Desk<'_>) -> Bytes {
        let config = self.config;
        let wanted = desk.wants(config);
        if wanted == Bytes::ZERO {
            return Bytes::ZERO;
        }
        let factor = match desk.guest.pressure {
            Some(_) => u64::from(config.pressure_grow_factor),
            None => 1,
        };
        let step = self.scaled(desk.grow_step(config)).fraction(factor, 1);
        let limit = step.saturating_sub(desk.in_flight());
        pace(wanted, limit, desk.least(config))
    }

    /// While the host has plenty, guests go back to their maximum, a whole step at a time.
    fn give_back(&mut self) {
        if self.config.surplus != Surplus::Stays || self.state != HostState::High {
            return;
        }
        let config = self.config;
        let unmet = |desk: &Desk<'_>| {
            let granted = desk.target.saturating_sub(desk.way_up());
            desk.wants(config).max(granted)
        };
        let spoken_for: Bytes = self.desks.iter().map(unmet).sum();
        let room = self
            .available
            .saturating_sub(self.reserve.saturating_add(self.reserve))
            .saturating_sub(self.in_flight)
            .saturating_sub(spoken_for);
        let rest = config.step_time.unwrap_or(self.usage.interval);
        let claims: Vec<Claim> = self
            .desks
            .iter()
            .map(|desk| {
                let moved = desk.past.and_then(|past| past.moved);
                let rested = moved.is_none_or(|moved| self.usage.at.since(moved) >= rest);
                let still = desk.target == desk.base && desk.coming() == Bytes::ZERO;
                let gap = desk.need.high.saturating_sub(desk.way_up());
                let limit = desk.grow_step(config).saturating_sub(desk.in_flight());
                let most = pace(gap, limit, grow_band(desk.guest, config));
                let may = rested && still && !desk.is_fixed();
                Claim {
                    weight: u64::from(desk.guest.shares),
                    most: if may { most.get() } else { 0 },
                }
            })
            .collect();
        for (desk, grant) in self.desks.iter_mut().zip(max_min(room.get(), &claims)) {
            let grant = Bytes::new(grant);
            if grant > Bytes::ZERO && grant >= grow_band(desk.guest, config) {
                desk.target = desk.way_up().saturating_add(grant);
                desk.why = format!(
                    "{}: the host has plenty, {} of {} are given back",
                    desk.guest.name, grant, desk.need.high
                );
            }
        }
    }

    /// A step for `step_time`, scaled to the time since the last turn. A turn that comes late
    /// counts for at most two.
    fn scaled(&self, step: Bytes) -> Bytes {
        let Some(whole) = self.config.step_time else {
            return step;
        };
        let passed = self.usage.interval.min(whole.saturating_mul(2));
        step.fraction(nanos(passed), nanos(whole).max(1))
    }

    fn picture(&self) -> Picture {
        let guest = |desk: &Desk<'_>| GuestPicture {
            id: desk.guest.id,
            name: desk.guest.name.clone(),
            actual: desk.guest.actual,
            used: desk.guest.reading.map(|reading| reading.used),
            need: desk.need.need,
            target: desk.target,
            held: match desk.stance {
                Stance::Open => String::new(),
                Stance::Holds(why) | Stance::Fixed(why) => why.to_owned(),
            },
        };
        Picture::Memory(MemoryPicture {
            available: self.available,
            reserve: self.reserve,
            in_flight: self.in_flight,
            state: self.state,
            guests: self.desks.iter().map(guest).collect(),
        })
    }
}

impl<'a> Desk<'a> {
    fn new(
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

    fn is_fixed(&self) -> bool {
        matches!(self.stance, Stance::Fixed(_))
    }

    /// Whether it shares the pool; others are counted at what they have.
    fn takes_part(&self) -> bool {
        !self.is_fixed() && self.guest.reading.is_some()
    }

    /// The target that its balloon has now, as far as we know.
    fn standing(&self) -> Bytes {
        let target = self.past.and_then(|past| past.target);
        target.unwrap_or(self.guest.actual)
    }

    /// What it may still take by the target that stands, even if that is about to change.
    fn promised(&self) -> Bytes {
        self.standing().saturating_sub(self.guest.actual)
    }

    /// What it was granted, is meant to have, and has not taken.
    fn in_flight(&self) -> Bytes {
        self.base.saturating_sub(self.guest.actual)
    }

    /// What it was asked for and has not given; nothing from one that is left alone.
    fn coming(&self) -> Bytes {
        self.guest.actual.saturating_sub(self.base)
    }

    /// What it has, or will have by earlier grants.
    fn way_up(&self) -> Bytes {
        self.base.max(self.guest.actual)
    }

    /// What it should have, as far as it is owed.
    fn goal(&self) -> Bytes {
        if self.takes_part() {
            self.need.need.min(self.entitled)
        } else {
            self.need.need
        }
    }

    /// What it misses, if that is worth a call.
    fn wants(&self, config: &MemoryConfig) -> Bytes {
        let gap = self.goal().saturating_sub(self.way_up());
        if self.is_fixed() || gap < self.least(config) {
            Bytes::ZERO
        } else {
            gap
        }
    }

    /// The least that it is made larger for: next to nothing where it is pressing.
    fn least(&self, config: &MemoryConfig) -> Bytes {
        let short = |spare: Bytes| spare < config.spare_min;
        if self.guest.pressure.is_some() || self.guest.spare().is_some_and(short) {
            config.progress_min
        } else {
            grow_band(self.guest, config)
        }
    }

    fn may_give(&self, config: &MemoryConfig) -> bool {
        let on_its_way = self.coming() >= config.progress_min;
        self.stance == Stance::Open && !on_its_way && self.wants(config) == Bytes::ZERO
    }

    fn grow_step(&self, config: &MemoryConfig) -> Bytes {
        let part = percent(self.guest.actual, config.grow_percent);
        config.grow_min.max(part)
    }

    fn gives(&mut self, give: Bytes) {
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

    fn gets(&mut self, grant: Bytes, most: Bytes) {
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
    fn raise(&mut self, config: &MemoryConfig) {
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

    fn step(&self) -> PlannedStep {
        PlannedStep {
            step: HostStep::SetMemory {
                domain: self.guest.id,
                target: self.target,
            },
            why: self.why.clone(),
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
fn pace(gap: Bytes, limit: Bytes, band: Bytes) -> Bytes {
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

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

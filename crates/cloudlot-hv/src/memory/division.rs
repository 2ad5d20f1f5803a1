//! Who gives and who gets memory in one turn.
//!
//! First the whole pool is divided: every guest is owed its minimum, and of the rest up to its
//! need, max-min fair by shares. Then come reductions, then grants from what the host has free by
//! its own word now: memory on its way back from a guest is not spent before it is seen. What a
//! guest needs is in `need.rs`, what it may do in `desk.rs`.
//!
//! Source: max-min fairness (Bertsekas, Gallager: Data Networks, 1992, section 6.5); states of
//! scarcity and revocation by shares after ESX (Waldspurger 2002, sections 5 and 6).

use super::config::{MemoryConfig, Surplus, percent};
use super::desk::{Desk, pace};
use super::history::{GrantHistory, host_state};
use super::need::{grow_band, shrink_band, spare};
use super::usage::MemoryUsage;
use crate::{HostMemory, HostState, MemoryPicture, Picture};
use cloudlot_core::Bytes;
use cloudlot_policy::share::{Claim, max_min};
use std::time::Duration;

/// The host and its guests while a plan is made.
pub(super) struct Table<'a> {
    usage: &'a MemoryUsage,
    config: &'a MemoryConfig,
    available: Bytes,
    pub(super) reserve: Bytes,
    /// Granted earlier and not yet taken.
    in_flight: Bytes,
    pub(super) state: HostState,
    pub(super) desks: Vec<Desk<'a>>,
}

impl<'a> Table<'a> {
    pub(super) fn new(
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
    pub(super) fn entitle(&mut self) {
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
            .map(|desk| desk.claims(desk.need.soon.saturating_sub(desk.need.low)))
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
    pub(super) fn take_back(&mut self) {
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
    pub(super) fn reclaim(&mut self) {
        let pressed = |desk: &Desk<'_>| !desk.is_fixed() && desk.guest.pressure.is_some();
        let urgent = self.is_short() || self.desks.iter().any(pressed);
        let most = |desk| self.most_given(desk, urgent);
        let mut gives: Vec<Bytes> = self.desks.iter().map(most).collect();
        if self.config.surplus == Surplus::Stays {
            gives = self.as_much_as_missing(&gives);
        }
        for (desk, give) in self.desks.iter_mut().zip(gives) {
            if give > Bytes::ZERO {
                desk.gives(give);
            }
        }
    }

    /// Of what could be given, as much as is missing; what the others keep is fair by shares.
    fn as_much_as_missing(&self, most: &[Bytes]) -> Vec<Bytes> {
        let claim = |(desk, most): (&Desk<'_>, &Bytes)| desk.claims(*most);
        let claims: Vec<Claim> = self.desks.iter().zip(most).map(claim).collect();
        let all: Bytes = most.iter().copied().sum();
        let kept = max_min(all.saturating_sub(self.demand()).get(), &claims);
        let give = |((most, kept), desk): ((&Bytes, u64), &Desk<'_>)| {
            // What is not worth a call is rounded up to what is.
            let worth = shrink_band(desk.guest, self.config).min(*most);
            match most.saturating_sub(Bytes::new(kept)) {
                Bytes::ZERO => Bytes::ZERO,
                part => part.max(worth),
            }
        };
        most.iter().zip(kept).zip(&self.desks).map(give).collect()
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
    pub(super) fn grant(&mut self) {
        let room = self
            .available
            .saturating_sub(self.reserve)
            .saturating_sub(self.in_flight);
        let claims: Vec<Claim> = self
            .desks
            .iter()
            .map(|desk| desk.claims(self.most_granted(desk)))
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
    pub(super) fn give_back(&mut self) {
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
        let claims: Vec<Claim> = self
            .desks
            .iter()
            .map(|desk| desk.claims(self.most_given_back(desk)))
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

    /// A whole step towards the maximum, for a guest that has rested since its last one.
    fn most_given_back(&self, desk: &Desk<'_>) -> Bytes {
        let config = self.config;
        let rest = config.step_time.unwrap_or(self.usage.interval);
        let moved = desk.past.and_then(|past| past.moved);
        let rested = moved.is_none_or(|moved| self.usage.at.since(moved) >= rest);
        let still = desk.target == desk.base && desk.coming() == Bytes::ZERO;
        if desk.is_fixed() || !rested || !still {
            return Bytes::ZERO;
        }
        let gap = desk.need.high.saturating_sub(desk.way_up());
        let limit = desk.grow_step(config).saturating_sub(desk.in_flight());
        pace(gap, limit, grow_band(desk.guest, config))
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

    pub(super) fn picture(&self) -> Picture {
        Picture::Memory(MemoryPicture {
            available: self.available,
            reserve: self.reserve,
            in_flight: self.in_flight,
            state: self.state,
            guests: self.desks.iter().map(Desk::picture).collect(),
        })
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

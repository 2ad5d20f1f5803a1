//! What one instance holds, from its start until it is gone.

use std::time::Duration;

use cloudlot_core::{Request, ReservationId, Timestamp};

use super::{Frees, Hosts, quantities};
use crate::choose::Size;
use crate::platform::life::Life;
use crate::platform::slab::NONE;

/// Where an instance lives.
#[derive(Clone, Copy, Debug)]
pub(in crate::platform) struct Home {
    /// No place if it is gone, or if there are no hosts.
    pub(super) host: u32,
    pub(super) need: Size,
    /// Nothing once it is given back, or if it holds nothing.
    pub(super) hold: Option<ReservationId>,
}

impl Home {
    const NOWHERE: Self = Self {
        host: NONE,
        need: Size::ZERO,
        hold: None,
    };
}

impl Hosts {
    /// Where the instance in this place lives.
    pub(in crate::platform) fn host_of(&self, instance: u32) -> Option<usize> {
        let home = self.homes.get(instance as usize)?;
        (home.host != NONE).then_some(home.host as usize)
    }

    /// What it holds there.
    pub(in crate::platform) fn need_of(&self, instance: u32) -> Size {
        self.homes[instance as usize].need
    }

    /// Reserves room on a host that has it.
    pub(in crate::platform) fn settle(
        &mut self,
        (instance, function): (u32, u32),
        need: Size,
        host: usize,
        now: Timestamp,
    ) {
        let hold = (need != Size::ZERO).then(|| {
            let request = request(&mut self.requests, function as usize, need);
            let ledger = self.ledger.as_mut().expect("a host lies in the ledger");
            let grant = ledger.reserve(request, self.resources[host], now);
            grant
                .expect("the sums of a host are those of the ledger")
                .id
        });
        let load = &mut self.loads[host];
        load.held = load.held.plus(need);
        let place = instance as usize;
        if self.homes.len() <= place {
            self.homes.resize(place + 1, Home::NOWHERE);
        }
        self.homes[place] = Home {
            host: u32::try_from(host).expect("a host's number"),
            need,
            hold,
        };
    }

    /// An instance goes from one state to the next: counts what that frees or makes free to take.
    ///
    /// The ledger hears of the end of a start, and of the end of what is held.
    pub(in crate::platform) fn moved(
        &mut self,
        instance: u32,
        (from, to): (Life, Life),
        frees: Frees,
        now: Timestamp,
    ) {
        let home = self.homes[instance as usize];
        let load = &mut self.loads[home.host as usize];
        if from == Life::Idle {
            load.idle = load.idle.minus(home.need);
        }
        if to == Life::Idle {
            load.idle = load.idle.plus(home.need);
            self.news = true;
        }
        load.running = load.running - u32::from(from == Life::Busy) + u32::from(to == Life::Busy);
        let holds = |life| match life {
            Life::Starting | Life::Busy | Life::Idle => true,
            Life::Stopping => frees == Frees::WhenGone,
            Life::Gone => false,
        };
        let stops = |life| life == Life::Stopping && holds(life);
        if stops(from) {
            load.stopping = load.stopping.minus(home.need);
        }
        if stops(to) {
            load.stopping = load.stopping.plus(home.need);
        }
        if from == Life::Starting && !matches!(to, Life::Stopping | Life::Gone) {
            self.confirm(home, now);
        }
        if holds(from) && !holds(to) {
            self.give_back(instance, now);
        }
        if to == Life::Gone {
            self.homes[instance as usize] = Home::NOWHERE;
        }
    }

    fn confirm(&mut self, home: Home, now: Timestamp) {
        if let (Some(hold), Some(ledger)) = (home.hold, &mut self.ledger) {
            let confirmed = ledger.confirm(hold, now);
            debug_assert_eq!(confirmed, Ok(()), "an instance gets ready once");
        }
    }

    fn give_back(&mut self, instance: u32, now: Timestamp) {
        let home = &mut self.homes[instance as usize];
        let hold = home.hold.take();
        let load = &mut self.loads[home.host as usize];
        load.held = load.held.minus(home.need);
        self.news = true;
        if let (Some(hold), Some(ledger)) = (hold, &mut self.ledger) {
            let released = ledger.release(hold, now);
            debug_assert_eq!(released, Ok(()), "an instance gives back once");
        }
    }
}

/// What an instance of a function asks of the ledger; another version of a function may ask for more or less.
fn request(requests: &mut Vec<Option<(Size, Request)>>, function: usize, need: Size) -> &Request {
    if requests.len() <= function {
        requests.resize(function + 1, None);
    }
    let slot = &mut requests[function];
    if slot.as_ref().is_some_and(|(size, _)| *size != need) {
        *slot = None;
    }
    &slot
        .get_or_insert_with(|| (need, request_of(function, need)))
        .1
}

/// It is held for as long as a start takes.
fn request_of(function: usize, need: Size) -> Request {
    Request::new(format!("fn-{function}"))
        .part(quantities(need))
        .hold_for(Duration::from_nanos(u64::MAX))
        .build()
        .expect("any two amounts are a request")
}

//! A ledger that lives a random life, told everything by name, so that two ledgers can live the same one.

use cloudlot_core::ledger::{Hold, Holds, Ledger, LedgerConfig};
use cloudlot_core::{
    Amounts, Kind, Quantity, Request, RequestKey, ReservationId, Resource, ResourceId,
    ResourceState, Timestamp, cores, gib, named,
};
use proptest::prelude::*;
use std::time::Duration;

/// Something that happens to a ledger.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Add {
        name: u8,
        parent: Option<u8>,
        cpu: u64,
        licences: u64,
    },
    Describe {
        name: u8,
        cpu: u64,
        zone: u8,
    },
    SetState {
        name: u8,
        state: ResourceState,
    },
    Remove {
        name: u8,
    },
    SetLimit {
        owner: u8,
        cpu: u64,
        licences: Option<u64>,
    },
    LiftLimit {
        owner: u8,
    },
    Reserve {
        key: u8,
        node: u8,
        cpu: u64,
        memory: u64,
        labelled: u8,
        owner: u8,
        window: Option<(u64, u64)>,
        hold: u64,
    },
    Confirm {
        key: u8,
    },
    Release {
        key: u8,
    },
    Shrink {
        key: u8,
    },
    Move {
        key: u8,
        node: u8,
        cpu: u64,
    },
    Extend {
        key: u8,
        by: u64,
    },
    Evict {
        key: u8,
        after: u64,
    },
    Wait {
        time: u64,
    },
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let state = prop::sample::select(vec![
        ResourceState::Available,
        ResourceState::Draining,
        ResourceState::Failed,
    ]);
    let window = proptest::option::weighted(0.4, (0..20_u64, 1..30_u64));
    let reserve = (
        0..12_u8,
        0..6_u8,
        0..5_u64,
        0..5_u64,
        0..6_u8,
        0..6_u8,
        window,
        1..30_u64,
    )
        .prop_map(
            |(key, node, cpu, memory, labelled, owner, window, hold)| Event::Reserve {
                key,
                node,
                cpu,
                memory,
                labelled,
                owner,
                window,
                hold,
            },
        );
    prop_oneof![
        4 => (0..6_u8, proptest::option::of(0..3_u8), 0..12_u64, 0..3_u64)
            .prop_map(|(name, parent, cpu, licences)| Event::Add { name, parent, cpu, licences }),
        1 => (0..6_u8, 0..12_u64, 0..3_u8).prop_map(|(name, cpu, zone)| Event::Describe { name, cpu, zone }),
        1 => (0..6_u8, state).prop_map(|(name, state)| Event::SetState { name, state }),
        1 => (0..6_u8).prop_map(|name| Event::Remove { name }),
        1 => (0..6_u8, 0..9_u64, proptest::option::of(0..2_u64))
            .prop_map(|(owner, cpu, licences)| Event::SetLimit { owner, cpu, licences }),
        1 => (0..6_u8).prop_map(|owner| Event::LiftLimit { owner }),
        12 => reserve,
        3 => (0..12_u8).prop_map(|key| Event::Confirm { key }),
        3 => (0..12_u8).prop_map(|key| Event::Release { key }),
        1 => (0..12_u8).prop_map(|key| Event::Shrink { key }),
        1 => (0..12_u8, 0..6_u8, 1..4_u64).prop_map(|(key, node, cpu)| Event::Move { key, node, cpu }),
        1 => (0..12_u8, 0..20_u64).prop_map(|(key, by)| Event::Extend { key, by }),
        2 => (0..12_u8, 0..20_u64).prop_map(|(key, after)| Event::Evict { key, after }),
        3 => (0..10_u64).prop_map(|time| Event::Wait { time }),
    ]
}

/// A ledger and the time it was told last.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) now: Timestamp,
}

const OWNERS: [&str; 6] = ["a", "a/x", "a/x/deep", "a/y", "b", "default"];

fn later(time: Timestamp, by: u64) -> Timestamp {
    time + Duration::from_secs(by)
}

impl World {
    pub(crate) fn new(config: LedgerConfig) -> Self {
        Self {
            ledger: Ledger::with(config),
            now: Timestamp::ZERO,
        }
    }

    fn node(&self, name: u8) -> ResourceId {
        let unknown = ResourceId::new(u32::MAX, 0);
        self.ledger
            .state()
            .find(&format!("n{name}"))
            .unwrap_or(unknown)
    }

    fn live(&self, key: u8) -> ReservationId {
        let unknown = ReservationId::new(u32::MAX, 0);
        let grant = self.ledger.find_key(RequestKey(key.into()));
        grant.map_or(unknown, |grant| grant.id)
    }

    /// Lets it all happen.
    pub(crate) fn all<'e>(&mut self, events: impl IntoIterator<Item = &'e Event>) {
        for event in events {
            self.happen(event);
        }
    }

    /// Lets it happen; whether the ledger agreed.
    pub(crate) fn happen(&mut self, event: &Event) -> bool {
        let now = self.now;
        match event.clone() {
            Event::Add {
                name,
                parent,
                cpu,
                licences,
            } => {
                let resource = resource(name, parent, cpu, licences);
                self.ledger.add(resource, now).is_ok()
            }
            Event::Describe { name, cpu, zone } => {
                let id = self.node(name);
                let Some(old) = self.ledger.state().resource(id) else {
                    return false;
                };
                let capacity: Vec<Quantity> = vec![cores(cpu), gib(cpu)];
                let edited = old.edit().capacity(capacity);
                let edited = match old.parent() {
                    None => edited.topology([("zone", format!("z{zone}"))]),
                    Some(_) => edited,
                };
                self.ledger.update(id, edited.build().unwrap(), now).is_ok()
            }
            Event::SetState { name, state } => {
                self.ledger.set_state(self.node(name), state, now).is_ok()
            }
            Event::Remove { name } => self.ledger.remove(self.node(name), now).is_ok(),
            Event::SetLimit {
                owner,
                cpu,
                licences,
            } => {
                let licences = licences.map(|count| named("licence", count).unwrap());
                let limit = licences.into_iter().chain([cores(cpu)]);
                let owner = OWNERS[usize::from(owner)].parse().unwrap();
                self.ledger.set_limit(&owner, limit, now).is_ok()
            }
            Event::LiftLimit { owner } => {
                self.ledger
                    .lift_limit(&OWNERS[usize::from(owner)].parse().unwrap(), now);
                true
            }
            Event::Reserve { node, .. } => match request(event, now) {
                Some(request) => self.ledger.reserve(&request, self.node(node), now).is_ok(),
                None => false,
            },
            Event::Confirm { key } => self.ledger.confirm(self.live(key), now).is_ok(),
            Event::Release { key } => self.ledger.release(self.live(key), now).is_ok(),
            Event::Shrink { key } => {
                let id = self.live(key);
                let Some(old) = self.ledger.state().reservation(id) else {
                    return false;
                };
                let one = Hold::new(
                    old.holds().as_slice()[0].resource(),
                    &Amounts::of([(Kind::CPU, 500)]),
                );
                self.ledger.release_part(id, &Holds::one(one), now).is_ok()
            }
            Event::Move { key, node, cpu } => {
                let hold = Hold::new(self.node(node), &Amounts::of([(Kind::CPU, cpu * 1000)]));
                self.ledger
                    .resize(self.live(key), &Holds::one(hold), now)
                    .is_ok()
            }
            Event::Extend { key, by } => self
                .ledger
                .extend(self.live(key), later(now, by), now)
                .is_ok(),
            Event::Evict { key, after } => self
                .ledger
                .evict(self.live(key), later(now, after), now)
                .is_ok(),
            Event::Wait { time } => {
                self.now = later(now, time);
                self.ledger.expire(self.now);
                true
            }
        }
    }
}

fn resource(name: u8, parent: Option<u8>, cpu: u64, licences: u64) -> Resource {
    let licences = named("licence", licences).unwrap();
    let resource = Resource::node(format!("n{name}")).capacity([cores(cpu), gib(8), licences]);
    let resource = match parent.filter(|parent| *parent < name) {
        Some(parent) => resource.parent(format!("n{parent}")),
        None => resource.topology([("zone", format!("z{}", name % 2))]),
    };
    resource.metadata("note", "a \"quoted\" ü").build().unwrap()
}

fn request(event: &Event, now: Timestamp) -> Option<Request> {
    let Event::Reserve {
        key,
        cpu,
        memory,
        labelled,
        owner,
        window,
        hold,
        ..
    } = event.clone()
    else {
        return None;
    };
    let request = Request::new("work")
        .owner(OWNERS[usize::from(owner)])
        .part([cores(cpu), gib(memory)])
        .hold_for(Duration::from_secs(hold));
    // One in twelve has no key, and is known by nobody.
    let request = match key {
        0 => request,
        key => request.key(RequestKey(key.into())),
    };
    let request = match labelled {
        0 => request.label("app", "web").anti_affinity("app=db", "zone"),
        1 => request.label("app", "db"),
        _ => request,
    };
    let request = match window {
        Some((from, length)) => request.window(later(now, from), later(now, from + length)),
        None => request,
    };
    request.build().ok()
}

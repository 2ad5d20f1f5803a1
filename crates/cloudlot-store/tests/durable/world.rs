//! What is done to ledgers, by name, so that a plain one and a durable one can be told the same.

use cloudlot_core::ledger::{Hold, Holds, Ledger, Placement, Plan, Record, View};
use cloudlot_core::{
    Amounts, Kind, Request, RequestKey, ReservationId, Resource, ResourceId, ResourceState,
    Timestamp, cores, gib,
};
use cloudlot_store::LedgerStore;
use cloudlot_store::durable::{DurableLedger, Pending, Refused};
use proptest::prelude::*;
use std::time::Duration;

/// One thing that is asked of a ledger.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Add {
        node: u8,
        cpu: u64,
    },
    Describe {
        node: u8,
        cpu: u64,
    },
    SetState {
        node: u8,
        failed: bool,
    },
    Remove {
        node: u8,
    },
    Limit {
        cpu: u64,
    },
    Lift,
    Reserve {
        key: u8,
        node: u8,
        cpu: u64,
        window: Option<u64>,
    },
    Plan {
        keys: Vec<u8>,
        node: u8,
    },
    Confirm {
        key: u8,
    },
    Release {
        key: u8,
    },
    Resize {
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
    Expire,
}

pub(crate) fn ask() -> impl Strategy<Value = Ask> {
    let key = || 0..10_u8;
    let node = || 0..3_u8;
    prop_oneof![
        4 => (node(), 1..16_u64).prop_map(|(node, cpu)| Ask::Add { node, cpu }),
        1 => (node(), 1..16_u64).prop_map(|(node, cpu)| Ask::Describe { node, cpu }),
        1 => (node(), any::<bool>()).prop_map(|(node, failed)| Ask::SetState { node, failed }),
        1 => node().prop_map(|node| Ask::Remove { node }),
        1 => (1..20_u64).prop_map(|cpu| Ask::Limit { cpu }),
        1 => Just(Ask::Lift),
        8 => (key(), node(), 1..5_u64, proptest::option::weighted(0.3, 1..40_u64))
            .prop_map(|(key, node, cpu, window)| Ask::Reserve { key, node, cpu, window }),
        2 => (proptest::collection::btree_set(key(), 1..5), node())
            .prop_map(|(keys, node)| Ask::Plan { keys: keys.into_iter().collect(), node }),
        2 => key().prop_map(|key| Ask::Confirm { key }),
        2 => key().prop_map(|key| Ask::Release { key }),
        1 => (key(), node(), 1..6_u64).prop_map(|(key, node, cpu)| Ask::Resize { key, node, cpu }),
        1 => (key(), 1..20_u64).prop_map(|(key, by)| Ask::Extend { key, by }),
        1 => (key(), 0..20_u64).prop_map(|(key, after)| Ask::Evict { key, after }),
        1 => Just(Ask::Expire),
    ]
}

pub(crate) fn request(key: u8, cpu: u64) -> Request {
    let request = Request::new("work")
        .key(RequestKey(key.into()))
        .owner("team/a");
    request
        .part([cores(cpu)])
        .hold_for(Duration::from_secs(15))
        .build()
        .unwrap()
}

fn node(name: u8) -> Resource {
    Resource::node(format!("n{name}"))
        .capacity([cores(8), gib(8)])
        .build()
        .unwrap()
}

/// An [`Ask`] in the numbers of one ledger.
enum Call {
    Add(Resource),
    Update(ResourceId, Resource),
    SetState(ResourceId, ResourceState),
    Remove(ResourceId),
    Limit(u64),
    Lift,
    Reserve(Request, ResourceId),
    Commit(Plan),
    Confirm(ReservationId),
    Release(ReservationId),
    Resize(ReservationId, Holds),
    Extend(ReservationId, Timestamp),
    Evict(ReservationId, Timestamp),
    Expire,
}

impl Ask {
    fn to(&self, ledger: &Ledger, now: Timestamp) -> Call {
        let at = |by: u64| now + Duration::from_secs(by);
        let on = |node: u8| {
            let nowhere = ResourceId::new(u32::MAX, 0);
            ledger.state().find(&format!("n{node}")).unwrap_or(nowhere)
        };
        let of = |key: u8| {
            let nobody = ReservationId::new(u32::MAX, 0);
            ledger
                .find_key(RequestKey(key.into()))
                .map_or(nobody, |grant| grant.id)
        };
        match self.clone() {
            Self::Add { node: name, cpu } => Call::Add(
                node(name)
                    .edit()
                    .capacity([cores(cpu), gib(8)])
                    .build()
                    .unwrap(),
            ),
            Self::Describe { node: name, cpu } => {
                let resource = node(name).edit().capacity([cores(cpu)]).label("new", "yes");
                Call::Update(on(name), resource.build().unwrap())
            }
            Self::SetState { node, failed } => {
                let state = if failed {
                    ResourceState::Failed
                } else {
                    ResourceState::Available
                };
                Call::SetState(on(node), state)
            }
            Self::Remove { node } => Call::Remove(on(node)),
            Self::Limit { cpu } => Call::Limit(cpu),
            Self::Lift => Call::Lift,
            Self::Reserve {
                key,
                node,
                cpu,
                window,
            } => {
                let request = request(key, cpu);
                let request = match window {
                    Some(length) => {
                        // The same key always asks for the same: a window from a fixed moment on.
                        let owner = request.owner().to_string();
                        let request = Request::new("work")
                            .key(RequestKey(key.into()))
                            .owner(owner);
                        let until = Timestamp::ZERO + Duration::from_secs(100 + length);
                        request
                            .part([cores(cpu)])
                            .window(Timestamp::ZERO, until)
                            .build()
                            .unwrap()
                    }
                    None => request,
                };
                Call::Reserve(request, on(node))
            }
            Self::Plan { keys, node } => {
                let mut view = View::of(ledger);
                let mut draft = view.draft(now);
                for key in keys {
                    // What does not fit is left out.
                    drop(draft.reserve(&request(key, 1), &Placement::on(on(node))));
                }
                Call::Commit(draft.finish())
            }
            Self::Confirm { key } => Call::Confirm(of(key)),
            Self::Release { key } => Call::Release(of(key)),
            Self::Resize { key, node, cpu } => {
                let hold = Hold::new(on(node), &Amounts::of([(Kind::CPU, cpu * 1000)]));
                Call::Resize(of(key), Holds::one(hold))
            }
            Self::Extend { key, by } => Call::Extend(of(key), at(by)),
            Self::Evict { key, after } => Call::Evict(of(key), at(after)),
            Self::Expire => Call::Expire,
        }
    }

    /// Asks a plain ledger; whether it agreed.
    pub(crate) fn plain(&self, ledger: &mut Ledger, now: Timestamp) -> bool {
        match self.to(ledger, now) {
            Call::Add(resource) => ledger.add(resource, now).is_ok(),
            Call::Update(id, resource) => ledger.update(id, resource, now).is_ok(),
            Call::SetState(id, state) => ledger.set_state(id, state, now).is_ok(),
            Call::Remove(id) => ledger.remove(id, now).is_ok(),
            Call::Limit(cpu) => ledger
                .set_limit(&"team".parse().unwrap(), [cores(cpu)], now)
                .is_ok(),
            Call::Lift => {
                ledger.lift_limit(&"team".parse().unwrap(), now);
                true
            }
            Call::Reserve(request, on) => ledger.reserve(&request, on, now).is_ok(),
            Call::Commit(plan) => ledger.commit(&plan, now).is_ok(),
            Call::Confirm(id) => ledger.confirm(id, now).is_ok(),
            Call::Release(id) => ledger.release(id, now).is_ok(),
            Call::Resize(id, holds) => ledger.resize(id, &holds, now).is_ok(),
            Call::Extend(id, until) => ledger.extend(id, until, now).is_ok(),
            Call::Evict(id, at) => ledger.evict(id, at, now).is_ok(),
            Call::Expire => {
                ledger.expire(now);
                true
            }
        }
    }

    /// Asks a durable one.
    pub(crate) fn durable<S: LedgerStore>(
        &self,
        ledger: &mut DurableLedger<S>,
        now: Timestamp,
    ) -> Answer {
        match self.to(ledger.provisional(), now) {
            Call::Add(resource) => Answer::of(ledger.add(resource, now)),
            Call::Update(id, resource) => Answer::of(ledger.update(id, resource, now)),
            Call::SetState(id, state) => Answer::of(ledger.set_state(id, state, now)),
            Call::Remove(id) => Answer::of(ledger.remove(id, now)),
            Call::Limit(cpu) => {
                Answer::of(ledger.set_limit(&"team".parse().unwrap(), [cores(cpu)], now))
            }
            Call::Lift => Answer::of(ledger.lift_limit(&"team".parse().unwrap(), now)),
            Call::Reserve(request, on) => Answer::of(ledger.reserve(&request, on, now)),
            Call::Commit(plan) => Answer::of(ledger.commit(&plan, now)),
            Call::Confirm(id) => Answer::of(ledger.confirm(id, now)),
            Call::Release(id) => Answer::of(ledger.release(id, now)),
            Call::Resize(id, holds) => Answer::of(ledger.resize(id, &holds, now)),
            Call::Extend(id, until) => Answer::of(ledger.extend(id, until, now)),
            Call::Evict(id, at) => Answer::of(ledger.evict(id, at, now)),
            Call::Expire => Answer::of(ledger.expire(now)),
        }
    }
}

/// What a durable ledger said at once.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Pending(Pending<()>),
    No,
    Stopped,
}

impl Answer {
    fn of<T, E: std::error::Error>(answer: Result<Pending<T>, Refused<E>>) -> Self {
        match answer {
            Ok(pending) => Self::Pending(pending.map(drop)),
            Err(Refused::No(_)) => Self::No,
            Err(Refused::Stopped(_)) => Self::Stopped,
            Err(other) => panic!("{other}"),
        }
    }
}

/// What a ledger knows, but for the time it was told and the order in which things ended.
pub(crate) fn known(ledger: &Ledger) -> Vec<String> {
    let records = ledger.records().filter_map(|record| match record {
        Record::Ledger { .. } => None,
        Record::EndedKey { answer, .. } => Some(Record::EndedKey { answer, order: 0 }),
        other => Some(other),
    });
    let mut lines: Vec<String> = records
        .map(|record| serde_json::to_string(&record).unwrap())
        .collect();
    lines.sort();
    lines
}

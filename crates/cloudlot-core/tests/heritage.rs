//! What an earlier reservation system got wrong, or showed in its README and its tests, on this ledger.
//!
//! The numbers are those of the defects as they were reproduced there. Defects of policies, pools, scaling and monitoring
//! are tested where those live.

#![expect(
    clippy::unwrap_used,
    reason = "what the helpers unwrap is part of what is tested"
)]

use cloudlot_core::ledger::{
    Activity, AdminError, CommitError, Grant, Holds, Ledger, Piece, Placement, Stage, Step, View,
    Why, audit,
};
use cloudlot_core::{
    Amounts, CapabilityRule, Kind, Mismatch, OwnerPath, Request, RequestBuilder, ReservationId,
    Resource, ResourceId, ResourceState, Seeds, Timestamp, cores, gib,
};
use std::sync::Mutex;
use std::time::Duration;

fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(seconds)
}

fn cpu(cores: u64) -> Amounts {
    Amounts::of([(Kind::CPU, cores * 1_000)])
}

/// A ledger with nodes of 100 cores each.
fn nodes(count: usize) -> (Ledger, Vec<ResourceId>) {
    let mut ledger = Ledger::new();
    let node = |n: usize| {
        Resource::node(format!("compute-node-{n}"))
            .capacity([cores(100)])
            .build()
            .unwrap()
    };
    let ids = (1..=count)
        .map(|n| ledger.add(node(n), at(0)).unwrap())
        .collect();
    (ledger, ids)
}

fn ask(amount: u64) -> RequestBuilder {
    Request::new("task-1").part([cores(amount)])
}

fn reserve(ledger: &mut Ledger, amount: u64, on: ResourceId) -> Grant {
    ledger
        .reserve(&ask(amount).build().unwrap(), on, at(0))
        .unwrap()
}

fn place(list: &[(usize, ResourceId)]) -> Placement {
    let piece = |(part, on): &(usize, ResourceId)| Piece {
        part: *part,
        on: *on,
        members: 1,
    };
    Placement::Pieces(list.iter().map(piece).collect())
}

/// What every reservation holds, added up by node.
fn held(ledger: &Ledger, on: ResourceId) -> u64 {
    ledger
        .state()
        .on(on)
        .map(|(_, reservation)| reservation.holds().on(on).get(Kind::CPU))
        .sum()
}

// The README's examples.

#[test]
fn the_readme_defines_a_resource() {
    let resource = Resource::node("compute-node-1")
        .class("compute")
        .capacity([cores(100)])
        .capability("cores", 32)
        .capability("memory", 128)
        .capability("arch", "x86_64")
        .build()
        .unwrap();
    let mut ledger = Ledger::new();
    let id = ledger.add(resource, at(0)).unwrap();
    let known = ledger.state().resource(id).unwrap();
    assert_eq!(
        (known.name(), known.state()),
        ("compute-node-1", ResourceState::Available)
    );
    assert_eq!(
        (ledger.state().limit(id), ledger.state().taken(id)),
        (cpu(100), cpu(0))
    );
}

#[test]
fn the_readme_reserves_confirms_and_releases_half_a_node() {
    let (mut ledger, ids) = nodes(1);
    let grant = reserve(&mut ledger, 50, ids[0]);
    assert_eq!(ledger.state().taken(ids[0]), cpu(50));
    assert_eq!(ledger.state().activity(ids[0]), Some(Activity::Reserved));
    ledger.confirm(grant.id, at(1)).unwrap();
    assert_eq!(ledger.state().activity(ids[0]), Some(Activity::InUse));
    ledger.release(grant.id, at(2)).unwrap();
    assert_eq!(ledger.state().taken(ids[0]), cpu(0));
    assert_eq!(ledger.state().activity(ids[0]), Some(Activity::Idle));
    assert_eq!(
        ledger.state().resource(ids[0]).unwrap().state(),
        ResourceState::Available
    );
}

// Its unit tests, as far as they are about reservations.

#[test]
fn available_is_what_is_not_held() {
    let (mut ledger, ids) = nodes(1);
    reserve(&mut ledger, 30, ids[0]);
    assert_eq!(ledger.state().free(ids[0]), cpu(70));
}

#[test]
fn more_than_is_available_is_refused() {
    let (mut ledger, ids) = nodes(1);
    reserve(&mut ledger, 70, ids[0]);
    let refused = ledger.reserve(&ask(31).build().unwrap(), ids[0], at(0));
    assert_eq!(
        refused,
        Err(Why::Full {
            resource: ids[0],
            short: [cores(1)].into()
        })
    );
    assert_eq!(ledger.state().taken(ids[0]), cpu(70));
}

#[test]
fn a_reservation_waits_300_seconds_unless_it_says_otherwise() {
    let (mut ledger, ids) = nodes(1);
    let grant = reserve(&mut ledger, 1, ids[0]);
    assert_eq!(grant.until, at(300));
}

#[test]
fn after_its_timeout_a_reservation_is_gone_and_all_is_free() {
    let (mut ledger, ids) = nodes(2);
    let request = ask(50)
        .part([cores(40)])
        .hold_for(Duration::from_secs(1))
        .build()
        .unwrap();
    let grant = ledger
        .place(&request, &place(&[(0, ids[0]), (1, ids[1])]), at(0))
        .unwrap();
    assert_eq!(ledger.expire(at(1)), 1);
    assert_eq!(
        (ledger.state().taken(ids[0]), ledger.state().taken(ids[1])),
        (cpu(0), cpu(0))
    );
    assert_eq!(ledger.confirm(grant.id, at(1)), Err(Why::Gone(grant.id)));
}

#[test]
fn confirming_and_releasing_work_once() {
    let (mut ledger, ids) = nodes(1);
    let id = reserve(&mut ledger, 50, ids[0]).id;
    ledger.confirm(id, at(1)).unwrap();
    assert_eq!(ledger.confirm(id, at(1)), Err(Why::Confirmed(id)));
    ledger.release(id, at(2)).unwrap();
    assert_eq!(ledger.release(id, at(2)), Err(Why::Gone(id)));
    assert_eq!(ledger.confirm(id, at(2)), Err(Why::Gone(id)));
    assert_eq!(ledger.state().free(ids[0]), cpu(100));
}

#[test]
fn what_was_never_reserved_is_neither_confirmed_nor_released() {
    let (mut ledger, _) = nodes(1);
    let nobody = ReservationId::new(0, 0);
    assert_eq!(ledger.confirm(nobody, at(0)), Err(Why::Gone(nobody)));
    assert_eq!(ledger.release(nobody, at(0)), Err(Why::Gone(nobody)));
}

#[test]
fn a_resource_that_was_taken_away_is_not_reserved() {
    let (mut ledger, ids) = nodes(2);
    ledger.remove(ids[0], at(0)).unwrap();
    let refused = ledger.reserve(&ask(1).build().unwrap(), ids[0], at(0));
    assert_eq!(refused, Err(Why::UnknownResource(ids[0])));
    assert_eq!(ledger.state().resource_count(), 1);
}

// Its defects, by number.

#[test]
fn defect_2_two_parts_on_one_node_are_both_held() {
    let (mut ledger, ids) = nodes(1);
    let request = ask(50).part([cores(40)]).build().unwrap();
    let id = ledger
        .place(&request, &place(&[(0, ids[0]), (1, ids[0])]), at(0))
        .unwrap()
        .id;
    assert_eq!(
        (ledger.state().taken(ids[0]), held(&ledger, ids[0])),
        (cpu(90), 90_000)
    );
    let again = ledger.place(&request, &place(&[(0, ids[0]), (1, ids[0])]), at(0));
    assert_eq!(
        again,
        Err(Why::Full {
            resource: ids[0],
            short: [cores(80)].into()
        })
    );
    ledger.release(id, at(0)).unwrap();
    assert_eq!(ledger.state().taken(ids[0]), cpu(0));
}

#[test]
fn defect_3_a_gang_that_is_granted_in_part_can_be_confirmed_and_leaks_nothing() {
    let (mut ledger, ids) = nodes(1);
    let request = Request::new("gang")
        .gang(2, 1, cloudlot_core::On::Node, [cores(40)])
        .build()
        .unwrap();
    let first = ledger
        .place(&request, &place(&[(0, ids[0])]), at(0))
        .unwrap()
        .id;
    ledger.confirm(first, at(1)).unwrap();
    ledger.release(first, at(2)).unwrap();
    ledger
        .place(&request, &place(&[(0, ids[0])]), at(2))
        .unwrap();
    assert_eq!(ledger.state().taken(ids[0]), cpu(40));
    ledger.expire(at(302));
    assert_eq!(ledger.state().taken(ids[0]), cpu(0));
}

#[test]
fn defect_3_a_part_that_does_not_fit_takes_the_others_with_it() {
    let (mut ledger, ids) = nodes(2);
    reserve(&mut ledger, 90, ids[1]);
    let request = ask(40).part([cores(40)]).build().unwrap();
    let refused = ledger.place(&request, &place(&[(0, ids[0]), (1, ids[1])]), at(0));
    assert_eq!(
        refused,
        Err(Why::Full {
            resource: ids[1],
            short: [cores(30)].into()
        })
    );
    assert_eq!(ledger.state().taken(ids[0]), cpu(0));
    assert_eq!(audit(ledger.state()), []);
}

#[test]
fn defect_4_confirming_10_of_100_leaves_the_other_90() {
    let (mut ledger, ids) = nodes(1);
    let first = reserve(&mut ledger, 10, ids[0]).id;
    ledger.confirm(first, at(0)).unwrap();
    let second = reserve(&mut ledger, 90, ids[0]).id;
    ledger.confirm(second, at(0)).unwrap();
    ledger.release(first, at(0)).unwrap();
    assert_eq!(ledger.state().activity(ids[0]), Some(Activity::InUse));
    assert_eq!(ledger.state().free(ids[0]), cpu(10));
}

#[test]
fn defect_5_what_is_not_confirmed_yet_can_be_given_back() {
    let (mut ledger, ids) = nodes(1);
    let id = reserve(&mut ledger, 60, ids[0]).id;
    assert!(matches!(
        ledger.state().reservation(id).unwrap().stage(),
        Stage::Held { .. }
    ));
    ledger.release(id, at(0)).unwrap();
    assert_eq!(ledger.state().free(ids[0]), cpu(100));
    assert_eq!(ledger.next_deadline(), None);
}

#[test]
fn defect_6_150_cores_that_may_be_split_go_on_three_nodes_of_100() {
    let (mut ledger, ids) = nodes(3);
    let request = Request::new("elastic")
        .elastic([cores(150)], [cores(150)])
        .build()
        .unwrap();
    let shares =
        |list: [u64; 3]| Placement::Shares(ids.iter().copied().zip(list.map(cpu)).collect());
    let short = ledger.place(&request, &shares([50, 50, 49]), at(0));
    assert!(matches!(short, Err(Why::Placement(_))));
    let id = ledger
        .place(&request, &shares([80, 70, 0]), at(0))
        .unwrap()
        .id;
    let taken: Vec<_> = ids.iter().map(|id| ledger.state().taken(*id)).collect();
    assert_eq!(taken, [cpu(80), cpu(70), cpu(0)]);
    ledger.release(id, at(0)).unwrap();
    // What may not be split is refused.
    let whole = ledger.reserve(&ask(150).build().unwrap(), ids[0], at(0));
    assert!(matches!(whole, Err(Why::Unsuitable { .. })));
}

#[test]
fn defect_8_a_missing_capability_is_refused_by_the_ledger_as_by_the_rules() {
    let (mut ledger, ids) = nodes(1);
    let request = ask(1)
        .require(CapabilityRule::equals("arch", "x86_64"))
        .build()
        .unwrap();
    let node = ledger.state().resource(ids[0]).unwrap().clone();
    let rules = cloudlot_core::Rulebook::new();
    assert!(rules.validate(&request, 0, &node).is_err());
    let mismatches = rules.mismatches(&request, 0, &node);
    assert_eq!(
        ledger.reserve(&request, ids[0], at(0)),
        Err(Why::Unsuitable {
            resource: ids[0],
            mismatches
        })
    );
}

#[test]
fn defect_8_memory_is_not_had_from_a_node_that_offers_cores() {
    let (mut ledger, ids) = nodes(1);
    let request = Request::new("memory").part([gib(1)]).build().unwrap();
    match ledger.reserve(&request, ids[0], at(0)) {
        Err(Why::Unsuitable { mismatches, .. }) => {
            assert!(matches!(
                mismatches.as_slice(),
                [Mismatch::NotOffered { .. }]
            ));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ledger.state().taken(ids[0]), cpu(0));
}

#[test]
fn defect_9_nothing_and_less_than_nothing_cannot_be_asked_for() {
    assert!(ask(0).build().is_err());
    assert!("cpu=-40".parse::<cloudlot_core::Quantity>().is_err());
    let (mut ledger, ids) = nodes(1);
    let id = reserve(&mut ledger, 10, ids[0]).id;
    let holds = ledger.state().reservation(id).unwrap().holds().clone();
    let twice = Holds::sum([holds.as_slice()[0].clone(), holds.as_slice()[0].clone()]).unwrap();
    assert!(matches!(
        ledger.release_part(id, &twice, at(0)),
        Err(Why::NotHeld { .. })
    ));
    assert_eq!(ledger.state().taken(ids[0]), cpu(10));
}

#[test]
fn defect_13_a_member_that_is_held_is_not_removed_and_only_its_own_hold_is_released() {
    let (mut ledger, ids) = nodes(1);
    let ours = reserve(&mut ledger, 10, ids[0]).id;
    let theirs = reserve(&mut ledger, 20, ids[0]).id;
    assert!(matches!(
        ledger.remove(ids[0], at(0)),
        Err(AdminError::InUse { holds: 2, .. })
    ));
    ledger.release(ours, at(0)).unwrap();
    assert!(ledger.state().reservation(theirs).is_some());
    assert_eq!(ledger.state().taken(ids[0]), cpu(20));
}

#[test]
fn defect_16_a_request_that_has_to_wait_holds_nothing_meanwhile() {
    let (mut ledger, ids) = nodes(2);
    let blocker = reserve(&mut ledger, 100, ids[1]).id;
    let request = ask(60).part([cores(60)]).build().unwrap();
    let placement = place(&[(0, ids[0]), (1, ids[1])]);
    for _ in 0..3 {
        assert!(ledger.place(&request, &placement, at(0)).is_err());
        assert_eq!(ledger.state().free(ids[0]), cpu(100));
    }
    // Others get what it would have kept from them, and it is granted whole later.
    let other = reserve(&mut ledger, 100, ids[0]).id;
    ledger.release(other, at(1)).unwrap();
    ledger.release(blocker, at(1)).unwrap();
    ledger.place(&request, &placement, at(1)).unwrap();
    assert_eq!(
        (ledger.state().taken(ids[0]), ledger.state().taken(ids[1])),
        (cpu(60), cpu(60))
    );
}

#[test]
fn defect_17_a_grant_names_exactly_what_is_held_and_a_refusal_nothing() {
    let (mut ledger, ids) = nodes(2);
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft
        .reserve(&ask(60).build().unwrap(), &Placement::on(ids[0]))
        .unwrap();
    draft
        .reserve(&ask(60).build().unwrap(), &Placement::on(ids[1]))
        .unwrap();
    let mut plan = draft.finish();
    plan.steps.push(Step::Evict {
        reservation: ReservationId::new(9, 9),
        at: at(0),
    });
    let refused = ledger.commit(&plan, at(0)).unwrap_err();
    assert!(matches!(refused, CommitError::Step { index: 2, .. }));
    assert_eq!(ledger.state().reservation_count(), 0);
    plan.steps.pop();
    let grants = ledger.commit(&plan, at(0)).unwrap();
    for (grant, on) in grants.iter().zip(&ids) {
        let holds = ledger.state().reservation(grant.id).unwrap().holds();
        assert_eq!((holds.as_slice().len(), holds.on(*on)), (1, cpu(60)));
    }
}

// Nothing is lost or made under concurrent use.

/// One thread's work: reserves alone or by a plan made on its own view outside the lock, confirms, releases, evicts.
fn work(ledger: &Mutex<Ledger>, ids: &[ResourceId], seed: u64) -> Vec<ReservationId> {
    let mut mine = Vec::new();
    let mut view = View::of(&ledger.lock().unwrap());
    for n in 0..400 {
        let draw = Seeds::new(seed).part(n).stream("work");
        let now = at(n / 4);
        let pick = |bits: u32, below: usize| usize::try_from(draw >> bits).unwrap() % below;
        let on = ids[pick(8, ids.len())];
        let request = ask(1 + draw % 40)
            .hold_for(Duration::from_secs(3))
            .build()
            .unwrap();
        let id = (!mine.is_empty()).then(|| mine[pick(24, mine.len())]);
        // A reservation may have expired or been evicted meanwhile: a refusal is as good as a grant.
        match (pick(16, 5), id) {
            (0, _) => mine.extend(
                ledger
                    .lock()
                    .unwrap()
                    .reserve(&request, on, now)
                    .map(|grant| grant.id),
            ),
            (1, Some(id)) => {
                mine.retain(|other| *other != id);
                let _ = ledger.lock().unwrap().release(id, now);
            }
            (2, Some(id)) => drop(ledger.lock().unwrap().confirm(id, now)),
            (3, Some(id)) => drop(ledger.lock().unwrap().evict(id, now, now)),
            _ => {
                view.sync(&ledger.lock().unwrap());
                let mut draft = view.draft(now);
                for id in ids {
                    let _ = draft.reserve(&request, &Placement::on(*id));
                }
                let plan = draft.finish();
                let committed = ledger.lock().unwrap().commit(&plan, now);
                mine.extend(committed.into_iter().flatten().map(|grant| grant.id));
            }
        }
        let ledger = ledger.lock().unwrap();
        for id in ids {
            let sum = held(&ledger, *id);
            assert_eq!(ledger.state().taken(*id).get(Kind::CPU), sum);
            assert!(sum <= 100_000, "{sum} of 100,000 are held");
        }
    }
    mine
}

#[test]
fn nothing_is_lost_or_made_by_threads_that_share_a_ledger() {
    let (ledger, ids) = nodes(3);
    let ledger = Mutex::new(ledger);
    let left: Vec<ReservationId> = std::thread::scope(|scope| {
        let threads = [1, 2, 3, 4].map(|seed| {
            scope.spawn({
                let (ledger, ids) = (&ledger, &ids);
                move || work(ledger, ids, seed)
            })
        });
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut ledger = ledger.into_inner().unwrap();
    assert_eq!(audit(ledger.state()), []);
    for id in left {
        // What has expired or was evicted meanwhile is gone already.
        let _ = ledger.release(id, at(0));
    }
    assert_eq!(ledger.state().reservation_count(), 0);
    assert!(ids.iter().all(|id| ledger.state().taken(*id).is_zero()));
    assert_eq!(ledger.state().owner_free(&OwnerPath::default()), None);
}

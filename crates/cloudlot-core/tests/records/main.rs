//! A ledger and its records: what is written down comes back, and nothing else does.

#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use cloudlot_core::ledger::{
    Ledger, LedgerConfig, Record, RecordName, Recorder, RestoreProblem, Why, audit,
};
use cloudlot_core::{Request, RequestKey, Resource, Timestamp, cores, gib};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;
use world::{World, event};

const CONFIG: LedgerConfig = LedgerConfig {
    journal: 64,
    ended_keys: 3,
};

fn lines(ledger: &Ledger) -> Vec<String> {
    ledger
        .records()
        .map(|record| serde_json::to_string(&record).unwrap())
        .collect()
}

/// Reservations without a key have no order of their own.
fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn parsed(lines: &[String]) -> Vec<Record> {
    lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What anybody could see of a ledger, by name.
fn seen(ledger: &Ledger) -> impl PartialEq + std::fmt::Debug + use<> {
    let state = ledger.state();
    let by_name = |amounts| state.kinds().quantities(&amounts);
    let rows: Vec<_> = state
        .resources()
        .map(|(id, resource)| {
            let counts = (
                by_name(state.free(id)),
                by_name(state.taken(id)),
                by_name(state.overfull(id)),
            );
            let parent = state.parent(id).and_then(|parent| state.resource(parent));
            let parent = parent.map(|parent| parent.name().to_owned());
            (
                resource.name().to_owned(),
                parent,
                counts,
                state.takes_new(id),
                state.activity(id),
            )
        })
        .collect::<std::collections::BinaryHeap<_>>()
        .into_sorted_vec();
    let limits: BTreeMap<_, _> = state
        .owners()
        .filter_map(|(_, path)| Some((path.clone(), by_name(state.owner_free(path)?))))
        .collect();
    let keys: Vec<_> = (0..12)
        .map(|key| ledger.find_key(RequestKey(key)).map(|grant| grant.until))
        .collect();
    (
        rows,
        limits,
        keys,
        ledger.next_deadline(),
        ledger.now(),
        state.reservation_count(),
    )
}

proptest! {
    #[test]
    fn a_restored_ledger_is_the_same_and_goes_on_the_same(
        past in proptest::collection::vec(event(), 0..60),
        future in proptest::collection::vec(event(), 0..40),
        turn in any::<prop::sample::Index>(),
    ) {
        let mut world = World::new(CONFIG);
        world.all(past.iter());
        let written = lines(&world.ledger);
        let mut records = parsed(&written);
        let turn = turn.index(records.len());
        records.rotate_left(turn);
        let restored = Ledger::restore(records, CONFIG).unwrap();
        prop_assert_eq!(audit(restored.state()), []);
        prop_assert_eq!(sorted(lines(&restored)), sorted(written));
        prop_assert_eq!(seen(&restored), seen(&world.ledger));

        let mut again = World { ledger: restored, now: world.now };
        for event in &future {
            prop_assert_eq!(world.happen(event), again.happen(event), "{:?}", event);
        }
        prop_assert_eq!(audit(again.ledger.state()), []);
        prop_assert_eq!(sorted(lines(&again.ledger)), sorted(lines(&world.ledger)));
    }

    #[test]
    fn a_ledger_restored_over_another_keeps_what_both_know_and_gives_no_old_name_again(
        past in proptest::collection::vec(event(), 0..60),
        lost in proptest::collection::vec(event(), 0..30),
        future in proptest::collection::vec(event(), 0..30),
    ) {
        let mut world = World::new(CONFIG);
        world.all(past.iter());
        let before = world.ledger.clone();
        world.all(lost.iter());
        let over = world.ledger.restore_over(before.records()).unwrap();
        prop_assert_eq!(audit(over.state()), []);
        prop_assert_eq!(seen(&over), seen(&before));
        for (id, reservation) in over.state().reservations() {
            // One that keeps its identifier is the one that had it.
            let old = world.ledger.state().reservation(id);
            prop_assert!(old.is_none_or(|old| old.key().is_some() && old.key() == reservation.key()));
        }
        for (id, reservation) in world.ledger.state().reservations() {
            let Some(key) = reservation.key() else { continue };
            let back = over.find_key(key).filter(|grant| over.state().reservation(grant.id).is_some());
            prop_assert!(back.is_none_or(|grant| grant.id == id), "{:?} has another identifier", key);
        }
        let old: Vec<_> = world.ledger.state().resources().map(|(id, node)| (id, node.name().to_owned())).collect();
        let gone: Vec<_> = world.ledger.state().reservations().map(|(id, old)| (id, old.key())).collect();
        let mut again = World { ledger: over, now: world.now };
        again.all(future.iter());
        for (id, name) in old {
            let now = again.ledger.state().resource(id);
            prop_assert!(now.is_none_or(|now| now.name() == name));
        }
        for (id, key) in gone {
            let now = again.ledger.state().reservation(id);
            prop_assert!(now.is_none_or(|now| now.key() == key && key.is_some()));
        }
    }

    #[test]
    fn what_a_recorder_says_keeps_a_copy_of_the_records(
        events in proptest::collection::vec(event(), 0..80),
        pause in 1..9_usize,
        journal in 0..20_usize,
    ) {
        let mut world = World::new(LedgerConfig { journal, ..CONFIG });
        let mut recorder = Recorder::of(&world.ledger);
        let mut copy = BTreeMap::new();
        for some in events.chunks(pause) {
            world.all(some.iter());
            let changes = recorder.follow(&world.ledger);
            for record in changes.puts {
                copy.insert(record.name().unwrap(), record);
            }
            for name in changes.deletes {
                copy.remove(&name);
            }
            let all = world.ledger.records().filter_map(|record| Some((record.name()?, record)));
            let all: BTreeMap<RecordName, Record> = all.filter(|(name, _)| *name != RecordName::Ledger).collect();
            prop_assert_eq!(&copy, &all);
        }
    }

    #[test]
    fn changed_bytes_are_refused_or_mean_what_they_say(
        events in proptest::collection::vec(event(), 10..60),
        line in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        byte in prop_oneof![proptest::sample::select(b"0123456789,:\"{}nabcdez/. -".to_vec()), any::<u8>()],
    ) {
        let mut world = World::new(CONFIG);
        world.all(events.iter());
        let mut written = lines(&world.ledger);
        let line = line.index(written.len());
        let mut bytes = written[line].clone().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let Ok(record) = serde_json::from_slice::<Record>(&bytes) else { return Ok(()) };
        written[line] = serde_json::to_string(&record).unwrap();
        let Ok(restored) = Ledger::restore(parsed(&written), CONFIG) else { return Ok(()) };
        prop_assert_eq!(audit(restored.state()), []);
        prop_assert_eq!(sorted(lines(&restored)), sorted(written));
    }
}

fn small() -> Ledger {
    let mut ledger = Ledger::new();
    let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
    let node = Resource::node("n1")
        .capacity([cores(16), gib(64)])
        .topology([("zone", "a")]);
    let node = ledger.add(node.build().unwrap(), at(1)).unwrap();
    let card = Resource::node("n1-gpu0")
        .parent("n1")
        .capacity([cloudlot_core::gpus(1)]);
    ledger.add(card.build().unwrap(), at(1)).unwrap();
    ledger
        .set_limit(&"org/team-a".parse().unwrap(), [gib(0), cores(8)], at(2))
        .unwrap();
    let ask = |key, name: &str| Request::new(name).key(RequestKey(key)).owner("org/team-a");
    let web = ask(7, "web")
        .part([cores(2)])
        .label("app", "web")
        .anti_affinity("app=db", "zone")
        .priority(3);
    let web = ledger.reserve(&web.build().unwrap(), node, at(3)).unwrap();
    ledger.confirm(web.id, at(4)).unwrap();
    let draw = ask(8, "draw")
        .part([cores(3)])
        .window(at(9), at(99))
        .expected(Duration::from_millis(1500));
    ledger.reserve(&draw.build().unwrap(), node, at(4)).unwrap();
    let gone = ledger
        .reserve(
            &ask(9, "gone").part([cores(1)]).build().unwrap(),
            node,
            at(5),
        )
        .unwrap();
    ledger.release(gone.id, at(6)).unwrap();
    ledger
}

#[test]
fn records_are_these_bytes() {
    let found = lines(&small()).join("\n");
    let written = include_str!("golden.txt");
    assert_eq!(found, written.trim_end(), "\n{found}\n");
}

#[test]
fn every_contradiction_is_named() {
    let all: Vec<Record> = small().records().collect();
    let wrong = |change: &dyn Fn(&mut Vec<Record>)| {
        let mut records = all.clone();
        change(&mut records);
        let error = Ledger::restore(records, CONFIG).unwrap_err();
        (error.record.map(|name| name.to_string()), error.why)
    };
    let reservation =
        |records: &mut Vec<Record>,
         change: &dyn Fn(&mut cloudlot_core::ledger::ReservationRecord)| {
            let found = records.iter_mut().find_map(|record| match record {
                Record::Reservation(reservation) => Some(reservation),
                _ => None,
            });
            change(found.unwrap());
        };
    let name = |text: &str| Some(format!("/cloudlot/v1/{text}"));
    let seven = name("res/00000000000000000000000000000007");
    assert_eq!(
        Ledger::restore([], CONFIG).unwrap_err().why,
        RestoreProblem::Missing
    );
    assert_eq!(
        wrong(&|all| drop(all.remove(0))),
        (name("ledger/head"), RestoreProblem::Missing)
    );
    assert_eq!(
        wrong(&|all| all[0] = Record::Ledger {
            format: 2,
            at: Timestamp::ZERO
        }),
        (name("ledger/head"), RestoreProblem::Format(2))
    );
    assert_eq!(
        wrong(&|all| all.push(all[1].clone())),
        (name("node/n1"), RestoreProblem::Twice)
    );
    assert_eq!(
        wrong(&|all| drop(all.remove(1))),
        (name("node/n1-gpu0"), RestoreProblem::Parent("n1".into()))
    );
    let nowhere = |all: &mut Vec<Record>| reservation(all, &|old| old.holds[0].on = "n9".into());
    assert_eq!(
        wrong(&nowhere),
        (seven.clone(), RestoreProblem::Nowhere("n9".into()))
    );
    let twice =
        |all: &mut Vec<Record>| reservation(all, &|old| old.holds.push(old.holds[0].clone()));
    assert_eq!(wrong(&twice), (seven.clone(), RestoreProblem::Holds));
    let empty = |all: &mut Vec<Record>| reservation(all, &|old| old.holds.clear());
    assert_eq!(wrong(&empty), (seven.clone(), RestoreProblem::Holds));
    let early = |all: &mut Vec<Record>| reservation(all, &|old| old.span.from = Timestamp::ZERO);
    assert_eq!(wrong(&early), (seven.clone(), RestoreProblem::Times));
    let large = |all: &mut Vec<Record>| {
        let most = cloudlot_core::Quantity::new(cloudlot_core::Kind::CPU, u64::MAX);
        reservation(all, &|old| old.holds[0].amounts = [most.clone()].into());
    };
    let eight = name("res/00000000000000000000000000000008");
    assert_eq!(wrong(&large), (eight, RestoreProblem::Why(Why::Overflow)));
    let alive = |all: &mut Vec<Record>| {
        let mut ended = all.last().unwrap().clone();
        if let Record::EndedKey { answer, order } = &mut ended {
            (answer.key, *order) = (RequestKey(7), 9);
        }
        all.push(ended);
    };
    assert_eq!(wrong(&alive).1, RestoreProblem::Twice);
    let order = |all: &mut Vec<Record>| {
        let mut ended = all.last().unwrap().clone();
        if let Record::EndedKey { answer, .. } = &mut ended {
            answer.key = RequestKey(99);
        }
        all.push(ended);
    };
    assert_eq!(wrong(&order).1, RestoreProblem::Order);
}

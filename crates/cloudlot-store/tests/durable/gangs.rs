//! Plans and records that are larger than a transaction, with a fault at every batch.

use crate::world::known;
use crate::{CONFIG, at, open};
use cloudlot_core::ledger::{Ledger, Placement, Plan, View, audit};
use cloudlot_core::{Request, RequestKey, Resource, Timestamp, cores};
use cloudlot_store::durable::{DurableLedger, Unsettled};
use cloudlot_store::flaky::{Fault, Flaky};
use cloudlot_store::{LedgerStore, MAX_OPERATIONS, MemoryStore};

const MEMBERS: u64 = 150;
const NOW: Timestamp = Timestamp::ZERO;

fn node(cpu: u64) -> Resource {
    Resource::node("n1").capacity([cores(cpu)]).build().unwrap()
}

/// A plan of more reservations than fit in one batch.
fn gang(ledger: &Ledger) -> Plan {
    let node = ledger.state().find("n1").unwrap();
    let mut view = View::of(ledger);
    let mut draft = view.draft(NOW);
    for member in 0..MEMBERS {
        let request = Request::new("gang")
            .key(RequestKey(member.into()))
            .part([cores(1)]);
        draft
            .reserve(&request.build().unwrap(), &Placement::on(node))
            .unwrap();
    }
    draft.finish()
}

/// A store with a node in it.
fn prepared() -> MemoryStore {
    let store = MemoryStore::default();
    let mut ledger = open(store.clone());
    let added = ledger.add(node(200), NOW).unwrap();
    ledger.wait(&added).unwrap();
    store
}

fn members(ledger: &Ledger) -> usize {
    assert_eq!(audit(ledger.state()), []);
    let node = ledger.state().find("n1").unwrap();
    let free = ledger.state().free(node).get(cloudlot_core::Kind::CPU);
    let members = ledger.state().reservation_count();
    assert_eq!(free, 200_000 - 1000 * u64::try_from(members).unwrap());
    members
}

fn spaces(store: &mut impl LedgerStore) -> Vec<String> {
    let contents = store.load().unwrap();
    let mut spaces: Vec<String> = contents
        .records
        .keys()
        .map(|key| key.space().to_owned())
        .collect();
    spaces.dedup();
    spaces
}

/// Nothing happens to the first `healthy` batches, `fault` to the next, nothing to those after.
fn after(healthy: usize, fault: Fault) -> Vec<Fault> {
    let mut faults = vec![Fault::None; 1000];
    faults[healthy] = fault;
    faults
}

/// How many batches the gang takes, the opening included.
fn batches() -> u64 {
    let mut store = prepared();
    let before = store.load().unwrap().revision.number();
    let mut ledger = open(store.clone());
    let plan = gang(ledger.provisional());
    let placed = ledger.commit(&plan, NOW).unwrap();
    assert_eq!(
        ledger.wait(&placed).unwrap().len(),
        members(ledger.provisional())
    );
    ledger.flush().unwrap();
    store.load().unwrap().revision.number() - before
}

#[test]
fn a_gang_is_there_whole_or_not_at_all_whichever_batch_fails() {
    let batches = usize::try_from(batches()).unwrap();
    assert!(
        batches > 4,
        "the head, stages, a decision and moves: {batches}"
    );
    let all = usize::try_from(MEMBERS).unwrap();
    let (mut kept, mut lost) = (0, 0);
    for healthy in 1..batches {
        for fault in [
            Fault::RequestLost,
            Fault::Refused,
            Fault::AnswerLost,
            Fault::Late,
        ] {
            let store = prepared();
            let mut ledger = open(Flaky::new(store.clone(), after(healthy, fault)));
            let plan = gang(ledger.provisional());
            let placed = ledger.commit(&plan, NOW).unwrap();
            let told = ledger.wait(&placed);
            drop(ledger.flush());

            // Another process finds it whole or not at all; whole if that was told.
            let crashed =
                MemoryStore::with(store.clone().load().unwrap(), Default::default()).unwrap();
            let found = members(open(crashed.clone()).provisional());
            assert!(
                found == all || found == 0 && told.is_err(),
                "{found} after {healthy} and {fault:?}: {told:?}"
            );
            assert_eq!(
                spaces(&mut crashed.clone()).contains(&"stage".to_owned()),
                false
            );

            // And so does this one, and says which.
            ledger.recover(NOW).unwrap();
            let told = ledger.wait(&placed);
            let found = members(ledger.provisional());
            match told {
                Ok(grants) => {
                    assert_eq!(found, all);
                    assert!(
                        grants.iter().all(|grant| ledger
                            .provisional()
                            .state()
                            .reservation(grant.id)
                            .is_some())
                    );
                    kept += 1;
                }
                Err(why) => {
                    assert_eq!((why, found), (Unsettled::Lost, 0));
                    lost += 1;
                }
            }
            let mut store = ledger.into_store().into_inner();
            let rest = spaces(&mut store);
            assert!(
                rest.iter()
                    .all(|space| ["ledger", "node", "res"].contains(&space.as_str())),
                "{rest:?}"
            );
        }
    }
    assert!(kept > 0 && lost > 0, "{kept} kept, {lost} lost");
}

#[test]
fn what_ends_in_one_moment_is_gone_whole_or_not_at_all() {
    let store = prepared();
    let mut ledger = open(store.clone());
    let plan = gang(ledger.provisional());
    let placed = ledger.commit(&plan, NOW).unwrap();
    ledger.wait(&placed).unwrap();
    ledger.flush().unwrap();
    let before = store.clone().load().unwrap();
    let late = at(100_000);
    let ended = ledger.expire(late).unwrap();
    assert_eq!(
        ledger.wait(&ended).unwrap(),
        usize::try_from(MEMBERS).unwrap()
    );
    ledger.flush().unwrap();
    let after = store.clone().load().unwrap();
    // Every state of the store in between is a whole one.
    let changes = match store.clone().changes(before.revision).unwrap() {
        cloudlot_store::Changes::Batches(changes) => changes,
        other => panic!("{other:?}"),
    };
    assert!(
        changes.len() > 2
            && changes
                .iter()
                .all(|change| change.writes.len() <= MAX_OPERATIONS)
    );
    let mut contents = before;
    let mut found = Vec::new();
    for change in changes {
        for (key, write) in change.writes {
            let version = change.revision.into();
            match write {
                Some(value) => drop(
                    contents
                        .records
                        .insert(key, cloudlot_store::Record { version, value }),
                ),
                None => drop(contents.records.remove(&key)),
            }
        }
        contents.revision = change.revision;
        contents.batches.clear();
        let store = MemoryStore::with(contents.clone(), Default::default()).unwrap();
        found.push(members(open(store).provisional()));
    }
    assert!(
        found.is_sorted_by(|a, b| a >= b) && found.iter().all(|found| [0, 150].contains(found)),
        "{found:?}"
    );
    assert_eq!(contents.records, after.records);
}

#[test]
fn a_long_record_is_kept_in_pieces_and_leaves_none_behind() {
    let long = |entries: usize| {
        let text = "x".repeat(4000);
        let note = |resource: cloudlot_core::ResourceBuilder, n| {
            resource.metadata(format!("note-{n}"), text.clone())
        };
        (0..entries).fold(node(200).edit(), note).build().unwrap()
    };
    let mut store = prepared();
    let mut ledger = open(store.clone());
    let id = ledger.provisional().state().find("n1").unwrap();
    // One piece, a few, more than a batch takes, and back again.
    for entries in [1, 40, 20, 250, 100, 1] {
        let changed = ledger.update(id, long(entries), NOW).unwrap();
        ledger.wait(&changed).unwrap();
        let reopened = open(MemoryStore::with(store.load().unwrap(), Default::default()).unwrap());
        assert_eq!(known(reopened.provisional()), known(ledger.provisional()));
    }
    ledger.flush().unwrap();
    assert_eq!(spaces(&mut store), ["ledger", "node"]);
}

#[test]
fn a_store_with_anything_else_in_it_is_refused() {
    for (space, name, value, says) in [
        ("node", "n2", "{}", "record node/n2"),
        (
            "node",
            "n2",
            r#"{"resource":{"name":"n3"}}"#,
            "another name",
        ),
        ("node", "n1", "+2\nhalf", "is not complete"),
        ("more", "1/node/n9", "rest", "belongs to no record"),
        ("other", "x", "y", "record other/x"),
        ("res", "7", "+", "is not complete"),
    ] {
        let mut store = prepared();
        let key = cloudlot_store::RecordKey::new(space, name).unwrap();
        let batch = cloudlot_store::Batch::of(99.into())
            .put(key, value)
            .build()
            .unwrap();
        drop(store.submit(batch));
        let before = store.load().unwrap();
        let error = DurableLedger::open(store.clone(), CONFIG, NOW)
            .unwrap_err()
            .to_string();
        assert!(error.contains(says), "{error}");
        assert_eq!(store.load().unwrap(), before, "it is left as it is");
    }
}

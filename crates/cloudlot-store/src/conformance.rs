//! What every [`LedgerStore`] must do, as a suite: give it a maker of empty stores.
//!
//! Each check panics with what it saw. Stores that need longer than [`PATIENCE`] for one answer
//! fail. A store that remembers fewer than 64 batches, or changes, is none.

use crate::flaky::{Fault, Flaky};
use crate::{
    Batch, BatchBuilder, BatchKey, Changes, Contents, LedgerStore, Lookup, Outcome, RecordKey,
    Revision, StoreError, Version,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long an answer is waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// All checks, each on a store of its own; `cases` random histories against a model.
///
/// # Panics
/// When the store breaks the contract of [`LedgerStore`].
pub fn check<S: LedgerStore>(cases: u32, mut make: impl FnMut() -> S) {
    a_batch_is_committed_once(&mut make());
    a_conflict_names_the_record_and_writes_nothing(&mut make());
    a_batch_is_whole(&mut make());
    versions_never_come_back(&mut make());
    answers_come_in_order(&mut make());
    changes_tell_what_happened(&mut make());
    compaction_keeps_records_and_keys(&mut make());
    a_revision_ahead_is_refused(&mut make());
    lost_answers_are_settled(&mut make);
    random_histories_follow_the_model(cases, &mut make);
}

/// The key `name` of the suite.
fn key(name: &str) -> RecordKey {
    RecordKey::new("res", name).expect("the suite's names are names")
}

fn batch(number: u128) -> BatchBuilder {
    Batch::of(number.into())
}

fn built(batch: BatchBuilder) -> Batch {
    batch
        .build()
        .expect("the suite's batches are within limits")
}

fn submit(store: &mut impl LedgerStore, batch: BatchBuilder) -> Outcome {
    store.submit(built(batch)).wait(PATIENCE)
}

fn commit(store: &mut impl LedgerStore, batch: BatchBuilder) -> Revision {
    match submit(store, batch) {
        Outcome::Committed(revision) => revision,
        other => panic!("a batch that nothing forbids was not committed: {other:?}"),
    }
}

fn load(store: &mut impl LedgerStore) -> Contents {
    store.load().expect("a store in order loads")
}

fn lookup(store: &mut impl LedgerStore, number: u128) -> Lookup {
    store
        .lookup(number.into())
        .expect("a store in order looks up")
}

fn changes(store: &mut impl LedgerStore, after: Revision) -> Changes {
    store
        .changes(after)
        .expect("a store in order tells its changes")
}

/// A batch that is sent twice happens once and is answered alike.
fn a_batch_is_committed_once(store: &mut impl LedgerStore) {
    let start = load(store).revision;
    assert!(matches!(lookup(store, 1), Lookup::Absent { .. }));
    let first = commit(store, batch(1).absent(key("a")).put(key("a"), "one"));
    assert!(first > start);
    let other = commit(store, batch(2).put(key("a"), "two"));
    assert!(other > first);
    // Its guard no longer holds, and that does not matter any more.
    let again = commit(store, batch(1).absent(key("a")).put(key("a"), "one"));
    assert_eq!(again, first);
    assert_eq!(lookup(store, 1), Lookup::Committed(first));
    let contents = load(store);
    assert_eq!(contents.records[&key("a")].value, b"two");
    assert_eq!(contents.revision, other);
    assert_eq!(contents.batches[&BatchKey::from(2)], other);
}

/// Of several guards that fail the first by key is named, with what is there.
fn a_conflict_names_the_record_and_writes_nothing(store: &mut impl LedgerStore) {
    let at = commit(store, batch(1).put(key("b"), "one").put(key("c"), "one"));
    let before = load(store);
    let wrong = Version::new(at.number() + 7);
    let tried = batch(2)
        .guard(key("c"), wrong)
        .absent(key("b"))
        .absent(key("a"))
        .put(key("a"), "two");
    let found = Some(Version::from(at));
    let conflict = Outcome::Conflict {
        key: key("b"),
        found,
    };
    assert_eq!(submit(store, tried), conflict);
    let tried = batch(3).guard(key("a"), wrong).delete(key("b"));
    let conflict = Outcome::Conflict {
        key: key("a"),
        found: None,
    };
    assert_eq!(submit(store, tried), conflict);
    assert_eq!(load(store), before);
    assert!(matches!(lookup(store, 2), Lookup::Absent { .. }));
    // The key of a batch that met a conflict is free.
    let right = batch(2).guard(key("c"), at.into()).put(key("a"), "two");
    commit(store, right);
}

/// The largest batch that is allowed goes through, with everything in it.
fn a_batch_is_whole(store: &mut impl LedgerStore) {
    let names = || (0..crate::MAX_OPERATIONS).map(|number| key(&format!("{number:03}")));
    let value = vec![0xa5; 8000];
    let all = names().fold(batch(1), |batch, key| {
        batch.absent(key.clone()).put(key, value.clone())
    });
    let at = commit(store, all);
    let contents = load(store);
    assert_eq!(contents.records.len(), crate::MAX_OPERATIONS);
    let right = |record: &crate::Record| record.version == at.into() && record.value == value;
    assert!(contents.records.values().all(right));
    let gone = names().fold(batch(2), |batch, key| {
        batch.guard(key.clone(), at.into()).delete(key)
    });
    commit(store, gone);
    assert!(load(store).records.is_empty());
}

/// A record that went away and came back is not taken for the old one.
fn versions_never_come_back(store: &mut impl LedgerStore) {
    let first = commit(store, batch(1).put(key("a"), "same"));
    commit(store, batch(2).delete(key("a")));
    let second = commit(store, batch(3).absent(key("a")).put(key("a"), "same"));
    let stale = batch(4)
        .guard(key("a"), first.into())
        .put(key("a"), "stale");
    let found = Some(second.into());
    assert_eq!(
        submit(store, stale),
        Outcome::Conflict {
            key: key("a"),
            found
        }
    );
    let at = commit(store, batch(5).delete(key("never")));
    assert_eq!(load(store).revision, at);
}

/// Revisions grow in the order of submission, however many are under way.
fn answers_come_in_order(store: &mut impl LedgerStore) {
    let batches = (1..=50).map(|number| built(batch(number).put(key("a"), number.to_le_bytes())));
    let tickets = store.submit_all(batches.collect());
    assert_eq!(tickets.len(), 50);
    // What is asked now comes after what was submitted.
    assert_eq!(load(store).records[&key("a")].value, 50_u128.to_le_bytes());
    let mut last = Revision::new(0);
    for ticket in tickets {
        match ticket.wait(PATIENCE) {
            Outcome::Committed(revision) if revision > last => last = revision,
            other => panic!("{other:?} after {last}"),
        }
    }
}

/// Applying the changes to an older state gives the later one.
fn changes_tell_what_happened(store: &mut impl LedgerStore) {
    commit(store, batch(1).put(key("a"), "one"));
    let before = load(store);
    commit(store, batch(2).put(key("a"), "two").put(key("b"), ""));
    let last = commit(
        store,
        batch(3)
            .delete(key("a"))
            .delete(key("x"))
            .put(key("c"), "three"),
    );
    let Changes::Batches(told) = changes(store, before.revision) else {
        panic!("changes of two batches ago are compacted");
    };
    let keys: Vec<u128> = told.iter().map(|change| change.key.number()).collect();
    assert_eq!(keys, [2, 3]);
    let mut records = values(&before);
    for change in &told {
        apply(&mut records, &change.writes);
    }
    assert_eq!(records, values(&load(store)));
    assert_eq!(told.last().map(|change| change.revision), Some(last));
    assert_eq!(changes(store, last), Changes::Batches(Vec::new()));
}

/// Forgetting the past changes nothing else.
fn compaction_keeps_records_and_keys(store: &mut impl LedgerStore) {
    let start = load(store).revision;
    let first = commit(store, batch(1).put(key("a"), "one"));
    let second = commit(store, batch(2).put(key("b"), "two"));
    let third = commit(store, batch(3).put(key("c"), "three"));
    let before = load(store);
    assert_eq!(store.compact(second).expect("a store in order compacts"), 2);
    assert_eq!(load(store), before);
    assert_eq!(lookup(store, 1), Lookup::Committed(first));
    assert!(matches!(changes(store, start), Changes::Compacted { upto } if upto == second));
    assert!(matches!(changes(store, first), Changes::Compacted { .. }));
    let Changes::Batches(told) = changes(store, second) else {
        panic!("more was compacted than was asked for");
    };
    assert_eq!(
        told.iter()
            .map(|change| change.revision)
            .collect::<Vec<_>>(),
        [third]
    );
    assert_eq!(store.compact(second).expect("twice is harmless"), 0);
    assert_eq!(commit(store, batch(1).put(key("a"), "one")), first);
    let ahead = Revision::new(third.number() + 1000);
    assert_eq!(
        store
            .compact(ahead)
            .expect("the future is not there to forget"),
        1
    );
    let fourth = commit(store, batch(4).put(key("d"), "four"));
    let Changes::Batches(told) = changes(store, third) else {
        panic!("the future was compacted");
    };
    assert_eq!(
        told.iter()
            .map(|change| change.revision)
            .collect::<Vec<_>>(),
        [fourth]
    );
}

/// A caller that saw more than the store has is not served as if nothing were missing.
fn a_revision_ahead_is_refused(store: &mut impl LedgerStore) {
    let at = commit(store, batch(1).put(key("a"), "one"));
    let ahead = Revision::new(at.number() + 1);
    let answer = store.changes(ahead);
    assert!(
        matches!(answer, Err(StoreError::Ahead { asked, .. }) if asked == ahead),
        "{answer:?}"
    );
}

/// Whatever was lost on the way, asking and sending again makes every batch happen once.
fn lost_answers_are_settled<S: LedgerStore>(make: &mut impl FnMut() -> S) {
    use Fault::{AnswerLost, Late, None, Refused, RequestLost};
    for faults in [
        vec![AnswerLost],
        vec![RequestLost, None],
        vec![Refused, None],
        vec![Late, None],
        vec![Late, Late, AnswerLost, RequestLost, None, Refused],
    ] {
        let mut line = Flaky::new(make(), faults.clone());
        for number in 1..=20_u128 {
            settle(&mut line, number);
        }
        let mut store = line.into_inner();
        let contents = load(&mut store);
        assert_eq!(contents.batches.len(), 20, "{faults:?}");
        // Each batch counts one further; had one happened twice, its guard would have failed
        // and the next one would never have been settled.
        assert_eq!(
            contents.records[&key("count")].value,
            20_u128.to_le_bytes(),
            "{faults:?}"
        );
    }
}

/// Sends a batch until it is known to be committed: what a ledger's writer does.
fn settle(store: &mut impl LedgerStore, number: u128) {
    for _ in 0..10 {
        let records = load(store).records;
        let count = records.get(&key("count"));
        let guarded = match count {
            _ if matches!(lookup(store, number), Lookup::Committed(_)) => return,
            Some(record) => batch(number).guard(key("count"), record.version),
            None => batch(number).absent(key("count")),
        };
        match submit(store, guarded.put(key("count"), number.to_le_bytes())) {
            Outcome::Committed(_) => return,
            Outcome::Conflict { .. } | Outcome::NotExecuted(_) | Outcome::Unknown => {}
        }
    }
    panic!("batch {number} is not settled");
}

#[derive(Clone, Debug)]
enum Step {
    /// A batch: number, guards (name, whether a right one), writes.
    Submit(u128, Vec<(u8, bool)>, Vec<(u8, Option<Vec<u8>>)>),
    Lookup(u128),
    Changes(u64),
    Compact(u64),
    Load,
}

fn step() -> impl Strategy<Value = Step> {
    let name = || 0..6_u8;
    let guards = prop::collection::vec((name(), prop::bool::weighted(0.9)), 0..3);
    let value = prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..40));
    let writes = prop::collection::vec((name(), value), 1..4);
    let number = || 0..40_u128;
    prop_oneof![
        8 => (number(), guards, writes).prop_map(|(n, guards, writes)| Step::Submit(n, guards, writes)),
        2 => number().prop_map(Step::Lookup),
        2 => (0..40_u64).prop_map(Step::Changes),
        1 => (0..40_u64).prop_map(Step::Compact),
        1 => Just(Step::Load),
    ]
}

type Values = BTreeMap<RecordKey, Vec<u8>>;
type Writes = BTreeMap<RecordKey, Option<Vec<u8>>>;

fn values(contents: &Contents) -> Values {
    let records = contents.records.iter();
    records
        .map(|(key, record)| (key.clone(), record.value.clone()))
        .collect()
}

fn apply(values: &mut Values, writes: &Writes) {
    for (key, value) in writes {
        match value {
            Some(value) => drop(values.insert(key.clone(), value.clone())),
            None => drop(values.remove(key)),
        }
    }
}

/// The past as plain lists.
#[derive(Default)]
struct Model {
    values: Values,
    versions: BTreeMap<RecordKey, Version>,
    /// Committed batches, in order.
    past: Vec<(Revision, u128, Writes)>,
    compacted: Option<Revision>,
}

impl Model {
    /// What must come back, but for the number of a new revision.
    fn submit(&mut self, batch: &Batch, found: &Outcome) {
        let number = batch.key().number();
        let known = self.past.iter().find(|(_, key, _)| *key == number);
        if let Some((at, ..)) = known {
            assert_eq!(*found, Outcome::Committed(*at));
            return;
        }
        let wrong = batch
            .guards()
            .iter()
            .find(|(key, wanted)| self.versions.get(key) != wanted.as_ref());
        if let Some((key, _)) = wrong {
            let conflict = Outcome::Conflict {
                key: key.clone(),
                found: self.versions.get(key).copied(),
            };
            assert_eq!(*found, conflict);
            return;
        }
        let Outcome::Committed(at) = *found else {
            panic!("{found:?} for a batch that nothing forbids");
        };
        assert!(self.past.last().is_none_or(|(last, ..)| *last < at));
        apply(&mut self.values, batch.writes());
        for (key, value) in batch.writes() {
            match value {
                Some(_) => self.versions.insert(key.clone(), at.into()),
                None => self.versions.remove(key),
            };
        }
        self.past.push((at, number, batch.writes().clone()));
    }

    /// The revision after that many batches.
    fn at(&self, batches: u64, start: Revision) -> Revision {
        let index = usize::try_from(batches).unwrap_or(0).min(self.past.len());
        index
            .checked_sub(1)
            .map_or(start, |index| self.past[index].0)
    }
}

/// Random steps on a store and on the model give the same answers.
fn random_histories_follow_the_model<S: LedgerStore>(cases: u32, make: &mut impl FnMut() -> S) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let make = std::cell::RefCell::new(make);
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), 1..60), |steps| {
            let mut store = (make.borrow_mut())();
            let mut model = Model::default();
            let start = load(&mut store).revision;
            steps
                .into_iter()
                .for_each(|step| follow(&mut store, &mut model, start, step));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

fn follow(store: &mut impl LedgerStore, model: &mut Model, start: Revision, step: Step) {
    match step {
        Step::Submit(number, guards, writes) => {
            let sent = guarded(model, number, guards, writes);
            let found = store.submit(sent.clone()).wait(PATIENCE);
            model.submit(&sent, &found);
        }
        Step::Lookup(number) => {
            let known = model.past.iter().find(|(_, key, _)| *key == number);
            match (known, lookup(store, number)) {
                (Some((at, ..)), found) => assert_eq!(found, Lookup::Committed(*at)),
                (None, found) => assert!(matches!(found, Lookup::Absent { .. }), "{found:?}"),
            }
        }
        Step::Changes(batches) => {
            let after = model.at(batches, start);
            let found = changes(store, after);
            if model.compacted.is_some_and(|upto| after < upto) {
                assert!(matches!(found, Changes::Compacted { .. }), "{found:?}");
                return;
            }
            let Changes::Batches(found) = found else {
                panic!("{found:?} after {after}, which was not compacted");
            };
            let found = found
                .into_iter()
                .map(|change| (change.revision, change.key.number(), change.writes));
            let expected = model.past.iter().filter(|(at, ..)| *at > after).cloned();
            assert!(found.eq(expected));
        }
        Step::Compact(batches) => {
            let upto = model.at(batches, start);
            store.compact(upto).expect("a store in order compacts");
            model.compacted = model.compacted.max(Some(upto));
        }
        Step::Load => {
            let contents = load(store);
            assert_eq!(values(&contents), model.values);
            let versions = contents
                .records
                .iter()
                .map(|(key, record)| (key, &record.version));
            assert!(versions.eq(&model.versions));
            assert_eq!(contents.revision, model.at(u64::MAX, start));
        }
    }
}

fn guarded(
    model: &Model,
    number: u128,
    guards: Vec<(u8, bool)>,
    writes: Vec<(u8, Option<Vec<u8>>)>,
) -> Batch {
    let named = |name: u8| key(&name.to_string());
    let guards: BTreeMap<_, _> = guards.into_iter().collect();
    let writes: BTreeMap<_, _> = writes.into_iter().collect();
    let mut sent = batch(number);
    for (name, right) in guards {
        let version = model.versions.get(&named(name)).copied();
        sent = match (version, right) {
            (Some(version), true) => sent.guard(named(name), version),
            (None, false) => sent.guard(named(name), Version::new(3)),
            (Some(_), false) | (None, true) => sent.absent(named(name)),
        };
    }
    let write = |sent: BatchBuilder, (name, value)| match value {
        Some(value) => sent.put(named(name), value),
        None => sent.delete(named(name)),
    };
    built(writes.into_iter().fold(sent, write))
}

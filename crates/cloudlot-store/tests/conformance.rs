//! Every store passes the same suite.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cloudlot_store::conformance::check;
use cloudlot_store::{
    Batch, Changes, LedgerStore, Lookup, MemoryStore, Outcome, RecordKey, RedbStore, Retention,
    Revision,
};
use std::time::Duration;
use tempfile::TempDir;

fn in_a_file(folder: &TempDir, retention: Retention) -> RedbStore {
    RedbStore::open_or_create(folder.path().join("ledger"), retention).unwrap()
}

#[test]
fn the_store_in_memory_conforms() {
    check(500, MemoryStore::default);
}

#[test]
fn the_store_in_a_file_conforms() {
    let mut folders = Vec::new();
    check(40, || {
        let folder = tempfile::tempdir().unwrap();
        let store = in_a_file(&folder, Retention::default());
        folders.push(folder);
        store
    });
}

fn fill(store: &mut impl LedgerStore, count: u128) {
    let key = RecordKey::new("res", "a").unwrap();
    for number in 1..=count {
        let batch = Batch::of(number.into()).put(key.clone(), number.to_le_bytes());
        let outcome = store
            .submit(batch.build().unwrap())
            .wait(Duration::from_secs(60));
        assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    }
}

#[test]
fn memory_of_the_past_is_bounded_and_says_where_it_ends() {
    let retention = Retention {
        changes: 8,
        keys: 16,
    };
    let folder = tempfile::tempdir().unwrap();
    let mut stores: [Box<dyn LedgerStore>; 2] = [
        Box::new(MemoryStore::new(retention)),
        Box::new(in_a_file(&folder, retention)),
    ];
    for store in &mut stores {
        fill(store, 100);
        let contents = store.load().unwrap();
        assert!(
            (16..=20).contains(&contents.batches.len()),
            "{}",
            contents.batches.len()
        );
        let forgotten = contents.forgotten;
        assert_eq!(
            store.lookup(1.into()).unwrap(),
            Lookup::Absent { since: forgotten }
        );
        assert!((80..=84).contains(&forgotten.number()), "{forgotten}");
        assert!(matches!(
            store.lookup(85.into()).unwrap(),
            Lookup::Committed(_)
        ));
        let Changes::Compacted { upto } = store.changes(Revision::new(80)).unwrap() else {
            panic!("twenty changes of eight are kept");
        };
        assert!((90..=92).contains(&upto.number()), "{upto}");
        let Changes::Batches(told) = store.changes(upto).unwrap() else {
            panic!("what is kept is told");
        };
        assert_eq!(
            told.last().map(|change| change.revision.number()),
            Some(100)
        );
    }
}

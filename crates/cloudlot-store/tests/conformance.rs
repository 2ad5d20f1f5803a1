//! Every store passes the same suite.

use cloudlot_store::conformance::check;
use cloudlot_store::{
    Batch, Changes, LedgerStore, Lookup, MemoryStore, Outcome, RecordKey, RedbStore, Retention,
    Revision,
};
use std::time::Duration;

/// A store that lives as long as its folder.
struct Kept(
    RedbStore,
    #[expect(dead_code, reason = "kept until the store is gone")] tempfile::TempDir,
);

fn in_a_file(retention: Retention) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open_or_create(folder.path().join("ledger"), retention).unwrap();
    Kept(store, folder)
}

impl LedgerStore for Kept {
    fn submit(&mut self, batch: Batch) -> cloudlot_store::Ticket {
        self.0.submit(batch)
    }

    fn submit_all(&mut self, batches: Vec<Batch>) -> Vec<cloudlot_store::Ticket> {
        self.0.submit_all(batches)
    }

    fn load(&mut self) -> Result<cloudlot_store::Contents, cloudlot_store::StoreError> {
        self.0.load()
    }

    fn changes(&mut self, after: Revision) -> Result<Changes, cloudlot_store::StoreError> {
        self.0.changes(after)
    }

    fn lookup(
        &mut self,
        key: cloudlot_store::BatchKey,
    ) -> Result<Lookup, cloudlot_store::StoreError> {
        self.0.lookup(key)
    }

    fn compact(&mut self, upto: Revision) -> Result<u64, cloudlot_store::StoreError> {
        self.0.compact(upto)
    }
}

#[test]
fn the_store_in_memory_conforms() {
    check(500, MemoryStore::default);
}

#[test]
fn the_store_in_a_file_conforms() {
    check(40, || in_a_file(Retention::default()));
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
    let mut stores: [Box<dyn LedgerStore>; 2] = [
        Box::new(MemoryStore::new(retention)),
        Box::new(in_a_file(retention)),
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

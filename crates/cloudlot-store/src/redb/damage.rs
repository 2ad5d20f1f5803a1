//! What flipped bits, cut files and failing disks lead to: the acknowledged state, or a refusal.

use super::create::start;
use super::disk::Disk;
use super::engine::Engine;
use super::examine::{self, EngineCheck};
use super::record::{CHANGES, KEYS, META, RECORDS, encode_record};
use crate::{Batch, Contents, Outcome, RecordKey, Retention, StoreError, Version};
use redb::backends::InMemoryBackend;
use redb::{StorageBackend, WriteTransaction};
use std::path::Path;
use std::sync::Arc;

/// So small that the past is dropped all the time.
pub(super) const RETENTION: Retention = Retention {
    changes: 8,
    keys: 16,
};

pub(super) fn memory(bytes: &[u8]) -> Arc<dyn StorageBackend> {
    let backend = InMemoryBackend::new();
    backend.set_len(bytes.len().try_into().unwrap()).unwrap();
    backend.write(0, bytes).unwrap();
    Arc::new(backend)
}

pub(super) fn bytes(backend: &dyn StorageBackend) -> Vec<u8> {
    let mut bytes = vec![0; backend.len().unwrap().try_into().unwrap()];
    backend.read(0, &mut bytes).unwrap();
    bytes
}

pub(super) fn batch(number: u64) -> Batch {
    let key = |name: String| RecordKey::new("res", &name).unwrap();
    let batch = Batch::of(u128::from(number).into())
        .put(key(format!("{}", number % 7)), number.to_string().repeat(9))
        .put(key(format!("last-{}", number % 3)), number.to_le_bytes())
        .delete(key(format!("{}", (number + 3) % 7)));
    batch.build().unwrap()
}

pub(super) fn engine(backend: Arc<dyn StorageBackend>) -> Result<Engine, StoreError> {
    Engine::open(Path::new("ledger"), Disk::new(backend), RETENTION)
}

/// A store after some batches: its contents, and its bytes while open and after a clean close.
fn sample(batches: u64) -> (Contents, [Vec<u8>; 2]) {
    let backend = memory(&[]);
    let disk = Disk::new(Arc::clone(&backend));
    let path = Path::new("ledger");
    let mut engine = start(path, disk, &Contents::default(), RETENTION).unwrap();
    for number in 1..=batches {
        let outcomes = engine.commit(&[batch(number)]).unwrap();
        assert!(matches!(outcomes[..], [Outcome::Committed(_)]));
    }
    let contents = engine.load().unwrap();
    let open = bytes(&*backend);
    drop(engine);
    (contents, [open, bytes(&*backend)])
}

/// Opens a damaged file: it must hold exactly what was acknowledged, or be refused with the place
/// and the way out, and left as it is.
fn whole_or_refused(file: &[u8], expected: &Contents, what: &dyn Fn() -> String) -> bool {
    let backend = memory(file);
    match engine(Arc::clone(&backend)) {
        Ok(engine) => {
            let found = engine
                .load()
                .unwrap_or_else(|error| panic!("{}: {error}", what()));
            assert!(found == *expected, "{}: {found:?}", what());
            let next = batch(1000);
            let mut engine = engine;
            let outcomes = engine.commit(&[next]);
            assert!(
                matches!(outcomes.as_deref(), Ok([Outcome::Committed(_)])),
                "{}: {outcomes:?}",
                what()
            );
            true
        }
        Err(error @ (StoreError::Record { .. } | StoreError::Damaged { .. })) => {
            let text = error.to_string();
            assert!(
                text.starts_with("ledger is damaged: "),
                "{}: {text}",
                what()
            );
            assert!(
                text.contains("cloudlot-store doctor ledger"),
                "{}: {text}",
                what()
            );
            assert!(
                bytes(&*backend) == file,
                "{}: a refused file was changed",
                what()
            );
            false
        }
        Err(error) => panic!("{}: {error}", what()),
    }
}

/// Every byte of the pages that describe the file, and every so many of the others.
fn places(file: &[u8]) -> impl Iterator<Item = usize> {
    let sparse = std::env::var("CLOUDLOT_FLIPS").ok();
    let step = sparse.map_or(97, |step| step.parse().expect("CLOUDLOT_FLIPS is a number"));
    let dense = 2 * 4096;
    let used = |at: &usize| {
        file[at / 4096 * 4096..]
            .iter()
            .take(4096)
            .any(|byte| *byte != 0)
    };
    let head = (0..dense).filter(|at| at % 4096 < 400);
    head.chain((dense..file.len()).step_by(step).filter(used))
}

#[test]
fn a_flipped_bit_anywhere_is_noticed_or_harmless() {
    let (contents, files) = sample(30);
    for (file, when) in files
        .iter()
        .zip(["while it was open", "after a clean close"])
    {
        let (mut whole, mut refused) = (0, 0);
        let mut damaged = file.clone();
        for at in places(file) {
            let bit = 1 << (at % 8);
            damaged[at] ^= bit;
            let what = || format!("byte {at} with {bit:#x}, {when}");
            match whole_or_refused(&damaged, &contents, &what) {
                true => whole += 1,
                false => refused += 1,
            }
            damaged[at] = file[at];
        }
        println!("{when}: {whole} whole, {refused} refused");
        assert!(whole > 0 && refused > 0);
    }
}

#[test]
fn a_file_cut_anywhere_is_refused_or_whole() {
    let (contents, files) = sample(30);
    for file in &files {
        let ends = (0..file.len())
            .step_by(1021)
            .chain([1, 16, 4095, 4096, 4097, file.len() - 1]);
        for end in ends {
            let what = || format!("cut to {end} of {}", file.len());
            whole_or_refused(&file[..end], &contents, &what);
        }
        for end in [0, 1, 96, 4096, 8192] {
            assert!(!whole_or_refused(&file[..end], &contents, &|| "a stump".into()));
        }
        assert!(whole_or_refused(file, &contents, &|| "undamaged".into()));
    }
}

#[test]
fn a_damaged_record_is_named_by_its_key() {
    let (contents, [_, closed]) = sample(30);
    let (mut named, mut other) = (0, 0);
    for (key, record) in &contents.records {
        // Old copies of the record are in pages that are free by now.
        let body = [&record.version.number().to_le_bytes()[..], &record.value].concat();
        let places = closed.windows(body.len()).enumerate();
        for (at, _) in places.filter(|(_, window)| *window == body) {
            let mut damaged = closed.clone();
            damaged[at + 8] ^= 1;
            match engine(memory(&damaged)) {
                Ok(engine) => assert!(engine.load().unwrap() == contents),
                Err(StoreError::Record { key: told, .. }) => {
                    assert_eq!(told, *key);
                    named += 1;
                }
                Err(_) => other += 1,
            }
        }
    }
    // The value is in its change, too.
    println!("{named} named, {other} elsewhere");
    assert_eq!(named, contents.records.len());
}

/// Changes rows behind the store's back, through the engine, so that its own checksums are right.
fn tampered(change: impl FnOnce(&WriteTransaction)) -> String {
    let (_, [_, closed]) = sample(30);
    let backend = memory(&closed);
    let db = examine::engine(&Disk::new(Arc::clone(&backend)), &Arc::default()).unwrap();
    let txn = db.begin_write().unwrap();
    change(&txn);
    txn.commit().unwrap();
    drop(db);
    let error = engine(backend).map(|_| ()).unwrap_err().to_string();
    let (told, _) = error.split_once("; ").unwrap();
    told.to_owned()
}

#[test]
fn rows_that_are_gone_old_or_elsewhere_are_noticed_though_the_engine_is_content() {
    let (record, other) = (&b"res/last-1"[..], &b"res/last-2"[..]);
    let take = |txn: &WriteTransaction| {
        let mut table = txn.open_table(RECORDS).unwrap();
        let row = table.remove(record).unwrap();
        row.unwrap().value().to_vec()
    };
    let gone = tampered(|txn| drop(take(txn)));
    assert_eq!(gone, "ledger is damaged: 6 rows of 7 are left in records");
    let moved = tampered(|txn| {
        let row = take(txn);
        txn.open_table(RECORDS)
            .unwrap()
            .insert(other, &*row)
            .unwrap();
    });
    assert_eq!(
        moved,
        "ledger is damaged: record res/last-2 fails its checksum"
    );
    let old = tampered(|txn| {
        let key = RecordKey::parse("res/last-1").unwrap();
        let (row, _) = encode_record(&key, Version::new(3), b"once");
        txn.open_table(RECORDS)
            .unwrap()
            .insert(record, &*row)
            .unwrap();
    });
    assert_eq!(
        old,
        "ledger is damaged: the rows of records are not those of its last commit"
    );
    let change = tampered(|txn| {
        drop(txn.open_table(CHANGES).unwrap().pop_last().unwrap());
    });
    assert!(change.contains("are left in changes"), "{change}");
    let key = tampered(|txn| {
        drop(txn.open_table(KEYS).unwrap().pop_first().unwrap());
    });
    assert!(key.contains("are left in keys"), "{key}");
    let meta = tampered(|txn| {
        drop(txn.open_table(META).unwrap().remove(0).unwrap());
    });
    assert!(meta.contains("its own description"), "{meta}");
}

#[test]
fn an_examination_tells_a_clean_close_from_a_stop() {
    let (contents, [open, closed]) = sample(30);
    for (file, expected) in [(open, EngineCheck::Recovers), (closed, EngineCheck::Clean)] {
        let disk = Disk::new(memory(&file));
        let found = examine::examine(Path::new("ledger"), &disk).unwrap();
        assert_eq!(found.engine, expected);
        assert_eq!(found.acknowledged, Some(contents.revision));
        assert!(found.damage.is_empty() && found.contents == contents);
        assert!(bytes(&*disk.base()) == file);
    }
}

#[test]
fn what_is_no_store_is_refused() {
    for file in [&b""[..], b"hello", &[0; 9000]] {
        let error = engine(memory(file)).map(|_| ()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }
    let plain = memory(&[]);
    drop(
        redb::Builder::new()
            .create_with_backend(Disk::new(Arc::clone(&plain)))
            .unwrap(),
    );
    assert!(matches!(engine(plain), Err(StoreError::Damaged { .. })));
}

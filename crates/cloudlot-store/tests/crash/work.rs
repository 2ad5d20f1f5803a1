//! What the children write: each lane counts, in several records that belong together.

use cloudlot_store::{Batch, BatchKey, Contents, RecordKey, Retention};
use std::collections::BTreeMap;

/// Threads of a child, each with records of its own.
pub(crate) const LANES: usize = 4;

/// Batches of a lane that are under way together.
pub(crate) const AT_A_TIME: u64 = 3;

/// Small, so that the past is dropped all the time.
pub(crate) const RETENTION: Retention = Retention {
    changes: 16,
    keys: 64,
};

/// Records in which a lane keeps its last batches.
const SLOTS: u64 = 4;

fn key(lane: usize, name: &str) -> RecordKey {
    RecordKey::new("lane", &format!("{lane}/{name}")).unwrap()
}

/// The key of a lane's batch.
pub(crate) fn batch_key(lane: usize, number: u64) -> BatchKey {
    (u128::try_from(lane).unwrap() << 64 | u128::from(number)).into()
}

/// A value of some length that tells its number.
fn value(number: u64) -> Vec<u8> {
    let length = usize::try_from(number % 5 * 40 + 8).unwrap();
    number
        .to_le_bytes()
        .into_iter()
        .cycle()
        .take(length)
        .collect()
}

/// Batch `number` of a lane: two counters, one slot written, one emptied.
pub(crate) fn batch(lane: usize, number: u64) -> Batch {
    let slot = |number: u64| key(lane, &format!("slot-{}", number % SLOTS));
    Batch::of(batch_key(lane, number))
        .put(key(lane, "first"), value(number))
        .put(slot(number), value(number))
        .delete(slot(number + 2))
        .put(key(lane, "last"), value(number))
        .build()
        .unwrap()
}

/// The last batch of each lane, by its first counter.
pub(crate) fn numbers(contents: &Contents) -> [u64; LANES] {
    std::array::from_fn(|lane| {
        let record = contents.records.get(&key(lane, "first"));
        record.map_or(0, |record| {
            u64::from_le_bytes(*record.value.first_chunk().unwrap())
        })
    })
}

/// Every record is what the last batches of the lanes made it, and nothing else is there.
pub(crate) fn check_whole(contents: &Contents) {
    let there = numbers(contents);
    let mut expected = BTreeMap::new();
    for (lane, &last) in there.iter().enumerate() {
        for number in last.saturating_sub(2 * SLOTS).max(1)..=last.max(1) {
            if number > last {
                continue;
            }
            for (key, value) in batch(lane, number).writes() {
                match value {
                    Some(value) => drop(expected.insert(key.clone(), value.clone())),
                    None => drop(expected.remove(key)),
                }
            }
        }
    }
    let records = contents.records.iter();
    let found: BTreeMap<_, _> = records
        .map(|(key, record)| (key.clone(), record.value.clone()))
        .collect();
    assert!(found == expected, "{found:?} over {expected:?}");
    assert_eq!(
        contents.revision.number(),
        there.iter().sum::<u64>(),
        "every batch counts once"
    );
    for (lane, &last) in there.iter().enumerate().filter(|(_, last)| **last > 0) {
        let version = contents.records[&key(lane, "last")].version;
        let known = contents.batches.get(&batch_key(lane, last));
        let forgotten = version.number() <= contents.forgotten.number();
        assert!(forgotten || known.is_some_and(|at| at.number() == version.number()));
        assert!(!contents.batches.contains_key(&batch_key(lane, last + 1)));
    }
}

//! How things are written into the tables: every value is sealed with a checksum that covers
//! its key. Sizes are little-endian.

use crate::checksum::{seal, unseal};
use crate::{BatchKey, Change, Record, RecordKey, Revision, Version};
use redb::TableDefinition;
use std::collections::BTreeMap;

/// Record keys to sealed records. Keys are bytes here: text that was damaged must not make the
/// engine panic.
pub(super) const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
/// Revisions to sealed changes, the latest ones.
pub(super) const CHANGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("changes");
/// Revisions to sealed batch keys, of batches whose changes are no longer kept.
pub(super) const KEYS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("keys");
/// One sealed [`Meta`] under zero.
pub(super) const META: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("meta");

const RECORD: &str = "record";
const CHANGE: &str = "change";
const KEY: &str = "key";

/// A record as it is stored, and its checksum.
pub(super) fn encode_record(key: &RecordKey, version: Version, value: &[u8]) -> (Vec<u8>, u32) {
    let body = [&version.number().to_le_bytes()[..], value].concat();
    sealed(RECORD, key.as_str().as_bytes(), &body)
}

/// The record stored under `key`, and its checksum.
pub(super) fn decode_record(key: &[u8], stored: &[u8]) -> Option<(Record, u32)> {
    let (body, sum) = unseal(RECORD, key, stored)?;
    let (version, value) = body.split_first_chunk()?;
    let record = Record {
        version: Version::new(u64::from_le_bytes(*version)),
        value: value.to_vec(),
    };
    Some((record, sum))
}

/// The key of a batch as it is stored, and its checksum.
pub(super) fn encode_key(revision: Revision, key: BatchKey) -> (Vec<u8>, u32) {
    let at = revision.number().to_le_bytes();
    sealed(KEY, &at, &key.number().to_le_bytes())
}

/// The batch key stored for `revision`, and its checksum.
pub(super) fn decode_key(revision: Revision, stored: &[u8]) -> Option<(BatchKey, u32)> {
    let (body, sum) = unseal(KEY, &revision.number().to_le_bytes(), stored)?;
    Some((u128::from_le_bytes(body.try_into().ok()?).into(), sum))
}

/// A change as it is stored, and its checksum: the batch's key, then for each write the key's
/// length and bytes and, for a put, one more than the value's length, and the value; a zero
/// deletes.
pub(super) fn encode_change(
    revision: Revision,
    key: BatchKey,
    writes: &BTreeMap<RecordKey, Option<Vec<u8>>>,
) -> (Vec<u8>, u32) {
    let mut body = key.number().to_le_bytes().to_vec();
    for (key, value) in writes {
        let key = key.as_str().as_bytes();
        body.extend(length(key.len()).to_le_bytes());
        body.extend(key);
        let marked = value.as_ref().map_or(0, |value| length(value.len()) + 1);
        body.extend(marked.to_le_bytes());
        body.extend(value.iter().flatten());
    }
    sealed(CHANGE, &revision.number().to_le_bytes(), &body)
}

/// The change stored for `revision`, and its checksum.
pub(super) fn decode_change(revision: Revision, stored: &[u8]) -> Option<(Change, u32)> {
    let (body, sum) = unseal(CHANGE, &revision.number().to_le_bytes(), stored)?;
    let (key, mut rest) = body.split_first_chunk()?;
    let key = u128::from_le_bytes(*key).into();
    let mut writes = BTreeMap::new();
    while !rest.is_empty() {
        let key = take(&mut rest)?;
        let key = str::from_utf8(take_bytes(&mut rest, key)?).ok()?;
        let value = match take(&mut rest)?.checked_sub(1) {
            Some(length) => Some(take_bytes(&mut rest, length)?.to_vec()),
            None => None,
        };
        writes.insert(RecordKey::parse(key).ok()?, value);
    }
    let change = Change {
        revision,
        key,
        writes,
    };
    Some((change, sum))
}

fn sealed(space: &str, key: &[u8], body: &[u8]) -> (Vec<u8>, u32) {
    let stored = seal(space, key, body);
    let sum = stored
        .first_chunk()
        .map_or(0, |sum| u32::from_le_bytes(*sum));
    (stored, sum)
}

/// Keys and values have limits far below this.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a value is at most 64 KiB")
}

fn take(rest: &mut &[u8]) -> Option<u32> {
    let (length, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(u32::from_le_bytes(*length))
}

fn take_bytes<'a>(rest: &mut &'a [u8], length: u32) -> Option<&'a [u8]> {
    let (bytes, left) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = left;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            revision in any::<u64>(),
            batch in any::<u128>(),
            writes in proptest::collection::btree_map("[a-z]{1,3}", proptest::option::of(proptest::collection::vec(any::<u8>(), 0..9)), 0..5),
        ) {
            let (revision, key) = (Revision::new(revision), BatchKey::from(batch));
            let named = |(name, value): (String, Option<Vec<u8>>)| (RecordKey::new("res", &name).unwrap(), value);
            let writes: BTreeMap<_, _> = writes.into_iter().map(named).collect();
            let (stored, sum) = encode_change(revision, key, &writes);
            let read = decode_change(revision, &stored);
            prop_assert_eq!(read, Some((Change { revision, key, writes: writes.clone() }, sum)));
            let (stored, sum) = encode_key(revision, key);
            prop_assert_eq!(decode_key(revision, &stored), Some((key, sum)));
            for (key, value) in writes {
                let value = value.unwrap_or_default();
                let (stored, sum) = encode_record(&key, revision.into(), &value);
                let record = Record { version: revision.into(), value };
                prop_assert_eq!(decode_record(key.as_str().as_bytes(), &stored), Some((record, sum)));
            }
        }
    }
}

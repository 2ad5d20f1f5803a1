//! From records to what a store writes, and back: keys, bytes, and long values in several pieces.

use crate::{BatchKey, Contents, KeyError, MAX_VALUE_BYTES, RecordKey, Version};
use cloudlot_core::ledger::{Record, RecordChanges, RecordName};
use std::collections::BTreeMap;

/// What records of a store become; `None` for one that goes away.
pub(super) type Writes = BTreeMap<RecordKey, Option<Vec<u8>>>;

/// Bytes of a value in one piece: a staged one has its key before it.
const PIECE: usize = MAX_VALUE_BYTES - 1024;
/// The space of further pieces.
const MORE: &str = "more";
/// The first byte of a value in several pieces; one in a single piece is JSON and begins with a brace.
const SEVERAL: u8 = b'+';

/// The record that every batch writes, and that every batch is guarded by: only who knows its version may write.
pub(super) fn head_key() -> RecordKey {
    key_of(&RecordName::Ledger).expect("the name of the head is short")
}

/// Where a record is kept.
pub(super) fn key_of(name: &RecordName) -> Result<RecordKey, KeyError> {
    let key = RecordKey::new(name.space(), &name.local())?;
    // The names of further pieces are longer; the longest has to be a key as well.
    further(&key, u32::MAX)?;
    Ok(key)
}

fn further(key: &RecordKey, piece: u32) -> Result<RecordKey, KeyError> {
    RecordKey::new(MORE, &format!("{piece}/{key}"))
}

/// Records to be written, and how many further pieces each long one has.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces(BTreeMap<RecordKey, u32>);

impl Pieces {
    /// What a store has to write for these changes.
    pub(super) fn writes(&mut self, changes: &RecordChanges) -> Writes {
        let mut writes = Writes::new();
        for record in &changes.puts {
            if let Some(name) = record.name() {
                self.write(&name, Some(&encoded(record)), &mut writes);
            }
        }
        for name in &changes.deletes {
            self.write(name, None, &mut writes);
        }
        writes
    }

    fn write(&mut self, name: &RecordName, value: Option<&[u8]>, writes: &mut Writes) {
        let key = key_of(name).expect("a name was checked before it is used");
        let before = self.0.remove(&key).unwrap_or(0);
        let pieces: Vec<&[u8]> = value.map_or_else(Vec::new, |value| value.chunks(PIECE).collect());
        let after = u32::try_from(pieces.len().saturating_sub(1)).expect("a record has few pieces");
        for number in 1..=after.max(before) {
            let piece = usize::try_from(number)
                .ok()
                .and_then(|number| pieces.get(number));
            let place = further(&key, number).expect("the longest one is a key");
            writes.insert(place, piece.map(|piece| piece.to_vec()));
        }
        let first = pieces.first().map(|first| match after {
            0 => first.to_vec(),
            _ => [
                format!("{}{after}\n", char::from(SEVERAL)).as_bytes(),
                first,
            ]
            .concat(),
        });
        if after > 0 {
            self.0.insert(key.clone(), after);
        }
        writes.insert(key, first);
    }

    /// The records that are kept in a store, and their pieces counted.
    pub(super) fn read(
        &mut self,
        image: &BTreeMap<RecordKey, Vec<u8>>,
    ) -> Result<Vec<Record>, (RecordKey, String)> {
        let mut records = Vec::with_capacity(image.len());
        let mut pieces = 0;
        for (key, value) in image.iter().filter(|(key, _)| key.space() != MORE) {
            let whole = self.joined(image, key, value).ok_or_else(|| {
                let why = "is not complete".to_owned();
                (key.clone(), why)
            })?;
            pieces += self.0.get(key).copied().unwrap_or(0);
            let record: Record =
                serde_json::from_slice(&whole).map_err(|why| (key.clone(), why.to_string()))?;
            let own = record.name().and_then(|name| key_of(&name).ok());
            if own.as_ref() != Some(key) {
                return Err((key.clone(), "is the record of another name".to_owned()));
            }
            records.push(record);
        }
        let mut all = image.keys().filter(|key| key.space() == MORE);
        let stray = usize::try_from(pieces)
            .ok()
            .and_then(|pieces| all.nth(pieces));
        stray.map_or(Ok(records), |key| {
            Err((key.clone(), "belongs to no record".to_owned()))
        })
    }

    fn joined(
        &mut self,
        image: &BTreeMap<RecordKey, Vec<u8>>,
        key: &RecordKey,
        value: &[u8],
    ) -> Option<Vec<u8>> {
        if value.first() != Some(&SEVERAL) {
            return Some(value.to_vec());
        }
        let end = value.iter().position(|byte| *byte == b'\n')?;
        let count: u32 = str::from_utf8(&value[1..end]).ok()?.parse().ok()?;
        let mut whole = value[end + 1..].to_vec();
        for number in 1..=count {
            whole.extend_from_slice(image.get(&further(key, number).ok()?)?);
        }
        self.0.insert(key.clone(), count);
        Some(whole)
    }
}

/// The bytes of a record: the same ones each time.
pub(super) fn encoded(record: &Record) -> Vec<u8> {
    serde_json::to_vec(record).expect("records have no keys but text and fail at nothing")
}

/// The name of a batch that follows the head of that version. Different work has different names, also of writers that
/// do not know of each other; and no two that are committed follow the same version.
pub(super) fn batch_key(head: Option<Version>, writes: &Writes) -> BatchKey {
    // FNV-1a; the head's version tells batches apart that were committed, whatever is in them.
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mut sum = BASIS;
    let mut add = |bytes: &[u8]| {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes();
        for byte in length.iter().chain(bytes) {
            sum = (sum ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    };
    for (key, value) in writes {
        add(key.as_str().as_bytes());
        add(if value.is_some() { b"put" } else { b"delete" });
        add(value.as_deref().unwrap_or_default());
    }
    let head = head.map_or(0, Version::number);
    (u128::from(head) << 64 | u128::from(sum)).into()
}

/// Keys and values without their versions.
pub(super) fn image_of(contents: Contents) -> BTreeMap<RecordKey, Vec<u8>> {
    let records = contents.records.into_iter();
    records.map(|(key, record)| (key, record.value)).collect()
}

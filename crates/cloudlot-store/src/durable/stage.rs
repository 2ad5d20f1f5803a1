//! Work that is larger than a transaction: staged piece by piece, decided by one record, then moved to its place.
//!
//! Staged pieces are nothing until the decision is there. Once it is, they hold, and whoever opens the store finishes
//! the move, which is harmless to do twice.

use super::writes::Writes;
use crate::{MAX_BATCH_BYTES, MAX_OPERATIONS, RecordKey};
use std::collections::BTreeMap;

const STAGE: &str = "stage";
const DECISION: &str = "decision";

/// Room for the head, which every batch writes too.
const HEAD: usize = 1;
const HEAD_BYTES: usize = 4096;

/// What a batch has room for, beside the head.
#[derive(Default)]
pub(super) struct Room {
    writes: usize,
    bytes: usize,
}

impl Room {
    /// Whether these writes go in as well; if so, they have. Nothing that was taken is written over, as far as is known here.
    pub(super) fn take(&mut self, writes: &Writes) -> bool {
        let bytes: usize = writes
            .iter()
            .map(|(key, value)| size(key, value.as_deref()))
            .sum();
        let (writes, bytes) = (self.writes + writes.len(), self.bytes + bytes);
        let room = writes + HEAD <= MAX_OPERATIONS && bytes + HEAD_BYTES <= MAX_BATCH_BYTES;
        if room {
            *self = Self { writes, bytes };
        }
        room
    }
}

fn size(key: &RecordKey, value: Option<&[u8]>) -> usize {
    key.as_str().len() + value.map_or(0, <[u8]>::len)
}

fn staged_key(number: usize) -> RecordKey {
    RecordKey::new(STAGE, &format!("{number:010}")).expect("a number is a name")
}

fn decision_key() -> RecordKey {
    RecordKey::new(DECISION, "head").expect("the name is short")
}

/// What to write, one after the other, so that all of `writes` happens or nothing.
pub(super) struct Staged {
    /// Before the decision.
    pub(super) stage: Vec<Writes>,
    /// From here on it has happened.
    pub(super) decision: Writes,
    /// After the decision.
    pub(super) moves: Vec<Writes>,
}

impl Staged {
    pub(super) fn of(writes: Writes) -> Self {
        let mut stage = Packer::default();
        let mut moves = Packer::default();
        for (number, (key, value)) in writes.into_iter().enumerate() {
            let place = staged_key(number);
            stage.add(Writes::from([(
                place.clone(),
                Some(wrapped(&key, value.as_deref())),
            )]));
            moves.add(Writes::from([(place, None), (key, value)]));
        }
        moves.add(Writes::from([(decision_key(), None)]));
        Self {
            stage: stage.done(),
            decision: Writes::from([(decision_key(), Some(b"decided".to_vec()))]),
            moves: moves.done(),
        }
    }
}

/// Puts writes together as long as they fit in one batch.
#[derive(Default)]
struct Packer {
    full: Vec<Writes>,
    open: Writes,
    room: Room,
}

impl Packer {
    fn add(&mut self, writes: Writes) {
        if !self.room.take(&writes) {
            self.full.push(std::mem::take(&mut self.open));
            self.room = Room::default();
            self.room.take(&writes);
        }
        self.open.extend(writes);
    }

    fn done(mut self) -> Vec<Writes> {
        self.full.push(self.open);
        self.full
    }
}

fn wrapped(key: &RecordKey, value: Option<&[u8]>) -> Vec<u8> {
    let sign = if value.is_some() { '=' } else { '-' };
    let mut bytes = format!("{sign}{key}\n").into_bytes();
    bytes.extend_from_slice(value.unwrap_or_default());
    bytes
}

fn unwrapped(bytes: &[u8]) -> Option<(RecordKey, Option<Vec<u8>>)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (sign, key) = str::from_utf8(&bytes[..end]).ok()?.split_at_checked(1)?;
    let key = RecordKey::parse(key).ok()?;
    match sign {
        "=" => Some((key, Some(bytes[end + 1..].to_vec()))),
        "-" => Some((key, None)),
        _ => None,
    }
}

/// Carries out in `image` what was decided, takes away what was not, and says what the store has to write for it, one
/// batch after the other.
pub(super) fn finish(image: &mut BTreeMap<RecordKey, Vec<u8>>) -> Result<Vec<Writes>, RecordKey> {
    let decided = image.remove(&decision_key()).is_some();
    let is_staged = |(key, _): &(RecordKey, Vec<u8>)| key.space() == STAGE;
    let (staged, rest): (Vec<_>, Vec<_>) = std::mem::take(image).into_iter().partition(is_staged);
    image.extend(rest);
    let mut moves = Packer::default();
    let some = decided || !staged.is_empty();
    for (place, bytes) in staged {
        let mut writes = Writes::from([(place.clone(), None)]);
        if decided {
            let (key, value) = unwrapped(&bytes).ok_or(place)?;
            match &value {
                Some(value) => drop(image.insert(key.clone(), value.clone())),
                None => drop(image.remove(&key)),
            }
            writes.insert(key, value);
        }
        moves.add(writes);
    }
    if decided {
        moves.add(Writes::from([(decision_key(), None)]));
    }
    Ok(if some { moves.done() } else { Vec::new() })
}

//! What a store says of itself: its revision, and a count and digest of each table, so that a
//! record that is missing, or is an older one, is noticed though its own checksum is right.

use crate::Revision;
use crate::checksum::{seal, unseal};

/// The count of a table's rows and the sum of their checksums, whatever their order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) digest: u64,
}

impl Tally {
    pub(super) fn add(&mut self, sum: u32) {
        self.count = self.count.wrapping_add(1);
        self.digest = self.digest.wrapping_add(u64::from(sum));
    }

    pub(super) fn remove(&mut self, sum: u32) {
        self.count = self.count.wrapping_sub(1);
        self.digest = self.digest.wrapping_sub(u64::from(sum));
    }
}

/// Written with every commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Meta {
    /// The last batch.
    pub(super) revision: Revision,
    /// Changes after this one are kept, each of them.
    pub(super) compacted: Revision,
    /// Batch keys after this one are kept.
    pub(super) forgotten: Revision,
    pub(super) records: Tally,
    pub(super) changes: Tally,
    pub(super) keys: Tally,
}

/// Bytes of a sealed [`Meta`].
pub(super) const META_BYTES: usize = 4 + 9 * 8;

impl Meta {
    /// A store without anything, at `revision`.
    pub(super) fn empty(revision: Revision) -> Self {
        Self {
            revision,
            compacted: revision,
            forgotten: Revision::new(0),
            records: Tally::default(),
            changes: Tally::default(),
            keys: Tally::default(),
        }
    }

    pub(super) fn encode(&self, space: &str) -> Vec<u8> {
        let tally = |tally: Tally| [tally.count, tally.digest];
        let head = [self.revision, self.compacted, self.forgotten].map(Revision::number);
        let tallies = [self.records, self.changes, self.keys].map(tally);
        let numbers = head.iter().chain(tallies.as_flattened());
        let body: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
        seal(space, &[], &body)
    }

    pub(super) fn decode(space: &str, stored: &[u8]) -> Option<Self> {
        let (body, _) = unseal(space, &[], stored)?;
        let (numbers, []) = body.as_chunks::<8>() else {
            return None;
        };
        let numbers: Vec<u64> = numbers
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes))
            .collect();
        let &[revision, compacted, forgotten, a, b, c, d, e, f] = numbers.as_slice() else {
            return None;
        };
        let tally = |count, digest| Tally { count, digest };
        Some(Self {
            revision: Revision::new(revision),
            compacted: Revision::new(compacted),
            forgotten: Revision::new(forgotten),
            records: tally(a, b),
            changes: tally(c, d),
            keys: tally(e, f),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let mut meta = Meta::empty(Revision::new(7));
        meta.records.add(u32::MAX);
        meta.changes.add(5);
        meta.forgotten = Revision::new(2);
        let stored = meta.encode("meta");
        assert_eq!(stored.len(), META_BYTES);
        assert_eq!(Meta::decode("meta", &stored), Some(meta));
        assert_eq!(Meta::decode("witness", &stored), None);
        assert_eq!(Meta::decode("meta", &seal("meta", &[], &[0; 71])), None);
        meta.records.remove(u32::MAX);
        assert_eq!(meta.records, Tally::default());
    }
}

//! Where a run writes down what it will have to restore.

use cloudlot_hv::journal::FileJournal;
use cloudlot_hv::{Journal, Original};
use std::io;

/// A file, where what is changed outlives the program; nothing, where it does not.
#[derive(Debug)]
pub(super) struct Logbook(Option<FileJournal>);

impl Logbook {
    pub(super) fn file(journal: FileJournal) -> Self {
        Self(Some(journal))
    }

    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Whether what is changed outlives the program.
    pub(super) fn lasts(&self) -> bool {
        self.0.is_some()
    }

    /// What an earlier process left to restore.
    pub(super) fn originals(&self) -> Vec<Original> {
        let journal = self.0.as_ref();
        journal.map_or_else(Vec::new, |journal| journal.originals().to_vec())
    }

    /// Keeps what is still to be restored, and only that.
    pub(super) fn keep_only(&mut self, originals: &[Original]) -> io::Result<()> {
        match &mut self.0 {
            Some(journal) => journal.keep_only(originals),
            None => Ok(()),
        }
    }
}

impl Journal for Logbook {
    fn record(&mut self, originals: &[Original]) -> io::Result<()> {
        match &mut self.0 {
            Some(journal) => journal.record(originals),
            None => Ok(()),
        }
    }
}

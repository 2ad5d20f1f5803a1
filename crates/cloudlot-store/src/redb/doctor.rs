//! Examines a file without opening it for work, and says what to do.

use super::disk_at;
use super::examine::{Damage, EngineCheck, examine};
use crate::{Contents, Revision, StoreError};
use std::path::{Path, PathBuf};

/// What a file holds and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The file.
    pub file: PathBuf,
    /// Where the store is; `None` when that cannot be read.
    pub revision: Option<Revision>,
    /// What was acknowledged last; `None` when that cannot be read.
    pub acknowledged: Option<Revision>,
    /// Records that are whole.
    pub records: usize,
    /// Batches that are known by name.
    pub batches: usize,
    /// What the engine says of its pages.
    pub engine: EngineCheck,
    /// What is not as it was written; nothing for a store that may be opened.
    pub damage: Vec<Damage>,
}

impl Report {
    /// Whether the store opens with everything that was acknowledged.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty()
    }

    /// What to do, one step a line; nothing for a store that is whole.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        let file = self.file.display();
        if self.is_whole() {
            return Vec::new();
        }
        let mut steps = vec![format!(
            "keep a copy of {file}; nothing here has changed it"
        )];
        steps.push(format!(
            "with a recent export: cloudlot-store import {file}.new EXPORT"
        ));
        if self.records > 0 {
            steps.push(format!(
                "without one, what is whole can be saved ({} of the records), and the rest is lost: \
                 cloudlot-store export --salvage {file} SAVED, then \
                 cloudlot-store import {file}.new SAVED",
                self.records
            ));
        }
        steps.push("then compare with what really runs before anything is granted".to_owned());
        steps
    }
}

/// Examines the store at `path`, every page and every record, and leaves it as it is.
///
/// # Errors
/// When there is no file, when another process has it open, or when it cannot be read; damage is
/// no error but in the report.
pub fn doctor(path: impl AsRef<Path>) -> Result<Report, StoreError> {
    Ok(salvage(path)?.1)
}

/// The report on a damaged store, and what is whole in it: for an export, when there is no older
/// one. What is lost can not be told from it.
///
/// # Errors
/// As in [`doctor`].
pub fn salvage(path: impl AsRef<Path>) -> Result<(Contents, Report), StoreError> {
    let path = path.as_ref();
    let mut found = examine(path, &disk_at(path)?)?;
    let report = Report {
        file: path.to_owned(),
        revision: found.meta.map(|meta| meta.revision),
        acknowledged: found.acknowledged,
        records: found.contents.records.len(),
        batches: found.contents.batches.len(),
        engine: found.engine,
        damage: found.damage,
    };
    settle(&mut found.contents, found.acknowledged);
    Ok((found.contents, report))
}

/// What was saved starts behind everything that anybody saw, so that no version is used twice.
fn settle(contents: &mut Contents, acknowledged: Option<Revision>) {
    let versions = contents
        .records
        .values()
        .map(|record| record.version.number());
    let batches = contents.batches.values().map(|at| at.number());
    let seen = acknowledged.map(Revision::number);
    let last = versions.chain(batches).chain(seen).max().unwrap_or(0);
    contents.revision = contents.revision.max(Revision::new(last));
}

//! Why a store does not answer, with the place and the way out.

use crate::{ContentsError, RecordKey, Revision};
use std::io;
use std::path::PathBuf;

/// Why a store cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no file.
    #[error("there is no store at {}", file.display())]
    Missing {
        /// Where it was looked for.
        file: PathBuf,
    },
    /// There is a file already, where a new store was to be.
    #[error("{} is there already; a new store wants a new file", file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// Another process has it open.
    #[error("{} is open in another process", file.display())]
    Busy {
        /// The file.
        file: PathBuf,
    },
    /// A record, or several, are not what was written. The file is left as it is.
    #[error("{} is damaged: record {key} {problem}; {}", file.display(), advice(file))]
    Record {
        /// The file.
        file: PathBuf,
        /// The first record concerned.
        key: RecordKey,
        /// What is wrong with it.
        problem: String,
    },
    /// The file as a whole is not what was written. It is left as it is.
    #[error("{} is damaged: {message}; {}", file.display(), advice(file))]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The engine's words, or ours.
        message: String,
    },
    /// The contents for a new store contradict themselves.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// The file system said no.
    #[error("cannot use {}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Its words.
        source: io::Error,
    },
    /// Changes after a revision that the store has not reached: it is not the one that told it.
    #[error("the store is at {at}, and changes after {asked} were asked for")]
    Ahead {
        /// The revision asked for.
        asked: Revision,
        /// Where the store is.
        at: Revision,
    },
    /// The store failed earlier, and is to be opened again.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

fn advice(file: &std::path::Path) -> String {
    let file = file.display();
    format!(
        "`cloudlot-store doctor {file}` tells what is left, `cloudlot-store import NEW EXPORT` \
         rebuilds a store from an export"
    )
}

//! Why a checkpoint is not written or not believed.

use crate::{ActorsError, ConfigError, ShapeError};

/// A checkpoint that could not be written, or was refused; messages stay short whatever is read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The reader, the writer or the file system failed.
    #[error("input or output failed: {0}")]
    Io(#[from] std::io::Error),
    /// Longer than the caller is ready to read.
    #[error("the checkpoint is longer than {0} bytes")]
    TooLong(u64),
    /// The text is no JSON, or not that of a checkpoint.
    #[error("line {line}, column {column}: {what}")]
    Text {
        /// Where, counted from one.
        line: usize,
        /// Where in that line, counted from one.
        column: usize,
        /// What is wrong there, at most some hundred characters of it.
        what: String,
    },
    /// JSON with another purpose.
    #[error("this is not a checkpoint of a learner")]
    Format,
    /// A checkpoint of an older or a newer version of this library.
    #[error("the checkpoint has version {0}; this library reads version 1")]
    Version(u64),
    /// The data is not what was saved.
    #[error("the checksum is {stored:08x} but the data has {computed:08x}")]
    Checksum {
        /// What the checkpoint says.
        stored: u32,
        /// What its data gives.
        computed: u32,
    },
    /// A setting outside its range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A setting of actors outside its range.
    #[error(transparent)]
    Actors(#[from] ActorsError),
    /// A table with an impossible shape or a value that is no number.
    #[error("in the {table} table: {fault}")]
    Table {
        /// Which table: the first or the second.
        table: &'static str,
        /// What is wrong with it.
        fault: ShapeError,
    },
    /// A list that is not as long as another part says.
    #[error("{found} {what} where {expected} belong")]
    Length {
        /// What is listed.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// More episodes than steps, or more steps than are ever counted.
    #[error("{episodes} episodes in {steps} steps")]
    Counters {
        /// Steps that were learned from.
        steps: u64,
        /// How many of them ended an episode.
        episodes: u64,
    },
    /// A second table for a rule with one, or none for a rule with two, or of another shape.
    #[error("the second table does not fit the rule or the first table")]
    Twin,
    /// A generator that would give zeros for ever.
    #[error("the generator of stream {0} stands still")]
    Stream(usize),
    /// Something else that no learner could have left, and what it is.
    #[error("no learner leaves {0}")]
    Impossible(&'static str),
}

impl CheckpointError {
    /// The longest explanation of a text, in characters: it may quote the text.
    const WHAT_MAX: usize = 160;

    pub(crate) fn from_reading(error: serde_json::Error) -> Self {
        let text = error.to_string();
        // The place stands apart.
        let what = text.split(" at line ").next().unwrap_or(&text);
        Self::Text {
            line: error.line(),
            column: error.column(),
            what: what.chars().take(Self::WHAT_MAX).collect(),
        }
    }

    pub(crate) fn from_writing(error: serde_json::Error) -> Self {
        Self::Io(error.into())
    }
}

//! What is wrong with a trace, and where.

use std::io;

/// A trace that cannot be read: the first fault that was met.
#[derive(Debug, thiserror::Error)]
#[error("{file}, line {line}: {fault}")]
pub struct TraceError {
    /// Which of the trace's files, by its part in the layout.
    pub file: String,
    /// Which line, from 1; the header is a line.
    pub line: u64,
    /// What is wrong there.
    pub fault: TraceFault,
}

/// What can be wrong with a trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceFault {
    /// The source failed, or is not UTF-8.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// There is no header line.
    #[error("a header line is missing")]
    NoHeader,
    /// The header lacks a column that the layout needs.
    #[error("column `{0}` is missing")]
    MissingColumn(String),
    /// The header names a column twice.
    #[error("column `{0}` stands twice")]
    ColumnTwice(String),
    /// A row is cut short or too long.
    #[error("{found} fields where the header has {expected}")]
    Fields {
        /// How many it has.
        found: usize,
        /// How many the header has.
        expected: usize,
    },
    /// A line is longer than any that the layout needs.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// What is read at most.
        limit: u64,
    },
    /// A field says what it may not say.
    #[error("column `{column}` is `{text}` and needs {needs}")]
    Value {
        /// Which.
        column: String,
        /// What it says; cut after some characters.
        text: String,
        /// What is legal there.
        needs: &'static str,
    },
    /// A row for a function or an app that already has one.
    #[error("`{name}` already stands in line {first}")]
    Twice {
        /// Whose row.
        name: String,
        /// Where the first is.
        first: u64,
    },
    /// A time that is not after the one of the row before.
    #[error("time {time} is not after {before}")]
    Order {
        /// What the row says, in the unit of the file.
        time: u64,
        /// What the row before said.
        before: u64,
    },
    /// A function without a row in another file, where that is refused.
    #[error("`{name}` has no row in {elsewhere}")]
    Unmatched {
        /// Whose row.
        name: String,
        /// Where one was looked for.
        elsewhere: &'static str,
    },
    /// More functions than a trace may have.
    #[error("more than {limit} functions")]
    TooMany {
        /// What is legal.
        limit: u32,
    },
}

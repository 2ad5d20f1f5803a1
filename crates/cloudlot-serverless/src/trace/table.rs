//! Reads comma-separated tables line by line: a header, then rows of as many fields.
//!
//! The traces hold hashes and numbers, so there is no comma inside a field; a pair of quotes around one is taken off. Lines may
//! end with CRLF, the file may begin with a byte-order mark, and empty lines are passed over.

use super::error::{TraceError, TraceFault};
use std::io::{self, BufRead, Read};
use std::time::Duration;

/// No layout needs a longer line; one without an end does not fill the memory.
const LONGEST_LINE: u64 = 1 << 20;
/// As much of a bad field as an error shows.
const SHOWN: usize = 40;
/// No call runs for longer than 30 days.
const LONGEST_CALL: f64 = 30.0 * 86_400.0;
/// No function holds more than a TiB.
const LARGEST_MIB: f64 = 1_048_576.0;

/// A table that is being read; `line` is the number of the line read last.
pub(super) struct Table<R> {
    source: R,
    file: String,
    line: u64,
    /// Whether lines that begin with `#` are passed over.
    comments: bool,
    buffer: Vec<u8>,
    header: Vec<String>,
}

impl<R: BufRead> Table<R> {
    /// Reads the header of what errors shall call `file`.
    pub(super) fn open(source: R, file: &str) -> Result<Self, TraceError> {
        Self::start(source, file, false)
    }

    /// The same for a file in which lines that begin with `#` are comments.
    pub(super) fn open_with_comments(source: R, file: &str) -> Result<Self, TraceError> {
        Self::start(source, file, true)
    }

    fn start(source: R, file: &str, comments: bool) -> Result<Self, TraceError> {
        let mut table = Self {
            source,
            file: file.to_owned(),
            line: 0,
            comments,
            buffer: Vec::new(),
            header: Vec::new(),
        };
        let header: Option<Vec<String>> = table
            .row_text()?
            .map(|text| fields(text).map(str::to_owned).collect());
        let Some(header) = header else {
            table.line = 1;
            return Err(table.fault(TraceFault::NoHeader));
        };
        table.header = header;
        let mut names: Vec<&str> = table.header.iter().map(String::as_str).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(table.fault(TraceFault::ColumnTwice(pair[0].to_owned())));
        }
        Ok(table)
    }

    /// The names of the columns.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// The number of the line read last.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Where the column of this name stands.
    pub(super) fn column(&self, name: &str) -> Result<usize, TraceError> {
        let found = self.header.iter().position(|column| column == name);
        found.ok_or_else(|| self.fault(TraceFault::MissingColumn(name.to_owned())))
    }

    /// Reads the next row; `false` at the end. The fields are then taken from [`Table::row`].
    pub(super) fn advance(&mut self) -> Result<bool, TraceError> {
        let Some(text) = self.row_text()? else {
            return Ok(false);
        };
        let found = text.split(',').count();
        let expected = self.header.len();
        if found != expected {
            return Err(self.fault(TraceFault::Fields { found, expected }));
        }
        Ok(true)
    }

    /// The fields of the row that was read last.
    pub(super) fn row(&self) -> impl Iterator<Item = &str> {
        fields(text_of(&self.buffer))
    }

    /// One field of the row that was read last.
    pub(super) fn field(&self, column: usize) -> &str {
        self.row().nth(column).unwrap_or_default()
    }

    /// One field as it is, which may not be empty.
    pub(super) fn name(&self, column: usize) -> Result<String, TraceError> {
        match self.field(column) {
            "" => Err(self.bad(column, "", "a name")),
            name => Ok(name.to_owned()),
        }
    }

    /// One field as a time of a unit that has so many to the second.
    pub(super) fn duration(&self, column: usize, per_second: f64) -> Result<Duration, TraceError> {
        self.duration_of(column, self.field(column), per_second)
    }

    /// The same for the text of a field that is at hand.
    pub(super) fn duration_of(
        &self,
        column: usize,
        text: &str,
        per_second: f64,
    ) -> Result<Duration, TraceError> {
        let seconds = number(text).map(|number| number / per_second);
        let legal = seconds.filter(|seconds| *seconds <= LONGEST_CALL);
        let duration = legal.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        duration.ok_or_else(|| self.bad(column, text, "a time from 0 to 30 days"))
    }

    /// One field as MiB with a fraction.
    pub(super) fn mib(&self, column: usize) -> Result<f64, TraceError> {
        self.mib_of(column, self.field(column))
    }

    /// The same for the text of a field that is at hand.
    pub(super) fn mib_of(&self, column: usize, text: &str) -> Result<f64, TraceError> {
        let mib = number(text).filter(|mib| *mib <= LARGEST_MIB);
        mib.ok_or_else(|| self.bad(column, text, "an amount of memory from 0 to 1048576 MB"))
    }

    /// A fault of one field.
    pub(super) fn bad(&self, column: usize, text: &str, needs: &'static str) -> TraceError {
        self.fault(TraceFault::Value {
            column: self.header.get(column).cloned().unwrap_or_default(),
            text: text.chars().take(SHOWN).collect(),
            needs,
        })
    }

    /// A fault of the line read last.
    pub(super) fn fault(&self, fault: TraceFault) -> TraceError {
        let (file, line) = (self.file.clone(), self.line);
        TraceError { file, line, fault }
    }

    /// The next line that is not empty; its end is taken off.
    fn row_text(&mut self) -> Result<Option<&str>, TraceError> {
        loop {
            self.buffer.clear();
            self.line += 1;
            let mut part = (&mut self.source).take(LONGEST_LINE + 1);
            let read = part.read_until(b'\n', &mut self.buffer);
            let read = read.map_err(|error| self.fault(error.into()))?;
            if read == 0 {
                return Ok(None);
            }
            if u64::try_from(read).unwrap_or(u64::MAX) > LONGEST_LINE {
                let limit = LONGEST_LINE;
                return Err(self.fault(TraceFault::TooLong { limit }));
            }
            if self.line == 1 && self.buffer.starts_with("\u{feff}".as_bytes()) {
                self.buffer.drain(..3);
            }
            let end = self.buffer.trim_ascii_end().len();
            self.buffer.truncate(end);
            let comment = self.comments && self.buffer.starts_with(b"#");
            if !self.buffer.is_empty() && !comment {
                break;
            }
        }
        if let Err(error) = str::from_utf8(&self.buffer) {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            return Err(self.fault(error.into()));
        }
        Ok(Some(text_of(&self.buffer)))
    }
}

/// A whole number up to a limit; the `.0` that some tools add is taken off.
pub(super) fn count(text: &str, limit: u32) -> Option<u32> {
    let text = text.strip_suffix(".0").unwrap_or(text);
    text.parse().ok().filter(|count| *count <= limit)
}

/// A buffer that was checked when it was filled.
fn text_of(buffer: &[u8]) -> &str {
    str::from_utf8(buffer).unwrap_or_default()
}

fn fields(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(|field| {
        let field = field.trim();
        let inner = field
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        inner.unwrap_or(field)
    })
}

/// A number that is finite and not negative.
fn number(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

//! A log as text: one JSON value a line, with the counts and a checksum at the end.
//!
//! ```text
//! {"head":{"version":1,"states":7,"actions":3,"discount":0.9}}
//! {"step":{"state":0,"mask":7,"proposed":1, …}}
//! {"close":{"steps":1,"crc32c":3735928559}}
//! ```
//!
//! Without its last line a file is refused as cut. The checksum (CRC-32C) covers every byte before
//! the last line; a log from elsewhere may leave it out. Floats come back to the bit.

use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};

use super::log::Check;
use super::{Header, Log, LogError};
use crate::Transition;

/// No line is longer: a step takes less than 500 bytes, however its numbers are written.
const LINE_BYTES: u64 = 4096;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Head(Header),
    Step(Transition),
    Close(Close),
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    steps: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crc32c: Option<u32>,
}

/// Why a text is no log. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The text could not be read.
    #[error("line {line} cannot be read: {source}")]
    Read {
        /// The line.
        line: u64,
        /// The reader's words.
        source: io::Error,
    },
    /// A line is longer than any of a log.
    #[error("line {line} has more than {LINE_BYTES} bytes")]
    Long {
        /// The line.
        line: u64,
    },
    /// A line is none of a log.
    #[error("line {line} is not understood: {source}")]
    Garbage {
        /// The line.
        line: u64,
        /// The parser's words.
        source: serde_json::Error,
    },
    /// A line of a log in a place where it does not belong.
    #[error("line {line} is out of place")]
    Misplaced {
        /// The line.
        line: u64,
    },
    /// The step cannot be part of a log.
    #[error("line {line}: {fault}")]
    Fault {
        /// The line.
        line: u64,
        /// What is wrong.
        fault: LogError,
    },
    /// The text stops before the last line of a log.
    #[error("the log is cut after line {line}")]
    Cut {
        /// The last line there is.
        line: u64,
    },
    /// Not as many steps as the last line counts.
    #[error("line {line} counts {counted} steps after {found}")]
    Count {
        /// The line.
        line: u64,
        /// What it says.
        counted: u64,
        /// How many there are.
        found: u64,
    },
    /// The lines are not those that were written.
    #[error("line {line} has another checksum than the lines before it")]
    Checksum {
        /// The line.
        line: u64,
    },
}

/// Why a log is not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// It could not be written.
    #[error("the log cannot be written: {0}")]
    Write(#[from] io::Error),
    /// The step cannot be part of a log; nothing of it is written.
    #[error(transparent)]
    Fault(#[from] LogError),
}

impl Log {
    /// Reads a whole log; what follows its last line is an error.
    ///
    /// # Errors
    /// The first line that is wrong, as a [`LogReader`] tells it.
    pub fn read(text: impl BufRead) -> Result<Self, ReadError> {
        let mut reader = LogReader::new(text)?;
        let mut log = Self::empty(*reader.header());
        while let Some(step) = reader.step()? {
            log.push(step);
        }
        Ok(log)
    }

    /// Writes the log; [`Log::read`] gives the same one back.
    ///
    /// ```
    /// # use cloudlot_qlearn::offline::{Header, Log};
    /// # use cloudlot_qlearn::{ActionId, End, Mask, StateId, Transition};
    /// # let step = Transition::new(StateId(0), ActionId(0), 0.1, StateId(0), Mask::all(1));
    /// let log = Log::new(Header::new(1, 1, 0.5)?, [Transition { end: End::Terminated, ..step }])?;
    /// let mut text = Vec::new();
    /// log.write(&mut text)?;
    /// assert_eq!(Log::read(&*text)?, log);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The writer's errors.
    pub fn write(&self, text: impl Write) -> Result<(), WriteError> {
        let mut writer = LogWriter::new(text, *self.header())?;
        for step in self.steps() {
            writer.step(step)?;
        }
        writer.close()?;
        Ok(())
    }
}

/// Reads a log step by step, however long it is, in bounded memory.
///
/// The steps are to be believed only once [`LogReader::step`] has given the end: the checksum comes
/// last. After an error nothing more is worth reading.
#[derive(Debug)]
pub struct LogReader<R> {
    text: R,
    header: Header,
    check: Check,
    line: u64,
    steps: u64,
    sum: u32,
    closed: bool,
}

impl<R: BufRead> LogReader<R> {
    /// Reads the head of a log.
    ///
    /// # Errors
    /// The first line is not readable, or not the head of a log of a known version.
    pub fn new(mut text: R) -> Result<Self, ReadError> {
        let bytes = read_line(&mut text, 1)?.ok_or(ReadError::Cut { line: 0 })?;
        let Line::Head(header) = parse(&bytes, 1)? else {
            return Err(ReadError::Misplaced { line: 1 });
        };
        Ok(Self {
            text,
            header,
            check: Check::new(header),
            line: 1,
            steps: 0,
            sum: crc32c::crc32c(&bytes),
            closed: false,
        })
    }

    /// What all steps have in common.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The next step, or nothing after the last.
    ///
    /// # Errors
    /// A line that is too long or not understood, a step that is not legal or does not follow, a log
    /// that is cut, or counts or a checksum that do not match.
    pub fn step(&mut self) -> Result<Option<Transition>, ReadError> {
        if self.closed {
            return Ok(None);
        }
        let line = self.line + 1;
        let Some(bytes) = read_line(&mut self.text, line)? else {
            return Err(ReadError::Cut { line: self.line });
        };
        self.line = line;
        match parse(&bytes, line)? {
            Line::Head(_) => Err(ReadError::Misplaced { line }),
            Line::Step(step) => {
                self.check
                    .admit(&step)
                    .map_err(|fault| ReadError::Fault { line, fault })?;
                self.steps += 1;
                self.sum = crc32c::crc32c_append(self.sum, &bytes);
                Ok(Some(step))
            }
            Line::Close(close) => {
                self.close(&close, line)?;
                Ok(None)
            }
        }
    }

    fn close(&mut self, close: &Close, line: u64) -> Result<(), ReadError> {
        self.check
            .close()
            .map_err(|fault| ReadError::Fault { line, fault })?;
        if close.steps != self.steps {
            return Err(ReadError::Count {
                line,
                counted: close.steps,
                found: self.steps,
            });
        }
        if close.crc32c.is_some_and(|sum| sum != self.sum) {
            return Err(ReadError::Checksum { line });
        }
        if read_line(&mut self.text, line + 1)?.is_some() {
            return Err(ReadError::Misplaced { line: line + 1 });
        }
        self.closed = true;
        Ok(())
    }
}

/// Writes a log step by step, and nothing that could not be read again.
///
/// A log that is not closed will be refused as cut.
#[derive(Debug)]
pub struct LogWriter<W> {
    text: W,
    check: Check,
    steps: u64,
    sum: u32,
}

impl<W: Write> LogWriter<W> {
    /// Writes the head of a log.
    ///
    /// # Errors
    /// The writer's errors.
    pub fn new(text: W, header: Header) -> Result<Self, WriteError> {
        let mut writer = Self {
            text,
            check: Check::new(header),
            steps: 0,
            sum: 0,
        };
        writer.line(&HeadLine { head: &header })?;
        Ok(writer)
    }

    /// Writes one step.
    ///
    /// # Errors
    /// The step is not legal or does not follow: then nothing is written. The writer's errors: then
    /// the text is damaged.
    pub fn step(&mut self, step: &Transition) -> Result<(), WriteError> {
        self.check.admit(step)?;
        self.line(&StepLine { step })?;
        self.steps += 1;
        Ok(())
    }

    /// Writes the last line, flushes, and gives the writer back.
    ///
    /// # Errors
    /// The last episode has no end, or the writer's errors.
    pub fn close(mut self) -> Result<W, WriteError> {
        self.check.close()?;
        let close = Close {
            steps: self.steps,
            crc32c: Some(self.sum),
        };
        self.line(&CloseLine { close })?;
        self.text.flush()?;
        Ok(self.text)
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(value)?;
        bytes.push(b'\n');
        self.sum = crc32c::crc32c_append(self.sum, &bytes);
        self.text.write_all(&bytes)
    }
}

#[derive(Serialize)]
struct HeadLine<'a> {
    head: &'a Header,
}

#[derive(Serialize)]
struct StepLine<'a> {
    step: &'a Transition,
}

#[derive(Serialize)]
struct CloseLine {
    close: Close,
}

/// The next line with its end, or nothing at the end of the text.
fn read_line(text: &mut impl BufRead, line: u64) -> Result<Option<Vec<u8>>, ReadError> {
    let mut bytes = Vec::new();
    let read = text
        .by_ref()
        .take(LINE_BYTES + 1)
        .read_until(b'\n', &mut bytes)
        .map_err(|source| ReadError::Read { line, source })?;
    if read as u64 > LINE_BYTES {
        return Err(ReadError::Long { line });
    }
    Ok((read > 0).then_some(bytes))
}

fn parse(bytes: &[u8], line: u64) -> Result<Line, ReadError> {
    serde_json::from_slice(bytes).map_err(|source| ReadError::Garbage { line, source })
}

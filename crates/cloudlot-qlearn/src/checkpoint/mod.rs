//! What a learner leaves behind: all that its future depends on, as one JSON text.
//!
//! ```text
//! {"format":"cloudlot-qlearn checkpoint","version":1,"checksum":"9ae0daaf","body":{…}}
//! ```
//!
//! The body is plain data: settings as people write them, tables as the bits of their numbers. It
//! is bit-exact, and whoever loads it and goes on does what the saved one would have done. The checksum
//! is over the data, not over the text: blanks and the order of keys are of no account, all else
//! is damage. It tells damage, not malice: so whatever is loaded is checked as well, as if anybody
//! could have written it. What a table looks like in a checkpoint is told by [`Persist`].

mod actors;
mod agent;
mod error;
mod file;
mod hex;
mod linear;
mod save;
mod sparse;
mod table;
mod words;

pub use actors::ActorsForm;
pub use agent::AgentForm;
pub use error::CheckpointError;
pub use linear::LinearForm;
pub use save::Save;
pub use sparse::SparseForm;
pub use table::{DenseForm, Persist};
pub(crate) use words::Words;

use std::io::{Read, Write};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::ser::Formatter;

/// A body in its envelope, ready for any serde format that keeps numbers as they are.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint<B> {
    format: String,
    version: u32,
    #[serde(with = "hex::word")]
    checksum: u32,
    body: B,
}

const FORMAT: &str = "cloudlot-qlearn checkpoint";

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// What is looked at before the body is: the body of another version may look like anything.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u64,
    #[serde(rename = "body")]
    _body: IgnoredAny,
}

impl<B: Serialize> Checkpoint<B> {
    /// Seals a body.
    pub(crate) fn of(body: B) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            checksum: checksum(&body),
            body,
        }
    }

    /// The CRC-32C of the data: equal data, equal checksum, on every machine and in every build.
    #[must_use]
    pub const fn checksum(&self) -> u32 {
        self.checksum
    }

    /// The body, if it is what was sealed.
    pub(crate) fn open(self) -> Result<B, CheckpointError> {
        check_head(&self.format, u64::from(self.version))?;
        let computed = checksum(&self.body);
        if computed == self.checksum {
            Ok(self.body)
        } else {
            Err(CheckpointError::Checksum {
                stored: self.checksum,
                computed,
            })
        }
    }

    pub(crate) fn write(&self, to: &mut impl Write) -> Result<(), CheckpointError> {
        serde_json::to_writer(&mut *to, self).map_err(CheckpointError::from_writing)?;
        to.write_all(b"\n")?;
        to.flush()?;
        Ok(())
    }
}

impl<B: DeserializeOwned> Checkpoint<B> {
    /// Reads a text of at most `bytes_max` bytes and not a byte more.
    pub(crate) fn read(from: impl Read, bytes_max: u64) -> Result<Self, CheckpointError> {
        let mut text = Vec::new();
        from.take(bytes_max.saturating_add(1))
            .read_to_end(&mut text)?;
        if u64::try_from(text.len()).is_ok_and(|bytes| bytes > bytes_max) {
            return Err(CheckpointError::TooLong(bytes_max));
        }
        let head: Head = serde_json::from_slice(&text).map_err(CheckpointError::from_reading)?;
        check_head(&head.format, head.version)?;
        serde_json::from_slice(&text).map_err(CheckpointError::from_reading)
    }
}

fn check_head(format: &str, version: u64) -> Result<(), CheckpointError> {
    if format != FORMAT {
        return Err(CheckpointError::Format);
    }
    if version != u64::from(VERSION) {
        return Err(CheckpointError::Version(version));
    }
    Ok(())
}

/// Compact JSON with real numbers as bits: how they are best written in decimals is a matter on
/// which versions of libraries differ, and a checksum must not.
struct Canonical;

impl Formatter for Canonical {
    fn write_f64<W: ?Sized + Write>(&mut self, to: &mut W, value: f64) -> std::io::Result<()> {
        write!(to, "{:016x}", value.to_bits())
    }
}

/// Where canonical text goes: nothing of it is kept but its checksum.
struct Sum(u32);

impl Write for Sum {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = crc32c::crc32c_append(self.0, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn checksum<B: Serialize>(body: &B) -> u32 {
    let mut sum = Sum(0);
    let mut text = serde_json::Serializer::with_formatter(&mut sum, Canonical);
    body.serialize(&mut text)
        .expect("a form has text keys, and the sum takes every byte");
    sum.0
}

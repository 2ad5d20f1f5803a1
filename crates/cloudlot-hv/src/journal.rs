//! Originals in a file, written before the first change, so that a crash can be undone.
//!
//! JSON lines: a header that names the format, the program and the host, then one original a
//! line, the first word on each setting standing. A line counts once its newline is there; a torn
//! last line belongs to a change that was never made. A file that is not ours, or is damaged
//! elsewhere, is refused and left as it is. Leaves to the caller that no two processes open the
//! same file.

use crate::{Journal, Original, merged};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// No journal grows beyond this many bytes: some 30,000 domains.
pub const JOURNAL_LIMIT: u64 = 16 << 20;

const FORMAT: &str = "cloudlot-journal";
const VERSION: u32 = 1;

/// A [`Journal`] that survives the end of its process.
///
/// The file appears with the first record and goes away when nothing is left to restore.
/// ```
/// use cloudlot_hv::journal::FileJournal;
/// use cloudlot_hv::{DomainId, Journal, Original};
///
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("host.journal");
/// # let domain = DomainId(uuid::Uuid::nil());
/// # let original = Original { domain, name: "web".into(), run: 1, pins: Default::default(), target: None, stats_period: None };
/// let mut journal = FileJournal::open(&path, "vcpu-scheduler", "qemu:///system")?;
/// journal.record(&[original.clone()])?;
/// drop(journal); // a crash
///
/// let mut journal = FileJournal::open(&path, "vcpu-scheduler", "qemu:///system")?;
/// assert_eq!(journal.originals(), [original]);
/// journal.keep_only(&[])?; // restored
/// assert!(!path.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    header: Header,
    originals: Vec<Original>,
    /// The file, once this process wrote it, and its length up to the last whole record.
    open: Option<(File, u64)>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    program: String,
    uri: String,
}

/// Why a journal cannot be read. The file is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system said no.
    #[error("cannot read the journal {}", path.display())]
    Unreadable {
        /// The journal.
        path: PathBuf,
        /// Its words.
        source: io::Error,
    },
    /// The file does not start with a journal's header.
    #[error("{} is not a journal; move it away to go on", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A version of the format that this program does not know.
    #[error("the journal {} has version {version}, and only {VERSION} is known", path.display())]
    Version {
        /// The journal.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// The journal of another program, or of another host.
    #[error("the journal {} belongs to {program} on {uri}", path.display())]
    Other {
        /// The journal.
        path: PathBuf,
        /// Whose it is.
        program: String,
        /// The host it speaks of.
        uri: String,
    },
    /// A whole line makes no sense.
    #[error("the journal {} is damaged in line {line}: {reason}", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Counted from 1, the header.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// More than a journal ever holds.
    #[error("the journal {} is larger than {JOURNAL_LIMIT} bytes", path.display())]
    TooLarge {
        /// The journal.
        path: PathBuf,
    },
}

impl FileJournal {
    /// The journal of `program` on the host `uri` at `path`, with what an earlier process left
    /// there. Nothing is written yet.
    ///
    /// # Errors
    /// When there is a file, and it is not that journal, whole but for its last line.
    pub fn open(path: impl Into<PathBuf>, program: &str, uri: &str) -> Result<Self, JournalError> {
        let path = path.into();
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            program: program.to_owned(),
            uri: uri.to_owned(),
        };
        let originals = match contents(&path)? {
            Some(bytes) => parse(&path, &header, &bytes)?,
            None => Vec::new(),
        };
        Ok(Self {
            path,
            header,
            originals,
            open: None,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is to be restored, one original a domain.
    #[must_use]
    pub fn originals(&self) -> &[Original] {
        &self.originals
    }

    /// Forgets everything but `originals`; without any, the file is removed.
    ///
    /// # Errors
    /// The file is as it was then.
    pub fn keep_only(&mut self, originals: &[Original]) -> io::Result<()> {
        self.open = None;
        if originals.is_empty() {
            match fs::remove_file(&self.path) {
                Ok(()) => sync_folder(&self.path)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        } else {
            self.rewrite(originals)?;
        }
        self.originals = originals.to_vec();
        Ok(())
    }

    /// Puts a new file in the place of the old one, which stays whole until then.
    fn rewrite(&mut self, originals: &[Original]) -> io::Result<()> {
        self.open = None;
        let mut text = line(&self.header)?;
        for original in originals {
            text.extend(line(original)?);
        }
        let length = within_limit(text.len())?;
        let mut name: OsString = self.path.clone().into();
        name.push(".new");
        let new = PathBuf::from(name);
        // What a crash left there may have other rights.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private().create_new(true).open(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        sync_folder(&self.path)?;
        self.open = Some((file, length));
        Ok(())
    }

    /// Adds whole lines at the end, or nothing.
    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        let Some((file, length)) = &mut self.open else {
            return Err(io::Error::other("the journal is not open"));
        };
        let written = file.write_all(text).and_then(|()| file.sync_all());
        match written {
            Ok(()) => {
                *length += text.len() as u64;
                Ok(())
            }
            Err(error) => {
                // The next record starts with a new file, so that no torn line gets a successor.
                self.open = None;
                Err(error)
            }
        }
    }
}

impl Journal for FileJournal {
    /// Appends, or rewrites where this process has not written yet or the limit is near.
    fn record(&mut self, originals: &[Original]) -> io::Result<()> {
        let mut text = Vec::new();
        for original in originals {
            text.extend(line(original)?);
        }
        let all = merged(self.originals.iter().chain(originals).cloned());
        let room = self
            .open
            .as_ref()
            .is_some_and(|(_, length)| length.saturating_add(text.len() as u64) <= JOURNAL_LIMIT);
        if room {
            self.append(&text)?;
        } else {
            self.rewrite(&all)?;
        }
        self.originals = all;
        Ok(())
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A new or removed name survives a crash only with its folder.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all()?,
        _ => File::open(".")?.sync_all()?,
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn line<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    Ok(text)
}

fn within_limit(length: usize) -> io::Result<u64> {
    let length = length as u64;
    if length > JOURNAL_LIMIT {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("a journal of {length} bytes, more than {JOURNAL_LIMIT}"),
        ));
    }
    Ok(length)
}

/// The file's bytes, if there is a file.
fn contents(path: &Path) -> Result<Option<Vec<u8>>, JournalError> {
    let unreadable = |source| JournalError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(JOURNAL_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > JOURNAL_LIMIT {
        return Err(JournalError::TooLarge {
            path: path.to_owned(),
        });
    }
    Ok(Some(bytes))
}

fn parse(path: &Path, expected: &Header, bytes: &[u8]) -> Result<Vec<Original>, JournalError> {
    let path = || path.to_owned();
    // Files are made whole and then renamed, so a header is never torn.
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .ok_or_else(|| JournalError::Foreign { path: path() })?;
    let mut lines = bytes[..whole].split(|byte| *byte == b'\n');
    let found: Header = lines
        .next()
        .and_then(|first| serde_json::from_slice(first).ok())
        .filter(|header: &Header| header.format == FORMAT)
        .ok_or_else(|| JournalError::Foreign { path: path() })?;
    if found.version != VERSION {
        return Err(JournalError::Version {
            path: path(),
            version: found.version,
        });
    }
    if found != *expected {
        return Err(JournalError::Other {
            path: path(),
            program: found.program,
            uri: found.uri,
        });
    }
    let records: Vec<Original> = lines
        .zip(2..)
        .map(|(text, line)| {
            serde_json::from_slice(text).map_err(|error| JournalError::Damaged {
                path: path(),
                line,
                reason: error.to_string(),
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(merged(records))
}

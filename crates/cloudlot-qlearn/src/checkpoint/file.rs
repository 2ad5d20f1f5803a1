//! Checkpoints in files: either the old one is there or the new one, whole.

use std::fs::{self, File};
use std::io::{BufWriter, Error, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::CheckpointError;

/// Writes a file beside `path`, waits until it is on the disk, and moves it to `path`.
pub(super) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), CheckpointError>,
) -> Result<(), CheckpointError> {
    let beside = beside(path)?;
    let written = fill(&beside, write)
        .and_then(|()| Ok(fs::rename(&beside, path)?))
        .and_then(|()| settle(path));
    if written.is_err() {
        // What could not be finished is of no use; that it may stay is no further trouble.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// A name in the same directory, so that moving is one step of the file system.
fn beside(path: &Path) -> Result<PathBuf, CheckpointError> {
    let name = path
        .file_name()
        .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "the path names no file"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".new");
    Ok(path.with_file_name(hidden))
}

fn fill(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), CheckpointError>,
) -> Result<(), CheckpointError> {
    let mut file = BufWriter::new(File::create(path)?);
    write(&mut file)?;
    file.flush()?;
    file.get_ref().sync_all()?;
    Ok(())
}

/// Waits until the directory knows the new name, where directories can be waited for.
fn settle(path: &Path) -> Result<(), CheckpointError> {
    if cfg!(unix) {
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

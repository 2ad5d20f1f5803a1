//! A new store: complete under another name, then given its own.

use super::disk::Disk;
use super::engine::{Engine, Tables, write_meta};
use super::engine_says;
use super::examine::engine;
use super::meta::Meta;
use crate::{Contents, Retention, StoreError};
use redb::backends::FileBackend;
use redb::{Database, StorageBackend};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A new store at `path`. A crash leaves either no file there or a complete one, and perhaps a
/// file beside it with `.creating` at its end, which the next attempt takes away.
pub(super) fn create(
    path: &Path,
    contents: &Contents,
    retention: Retention,
) -> Result<Engine, StoreError> {
    contents.check()?;
    let failed = |source| StoreError::Io {
        file: path.into(),
        source,
    };
    if path.try_exists().map_err(failed)? {
        return Err(StoreError::Exists { file: path.into() });
    }
    let draft = draft_of(path);
    let file = claim(&draft)?;
    let backend = FileBackend::new(file).map_err(|error| engine_says(path, &error))?;
    let engine = start(path, Disk::new(Arc::new(backend)), contents, retention)?;
    publish(&draft, path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => StoreError::Exists { file: path.into() },
        _ => failed(source),
    })?;
    Ok(engine)
}

/// A new store on an empty disk, durable.
pub(super) fn start(
    file: &Path,
    disk: Disk,
    contents: &Contents,
    retention: Retention,
) -> Result<Engine, StoreError> {
    let failed = |source| StoreError::Io {
        file: file.into(),
        source,
    };
    let db = engine(&disk, &Arc::default()).map_err(|error| engine_says(file, &error))?;
    let meta = fill(&db, contents).map_err(|error| engine_says(file, &error))?;
    disk.testify(&meta).map_err(failed)?;
    disk.sync_data().map_err(failed)?;
    let batches = contents.batches.clone();
    Ok(Engine::new(db, disk, file, meta, batches, retention))
}

fn draft_of(path: &Path) -> PathBuf {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".creating");
    draft.into()
}

/// An empty file of our own.
///
/// One that a crash left may be a second name of a complete store, so it is taken away, never
/// written to.
fn claim(draft: &Path) -> Result<File, StoreError> {
    let taken = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::WouldBlock => {
            StoreError::Busy { file: draft.into() }
        }
        _ => StoreError::Io {
            file: draft.into(),
            source,
        },
    };
    let lock = |file: &File| file.try_lock().map_err(|error| taken(error.into()));
    match File::open(draft) {
        Ok(left) => {
            lock(&left)?;
            fs::remove_file(draft).map_err(taken)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(taken(error)),
    }
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true);
    let file = file.open(draft).map_err(taken)?;
    lock(&file)?;
    Ok(file)
}

fn fill(db: &Database, contents: &Contents) -> Result<Meta, redb::Error> {
    let mut meta = Meta::empty(contents.revision);
    meta.forgotten = contents.forgotten;
    let txn = db.begin_write()?;
    let mut tables = Tables::open(&txn)?;
    for (key, record) in &contents.records {
        tables.write(&mut meta, key, record.version, Some(&record.value))?;
    }
    for (&key, &at) in &contents.batches {
        tables.remember(&mut meta, at, key)?;
    }
    drop(tables);
    write_meta(&txn, &meta)?;
    txn.commit()?;
    Ok(meta)
}

/// The file gets its name, which nobody else may have taken.
fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    fs::hard_link(draft, path)?;
    fs::remove_file(draft)?;
    #[cfg(unix)]
    {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

//! Where cargo builds, for what is kept there between runs.

use std::path::PathBuf;

/// The nearest folder above this program that carries cargo's tag.
pub(crate) fn folder() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let tagged = program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    tagged.map(PathBuf::from)
}

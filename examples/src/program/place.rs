//! Where a program keeps its lock and its journal, one pair a host.

use super::{Fault, Program};
use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The files of one program for one host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// Held while the program works.
    pub(super) lock: PathBuf,
    /// What is to be restored.
    pub(super) journal: PathBuf,
}

impl Place {
    /// Finds, and where needed makes, the folder, and names the files in it.
    pub(super) fn find(program: Program, uri: &str, chosen: Option<&Path>) -> Result<Self, Fault> {
        let folder = match chosen {
            Some(folder) => folder.to_owned(),
            None => usual(),
        };
        own(&folder, chosen.is_some()).map_err(|error| {
            Fault::Failed(format!("state folder {}: {error}", folder.display()))
        })?;
        let stem = format!("{}-{:016x}", program.name(), fingerprint(uri));
        Ok(Self {
            lock: folder.join(format!("{stem}.lock")),
            journal: folder.join(format!("{stem}.journal")),
        })
    }
}

/// The folder that nobody had to name; emptied when the machine, and so its guests, start anew.
fn usual() -> PathBuf {
    let user = rustix::process::geteuid();
    if user.is_root() {
        return PathBuf::from("/run/cloudlot");
    }
    match env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
        Some(runtime) if runtime.is_absolute() => runtime.join("cloudlot"),
        _ => env::temp_dir().join(format!("cloudlot-{}", user.as_raw())),
    }
}

/// Makes the folder, and refuses one that others could have laid out; a folder that was chosen
/// is the chooser's affair.
fn own(folder: &Path, chosen: bool) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let found = fs::symlink_metadata(folder)?;
    let ours = found.is_dir()
        && found.uid() == rustix::process::geteuid().as_raw()
        && found.mode() & 0o022 == 0;
    if chosen || ours {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "others can write there",
        ))
    }
}

/// A short name for a URI. Should two URIs share one, the journal's header tells them apart.
///
/// Source: FNV-1a (Fowler, Noll, Vo 1991).
fn fingerprint(uri: &str) -> u64 {
    uri.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn programs_and_hosts_do_not_share_files() {
        let dir = tempfile::tempdir().unwrap();
        let find = |program, uri| Place::find(program, uri, Some(dir.path())).unwrap();
        let one = find(Program::VcpuScheduler, "qemu:///system");
        assert_eq!(one, find(Program::VcpuScheduler, "qemu:///system"));
        for other in [
            find(Program::MemoryCoordinator, "qemu:///system"),
            find(Program::VcpuScheduler, "qemu:///session"),
        ] {
            assert_ne!(one.lock, other.lock);
            assert_ne!(one.journal, other.journal);
        }
    }

    #[test]
    fn a_folder_is_made_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        own(&folder, false).unwrap();
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_folder_that_others_could_have_laid_out_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(own(&open, false).is_err());
        assert!(own(&open, true).is_ok());
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        assert!(own(&link, false).is_err());
    }
}

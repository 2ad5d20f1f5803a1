//! One program of a kind a host: two would undo each other's work, and each other's journal.

use super::{Fault, Program};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Held until dropped, or until the process ends in whatever way. The file stays: removing it
/// would let two processes lock two files of the same name.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub(super) fn take(program: Program, uri: &str, path: &Path) -> Result<Self, Fault> {
        let failed = |error: io::Error| Fault::Failed(format!("lock {}: {error}", path.display()));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Fault::Failed(format!(
                    "another {}{} works on {uri}",
                    program.name(),
                    holder(&mut file)
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        sign(&mut file).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let pid = file.take(32).read_to_string(&mut text).ok();
    match pid.and_then(|_| text.trim().parse::<u32>().ok()) {
        Some(pid) => format!(" (pid {pid})"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_until_the_first_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        let take = || Lock::take(Program::VcpuScheduler, "qemu:///system", &path);
        let first = take().unwrap();
        let refusal = take().unwrap_err().to_string();
        let pid = std::process::id();
        assert_eq!(
            refusal,
            format!("another vcpu-scheduler (pid {pid}) works on qemu:///system")
        );
        drop(first);
        take().unwrap();
    }
}

//! What can go wrong in the laboratory, split by what the caller does about it: without the
//! means ([`LabError::is_absence`]) a caller skips, loudly; everything else is a failure.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

/// Why the laboratory could not do as asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LabError {
    /// The laboratory makes namespaces and mounts, and starts libvirt's system daemon.
    #[error("the laboratory needs root")]
    NeedsRoot,
    /// A program, kernel or driver that the laboratory builds on is missing.
    #[error("{what} is missing; `cargo xtask setup` installs what the laboratory needs")]
    Missing {
        /// What was looked for.
        what: String,
    },
    /// The machine, often a container, does not let us make a mount or process namespace.
    #[error("no namespace of our own: {reason}")]
    NoNamespace {
        /// What `unshare` or `mount` said.
        reason: String,
    },
    /// The private libvirtd did not come up, or did not end.
    #[error("libvirtd did not {wish} within {waited:?}: {reason}")]
    Daemon {
        /// What it should have done.
        wish: &'static str,
        /// How long we waited.
        waited: Duration,
        /// The last line of its log.
        reason: String,
    },
    /// A `virsh` command failed.
    #[error("virsh {command}: {message}")]
    Virsh {
        /// Its arguments.
        command: String,
        /// What it printed on standard error.
        message: String,
    },
    /// A guest did not answer in time.
    #[error("{guest} did not answer {line:?} within {waited:?}; its console ends with: {console}")]
    Silent {
        /// Name of the domain.
        guest: String,
        /// What it was told.
        line: String,
        /// How long we waited.
        waited: Duration,
        /// Last line of its console.
        console: String,
    },
    /// A guest's balloon did not reach the size it was made with.
    #[error(
        "the balloon of {guest} is at {current_kib} KiB instead of {wanted_kib} after {waited:?}"
    )]
    Balloon {
        /// Name of the domain.
        guest: String,
        /// What it has.
        current_kib: u64,
        /// What it should have.
        wanted_kib: u64,
        /// How long we waited.
        waited: Duration,
    },
    /// A guest answered with an error.
    #[error("{guest} refused {line:?}: {answer}")]
    Refused {
        /// Name of the domain.
        guest: String,
        /// What it was told.
        line: String,
        /// Its answer.
        answer: String,
    },
    /// A file or program of the host.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or program.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl LabError {
    /// Whether this machine lacks the means for a laboratory, as opposed to a failure of one.
    /// ```
    /// # use cloudlot_examples::lab::LabError;
    /// assert!(LabError::NeedsRoot.is_absence());
    /// ```
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::NeedsRoot | Self::Missing { .. } | Self::NoNamespace { .. }
        )
    }

    /// Puts the name of a file or program to an error of the system.
    pub(super) fn io(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        |source| Self::Io { path, source }
    }
}

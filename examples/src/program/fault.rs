//! Why a program ends early, and the exit code that says so.

use std::process::ExitCode;

/// Why a program did not do what it was asked for: one line for people, and an exit code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// It was tried, and did not work: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// What was asked for makes no sense: exit code 2.
    #[error("{0} (see --help)")]
    Usage(String),
    /// The host is not to be reached, or does not let us: exit code 3.
    #[error("{0}")]
    Unreachable(String),
}

impl Fault {
    /// The exit code that stands for it.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
        })
    }
}

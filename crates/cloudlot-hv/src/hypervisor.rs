//! The port to a hypervisor: sample, apply, and what it must be able to undo.

use crate::{CpuSet, DomainId, HostSample, HostStep, Original, PcpuId};

/// A host with guests. Implemented by `FakeHost` and, behind the feature
/// `libvirt`, by the libvirt adapter.
pub trait Hypervisor {
    /// What can be seen and changed on this host.
    fn capabilities(&self) -> Capabilities;

    /// The host as it stands. A domain that vanishes meanwhile is left out.
    ///
    /// # Errors
    /// [`HvError::Disconnected`] when nothing can be seen; the next call tries to connect again.
    fn sample(&mut self) -> Result<HostSample, HvError>;

    /// Everything that steps on this domain could change, as it stands now.
    ///
    /// # Errors
    /// [`HvError::Vanished`] if the domain is gone.
    fn originals(&mut self, domain: DomainId) -> Result<Original, HvError>;

    /// Makes one change, to the running domain only, never to its persistent definition.
    ///
    /// # Errors
    /// The domain and the host are unchanged then.
    fn apply(&mut self, step: &HostStep) -> Result<(), HvError>;

    /// What an operator should know of the calls since the last time this was asked: rules that
    /// are not understood, domains that had to be left out.
    fn notes(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// What a hypervisor can do for us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// vCPUs can be pinned.
    pub pin: bool,
    /// Balloons can be set.
    pub memory: bool,
    /// Run-queue delay is counted.
    pub delay: bool,
    /// Changes are allowed at all; `false` on read-only connections.
    pub write: bool,
}

/// Why a hypervisor did not do what was asked. Each kind calls for another action.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HvError {
    /// The domain is gone or shut off: leave it out, it is no fault.
    #[error("domain {0} is gone")]
    Vanished(DomainId),
    /// The domain is busy with something else: try again some cycles later.
    #[error("domain {domain} is busy: {reason}")]
    Busy {
        /// Which.
        domain: DomainId,
        /// The hypervisor's words.
        reason: String,
    },
    /// The connection is dead: connect again, and act on fresh samples only.
    #[error("not connected: {0}")]
    Disconnected(String),
    /// We may look, but not touch.
    #[error("permission denied: {0}")]
    Denied(String),
    /// This host or domain cannot do it at all: do not ask again.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// The host refused to run a vCPU there: leave these pCPUs out for a while.
    #[error("the host refused cpus {cpus}: {reason}", cpus = CpuSet::from_iter(cpus.iter().copied()))]
    CpuRefused {
        /// The pCPUs that were asked for.
        cpus: Vec<PcpuId>,
        /// The hypervisor's words.
        reason: String,
    },
    /// The request itself was wrong, or failed for a reason of its own.
    #[error("{0}")]
    Failed(String),
}

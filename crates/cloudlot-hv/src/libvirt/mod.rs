//! The libvirt adapter: [`Libvirt`] implements [`Hypervisor`] on a connection to libvirt.
//!
//! Built with the feature `libvirt`, which links the C library. Only this folder names libvirt,
//! and only `sys.rs` calls C.
//!
//! How it behaves where libvirt leaves a choice:
//! - Changes go to the running domain only, never to its persistent definition.
//! - A vCPU's mask is the affinity of its thread. Its bound is what the persistent definition and
//!   the owner's metadata (namespace [`METADATA_NAMESPACE`]) say; live pins are no bound.
//! - Samples never wait for a busy domain; they then carry what its guest said last.
//! - A pCPU's busy time is all but idle time and waiting for I/O; what the host itself was kept
//!   from running counts as the rest did.
//! - A lost connection comes back with the first [`Hypervisor::sample`] after a pause that doubles
//!   from half a second; until then every call fails at once.

mod busy;
mod changes;
mod connect;
mod domain;
mod domain_xml;
mod errors;
mod host;
mod host_xml;
mod local;
mod session;
mod stats;
mod steps;
mod sys;

pub use connect::Access;
pub use domain_xml::METADATA_NAMESPACE;

use crate::{Capabilities, DomainId, HostSample, HostStep, HvError, Hypervisor, Original};
use changes::Changes;
use cloudlot_core::Clock;
use connect::Link;
use session::Session;
use std::sync::Arc;

/// A host under libvirt.
///
/// Calls block until libvirt answers. A daemon that stops answering is given up after some 20
/// seconds; one that never answered, when it lets go of the connection.
/// ```no_run
/// use cloudlot_core::SystemClock;
/// use cloudlot_hv::Hypervisor;
/// use cloudlot_hv::libvirt::{Access, Libvirt};
/// use std::sync::Arc;
///
/// let clock = Arc::new(SystemClock::start());
/// let mut host = Libvirt::open("qemu:///system", Access::ReadWriteElseReadOnly, clock)?;
/// for domain in host.sample()?.domains {
///     println!("{} has {} vCPUs", domain.name, domain.vcpus.len());
/// }
/// # Ok::<(), cloudlot_hv::HvError>(())
/// ```
pub struct Libvirt {
    uri: String,
    clock: Arc<dyn Clock + Send + Sync>,
    link: Link,
    notes: Vec<String>,
}

impl Libvirt {
    /// Connects to the hypervisor that a libvirt URI names, and starts libvirt's event loop if
    /// this process has none yet.
    ///
    /// # Errors
    /// [`HvError::Denied`] if it may not be used, [`HvError::Disconnected`] if nobody answers,
    /// [`HvError::Failed`] if libvirt does not understand the URI.
    pub fn open(
        uri: &str,
        access: Access,
        clock: Arc<dyn Clock + Send + Sync>,
    ) -> Result<Self, HvError> {
        let link = Link::open(uri, access, Arc::new(Changes::default()))?;
        Ok(Self {
            uri: uri.to_owned(),
            clock,
            link,
            notes: Vec::new(),
        })
    }

    /// Whether the hypervisor runs on this machine, by its URI.
    #[must_use]
    pub fn is_local(&self) -> bool {
        connect::is_local(&self.uri)
    }

    /// Does `call` on the session, and gives the session up if it turns out to be dead.
    fn with<T>(
        &mut self,
        call: impl FnOnce(&mut Session) -> Result<T, HvError>,
    ) -> Result<T, HvError> {
        let session = self.link.up()?;
        let result = call(session);
        self.notes.append(&mut session.notes);
        match result {
            Err(error) if connect::is_dead(&error, session) => {
                Err(self.link.lose(self.clock.now(), error))
            }
            result => result,
        }
    }
}

impl Hypervisor for Libvirt {
    fn capabilities(&self) -> Capabilities {
        self.link.capabilities()
    }

    fn sample(&mut self) -> Result<HostSample, HvError> {
        let now = self.clock.now();
        self.link.session(now)?;
        let clock = Arc::clone(&self.clock);
        self.with(|session| session.sample(&*clock).map_err(errors::Failure::of_host))
    }

    fn originals(&mut self, domain: DomainId) -> Result<Original, HvError> {
        self.with(|session| session.originals(domain))
    }

    fn apply(&mut self, step: &HostStep) -> Result<(), HvError> {
        self.with(|session| session.apply(step))
    }

    fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

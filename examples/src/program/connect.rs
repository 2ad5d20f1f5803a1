//! A real host, if this build can talk to one.

use super::Fault;
use cloudlot_core::SystemClock;
use cloudlot_hv::Hypervisor;
#[cfg(feature = "libvirt")]
use cloudlot_hv::libvirt::{Access, Libvirt};
#[cfg(feature = "libvirt")]
use std::sync::Arc;

/// Connects to `uri`, to change things if `write`; if that is denied, to look, as its
/// capabilities then say.
#[cfg(feature = "libvirt")]
pub(super) fn connect(
    uri: &str,
    write: bool,
    clock: &SystemClock,
) -> Result<impl Hypervisor + use<>, Fault> {
    let access = if write {
        Access::ReadWriteElseReadOnly
    } else {
        Access::ReadOnly
    };
    Libvirt::open(uri, access, Arc::new(clock.clone()))
        .map_err(|error| Fault::Unreachable(format!("{uri}: {error}")))
}

/// Says how to build in what is missing.
#[cfg(not(feature = "libvirt"))]
pub(super) fn connect(
    uri: &str,
    _write: bool,
    _clock: &SystemClock,
) -> Result<impl Hypervisor + use<>, Fault> {
    Err::<cloudlot_hv::fake::FakeHost, Fault>(Fault::Usage(format!(
        "{uri} needs libvirt, which is not built in: install libvirt-dev and build \
         cloudlot-examples with --features libvirt"
    )))
}

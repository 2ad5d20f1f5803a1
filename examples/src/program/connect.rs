//! A real host, if this build can talk to one.

use super::Fault;
use cloudlot_core::SystemClock;
use cloudlot_hv::Hypervisor;

/// Whether a host may be changed, as far as connecting tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Granted {
    /// It may.
    All,
    /// Only looking was asked for, or is allowed.
    LookingOnly,
}

/// Connects to `uri`, to change things if `write`; if that is denied, to look.
#[cfg(feature = "libvirt")]
pub(super) fn connect(
    uri: &str,
    write: bool,
    clock: &SystemClock,
) -> Result<(impl Hypervisor + use<>, Granted), Fault> {
    use cloudlot_hv::HvError;
    use cloudlot_hv::libvirt::{Access, Libvirt};

    let open = |access| Libvirt::open(uri, access, clock.clone());
    let unreachable = |error: HvError| Fault::Unreachable(format!("{uri}: {error}"));
    if write {
        match open(Access::ReadWrite) {
            Ok(host) => {
                let granted = if host.capabilities().write {
                    Granted::All
                } else {
                    Granted::LookingOnly
                };
                return Ok((host, granted));
            }
            Err(HvError::Denied(_)) => {}
            Err(error) => return Err(unreachable(error)),
        }
    }
    let host = open(Access::ReadOnly).map_err(unreachable)?;
    Ok((host, Granted::LookingOnly))
}

/// Says how to build in what is missing.
#[cfg(not(feature = "libvirt"))]
pub(super) fn connect(
    uri: &str,
    _write: bool,
    _clock: &SystemClock,
) -> Result<(impl Hypervisor + use<>, Granted), Fault> {
    Err::<(cloudlot_hv::fake::FakeHost, Granted), _>(Fault::Usage(format!(
        "{uri} needs libvirt, which is not built in: install libvirt-dev and build \
         cloudlot-examples with --features libvirt"
    )))
}

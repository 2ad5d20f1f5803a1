//! What libvirt's errors mean for us.
//!
//! Numbers are those of libvirt's `virErrorNumber` and `virErrorDomain`. Two of them say too
//! little on their own (8 and 55); the places that ask for a change look closer.

use crate::{DomainId, HvError};
use virt::sys;

/// An error of libvirt in plain data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failure {
    /// What went wrong.
    pub(super) code: sys::virErrorNumber,
    /// Which part of libvirt says so.
    pub(super) from: sys::virErrorDomain,
    /// Its words.
    pub(super) message: String,
}

/// What to do about a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// The domain is gone.
    Gone,
    /// The call does not fit the domain's state: it is shut off, or lacks the device.
    Unfit,
    /// The domain is held by something else.
    Busy,
    /// The connection is dead.
    Disconnected,
    /// We may not.
    Denied,
    /// The driver or the domain cannot.
    Unsupported,
    /// An argument was refused.
    Refused,
    /// The operating system said no.
    System,
    /// Anything else.
    Other,
}

impl From<virt::error::Error> for Failure {
    fn from(error: virt::error::Error) -> Self {
        Self {
            code: error.code().to_raw(),
            from: error.domain().to_raw(),
            message: error.message().to_owned(),
        }
    }
}

impl Failure {
    /// What the numbers mean.
    pub(super) fn kind(&self) -> Kind {
        match self.code {
            sys::VIR_ERR_INVALID_CONN | sys::VIR_ERR_RPC => Kind::Disconnected,
            // "client socket is closed", a missed keepalive, a broken pipe.
            sys::VIR_ERR_INTERNAL_ERROR | sys::VIR_ERR_SYSTEM_ERROR
                if self.from == sys::VIR_FROM_RPC =>
            {
                Kind::Disconnected
            }
            sys::VIR_ERR_NO_DOMAIN => Kind::Gone,
            sys::VIR_ERR_OPERATION_INVALID => Kind::Unfit,
            sys::VIR_ERR_OPERATION_TIMEOUT
            | sys::VIR_ERR_OPERATION_FAILED
            | sys::VIR_ERR_RESOURCE_BUSY => Kind::Busy,
            sys::VIR_ERR_OPERATION_DENIED
            | sys::VIR_ERR_ACCESS_DENIED
            | sys::VIR_ERR_AUTH_FAILED
            | sys::VIR_ERR_AUTH_CANCELLED
            | sys::VIR_ERR_AUTH_UNAVAILABLE => Kind::Denied,
            sys::VIR_ERR_NO_SUPPORT
            | sys::VIR_ERR_CONFIG_UNSUPPORTED
            | sys::VIR_ERR_ARGUMENT_UNSUPPORTED
            | sys::VIR_ERR_OPERATION_UNSUPPORTED => Kind::Unsupported,
            sys::VIR_ERR_INVALID_ARG => Kind::Refused,
            sys::VIR_ERR_SYSTEM_ERROR => Kind::System,
            _ => Kind::Other,
        }
    }

    /// The error of a call that concerns one domain.
    pub(super) fn of(self, domain: DomainId) -> HvError {
        match self.kind() {
            Kind::Gone => HvError::Vanished(domain),
            Kind::Busy => HvError::Busy {
                domain,
                reason: self.message,
            },
            _ => self.of_host(),
        }
    }

    /// The error of a call that concerns the host.
    pub(super) fn of_host(self) -> HvError {
        match self.kind() {
            Kind::Disconnected => HvError::Disconnected(self.message),
            Kind::Denied => HvError::Denied(self.message),
            Kind::Unsupported | Kind::Unfit => HvError::Unsupported(self.message),
            Kind::Gone | Kind::Busy | Kind::Refused | Kind::System | Kind::Other => {
                HvError::Failed(self.message)
            }
        }
    }

    /// The error of opening a connection, where nothing is known to work yet.
    pub(super) fn of_open(self, uri: &str) -> HvError {
        let said = format!("{uri}: {}", self.message);
        match self.kind() {
            Kind::Denied => HvError::Denied(said),
            // The socket is there, and we may not use it.
            Kind::Disconnected if self.message.ends_with("Permission denied") => {
                HvError::Denied(said)
            }
            Kind::Disconnected | Kind::System => HvError::Disconnected(said),
            _ => HvError::Failed(said),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn failure(code: u32, from: u32) -> Failure {
        Failure {
            code,
            from,
            message: "words".to_owned(),
        }
    }

    #[test]
    fn every_error_class_has_its_meaning() {
        let (rpc, qemu) = (7, 10);
        let table = [
            (42, qemu, Kind::Gone),
            (55, qemu, Kind::Unfit),
            (68, qemu, Kind::Busy),
            (9, qemu, Kind::Busy),
            (1, rpc, Kind::Disconnected),
            (1, qemu, Kind::Other),
            (38, rpc, Kind::Disconnected),
            (38, qemu, Kind::System),
            (39, qemu, Kind::Disconnected),
            (6, qemu, Kind::Disconnected),
            (29, qemu, Kind::Denied),
            (88, qemu, Kind::Denied),
            (3, qemu, Kind::Unsupported),
            (74, qemu, Kind::Unsupported),
            (8, qemu, Kind::Refused),
            (9999, 9999, Kind::Other),
        ];
        for (code, from, kind) in table {
            assert_eq!(failure(code, from).kind(), kind, "{code} from {from}");
        }
    }

    #[test]
    fn errors_name_the_domain_where_the_cycle_needs_it() {
        let id = DomainId(Uuid::from_u128(7));
        assert_eq!(failure(42, 10).of(id), HvError::Vanished(id));
        assert_eq!(
            failure(68, 10).of(id),
            HvError::Busy {
                domain: id,
                reason: "words".to_owned()
            }
        );
        assert_eq!(
            failure(39, 7).of(id),
            HvError::Disconnected("words".to_owned())
        );
        assert_eq!(failure(88, 10).of(id), HvError::Denied("words".to_owned()));
        assert_eq!(failure(1, 10).of(id), HvError::Failed("words".to_owned()));
    }

    #[test]
    fn a_socket_that_may_not_be_used_is_a_denial() {
        let mut refused = failure(38, 7);
        refused.message = "Failed to connect socket to '/s': Permission denied".to_owned();
        assert!(matches!(refused.clone().of_open("u"), HvError::Denied(_)));
        refused.message = "Failed to connect socket to '/s': No such file or directory".to_owned();
        assert!(matches!(refused.of_open("u"), HvError::Disconnected(_)));
    }
}

//! Opening, losing and reopening the connection, and the event loop that keeps it alive.

use super::changes::Changes;
use super::errors::Failure;
use super::session::Session;
use super::sys;
use crate::{Capabilities, HvError};
use cloudlot_core::Timestamp;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;
use virt::connect::Connect;
use virt::{error, event};

/// Keepalive messages go out this often, and this many may stay unanswered: a daemon that does
/// not answer is given up after some 20 seconds.
const KEEPALIVE_INTERVAL_S: i32 = 5;
const KEEPALIVE_UNANSWERED: u32 = 3;

/// The pause before the first attempt to connect again; it doubles with each failure.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
/// The longest pause for a daemon on this machine, where an attempt costs next to nothing.
const PAUSE_MAX_LOCAL: Duration = Duration::from_secs(4);
/// The longest pause for a daemon elsewhere.
const PAUSE_MAX_REMOTE: Duration = Duration::from_secs(30);

/// What a connection is to be used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Looking and changing; no connection if changing is not allowed.
    ReadWrite,
    /// Looking only.
    ReadOnly,
    /// Looking and changing, or looking only where changing is not allowed.
    ReadWriteElseReadOnly,
}

/// A connection that comes back.
pub(super) struct Link {
    uri: String,
    access: Access,
    changes: Arc<Changes>,
    /// Those of the last session.
    capabilities: Capabilities,
    state: State,
}

enum State {
    Up(Box<Session>),
    Down {
        retry_at: Timestamp,
        pause: Duration,
        why: String,
    },
}

impl Link {
    /// Connects for the first time.
    pub(super) fn open(uri: &str, access: Access, changes: Arc<Changes>) -> Result<Self, HvError> {
        let session = connect(uri, access, &changes)?;
        Ok(Self {
            uri: uri.to_owned(),
            access,
            changes,
            capabilities: session.capabilities(),
            state: State::Up(Box::new(session)),
        })
    }

    /// The session, if there is one.
    pub(super) fn up(&mut self) -> Result<&mut Session, HvError> {
        match &mut self.state {
            State::Up(session) => Ok(session),
            State::Down { why, .. } => Err(HvError::Disconnected(why.clone())),
        }
    }

    /// The session; after a loss, a new one if it is time to try again.
    pub(super) fn session(&mut self, now: Timestamp) -> Result<&mut Session, HvError> {
        if let State::Down {
            retry_at, pause, ..
        } = self.state
            && now >= retry_at
        {
            self.state = match connect(&self.uri, self.access, &self.changes) {
                Ok(session) => State::Up(Box::new(session)),
                Err(error) => State::Down {
                    retry_at: now + pause,
                    pause: (pause * 2).min(longest_pause(&self.uri)),
                    why: words(error),
                },
            };
        }
        self.up()
    }

    /// What the session can do; without one, what the last could.
    pub(super) fn capabilities(&self) -> Capabilities {
        match &self.state {
            State::Up(session) => session.capabilities(),
            State::Down { .. } => self.capabilities,
        }
    }

    /// Gives the session up, and says that there is none.
    pub(super) fn lose(&mut self, now: Timestamp, why: HvError) -> HvError {
        let why = words(why);
        self.capabilities = self.capabilities();
        self.state = State::Down {
            retry_at: now + PAUSE_FIRST,
            pause: PAUSE_FIRST * 2,
            why: why.clone(),
        };
        HvError::Disconnected(why)
    }
}

/// What an error says beside that there is no connection.
fn words(error: HvError) -> String {
    match error {
        HvError::Disconnected(words) => words,
        other => other.to_string(),
    }
}

fn longest_pause(uri: &str) -> Duration {
    if is_local(uri) {
        PAUSE_MAX_LOCAL
    } else {
        PAUSE_MAX_REMOTE
    }
}

/// Whether the URI leads to a hypervisor on this machine: no host in it, and no transport that
/// leaves the machine.
pub(super) fn is_local(uri: &str) -> bool {
    uri.split_once("://").is_some_and(|(scheme, rest)| {
        let transport = scheme.split_once('+').map_or("unix", |(_, name)| name);
        rest.starts_with('/') && transport == "unix"
    })
}

fn connect(uri: &str, access: Access, changes: &Arc<Changes>) -> Result<Session, HvError> {
    // `virt` panics on the one, and libvirt takes the other for "guess one".
    if uri.is_empty() || uri.contains('\0') {
        return Err(HvError::Failed(format!(
            "`{}` is not a connection URI such as qemu:///system",
            uri.escape_default()
        )));
    }
    start_event_loop()?;
    let (connect, writable) = open(uri, access).map_err(|failure| failure.of_open(uri))?;
    // Drivers without a daemon have nothing to keep alive, and say so.
    let _ = connect.set_keep_alive(KEEPALIVE_INTERVAL_S, KEEPALIVE_UNANSWERED);
    Session::start(connect, writable, is_local(uri), Arc::clone(changes))
        .map_err(|failure| failure.of_open(uri))
}

fn open(uri: &str, access: Access) -> Result<(Connect, bool), Failure> {
    let read_only = || Ok((Connect::open_read_only(Some(uri))?, false));
    if access == Access::ReadOnly {
        return read_only();
    }
    match Connect::open(Some(uri)).map_err(Failure::from) {
        Ok(connect) => Ok((connect, true)),
        Err(failure)
            if access == Access::ReadWriteElseReadOnly
                && matches!(failure.clone().of_open(uri), HvError::Denied(_)) =>
        {
            read_only()
        }
        Err(failure) => Err(failure),
    }
}

/// Starts libvirt's event loop in a thread of its own, once a process. Without it keepalive
/// messages go unanswered and connections close; it must be there before the first connection.
fn start_event_loop() -> Result<(), HvError> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    let started = STARTED.get_or_init(|| {
        sys::initialize().map_err(|error| error.to_string())?;
        // Errors come back as values; the default is to print each to stderr as well.
        error::clear_error_callback();
        event::event_register_default_impl().map_err(|error| error.to_string())?;
        thread::Builder::new()
            .name("libvirt-events".to_owned())
            .spawn(|| while event::event_run_default_impl().is_ok() {})
            .map(drop)
            .map_err(|error| error.to_string())
    });
    started
        .clone()
        .map_err(|error| HvError::Failed(format!("libvirt's event loop does not start: {error}")))
}

/// Whether the failure, or the connection itself, says that the connection is dead.
pub(super) fn is_dead(error: &HvError, session: &Session) -> bool {
    matches!(error, HvError::Disconnected(_)) || !session.is_alive()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = "<node><memory>1024</memory></node>";

    #[test]
    fn a_lost_connection_comes_back_after_pauses_that_double() {
        let folder = tempfile::tempdir().unwrap();
        let node = folder.path().join("node.xml");
        std::fs::write(&node, NODE).unwrap();
        let uri = format!("test://{}", node.display());
        let mut link = Link::open(&uri, Access::ReadWrite, Arc::default()).unwrap();
        let at = |ms| Timestamp::ZERO + Duration::from_millis(ms);
        assert!(link.capabilities().write);

        let lost = link.lose(at(0), HvError::Failed("it broke".to_owned()));
        assert_eq!(lost, HvError::Disconnected("it broke".to_owned()));
        assert!(
            link.capabilities().write,
            "what the last one could is remembered"
        );
        let broke = |result: Result<&mut Session, HvError>| matches!(result, Err(HvError::Disconnected(why)) if why == "it broke");
        assert!(broke(link.up()), "changes do not connect again");
        assert!(
            broke(link.session(at(499))),
            "nor does a sample in the pause"
        );

        // With the file away each attempt fails, and says so in words of its own; with it back,
        // the moment of the next attempt shows.
        std::fs::remove_file(&node).unwrap();
        let mut pauses = Vec::new();
        let mut tried = 500;
        for pause in [1_000, 2_000, 4_000, 4_000] {
            assert!(link.session(at(tried)).is_err());
            std::fs::write(&node, NODE).unwrap();
            assert!(link.session(at(tried + pause - 1)).is_err(), "{pauses:?}");
            std::fs::remove_file(&node).unwrap();
            pauses.push(pause);
            tried += pause;
        }
        std::fs::write(&node, NODE).unwrap();
        assert!(link.session(at(tried)).is_ok());
        assert!(link.up().is_ok());
    }

    #[test]
    fn a_daemon_elsewhere_is_asked_more_seldom() {
        assert_eq!(longest_pause("qemu:///system"), PAUSE_MAX_LOCAL);
        assert_eq!(longest_pause("qemu+ssh://host/system"), PAUSE_MAX_REMOTE);
    }

    #[test]
    fn a_uri_tells_whether_the_hypervisor_is_here() {
        let local = [
            "qemu:///system",
            "qemu:///system?socket=/run/a/libvirt-sock",
            "qemu+unix:///session",
            "test:///default",
            "test:///srv/node.xml",
        ];
        let remote = [
            "qemu+ssh://host/system",
            "qemu+ssh:///system",
            "qemu+tls://host/system",
            "qemu://host/system",
            "qemu",
            "",
        ];
        assert!(local.into_iter().all(is_local));
        assert!(!remote.into_iter().any(is_local));
    }
}

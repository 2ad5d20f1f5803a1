//! Ctrl-C at any moment, without a trace: when to end at once, and when to put things right first.

use crate::program::signals::Signals;
use cloudlot_core::SystemClock;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Listens for the user's wish to end.
pub(super) struct Interrupt {
    signals: Signals,
    clock: SystemClock,
    expendable: Arc<AtomicBool>,
}

impl Interrupt {
    /// From now on SIGINT and SIGTERM do not end the process by themselves.
    pub(super) fn listen() -> io::Result<Self> {
        let clock = SystemClock::start();
        let expendable = Arc::new(AtomicBool::new(false));
        let (waker, at_once) = (clock.clone(), expendable.clone());
        let signals = Signals::listen(move || {
            if at_once.load(Ordering::SeqCst) {
                eprintln!("demo: {}", super::LiveError::Interrupted);
                std::process::exit(1);
            }
            waker.interrupt();
        })?;
        Ok(Self {
            signals,
            clock,
            expendable,
        })
    }

    /// A clock that does not wait any more once the user wants an end.
    pub(super) fn clock(&self) -> &SystemClock {
        &self.clock
    }

    /// Whether the user wants an end.
    pub(super) fn is_raised(&self) -> bool {
        self.signals.stop()
    }

    /// Does something long that waits for others, and that leaves nothing behind when this process
    /// ends in the middle of it: then a signal ends it at once. `None` if one came before.
    pub(super) fn expendable<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        self.expendable.store(true, Ordering::SeqCst);
        let done = (!self.is_raised()).then(act);
        self.expendable.store(false, Ordering::SeqCst);
        done
    }
}

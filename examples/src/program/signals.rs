//! SIGINT and SIGTERM: the first ends the loop, the second the restoring, the third all waiting.

use signal_hook::consts::{SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// How often the user asked for an end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals(Arc<AtomicU32>);

impl Signals {
    /// Counts signals from now on, and calls `wake` at each of the first two.
    pub(crate) fn listen(wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        let signals = Self::default();
        let counted = signals.clone();
        let mut source = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for _ in source.forever() {
                    if counted.0.fetch_add(1, Ordering::SeqCst) >= 2 {
                        // A call that never returns; the journal holds what is left to undo.
                        std::process::exit(1);
                    }
                    wake();
                }
            })?;
        Ok(signals)
    }

    /// Whether the loop is to end.
    pub(crate) fn stop(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 1
    }

    /// Whether restoring is to end too.
    pub(crate) fn abandon(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 2
    }
}

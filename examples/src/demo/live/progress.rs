//! What goes on meanwhile, on standard error: a line for each act, and where somebody watches a
//! terminal, a line that changes every second.

use std::cell::Cell;
use std::io::{IsTerminal, Write, stderr};

/// Tells what goes on.
#[derive(Debug)]
pub(super) struct Progress {
    terminal: bool,
    /// A line that changes stands on the terminal.
    ticking: Cell<bool>,
}

/// A line that changes does not outlive its teller.
impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            terminal: stderr().is_terminal(),
            ticking: Cell::new(false),
        }
    }

    /// A line that stays.
    pub(super) fn say(&self, line: &str) {
        self.clear();
        self.write(&format!("demo: {line}\n"));
    }

    /// Takes away the line that changes.
    fn clear(&self) {
        if self.ticking.take() {
            self.write("\r\x1b[K");
        }
    }

    /// A line that the next one takes the place of; for terminals only.
    pub(super) fn tick(&self, line: &str) {
        if self.terminal {
            self.ticking.set(true);
            self.write(&format!("\r\x1b[K{line}"));
        }
    }

    /// Nobody may be there to read it.
    fn write(&self, text: &str) {
        let mut stderr = stderr();
        let _ = stderr
            .write_all(text.as_bytes())
            .and_then(|()| stderr.flush());
    }
}

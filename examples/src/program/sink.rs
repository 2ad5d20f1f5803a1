//! Standard output that may go away: the reader of a pipe leaves, and the program must still
//! restore what it changed.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};

/// Takes text until it cannot be written any more; then swallows it, and says so when asked.
pub(super) struct Sink<W> {
    out: RefCell<W>,
    shut: Cell<Option<io::ErrorKind>>,
}

impl<W: Write> Sink<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out: RefCell::new(out),
            shut: Cell::new(None),
        }
    }

    /// Writes at once, not when a buffer is full: others watch.
    pub(super) fn say(&self, text: &str) {
        if self.is_shut() || text.is_empty() {
            return;
        }
        let mut out = self.out.borrow_mut();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if let Err(error) = written {
            self.shut.set(Some(error.kind()));
        }
    }

    /// Whether nobody reads any more.
    pub(super) fn is_shut(&self) -> bool {
        self.shut.get().is_some()
    }

    /// What went wrong, other than a reader that left.
    pub(super) fn fault(&self) -> Option<io::ErrorKind> {
        self.shut
            .get()
            .filter(|kind| *kind != io::ErrorKind::BrokenPipe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_leaves_is_no_fault_but_a_full_disk_is() {
        let check = |kind| {
            let sink = Sink::new(Broken(kind));
            assert!(!sink.is_shut());
            sink.say("text");
            assert!(sink.is_shut());
            sink.fault()
        };
        assert_eq!(check(io::ErrorKind::BrokenPipe), None);
        let full = io::ErrorKind::StorageFull;
        assert_eq!(check(full), Some(full));
    }
}

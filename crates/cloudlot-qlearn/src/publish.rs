//! One writes, many read: the latest of something that is replaced as a whole.
//!
//! A reader looks at a number and takes the lock only where there is news; the writer holds it for
//! as long as two pointers change places.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The one who publishes. There is one of it: it cannot be cloned.
///
/// ```
/// # use cloudlot_qlearn::Publisher;
/// let mut publisher = Publisher::new("slow");
/// let mut reader = publisher.reader();
/// publisher.publish("fast");
/// assert_eq!(**reader.latest(), "fast");
/// assert_eq!(reader.version(), 1);
/// ```
#[derive(Debug)]
pub struct Publisher<T> {
    board: Arc<Board<T>>,
}

/// One who reads; clones read on their own.
#[derive(Debug)]
pub struct Reader<T> {
    board: Arc<Board<T>>,
    version: u64,
    held: Arc<T>,
}

#[derive(Debug)]
struct Board<T> {
    /// Never ahead of what is in the lock, so that whoever sees a new number finds the news.
    version: AtomicU64,
    current: RwLock<(u64, Arc<T>)>,
}

impl<T> Publisher<T> {
    /// Publishes the first edition, version 0.
    #[must_use]
    pub fn new(first: T) -> Self {
        Self::starting_at(0, first)
    }

    /// Goes on counting where another publisher stopped.
    pub(crate) fn starting_at(version: u64, first: T) -> Self {
        Self {
            board: Arc::new(Board {
                version: AtomicU64::new(version),
                current: RwLock::new((version, Arc::new(first))),
            }),
        }
    }

    /// Replaces what is published and tells its version, one above the last.
    ///
    /// Readers keep what they hold for as long as they hold it.
    pub fn publish(&mut self, next: T) -> u64 {
        let next = Arc::new(next);
        let (version, old) = {
            let mut current = self
                .board
                .current
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            current.0 += 1;
            (current.0, std::mem::replace(&mut current.1, next))
        };
        self.board.version.store(version, Ordering::Release);
        // Outside the lock: the last of a large table takes time to let go of.
        drop(old);
        version
    }

    /// What is published now, with its version.
    #[must_use]
    pub fn current(&self) -> (u64, Arc<T>) {
        self.board.read()
    }

    /// One more reader.
    #[must_use]
    pub fn reader(&self) -> Reader<T> {
        let (version, held) = self.board.read();
        Reader {
            board: Arc::clone(&self.board),
            version,
            held,
        }
    }
}

impl<T> Reader<T> {
    /// What was published last.
    #[inline]
    pub fn latest(&mut self) -> &Arc<T> {
        if self.board.version.load(Ordering::Acquire) > self.version {
            (self.version, self.held) = self.board.read();
        }
        &self.held
    }

    /// The version of what [`Reader::latest`] gave last.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }
}

impl<T> Clone for Reader<T> {
    fn clone(&self) -> Self {
        Self {
            board: Arc::clone(&self.board),
            version: self.version,
            held: Arc::clone(&self.held),
        }
    }
}

impl<T> Board<T> {
    fn read(&self) -> (u64, Arc<T>) {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_keeps_what_it_holds() {
        let mut publisher = Publisher::new(vec![0]);
        let mut reader = publisher.reader();
        let held = Arc::clone(reader.latest());
        assert_eq!(publisher.publish(vec![1]), 1);
        assert_eq!(*held, [0]);
        assert_eq!(reader.version(), 0);
        assert_eq!(**reader.latest(), [1]);
        assert_eq!(reader.version(), 1);
        assert_eq!(publisher.current(), (1, Arc::new(vec![1])));
    }

    #[test]
    fn what_nobody_holds_is_let_go() {
        let mut publisher = Publisher::new(7);
        let old = Arc::downgrade(&publisher.current().1);
        publisher.publish(8);
        assert!(old.upgrade().is_none());
    }

    #[test]
    fn readers_on_other_threads_see_whole_editions_in_order() {
        let mut publisher = Publisher::new([0_u64; 64]);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let mut reader = publisher.reader();
                scope.spawn(move || {
                    let mut last = 0;
                    while last < 500 {
                        let edition = **reader.latest();
                        assert!(edition.iter().all(|&word| word == edition[0]));
                        assert_eq!(edition[0], reader.version());
                        assert!(reader.version() >= last);
                        last = reader.version();
                        std::thread::yield_now();
                    }
                });
            }
            for number in 1..=500 {
                assert_eq!(publisher.publish([number; 64]), number);
            }
        });
    }
}

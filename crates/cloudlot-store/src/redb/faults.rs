//! Disks that fail or are slow, and what is counted on one that works.

use super::create::start;
use super::damage::{RETENTION, batch, bytes, engine, memory};
use super::disk::Disk;
use super::queue::{MAX_GROUP, MAX_WAITING};
use super::{Counts, RedbStore};
use crate::{Contents, LedgerStore, NotExecuted, Outcome, Retention, StoreError, Ticket};
use redb::StorageBackend;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// A disk that fails from some change on, or holds its barriers back.
#[derive(Debug)]
struct Troubled {
    inner: Arc<dyn StorageBackend>,
    /// Writes and barriers that still work.
    left: AtomicU64,
    /// What does not work is done all the same.
    lies: AtomicBool,
    shut: Mutex<bool>,
    opened: Condvar,
}

impl Troubled {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: memory(&[]),
            left: AtomicU64::new(u64::MAX),
            lies: AtomicBool::new(false),
            shut: Mutex::default(),
            opened: Condvar::new(),
        })
    }

    fn store(self: &Arc<Self>) -> RedbStore {
        let disk = Disk::new(Arc::clone(self) as Arc<dyn StorageBackend>);
        let path = Path::new("ledger");
        RedbStore::run(start(path, disk, &Contents::default(), RETENTION).unwrap()).unwrap()
    }

    fn shut(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.opened.notify_all();
    }

    fn change(&self, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let take = |left: u64| left.checked_sub(1);
        match self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
        {
            Ok(_) => act(),
            Err(_) => {
                if self.lies.load(Ordering::SeqCst) {
                    act()?;
                }
                Err(io::ErrorKind::StorageFull.into())
            }
        }
    }
}

impl StorageBackend for Troubled {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(|| self.inner.set_len(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        drop(
            self.opened
                .wait_while(self.shut.lock().unwrap(), |shut| *shut),
        );
        self.change(|| self.inner.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(|| self.inner.write(offset, data))
    }
}

/// Fails the disk after `left` changes and checks every answer against what is found afterwards.
/// Tells whether the last outcome was unknown.
fn fail_after(left: u64, lies: bool) -> bool {
    let disk = Troubled::new();
    let mut store = disk.store();
    disk.left.store(left, Ordering::SeqCst);
    disk.lies.store(lies, Ordering::SeqCst);
    let mut outcomes = Vec::new();
    for number in 1..=40 {
        outcomes.push(store.submit(batch(number)).wait(PATIENCE));
    }
    let committed = |outcome: &Outcome| matches!(outcome, Outcome::Committed(_));
    let good = outcomes
        .iter()
        .take_while(|outcome| committed(outcome))
        .count();
    let refused =
        |outcome: &Outcome| matches!(outcome, Outcome::NotExecuted(NotExecuted::Failed(_)));
    assert!(
        outcomes[good + 1..].iter().all(refused),
        "{left}: {outcomes:?}"
    );
    let unknown = outcomes[good] == Outcome::Unknown;
    assert!(unknown || refused(&outcomes[good]), "{left}: {outcomes:?}");
    assert!(matches!(store.load(), Err(StoreError::Failed(_))));
    assert!(matches!(store.lookup(1.into()), Err(StoreError::Failed(_))));
    drop(store);
    let found = engine(memory(&bytes(&*disk.inner)))
        .and_then(|engine| engine.load())
        .unwrap_or_else(|error| panic!("{left}: {error}"));
    let there = usize::try_from(found.revision.number()).unwrap();
    assert!(
        there == good || unknown && there == good + 1,
        "{left}: {there} of {good}"
    );
    unknown
}

#[test]
fn a_failing_disk_is_told_honestly_wherever_it_fails() {
    let mut unknown = 0;
    for left in 0..120 {
        unknown += usize::from(fail_after(left, false));
        unknown += usize::from(fail_after(left, true));
    }
    // The engine writes nothing before the commit itself.
    assert_eq!(unknown, 240);
}

#[test]
fn a_full_queue_refuses_at_once_and_loses_nothing() {
    let disk = Troubled::new();
    let mut store = disk.store();
    let before = store.counts();
    disk.shut(true);
    let count = u64::try_from(MAX_WAITING).unwrap() + 200;
    let tickets: Vec<Ticket> = (1..=count)
        .map(|number| store.submit(batch(number)))
        .collect();
    let refused = |ticket: &Ticket| {
        ticket.outcome()
            == Some(Outcome::NotExecuted(NotExecuted::Full {
                waiting: MAX_WAITING,
            }))
    };
    let full = tickets.iter().filter(|ticket| refused(ticket)).count();
    // One group may have left the queue before the barrier held it.
    assert!((136..=200).contains(&full), "{full}");
    disk.shut(false);
    let outcomes = tickets.iter().map(|ticket| ticket.wait(PATIENCE));
    let committed = outcomes
        .filter(|outcome| matches!(outcome, Outcome::Committed(_)))
        .count();
    assert_eq!(committed, tickets.len() - full);
    let committed = u64::try_from(committed).unwrap();
    assert_eq!(store.load().unwrap().revision.number(), committed);
    // What gathered behind the barrier went in full groups.
    let counts = store.counts();
    let commits = counts.barriers - counts.growths - before.barriers + before.growths;
    let groups = committed.div_ceil(u64::try_from(MAX_GROUP).unwrap());
    assert!(
        (groups..=groups + 1).contains(&commits),
        "{commits} commits for {committed}"
    );
}

#[test]
fn what_waits_is_committed_before_the_store_closes() {
    let disk = Troubled::new();
    let mut store = disk.store();
    disk.shut(true);
    let tickets = store.submit_all((1..=150).map(batch).collect());
    let closing = std::thread::spawn(move || drop(store));
    disk.shut(false);
    closing.join().unwrap();
    let done = |ticket: &Ticket| matches!(ticket.outcome(), Some(Outcome::Committed(_)));
    assert!(tickets.iter().all(done));
    let found = engine(Arc::clone(&disk) as Arc<dyn StorageBackend>).unwrap();
    assert_eq!(found.load().unwrap().revision.number(), 150);
}

#[test]
fn a_commit_costs_one_barrier_and_a_group_no_more() {
    let disk = Disk::new(memory(&[]));
    let path = Path::new("ledger");
    let engine = start(path, disk, &Contents::default(), Retention::default()).unwrap();
    let mut store = RedbStore::run(engine).unwrap();
    let cost = |before: Counts, after: Counts| {
        let growths = after.growths - before.growths;
        after.barriers - before.barriers - growths
    };
    for number in 1..=64 {
        let before = store.counts();
        let outcome = store.submit(batch(number)).wait(PATIENCE);
        assert!(matches!(outcome, Outcome::Committed(_)));
        assert_eq!(cost(before, store.counts()), 1, "batch {number}");
    }
    for group in 0..8 {
        let before = store.counts();
        let numbers = 100 + group * 32..132 + group * 32;
        let tickets = store.submit_all(numbers.map(batch).collect());
        let done = |ticket: &Ticket| matches!(ticket.wait(PATIENCE), Outcome::Committed(_));
        assert!(tickets.iter().all(done));
        assert_eq!(cost(before, store.counts()), 1, "group {group}");
    }
    // Nothing to write, nothing to wait for.
    let before = store.counts();
    assert!(matches!(
        store.submit(batch(1)).wait(PATIENCE),
        Outcome::Committed(_)
    ));
    assert_eq!(store.counts(), before);
}

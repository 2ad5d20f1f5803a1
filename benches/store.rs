//! What durability costs: barriers and bytes of a commit, counted, and what committing in groups
//! gains, measured in the same run.
//!
//! Rates depend on the disk and on who else uses it; the counts and the ratio do not. Each size of
//! group takes its turn round after round, so that a slow minute is slow for all of them.

use cloudlot_core::{Clock, SystemClock};
use cloudlot_store::{Batch, LedgerStore, Outcome, RecordKey, RedbStore, Retention};
use std::time::Duration;

/// Batches in a group.
const SIZES: [u32; 5] = [1, 2, 8, 32, 64];
const AT_32: usize = 3;
const ROUNDS: u32 = 12;
/// Groups of each size in a round.
const GROUPS: u32 = 16;
/// What committing 32 at a time must gain over one at a time.
const GAIN: f64 = 10.0;

#[derive(Clone, Copy, Default)]
struct Tally {
    batches: u32,
    barriers: u64,
    growths: u64,
    bytes: u64,
    time: Duration,
}

impl Tally {
    fn rate(&self) -> f64 {
        f64::from(self.batches) / self.time.as_secs_f64()
    }
}

fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder to write to");
    let path = folder.path().join("ledger");
    let mut store = RedbStore::open_or_create(path, Retention::default()).expect("a new store");
    let clock = SystemClock::start();
    let mut tallies = [Tally::default(); SIZES.len()];
    let mut number = 0;
    // Cargo and the whole check ask for a run that only shows that it runs.
    let once = std::env::args().any(|argument| argument == "--test");
    let rounds = if once { 1 } else { ROUNDS };
    for _ in 0..rounds {
        for (size, tally) in SIZES.into_iter().zip(&mut tallies) {
            for _ in 0..GROUPS {
                commit(&mut store, &clock, &mut number, size, tally);
            }
        }
    }
    show(&tallies, rounds);
    let gain = tallies[AT_32].rate() / tallies[0].rate();
    assert!(
        once || gain >= GAIN,
        "32 in a group gain {gain:.1}, not {GAIN}"
    );
}

/// A reservation as a ledger writes it: the node's generation and the reservation itself.
fn reservation(number: u32) -> Batch {
    let key = |space, name: String| RecordKey::new(space, &name).expect("plain names");
    let held = key("res", format!("{number:08x}"));
    Batch::of(u128::from(number).into())
        .absent(held.clone())
        .put(
            key("node", format!("n{}", number % 100)),
            number.to_le_bytes(),
        )
        .put(held, [0x5a; 160])
        .build()
        .expect("two small records")
}

fn commit(
    store: &mut RedbStore,
    clock: &SystemClock,
    number: &mut u32,
    size: u32,
    tally: &mut Tally,
) {
    let batches = (*number..*number + size).map(reservation).collect();
    *number += size;
    let (before, start) = (store.counts(), clock.now());
    for ticket in store.submit_all(batches) {
        let outcome = ticket.wait(Duration::from_secs(60));
        assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    }
    tally.time += clock.now().since(start);
    let after = store.counts();
    tally.batches += size;
    tally.barriers += after.barriers - before.barriers;
    tally.growths += after.growths - before.growths;
    tally.bytes += after.bytes - before.bytes;
}

fn show(tallies: &[Tally], rounds: u32) {
    let single = tallies.first().map_or(f64::NAN, Tally::rate);
    println!("group  barriers/commit  barriers/batch  KiB/commit  KiB/batch  batches/s  gain");
    for (size, tally) in SIZES.into_iter().zip(tallies) {
        let commits = f64::from(rounds * GROUPS);
        let batches = f64::from(tally.batches);
        let (barriers, kib) = (float(tally.barriers), float(tally.bytes) / 1024.0);
        let gain = tally.rate() / single;
        println!(
            "{size:>5}  {:>15.3}  {:>14.3}  {:>10.1}  {:>9.2}  {:>9.0}  {gain:>4.1}",
            barriers / commits,
            barriers / batches,
            kib / commits,
            kib / batches,
            tally.rate(),
        );
        let expected = u64::from(rounds * GROUPS) + tally.growths;
        assert_eq!(
            tally.barriers, expected,
            "a commit is one barrier, and a growth of the file another"
        );
    }
}

fn float(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

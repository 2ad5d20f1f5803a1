//! Processes that are really killed, thousands of times, at random points: what was acknowledged
//! is there, whole; what was not is there whole or not at all.
//!
//! `CLOUDLOT_CRASHES` says how many processes [`commits_survive_kills`] kills; the other tests
//! kill an eighth of that each.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod child;
mod work;

use child::{Job, Running, child_at_work};
use cloudlot_store::{Contents, LedgerStore, RedbStore, import};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use tempfile::TempDir;
use work::{LANES, RETENTION, numbers};

/// Kills that every run makes; two processes at a time.
const CRASHES: usize = 2000;
const AT_ONCE: usize = 2;
/// Kills that one store goes through.
const ROUNDS: usize = 50;

/// What runs in the processes that are killed; without a job it is no test.
#[test]
fn child() {
    if let Some(job) = Job::ours() {
        child_at_work(&job);
    }
}

fn crashes() -> usize {
    let asked = std::env::var("CLOUDLOT_CRASHES").ok();
    asked.map_or(CRASHES, |count| {
        count.parse().expect("CLOUDLOT_CRASHES is a number")
    })
}

/// A folder on the disk that the build uses: a file system in memory has no barriers.
fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Runs `work` on several threads, each with a generator of its own, until all kills are made.
fn share(kills: usize, work: impl Fn(usize, &mut Xoshiro256PlusPlus) + Sync) {
    std::thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            let work = &work;
            scope.spawn(move || {
                let mut rng = Xoshiro256PlusPlus::seed_from_u64(worker.try_into().unwrap());
                work(kills.div_ceil(AT_ONCE), &mut rng);
            });
        }
    });
}

/// Passes some time without a clock.
fn spin(turns: u32) {
    (0..turns).for_each(|_| std::hint::spin_loop());
}

/// Lets a process run to a random point and kills it there: somewhere on its way to the first
/// answer, or after some answers, at most so many, and a moment.
fn kill_somewhere(mut running: Running, most: usize, rng: &mut Xoshiro256PlusPlus) -> child::Seen {
    if rng.random_ratio(1, 4) {
        spin(rng.random_range(0..400_000));
    } else {
        running.read(rng.random_range(1..=most));
        spin(rng.random_range(0..20_000));
    }
    running.kill()
}

#[test]
fn commits_survive_kills() {
    share(crashes(), |kills, rng| survive(kills, rng, "commit"));
}

#[test]
fn compaction_survives_kills() {
    share(crashes() / 8, |kills, rng| survive(kills, rng, "compact"));
}

/// Kills processes that commit to one store, then to the next; checks what each one finds.
fn survive(kills: usize, rng: &mut Xoshiro256PlusPlus, job: &str) {
    let (mut found, mut torn, mut acknowledged_in_all) = (0, 0, 0);
    for _ in 0..kills.div_ceil(ROUNDS) {
        let folder = folder();
        let path = folder.path().join("ledger");
        let mut acknowledged = [0; LANES];
        let mut last = Contents::default();
        for _ in 0..ROUNDS.min(kills) {
            let seen = kill_somewhere(Running::start(job, &path), 30, rng);
            if let Some(contents) = seen.contents {
                found += 1;
                torn += usize::from(check(&contents, &acknowledged, &last));
                acknowledged = numbers(&contents);
                last = contents;
            }
            for (lane, number) in seen.acknowledged {
                assert!(number > acknowledged[lane], "{number} of lane {lane} twice");
                acknowledged[lane] = number;
            }
        }
        if path.exists() {
            let mut store = RedbStore::open(&path, RETENTION).unwrap();
            check(&store.load().unwrap(), &acknowledged, &last);
        }
        acknowledged_in_all += acknowledged.iter().sum::<u64>();
    }
    println!(
        "{job}: {kills} kills, {found} openings checked, {torn} with unanswered batches, {acknowledged_in_all} batches"
    );
    // Of the kills that come before the first answer some hit the opening itself.
    assert!(found > kills / 2 && torn > 0 && acknowledged_in_all > 0);
}

/// Contents after a kill, against what was acknowledged before it; whether there is more.
fn check(contents: &Contents, acknowledged: &[u64; LANES], before: &Contents) -> bool {
    let there = numbers(contents);
    for (lane, (&known, there)) in acknowledged.iter().zip(there).enumerate() {
        assert!(
            there >= known,
            "lane {lane}: {known} was acknowledged, {there} is there"
        );
        let most = known + work::AT_A_TIME;
        assert!(
            there <= most,
            "lane {lane}: {there} is there, {most} was the last one sent"
        );
    }
    assert!(contents.revision >= before.revision);
    work::check_whole(contents);
    there != *acknowledged
}

/// A store with everything the children need.
fn filled(path: &Path) -> Contents {
    let mut store = RedbStore::open_or_create(path, RETENTION).unwrap();
    for lane in 0..LANES {
        for number in 1..=40 {
            drop(store.submit(work::batch(lane, number)));
        }
    }
    store.load().unwrap()
}

#[test]
fn an_export_that_was_killed_is_refused_or_complete() {
    share(crashes() / 8, |kills, rng| {
        let folder = folder();
        let path = folder.path().join("ledger");
        let contents = filled(&path);
        let text = folder.path().join("ledger.export");
        let mut refused = 0;
        for _ in 0..kills {
            drop(kill_somewhere(Running::start("export", &path), 6, rng));
            if let Ok(file) = File::open(&text) {
                match import(BufReader::new(file)) {
                    Ok(read) => assert!(read == contents),
                    Err(_) => refused += 1,
                }
            }
        }
        println!("export: {kills} kills, {refused} cut");
        let mut store = RedbStore::open(&path, RETENTION).unwrap();
        assert!(store.load().unwrap() == contents);
    });
}

#[test]
fn an_import_that_was_killed_leaves_a_whole_store_or_none() {
    share(crashes() / 8, |kills, rng| {
        let folder = folder();
        let path = folder.path().join("ledger");
        let contents = filled(&path);
        let text = File::create(folder.path().join("ledger.export")).unwrap();
        cloudlot_store::write_lines(&contents, text).unwrap();
        let new = folder.path().join("ledger.new");
        let mut whole = 0;
        for _ in 0..kills {
            drop(kill_somewhere(Running::start("import", &path), 2, rng));
            if new.exists() {
                let mut store = RedbStore::open(&new, RETENTION).unwrap();
                assert!(store.load().unwrap() == contents);
                whole += 1;
                fs::remove_file(&new).unwrap();
            }
        }
        println!("import: {kills} kills, {whole} whole");
        assert!(whole > 0 && whole < kills);
    });
}

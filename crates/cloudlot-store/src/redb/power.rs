//! The loss of power: what was written since the last barrier reaches the disk in part, sector
//! by sector, in any order.

use super::create::start;
use super::damage::{RETENTION, batch, engine, memory};
use super::disk::Disk;
use crate::{Contents, Outcome, Revision};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

const SECTOR: usize = 512;

#[derive(Clone, Debug)]
enum Step {
    Write(u64, Vec<u8>),
    Length(u64),
    Barrier,
}

/// A disk that writes down what is asked of it.
#[derive(Debug)]
struct Recorder {
    inner: InMemoryBackend,
    steps: Mutex<Vec<Step>>,
}

impl Recorder {
    fn note(&self, step: Step) {
        self.steps.lock().unwrap().push(step);
    }
}

impl StorageBackend for Recorder {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.note(Step::Length(length));
        self.inner.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.note(Step::Barrier);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.note(Step::Write(offset, data.to_vec()));
        self.inner.write(offset, data)
    }
}

/// A life of a store: every step on its disk, and the contents after each answer, with the
/// number of steps made by then.
fn life() -> (Vec<Step>, Vec<(usize, Contents)>) {
    let recorder = Arc::new(Recorder {
        inner: InMemoryBackend::new(),
        steps: Mutex::default(),
    });
    let disk = Disk::new(Arc::clone(&recorder) as Arc<dyn StorageBackend>);
    let made = || recorder.steps.lock().unwrap().len();
    let path = Path::new("ledger");
    let mut engine = start(path, disk, &Contents::default(), RETENTION).unwrap();
    let mut answers = vec![(made(), engine.load().unwrap())];
    for number in 1..=24 {
        let group: Vec<_> = (0..number % 3 + 1)
            .map(|part| batch(number * 3 + part))
            .collect();
        let outcomes = engine.commit(&group).unwrap();
        assert!(
            outcomes
                .iter()
                .all(|outcome| matches!(outcome, Outcome::Committed(_)))
        );
        answers.push((made(), engine.load().unwrap()));
        if number % 8 == 0 {
            engine.compact(Revision::new(number)).unwrap();
        }
    }
    drop(engine);
    let steps = recorder.steps.lock().unwrap().clone();
    (steps, answers)
}

/// The disk after power was lost behind `cut` steps.
fn after_the_cut(steps: &[Step], cut: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<u8> {
    let barrier = |step: &Step| matches!(step, Step::Barrier);
    let safe = steps[..cut].iter().rposition(barrier).unwrap_or(0);
    let kept = rng.random_range(0..=8);
    let mut disk = Vec::new();
    for (number, step) in steps[..cut].iter().enumerate() {
        let mut reaches = || number < safe || rng.random_ratio(kept, 8);
        match step {
            Step::Barrier => {}
            Step::Length(length) => {
                if reaches() {
                    disk.resize(usize::try_from(*length).unwrap(), 0);
                }
            }
            Step::Write(offset, data) => {
                let start = usize::try_from(*offset).unwrap();
                for (index, sector) in data.chunks(SECTOR).enumerate() {
                    let at = start + index * SECTOR;
                    if reaches() && at + sector.len() <= disk.len() {
                        disk[at..at + sector.len()].copy_from_slice(sector);
                    }
                }
            }
        }
    }
    disk
}

#[test]
fn what_was_acknowledged_survives_the_loss_of_power() {
    let (steps, answers) = life();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let first = answers[0].0;
    let mut later = 0;
    for turn in 0..1500 {
        let cut = rng.random_range(first..=steps.len());
        let disk = after_the_cut(&steps, cut, &mut rng);
        let acknowledged = answers.iter().take_while(|(made, _)| *made <= cut).count() - 1;
        let found = engine(memory(&disk))
            .and_then(|engine| engine.load())
            .unwrap_or_else(|error| panic!("turn {turn}, cut behind {cut}: {error}"));
        let same = |(_, contents): &&(usize, Contents)| contents.revision == found.revision;
        let (index, expected) = answers
            .iter()
            .enumerate()
            .find(|(_, answer)| same(answer))
            .unwrap();
        assert!(
            index >= acknowledged,
            "turn {turn}, cut behind {cut}: {acknowledged} were acknowledged, {index} are there"
        );
        assert!(
            found.records == expected.1.records,
            "turn {turn}, cut behind {cut}"
        );
        later += usize::from(index > acknowledged);
    }
    println!(
        "{} steps, {later} of 1500 cuts kept an unanswered group",
        steps.len()
    );
    assert!(later > 0);
}

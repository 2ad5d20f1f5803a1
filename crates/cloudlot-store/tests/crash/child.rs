//! The processes that are killed, and how the test talks with them.

use crate::work::{self, AT_A_TIME, RETENTION};
use cloudlot_store::{Contents, LedgerStore, Outcome, RedbStore, import, write_lines};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio, exit};
use std::time::Duration;

const JOB: &str = "CLOUDLOT_CRASH_JOB";
const PATH: &str = "CLOUDLOT_CRASH_PATH";

/// What a child is to do.
pub(crate) struct Job {
    name: String,
    path: PathBuf,
}

impl Job {
    /// The job of this process, if it is a child.
    pub(crate) fn ours() -> Option<Self> {
        let name = std::env::var(JOB).ok()?;
        let path = std::env::var_os(PATH)?.into();
        Some(Self { name, path })
    }
}

/// Works until it is killed, or until nobody listens.
pub(crate) fn child_at_work(job: &Job) -> ! {
    match job.name.as_str() {
        "commit" => commit(&job.path, false),
        "compact" => commit(&job.path, true),
        "export" => export_forever(&job.path),
        _ => import_forever(&job.path),
    }
}

/// A line at once, in one write.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    if out
        .write_all(format!("{line}\n").as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        exit(0);
    }
}

/// Tells what is there, then commits on all lanes and tells each batch that was acknowledged.
fn commit(path: &Path, compact: bool) -> ! {
    let mut store = RedbStore::open_or_create(path, RETENTION).unwrap();
    let contents = store.load().unwrap();
    let mut text = Vec::from(*b"\n");
    write_lines(&contents, &mut text).unwrap();
    tell(str::from_utf8(&text).unwrap().trim_end_matches('\n'));
    let numbers = work::numbers(&contents);
    std::thread::scope(|scope| {
        for (lane, last) in numbers.into_iter().enumerate() {
            let store = store.clone();
            scope.spawn(move || count(store, lane, last + 1, compact && lane == 0));
        }
    });
    exit(1);
}

fn count(mut store: RedbStore, lane: usize, start: u64, compact: bool) {
    for first in (start..).step_by(usize::try_from(AT_A_TIME).unwrap()) {
        let numbers = first..first + AT_A_TIME;
        let batches = numbers.clone().map(|number| work::batch(lane, number));
        let tickets = store.submit_all(batches.collect());
        for (number, ticket) in numbers.zip(tickets) {
            match ticket.wait(Duration::from_secs(60)) {
                Outcome::Committed(_) => tell(&format!("committed {lane} {number}")),
                other => panic!("batch {number} of lane {lane}: {other:?}"),
            }
        }
        if compact {
            let now = store.load().unwrap().revision;
            store.compact(now).unwrap();
        }
    }
}

/// Exports to the same file again and again.
fn export_forever(path: &Path) -> ! {
    loop {
        let mut store = RedbStore::open(path, RETENTION).unwrap();
        for _ in 0..5 {
            let out = File::create(path.with_extension("export")).unwrap();
            cloudlot_store::export(&mut store, BufWriter::with_capacity(512, out)).unwrap();
            tell("exported");
        }
    }
}

/// Makes stores from an export; the first stays until somebody takes it away.
fn import_forever(path: &Path) -> ! {
    let text = File::open(path.with_extension("export")).unwrap();
    let contents = import(BufReader::new(text)).unwrap();
    let new = path.with_extension("new");
    loop {
        drop(fs::remove_file(&new));
        drop(RedbStore::create(&new, &contents, RETENTION).unwrap());
        tell("imported");
    }
}

/// A child under way.
pub(crate) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    text: String,
}

/// What a child told before it was killed.
pub(crate) struct Seen {
    /// What it found on opening, if it got that far.
    pub(crate) contents: Option<Contents>,
    /// Lane and number of batches, in order.
    pub(crate) acknowledged: Vec<(usize, u64)>,
}

impl Running {
    /// Starts a child.
    pub(crate) fn start(job: &str, path: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(JOB, job)
            .env(PATH, path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let text = String::new();
        Self { child, out, text }
    }

    /// Waits for that many of its answers.
    pub(crate) fn read(&mut self, mut answers: usize) {
        while answers > 0 {
            let start = self.text.len();
            let length = self.out.read_line(&mut self.text).unwrap();
            assert!(length > 0, "the child ended by itself: {}", self.text);
            let line = &self.text[start..];
            let answer = ["committed ", "exported", "imported"];
            answers -= usize::from(answer.iter().any(|word| line.starts_with(word)));
        }
    }

    /// Kills it; what it told until then was told before.
    pub(crate) fn kill(mut self) -> Seen {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(
            status.code(),
            None,
            "the child ended by itself: {}",
            self.text
        );
        self.out.read_to_string(&mut self.text).unwrap();
        seen(&self.text)
    }
}

fn seen(text: &str) -> Seen {
    // A last line without its end may be a part of one.
    let lines = || {
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
    };
    let told: String = lines()
        .skip_while(|line| !line.starts_with("cloudlot-store-export"))
        .take_while(|line| !line.starts_with("committed"))
        .collect();
    let whole = told
        .lines()
        .last()
        .is_some_and(|line| line.starts_with("end "));
    let contents = whole.then(|| import(told.as_bytes()).unwrap());
    let acknowledged = lines().filter_map(|line| {
        let (lane, number) = line
            .trim_end()
            .strip_prefix("committed ")?
            .split_once(' ')?;
        Some((lane.parse().unwrap(), number.parse().unwrap()))
    });
    let acknowledged = acknowledged.collect();
    Seen {
        contents,
        acknowledged,
    }
}

//! Processes with a durable ledger that are really killed, at random points: what they acknowledged is there, gangs are
//! whole, and the amounts are right.
//!
//! `CLOUDLOT_CRASHES` divided by ten says how many processes are killed.

#![cfg(feature = "redb")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use cloudlot_core::ledger::{Ledger, LedgerConfig, Placement, Plan, Step, View, audit};
use cloudlot_core::{Kind, Request, RequestKey, Resource, ResourceId, Timestamp, cores};
use cloudlot_store::durable::{DurableConfig, DurableLedger, SharedLedger};
use cloudlot_store::{RedbStore, Retention};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio, exit};
use std::time::Duration;

const PATH: &str = "CLOUDLOT_LEDGER_CRASH_PATH";
/// Processes that are killed, and how many one file goes through.
const KILLS: usize = 100;
const ROUNDS: usize = 50;
/// Threads of a process, and the members of a gang, more than a transaction takes.
const LANES: u32 = 3;
const GANG: u32 = 130;

const NOW: Timestamp = Timestamp::ZERO;
const CONFIG: DurableConfig = DurableConfig {
    ledger: LedgerConfig {
        journal: 1 << 12,
        ended_keys: 600,
    },
    patience: Duration::from_secs(60),
};

fn open(path: &Path) -> DurableLedger<RedbStore> {
    let store = RedbStore::open_or_create(
        path,
        Retention {
            changes: 16,
            keys: 64,
        },
    )
    .unwrap();
    DurableLedger::open(store, CONFIG, NOW).unwrap()
}

/// The key of a lane's reservation: member 0 stands alone, the others are a gang.
fn key(lane: u32, number: u32, member: u32) -> RequestKey {
    RequestKey(u128::from(lane) << 64 | u128::from(number) << 16 | u128::from(member))
}

fn parts(key: RequestKey) -> (u32, u32, u32) {
    let part =
        |shift: u32, bits: u32| u32::try_from(key.0 >> shift & ((1_u128 << bits) - 1)).unwrap();
    (part(64, 32), part(16, 32), part(0, 16))
}

fn request(key: RequestKey) -> Request {
    let request = Request::new("work").key(key).part([cores(1)]);
    request.hold_for(Duration::from_secs(1)).build().unwrap()
}

/// What runs in the processes that are killed; without a path it is no test.
#[test]
fn child() {
    if let Some(path) = std::env::var_os(PATH) {
        work(Path::new(&path));
    }
}

fn work(path: &Path) -> ! {
    let mut ledger = open(path);
    let node = match ledger.provisional().state().find("n1") {
        Some(node) => node,
        None => {
            let node = Resource::node("n1")
                .capacity([cores(1_000_000)])
                .build()
                .unwrap();
            let added = ledger.add(node, NOW).unwrap();
            ledger.wait(&added).unwrap()
        }
    };
    let last = last_numbers(ledger.provisional());
    tell("open");
    let ledger = SharedLedger::new(ledger);
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let (ledger, start) = (ledger.clone(), last.get(&lane).copied().unwrap_or(0) + 1);
            scope.spawn(move || live(&ledger, node, lane, start));
        }
    });
    exit(1);
}

/// The last number of each lane, ended ones included.
fn last_numbers(ledger: &Ledger) -> BTreeMap<u32, u32> {
    let mut last = BTreeMap::new();
    for record in ledger.records() {
        use cloudlot_core::ledger::RecordName::{EndedKey, Reservation};
        if let Some(Reservation(key) | EndedKey(key)) = record.name() {
            let (lane, number, _) = parts(key);
            let known = last.entry(lane).or_insert(0);
            *known = number.max(*known);
        }
    }
    last
}

fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    let told = out
        .write_all(format!("{line}\n").as_bytes())
        .and_then(|()| out.flush());
    if told.is_err() {
        exit(0);
    }
}

/// Reserves, confirms and releases one after the other, and now and then a gang; tells what is durable.
fn live(ledger: &SharedLedger<RedbStore>, node: ResourceId, lane: u32, start: u32) {
    for number in start.. {
        let done = |what: &str, number: u32| tell(&format!("ok {lane} {number} {what}"));
        let reserved = ledger
            .lock()
            .reserve(&request(key(lane, number, 0)), node, NOW)
            .unwrap();
        let grant = ledger.wait(&reserved).unwrap();
        done("reserved", number);
        let confirmed = ledger.lock().confirm(grant.id, NOW).unwrap();
        ledger.wait(&confirmed).unwrap();
        done("confirmed", number);
        if number % 4 == 1 {
            let committed = {
                let mut ledger = ledger.lock();
                let plan = gang(ledger.provisional(), node, lane, number);
                ledger.commit(&plan, NOW).unwrap()
            };
            assert_eq!(
                ledger.wait(&committed).unwrap().len(),
                usize::try_from(GANG).unwrap()
            );
            done("ganged", number);
        }
        if number % 4 == 3 && number > 2 {
            let committed = {
                let mut ledger = ledger.lock();
                let plan = farewell(ledger.provisional(), lane, number - 2);
                ledger.commit(&plan, NOW).unwrap()
            };
            ledger.wait(&committed).unwrap();
            done("parted", number - 2);
        }
        let before = number.saturating_sub(3);
        let old = ledger.lock().provisional().find_key(key(lane, before, 0));
        if let Some(old) = old.filter(|old| {
            ledger
                .lock()
                .provisional()
                .state()
                .reservation(old.id)
                .is_some()
        }) {
            let released = ledger.lock().release(old.id, NOW).unwrap();
            ledger.wait(&released).unwrap();
            done("released", before);
        }
    }
}

fn gang(ledger: &Ledger, node: ResourceId, lane: u32, number: u32) -> Plan {
    let mut view = View::of(ledger);
    let mut draft = view.draft(NOW);
    for member in 1..=GANG {
        draft
            .reserve(&request(key(lane, number, member)), &Placement::on(node))
            .unwrap();
    }
    draft.finish()
}

/// A plan that ends a gang at once.
fn farewell(ledger: &Ledger, lane: u32, number: u32) -> Plan {
    let mut plan = View::of(ledger).draft(NOW).finish();
    let grants = (1..=GANG).filter_map(|member| ledger.find_key(key(lane, number, member)));
    let live = grants.filter(|grant| ledger.state().reservation(grant.id).is_some());
    plan.steps = live
        .map(|grant| Step::Evict {
            reservation: grant.id,
            at: NOW,
        })
        .collect();
    plan
}

/// How far something has come; it never goes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stage {
    Reserved,
    Confirmed,
    Gone,
}

/// What has been acknowledged: by lane, number, and whether it is a gang.
type Known = BTreeMap<(u32, u32, bool), Stage>;

fn acknowledged(text: &str, known: &mut Known) -> usize {
    let mut count = 0;
    for line in text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["ok", lane, number, what] = words[..] else {
            continue;
        };
        let (gang, stage) = match what {
            "reserved" => (false, Stage::Reserved),
            "confirmed" => (false, Stage::Confirmed),
            "released" => (false, Stage::Gone),
            "ganged" => (true, Stage::Reserved),
            _ => (true, Stage::Gone),
        };
        known.insert(
            (lane.parse().unwrap(), number.parse().unwrap(), gang),
            stage,
        );
        count += 1;
    }
    count
}

/// Everything that was acknowledged is there, and at most one thing more for each lane; how many things more.
fn check(ledger: &Ledger, known: &mut Known) -> usize {
    let state = ledger.state();
    assert_eq!(audit(state), []);
    let mut found = Known::new();
    let mut gangs: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for (_, reservation) in state.reservations() {
        let (lane, number, member) = parts(reservation.key().unwrap());
        let stage = if reservation.is_confirmed() {
            Stage::Confirmed
        } else {
            Stage::Reserved
        };
        found.insert((lane, number, member > 0), stage);
        if member > 0 {
            *gangs.entry((lane, number)).or_default() += 1;
        }
    }
    assert!(gangs.values().all(|members| *members == GANG), "{gangs:?}");
    if let Some(node) = state.find("n1") {
        let held = u64::try_from(state.reservation_count()).unwrap() * 1000;
        let limit = state.limit(node).get(Kind::CPU);
        assert_eq!(state.free(node).get(Kind::CPU), limit - held);
    }
    let mut ahead = BTreeSet::new();
    for (&what, &stage) in known.iter() {
        let now = found.get(&what).copied().unwrap_or(Stage::Gone);
        assert!(
            now >= stage,
            "{what:?} was acknowledged as {stage:?}, and is {now:?}"
        );
        if now > stage {
            assert!(
                ahead.insert(what.0),
                "lane {} is ahead by more than one: {what:?}",
                what.0
            );
        }
    }
    for what in found.keys().filter(|what| !known.contains_key(what)) {
        assert!(
            ahead.insert(what.0),
            "lane {} is ahead by more than one: {what:?}",
            what.0
        );
    }
    known.retain(|what, _| found.contains_key(what));
    known.extend(found);
    ahead.len()
}

#[test]
fn acknowledged_grants_survive_kills() {
    let asked = std::env::var("CLOUDLOT_CRASHES").ok();
    let kills = asked.map_or(KILLS, |count| {
        count.parse::<usize>().expect("a number") / 10
    });
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let (mut answers, mut ahead, mut gangs) = (0, 0, 0);
    for _ in 0..kills.div_ceil(ROUNDS) {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().join("ledger");
        let mut known = Known::new();
        for _ in 0..ROUNDS.min(kills) {
            let text = run_and_kill(&path, &mut rng);
            answers += acknowledged(&text, &mut known);
            ahead += check(open(&path).provisional(), &mut known);
            gangs += known.keys().filter(|(.., gang)| *gang).count();
        }
    }
    println!(
        "{kills} kills, {answers} answers, {gangs} gangs seen, {ahead} lanes found ahead of their answers"
    );
    assert!(answers > kills && gangs > 0 && ahead > 0);
}

/// Runs a process to a random point and kills it there; what it had told.
fn run_and_kill(path: &Path, rng: &mut Xoshiro256PlusPlus) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(PATH, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    let early = rng.random_ratio(1, 8);
    let mut lines = if early { 0 } else { rng.random_range(1..40) };
    while lines > 0 {
        let start = text.len();
        assert!(
            out.read_line(&mut text).unwrap() > 0,
            "the child ended by itself: {text}"
        );
        lines -= usize::from(text[start..].starts_with("ok ") || text[start..].starts_with("open"));
    }
    let turns = if early { 400_000 } else { 20_000 };
    (0..rng.random_range(0..turns)).for_each(|_: u32| std::hint::spin_loop());
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "the child ended by itself: {text}");
    out.read_to_string(&mut text).unwrap();
    text
}

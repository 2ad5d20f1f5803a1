//! Memory: a guest that eats is fed from idle guests, and no floor is broken on the way.

use cloudlot_core::Bytes;
use cloudlot_examples::lab::Guest;

use crate::host::Balloon;
use crate::program::{COORDINATOR, Run};
use crate::stage::{self, Stage, wait_for};

/// What an idle guest keeps unused, in MiB.
const UNUSED_MIN: u64 = 100;
/// What every guest keeps, in MiB.
const SIZE_MIN: u64 = 200;
/// What the host keeps available, in MiB.
const AVAILABLE_MIN: u64 = 200;

/// What the eater comes to hold, and how fast: within the course's 17 to 28 MiB/s.
const FOOD: Bytes = Bytes::mib(400);
const BITE: Bytes = Bytes::mib(20);

/// Cycles in which the eater must be full and the idle guests slim: twice the time of eating.
const CYCLES: u32 = 30;

fn balloon(stage: &Stage, guest: &Guest) -> Balloon {
    Balloon::read(stage.virsh(), &guest.domain())
}

fn is_full(eater: &Guest) -> bool {
    let held = eater.ask("held").unwrap();
    held.starts_with(&format!("{0} {0} done", FOOD.whole_mib()))
}

fn assert_floors(stage: &Stage, idle: &[Guest], available: u64) {
    for guest in idle {
        let balloon = balloon(stage, guest);
        assert!(
            balloon.actual >= SIZE_MIN && balloon.unused.unwrap() >= UNUSED_MIN,
            "{} is below a floor: {balloon:?}",
            guest.domain()
        );
    }
    assert!(
        available >= AVAILABLE_MIN,
        "the host is below its floor: {available} MiB"
    );
}

#[test]
fn a_guest_that_eats_is_fed_from_idle_guests() {
    let stage = stage::take();
    let state = tempfile::tempdir().unwrap();
    let before = stage.settings();
    let (eater, idle) = stage.guests.split_first().unwrap();
    let sizes = |guests: &[Guest]| -> u64 {
        let size = |guest| balloon(&stage, guest).actual;
        guests.iter().map(size).sum()
    };
    let (eater_before, idle_before) = (balloon(&stage, eater).actual, sizes(idle));

    let mut run = Run::start(COORDINATOR, stage.lab.uri(), state.path(), &[]);
    // The first cycle asks for statistics, and there is a picture once guests have told some.
    wait_for("a picture of the host's memory", || {
        let told = |guest| balloon(&stage, guest).unused.is_some();
        !run.cycle().is_blind() && stage.guests.iter().all(told)
    });
    eater.eat_steadily(FOOD, BITE).unwrap();
    let mut cycles = 0;
    while !is_full(eater) {
        cycles += 1;
        assert!(
            cycles <= CYCLES,
            "the eater is not fed: {:?}, {:?}",
            eater.ask("held"),
            balloon(&stage, eater)
        );
        let cycle = run.cycle();
        let failed = cycle.steps().iter().find(|step| step["outcome"] != "done");
        assert_eq!(failed, None, "{cycle:?}");
        assert_floors(&stage, idle, cycle.available());
    }

    let grown = balloon(&stage, eater).actual.saturating_sub(eater_before);
    let given = idle_before.saturating_sub(sizes(idle));
    assert!(
        grown + eater_before >= FOOD.whole_mib() + UNUSED_MIN,
        "the eater is full with {eater_before} + {grown} MiB"
    );
    assert!(
        given >= grown,
        "idle guests gave {given} MiB, and the eater got {grown} MiB"
    );
    for (guest, before) in idle.iter().zip(&before[1..]) {
        let actual = balloon(&stage, guest).actual;
        assert!(
            actual << 10 < before.target_kib,
            "{} gave nothing: {actual} MiB",
            guest.domain()
        );
    }

    // Only a guest that does not need it can be made small again.
    eater.free().unwrap();
    wait_for("the eater to be seen with room", || {
        run.cycle();
        let balloon = balloon(&stage, eater);
        let used = balloon.actual - balloon.unused.unwrap();
        used + UNUSED_MIN <= eater_before
    });
    run.end();
    stage.wait_until_back(&before, "after SIGINT");
}

#[test]
fn a_dry_run_asks_for_nothing() {
    let stage = stage::take();
    let state = tempfile::tempdir().unwrap();
    let before = stage.settings();
    let mut run = Run::start(COORDINATOR, stage.lab.uri(), state.path(), &["--dry-run"]);
    let mut planned = 0;
    for _ in 0..3 {
        let cycle = run.cycle();
        planned += cycle.steps().len();
        for step in cycle.steps() {
            assert_eq!(step["outcome"], "planned", "{cycle:?}");
        }
    }
    assert!(
        planned > 0,
        "nothing planned: no statistics are asked for yet"
    );
    run.end();
    assert_eq!(stage.settings(), before, "a dry run changed something");
}

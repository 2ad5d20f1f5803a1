//! The way back: whatever way the programs end, guests are as they were.

use std::path::Path;

use crate::host::Settings;
use crate::program::{self, COORDINATOR, Run, SCHEDULER};
use crate::stage::{self, Stage, wait_for};

/// Both programs, after both have changed something of what they found.
fn both_at_work(stage: &Stage, state: &Path, before: &[Settings]) -> [Run; 2] {
    let uri = stage.lab.uri();
    let mut runs = [SCHEDULER, COORDINATOR].map(|program| Run::start(program, uri, state, &[]));
    wait_for("masks, targets and periods to change", || {
        for run in &mut runs {
            run.cycle();
        }
        let now = stage.settings();
        let changed = |differs: fn(&Settings, &Settings) -> bool| {
            before.iter().zip(&now).any(|(was, is)| differs(was, is))
        };
        changed(|was, is| was.pins != is.pins)
            && changed(|was, is| was.target_kib != is.target_kib)
            && changed(|was, is| was.period_s != is.period_s)
    });
    runs
}

/// A stage where there is something to do, and where each kind of setting has two values.
fn untidy() -> (std::sync::MutexGuard<'static, Stage>, Vec<Settings>) {
    let stage = stage::take();
    stage.pile_up();
    let last = &stage.guests[stage.guests.len() - 1];
    stage.pin(last, "0-1");
    let period = ["dommemstat", &last.domain(), "--period", "7", "--live"];
    stage.virsh().run(&period).unwrap();
    let before = stage.settings();
    (stage, before)
}

#[test]
fn sigint_puts_back_what_both_programs_changed() {
    let (stage, before) = untidy();
    let state = tempfile::tempdir().unwrap();
    let runs = both_at_work(&stage, state.path(), &before);
    stage.calm();
    for run in runs {
        run.end();
    }
    stage.wait_until_back(&before, "after SIGINT");
    for program in [SCHEDULER, COORDINATOR] {
        program::restore(program, stage.lab.uri(), state.path());
    }
    stage.wait_until_back(&before, "after restoring nothing");
}

#[test]
fn restore_puts_back_what_killed_programs_changed() {
    let (stage, before) = untidy();
    let state = tempfile::tempdir().unwrap();
    let runs = both_at_work(&stage, state.path(), &before);
    for run in runs {
        run.crash();
    }
    stage.calm();
    assert_ne!(stage.settings(), before, "kill -9 put something back");
    for program in [SCHEDULER, COORDINATOR] {
        program::restore(program, stage.lab.uri(), state.path());
    }
    stage.wait_until_back(&before, "after kill -9 and restore");
}

#[test]
fn a_second_scheduler_is_refused() {
    let stage = stage::take();
    let state = tempfile::tempdir().unwrap();
    let (uri, state) = (stage.lab.uri(), state.path());
    let mut first = Run::start(SCHEDULER, uri, state, &[]);
    first.cycle();
    let second = program::output(SCHEDULER, uri, state, &["--cycles", "1"]);
    let complaint = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("another vcpu-scheduler"), "{complaint}");
    first.cycle();
    first.end();
}

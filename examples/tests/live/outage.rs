//! The daemon crashes and comes back: the programs go on, from what they see anew.

use crate::cpu;
use crate::program::{COORDINATOR, Cycle, Run, SCHEDULER};
use crate::stage;

/// The first cycle that sees the host again, after at least one that did not.
fn back_again(run: &mut Run, resume: impl FnOnce()) -> Cycle {
    while run.any_cycle().error().is_none() {}
    resume();
    loop {
        let cycle = run.any_cycle();
        if cycle.error().is_none() {
            return cycle;
        }
    }
}

#[test]
fn after_an_outage_only_new_samples_count() {
    let mut stage = stage::take();
    let state = tempfile::tempdir().unwrap();
    stage.pile_up();
    let before = stage.settings();
    let mut memory = Run::start(COORDINATOR, stage.lab.uri(), state.path(), &[]);
    let mut run = Run::start(SCHEDULER, stage.lab.uri(), state.path(), &[]);
    assert!(run.cycle().is_blind());
    // One whole sample of the pile: with one more the scheduler would act.
    assert!(run.cycle().steps().is_empty());

    let lab = &mut stage.lab;
    lab.crash_daemon().unwrap();
    let first = back_again(&mut run, || lab.resume_daemon().unwrap());
    cpu::let_spread(&mut run, first);
    cpu::assert_spread(&stage, &stage.guests);

    let again = back_again(&mut memory, || {});
    assert!(!again.is_blind(), "{again:?}");

    stage.calm();
    run.end();
    memory.end();
    stage.wait_until_back(&before, "after an outage and SIGINT");
}

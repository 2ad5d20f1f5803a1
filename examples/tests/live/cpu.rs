//! vCPUs: everything piled up on one pCPU is spread, and then left alone.

use std::collections::BTreeMap;

use cloudlot_examples::lab::Guest;

use crate::host;
use crate::program::{Cycle, Run, SCHEDULER};
use crate::stage::{self, Stage};

/// Cycles in which the load must be spread, the first with two whole samples included.
const CYCLES_TO_SPREAD: u64 = 5;
/// Cycles that then pass without a pin.
const QUIET_CYCLES: usize = 20;
/// Cycles to see a load that changed in mid-run: one that it changed in, two whole ones, and the
/// four that the planner may wait for agreement.
const CYCLES_TO_SETTLE: usize = 7;

/// vCPUs of `busy` guests on each online pCPU, by the masks that `virsh` tells.
fn crowds<'a>(stage: &Stage, busy: impl IntoIterator<Item = &'a Guest>) -> BTreeMap<u32, usize> {
    let online = host::online_pcpus(stage.virsh());
    let mut crowds: BTreeMap<u32, usize> = online.iter().map(|&pcpu| (pcpu, 0)).collect();
    for domain in busy.into_iter().map(Guest::domain) {
        for (vcpu, cpus) in host::pins(stage.virsh(), &domain) {
            let pcpu: Option<u32> = cpus.parse().ok();
            let crowd = pcpu.and_then(|pcpu| crowds.get_mut(&pcpu));
            *crowd.unwrap_or_else(|| {
                panic!("{domain} vcpu {vcpu} runs on {cpus}, not on one pCPU")
            }) += 1;
        }
    }
    crowds
}

/// Fully busy vCPUs are spread when no pCPU has more of them than another; where their number is
/// no multiple of the pCPUs', when the difference is the one that must be.
pub(crate) fn assert_spread<'a>(stage: &Stage, busy: impl IntoIterator<Item = &'a Guest>) {
    let crowds = crowds(stage, busy);
    let vcpus: usize = crowds.values().sum();
    let (most, least) = (
        crowds.values().max().unwrap(),
        crowds.values().min().unwrap(),
    );
    let must = usize::from(!vcpus.is_multiple_of(crowds.len()));
    assert_eq!(most - least, must, "busy vCPUs by pCPU: {crowds:?}");
}

/// Reads cycles from the first on, and returns when the time to spread the load is over.
///
/// Nothing may be done before there are two samples.
pub(crate) fn let_spread(run: &mut Run, first: Cycle) {
    assert!(first.is_blind() && first.steps().is_empty(), "{first:?}");
    let one_sample = run.cycle();
    assert!(!one_sample.is_blind(), "{one_sample:?}");
    let two_samples = one_sample.number() + 1;
    let mut last = one_sample;
    while last.number() + 1 < two_samples + CYCLES_TO_SPREAD {
        last = run.cycle();
        let bad = last.steps().iter().find(|step| step["outcome"] != "done");
        assert_eq!(bad, None, "a step failed: {last:?}");
    }
}

fn assert_loads_spread(cycle: &Cycle, vcpus: u32) {
    let loads = cycle.loads();
    let sum: f64 = loads.iter().sum();
    assert!(
        sum > 0.8 * f64::from(vcpus),
        "{vcpus} busy vCPUs are seen as {sum:.2}: {cycle:?}"
    );
    let difference = loads.iter().copied().fold(f64::MIN, f64::max)
        - loads.iter().copied().fold(f64::MAX, f64::min);
    let must = if (vcpus as usize).is_multiple_of(loads.len()) {
        0.0
    } else {
        1.0
    };
    assert!(
        difference < must + 1.0,
        "vCPU demand by pCPU differs by {difference:.2}: {loads:?}"
    );
}

/// Two guests with one vCPU on one pCPU, and all others; where no two share one, only others.
fn two_of_one_pcpu(stage: &Stage) -> (Vec<&Guest>, Vec<&Guest>) {
    let mut places: BTreeMap<String, Vec<&Guest>> = BTreeMap::new();
    for guest in stage.guests.iter().filter(|guest| guest.spec().vcpus == 1) {
        let place = host::pins(stage.virsh(), &guest.domain()).remove(&0);
        places.entry(place.unwrap()).or_default().push(guest);
    }
    let shared = places.into_values().find(|guests| guests.len() >= 2);
    let idle: Vec<&Guest> = shared.into_iter().flatten().take(2).collect();
    let is_idle = |guest: &Guest| idle.iter().any(|idle| idle.uuid() == guest.uuid());
    let busy = stage
        .guests
        .iter()
        .filter(|guest| !is_idle(guest))
        .collect();
    (idle, busy)
}

#[test]
fn piled_up_vcpus_are_spread_in_five_cycles_and_then_stay() {
    let stage = stage::take();
    let state = tempfile::tempdir().unwrap();
    stage.pile_up();
    let before = stage.settings();

    let mut run = Run::start(SCHEDULER, stage.lab.uri(), state.path(), &[]);
    let first = run.cycle();
    let_spread(&mut run, first);
    assert_spread(&stage, &stage.guests);

    let spread = stage.settings();
    let vcpus = stage.guests.iter().map(|guest| guest.spec().vcpus).sum();
    for _ in 0..QUIET_CYCLES {
        let cycle = run.cycle();
        assert!(cycle.steps().is_empty(), "a pin after balance: {cycle:?}");
        assert_loads_spread(&cycle, vcpus);
    }
    assert_eq!(stage.settings(), spread, "masks changed without a step");

    // Two that share a pCPU fall idle, and what is left there is no match for the others.
    let (idle, busy) = two_of_one_pcpu(&stage);
    for guest in idle {
        guest.burn(0).unwrap();
    }
    for _ in 0..CYCLES_TO_SETTLE {
        run.cycle();
    }
    assert_spread(&stage, busy);

    stage.calm();
    run.end();
    stage.wait_until_back(&before, "after SIGINT");
}

#[test]
fn a_dry_run_changes_nothing() {
    let stage = stage::take();
    let state = tempfile::tempdir().unwrap();
    stage.pile_up();
    let before = stage.settings();
    let mut run = Run::start(SCHEDULER, stage.lab.uri(), state.path(), &["--dry-run"]);
    let planned = loop {
        let cycle = run.cycle();
        assert!(cycle.number() <= 2 + CYCLES_TO_SPREAD, "no plan: {cycle:?}");
        if !cycle.steps().is_empty() {
            break cycle;
        }
    };
    for step in planned.steps() {
        assert_eq!(step["outcome"], "planned", "{planned:?}");
    }
    run.cycle();
    stage.calm();
    run.end();
    assert_eq!(stage.settings(), before, "a dry run changed something");
}

//! Guests that end between a sample and what follows from it: nobody else may notice.

use std::sync::Arc;
use std::time::Duration;

use cloudlot_core::{Clock, SystemClock};
use cloudlot_examples::lab::{Guest, Virsh};
use cloudlot_hv::libvirt::{Access, Libvirt};
use cloudlot_hv::memory::{MemoryConfig, MemoryController};
use cloudlot_hv::pins::{PinConfig, PinController};
use cloudlot_hv::{
    Controller, Cycle, CycleReport, DomainId, HostPlan, HostSample, HostStep, HvError, Mode,
    Original, Outcome,
};

use crate::cpu;
use crate::host;
use crate::program::{Run, SCHEDULER};
use crate::stage::{self, Stage, pause};

const INTERVAL: Duration = Duration::from_secs(2);

/// Plans like another controller, and pulls the plug of a guest that the plan is about.
struct Saboteur<C> {
    plans: C,
    virsh: Virsh,
    is_worth_it: fn(&HostStep) -> bool,
    victim: Option<DomainId>,
}

impl<C: Controller> Controller for Saboteur<C> {
    fn plan(&mut self, sample: &HostSample) -> HostPlan {
        let plan = self.plans.plan(sample);
        let steps = plan.steps.iter().map(|planned| &planned.step);
        let domain = steps
            .filter(|step| (self.is_worth_it)(step))
            .map(HostStep::domain)
            .next();
        if let (None, Some(domain)) = (self.victim, domain) {
            self.virsh.run(&["destroy", &domain.to_string()]).unwrap();
            self.victim = Some(domain);
        }
        plan
    }

    fn observe(&mut self, report: &CycleReport) {
        self.plans.observe(report);
    }

    fn forget_samples(&mut self) {
        self.plans.forget_samples();
    }
}

/// Turns a cycle until the saboteur has struck, and for two turns more: in its turn the victim's
/// steps fail as those of a domain that is gone, and all others are done.
fn sabotage<C: Controller>(
    stage: &Stage,
    plans: C,
    is_worth_it: fn(&HostStep) -> bool,
) -> DomainId {
    let clock = SystemClock::start();
    let uri = stage.lab.uri();
    let host = Libvirt::open(uri, Access::ReadWriteElseReadOnly, Arc::new(clock.clone())).unwrap();
    let saboteur = Saboteur {
        plans,
        virsh: stage.virsh().clone(),
        is_worth_it,
        victim: None,
    };
    let journal: Vec<Original> = Vec::new();
    let mut cycle = Cycle::new(host, saboteur, journal, Mode::Act, Vec::new());
    for _ in 0..10 {
        let report = cycle.turn().unwrap();
        let Some(victim) = cycle.controller().victim else {
            clock.sleep_until(clock.now() + INTERVAL);
            continue;
        };
        assert_only_the_victim_fails(&report, victim);
        for _ in 0..2 {
            clock.sleep_until(clock.now() + INTERVAL);
            let report = cycle.turn().unwrap();
            assert!(!report.names.contains_key(&victim), "{report:?}");
            let failed = report
                .outcomes
                .iter()
                .find(|&outcome| *outcome != Outcome::Done);
            assert_eq!(failed, None, "{report:?}");
        }
        return victim;
    }
    panic!("ten turns without a plan");
}

fn assert_only_the_victim_fails(report: &CycleReport, victim: DomainId) {
    let mut others = 0;
    for (planned, outcome) in report.plan.steps.iter().zip(&report.outcomes) {
        if planned.step.domain() == victim {
            assert_eq!(
                *outcome,
                Outcome::Failed(HvError::Vanished(victim)),
                "{report:?}"
            );
        } else {
            others += 1;
            assert_eq!(*outcome, Outcome::Done, "{report:?}");
        }
    }
    assert!(others > 0, "the plan was about the victim only: {report:?}");
}

#[test]
fn a_guest_that_ends_before_its_pin_disturbs_nobody() {
    let stage = stage::take();
    stage.pile_up();
    let plans = PinController::new(PinConfig::course(), INTERVAL).unwrap();
    sabotage(&stage, plans, |step| matches!(step, HostStep::Pin { .. }));
    stage.calm();
}

#[test]
fn a_guest_that_ends_before_its_balloon_is_set_disturbs_nobody() {
    let stage = stage::take();
    let plans = MemoryController::new(MemoryConfig::course().every(INTERVAL)).unwrap();
    sabotage(&stage, plans, |step| {
        matches!(step, HostStep::SetMemory { .. })
    });
}

#[test]
fn guests_that_come_and_go_disturb_nobody() {
    let stage = stage::take();
    let state = tempfile::tempdir().unwrap();
    stage.pile_up();
    let before = stage.settings();
    let (passer_by, stayers) = stage.guests.split_last().unwrap();
    let mut run = Run::start(SCHEDULER, stage.lab.uri(), state.path(), &[]);
    let first = run.cycle();
    cpu::let_spread(&mut run, first);

    // At another moment of the interval each time.
    for moment in [100, 500, 900, 1300, 1700].map(Duration::from_millis) {
        undisturbed(&mut run, passer_by);
        pause(moment);
        passer_by.destroy().unwrap();
        undisturbed(&mut run, passer_by);
        passer_by.start().unwrap();
    }
    passer_by.destroy().unwrap();
    for guest in stayers {
        for (vcpu, cpus) in host::pins(stage.virsh(), &guest.domain()) {
            assert!(
                cpus.parse::<u32>().is_ok(),
                "vcpu {vcpu} of {} runs on {cpus}",
                guest.domain()
            );
        }
    }
    stage.calm();
    run.end();
    for (guest, before) in stayers.iter().zip(&before) {
        let after = host::Settings::read(stage.virsh(), &guest.domain());
        assert_eq!(after, *before, "after SIGINT");
    }
}

/// Reads a cycle in which at most the steps of `passer_by` failed, because it is gone.
fn undisturbed(run: &mut Run, passer_by: &Guest) {
    let cycle = run.cycle();
    for step in cycle.steps() {
        let gone = step["name"] == passer_by.domain().as_str()
            && step["error"]
                .as_str()
                .is_some_and(|error| error.ends_with("is gone"));
        assert!(step["outcome"] == "done" || gone, "{cycle:?}");
    }
}

//! What a turn does when things go wrong, and that every setting finds its way back.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use cloudlot_core::{Bytes, Clock, ManualClock, Seeds, Timestamp};
use cloudlot_hv::fake::{Answer, FakeHost, Fault, HostSpec, Span, StepKind, scenario};
use cloudlot_hv::pins::{PinConfig, PinController};
use cloudlot_hv::{
    Controller, CpuSet, Cycle, CycleReport, DomainId, HostPlan, HostSample, HostStep, HvError,
    Hypervisor, Journal, Mode, Original, Outcome, PcpuId, Picture, PlannedStep, RestoreLimits,
    RestorePolicy, VcpuId, merged, restore, restore_within,
};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const LIMITS: RestoreLimits = RestoreLimits {
    reserve: Bytes::mib(200),
    headroom: Bytes::mib(100),
};

/// Plans what it is told to, one list a turn.
#[derive(Default)]
struct Script {
    turns: VecDeque<Vec<HostStep>>,
    seen: Vec<Vec<Outcome>>,
    forgotten: usize,
}

impl Script {
    fn of(turns: impl IntoIterator<Item = Vec<HostStep>>) -> Self {
        Self {
            turns: turns.into_iter().collect(),
            ..Self::default()
        }
    }
}

impl Controller for Script {
    fn plan(&mut self, _: &HostSample) -> HostPlan {
        let steps = self.turns.pop_front().unwrap_or_default().into_iter();
        let steps = steps
            .map(|step| PlannedStep {
                step,
                why: String::new(),
            })
            .collect();
        HostPlan {
            steps,
            picture: Picture::Blind,
            notes: Vec::new(),
        }
    }

    fn observe(&mut self, report: &CycleReport) {
        self.seen.push(report.outcomes.clone());
    }

    fn forget_samples(&mut self) {
        self.forgotten += 1;
    }
}

/// A journal that cannot write.
struct Full;

impl Journal for Full {
    fn record(&mut self, _: &[Original]) -> io::Result<()> {
        Err(io::Error::other("no space left"))
    }
}

fn host(name: &str, faults: Vec<Fault>) -> (FakeHost, ManualClock) {
    let clock = ManualClock::default();
    let spec = HostSpec {
        faults,
        ..scenario::named(name, Seeds::new(1)).unwrap()
    };
    (
        FakeHost::new(spec, Seeds::new(1), clock.clone()).unwrap(),
        clock,
    )
}

fn guest(host: &FakeHost, number: u32) -> DomainId {
    host.id_of(&format!("aos_vm_{number}")).unwrap()
}

fn pin(domain: DomainId, pcpu: u32) -> HostStep {
    HostStep::Pin {
        vcpu: VcpuId { domain, index: 0 },
        to: CpuSet::single(PcpuId::new(pcpu)),
    }
}

/// Masks, targets and periods of all guests.
fn settings(host: &mut FakeHost) -> BTreeMap<DomainId, Original> {
    let ids: Vec<DomainId> = host
        .sample()
        .unwrap()
        .domains
        .iter()
        .map(|domain| domain.id)
        .collect();
    ids.into_iter()
        .map(|id| (id, host.originals(id).unwrap()))
        .collect()
}

fn turns<H: Hypervisor, C: Controller, J: Journal>(
    cycle: &mut Cycle<H, C, J>,
    clock: &ManualClock,
    count: u32,
) {
    for _ in 0..count {
        let _ = cycle.turn();
        clock.sleep_until(clock.now() + SECOND);
    }
}

#[test]
fn what_was_pinned_goes_back_to_where_it_was() {
    let (mut host, clock) = host("cpu-1", vec![]);
    let before = settings(&mut host);
    let controller = PinController::new(PinConfig::course(), SECOND).unwrap();
    let mut cycle = Cycle::new(
        host,
        controller,
        Vec::<Original>::new(),
        Mode::Act,
        Vec::new(),
    );
    turns(&mut cycle, &clock, 20);
    let originals = cycle.originals();
    let (mut host, _, journal) = cycle.into_parts();
    assert_ne!(settings(&mut host), before, "something was pinned");
    assert_eq!(merged(journal), originals, "the journal knows all of it");
    let report = restore(
        &mut host,
        &originals,
        RestorePolicy::Original,
        LIMITS,
        &|| false,
    );
    assert_eq!((report.left.len(), report.originals.len()), (0, 0));
    assert_eq!(settings(&mut host), before);
}

#[test]
fn a_journal_of_a_dead_process_is_as_good_as_the_process() {
    let (mut host, clock) = host("cpu-2", vec![]);
    let before = settings(&mut host);
    let pins = PinController::new(PinConfig::course(), SECOND).unwrap();
    let mut cycle = Cycle::new(host, pins, Vec::<Original>::new(), Mode::Act, Vec::new());
    turns(&mut cycle, &clock, 12);
    let (host, _, journal) = cycle.into_parts();
    // The next process takes the first one's originals over, and so does not take its pins for originals.
    let again = Script::of([vec![pin(guest(&host, 1), 3), pin(guest(&host, 8), 0)]]);
    let mut cycle = Cycle::new(
        host,
        again,
        Vec::<Original>::new(),
        Mode::Act,
        merged(journal),
    );
    turns(&mut cycle, &clock, 1);
    let originals = cycle.originals();
    let (mut host, ..) = cycle.into_parts();
    restore(
        &mut host,
        &originals,
        RestorePolicy::Original,
        LIMITS,
        &|| false,
    );
    assert_eq!(settings(&mut host), before);
}

#[test]
fn balloons_and_periods_go_back_too_and_keep_keeps_them() {
    for (policy, mib) in [
        (RestorePolicy::Original, 512),
        (RestorePolicy::Max, 2048),
        (RestorePolicy::Keep, 700),
    ] {
        let (host, clock) = host("mem-1", vec![]);
        let id = guest(&host, 2);
        let steps = vec![
            HostStep::SetMemory {
                domain: id,
                target: Bytes::mib(700),
            },
            HostStep::SetStatsPeriod {
                domain: id,
                period: SECOND * 3,
            },
        ];
        let mut cycle = Cycle::new(
            host,
            Script::of([steps]),
            Vec::<Original>::new(),
            Mode::Act,
            Vec::new(),
        );
        let before = cycle.host().originals(id).unwrap();
        turns(&mut cycle, &clock, 5);
        let originals = cycle.originals();
        let report = restore(cycle.host(), &originals, policy, LIMITS, &|| false);
        assert!(report.left.is_empty(), "{:?}", report.left);
        let after = cycle.host().originals(id).unwrap();
        assert_eq!(
            (after.target, after.stats_period),
            (Some(Bytes::mib(mib)), before.stats_period),
            "{policy:?}"
        );
    }
}

/// A guest that was just given memory has not yet said that it does not use it.
#[test]
fn a_guest_gets_time_to_say_that_it_can_give() {
    for (patience, target, left) in [(Duration::ZERO, None, 1), (SECOND * 10, Some(512), 0)] {
        let (host, clock) = host("mem-1", vec![]);
        let id = guest(&host, 2);
        let period = HostStep::SetStatsPeriod {
            domain: id,
            period: SECOND * 3,
        };
        let grow = HostStep::SetMemory {
            domain: id,
            target: Bytes::mib(900),
        };
        let script = Script::of([vec![period], vec![], vec![], vec![grow]]);
        let journal = Vec::<Original>::new();
        let mut cycle = Cycle::new(host, script, journal, Mode::Act, Vec::new());
        let before = cycle.host().originals(id).unwrap();
        turns(&mut cycle, &clock, 5);
        let originals = cycle.originals();
        let report = restore_within(
            cycle.host(),
            &originals,
            RestorePolicy::Original,
            LIMITS,
            (&clock, patience),
            &|| false,
        );
        assert_eq!(report.left.len(), left, "{:?}", report.left);
        assert_eq!(report.originals.len(), left, "kept for another try");
        let kept: Vec<_> = report
            .originals
            .iter()
            .map(|kept| (kept.target, kept.stats_period))
            .collect();
        assert!(
            kept.iter().all(|kept| *kept == (before.target, None)),
            "{kept:?}"
        );
        let after = cycle.host().originals(id).unwrap();
        assert_eq!(after.stats_period, before.stats_period);
        match target {
            Some(mib) => assert_eq!(after.target, Some(Bytes::mib(mib))),
            None => assert!(after.target > before.target, "{:?}", after.target),
        }
    }
}

#[test]
fn a_restore_that_is_stopped_says_what_is_left() {
    let (host, clock) = host("cpu-1", vec![]);
    let ids = [guest(&host, 1), guest(&host, 2)];
    let script = Script::of([ids.map(|id| pin(id, 3)).to_vec()]);
    let mut cycle = Cycle::new(host, script, Vec::<Original>::new(), Mode::Act, Vec::new());
    turns(&mut cycle, &clock, 1);
    let originals = cycle.originals();
    let report = restore(
        cycle.host(),
        &originals,
        RestorePolicy::Original,
        LIMITS,
        &|| true,
    );
    assert_eq!((report.restored, report.left.len()), (0, 2));
    assert_eq!(report.originals, originals, "kept for another try");
}

#[test]
fn a_domain_that_vanishes_before_its_step_disturbs_nobody() {
    let (probe, _) = host("cpu-1", vec![]);
    let gone = guest(&probe, 3);
    let (host, clock) = host(
        "cpu-1",
        vec![Fault::Vanishes {
            domain: gone,
            during: Span::ALWAYS,
        }],
    );
    let steps = (1..=8)
        .map(|number| pin(guest(&host, number), number % 4))
        .collect();
    let mut cycle = Cycle::new(
        host,
        Script::of([steps]),
        Vec::<Original>::new(),
        Mode::Act,
        Vec::new(),
    );
    turns(&mut cycle, &clock, 1);
    let outcomes = &cycle.controller().seen[0];
    let done = outcomes
        .iter()
        .filter(|outcome| **outcome == Outcome::Done)
        .count();
    assert_eq!(done, 7, "{outcomes:?}");
    assert_eq!(outcomes[2], Outcome::Failed(HvError::Vanished(gone)));
    assert!(
        cycle
            .host()
            .sample()
            .unwrap()
            .domains
            .iter()
            .all(|domain| domain.id != gone)
    );
}

#[test]
fn a_domain_that_is_gone_leaves_no_original_behind() {
    let (host, clock) = host("cpu-1", vec![]);
    let (gone, stays) = (guest(&host, 1), guest(&host, 2));
    let script = Script::of([vec![pin(gone, 1)], vec![pin(stays, 1)]]);
    let mut cycle = Cycle::new(host, script, Vec::<Original>::new(), Mode::Act, Vec::new());
    turns(&mut cycle, &clock, 1);
    assert!(cycle.host().destroy(gone));
    turns(&mut cycle, &clock, 1);
    let kept: Vec<DomainId> = cycle
        .originals()
        .iter()
        .map(|original| original.domain)
        .collect();
    assert_eq!(kept, [stays]);
}

#[test]
fn a_busy_domain_is_left_alone_for_longer_and_longer() {
    let busy = Fault::Refuses {
        kind: StepKind::Pin,
        domain: None,
        answer: Answer::Busy,
        probability: 1.0,
        during: Span::ALWAYS,
    };
    let (host, clock) = host("cpu-1", vec![busy]);
    let id = guest(&host, 1);
    let script = Script::of((0..20).map(|_| vec![pin(id, 1)]));
    let mut cycle = Cycle::new(host, script, Vec::<Original>::new(), Mode::Act, Vec::new());
    turns(&mut cycle, &clock, 20);
    let seen = &cycle.controller().seen;
    let asked: Vec<usize> = (0..20)
        .filter(|&turn| seen[turn] != [Outcome::Skipped])
        .collect();
    assert_eq!(asked, [0, 2, 5, 10, 19]);
}

#[test]
fn without_a_journal_nothing_is_changed() {
    let (host, clock) = host("cpu-1", vec![]);
    let script = Script::of([vec![pin(guest(&host, 1), 2)]]);
    let mut cycle = Cycle::new(host, script, Full, Mode::Act, Vec::new());
    turns(&mut cycle, &clock, 1);
    assert!(matches!(
        &cycle.controller().seen[0][..],
        [Outcome::Failed(HvError::Failed(_))]
    ));
    assert!(cycle.host().calls().is_empty());
}

#[test]
fn a_lost_connection_changes_nothing_and_old_samples_are_forgotten() {
    let from = Timestamp::ZERO + SECOND * 2;
    let during = Span {
        from,
        until: from + SECOND * 3,
    };
    let (host, clock) = host("cpu-1", vec![Fault::Disconnected { during }]);
    let id = guest(&host, 1);
    let script = Script::of((0..10).map(|turn| vec![pin(id, turn % 4)]));
    let mut cycle = Cycle::new(host, script, Vec::<Original>::new(), Mode::Act, Vec::new());
    turns(&mut cycle, &clock, 10);
    assert_eq!(cycle.controller().forgotten, 3);
    assert!(
        cycle
            .host()
            .calls()
            .iter()
            .all(|(at, _)| !during.contains(*at))
    );
    assert_eq!(cycle.host().pin_calls(), 7);
}

#[test]
fn who_may_only_read_asks_for_nothing() {
    let (host, clock) = host(
        "cpu-1",
        vec![Fault::ReadOnly {
            during: Span::ALWAYS,
        }],
    );
    let script = Script::of([vec![pin(guest(&host, 1), 2)]]);
    let mut cycle = Cycle::new(host, script, Vec::<Original>::new(), Mode::Act, Vec::new());
    turns(&mut cycle, &clock, 1);
    assert_eq!(cycle.controller().seen[0], [Outcome::NotAsked]);
    assert!(cycle.host().refusals().is_empty() && cycle.originals().is_empty());
}

#[test]
fn what_is_not_selected_counts_but_is_never_touched() {
    let (host, clock) = host("cpu-1", vec![]);
    let controller = PinController::new(PinConfig::course(), SECOND).unwrap();
    let mut cycle = Cycle::new(
        host,
        controller,
        Vec::<Original>::new(),
        Mode::Act,
        Vec::new(),
    )
    .select(|domain| domain.name != "aos_vm_1");
    turns(&mut cycle, &clock, 20);
    let first = guest(cycle.host(), 1);
    let calls = cycle.host().calls();
    assert!(!calls.is_empty() && calls.iter().all(|(_, step)| step.domain() != first));
}

#[test]
fn a_domain_that_was_started_anew_needs_no_restoring() {
    let (mut host, _) = host("cpu-1", vec![]);
    let id = guest(&host, 1);
    let mut old = host.originals(id).unwrap();
    old.run += 1;
    old.pins.insert(0, CpuSet::single(PcpuId::new(3)));
    let report = restore(&mut host, &[old], RestorePolicy::Original, LIMITS, &|| {
        false
    });
    assert_eq!((report.restored, report.left.len()), (0, 0));
    assert!(host.calls().is_empty());
}

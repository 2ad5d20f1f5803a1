//! Each fault does what it says, when it says, and nothing else.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own set-up is wrong"
)]

use cloudlot_core::{Bytes, Clock, ManualClock, Seeds, Timestamp};
use cloudlot_hv::fake::{
    Answer, FakeHost, Fault, GuestSpec, HostSpec, Load, MemorySpec, MemoryWork, PageCache, Span,
    SpecError, StepKind, VcpuSpec,
};
use cloudlot_hv::{
    CpuSet, HostStep, HvError, Hypervisor, PcpuId, RestoreLimits, RestorePolicy, VcpuId, restore,
};
use std::time::Duration;

fn seconds(s: f64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs_f64(s)
}

/// From second 1 to second 2.
fn soon() -> Span {
    Span {
        from: seconds(1.0),
        until: seconds(2.0),
    }
}

/// Two guests with a vCPU and a balloon each, on two pCPUs.
fn spec(faults: Vec<Fault>) -> HostSpec {
    let guest = |number| GuestSpec {
        memory: Some(MemorySpec::new(
            Bytes::mib(512),
            Bytes::mib(1024),
            Bytes::mib(100),
        )),
        ..GuestSpec::new(
            number,
            format!("g{number}"),
            vec![VcpuSpec::steady(Load::Open { cores: 0.5 })],
        )
    };
    HostSpec {
        faults,
        ..HostSpec::new(2, vec![guest(1), guest(2)])
    }
}

fn host(faults: Vec<Fault>) -> (FakeHost, ManualClock) {
    let clock = ManualClock::default();
    let host = FakeHost::new(spec(faults), Seeds::new(1), clock.clone()).unwrap();
    (host, clock)
}

/// A step of each kind on a guest.
fn steps(host: &FakeHost, guest: usize, pcpu: u32) -> [HostStep; 3] {
    let domain = host.spec().guests[guest].id;
    let target = Bytes::mib(600);
    let period = Duration::from_secs(2);
    [
        HostStep::Pin {
            vcpu: VcpuId { domain, index: 0 },
            to: CpuSet::single(PcpuId::new(pcpu)),
        },
        HostStep::SetMemory { domain, target },
        HostStep::SetStatsPeriod { domain, period },
    ]
}

/// What a step of each kind comes to, in a word: at a moment, on a guest.
fn outcomes(host: &mut FakeHost, clock: &ManualClock, at: f64, guest: usize) -> [&'static str; 3] {
    clock.sleep_until(seconds(at));
    steps(host, guest, 0).map(|step| match host.apply(&step) {
        Ok(()) => "done",
        Err(HvError::Vanished(_)) => "vanished",
        Err(HvError::Busy { .. }) => "busy",
        Err(HvError::Disconnected(_)) => "disconnected",
        Err(HvError::Denied(_)) => "denied",
        Err(HvError::Unsupported(_)) => "unsupported",
        Err(HvError::CpuRefused { .. }) => "cpu refused",
        Err(HvError::Failed(_)) => "failed",
    })
}

const DONE: [&str; 3] = ["done"; 3];

#[test]
fn a_dead_connection_shows_and_changes_nothing_until_it_is_back() {
    let (mut host, clock) = host(vec![Fault::Disconnected { during: soon() }]);
    assert_eq!(outcomes(&mut host, &clock, 0.5, 0), DONE);
    assert_eq!(outcomes(&mut host, &clock, 1.0, 0), ["disconnected"; 3]);
    let dead = |error| matches!(error, HvError::Disconnected(_));
    let domain = host.spec().guests[0].id;
    assert!(dead(host.sample().unwrap_err()));
    assert!(dead(host.originals(domain).unwrap_err()));
    assert_eq!((host.calls().len(), host.refusals().len()), (3, 3));
    assert_eq!(outcomes(&mut host, &clock, 2.0, 0), DONE);
    assert!(host.sample().is_ok());
}

#[test]
fn a_read_only_connection_shows_and_does_not_change() {
    let (mut host, clock) = host(vec![Fault::ReadOnly { during: soon() }]);
    assert!(host.capabilities().write);
    assert_eq!(outcomes(&mut host, &clock, 1.5, 0), ["denied"; 3]);
    assert!(!host.capabilities().write && host.sample().is_ok() && host.calls().is_empty());
    assert_eq!(outcomes(&mut host, &clock, 2.5, 0), DONE);
}

#[test]
fn a_domain_that_vanishes_before_the_change_is_gone_for_good() {
    let (mut host, clock) = host(Vec::new());
    let domain = host.spec().guests[0].id;
    host.inject(Fault::Vanishes {
        domain,
        during: soon(),
    });
    clock.sleep_until(seconds(1.5));
    assert_eq!(host.sample().unwrap().domains.len(), 2);
    assert_eq!(outcomes(&mut host, &clock, 1.5, 0), ["vanished"; 3]);
    assert_eq!(outcomes(&mut host, &clock, 1.5, 1), DONE);
    assert_eq!(outcomes(&mut host, &clock, 5.0, 0), ["vanished"; 3]);
    assert_eq!(host.sample().unwrap().domains.len(), 1);
}

#[test]
fn refusals_keep_to_kind_domain_and_time() {
    let refuses = |kind, domain, answer| Fault::Refuses {
        kind,
        domain,
        answer,
        probability: 1.0,
        during: soon(),
    };
    let (mut host, clock) = host(Vec::new());
    let first = Some(host.spec().guests[0].id);
    host.inject(refuses(StepKind::Pin, first, Answer::Busy));
    host.inject(refuses(StepKind::SetMemory, None, Answer::Failed));
    host.inject(refuses(StepKind::SetStatsPeriod, first, Answer::Vanished));
    assert_eq!(outcomes(&mut host, &clock, 0.5, 0), DONE);
    let before = host.sample().unwrap().domains;
    assert_eq!(
        outcomes(&mut host, &clock, 1.5, 0),
        ["busy", "failed", "vanished"]
    );
    assert_eq!(
        outcomes(&mut host, &clock, 1.5, 1),
        ["done", "failed", "done"]
    );
    assert_eq!(
        host.sample().unwrap().domains[0].vcpus[0].mask,
        before[0].vcpus[0].mask
    );
    assert_eq!(outcomes(&mut host, &clock, 2.0, 0), DONE);
}

#[test]
fn refusals_by_chance_have_their_frequency_and_follow_from_the_seed() {
    let refused = |seed| -> Vec<bool> {
        let fault = Fault::Refuses {
            kind: StepKind::Pin,
            domain: None,
            answer: Answer::Busy,
            probability: 0.1,
            during: Span::ALWAYS,
        };
        let clock = ManualClock::default();
        let mut host = FakeHost::new(spec(vec![fault]), Seeds::new(seed), clock).unwrap();
        let [pin, ..] = steps(&host, 0, 1);
        (0..2000).map(|_| host.apply(&pin).is_err()).collect()
    };
    let first = refused(1);
    assert_eq!(first, refused(1));
    assert_ne!(first, refused(2));
    let count = first.iter().filter(|refused| **refused).count();
    assert!((150..250).contains(&count), "{count} of 2000");
}

#[test]
fn refused_cpus_are_named_and_others_are_not_touched_by_it() {
    let cpus = CpuSet::single(PcpuId::new(1));
    let (mut host, clock) = host(vec![Fault::CpusRefused {
        cpus,
        during: soon(),
    }]);
    clock.sleep_until(seconds(1.5));
    let [on_refused, ..] = steps(&host, 0, 1);
    let error = host.apply(&on_refused).unwrap_err();
    assert!(matches!(&error, HvError::CpuRefused { cpus, .. } if *cpus == [PcpuId::new(1)]));
    let [on_other, ..] = steps(&host, 0, 0);
    host.apply(&on_other).unwrap();
    clock.sleep_until(seconds(2.0));
    host.apply(&on_refused).unwrap();
}

#[test]
fn what_was_changed_can_be_restored() {
    let (mut host, clock) = host(Vec::new());
    let domain = host.spec().guests[0].id;
    let before = host.originals(domain).unwrap();
    assert_eq!(outcomes(&mut host, &clock, 1.0, 0), DONE);
    clock.sleep_until(seconds(5.0));
    assert_ne!(host.originals(domain).unwrap(), before);
    let limits = RestoreLimits {
        reserve: Bytes::ZERO,
        headroom: Bytes::mib(100),
    };
    let originals = [before.clone()];
    let report = restore(
        &mut host,
        &originals,
        RestorePolicy::Original,
        limits,
        &|| false,
    );
    assert_eq!((report.restored, report.left.len()), (3, 0), "{report:?}");
    assert_eq!(host.originals(domain).unwrap(), before);
}

#[test]
fn faults_and_memory_without_sense_are_refused() {
    let refused = |change: &dyn Fn(&mut HostSpec, &mut MemorySpec)| {
        let mut spec = spec(Vec::new());
        let mut memory = spec.guests[0].memory.clone().unwrap();
        change(&mut spec, &mut memory);
        spec.guests[0].memory = Some(memory);
        let made = FakeHost::new(spec, Seeds::new(1), ManualClock::default());
        made.map(drop).unwrap_err()
    };
    let grow = |mib_s, vary| MemoryWork::Grow {
        mib_s,
        vary,
        most: None,
    };
    let refusals: Vec<SpecError> = vec![
        refused(&|_, memory| memory.start = Bytes::mib(2000)),
        refused(&|_, memory| memory.base = Bytes::mib(513)),
        refused(&|_, memory| memory.work.push(grow(-1.0, 0.0))),
        refused(&|_, memory| memory.work.push(grow(1.0, 1.5))),
        refused(&|_, memory| memory.balloon.as_mut().unwrap().mib_s = f64::INFINITY),
        refused(&|_, memory| {
            memory.cache = PageCache {
                mib_s: f64::NAN,
                most: Bytes::ZERO,
            }
        }),
        refused(&|spec, _| {
            spec.faults.push(Fault::BalloonSlow {
                domain: spec.guests[0].id,
                mib_s: -1.0,
                during: soon(),
            });
        }),
        refused(&|spec, _| {
            spec.faults.push(Fault::Refuses {
                kind: StepKind::Pin,
                domain: None,
                answer: Answer::Busy,
                probability: 1.1,
                during: soon(),
            });
        }),
    ];
    let lines: Vec<String> = refusals.iter().map(SpecError::to_string).collect();
    expect_test::expect![[r#"
        domain c10d107f-a4e0-4000-0000-000000000001 starts with 2000 MiB, uses 100 MiB and can have 1 GiB
        domain c10d107f-a4e0-4000-0000-000000000001 starts with 512 MiB, uses 513 MiB and can have 1 GiB
        domain c10d107f-a4e0-4000-0000-000000000001 has a memory rate of -1 mib a second, varied by 0
        domain c10d107f-a4e0-4000-0000-000000000001 has a memory rate of 1 mib a second, varied by 1.5
        domain c10d107f-a4e0-4000-0000-000000000001 has a memory rate of inf mib a second, varied by 0
        domain c10d107f-a4e0-4000-0000-000000000001 has a memory rate of NaN mib a second, varied by 0
        domain c10d107f-a4e0-4000-0000-000000000001 has a memory rate of -1 mib a second, varied by 0
        1.1 is no probability"#]].assert_eq(&lines.join("\n"));
}

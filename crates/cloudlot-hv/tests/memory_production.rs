//! The profile `production` on simulated hosts: quiet under constant load, safe with drivers that
//! are slow, silent or missing, and quick when host or guest are in need.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own set-up is wrong"
)]

use cloudlot_core::{Bytes, Clock, ManualClock, Seeds, Timestamp};
use cloudlot_hv::fake::{
    Answer, BalloonSpec, FakeHost, Fault, GuestSpec, HostMemorySpec, HostSpec, HostUse, MemorySpec,
    MemoryWork, PageCache, Span, StepKind, scenario,
};
use cloudlot_hv::memory::{MemoryConfig, MemoryController};
use cloudlot_hv::{
    Cycle, CycleReport, GuestPicture, HostState, HostStep, MemoryPicture, Mode, Original, Outcome,
    Picture,
};
use std::time::Duration;

const MIB: fn(u64) -> Bytes = Bytes::mib;

fn second(s: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(s)
}

/// Has `start` of at most 4,096 MiB and uses `base`.
fn memory(start: u64, base: u64) -> MemorySpec {
    MemorySpec::new(MIB(start), MIB(4096), MIB(base))
}

fn growing(start: u64, base: u64, mib_s: f64, at: u64, most: u64) -> MemorySpec {
    let grow = MemoryWork::Grow {
        mib_s,
        vary: 0.0,
        most: Some(MIB(most)),
    };
    MemorySpec {
        work: vec![MemoryWork::WaitUntil(second(at)), grow],
        ..memory(start, base)
    }
}

/// A host with so many MiB; the guests are called g1, g2, …
fn host(total: u64, guests: Vec<MemorySpec>) -> HostSpec {
    let guest = |(number, memory)| GuestSpec {
        memory: Some(memory),
        ..GuestSpec::new(number, format!("g{number}"), Vec::new())
    };
    HostSpec {
        memory: Some(HostMemorySpec {
            total: MIB(total),
            used: Vec::new(),
        }),
        ..HostSpec::new(1, (1..).zip(guests).map(guest).collect())
    }
}

struct Run {
    cycle: Cycle<FakeHost, MemoryController, Vec<Original>>,
    clock: ManualClock,
    interval: Duration,
    reports: Vec<CycleReport>,
}

impl Run {
    fn new(spec: HostSpec, config: MemoryConfig) -> Self {
        let (clock, interval) = (ManualClock::default(), config.interval);
        let host = FakeHost::new(spec, Seeds::new(1), clock.clone()).unwrap();
        let controller = MemoryController::new(config).unwrap();
        Self {
            cycle: Cycle::new(host, controller, Vec::new(), Mode::Act, Vec::new()),
            clock,
            interval,
            reports: Vec::new(),
        }
    }

    fn production(spec: HostSpec, interval: u64) -> Self {
        Self::new(
            spec,
            MemoryConfig::production().every(Duration::from_secs(interval)),
        )
    }

    /// Turns until a moment.
    fn until(&mut self, end: u64) -> &mut Self {
        while self.clock.now() + self.interval <= second(end) {
            self.clock.advance_to(self.clock.now() + self.interval);
            let report = self.cycle.turn().unwrap();
            self.reports.push(report);
        }
        self
    }

    fn actual(&mut self, name: &str) -> Bytes {
        let id = self.cycle.host().id_of(name).unwrap();
        self.cycle.host().memory(id).unwrap().actual
    }

    /// Targets that a guest was set to from a moment on.
    fn targets(&mut self, name: &str, from: u64) -> Vec<Bytes> {
        let id = self.cycle.host().id_of(name).unwrap();
        let calls = self.cycle.host().calls().iter();
        let calls = calls.filter(|(at, _)| *at >= second(from));
        let target = |(_, step): &(Timestamp, HostStep)| match step {
            HostStep::SetMemory { domain, target } if *domain == id => Some(*target),
            _ => None,
        };
        calls.filter_map(target).collect()
    }

    fn pictures(&self, from: u64) -> impl Iterator<Item = (Timestamp, &MemoryPicture)> {
        self.reports
            .iter()
            .filter_map(move |report| match &report.plan.picture {
                Picture::Memory(picture) if report.at >= second(from) => Some((report.at, picture)),
                _ => None,
            })
    }

    fn notes(&self) -> Vec<&str> {
        let notes = self.reports.iter().flat_map(|report| &report.plan.notes);
        notes.map(String::as_str).collect()
    }
}

fn guest<'a>(picture: &'a MemoryPicture, name: &str) -> &'a GuestPicture {
    picture
        .guests
        .iter()
        .find(|guest| guest.name == name)
        .unwrap()
}

#[test]
fn constant_load_is_quiet_for_a_day() {
    for interval in [2, 5] {
        let guests = [(1024, 300), (2048, 1500), (512, 400), (4096, 200)];
        let guests = guests.map(|(start, base)| MemorySpec {
            cache: PageCache {
                mib_s: 3.0,
                most: MIB(500),
            },
            ..memory(start, base)
        });
        let mut run = Run::production(host(12_000, guests.to_vec()), interval);
        run.until(600);
        for name in ["g1", "g2", "g3", "g4"] {
            let calls = run.targets(name, 0).len();
            assert!(calls <= 10, "{name}: {calls} calls every {interval} s");
        }
        let calls = run.cycle.host().calls().len();
        run.until(24 * 3600 / 4);
        assert_eq!(run.cycle.host().calls().len(), calls);
    }
}

#[test]
fn statistics_are_asked_for_once_and_then_come() {
    let silent = MemorySpec {
        balloon: Some(BalloonSpec {
            period: Duration::ZERO,
            ..BalloonSpec::default()
        }),
        ..memory(1024, 300)
    };
    let mut run = Run::production(host(8192, vec![silent]), 5);
    run.until(60);
    let periods: Vec<&HostStep> = run
        .cycle
        .host()
        .calls()
        .iter()
        .map(|(_, step)| step)
        .collect();
    let periods = periods.into_iter().filter(
        |step| matches!(step, HostStep::SetStatsPeriod { period, .. } if period.as_secs() == 5),
    );
    assert_eq!(periods.count(), 1);
    let used = run
        .pictures(20)
        .map(|(_, picture)| guest(picture, "g1").used);
    assert!(used.into_iter().all(|used| used == Some(MIB(300))));
}

#[test]
fn a_guest_without_a_driver_is_left_alone_and_nobody_is_fed_from_it() {
    let no_driver = MemorySpec {
        balloon: Some(BalloonSpec {
            driver: false,
            ..BalloonSpec::default()
        }),
        ..memory(3072, 100)
    };
    let no_device = MemorySpec {
        balloon: None,
        ..memory(1024, 100)
    };
    // The third grows beyond what the host has.
    let guests = vec![no_driver, no_device, growing(1024, 200, 50.0, 30, 3500)];
    let mut run = Run::production(host(6144, guests), 5);
    run.until(600);
    assert_eq!(run.targets("g2", 0), []);
    let attempts = run.targets("g1", 0).len();
    assert!(attempts <= 4, "{attempts}");
    assert_eq!(run.actual("g1"), MIB(3072));
    for (at, picture) in run.pictures(0) {
        let floor = picture.reserve.saturating_add(picture.in_flight);
        assert!(
            at < second(10) || picture.available >= floor,
            "{at:?} {picture:?}"
        );
    }
}

#[test]
fn nobody_shrinks_on_frozen_statistics() {
    let mut spec = host(
        6144,
        vec![memory(3072, 200), growing(1024, 200, 50.0, 60, 3500)],
    );
    let frozen = spec.guests[0].id;
    spec.faults = vec![Fault::StatsFrozen {
        domain: frozen,
        during: Span::since(second(20)),
    }];
    let mut run = Run::production(spec, 5);
    run.until(300);
    assert_eq!(run.targets("g1", 35), []);
    assert!(
        run.pictures(40)
            .all(|(_, picture)| guest(picture, "g1").held == "silent")
    );
    let warned = run
        .notes()
        .iter()
        .filter(|note| note.contains("does not tell"))
        .count();
    assert_eq!(warned, 1, "{:?}", run.notes());
}

#[test]
fn a_host_that_is_squeezed_takes_back_what_is_idle() {
    // The reserve is 819 MiB; another process takes nine tenths of what is available.
    let mut spec = host(
        16_384,
        vec![memory(4096, 300), memory(4096, 400), memory(4096, 3600)],
    );
    spec.memory.as_mut().unwrap().used = vec![HostUse {
        at: second(61),
        used: MIB(3700),
    }];
    for interval in [2, 5] {
        let mut run = Run::production(spec.clone(), interval);
        run.until(100);
        let (_, picture) = run.pictures(61).next().unwrap();
        assert_eq!(picture.state, HostState::Low);
        let (_, picture) = run.pictures(92).next().unwrap();
        assert!(picture.available >= picture.reserve, "{picture:?}");
        let used = guest(picture, "g3");
        assert!(used.actual >= MIB(3600 + 204), "{used:?}");
        assert!(
            run.notes()
                .iter()
                .any(|note| note.contains("host memory is low"))
        );
    }
}

#[test]
fn a_guest_that_boots_gives_nothing_for_two_minutes() {
    let rebooted = MemorySpec {
        reboots: vec![second(301)],
        ..memory(2048, 200)
    };
    let wants = growing(1024, 200, 100.0, 100, 3500);
    let mut run = Run::production(host(5632, vec![rebooted, wants]), 5);
    run.until(300);
    assert!(
        run.actual("g1") < MIB(1300),
        "it gave: {}",
        run.actual("g1")
    );
    run.until(305);
    assert_eq!(run.targets("g1", 301), [MIB(4096)]);
    run.until(424);
    assert_eq!(run.targets("g1", 306), []);
    run.until(600);
    assert!(
        run.actual("g1") < MIB(1300),
        "it gives again: {}",
        run.actual("g1")
    );
}

#[test]
fn a_guest_that_comes_and_goes_disturbs_nobody() {
    let mut spec = host(
        8192,
        vec![memory(2048, 500), memory(2048, 500), memory(2048, 500)],
    );
    spec.guests[1].runs = [(0, 33), (41, 77), (78, 200)]
        .map(|(from, until)| Span {
            from: second(from),
            until: second(until),
        })
        .to_vec();
    let mut run = Run::production(spec, 5);
    run.until(300);
    // A guest that starts takes 2 GiB of the host at once; the others give that back.
    let kept = |from: u64, until: u64| {
        let mut pictures = run.pictures(from);
        pictures.all(|(at, picture)| at > second(until) || picture.available >= picture.reserve)
    };
    assert!(kept(0, 40) && kept(70, 77) && kept(110, 300));
    assert!(
        run.reports
            .iter()
            .flat_map(|report| &report.outcomes)
            .all(|it| *it == Outcome::Done)
    );
}

#[test]
fn grants_never_exceed_what_a_slow_or_refusing_donor_has_given() {
    for (slow, refuses) in [(20.0, 0.0), (0.0, 0.0), (200.0, 1.0), (20.0, 0.5)] {
        let mut spec = host(
            6144,
            vec![memory(4096, 200), growing(1024, 200, 10.0, 30, 3500)],
        );
        let (domain, during) = (spec.guests[0].id, Span::ALWAYS);
        spec.faults = vec![
            Fault::BalloonSlow {
                domain,
                mib_s: slow,
                during,
            },
            Fault::Refuses {
                kind: StepKind::SetMemory,
                domain: Some(domain),
                answer: Answer::Failed,
                probability: refuses,
                during,
            },
        ];
        let mut run = Run::production(spec, 5);
        run.until(600);
        for (at, picture) in run.pictures(0) {
            let floor = picture.reserve.saturating_add(picture.in_flight);
            assert!(picture.available >= floor, "{at:?} {picture:?}");
        }
        let works = slow > 0.0 && refuses < 1.0;
        assert_eq!(run.actual("g2") > MIB(3000), works, "{slow} {refuses}");
    }
}

#[test]
fn a_sudden_demand_is_met_in_three_turns() {
    // g2 and g3 hold what g1 gave, and use little of it.
    let guests = vec![
        growing(1100, 300, 1000.0, 60, 2000),
        memory(4096, 300),
        memory(4096, 300),
    ];
    let mut run = Run::production(host(10_300, guests), 5);
    let id = run.cycle.host().id_of("g1").unwrap();
    run.until(60);
    let mut starved = 0;
    for turn in 1..20 {
        run.until(60 + 5 * turn);
        starved += usize::from(run.cycle.host().memory(id).unwrap().starved);
    }
    assert!(starved <= 3, "{starved}");
}

#[test]
fn the_course_scenarios_starve_nobody_that_can_be_fed() {
    for name in ["mem-1", "mem-3", "mem-4"] {
        for seed in 0..5 {
            let spec = scenario::named(name, Seeds::new(seed)).unwrap();
            let ids: Vec<_> = spec.guests.iter().map(|guest| guest.id).collect();
            let mut run = Run::production(spec, 2);
            for second in 1..=200 {
                run.until(second);
                for id in &ids {
                    let truth = run.cycle.host().memory(*id).unwrap();
                    // Less than 1 MiB is not worth a call.
                    let full = truth.actual > MIB(2047);
                    assert!(full || !truth.starved, "{name} {seed} {second}: {truth:?}");
                }
            }
            for (at, picture) in run.pictures(0) {
                assert!(picture.available >= picture.reserve, "{name} {at:?}");
            }
        }
    }
}

#[test]
fn a_guest_full_of_page_cache_keeps_some_memory_unused() {
    let cached = MemorySpec {
        cache: PageCache {
            mib_s: 200.0,
            most: MIB(3000),
        },
        ..memory(4096, 300)
    };
    let mut run = Run::production(
        host(7168, vec![cached, growing(1024, 200, 50.0, 60, 3500)]),
        5,
    );
    let id = run.cycle.host().id_of("g1").unwrap();
    for turn in 1..60 {
        run.until(5 * turn);
        let unused = run.cycle.host().memory(id).unwrap().unused;
        assert!(unused >= MIB(16), "{unused}");
    }
    assert!(run.actual("g1") < MIB(3900), "{}", run.actual("g1"));
}

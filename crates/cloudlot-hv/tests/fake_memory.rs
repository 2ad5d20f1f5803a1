//! The simulated memory keeps its promises: no byte is lost, and no guest gives what it uses.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own set-up is wrong"
)]

use cloudlot_core::{Bytes, Clock, ManualClock, Seeds, Timestamp};
use cloudlot_hv::fake::{
    BalloonSpec, FakeHost, Fault, GuestSpec, HostMemorySpec, HostSpec, HostUse, MemoryChange,
    MemorySpec, MemoryWork, Monitor, PageCache, Span, scenario,
};
use cloudlot_hv::{BalloonSample, DomainId, HostSample, HostStep, HvError, Hypervisor};
use proptest::prelude::*;
use std::time::Duration;

fn seconds(s: f64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs_f64(s)
}

const MIB: fn(u64) -> Bytes = Bytes::mib;

/// Has 1,000 MiB of at most 2,000 and uses 200.
fn memory(work: Vec<MemoryWork>) -> MemorySpec {
    MemorySpec {
        work,
        ..MemorySpec::new(MIB(1000), MIB(2000), MIB(200))
    }
}

fn grow(mib_s: f64, most: Option<Bytes>) -> MemoryWork {
    MemoryWork::Grow {
        mib_s,
        vary: 0.0,
        most,
    }
}

fn spec(memories: Vec<MemorySpec>) -> HostSpec {
    let guest = |(number, memory)| GuestSpec {
        memory: Some(memory),
        ..GuestSpec::new(number, format!("g{number}"), Vec::new())
    };
    HostSpec {
        memory: Some(HostMemorySpec {
            total: MIB(10_000),
            used: Vec::new(),
        }),
        ..HostSpec::new(1, (1..).zip(memories).map(guest).collect())
    }
}

struct Run {
    host: FakeHost,
    clock: ManualClock,
}

impl Run {
    fn new(spec: HostSpec, seed: u64) -> Self {
        let clock = ManualClock::default();
        let host = FakeHost::new(spec, Seeds::new(seed), clock.clone()).unwrap();
        Self { host, clock }
    }

    fn scenario(name: &str, seed: u64) -> Self {
        Self::new(scenario::named(name, Seeds::new(seed)).unwrap(), seed)
    }

    fn at(&mut self, s: f64) -> HostSample {
        self.clock.sleep_until(seconds(s));
        self.host.sample().unwrap()
    }

    fn id(&self, guest: usize) -> DomainId {
        self.host.spec().guests[guest].id
    }

    fn balloon(&mut self, guest: usize, s: f64) -> BalloonSample {
        self.at(s).domains[guest].balloon.clone().unwrap()
    }

    fn set(&mut self, guest: usize, mib: u64) -> Result<(), HvError> {
        let (domain, target) = (self.id(guest), MIB(mib));
        self.host.apply(&HostStep::SetMemory { domain, target })
    }

    fn set_period(&mut self, guest: usize, period: Duration) -> Result<(), HvError> {
        let domain = self.id(guest);
        self.host
            .apply(&HostStep::SetStatsPeriod { domain, period })
    }

    fn changes(&mut self, guest: usize) -> Vec<(f64, MemoryChange)> {
        let domain = self.id(guest);
        let changes = self.host.memory_changes(domain).iter();
        changes
            .map(|(at, change)| (at.as_secs_f64(), *change))
            .collect()
    }
}

fn arbitrary_work() -> impl Strategy<Value = MemoryWork> {
    prop_oneof![
        (0_u64..20).prop_map(|s| MemoryWork::WaitUntil(Timestamp::ZERO + Duration::from_secs(s))),
        (0_u64..5).prop_map(|s| MemoryWork::Wait(Duration::from_secs(s))),
        (
            0.0_f64..300.0,
            0.0_f64..1.0,
            proptest::option::of(0_u64..1500)
        )
            .prop_map(|(mib_s, vary, most)| MemoryWork::Grow {
                mib_s,
                vary,
                most: most.map(Bytes::mib),
            }),
        Just(MemoryWork::Free),
    ]
}

fn arbitrary_memory() -> impl Strategy<Value = MemorySpec> {
    let work = proptest::collection::vec(arbitrary_work(), 0..6);
    let cache = (0.0_f64..100.0, 0_u64..800);
    (work, cache, 1.0_f64..500.0, any::<bool>()).prop_map(|(work, cache, mib_s, swap)| MemorySpec {
        cache: PageCache {
            mib_s: cache.0,
            most: MIB(cache.1),
        },
        balloon: Some(BalloonSpec {
            mib_s,
            ..BalloonSpec::default()
        }),
        swap,
        ..memory(work)
    })
}

/// When, whose and what target.
fn arbitrary_targets() -> impl Strategy<Value = Vec<(u32, usize, u64)>> {
    proptest::collection::vec((0_u32..300, 0_usize..3, 0_u64..2000), 0..20).prop_map(|mut it| {
        it.sort_unstable();
        it
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_byte_is_lost_and_no_balloon_takes_what_is_used(
        memories in proptest::collection::vec(arbitrary_memory(), 3),
        targets in arbitrary_targets(),
        seed: u64,
    ) {
        let mut run = Run::new(spec(memories), seed);
        let mut targets = targets.into_iter().peekable();
        for tick in 0..300 {
            let sample = run.at(f64::from(tick) / 10.0);
            let mut actual = Bytes::ZERO;
            for domain in &sample.domains {
                let truth = run.host.memory(domain.id).unwrap();
                let sum = [truth.used, truth.cache, truth.unused].into_iter().sum();
                prop_assert_eq!(truth.actual, sum);
                prop_assert!(truth.unused >= MIB(16), "the kernel keeps its reserve");
                prop_assert!(truth.actual <= MIB(2000));
                actual = actual.saturating_add(truth.actual);
            }
            let available = sample.memory.unwrap().available;
            prop_assert_eq!(available.saturating_add(actual), MIB(10_000));
            while let Some((_, guest, mib)) = targets.next_if(|(at, ..)| *at <= tick) {
                run.set(guest, mib).unwrap();
            }
        }
    }

    #[test]
    fn looking_more_often_changes_nothing(
        memories in proptest::collection::vec(arbitrary_memory(), 3),
        targets in arbitrary_targets(),
        looks in proptest::collection::btree_set(0_u32..3000, 0..50),
        seed: u64,
    ) {
        let run = |looks: Vec<u32>| {
            let mut run = Run::new(spec(memories.clone()), seed);
            let mut looks = looks.into_iter().peekable();
            for (at, guest, mib) in &targets {
                while let Some(look) = looks.next_if(|look| *look <= at * 10) {
                    run.at(f64::from(look) / 100.0);
                }
                run.clock.sleep_until(seconds(f64::from(*at) / 10.0));
                run.set(*guest, *mib).unwrap();
            }
            run.at(31.0)
        };
        prop_assert_eq!(run(Vec::new()), run(looks.into_iter().collect()));
    }
}

#[test]
fn a_balloon_goes_to_its_target_at_its_rate_and_stops_at_what_is_used() {
    let mut run = Run::new(spec(vec![memory(Vec::new())]), 1);
    run.set(0, 1500).unwrap();
    assert_eq!(run.balloon(0, 1.0).actual, MIB(1200));
    assert_eq!(run.at(1.0).memory.unwrap().available, MIB(8800));
    assert_eq!(run.balloon(0, 2.5).actual, MIB(1500));
    run.set(0, 0).unwrap();
    assert_eq!(run.balloon(0, 4.5).actual, MIB(1100));
    assert_eq!(
        run.balloon(0, 20.0).actual,
        MIB(216),
        "base and kernel reserve"
    );
    assert_eq!(run.balloon(0, 20.0).unused, Some(MIB(16)));
}

#[test]
fn growth_stops_where_it_should_and_frees_all() {
    let work = vec![
        MemoryWork::WaitUntil(seconds(2.0)),
        grow(100.0, Some(MIB(300))),
        MemoryWork::Wait(Duration::from_secs(2)),
        MemoryWork::Free,
    ];
    let mut run = Run::new(spec(vec![memory(work)]), 1);
    let used = |run: &mut Run, s| {
        run.at(s);
        let truth = run.host.memory(run.id(0)).unwrap();
        (truth.used.whole_mib(), truth.growing)
    };
    assert_eq!(used(&mut run, 1.9), (200, false));
    assert_eq!(used(&mut run, 3.0), (310, true));
    assert_eq!(used(&mut run, 5.5), (500, false));
    assert_eq!(used(&mut run, 7.0), (200, false));
    expect_test::expect!["[(2.0, GrowthBegan), (4.9, GrowthEnded), (6.9, Freed)]"]
        .assert_eq(&format!("{:?}", run.changes(0)));
    assert_eq!(run.host.spec().changes(run.id(0)), [seconds(2.0)]);
}

#[test]
fn a_starved_guest_waits_and_then_its_allocation_fails() {
    let work = || vec![grow(100.0, None), MemoryWork::Free];
    let swapping = MemorySpec {
        swap: true,
        ..memory(work())
    };
    let mut run = Run::new(spec(vec![memory(work()), swapping]), 1);
    run.at(7.9);
    // 784 MiB are gone after 7.9 s; memory that comes within two seconds saves the program.
    run.set(1, 1100).unwrap();
    let sample = run.at(9.7);
    let stats = |guest: usize| sample.domains[guest].balloon.clone().unwrap();
    assert!(stats(0).major_faults > Some(0) && stats(1).major_faults > Some(0));
    assert_eq!(stats(0).swap_out, Some(Bytes::ZERO));
    assert!(stats(1).swap_out > Some(Bytes::ZERO) && stats(1).swap_out == stats(1).swap_in);
    let starved = run.host.memory(run.id(0)).unwrap();
    assert!(starved.starved && starved.growing);
    run.at(15.0);
    expect_test::expect!["[(0.1, GrowthBegan), (9.8, AllocationFailed), (9.8, Freed)]"]
        .assert_eq(&format!("{:?}", run.changes(0)));
    expect_test::expect!["[(0.1, GrowthBegan), (11.0, AllocationFailed), (11.0, Freed)]"]
        .assert_eq(&format!("{:?}", run.changes(1)));
}

#[test]
fn cache_fills_what_is_unused_and_gives_way() {
    let cached = MemorySpec {
        cache: PageCache {
            mib_s: 100.0,
            most: MIB(600),
        },
        ..memory(vec![
            MemoryWork::WaitUntil(seconds(12.0)),
            grow(100.0, Some(MIB(500))),
        ])
    };
    let mut run = Run::new(spec(vec![cached]), 1);
    let balloon = run.balloon(0, 9.0);
    assert_eq!(balloon.caches, Some(MIB(600)));
    assert_eq!(
        (balloon.unused, balloon.usable),
        (Some(MIB(200)), Some(MIB(800)))
    );
    run.set(0, 800).unwrap();
    let balloon = run.balloon(0, 11.5);
    assert_eq!((balloon.actual, balloon.caches), (MIB(800), Some(MIB(584))));
    let balloon = run.balloon(0, 19.0);
    assert_eq!(
        (balloon.unused, balloon.caches),
        (Some(MIB(16)), Some(MIB(84)))
    );
}

#[test]
fn statistics_come_with_the_period_and_age_in_between() {
    let mut slow = memory(vec![grow(10.0, None)]);
    slow.balloon = Some(BalloonSpec {
        period: Duration::from_secs(5),
        ..BalloonSpec::default()
    });
    let mut never = memory(Vec::new());
    never.balloon = Some(BalloonSpec {
        period: Duration::ZERO,
        ..BalloonSpec::default()
    });
    let mut run = Run::new(spec(vec![slow, never]), 3);
    let mut stamps = Vec::new();
    for tenth in 60..260 {
        let balloon = run.balloon(0, f64::from(tenth) / 10.0);
        let age = balloon.age.unwrap();
        assert!(age < Duration::from_millis(5100), "{age:?}");
        let told = run.clock.now().as_secs_f64() - age.as_secs_f64();
        let unused = 800.0 - 10.0 * told;
        assert!((balloon.unused.unwrap().as_mib_f64() - unused).abs() < 0.01);
        stamps.push(balloon.stamp.unwrap());
    }
    stamps.dedup();
    let apart = |pair: &[u64]| pair[1] - pair[0] == 5;
    assert!(
        stamps.len() >= 4 && stamps.windows(2).all(apart),
        "{stamps:?}"
    );
    let balloon = run.balloon(1, 26.0);
    assert_eq!(
        (balloon.unused, balloon.stamp, balloon.age),
        (None, None, None)
    );
    run.set_period(1, Duration::from_secs(1)).unwrap();
    let balloon = run.balloon(1, 26.1);
    assert_eq!(
        (balloon.unused, balloon.age),
        (Some(MIB(800)), Some(Duration::ZERO))
    );
    run.set_period(1, Duration::ZERO).unwrap();
    assert_eq!(run.balloon(1, 36.1).age, Some(Duration::from_secs(10)));
    assert!(matches!(
        run.set_period(1, Duration::from_millis(1500)),
        Err(HvError::Failed(_))
    ));
}

#[test]
fn without_a_device_or_a_driver_nothing_moves() {
    let mut bare = memory(Vec::new());
    bare.balloon = None;
    let mut driverless = memory(Vec::new());
    driverless.balloon = Some(BalloonSpec {
        driver: false,
        ..BalloonSpec::default()
    });
    let mut run = Run::new(spec(vec![bare, driverless]), 1);
    let unsupported = |result| matches!(result, Err(HvError::Unsupported(_)));
    assert!(unsupported(run.set(0, 900)));
    assert!(unsupported(run.set_period(0, Duration::from_secs(1))));
    run.set(1, 900).unwrap();
    run.set_period(1, Duration::from_secs(1)).unwrap();
    let sample = run.at(30.0);
    assert_eq!(sample.domains[0].balloon, None);
    let balloon = sample.domains[1].balloon.clone().unwrap();
    assert_eq!((balloon.actual, balloon.unused), (MIB(1000), None));
    assert_eq!(
        sample.memory.unwrap().available,
        MIB(8000),
        "counted all the same"
    );
    assert_eq!(run.host.originals(run.id(0)).unwrap().target, None);
}

#[test]
fn targets_beyond_the_maximum_are_refused_and_originals_are_told() {
    let mut run = Run::new(spec(vec![memory(Vec::new())]), 1);
    assert!(matches!(run.set(0, 2001), Err(HvError::Failed(_))));
    let id = run.id(0);
    let original = run.host.originals(id).unwrap();
    assert_eq!(original.target, Some(MIB(1000)));
    assert_eq!(original.stats_period, Some(Duration::from_secs(1)));
    run.set(0, 2000).unwrap();
    assert_eq!(run.host.originals(id).unwrap().target, Some(MIB(2000)));
    assert_eq!(run.host.calls().len(), 1);
    assert_eq!(run.host.pin_calls(), 0);
}

#[test]
fn a_held_guest_stands_still_and_a_new_run_or_a_reboot_begins_anew() {
    let mut spec = spec(vec![memory(vec![grow(100.0, Some(MIB(300)))]); 3]);
    let span = |from, until| Span {
        from: seconds(from),
        until: seconds(until),
    };
    spec.guests[0].paused = vec![span(1.0, 3.0)];
    spec.guests[1].runs = vec![span(0.0, 5.0), span(6.0, 99.0)];
    let rebooted = spec.guests[2].memory.as_mut().unwrap();
    rebooted.reboots = vec![seconds(5.0)];
    let mut run = Run::new(spec, 1);
    run.set(0, 900).unwrap();
    run.set(1, 1100).unwrap();
    let used = |run: &Run, guest| run.host.clone().memory(run.id(guest)).map(|it| it.used);
    run.at(2.5);
    let held = run.host.memory(run.id(0)).unwrap();
    assert_eq!((held.actual, held.used), (MIB(900), MIB(290)));
    let sample = run.at(5.5);
    assert_eq!(sample.domains.len(), 2);
    assert_eq!(sample.memory.unwrap().available, MIB(10_000 - 900 - 2000));
    assert_eq!(
        used(&run, 2),
        Some(MIB(200)),
        "the reboot took the programs along"
    );
    assert_eq!(sample.domains[1].balloon.clone().unwrap().actual, MIB(2000));
    assert_eq!((used(&run, 1), run.host.memory_taken()), (None, MIB(2900)));
    run.at(6.5);
    let anew = run.host.memory(run.id(1)).unwrap();
    assert_eq!((anew.actual, anew.used), (MIB(1000), MIB(260)));
    assert_eq!(run.changes(2).pop(), Some((5.0, MemoryChange::Rebooted)));
}

#[test]
fn the_hosts_own_use_counts_and_what_is_not_there_is_not_negative() {
    let mut spec = spec(vec![memory(Vec::new())]);
    let used = [(1.0, 500), (2.0, 9500)].map(|(at, mib)| HostUse {
        at: seconds(at),
        used: MIB(mib),
    });
    spec.memory.as_mut().unwrap().used = used.to_vec();
    let mut run = Run::new(spec, 1);
    let available = |run: &mut Run, s| run.at(s).memory.unwrap().available;
    assert_eq!(available(&mut run, 0.5), MIB(9000));
    assert_eq!(available(&mut run, 1.5), MIB(8500));
    assert_eq!(available(&mut run, 2.5), Bytes::ZERO);
    assert_eq!(run.host.memory_taken(), MIB(10_500));
}

#[test]
fn scenarios_start_as_published_and_grow_at_the_published_rates() {
    for seed in 0..20 {
        for (name, growing) in [("mem-1", 1), ("mem-2", 4), ("mem-3", 4), ("mem-4", 2)] {
            let mut run = Run::scenario(name, seed);
            let sample = run.at(9.0);
            assert_eq!(sample.memory.unwrap().available, MIB(4096));
            for domain in &sample.domains {
                let balloon = domain.balloon.clone().unwrap();
                assert_eq!((balloon.actual, balloon.max), (MIB(512), MIB(2048)));
                let unused = balloon.unused.unwrap();
                assert!((MIB(311)..=MIB(363)).contains(&unused), "{unused}");
            }
            let used = |run: &mut Run, s| -> Vec<f64> {
                run.at(s);
                let ids: Vec<DomainId> = (0..4).map(|guest| run.id(guest)).collect();
                let truths = ids.iter().map(|id| run.host.memory(*id).unwrap());
                truths.map(|truth| truth.used.as_mib_f64()).collect()
            };
            let (early, late) = (used(&mut run, 11.0), used(&mut run, 19.0));
            let rates: Vec<f64> = early.iter().zip(late).map(|(a, b)| (b - a) / 8.0).collect();
            let grew = rates.iter().filter(|rate| **rate > 0.0);
            assert_eq!(grew.count(), growing, "{name}");
            let strange = |rate: &&f64| **rate > 0.0 && !(17.0 * 0.8..28.0 * 1.2).contains(*rate);
            assert_eq!(rates.iter().find(strange), None, "{name} {seed}");
        }
    }
}

#[test]
fn all_growing_guests_of_a_scenario_come_to_their_end() {
    for seed in 0..5 {
        let mut run = Run::scenario("mem-3", seed);
        (0..4).for_each(|guest| {
            let mib = if guest < 2 { 1000 } else { 2048 };
            run.set(guest, mib).unwrap();
        });
        run.at(200.0);
        let ends = [
            MemoryChange::GrowthEnded,
            MemoryChange::GrowthEnded,
            MemoryChange::AllocationFailed,
            MemoryChange::AllocationFailed,
        ];
        for (guest, end) in ends.into_iter().enumerate() {
            let changes: Vec<MemoryChange> = run.changes(guest).iter().map(|it| it.1).collect();
            let expected = [MemoryChange::GrowthBegan, end, MemoryChange::Freed];
            assert_eq!(changes, expected, "{seed} {guest}");
        }
    }
}

#[test]
fn the_monitor_shows_memory_in_mib() {
    let mut run = Run::scenario("mem-1", 1);
    let mut monitor = Monitor::new();
    monitor.observe(&run.at(1.0));
    let reading = monitor.observe(&run.at(3.0)).unwrap();
    expect_test::expect![[r#"
        0 - usage: 1.0 | mapping ['aos_vm_2']
        1 - usage: 1.0 | mapping ['aos_vm_4']
        2 - usage: 0.0 | mapping []
        3 - usage: 2.0 | mapping ['aos_vm_1', 'aos_vm_3']
        Memory (VM: aos_vm_1)  Actual [512.0], Unused: [312.58203125]
        Memory (VM: aos_vm_2)  Actual [512.0], Unused: [313.234375]
        Memory (VM: aos_vm_3)  Actual [512.0], Unused: [313.33984375]
        Memory (VM: aos_vm_4)  Actual [512.0], Unused: [336.26171875]
    "#]]
    .assert_eq(&reading.human());
    expect_test::expect![[r#"
        usage,0,1.0
        mapping,0,aos_vm_2
        usage,1,1.0
        mapping,1,aos_vm_4
        usage,2,0.0
        usage,3,2.0
        mapping,3,aos_vm_1
        mapping,3,aos_vm_3
        memory,aos_vm_1,512.0,312.58203125
        memory,aos_vm_2,512.0,313.234375
        memory,aos_vm_3,512.0,313.33984375
        memory,aos_vm_4,512.0,336.26171875
    "#]]
    .assert_eq(&reading.machine());
}

#[test]
fn frozen_statistics_and_slow_balloons_last_as_long_as_asked() {
    let mut run = Run::new(spec(vec![memory(vec![grow(10.0, None)]); 2]), 1);
    let domain = run.id(0);
    let during = Span {
        from: seconds(5.0),
        until: seconds(15.0),
    };
    run.host.inject(Fault::StatsFrozen { domain, during });
    run.host.inject(Fault::BalloonSlow {
        domain,
        mib_s: 5.0,
        during,
    });
    run.clock.sleep_until(seconds(5.05));
    (0..2).for_each(|guest| run.set(guest, 1200).unwrap());
    let frozen = run.balloon(0, 14.9);
    assert!(frozen.age.unwrap() > Duration::from_millis(9800));
    assert!(run.balloon(1, 14.9).age.unwrap() < Duration::from_millis(1100));
    assert!(
        (frozen.actual.as_mib_f64() - 1049.0).abs() < 1.1,
        "{}",
        frozen.actual
    );
    assert_eq!(run.balloon(1, 14.9).actual, MIB(1200));
    let healed = run.balloon(0, 16.5);
    assert_eq!(healed.actual, MIB(1200));
    assert!(healed.age.unwrap() < Duration::from_millis(1100));
}

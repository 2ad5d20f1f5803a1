//! The simulated CPU keeps its promises: nothing is made up, nothing depends on being looked at.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own set-up is wrong"
)]

use cloudlot_core::{Clock, ManualClock, Seeds, Timestamp};
use cloudlot_hv::fake::{
    Counters, DemandStep, FakeHost, GuestSpec, HostSpec, Load, Monitor, MonitorReading, Noise,
    PcpuSpec, Span, VcpuSpec, scenario,
};
use cloudlot_hv::{
    CpuSet, DomainState, HostSample, HostStep, HvError, Hypervisor, PcpuId, VcpuId, VcpuSample,
};
use proptest::prelude::*;
use std::time::Duration;

fn seconds(s: f64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs_f64(s)
}

fn host(spec: HostSpec, seed: u64) -> (FakeHost, ManualClock) {
    let clock = ManualClock::default();
    let host = FakeHost::new(spec, Seeds::new(seed), clock.clone()).unwrap();
    (host, clock)
}

fn scenario_host(name: &str, seed: u64) -> (FakeHost, ManualClock) {
    let seeds = Seeds::new(seed);
    host(scenario::named(name, seeds).unwrap(), seed)
}

fn sample_at(host: &mut FakeHost, clock: &ManualClock, s: f64) -> HostSample {
    clock.sleep_until(seconds(s));
    host.sample().unwrap()
}

/// Guests of one vCPU each, in nanoseconds, without noise.
fn guests(pcpus: u32, vcpus: Vec<VcpuSpec>) -> HostSpec {
    let guests = (1..)
        .zip(vcpus)
        .map(|(number, vcpu)| GuestSpec::new(number, format!("g{number}"), vec![vcpu]));
    HostSpec {
        counters: Counters {
            step: Duration::ZERO,
            ..Counters::default()
        },
        ..HostSpec::new(pcpus, guests.collect())
    }
}

fn open(cores: f64) -> VcpuSpec {
    VcpuSpec::steady(Load::Open { cores })
}

fn vcpu(sample: &HostSample, guest: usize) -> &VcpuSample {
    &sample.domains[guest].vcpus[0]
}

fn pin(sample: &HostSample, guest: usize, to: &str) -> HostStep {
    let domain = sample.domains[guest].id;
    HostStep::Pin {
        vcpu: VcpuId { domain, index: 0 },
        to: to.parse().unwrap(),
    }
}

/// Readings of every whole second, the first over second 0 to 1.
fn readings(name: &str, seed: u64, count: u32) -> Vec<MonitorReading> {
    let (mut host, clock) = scenario_host(name, seed);
    let mut monitor = Monitor::new();
    (0..=count)
        .filter_map(|second| monitor.observe(&sample_at(&mut host, &clock, f64::from(second))))
        .collect()
}

fn arbitrary_host() -> impl Strategy<Value = HostSpec> {
    let load = prop_oneof![
        (0.0..1.0).prop_map(|cores| Load::Open { cores }),
        (0_u32..500, 0_u32..500).prop_map(|(run_us, sleep_us)| Load::Loop { run_us, sleep_us }),
    ];
    let step = (0_u64..20_000_000_000, load).prop_map(|(at, load)| DemandStep {
        at: Timestamp::from_nanos(at),
        load,
    });
    let demand = proptest::collection::vec(step, 1..4).prop_map(|mut steps| {
        steps.sort_by_key(|step| step.at);
        steps
    });
    let pcpus = 4_u32;
    let mask = proptest::option::of(proptest::collection::btree_set(0..pcpus, 1..4));
    let vcpu = (demand.clone(), mask).prop_map(|(demand, mask)| VcpuSpec {
        mask: mask.map(|ids| ids.into_iter().map(PcpuId::new).collect()),
        ..VcpuSpec::new(0, demand)
    });
    let span = (0_u64..20, 1_u64..20).prop_map(|(from, length)| Span {
        from: Timestamp::from_nanos(from * 700_000_000),
        until: Timestamp::from_nanos((from + length) * 700_000_000),
    });
    let offline = proptest::option::of(span.clone());
    let paused = proptest::collection::vec(proptest::option::of(span), 10);
    (
        proptest::collection::vec(vcpu, 1..10),
        demand,
        offline,
        paused,
    )
        .prop_map(move |(vcpus, background, offline, paused)| {
            let mut spec = guests(pcpus, vcpus);
            spec.noise = Noise::Uniform { spread: 0.2 };
            spec.pcpus[0].background = background;
            spec.pcpus[1].offline.extend(offline);
            for (guest, span) in spec.guests.iter_mut().zip(paused) {
                guest.paused.extend(span);
            }
            spec
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn looking_more_often_changes_nothing(
        spec in arbitrary_host(),
        seed: u64,
        looks in proptest::collection::vec(0.0_f64..20.0, 0..50),
    ) {
        let (mut seldom, slow) = host(spec.clone(), seed);
        let (mut often, fast) = host(spec, seed);
        let mut looks = looks;
        looks.sort_by(f64::total_cmp);
        for at in looks {
            sample_at(&mut often, &fast, at);
        }
        prop_assert_eq!(sample_at(&mut seldom, &slow, 20.0), sample_at(&mut often, &fast, 20.0));
    }

    #[test]
    fn no_pcpu_gives_more_time_than_passes(spec in arbitrary_host(), seed: u64) {
        let (mut host, clock) = host(spec, seed);
        let mut before = host.sample().unwrap();
        for step in 1..40 {
            let now = sample_at(&mut host, &clock, f64::from(step) / 2.0);
            let passed = now.at.since(before.at);
            let mut used = Duration::ZERO;
            for (old, new) in before.domains.iter().zip(&now.domains) {
                let (old, new) = (&old.vcpus[0], &new.vcpus[0]);
                let (time, delay) = (new.time - old.time, new.delay.unwrap() - old.delay.unwrap());
                prop_assert!(time + delay <= passed + Duration::from_nanos(20));
                used += time;
            }
            let busy = |sample: &HostSample| sample.pcpus.iter().map(|p| p.busy.unwrap()).sum();
            let (busy_before, busy_now): (Duration, Duration) = (busy(&before), busy(&now));
            let busy = busy_now - busy_before;
            prop_assert!(used <= busy + Duration::from_micros(1), "{used:?} {busy:?}");
            prop_assert!(busy <= passed * 4);
            before = now;
        }
    }

    #[test]
    fn open_demand_is_either_served_or_waited_for(
        loads in proptest::collection::vec(0.0_f64..1.0, 1..8), seed: u64,
    ) {
        let vcpus = loads.iter().map(|&cores| open(cores)).collect();
        let (mut host, clock) = host(guests(2, vcpus), seed);
        let sample = sample_at(&mut host, &clock, 10.0);
        for (at, cores) in loads.iter().enumerate() {
            let demand = vcpu(&sample, at).time + vcpu(&sample, at).delay.unwrap();
            prop_assert!((demand.as_secs_f64() - 10.0 * cores).abs() < 1e-5);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_samples_and_another_seed_others() {
    for (name, _) in scenario::SCENARIOS {
        let run = |seed| {
            let (mut host, clock) = scenario_host(name, seed);
            let samples: Vec<HostSample> = (1..40)
                .map(|second| sample_at(&mut host, &clock, f64::from(second)))
                .collect();
            format!("{samples:?}")
        };
        assert_eq!(run(5), run(5), "{name}");
        assert_ne!(run(5), run(6), "{name}");
    }
}

#[test]
fn a_full_pcpu_is_shared_fairly_and_the_modest_are_served_whole() {
    let vcpus = [0.1, 1.0, 0.5, 1.0].map(|cores| open(cores).pinned_to(0));
    let (mut host, clock) = host(guests(1, vcpus.to_vec()), 1);
    let sample = sample_at(&mut host, &clock, 10.0);
    let times: Vec<f64> = (0..4)
        .map(|at| vcpu(&sample, at).time.as_secs_f64())
        .collect();
    for (time, expected) in times.iter().zip([1.0, 3.0, 3.0, 3.0]) {
        assert!((time - expected).abs() < 1e-6, "{times:?}");
    }
    assert!((sample.pcpus[0].busy.unwrap().as_secs_f64() - 10.0).abs() < 1e-6);
}

#[test]
fn weights_and_background_count_in_the_division() {
    let mut spec = guests(1, vec![open(1.0), open(1.0)]);
    spec.guests[1].rules.weight = 2;
    spec.pcpus[0].background = open(1.0).demand;
    let (mut host, clock) = host(spec, 1);
    let sample = sample_at(&mut host, &clock, 8.0);
    assert!((vcpu(&sample, 0).time.as_secs_f64() - 2.0).abs() < 1e-6);
    assert!((vcpu(&sample, 1).time.as_secs_f64() - 4.0).abs() < 1e-6);
}

#[test]
fn a_crowded_loop_overstates_its_demand_and_an_uncrowded_one_does_not() {
    let busy_loop = || {
        VcpuSpec::steady(Load::Loop {
            run_us: 100,
            sleep_us: 400,
        })
        .pinned_to(0)
    };
    let (mut alone, clock) = host(guests(1, vec![busy_loop()]), 1);
    let sample = sample_at(&mut alone, &clock, 10.0);
    assert_eq!(vcpu(&sample, 0).time, Duration::from_secs(2));
    assert_eq!(vcpu(&sample, 0).delay, Some(Duration::ZERO));
    let (mut crowded, clock) = host(guests(1, (0..8).map(|_| busy_loop()).collect()), 1);
    let sample = sample_at(&mut crowded, &clock, 10.0);
    // A turn takes 100 µs / 0.125 = 800 µs, of which 500 are not waited.
    assert_eq!(vcpu(&sample, 0).time, Duration::from_millis(1250));
    assert_eq!(vcpu(&sample, 0).delay, Some(Duration::from_millis(3750)));
}

#[test]
fn a_slow_pcpu_takes_longer_for_the_same_work() {
    let mut spec = guests(2, vec![open(0.3).pinned_to(0), open(0.3).pinned_to(1)]);
    spec.pcpus[1].speed = 0.5;
    let (mut host, clock) = host(spec, 1);
    let sample = sample_at(&mut host, &clock, 10.0);
    assert!((vcpu(&sample, 0).time.as_secs_f64() - 3.0).abs() < 1e-6);
    assert!((vcpu(&sample, 1).time.as_secs_f64() - 6.0).abs() < 1e-6);
}

#[test]
fn a_pin_takes_effect_at_its_moment_and_is_counted() {
    let (mut host, clock) = host(
        guests(2, vec![open(1.0).pinned_to(0), open(1.0).pinned_to(0)]),
        1,
    );
    let sample = sample_at(&mut host, &clock, 1.0015);
    host.apply(&pin(&sample, 1, "1")).unwrap();
    host.apply(&pin(&sample, 0, "0")).unwrap();
    assert_eq!((host.pin_calls(), host.migrations()), (2, 1));
    assert_eq!(host.calls()[0], (sample.at, pin(&sample, 1, "1")));
    let after = sample_at(&mut host, &clock, 2.0015);
    let moved = vcpu(&after, 1).time - vcpu(&sample, 1).time;
    assert_eq!(moved, Duration::from_secs(1));
    assert_eq!(vcpu(&after, 1).on, Some(PcpuId::new(1)));
    let busy = after.pcpus[1].busy.unwrap();
    assert_eq!(busy, Duration::from_secs(1));
}

#[test]
fn counters_are_shown_in_steps_and_delay_to_the_nanosecond() {
    let mut spec = guests(1, vec![open(0.9), open(0.987_654_321)]);
    spec.counters = Counters::default();
    let (mut counted, clock) = host(spec.clone(), 1);
    let sample = sample_at(&mut counted, &clock, 3.0);
    let shown = vcpu(&sample, 0);
    assert_eq!(shown.time.as_nanos() % 10_000_000, 0);
    assert_ne!(vcpu(&sample, 1).delay.unwrap().as_nanos() % 10_000_000, 0);
    spec.counters = Counters {
        delay: false,
        busy: false,
        ..spec.counters
    };
    let (mut silent, _) = host(spec, 1);
    let sample = silent.sample().unwrap();
    assert_eq!(vcpu(&sample, 0).delay, None);
    assert_eq!(sample.pcpus[0].busy, None);
    assert!(!silent.capabilities().delay);
}

#[test]
fn an_offline_pcpu_is_left_and_refuses_pins() {
    let mut spec = guests(2, vec![open(0.5).pinned_to(1), open(0.5)]);
    let away = Span {
        from: seconds(1.0),
        until: seconds(2.0),
    };
    spec.pcpus[1].offline.push(away);
    spec.pcpus.push(PcpuSpec {
        for_guests: false,
        ..PcpuSpec::new(2)
    });
    let (mut host, clock) = host(spec, 1);
    let sample = sample_at(&mut host, &clock, 1.5);
    assert_eq!(
        sample.pcpus.iter().map(|p| p.usable).collect::<Vec<_>>(),
        [true, false, false]
    );
    assert_eq!(
        vcpu(&sample, 0).on,
        Some(PcpuId::new(0)),
        "a broken mask runs elsewhere"
    );
    assert_eq!(vcpu(&sample, 0).mask.to_string(), "1", "and is still shown");
    for to in ["1", "2", "1-2", "7"] {
        let refused = host.apply(&pin(&sample, 1, to)).unwrap_err();
        assert!(
            matches!(refused, HvError::CpuRefused { .. }),
            "{to}: {refused}"
        );
    }
    assert_eq!((host.pin_calls(), host.refusals().len()), (0, 4));
    let sample = sample_at(&mut host, &clock, 2.5);
    assert_eq!(
        vcpu(&sample, 0).on,
        Some(PcpuId::new(1)),
        "back in its mask"
    );
}

#[test]
fn guests_come_go_pause_and_start_anew() {
    let mut spec = guests(1, vec![open(0.1), open(0.1), open(0.1)]);
    let span = |from, until| Span {
        from: seconds(from),
        until: seconds(until),
    };
    spec.guests[0].runs = vec![span(1.0, 3.0), span(3.0, 5.0)];
    spec.guests[1].paused = vec![span(2.0, 4.0)];
    let late = VcpuSpec {
        index: 7,
        plugged: span(2.0, 4.0),
        ..open(0.1)
    };
    spec.guests[2].vcpus.push(late);
    let (mut host, clock) = host(spec, 1);
    let names = |sample: &HostSample| -> Vec<String> {
        sample
            .domains
            .iter()
            .map(|domain| domain.name.clone())
            .collect()
    };
    assert_eq!(names(&sample_at(&mut host, &clock, 0.5)), ["g2", "g3"]);
    let first = sample_at(&mut host, &clock, 2.5);
    assert_eq!(names(&first), ["g1", "g2", "g3"]);
    assert_eq!(first.domains[1].state, DomainState::Paused);
    assert_eq!(
        first.domains[2]
            .vcpus
            .iter()
            .map(|v| v.index)
            .collect::<Vec<_>>(),
        [0, 7]
    );
    let second = sample_at(&mut host, &clock, 3.5);
    assert_ne!(first.domains[0].run, second.domains[0].run);
    assert_eq!(vcpu(&second, 0).time, Duration::from_millis(50));
    assert_eq!(
        vcpu(&second, 1).time,
        Duration::from_millis(200),
        "held since second 2"
    );
    let third = sample_at(&mut host, &clock, 6.0);
    assert_eq!(names(&third), ["g2", "g3"]);
    assert_eq!(third.domains[1].vcpus.len(), 1);
    let gone = host.apply(&pin(&first, 0, "0")).unwrap_err();
    assert_eq!(gone, HvError::Vanished(first.domains[0].id));
    assert_eq!(host.originals(first.domains[0].id).unwrap_err(), gone);
    assert!(host.destroy(first.domains[1].id) && !host.destroy(first.domains[1].id));
    assert_eq!(names(&sample_at(&mut host, &clock, 6.0)), ["g3"]);
}

#[test]
fn what_cannot_be_changed_is_refused() {
    let mut spec = guests(1, vec![open(0.1), open(0.1)]);
    spec.guests[0].rules.pinnable = false;
    spec.guests[1].jobs.push(Span::ALWAYS);
    let (mut host, _) = host(spec, 1);
    let sample = host.sample().unwrap();
    assert!(sample.domains[1].job);
    let refusal = |host: &mut FakeHost, step: HostStep| host.apply(&step).unwrap_err();
    let unpinnable = refusal(&mut host, pin(&sample, 0, "0"));
    assert!(
        matches!(unpinnable, HvError::Unsupported(_)),
        "{unpinnable}"
    );
    let busy = refusal(&mut host, pin(&sample, 1, "0"));
    assert!(matches!(busy, HvError::Busy { .. }), "{busy}");
}

#[test]
fn a_vcpu_that_is_not_there_cannot_be_pinned() {
    let (mut host, _) = host(guests(1, vec![open(0.1)]), 1);
    let domain = host.sample().unwrap().domains[0].id;
    let to = CpuSet::single(PcpuId::new(0));
    let step = HostStep::Pin {
        vcpu: VcpuId { domain, index: 3 },
        to,
    };
    assert!(matches!(host.apply(&step), Err(HvError::Failed(_))));
}

#[test]
fn specifications_without_sense_are_refused() {
    let refused = |change: &dyn Fn(&mut HostSpec)| {
        let mut spec = guests(2, vec![open(0.1), open(0.1)]);
        change(&mut spec);
        FakeHost::new(spec, Seeds::new(1), ManualClock::default())
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    let refusals = [
        refused(&|spec| spec.pcpus[1].id = PcpuId::new(0)),
        refused(&|spec| spec.pcpus[1].id = PcpuId::new(99_999)),
        refused(&|spec| spec.pcpus[1].speed = f64::NAN),
        refused(&|spec| spec.guests[1].id = spec.guests[0].id),
        refused(&|spec| spec.guests[1].rules.weight = 0),
        refused(&|spec| spec.guests[1].vcpus.push(open(0.2))),
        refused(&|spec| spec.guests[1].vcpus[0].mask = Some("5".parse().unwrap())),
        refused(&|spec| spec.guests[1].vcpus[0] = open(-0.1)),
        refused(&|spec| {
            let late = DemandStep {
                at: seconds(1.0),
                load: Load::NONE,
            };
            spec.guests[1].vcpus[0].demand.insert(0, late);
        }),
        refused(&|spec| spec.noise = Noise::Uniform { spread: 1.5 }),
    ];
    expect_test::expect![[r#"
        pcpu0 is there twice
        pcpu99999 is beyond 16384
        pcpu1 has speed NaN, not in (0, 1]
        domain c10d107f-a4e0-4000-0000-000000000001 is there twice
        domain c10d107f-a4e0-4000-0000-000000000002 has weight 0
        domain c10d107f-a4e0-4000-0000-000000000002 has vcpu 0 twice
        domain c10d107f-a4e0-4000-0000-000000000002 vcpu 0 starts on no pcpu of the host
        Open { cores: -0.1 } is no load
        a demand step at 0.000s comes after a later one
        Uniform { spread: 1.5 } is no noise"#]]
    .assert_eq(&refusals.join("\n"));
}

#[test]
fn monitor_lines_are_those_of_the_original() {
    let reading = readings("cpu-2", 1, 10).pop().unwrap();
    expect_test::expect![[r#"
        0 - usage: 80.0 | mapping ['aos_vm_1', 'aos_vm_2', 'aos_vm_3', 'aos_vm_4']
        1 - usage: 78.0 | mapping ['aos_vm_5', 'aos_vm_6', 'aos_vm_7', 'aos_vm_8']
        2 - usage: 0.0 | mapping []
        3 - usage: 0.0 | mapping []
    "#]]
    .assert_eq(&reading.human());
    expect_test::expect![[r#"
        usage,0,80.0
        mapping,0,aos_vm_1
        mapping,0,aos_vm_2
        mapping,0,aos_vm_3
        mapping,0,aos_vm_4
        usage,1,78.0
        mapping,1,aos_vm_5
        mapping,1,aos_vm_6
        mapping,1,aos_vm_7
        mapping,1,aos_vm_8
        usage,2,0.0
        usage,3,0.0
    "#]]
    .assert_eq(&reading.machine());
}

#[test]
fn balanced_scenarios_have_the_plateaus_of_the_originals() {
    for seed in 0..20 {
        for reading in &readings("cpu-3", seed, 25)[6..] {
            for pcpu in &reading.pcpus {
                assert!((pcpu.usage - 40.0).abs() <= 5.0, "{pcpu:?}");
            }
            assert!(reading.spread() <= 5.0);
        }
        for reading in readings("cpu-6", seed, 25) {
            assert!(
                reading.pcpus.iter().all(|pcpu| pcpu.usage <= 6.0),
                "{reading:?}"
            );
        }
        let crowded = &readings("cpu-1", seed, 25)[6];
        assert!(
            crowded.pcpus[0].usage >= 98.0 && crowded.spread() > 40.0,
            "{crowded:?}"
        );
        let halves = &readings("cpu-2", seed, 25)[6];
        let used: Vec<f64> = halves.pcpus.iter().map(|pcpu| pcpu.usage).collect();
        assert!(
            (used[0] - 80.0).abs() < 5.0 && (used[1] - 80.0).abs() < 5.0,
            "{used:?}"
        );
    }
}

#[test]
fn floating_vcpus_look_imbalanced_and_are_served_all_the_same() {
    let mut high = 0;
    for name in ["cpu-4", "cpu-5"] {
        for seed in 0..20 {
            let readings = readings(name, seed, 25);
            let unbalanced = readings[6..].iter().filter(|r| r.spread() > 5.0).count();
            assert!(unbalanced >= 8, "{name} {seed}: {unbalanced} of 19");
            let pcpus = readings[6..].iter().flat_map(|reading| &reading.pcpus);
            high += pcpus.filter(|pcpu| pcpu.usage > 100.0).count();
            let total: f64 = readings[20].pcpus.iter().map(|pcpu| pcpu.usage).sum();
            let expected = if name == "cpu-4" { 160.0 } else { 219.4 };
            assert!((total - expected).abs() < 10.0, "{name} {seed}: {total}");
        }
    }
    assert!(high >= 10, "readings above 100: {high}");
}

#[test]
fn the_half_that_turns_heavy_differs_by_seed_and_its_moments_are_told() {
    let halves: Vec<Vec<String>> = (0..20)
        .map(|seed| {
            let spec = scenario::named("cpu-7", Seeds::new(seed)).unwrap();
            let turns = |guest: &&GuestSpec| {
                let changes = spec.changes(guest.id);
                let start = |at: &Timestamp| (5.0..5.5).contains(&at.as_secs_f64());
                let switch = |at: &Timestamp| (13.5..14.0).contains(&at.as_secs_f64());
                assert!(changes.first().is_some_and(start) && changes.len() <= 2);
                changes.get(1).is_some_and(switch)
            };
            spec.guests
                .iter()
                .filter(turns)
                .map(|guest| guest.name.clone())
                .collect()
        })
        .collect();
    assert!(halves.iter().all(|half| half.len() == 4));
    assert!(halves.iter().any(|half| *half != halves[0]));
}

//! What holds for every plan of pins, over random hosts; the minimum of migrations is checked
//! against an oracle that tries every assignment.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test may panic, and its numbers are small"
)]

use cloudlot_core::Timestamp;
use cloudlot_hv::pins::{PinConfig, PinHistory, plan_pins};
use cloudlot_hv::usage::{PcpuUsage, VcpuUsage};
use cloudlot_hv::{
    CpuPicture, CpuSet, CycleReport, DomainId, HostPlan, HostStep, HostUsage, Outcome, PcpuId,
    PcpuSample, Picture, VcpuId,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const CYCLE: Duration = Duration::from_secs(2);

/// One vCPU of a test host.
#[derive(Clone, Debug)]
struct Load {
    /// In thousandths of a core.
    demand: u32,
    /// Where it is pinned; `None`: it floats, and was last seen on pCPU 0.
    home: Option<u32>,
    bound: Option<Vec<u32>>,
    movable: bool,
}

impl Load {
    fn pinned(demand: u32, home: u32) -> Self {
        Self {
            demand,
            home: Some(home),
            bound: None,
            movable: true,
        }
    }

    fn floating(demand: u32) -> Self {
        Self {
            demand,
            home: None,
            bound: None,
            movable: true,
        }
    }
}

fn set(ids: &[u32]) -> CpuSet {
    ids.iter().copied().map(PcpuId::new).collect()
}

fn pcpu(id: u32, usable: bool) -> PcpuUsage {
    let sample = PcpuSample {
        id: PcpuId::new(id),
        usable,
        core: id,
        cache: 0,
        node: 0,
        speed: 1.0,
        busy: None,
    };
    PcpuUsage {
        sample,
        busy: 0.0,
        background: 0.0,
    }
}

fn vcpu_id(number: usize) -> VcpuId {
    VcpuId {
        domain: DomainId(uuid::Uuid::from_u128(number as u128 / 2)),
        index: (number % 2) as u32,
    }
}

/// A host on which pCPU `n` is usable if bit `n` of `usable` is set.
fn host(usable: &[bool], loads: &[Load]) -> HostUsage {
    let all: Vec<u32> = (0..usable.len() as u32).collect();
    let vcpu = |(number, load): (usize, &Load)| VcpuUsage {
        id: vcpu_id(number),
        movable: load.movable,
        weight: 1,
        mask: load.home.map_or(set(&all), |home| set(&[home])),
        bound: load.bound.as_deref().map(set),
        on: Some(PcpuId::new(load.home.unwrap_or(0))),
        used: 0.0,
        steal: 0.0,
        estimate: f64::from(load.demand) / 1000.0,
        variance: 1e-6,
        correlation: 0.0,
        samples: 5,
    };
    HostUsage {
        at: Timestamp::ZERO + CYCLE,
        elapsed: CYCLE,
        pcpus: all
            .iter()
            .zip(usable)
            .map(|(id, usable)| pcpu(*id, *usable))
            .collect(),
        vcpus: loads.iter().enumerate().map(vcpu).collect(),
        notes: Vec::new(),
    }
}

fn pins(plan: &HostPlan) -> BTreeMap<VcpuId, CpuSet> {
    let pin = |step: &HostStep| match step {
        HostStep::Pin { vcpu, to } => (*vcpu, to.clone()),
        other => panic!("not a pin: {other}"),
    };
    plan.steps
        .iter()
        .map(|planned| pin(&planned.step))
        .collect()
}

fn picture(plan: &HostPlan) -> &CpuPicture {
    match &plan.picture {
        Picture::Cpu(picture) => picture,
        other => panic!("not a cpu picture: {other:?}"),
    }
}

/// Carries a plan out on the usage, as a host would, and lets a cycle pass.
fn carry_out(usage: &mut HostUsage, past: &mut PinHistory, plan: HostPlan, config: &PinConfig) {
    let pins = pins(&plan);
    let outcomes = vec![Outcome::Done; plan.steps.len()];
    let report = CycleReport {
        number: 1,
        at: usage.at,
        names: BTreeMap::new(),
        plan,
        outcomes,
    };
    past.observe(usage, &report, config);
    for vcpu in &mut usage.vcpus {
        if let Some(mask) = pins.get(&vcpu.id) {
            vcpu.mask = mask.clone();
            vcpu.on = mask.only();
        }
    }
    usage.at = usage.at + CYCLE;
}

/// Plans until the trigger has lasted long enough for a plan to be made, at most.
fn first_plan(usage: &mut HostUsage, config: &PinConfig) -> HostPlan {
    let mut past = PinHistory::default();
    for _ in 0..config.trigger_cycles {
        let plan = plan_pins(usage, &past, config);
        if !plan.steps.is_empty() {
            return plan;
        }
        carry_out(usage, &mut past, plan, config);
    }
    plan_pins(usage, &past, config)
}

/// Population variance × bins², in exact integers (loads in thousandths).
fn unevenness(loads: &[u64]) -> u64 {
    let sum: u64 = loads.iter().sum();
    loads.len() as u64 * loads.iter().map(|load| load * load).sum::<u64>() - sum * sum
}

/// Every assignment of `loads` to `bins`: the fewest moves that reach 5 points, or, where none
/// does, the fewest within half a point of the least spread.
fn fewest_moves(bins: u32, loads: &[Load]) -> usize {
    let points = |variance: u64| (variance as f64).sqrt() / f64::from(bins) / 10.0;
    let mut all: Vec<(usize, f64)> = Vec::new();
    for code in 0..u64::from(bins).pow(loads.len() as u32) {
        let mut sums = vec![0; bins as usize];
        let (mut rest, mut moves) = (code, 0);
        for load in loads {
            let bin = (rest % u64::from(bins)) as u32;
            rest /= u64::from(bins);
            sums[bin as usize] += u64::from(load.demand);
            moves += usize::from(bin != load.home.unwrap_or(0));
        }
        all.push((moves, points(unevenness(&sums))));
    }
    let least = all
        .iter()
        .map(|(_, spread)| *spread)
        .fold(f64::INFINITY, f64::min);
    let goal = if least <= 5.0 { 5.0 } else { least + 0.5 };
    all.iter()
        .filter(|(_, spread)| *spread <= goal + 1e-9)
        .map(|(moves, _)| *moves)
        .min()
        .unwrap()
}

fn loads(bins: u32, count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Load>> {
    let load =
        (10_u32..900, prop::option::weighted(0.8, 0..bins)).prop_map(|(demand, home)| Load {
            demand,
            home,
            bound: None,
            movable: true,
        });
    prop::collection::vec(load, count)
}

/// Hosts with offline pCPUs, bounds and vCPUs that must not be touched.
fn rough_host() -> impl Strategy<Value = HostUsage> {
    (1_u32..9).prop_flat_map(|bins| {
        let load = (
            0_u32..1000,
            prop::option::weighted(0.8, 0..bins),
            prop::option::weighted(0.2, prop::collection::vec(0..bins, 1..3)),
            prop::bool::weighted(0.9),
        );
        let load = load.prop_map(|(demand, home, bound, movable)| Load {
            demand,
            home,
            bound,
            movable,
        });
        let usable = prop::collection::vec(prop::bool::weighted(0.85), bins as usize);
        (usable, prop::collection::vec(load, 0..16))
            .prop_map(|(usable, loads)| host(&usable, &loads))
    })
}

fn profile() -> impl Strategy<Value = PinConfig> {
    prop_oneof![Just(PinConfig::course()), Just(PinConfig::production())]
}

fn usable(usage: &HostUsage) -> CpuSet {
    usage
        .pcpus
        .iter()
        .filter(|pcpu| pcpu.sample.usable)
        .map(|pcpu| pcpu.sample.id)
        .collect()
}

/// The sorted loads, highest first: what a peak plan must lower lexicographically.
fn peaks(picture: &CpuPicture, after: bool) -> Vec<f64> {
    let load = |pcpu: &cloudlot_hv::PcpuPicture| if after { pcpu.load_after } else { pcpu.load };
    let mut loads: Vec<f64> = picture.pcpus.iter().map(load).collect();
    loads.sort_by(|a, b| b.total_cmp(a));
    loads
}

proptest! {
    #[test]
    fn c1_masks_are_never_empty_and_always_allowed(mut usage in rough_host(), config in profile()) {
        let plan = first_plan(&mut usage, &config);
        let open = usable(&usage);
        for (id, mask) in pins(&plan) {
            let vcpu = usage.vcpus.iter().find(|vcpu| vcpu.id == id).unwrap();
            prop_assert!(vcpu.movable, "{id:?} must not be touched");
            prop_assert!(!mask.is_empty() && mask.is_subset(&open));
            prop_assert!(vcpu.bound.as_ref().is_none_or(|bound| mask.is_subset(bound)));
            prop_assert_ne!(&vcpu.mask, &mask, "it is there already");
        }
    }

    #[test]
    fn c2_a_plan_of_moves_makes_it_better(seats in prop::collection::vec((0_u32..1000, 0_u32..6), 1..30), config in profile()) {
        let loads: Vec<Load> = seats.iter().map(|(demand, home)| Load::pinned(*demand, *home)).collect();
        let plan = first_plan(&mut host(&[true; 6], &loads), &config);
        if !plan.steps.is_empty() {
            let seen = picture(&plan);
            prop_assert!(seen.spread_after < seen.spread);
            let (before, after) = (peaks(seen, false), peaks(seen, true));
            if config == PinConfig::production() {
                prop_assert!(after.partial_cmp(&before) == Some(std::cmp::Ordering::Less), "{before:?} -> {after:?}");
            }
        }
    }

    #[test]
    fn c3_fixed_loads_come_to_rest(mut usage in rough_host(), config in profile()) {
        let mut past = PinHistory::default();
        let mut last = 0;
        for cycle in 1..40 {
            let plan = plan_pins(&usage, &past, &config);
            if !plan.steps.is_empty() {
                last = cycle;
            }
            carry_out(&mut usage, &mut past, plan, &config);
        }
        prop_assert!(last <= 10, "still moving in cycle {last}");
    }

    #[test]
    fn c4_moves_stay_within_the_budget(seats in prop::collection::vec((0_u32..1000, 0_u32..4), 1..64)) {
        let config = PinConfig::production();
        let loads: Vec<Load> = seats.iter().map(|(demand, home)| Load::pinned(*demand, *home)).collect();
        let plan = first_plan(&mut host(&[true; 8], &loads), &config);
        prop_assert!(plan.steps.len() <= (loads.len() / 10).max(2));
    }

    #[test]
    fn c8_placing_from_scratch_is_within_grahams_bound(demands in prop::collection::vec(1_u32..1000, 1..9), bins in 1_u32..4) {
        // Pinned to pCPUs that are gone: everything must be placed anew.
        let loads: Vec<Load> = demands.iter().map(|demand| Load::pinned(*demand, bins)).collect();
        let mut online = vec![true; bins as usize];
        online.push(false);
        let mut config = PinConfig::production();
        config.trigger_cycles = u32::MAX;
        let plan = plan_pins(&host(&online, &loads), &PinHistory::default(), &config);
        prop_assert_eq!(plan.steps.len(), loads.len());
        let peak = peaks(picture(&plan), true)[0];
        let best = best_peak(bins, &demands);
        let m = f64::from(bins);
        prop_assert!(peak <= (4.0 / 3.0 - 1.0 / (3.0 * m)) * best + 1e-9, "{peak} against {best}");
    }

    #[test]
    fn the_course_moves_as_few_as_the_oracle(loads in (2_u32..5).prop_flat_map(|bins| (Just(bins), loads(bins, 1..7)))) {
        let (bins, loads) = loads;
        let config = PinConfig { idle_load: 0.0, trigger_deviations: 0.0, ..PinConfig::course() };
        let mut usage = host(&vec![true; bins as usize], &loads);
        let plan = first_plan(&mut usage, &config);
        let floating = loads.iter().any(|load| load.home.is_none());
        let seen = picture(&plan);
        prop_assume!(floating || seen.triggered);
        prop_assert_eq!(seen.migrations, fewest_moves(bins, &loads));
        // Every floating vCPU gets a pin, and nobody else who stays.
        let stays = loads.iter().filter(|load| load.home.is_none()).count();
        prop_assert!(plan.steps.len() >= stays && plan.steps.len() <= stays + seen.migrations);
    }

    #[test]
    fn the_course_never_moves_more_than_largest_first(homes in prop::collection::vec((50_u32..500, 0_u32..4), 4..12)) {
        let config = PinConfig { trigger_deviations: 0.0, ..PinConfig::course() };
        let loads: Vec<Load> = homes.iter().map(|(demand, home)| Load::pinned(*demand, *home)).collect();
        let plan = first_plan(&mut host(&[true; 4], &loads), &config);
        let (moves, sums) = largest_first(4, &loads);
        let points = (unevenness(&sums) as f64).sqrt() / 40.0;
        if points <= 5.0 {
            prop_assert!(picture(&plan).migrations <= moves);
        }
    }
}

fn best_peak(bins: u32, demands: &[u32]) -> f64 {
    let mut best = u64::MAX;
    for code in 0..u64::from(bins).pow(demands.len() as u32) {
        let mut sums = vec![0_u64; bins as usize];
        let mut rest = code;
        for demand in demands {
            sums[(rest % u64::from(bins)) as usize] += u64::from(*demand);
            rest /= u64::from(bins);
        }
        best = best.min(*sums.iter().max().unwrap());
    }
    best as f64 / 1000.0
}

/// The former algorithm, written down once more: moves and resulting loads.
fn largest_first(bins: u32, loads: &[Load]) -> (usize, Vec<u64>) {
    let mut order: Vec<&Load> = loads.iter().collect();
    order.sort_by_key(|load| std::cmp::Reverse(load.demand));
    let mut sums = vec![0_u64; bins as usize];
    let mut moves = 0;
    for load in order {
        let bin = (0..bins).min_by_key(|bin| sums[*bin as usize]).unwrap();
        sums[bin as usize] += u64::from(load.demand);
        moves += usize::from(load.home != Some(bin));
    }
    (moves, sums)
}

#[test]
fn two_equally_hot_pcpus_do_not_stall_the_peak_planner() {
    let loads: Vec<Load> = [0, 0, 1, 1].map(|home| Load::pinned(800, home)).into();
    let mut usage = host(&[true; 4], &loads);
    let plan = first_plan(&mut usage, &PinConfig::production());
    assert_eq!(plan.steps.len(), 2, "{plan:?}");
    assert_eq!(peaks(picture(&plan), true), [0.8; 4]);
}

#[test]
fn floating_vcpus_float_in_production_until_a_trigger_fires() {
    let config = PinConfig::production();
    let mut even: Vec<Load> = (0..4).map(|_| Load::floating(300)).collect();
    assert!(
        first_plan(&mut host(&[true; 4], &even), &config)
            .steps
            .is_empty()
    );
    even.extend([Load::pinned(500, 3), Load::pinned(400, 3)]);
    let plan = first_plan(&mut host(&[true; 4], &even), &config);
    assert!(
        pins(&plan).len() >= 4,
        "all that float are placed: {plan:?}"
    );
}

#[test]
fn an_idle_host_is_left_alone() {
    let loads: Vec<Load> = (0..8)
        .map(|n| {
            if n < 4 {
                Load::pinned(20, 0)
            } else {
                Load::floating(10)
            }
        })
        .collect();
    let plan = first_plan(&mut host(&[true; 4], &loads), &PinConfig::course());
    assert!(plan.steps.is_empty() && !picture(&plan).triggered);
}

#[test]
fn a_vcpu_on_an_offline_pcpu_is_repaired_at_once() {
    let plan = plan_pins(
        &host(&[true, false], &[Load::pinned(100, 1)]),
        &PinHistory::default(),
        &PinConfig::course(),
    );
    assert_eq!(pins(&plan), BTreeMap::from([(vcpu_id(0), set(&[0]))]));
}

#[test]
fn a_vcpu_whose_bound_is_all_offline_stays_unnamed() {
    let load = Load {
        bound: Some(vec![1]),
        ..Load::pinned(100, 1)
    };
    let plan = plan_pins(
        &host(&[true, false], &[load]),
        &PinHistory::default(),
        &PinConfig::course(),
    );
    assert!(plan.steps.is_empty());
}

#[test]
fn no_usable_pcpu_is_no_panic() {
    let plan = plan_pins(
        &host(&[false], &[Load::pinned(100, 0)]),
        &PinHistory::default(),
        &PinConfig::course(),
    );
    assert_eq!(plan.picture, Picture::Blind);
}

#[test]
fn a_refused_pcpu_is_left_out() {
    let config = PinConfig::course();
    let usage = host(&[true, true, false], &[Load::pinned(100, 2)]);
    let mut past = PinHistory::default();
    let plan = plan_pins(&usage, &past, &config);
    let HostStep::Pin { to, .. } = &plan.steps[0].step else {
        panic!("a pin was due")
    };
    let first = to.only().unwrap();
    let refusal = cloudlot_hv::HvError::CpuRefused {
        cpus: vec![first],
        reason: "cpuset".to_owned(),
    };
    let outcomes = vec![Outcome::Failed(refusal)];
    past.observe(
        &usage,
        &CycleReport {
            number: 1,
            at: usage.at,
            names: BTreeMap::new(),
            plan,
            outcomes,
        },
        &config,
    );
    let again = plan_pins(&usage, &past, &config);
    assert!(
        pins(&again).values().all(|mask| mask.only() != Some(first)) && !again.steps.is_empty()
    );
}

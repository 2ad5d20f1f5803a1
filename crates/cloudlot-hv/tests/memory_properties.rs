//! What every plan of the memory coordinator keeps, whatever it is told, true or not.
//!
//! M1 a guest keeps what it uses and a floor; M2 grants fit into what is available; M3 targets stay
//! within bounds; M4 steps are limited; M5 no donor under pressure; M6 constant input comes to
//! rest; M7 scarce memory is shared fairly; M8 only balloons and periods are changed, of domains
//! that may be changed; M9 nobody shrinks on stale statistics.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own set-up is wrong"
)]

use cloudlot_core::{Bytes, Seeds, Timestamp};
use cloudlot_hv::memory::{MemoryConfig, MemoryController, Spare};
use cloudlot_hv::{
    BalloonSample, Controller, CycleReport, DomainId, DomainRules, DomainSample, DomainState,
    HostMemory, HostPlan, HostSample, HostStep, HvError, Outcome, Picture,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

const MIB: u64 = 1 << 20;

/// A guest's part of a random sample; `None` where it is not active.
#[derive(Clone, Debug)]
struct Word {
    run: u64,
    /// Whether its balloon has done what it was asked for.
    obeys: bool,
    actual: u64,
    unused: Option<u64>,
    usable: Option<u64>,
    caches: Option<u64>,
    swap_in: u64,
    faults: u64,
    stamp: Option<u64>,
    age: Option<u64>,
    state: DomainState,
    job: bool,
    balloon: bool,
    outcome: u8,
}

#[derive(Clone, Debug)]
struct Guest {
    max: u64,
    rules: DomainRules,
    period: Option<u64>,
    words: Vec<Option<Word>>,
}

#[derive(Clone, Debug)]
struct Case {
    production: bool,
    interval: u64,
    turns: Vec<(u64, HostMemory)>,
    guests: Vec<Guest>,
}

const TURNS: usize = 8;

/// Mostly sizes of guests, and some nonsense.
fn size() -> impl Strategy<Value = u64> {
    prop_oneof![
        20 => (0_u64..16 * 1024).prop_map(|mib| mib * MIB),
        4 => 0_u64..16 << 30,
        1 => Just(0),
        1 => Just(u64::MAX),
        1 => any::<u64>(),
    ]
}

prop_compose! {
    fn word()(
        (run, obeys, actual) in (prop_oneof![8 => Just(1_u64), 1 => Just(2)], any::<bool>(), size()),
        unused in proptest::option::weighted(0.8, size()),
        usable in proptest::option::weighted(0.8, size()),
        caches in proptest::option::of(size()),
        swap_in in prop_oneof![3 => Just(0_u64), 1 => 0_u64..MIB],
        faults in prop_oneof![3 => Just(0_u64), 1 => 0_u64..5000],
        stamp in proptest::option::weighted(0.9, 0_u64..4),
        age in proptest::option::weighted(0.7, 0_u64..20_000),
        state in prop_oneof![8 => Just(DomainState::Running), 1 => Just(DomainState::Paused)],
        (job, balloon) in (proptest::bool::weighted(0.1), proptest::bool::weighted(0.9)),
        outcome in 0_u8..8,
    ) -> Word {
        Word {
            run, obeys, actual, unused, usable, caches, swap_in, faults, stamp, age, state, job,
            balloon, outcome,
        }
    }
}

prop_compose! {
    fn guest()(
        max in size(),
        managed in proptest::bool::weighted(0.9),
        shares in 0_u32..5,
        memory_min in proptest::option::weighted(0.3, size().prop_map(Bytes::new)),
        memory_max in proptest::option::weighted(0.3, size().prop_map(Bytes::new)),
        period in proptest::option::of(0_u64..10),
        words in proptest::collection::vec(proptest::option::weighted(0.9, word()), TURNS),
    ) -> Guest {
        let rules = DomainRules { managed, shares, memory_min, memory_max, ..DomainRules::default() };
        Guest { max, rules, period, words }
    }
}

prop_compose! {
    fn case()(
        production: bool,
        interval in prop_oneof![Just(1_u64), Just(2), Just(5), Just(60)],
        turns in proptest::collection::vec((0_u64..3, size(), size()), TURNS),
        guests in proptest::collection::vec(guest(), 1..6),
    ) -> Case {
        let host = |(late, total, available)| {
            let (total, available) = (Bytes::new(total), Bytes::new(available));
            (late, HostMemory { total, available })
        };
        let turns = turns.into_iter().map(host).collect();
        Case { production, interval, turns, guests }
    }
}

fn id(number: usize) -> DomainId {
    DomainId(Uuid::from_u64_pair(0, number as u64))
}

fn sample_of(
    case: &Case,
    turn: usize,
    at: Timestamp,
    targets: &BTreeMap<DomainId, (u64, Bytes)>,
) -> HostSample {
    let domain = |(number, guest): (usize, &Guest)| {
        let word = guest.words[turn].clone()?;
        let asked = targets.get(&id(number)).filter(|(run, _)| *run == word.run);
        let obeyed = asked.filter(|_| word.obeys).map(|(_, target)| *target);
        let balloon = BalloonSample {
            actual: obeyed.unwrap_or(Bytes::new(word.actual)),
            max: Bytes::new(guest.max),
            unused: word.unused.map(Bytes::new),
            usable: word.usable.map(Bytes::new),
            caches: word.caches.map(Bytes::new),
            swap_in: Some(Bytes::new(word.swap_in)),
            swap_out: None,
            major_faults: Some(word.faults),
            stamp: word.stamp,
            age: word.age.map(Duration::from_millis),
            period: guest.period.map(Duration::from_secs),
            boots: 0,
        };
        Some(DomainSample {
            id: id(number),
            name: format!("g{number}"),
            run: word.run,
            state: word.state,
            job: word.job,
            rules: guest.rules.clone(),
            vcpus: Vec::new(),
            balloon: word.balloon.then_some(balloon),
        })
    };
    HostSample {
        at,
        pcpus: Vec::new(),
        memory: Some(case.turns[turn].1),
        domains: case.guests.iter().enumerate().filter_map(domain).collect(),
    }
}

fn outcome(kind: u8, domain: DomainId) -> Outcome {
    match kind {
        0 => Outcome::Failed(HvError::Failed("no".to_owned())),
        1 => Outcome::Failed(HvError::Vanished(domain)),
        2 => Outcome::Skipped,
        3 if domain == id(0) => Outcome::Failed(HvError::Unsupported("no".to_owned())),
        _ => Outcome::Done,
    }
}

fn report_of(number: usize, sample: &HostSample, plan: HostPlan, kinds: &[u8]) -> CycleReport {
    let kind = |domain: DomainId| {
        let index = sample.domains.iter().position(|it| it.id == domain);
        kinds[index.unwrap()]
    };
    let outcomes = plan.steps.iter().map(|planned| {
        let domain = planned.step.domain();
        outcome(kind(domain), domain)
    });
    CycleReport {
        number: number as u64,
        at: sample.at,
        names: BTreeMap::new(),
        outcomes: outcomes.collect(),
        plan,
    }
}

/// `percent` of an amount, rounded down.
fn part(bytes: Bytes, percent: u64) -> Bytes {
    bytes.fraction(percent, 100)
}

/// Turns a case with a controller, and lets `check` see every turn: the samples so far, the
/// targets that stand, the plan.
fn play(
    case: &Case,
    order: impl Fn(&mut HostSample),
    mut check: impl FnMut(
        &[HostSample],
        &BTreeMap<DomainId, (u64, Bytes)>,
        &MemoryController,
        &HostPlan,
    ),
) -> Vec<HostPlan> {
    let config = if case.production {
        MemoryConfig::production()
    } else {
        MemoryConfig::course()
    };
    let config = config.every(Duration::from_secs(case.interval));
    let mut controller = MemoryController::new(config).unwrap();
    let mut targets = BTreeMap::new();
    let mut samples: Vec<HostSample> = Vec::new();
    let mut plans = Vec::new();
    let mut at = Timestamp::ZERO;
    for turn in 0..TURNS {
        at = at + Duration::from_secs(case.interval * case.turns[turn].0);
        let mut sample = sample_of(case, turn, at, &targets);
        let kinds: Vec<u8> = case
            .guests
            .iter()
            .filter_map(|guest| guest.words[turn].as_ref())
            .map(|word| word.outcome)
            .collect();
        targets.retain(|id, (run, _)| {
            sample
                .domains
                .iter()
                .any(|domain| domain.id == *id && domain.run == *run && domain.balloon.is_some())
        });
        let straight = sample.clone();
        order(&mut sample);
        let plan = controller.plan(&sample);
        samples.push(straight);
        check(&samples, &targets, &controller, &plan);
        let report = report_of(turn, samples.last().unwrap(), plan.clone(), &kinds);
        for step in report.done() {
            if let HostStep::SetMemory { domain, target } = step {
                let run = sample
                    .domains
                    .iter()
                    .find(|it| it.id == *domain)
                    .unwrap()
                    .run;
                targets.insert(*domain, (run, *target));
            }
        }
        controller.observe(&report);
        plans.push(plan);
    }
    plans
}

/// The checks of one plan; panics tell what is broken.
fn check(
    samples: &[HostSample],
    targets: &BTreeMap<DomainId, (u64, Bytes)>,
    controller: &MemoryController,
    plan: &HostPlan,
) {
    let sample = samples.last().unwrap();
    let config = controller.config();
    let usage = controller.usage().unwrap();
    let memory = sample.memory.unwrap();
    let reserve = config.reserve(memory.total);
    let balloons = sample
        .domains
        .iter()
        .filter_map(|domain| Some((domain, domain.balloon.as_ref()?)));
    let in_flight: Bytes = balloons
        .clone()
        .map(|(domain, balloon)| {
            let target = targets
                .get(&domain.id)
                .map_or(balloon.actual, |(_, target)| *target);
            target.saturating_sub(balloon.actual)
        })
        .sum();
    let mut granted = Bytes::ZERO;
    let mut seen_up = false;
    let mut set = Vec::new();
    for planned in &plan.steps {
        let domain = sample
            .domains
            .iter()
            .find(|it| it.id == planned.step.domain())
            .unwrap();
        let balloon = domain
            .balloon
            .as_ref()
            .expect("M8: a guest without a balloon");
        assert!(
            domain.rules.managed && domain.state == DomainState::Running && !domain.job,
            "M8: {planned:?}"
        );
        assert!(!planned.why.is_empty());
        let HostStep::SetMemory { target, .. } = planned.step else {
            assert!(
                matches!(planned.step, HostStep::SetStatsPeriod { .. }),
                "M8"
            );
            continue;
        };
        assert!(!set.contains(&domain.id), "one target a turn");
        set.push(domain.id);
        let guest = usage.guests.iter().find(|it| it.id == domain.id).unwrap();
        let actual = balloon.actual;
        let standing = targets
            .get(&domain.id)
            .map_or(actual, |(_, target)| *target);
        assert_ne!(target, standing, "a call that changes nothing");
        assert!(target > standing || !seen_up, "reductions stand first");
        seen_up |= target > standing;
        let scale = if config.step_time.is_some() {
            usage.interval.as_secs_f64() / 5.0
        } else {
            1.0
        };
        if target < actual {
            let low = domain.rules.memory_min.unwrap_or(
                config
                    .minimum
                    .max(part(guest.maximum, u64::from(config.minimum_percent))),
            );
            assert!(
                target >= low.max(Bytes::mib(100)).min(guest.maximum),
                "M3: {planned:?}"
            );
            let reading = guest.reading.expect("M9: a silent guest");
            let floor = Bytes::mib(100).max(part(guest.maximum, 5));
            assert!(
                target >= reading.used.saturating_add(floor),
                "M1: {planned:?}"
            );
            fresh_word(samples, domain.id, config.spare).inspect(|used| {
                assert!(target >= used.saturating_add(floor), "M1: {planned:?}");
            });
            assert_eq!(guest.pressure, None, "M5: {planned:?}");
            let urgent = if config.step_time.is_some() { 4.0 } else { 1.0 };
            let most = actual.get() as f64 * 0.1 * scale.min(2.0) * urgent;
            let fell = actual.saturating_sub(target).get() as f64;
            let raised = target > standing;
            assert!(
                raised || fell <= most * (1.0 + 1e-9) + 1.0,
                "M4: {planned:?}, {most}"
            );
            let lately = samples.iter().rev().take(4);
            assert!(
                raised || lately.len() < 4 || news(samples, domain.id),
                "M9: {planned:?}"
            );
        } else if target > actual {
            assert!(target <= guest.maximum, "M3: {planned:?}");
            let pressed = if guest.pressure.is_some() { 2.0 } else { 1.0 };
            let step = (actual.get() as f64 * f64::from(config.grow_percent) / 100.0)
                .max(config.grow_min.get() as f64);
            let most = step * scale.clamp(1.0, 2.0) * pressed;
            let rose = target.saturating_sub(actual).get() as f64;
            assert!(rose <= most * (1.0 + 1e-9) + 1.0, "M4: {planned:?}, {most}");
            granted = granted.saturating_add(target.saturating_sub(actual.max(standing)));
        }
    }
    let room = memory
        .available
        .min(memory.total)
        .saturating_sub(reserve)
        .saturating_sub(in_flight);
    assert!(granted <= room, "M2: {granted} of {room}");
    let Picture::Memory(picture) = &plan.picture else {
        panic!("the host tells its memory");
    };
    assert_eq!(picture.in_flight, in_flight);
    assert_eq!(picture.guests.len(), balloons.count());
}

/// What a guest uses by its word in the last sample, if that is new, true to itself and exact.
fn fresh_word(samples: &[HostSample], id: DomainId, spare: Spare) -> Option<Bytes> {
    let balloon = |sample: &HostSample| {
        let domain = sample.domains.iter().find(|domain| domain.id == id)?;
        Some((domain.run, domain.balloon.clone()?))
    };
    let (run, now) = balloon(samples.last()?)?;
    let before = samples
        .len()
        .checked_sub(2)
        .and_then(|last| balloon(&samples[last]));
    let before = before.filter(|(last, _)| *last == run);
    let news = match &before {
        Some((_, before)) => before.stamp != now.stamp,
        None => now.age.is_some(),
    };
    let word = match spare {
        Spare::Unused => now.unused,
        Spare::Usable => now.usable,
    };
    let word = word.filter(|word| *word <= now.actual && now.stamp.is_some() && news);
    Some(now.actual.saturating_sub(word?))
}

/// Whether a guest said anything new in the last three turns.
fn news(samples: &[HostSample], id: DomainId) -> bool {
    let told: Vec<Option<(u64, BalloonSample)>> = samples
        .iter()
        .rev()
        .take(4)
        .map(|sample| {
            let domain = sample.domains.iter().find(|domain| domain.id == id)?;
            Some((domain.run, domain.balloon.clone()?))
        })
        .collect();
    told.windows(2).any(|pair| {
        let words = |of: &(u64, BalloonSample)| (of.0, of.1.stamp, of.1.unused, of.1.usable);
        pair[0].as_ref().map(words) != pair[1].as_ref().map(words)
    })
}

/// A host on which nobody's use changes and every balloon does what it is asked for.
#[derive(Clone, Debug)]
struct Still {
    available: Bytes,
    guests: Vec<StillGuest>,
}

#[derive(Clone, Copy, Debug)]
struct StillGuest {
    actual: Bytes,
    max: Bytes,
    used: Bytes,
    shares: u32,
}

impl Still {
    fn sample(&self, at: Timestamp, number: u64) -> HostSample {
        let domain = |(index, guest): (usize, &StillGuest)| {
            let spare = guest.actual.saturating_sub(guest.used);
            let balloon = BalloonSample {
                actual: guest.actual,
                max: guest.max,
                unused: Some(spare),
                usable: Some(spare),
                stamp: Some(number),
                age: Some(Duration::ZERO),
                period: Some(Duration::from_secs(1)),
                ..BalloonSample::default()
            };
            DomainSample {
                id: id(index),
                name: format!("g{index}"),
                run: 1,
                state: DomainState::Running,
                job: false,
                rules: DomainRules {
                    shares: guest.shares,
                    ..DomainRules::default()
                },
                vcpus: Vec::new(),
                balloon: Some(balloon),
            }
        };
        HostSample {
            at,
            pcpus: Vec::new(),
            memory: Some(HostMemory {
                total: self.total(),
                available: self.available,
            }),
            domains: self.guests.iter().enumerate().map(domain).collect(),
        }
    }

    fn total(&self) -> Bytes {
        let guests: Bytes = self.guests.iter().map(|guest| guest.actual).sum();
        self.available.saturating_add(guests)
    }

    /// Does what the plan asks for; reductions stand first and make room for the grants.
    fn follow(&mut self, plan: &HostPlan) {
        let total = self.total();
        for planned in &plan.steps {
            if let HostStep::SetMemory { domain, target } = planned.step {
                let index = usize::try_from(domain.0.as_u64_pair().1).unwrap();
                self.guests[index].actual = target;
            }
        }
        self.available = Bytes::ZERO;
        let taken = self.total();
        self.available = total.checked_sub(taken).expect("the host is not overdrawn");
    }

    /// Turns until nothing was asked for ten turns, or at most `turns` + 10 times; the targets of
    /// each guest in order, and the last turn with a call.
    fn settle(&mut self, config: &MemoryConfig, turns: u64) -> (Vec<Vec<Bytes>>, u64) {
        let mut controller = MemoryController::new(config.clone()).unwrap();
        let mut targets: Vec<Vec<Bytes>> = vec![Vec::new(); self.guests.len()];
        let (mut last, mut at) = (0, Timestamp::ZERO);
        for turn in 1..=turns + 10 {
            let sample = self.sample(at, turn);
            let mut plan = controller.plan(&sample);
            plan.steps
                .retain(|planned| matches!(planned.step, HostStep::SetMemory { .. }));
            for planned in &plan.steps {
                if let HostStep::SetMemory { domain, target } = planned.step {
                    last = turn;
                    targets[usize::try_from(domain.0.as_u64_pair().1).unwrap()].push(target);
                }
            }
            self.follow(&plan);
            controller.observe(&report_of(0, &sample, plan, &vec![9; self.guests.len()]));
            at = at + config.interval;
        }
        (targets, last)
    }
}

/// Uniform in ±1, from a seed and two numbers.
fn noise(seed: u64, turn: u64, guest: u64) -> f64 {
    let bits = Seeds::new(seed).part(turn).part(guest).stream("noise");
    (bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

#[test]
fn noisy_statistics_cost_few_calls() {
    for (seed, available) in (0..10).flat_map(|seed| [(seed, 700), (seed, 6_000)]) {
        // Three guests at ease, one that needs more than it has.
        let guest = |actual, used| StillGuest {
            actual: Bytes::mib(actual),
            max: Bytes::gib(4),
            used: Bytes::mib(used),
            shares: 1,
        };
        let guests = vec![
            guest(2048, 800),
            guest(2048, 1200),
            guest(4096, 500),
            guest(2048, 1950),
        ];
        let mut still = Still {
            available: Bytes::mib(available),
            guests,
        };
        let config = profile(true, 2);
        let mut controller = MemoryController::new(config.clone()).unwrap();
        let (mut at, mut calls) = (Timestamp::ZERO, [0; 4]);
        // Half an hour, of which the first minute may be spent on getting there.
        for turn in 0..900 {
            let mut sample = still.sample(at, turn);
            for (domain, number) in sample.domains.iter_mut().zip(0..) {
                let balloon = domain.balloon.as_mut().unwrap();
                let spare = balloon.usable.unwrap().get() as f64;
                let told = spare * (1.0 + 0.05 * noise(seed, turn, number));
                balloon.usable = Some(Bytes::from_f64(told).min(balloon.actual));
            }
            let plan = controller.plan(&sample);
            for planned in &plan.steps {
                if matches!(planned.step, HostStep::SetMemory { .. }) && turn >= 30 {
                    let index = planned.step.domain().0.as_u64_pair().1;
                    calls[usize::try_from(index).unwrap()] += 1;
                }
            }
            still.follow(&plan);
            controller.observe(&report_of(0, &sample, plan, &[9; 4]));
            at = at + config.interval;
        }
        assert!(
            calls.iter().all(|calls| *calls <= 29),
            "{calls:?} with {available}"
        );
    }
}

prop_compose! {
    fn still_guest()(
        max in 300_u64..8 * 1024,
        (actual, used) in (0.15_f64..1.0, 0.05_f64..0.95),
        shares in 1_u32..5,
    ) -> StillGuest {
        let max = Bytes::mib(max);
        let of = |whole: Bytes, share: f64| Bytes::from_f64(whole.get() as f64 * share);
        let actual = of(max, actual).max(Bytes::mib(200));
        StillGuest { actual, max, used: of(actual, used), shares }
    }
}

fn profile(production: bool, interval: u64) -> MemoryConfig {
    let config = if production {
        MemoryConfig::production()
    } else {
        MemoryConfig::course()
    };
    config.every(Duration::from_secs(interval))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn constant_input_comes_to_rest(
        production: bool,
        interval in prop_oneof![Just(1_u64), Just(2), Just(5), Just(10), Just(60)],
        guests in proptest::collection::vec(still_guest(), 1..8),
        available in 0_u64..16 * 1024,
    ) {
        let mut still = Still { available: Bytes::mib(available), guests };
        let turns = 60_u64.div_ceil(interval) + 20;
        let start = still.clone();
        let (targets, last) = still.settle(&profile(production, interval), turns);
        for (guest, targets) in start.guests.iter().zip(&targets) {
            let mut path = vec![guest.actual];
            path.extend(targets);
            prop_assert!(
                path.is_sorted() || path.iter().rev().is_sorted(),
                "M6: {:?} of {:?}", path, start
            );
        }
        prop_assert!(last <= turns, "M6: a call in turn {last} of {start:?}: {targets:?}");
    }

    #[test]
    fn every_plan_keeps_the_rules_whatever_it_is_told(case in case()) {
        play(&case, |_| (), check);
    }

    #[test]
    fn the_order_of_the_listing_changes_nothing(case in case(), turn in 0_usize..6) {
        let straight = play(&case, |_| (), |_, _, _, _| ());
        let turned = play(
            &case,
            |sample| {
                let turn = turn.min(sample.domains.len());
                sample.domains.rotate_left(turn);
            },
            |_, _, _, _| (),
        );
        prop_assert_eq!(straight, turned);
    }

    #[test]
    fn scarce_memory_is_shared_by_shares(
        level in 1024_u64..1500,
        guests in proptest::collection::vec((1_u32..5, 0.95_f64..1.1), 2..8),
    ) {
        // Everybody is owed its minimum and its shares of the rest, uses 86 % of that, and would
        // need a fifth more than it uses.
        let max = Bytes::gib(8);
        let (minimum, band) = (Bytes::gib(2), part(max, 1));
        let owed = |shares: u32| minimum.saturating_add(Bytes::mib(level * u64::from(shares)));
        let pool: Bytes = guests.iter().map(|(shares, _)| owed(*shares)).sum();
        let still: Vec<StillGuest> = guests
            .iter()
            .map(|&(shares, off)| {
                let owed = owed(shares);
                let actual = Bytes::from_f64(owed.get() as f64 * off).min(max);
                StillGuest { actual, max, used: part(owed, 86), shares }
            })
            .collect();
        let reserve = Bytes::mib(200).max(pool.fraction(5, 95));
        let had: Bytes = still.iter().map(|guest| guest.actual).sum();
        let available = pool.saturating_add(reserve).checked_sub(had);
        prop_assume!(available.is_some());
        let mut still = Still { available: available.unwrap(), guests: still };
        still.settle(&profile(true, 5), 32);
        for guest in &still.guests {
            let short = owed(guest.shares).saturating_sub(guest.actual);
            prop_assert!(short <= band, "M7: {short} of {} {still:?}", owed(guest.shares));
        }
    }
}

//! Profile `production`: works an overload off in time, answers a step of load, and lets noise
//! and a fair scheduler alone.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test may panic, and its numbers are small"
)]

use cloudlot_core::{Clock, ManualClock, Seeds, Timestamp};
use cloudlot_hv::fake::{
    DemandStep, FakeHost, GuestSpec, HostSpec, Load, Noise, VcpuSpec, scenario,
};
use cloudlot_hv::pins::{PinConfig, PinController};
use cloudlot_hv::{Cycle, Mode, Original, Picture};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(5);

/// What a run came to.
struct Run {
    /// Cycle by cycle: steps done, and how far the hottest pCPU stood above the mean, in cores.
    cycles: Vec<(usize, f64)>,
}

impl Run {
    fn steps(&self) -> usize {
        self.cycles.iter().map(|(steps, _)| steps).sum()
    }

    /// The first cycle from `from` on after which no pCPU stands out by more than `cores`.
    fn even_after(&self, from: usize, cores: f64) -> Option<usize> {
        (from..self.cycles.len())
            .find(|&at| self.cycles[at..].iter().all(|(_, above)| *above <= cores))
    }
}

fn drive(spec: HostSpec, seed: u64, cycles: u32) -> Run {
    let clock = ManualClock::default();
    let host = FakeHost::new(spec, Seeds::new(seed), clock.clone()).unwrap();
    let controller = PinController::new(PinConfig::production(), INTERVAL).unwrap();
    let mut cycle = Cycle::new(
        host,
        controller,
        Vec::<Original>::new(),
        Mode::Act,
        Vec::new(),
    );
    let mut run = Run { cycles: Vec::new() };
    for turn in 0..cycles {
        clock.sleep_until(Timestamp::ZERO + INTERVAL * turn);
        let report = cycle.turn().unwrap();
        let above = match &report.plan.picture {
            Picture::Cpu(picture) => {
                let loads = || picture.pcpus.iter().map(|pcpu| pcpu.load);
                loads().fold(0.0, f64::max) - loads().sum::<f64>() / picture.pcpus.len() as f64
            }
            _ => 0.0,
        };
        run.cycles.push((report.done().count(), above));
    }
    run
}

#[test]
fn an_overload_is_worked_off_within_its_budget() {
    for name in ["cpu-1", "cpu-2"] {
        for seed in 0..20 {
            let run = drive(scenario::named(name, Seeds::new(seed)).unwrap(), seed, 40);
            assert!(
                run.cycles.iter().all(|(steps, _)| *steps <= 2),
                "{name} {seed}: over budget"
            );
            let even = run.even_after(2, 0.15);
            assert!(
                even.is_some_and(|at| at <= 12),
                "{name} {seed}: {:?}",
                run.cycles
            );
            assert!(run.steps() <= 12, "{name} {seed}: {} steps", run.steps());
        }
    }
}

#[test]
fn what_is_even_idle_or_floating_is_left_alone() {
    for name in ["cpu-3", "cpu-4", "cpu-5", "cpu-6"] {
        for seed in 0..20 {
            let run = drive(scenario::named(name, Seeds::new(seed)).unwrap(), seed, 60);
            assert_eq!(run.steps(), 0, "{name} {seed}");
        }
    }
}

/// 24 vCPUs on 8 pCPUs, three each of like sums, with noise.
fn noisy(seed: u64, spread: f64, step: Option<(u32, f64)>) -> HostSpec {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let guest = |number: u32| {
        let cores = rng.random_range(0.20..0.25);
        let mut demand = vec![DemandStep {
            at: Timestamp::ZERO,
            load: Load::Open { cores },
        }];
        if let Some((at, more)) = step.filter(|_| number % 8 == 3) {
            let at = Timestamp::ZERO + INTERVAL * at;
            demand.push(DemandStep {
                at,
                load: Load::Open {
                    cores: cores + more / 3.0,
                },
            });
        }
        let vcpu = VcpuSpec::new(0, demand).pinned_to(number % 8);
        GuestSpec::new(u64::from(number) + 1, format!("vm{number}"), vec![vcpu])
    };
    HostSpec {
        noise: Noise::Normal { sd: spread },
        ..HostSpec::new(8, (0..24).map(guest).collect())
    }
}

#[test]
fn noise_costs_at_most_two_pins_per_hundred_vcpu_minutes() {
    for noise in [0.03, 0.06, 0.12] {
        let minutes = 60.0;
        let pins: usize = (0..5)
            .map(|seed| drive(noisy(seed, noise, None), seed, 720).steps())
            .sum();
        let rate = pins as f64 / (5.0 * 24.0 * minutes) * 100.0;
        assert!(
            rate <= 2.0,
            "{rate:.2} pins per 100 vCPU-minutes at noise {noise}"
        );
    }
}

#[test]
fn a_step_of_load_is_answered_within_ten_cycles() {
    for seed in 0..20 {
        let run = drive(noisy(seed, 0.03, Some((30, 0.4))), seed, 60);
        let even = run.even_after(30, 0.15).unwrap_or(usize::MAX);
        assert!(
            even <= 40,
            "seed {seed}: even after cycle {even}: {:?}",
            &run.cycles[28..]
        );
    }
}

use super::{F, at, draw, optimiser, usage};
use cloudlot_core::Bytes;
use cloudlot_serverless::rightsize::{
    Allocation, Conflict, Four, Pace, RightsizeConfig, Size, StepRule,
};
use proptest::prelude::*;

const ALL: [Four; 4] = [Four::Cpu, Four::Memory, Four::Io, Four::Network];

const fn rule(pace: Pace) -> StepRule {
    StepRule {
        pace,
        utilisation: 0.7,
        performance: 100.0,
    }
}

proptest! {
    #[test]
    fn a_step_is_its_formula_within_its_limits(
        part in 0.0_f64..=1.0, utilisation in 0.0_f64..3.0, performance in 0.0_f64..500.0, volatility in 0.0_f64..4.0,
    ) {
        for resource in ALL {
            for (pace, k) in [(Pace::Conservative, 0.1), (Pace::Balanced, 0.2), (Pace::Aggressive, 0.3)] {
                let (least, most) = resource.limits();
                let old = least + part * (most - least);
                let next = rule(pace).next(resource, old, utilisation, performance, volatility).unwrap();
                let mut factor = (utilisation / 0.7 + performance / 100.0) / 2.0 - 1.0;
                if factor < 0.0 { factor /= 2.0; }
                let naive = (old * (1.0 + k * factor / (1.0 + volatility))).max(least).min(most);
                prop_assert!((next - naive).abs() <= 1e-9 * naive, "{} {}", next, naive);
            }
        }
    }
}

#[test]
fn numbers_that_are_no_use_are_refused() {
    let balanced = rule(Pace::Balanced);
    for bad in [f64::NAN, f64::INFINITY, -0.1] {
        assert!(balanced.next(Four::Cpu, bad, 0.5, 50.0, 0.0).is_err());
        assert!(balanced.next(Four::Cpu, 1.0, bad, 50.0, 0.0).is_err());
        assert!(balanced.next(Four::Cpu, 1.0, 0.5, bad, 0.0).is_err());
        assert!(balanced.next(Four::Cpu, 1.0, 0.5, 50.0, bad).is_err());
        assert!(
            StepRule {
                utilisation: bad,
                ..balanced
            }
            .next(Four::Cpu, 1.0, 0.5, 50.0, 0.0)
            .is_err()
        );
    }
    assert!(
        StepRule {
            performance: 0.0,
            ..balanced
        }
        .next(Four::Cpu, 1.0, 0.5, 50.0, 0.0)
        .is_err()
    );
}

#[test]
fn conflicts_are_those_of_the_two_ratios() {
    let sound = Allocation {
        cpu: 4.0,
        memory: 128.0,
        io: 40.0,
        network: 1000.0,
    };
    assert_eq!(sound.conflicts(), []);
    assert_eq!(
        Allocation { io: 40.1, ..sound }.conflicts(),
        [Conflict::IoByCpu]
    );
    assert_eq!(
        Allocation {
            cpu: 130.0,
            ..sound
        }
        .conflicts(),
        [Conflict::CpuByMemory]
    );
}

#[test]
fn the_step_rule_takes_memory_that_large_calls_need_and_the_optimiser_does_not() {
    let mut state = 3;
    // A call in twenty holds 700 MiB, the others 100.
    let peaks: Vec<u64> = (0..2000)
        .map(|_| if draw(&mut state, 20) == 0 { 700 } else { 100 })
        .collect();
    let mean = peaks.iter().sum::<u64>() as f64 / 2000.0;
    let mut memory = 1024.0;
    for _ in 0..500 {
        memory = rule(Pace::Balanced)
            .next(Four::Memory, memory, mean / memory, 70.0, 0.2)
            .unwrap();
    }
    let size = Size {
        memory: Bytes::mib(1024),
        millicores: 1000,
    };
    let mut optimiser = optimiser(RightsizeConfig::default());
    for (second, peak) in (0..).zip(&peaks) {
        optimiser
            .learn(&usage(second, peak * 1024, 300, size))
            .unwrap();
    }
    let told = optimiser.advise(F, size, None, at(2000));
    let fit = |mib: f64| peaks.iter().filter(|&&peak| peak as f64 <= mib).count() as f64 / 20.0;
    let ours = told.size.memory.as_mib_f64();
    println!(
        "step rule {memory:.0} MiB, {:.1} % of calls fit; optimiser {ours} MiB, {:.1} %",
        fit(memory),
        fit(ours)
    );
    assert!(fit(memory) < 96.0 && fit(ours) == 100.0);
}

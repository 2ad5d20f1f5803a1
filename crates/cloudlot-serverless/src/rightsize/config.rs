//! What an optimiser goes by.

use std::time::Duration;

use cloudlot_core::metrics::Percentile;
use cloudlot_core::{Bytes, Faults, Rule as Broken};

/// How one resource is sized; amounts are bytes or millicores.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rule {
    /// How many calls are to have enough. Of 100 one can never be sure, so nothing is ever taken away.
    pub percentile: Percentile,
    /// What that is multiplied by, from 1 to 10.
    pub margin: f64,
    /// Sizes are whole multiples of this, rounded up.
    pub step: u64,
    /// The least.
    pub floor: u64,
    /// The most.
    pub ceiling: u64,
}

/// By how much a limit that was too low is raised: by the larger of the two.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bump {
    /// What it is multiplied by, from 1 to 10.
    pub factor: f64,
    /// What is added.
    pub least: u64,
}

/// What an optimiser goes by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RightsizeConfig {
    /// Memory, in bytes.
    pub memory: Rule,
    /// Processor time, in millicores.
    pub cpu: Rule,
    /// Of fewer calls nothing follows, but what an exhausted limit says.
    pub samples: u64,
    /// How sure one has to be, from 0 to below 1, to take something away: that at least one of the calls seen used as much as the percentile.
    pub confidence: f64,
    /// What differs from the present size by less than this share of it is left as it is, from 0 to 1.
    pub band: f64,
    /// Calls count for one to two of these.
    pub epoch: Duration,
    /// What ran out of memory once.
    pub out_of_memory: Bump,
    /// What ran for too long with all the processor time there was.
    pub throttled: Bump,
    /// How long such a limit is not gone below again.
    pub hold: Duration,
    /// Where the platform gives a core for so much memory: then the processor follows the memory.
    pub tied: Option<Bytes>,
    /// How many functions there may be.
    pub functions: u32,
}

impl Default for RightsizeConfig {
    /// The 99th percentile of memory and the 95th of the processor with 15 % on top, in steps of 16 MiB and 50 millicores, 128 MiB to 10 GiB
    /// and a tenth of a core to six cores; at least 20 calls, 95 % sure to take away, 10 % of hysteresis, a day or two of memory; 20 % and at least
    /// 100 MiB more after running out of memory, half as much again after throttling, for a week.
    ///
    /// Source: margin and bump are those of the Kubernetes vertical pod autoscaler; the limits of memory and cores are those of Lambda.
    fn default() -> Self {
        Self {
            memory: Rule {
                percentile: Percentile::P99,
                margin: 1.15,
                step: 16 << 20,
                floor: 128 << 20,
                ceiling: 10 << 30,
            },
            cpu: Rule {
                percentile: Percentile::P95,
                margin: 1.15,
                step: 50,
                floor: 100,
                ceiling: 6_000,
            },
            samples: 20,
            confidence: 0.95,
            band: 0.1,
            epoch: Duration::from_secs(86_400),
            out_of_memory: Bump {
                factor: 1.2,
                least: 100 << 20,
            },
            throttled: Bump {
                factor: 1.5,
                least: 0,
            },
            hold: Duration::from_secs(7 * 86_400),
            tied: None,
            functions: 1 << 16,
        }
    }
}

impl RightsizeConfig {
    pub(super) fn check(&self) -> Result<(), Faults> {
        let mut faults = Faults::default();
        for (name, rule) in [("memory", self.memory), ("cpu", self.cpu)] {
            within(
                &mut faults,
                &format!("{name}.margin"),
                rule.margin,
                1.0,
                10.0,
            );
            if rule.step == 0 {
                faults.add(format_args!("{name}.step"), rule.step, Broken::Zero);
            }
            if rule.floor > rule.ceiling {
                let above = Broken::Above(format!("the ceiling of {}", rule.ceiling));
                faults.add(format_args!("{name}.floor"), rule.floor, above);
            }
        }
        for (name, bump) in [
            ("out_of_memory", self.out_of_memory),
            ("throttled", self.throttled),
        ] {
            within(
                &mut faults,
                &format!("{name}.factor"),
                bump.factor,
                1.0,
                10.0,
            );
        }
        within(&mut faults, "band", self.band, 0.0, 1.0);
        if !(0.0..1.0).contains(&self.confidence) {
            let rule = Broken::Other("is not from 0 to below 1".to_owned());
            faults.add("confidence", self.confidence, rule);
        }
        if self.epoch.is_zero() {
            faults.add("epoch", "0", Broken::Zero);
        }
        if self.tied.is_some_and(|memory| memory.get() == 0) {
            faults.add("tied", "0", Broken::Zero);
        }
        faults.or(())
    }
}

fn within(faults: &mut Faults, path: &str, value: f64, least: f64, most: f64) {
    if !(least..=most).contains(&value) {
        let rule = Broken::Other(format!("is not from {least} to {most}"));
        faults.add(path, value, rule);
    }
}

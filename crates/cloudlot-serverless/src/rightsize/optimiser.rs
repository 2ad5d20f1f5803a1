//! From what calls used to how large instances should be.

use std::collections::BTreeMap;

use cloudlot_core::{Bytes, Faults, Timestamp};

use super::advice::Advice;
use super::config::{RightsizeConfig, Rule};
use super::evidence::{Amounts, Evidence, Exhausted, Quantile, scaled};
use super::reason::{Reason, Resource};
use super::usage::{Size, Usage, UsageError};
use crate::FunctionId;

/// Advises on memory and processor time from what calls used.
///
/// A size is a percentile of what lately was used, times a margin, rounded up to a step. It is never below that percentile unless a ceiling or a limit
/// says so, and then the advice does. Nothing changes as long as what there is may be right, as far as so many calls can tell. Taking away wants evidence: enough calls that one of them was beyond the percentile with the set confidence. What was out of
/// memory or throttled is raised at once, however few calls there were.
///
/// It keeps four sketches a function, each of 2,048 buckets at most: 64 for every power of two between the smallest and the largest amount, and less
/// than 48 bytes a bucket.
/// ```
/// use cloudlot_core::{Bytes, Timestamp};
/// use cloudlot_serverless::FunctionId;
/// use cloudlot_serverless::rightsize::{Fate, Optimiser, RightsizeConfig, Size, Usage};
/// use std::time::Duration;
///
/// let mut optimiser = Optimiser::new(RightsizeConfig::default())?;
/// let (function, now) = (FunctionId::new(0), Timestamp::ZERO);
/// let size = Size { memory: Bytes::mib(1024), millicores: 1000 };
/// for call in 0..400 {
///     optimiser.learn(&Usage {
///         function,
///         at: now,
///         peak: Bytes::mib(150 + call % 50),
///         cpu: Duration::from_millis(40),
///         wall: Duration::from_millis(100),
///         fate: Fate::Finished,
///         size,
///     })?;
/// }
/// let advice = optimiser.advise(function, size, None, now);
/// // The 99th percentile is 199 MiB, with 15 % on top; 0.4 cores with 15 %.
/// assert_eq!(advice.size, Size { memory: Bytes::mib(240), millicores: 500 });
/// assert_eq!(advice.why[0].to_string(), "memory: p99 of 400 calls is 199 MiB, times 1.15 gives 240 MiB");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Optimiser {
    config: RightsizeConfig,
    evidence: BTreeMap<FunctionId, Evidence>,
}

/// What one resource should be, before it is compared with what there is.
#[derive(Clone, Copy)]
struct Wish {
    resource: Resource,
    /// Below this calls have too little.
    need: u64,
    /// With margin, in whole steps.
    wanted: u64,
    /// What might be wanted as well, as far as the calls tell.
    low: u64,
    high: u64,
    /// How sure it is that this is enough.
    confidence: f64,
    /// More there may not be.
    ceiling: u64,
}

impl Optimiser {
    /// An optimiser that knows nothing yet.
    ///
    /// # Errors
    /// Every setting that is out of its range.
    pub fn new(config: RightsizeConfig) -> Result<Self, Faults> {
        config.check()?;
        Ok(Self {
            config,
            evidence: BTreeMap::new(),
        })
    }

    /// Takes in what a call used.
    ///
    /// # Errors
    /// If it cannot be, or its function's number is too high. Nothing is learned then.
    pub fn learn(&mut self, usage: &Usage) -> Result<(), UsageError> {
        usage.check(self.config.functions)?;
        let known = self.evidence.entry(usage.function);
        let evidence = known.or_insert_with(|| Evidence::new(usage.at));
        evidence.learn(usage, &self.config);
        Ok(())
    }

    /// How large the instances of a function should be that are `current` now, with no more than `limit` for each.
    ///
    /// Asking changes nothing.
    #[must_use]
    pub fn advise(
        &self,
        function: FunctionId,
        current: Size,
        limit: Option<Size>,
        now: Timestamp,
    ) -> Advice {
        let unknown = Evidence::new(now);
        let evidence = self.evidence.get(&function).unwrap_or(&unknown);
        let mut advisor = Advisor {
            config: &self.config,
            why: Vec::new(),
        };
        let size = advisor.size(evidence, current, limit, now);
        Advice {
            function,
            current,
            size,
            why: advisor.why,
        }
    }
}

/// One question under way.
struct Advisor<'a> {
    config: &'a RightsizeConfig,
    why: Vec<Reason>,
}

impl Advisor<'_> {
    fn size(
        &mut self,
        evidence: &Evidence,
        current: Size,
        limit: Option<Size>,
        now: Timestamp,
    ) -> Size {
        let config = self.config;
        let (memory_now, cpu_now) = (current.memory.get(), current.millicores);
        let memory = self.wish(
            Resource::Memory,
            &config.memory,
            &evidence.memory,
            memory_now,
        );
        let memory = self.held(memory, &config.memory, evidence.out_of_memory, now);
        let cpu = self.wish(Resource::Cpu, &config.cpu, &evidence.cpu, cpu_now);
        let cpu = self.held(cpu, &config.cpu, evidence.throttled, now);
        if evidence.slow > 0 {
            let calls = evidence.slow;
            self.why.push(Reason::Slow { calls });
        }
        let most = |of: fn(Size) -> u64| limit.map_or(u64::MAX, of);
        let (most_memory, most_cpu) = (most(|it| it.memory.get()), most(|it| it.millicores));
        let Some(per_core) = config.tied.map(Bytes::get) else {
            let memory = self.decide(memory, memory_now);
            let cpu = self.decide(cpu, cpu_now);
            return Size {
                memory: Bytes::new(self.limited(Resource::Memory, memory, most_memory)),
                millicores: self.limited(Resource::Cpu, cpu, most_cpu),
            };
        };
        let memory = self.tie(memory, cpu, per_core);
        let memory = self.decide(memory, memory_now);
        // As much memory as the limit of the processor goes with, too.
        let most_memory = most_memory.min(memory_for(most_cpu, per_core, u64::MAX));
        let memory = self.limited(Resource::Memory, memory, most_memory);
        Size {
            memory: Bytes::new(memory),
            millicores: mul_div(memory, 1000, per_core),
        }
    }

    /// What the calls say; with too few of them, what there is.
    fn wish(&mut self, resource: Resource, rule: &Rule, amounts: &Amounts, current: u64) -> Wish {
        let (samples, least) = (amounts.count(), self.config.samples.max(1));
        let used = amounts
            .quantile(rule.percentile)
            .filter(|_| samples >= least);
        let Some(Quantile { low, amount, high }) = used else {
            self.why.push(Reason::FewSamples {
                resource,
                samples,
                least,
            });
            let wanted = current.clamp(rule.floor, rule.ceiling);
            return Wish {
                resource,
                need: 0,
                wanted,
                low: wanted,
                high: wanted,
                confidence: 0.0,
                ceiling: rule.ceiling,
            };
        };
        let sized = |amount| up(scaled(amount, rule.margin), rule.step);
        let within = |amount: u64| amount.clamp(rule.floor, rule.ceiling);
        let full = sized(amount);
        let wanted = within(full);
        self.why.push(Reason::Used {
            resource,
            samples,
            percentile: rule.percentile,
            amount,
            margin: rule.margin,
            wanted,
        });
        self.ceiling(resource, full, rule.ceiling);
        Wish {
            resource,
            need: within(amount),
            wanted,
            low: within(sized(low)),
            high: within(sized(high)),
            confidence: amounts.confidence(rule.percentile),
            ceiling: rule.ceiling,
        }
    }

    /// No less than a limit that was too low lately.
    fn held(
        &mut self,
        wish: Wish,
        rule: &Rule,
        exhausted: Option<Exhausted>,
        now: Timestamp,
    ) -> Wish {
        let known = exhausted.filter(|it| now.since(it.at) <= self.config.hold);
        let Some(Exhausted { at, limit, floor }) = known else {
            return wish;
        };
        self.why.push(match wish.resource {
            Resource::Memory => Reason::OutOfMemory { at, limit, floor },
            Resource::Cpu => Reason::Throttled { at, limit, floor },
        });
        let full = up(floor, rule.step);
        self.ceiling(wish.resource, full, rule.ceiling);
        Wish {
            need: wish.need.max(floor.min(rule.ceiling)),
            wanted: wish.wanted.max(full.min(rule.ceiling)),
            low: wish.low.max(full.min(rule.ceiling)),
            high: wish.high.max(full.min(rule.ceiling)),
            ..wish
        }
    }

    fn ceiling(&mut self, resource: Resource, wanted: u64, ceiling: u64) {
        if wanted > ceiling {
            self.why.push(Reason::Ceiling {
                resource,
                wanted,
                ceiling,
            });
        }
    }

    /// Memory that brings the processor time as well.
    fn tie(&mut self, memory: Wish, cpu: Wish, per_core: u64) -> Wish {
        let (step, ceiling) = (self.config.memory.step, self.config.memory.ceiling);
        let of = |millicores| up(memory_for(millicores, per_core, u64::MAX), step);
        let wanted = of(cpu.wanted);
        if wanted > memory.wanted {
            let millicores = cpu.wanted;
            self.why.push(Reason::Tied {
                millicores,
                memory: wanted,
            });
            self.ceiling(Resource::Memory, wanted, ceiling);
        }
        Wish {
            need: memory.need.max(memory_for(cpu.need, per_core, ceiling)),
            wanted: memory.wanted.max(wanted.min(ceiling)),
            low: memory.low.max(of(cpu.low).min(ceiling)),
            high: memory.high.max(of(cpu.high).min(ceiling)),
            confidence: memory.confidence.min(cpu.confidence),
            ..memory
        }
    }

    /// What is wanted, unless what there is will do.
    fn decide(&mut self, wish: Wish, current: u64) -> u64 {
        let Wish {
            resource,
            need,
            wanted,
            low,
            high,
            confidence,
            ceiling,
        } = wish;
        if wanted == current || current > ceiling {
            return wanted;
        }
        let band = self.config.band;
        let near = |to: u64| (to.abs_diff(current) as f64) < band * current as f64;
        if current < need {
            return wanted;
        }
        let least = self.config.confidence;
        if current > wanted && confidence < least {
            self.why.push(Reason::Unsure {
                resource,
                confidence,
                least,
            });
            return current;
        }
        if (low..=high).contains(&current) {
            self.why.push(Reason::Noise {
                resource,
                current,
                low,
                high,
            });
            return current;
        }
        // Upwards to what is wanted, downwards to the end of what may be: so the next look does not take it back.
        let to = if current < wanted { wanted } else { high };
        if near(to) {
            self.why.push(Reason::Near {
                resource,
                current,
                wanted: to,
                band,
            });
            return current;
        }
        if to > wanted {
            self.why.push(Reason::Careful {
                resource,
                wanted,
                high,
            });
        }
        to
    }

    fn limited(&mut self, resource: Resource, wanted: u64, limit: u64) -> u64 {
        if wanted > limit {
            self.why.push(Reason::Limit {
                resource,
                wanted,
                limit,
            });
        }
        wanted.min(limit)
    }
}

/// The next multiple of the step, or the last before the end of all numbers.
fn up(amount: u64, step: u64) -> u64 {
    amount
        .checked_next_multiple_of(step)
        .unwrap_or(u64::MAX - u64::MAX % step)
}

/// The memory that goes with so many millicores, rounded up.
fn memory_for(millicores: u64, per_core: u64, most: u64) -> u64 {
    let bytes = (u128::from(millicores) * u128::from(per_core)).div_ceil(1000);
    u64::try_from(bytes).map_or(most, |bytes| bytes.min(most))
}

/// Rounded down.
fn mul_div(amount: u64, by: u64, of: u64) -> u64 {
    let whole = u128::from(amount) * u128::from(by) / u128::from(of.max(1));
    u64::try_from(whole).unwrap_or(u64::MAX)
}

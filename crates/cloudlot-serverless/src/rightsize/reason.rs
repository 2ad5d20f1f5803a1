//! Why advice is what it is, as data that prints as a sentence.

use std::fmt;

use cloudlot_core::metrics::Percentile;
use cloudlot_core::{Bytes, Timestamp};

/// What is sized.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resource {
    /// Memory, in bytes.
    Memory,
    /// Processor time, in millicores.
    Cpu,
}

/// One step on the way to advice.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// Too little is known.
    FewSamples {
        /// Of what.
        resource: Resource,
        /// How many calls were seen.
        samples: u64,
        /// How many it takes.
        least: u64,
    },
    /// What calls used.
    Used {
        /// Of what.
        resource: Resource,
        /// Of how many calls.
        samples: u64,
        /// Which percentile.
        percentile: Percentile,
        /// At most so much.
        amount: u64,
        /// What that was multiplied by.
        margin: f64,
        /// With margin and rounded up, within floor and ceiling.
        wanted: u64,
    },
    /// More is wanted than the ceiling allows.
    Ceiling {
        /// Of what.
        resource: Resource,
        /// How much.
        wanted: u64,
        /// How much there may be.
        ceiling: u64,
    },
    /// A call ran out of memory.
    OutOfMemory {
        /// When.
        at: Timestamp,
        /// With how much.
        limit: u64,
        /// How much there is to be for now.
        floor: u64,
    },
    /// A call ran for too long, with all the processor time it might have.
    Throttled {
        /// When.
        at: Timestamp,
        /// With how much.
        limit: u64,
        /// How much there is to be for now.
        floor: u64,
    },
    /// Calls ran for too long, though they did not use the processor time they had: more of it is no help.
    Slow {
        /// How many.
        calls: u64,
    },
    /// Something could go, but not enough was seen to be sure.
    Unsure {
        /// Of what.
        resource: Resource,
        /// How sure it is.
        confidence: f64,
        /// How sure it has to be.
        least: f64,
    },
    /// What is there is near enough.
    Near {
        /// Of what.
        resource: Resource,
        /// What there is.
        current: u64,
        /// What is wanted.
        wanted: u64,
        /// The share by which it may differ.
        band: f64,
    },
    /// What there is may be right: so few calls do not tell the percentile better.
    Noise {
        /// Of what.
        resource: Resource,
        /// What there is.
        current: u64,
        /// The least that may be wanted.
        low: u64,
        /// The most that may be wanted.
        high: u64,
    },
    /// Less is wanted, but it goes no lower than what may be right.
    Careful {
        /// Of what.
        resource: Resource,
        /// What is wanted.
        wanted: u64,
        /// The most that may be wanted.
        high: u64,
    },
    /// Memory is raised because the processor follows it.
    Tied {
        /// What the processor is to have.
        millicores: u64,
        /// What memory that takes.
        memory: u64,
    },
    /// The owner or the host allows no more.
    Limit {
        /// Of what.
        resource: Resource,
        /// How much is wanted.
        wanted: u64,
        /// How much there may be.
        limit: u64,
    },
}

/// An amount in the unit of its resource.
struct Amount(Resource, u64);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Resource::Memory => {
                let mib = 1 << 20;
                match self.1 % mib {
                    0 => write!(f, "{} MiB", self.1 / mib),
                    _ => write!(f, "{:.1} MiB", self.1 as f64 / mib as f64),
                }
            }
            Resource::Cpu => write!(f, "{} millicores", self.1),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::FewSamples {
                resource,
                samples,
                least,
            } => {
                write!(
                    f,
                    "{resource}: {samples} calls are too few, it takes {least}"
                )
            }
            Self::Used {
                resource,
                samples,
                percentile,
                amount,
                margin,
                wanted,
            } => {
                let (p, amount, wanted) = (
                    percentile.get(),
                    Amount(resource, amount),
                    Amount(resource, wanted),
                );
                write!(
                    f,
                    "{resource}: p{p} of {samples} calls is {amount}, times {margin} gives {wanted}"
                )
            }
            Self::Ceiling {
                resource,
                wanted,
                ceiling,
            } => {
                let (wanted, ceiling) = (Amount(resource, wanted), Amount(resource, ceiling));
                write!(f, "{resource}: {wanted} are above the ceiling of {ceiling}")
            }
            Self::OutOfMemory { at, limit, floor } => {
                let (limit, floor) = (Bytes::new(limit), Amount(Resource::Memory, floor));
                write!(
                    f,
                    "memory: a call ran out of {limit} at {at:?}, so at least {floor}"
                )
            }
            Self::Throttled { at, limit, floor } => {
                let (limit, floor) = (Amount(Resource::Cpu, limit), Amount(Resource::Cpu, floor));
                write!(
                    f,
                    "cpu: a call used all of {limit} and ran for too long at {at:?}, so at least {floor}"
                )
            }
            Self::Slow { calls } => {
                write!(
                    f,
                    "cpu: {calls} calls ran for too long without using it all, more is no help"
                )
            }
            Self::Unsure {
                resource,
                confidence,
                least,
            } => write!(
                f,
                "{resource}: less would do, but that is only {:.1} % sure, not {:.1} %",
                confidence * 100.0,
                least * 100.0
            ),
            Self::Near {
                resource,
                current,
                wanted,
                band,
            } => {
                let (current, wanted) = (Amount(resource, current), Amount(resource, wanted));
                write!(
                    f,
                    "{resource}: {current} stay, {wanted} differ by less than {:.0} %",
                    band * 100.0
                )
            }
            Self::Noise {
                resource,
                current,
                low,
                high,
            } => {
                let [current, low, high] = [current, low, high].map(|it| Amount(resource, it));
                write!(
                    f,
                    "{resource}: {current} stay, from {low} to {high} may be right"
                )
            }
            Self::Careful {
                resource,
                wanted,
                high,
            } => {
                let (wanted, high) = (Amount(resource, wanted), Amount(resource, high));
                write!(
                    f,
                    "{resource}: down to {high} only, as more than {wanted} may be right"
                )
            }
            Self::Tied { millicores, memory } => {
                let memory = Amount(Resource::Memory, memory);
                write!(f, "memory: {millicores} millicores come with {memory} here")
            }
            Self::Limit {
                resource,
                wanted,
                limit,
            } => {
                let (wanted, limit) = (Amount(resource, wanted), Amount(resource, limit));
                write!(f, "{resource}: {wanted} are above the limit of {limit}")
            }
        }
    }
}

//! What a planner decides: absolute steps, each with its reason, and the picture it saw.
//!
//! A step leaves the doer no choice, and doing it twice is harmless.

use crate::{CpuSet, DomainId, PcpuId, VcpuId};
use cloudlot_core::Bytes;
use std::fmt;
use std::time::Duration;

/// One change to a host.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "step", rename_all = "kebab-case")
)]
pub enum HostStep {
    /// Let a vCPU run on these pCPUs only, until the domain stops.
    Pin {
        /// The vCPU.
        vcpu: VcpuId,
        /// Where it may run.
        to: CpuSet,
    },
    /// Ask a guest's balloon for this much memory in the guest, until the domain stops.
    SetMemory {
        /// The guest.
        domain: DomainId,
        /// The memory it should have.
        target: Bytes,
    },
    /// Ask a guest for memory statistics this often; zero stops it.
    SetStatsPeriod {
        /// The guest.
        domain: DomainId,
        /// Whole seconds.
        period: Duration,
    },
}

impl HostStep {
    /// The domain that the step changes.
    #[must_use]
    pub fn domain(&self) -> DomainId {
        match self {
            Self::Pin { vcpu, .. } => vcpu.domain,
            Self::SetMemory { domain, .. } | Self::SetStatsPeriod { domain, .. } => *domain,
        }
    }
}

/// A step, and why it is worth taking.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct PlannedStep {
    /// What to change.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub step: HostStep,
    /// The rule that asked for it, with its numbers.
    pub why: String,
}

/// What a planner decided in one cycle.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct HostPlan {
    /// In the order in which they are to be done.
    pub steps: Vec<PlannedStep>,
    /// What the planner saw, and what it expects of its steps.
    pub picture: Picture,
    /// What an operator should know: rejected samples, refusals, alarms.
    pub notes: Vec<String>,
}

/// The state of the host in the planner's eyes.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "kind", rename_all = "kebab-case")
)]
pub enum Picture {
    /// Too few samples to see anything.
    Blind,
    /// The balance of pCPUs.
    Cpu(CpuPicture),
    /// The division of memory.
    Memory(MemoryPicture),
}

/// Loads of pCPUs before and after a plan, in cores (1.0 = one pCPU fully busy).
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct CpuPicture {
    /// By rising id, usable pCPUs only.
    pub pcpus: Vec<PcpuPicture>,
    /// Population standard deviation of the loads now, in percentage points.
    pub spread: f64,
    /// The same, as predicted with the steps taken.
    pub spread_after: f64,
    /// Whether the balance is bad enough to act on, for the cycle's samples alone.
    pub triggered: bool,
    /// vCPUs that the plan moves to another pCPU.
    pub migrations: usize,
}

/// One pCPU in a [`CpuPicture`].
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct PcpuPicture {
    /// Which.
    pub id: PcpuId,
    /// Demand on it now, in cores; above 1 it is overloaded.
    pub load: f64,
    /// Demand predicted with the steps taken.
    pub load_after: f64,
    /// The vCPUs on it now.
    pub vcpus: Vec<VcpuId>,
}

/// Memory of the host and its guests in the planner's eyes.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct MemoryPicture {
    /// What the host could still give.
    pub available: Bytes,
    /// What it must keep.
    pub reserve: Bytes,
    /// Granted earlier and not yet taken by the guests.
    pub in_flight: Bytes,
    /// How scarce memory is.
    pub state: HostState,
    /// By rising domain id.
    pub guests: Vec<GuestPicture>,
}

/// How scarce the host's memory is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "kebab-case")
)]
pub enum HostState {
    /// At least twice the reserve is available.
    High,
    /// At least the reserve.
    Soft,
    /// At least half the reserve.
    Hard,
    /// Less.
    Low,
}

/// One guest in a [`MemoryPicture`].
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct GuestPicture {
    /// Which.
    pub id: DomainId,
    /// Its name.
    pub name: String,
    /// What it has.
    pub actual: Bytes,
    /// What it uses; `None` for a guest that does not tell.
    pub used: Option<Bytes>,
    /// What it should have to be at ease.
    pub need: Bytes,
    /// What the plan asks its balloon for; equal to the last target where nothing changes.
    pub target: Bytes,
    /// What holds it back, in a few words; empty if nothing does.
    pub held: String,
}

impl fmt::Display for HostState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::High => "high",
            Self::Soft => "soft",
            Self::Hard => "hard",
            Self::Low => "low",
        })
    }
}

impl fmt::Display for HostStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pin { vcpu, to } => write!(f, "pin {} vcpu {} to {to}", vcpu.domain, vcpu.index),
            Self::SetMemory { domain, target } => write!(f, "set memory of {domain} to {target}"),
            Self::SetStatsPeriod { domain, period } => {
                write!(
                    f,
                    "ask {domain} for statistics every {} s",
                    period.as_secs()
                )
            }
        }
    }
}

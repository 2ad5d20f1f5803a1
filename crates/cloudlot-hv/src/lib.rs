//! Balance vCPUs over pCPUs and memory over guests, on hosts that must not fall over.
mod cycle;
pub mod fake;
pub mod former;
mod hypervisor;
#[cfg(feature = "serde")]
pub mod journal;
#[cfg(feature = "libvirt")]
pub mod libvirt;
pub mod memory;
mod original;
pub mod pins;
mod plan;
mod sample;
mod topology;
pub mod usage;

pub use cycle::{Controller, Cycle, CycleReport, Journal, Mode, Outcome, merged, run};
pub use hypervisor::{Capabilities, HvError, Hypervisor};
pub use original::{Original, RestoreLimits, RestorePolicy, RestoreReport, restore};
pub use plan::{
    CpuPicture, GuestPicture, HostPlan, HostState, HostStep, MemoryPicture, PcpuPicture, Picture,
    PlannedStep,
};
pub use sample::{
    BalloonSample, DomainId, DomainRules, DomainSample, DomainState, HostMemory, HostSample,
    PcpuSample, VcpuId, VcpuSample,
};
pub use topology::{CPU_LIMIT, CpuSet, ParseCpuSetError, PcpuId};
pub use usage::HostUsage;

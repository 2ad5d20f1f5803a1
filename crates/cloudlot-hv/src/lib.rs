//! Balance vCPUs over pCPUs and memory over guests, on hosts that must not fall over.
//!
//! Two planners, both pure: [`pins::plan_pins`] decides which vCPU runs on which pCPU, and
//! [`memory::plan_memory`] how much memory each guest's balloon leaves it. Each has two named sets
//! of parameters, `production` and `course`. A [`Cycle`] joins a planner's [`Controller`] with a
//! [`Hypervisor`] and a [`Journal`]: it samples, plans, writes down what could be undone, applies
//! and reports. [`restore`] undoes.
//!
//! Hypervisors are [`fake::FakeHost`], a simulated host for tests of your own, and with the
//! feature `libvirt` every host that libvirt reaches. A hypervisor of your own implements four methods.
//!
//! ```
//! use cloudlot_core::{Clock, ManualClock, Seeds};
//! use cloudlot_hv::fake::{FakeHost, scenario};
//! use cloudlot_hv::pins::{PinConfig, PinController};
//! use cloudlot_hv::{Cycle, Mode, Original};
//! use std::time::Duration;
//!
//! // Eight guests, all pinned to the first of four pCPUs.
//! let (seeds, clock) = (Seeds::new(1), ManualClock::default());
//! let spec = scenario::named("cpu-1", seeds).expect("a known scenario");
//! let host = FakeHost::new(spec, seeds, clock.clone())?;
//!
//! let second = Duration::from_secs(1);
//! let controller = PinController::new(PinConfig::course(), second)?;
//! let mut cycle = Cycle::new(host, controller, Vec::<Original>::new(), Mode::Act, Vec::new());
//! for _ in 0..12 {
//!     cycle.turn()?;
//!     clock.sleep_until(clock.now() + second);
//! }
//! assert_eq!(cycle.host().migrations(), 6); // two stay, six must go
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
mod spread;
mod topology;
pub mod usage;

pub use cycle::{Controller, Cycle, CycleReport, Journal, Mode, Outcome, merged, run};
pub use hypervisor::{Capabilities, HvError, Hypervisor};
pub use original::{
    Original, RestoreLimits, RestorePolicy, RestoreReport, restore, restore_within,
};
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

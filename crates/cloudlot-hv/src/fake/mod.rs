//! A simulated host, for trying controllers out: the same seed gives the same run, byte for byte.
//!
//! [`FakeHost`] is a [`Hypervisor`](crate::Hypervisor) on a [`ManualClock`](cloudlot_core::ManualClock):
//! time passes only when the clock is moved. Guests want CPU and memory over time as a
//! [`HostSpec`] says; pCPUs are shared fairly, floating vCPUs wander, counters have the steps of
//! real ones. How often it is looked at changes nothing.
//!
//! ```
//! use cloudlot_core::{Clock, ManualClock, Seeds, Timestamp};
//! use cloudlot_hv::fake::{FakeHost, GuestSpec, HostSpec, Load, VcpuSpec};
//! use cloudlot_hv::Hypervisor;
//! use std::time::Duration;
//!
//! let clock = ManualClock::default();
//! let busy = |number, name| {
//!     let vcpu = VcpuSpec::steady(Load::Open { cores: 0.7 }).pinned_to(0);
//!     GuestSpec::new(number, name, vec![vcpu])
//! };
//! let spec = HostSpec::new(2, vec![busy(1, "web"), busy(2, "db")]);
//! let mut host = FakeHost::new(spec, Seeds::new(1), clock.clone())?;
//!
//! clock.sleep_until(Timestamp::ZERO + Duration::from_secs(10));
//! let sample = host.sample()?;
//! let web = &sample.domains[0].vcpus[0];
//! assert_eq!(web.time, Duration::from_secs(5));
//! assert_eq!(web.delay, Some(Duration::from_secs(2)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What happens to memory is in [`MemorySpec`], what goes wrong on request in [`Fault`], the
//! scenarios of the vCPU scheduler and the memory coordinator in [`scenario`], and the view of
//! their monitor in [`Monitor`].

mod chance;
mod check;
mod cpu;
mod faults;
mod guest_memory;
mod host;
mod host_memory;
mod load;
mod memory_spec;
mod monitor;
pub mod scenario;
mod spec;
mod wander;
mod world;

pub use crate::spread::spread;
pub use check::SpecError;
pub use faults::{Answer, Fault, StepKind};
pub use guest_memory::{MemoryChange, MemoryTruth};
pub use host::FakeHost;
pub use load::{DemandStep, Load, Noise};
pub use memory_spec::{BalloonSpec, HostMemorySpec, HostUse, MemorySpec, MemoryWork, PageCache};
pub use monitor::{GuestMemoryReading, Monitor, MonitorReading, PcpuReading};
pub use spec::{Counters, GuestSpec, HostSpec, PcpuSpec, Span, VcpuSpec};

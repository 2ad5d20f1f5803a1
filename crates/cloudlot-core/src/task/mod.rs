//! Tasks on one host: admission, placement, sharing of CPU power, progress, starvation.
//!
//! A [`Host`] has CPUs of a capacity in MI/s (million instructions a second) and memory. An
//! entity is provisioned with a ceiling of CPU power; its [`Task`]s bring [`Work`] and need
//! memory. The host is a state machine without a clock: each call says what time it is, and
//! [`Host::next_deadline`] says when something will happen by itself. All amounts are integers,
//! and all sums come out even.
//!
//! Leaves to the caller where tasks come from and what runs them; several hosts are several
//! values.
//!
//! # Admission
//!
//! The ceilings of all entities together may come to [`HostSpec::over_provision`] per mille of
//! the host's CPU power, and no further. To provision an entity again replaces its ceiling.
//!
//! # Starting
//!
//! A task starts with everything it needs or not at all: its CPUs by the [`Placement`], its
//! memory, which is never over-committed, and its guaranteed minimum of CPU power. Otherwise it is
//! [`Queued`](TaskState::Queued), and starts when there is room. Whoever came first goes first;
//! a younger task may overtake one that does not fit yet, but not one that has waited for
//! [`Ageing::patience`]. **Bound:** a task that has waited that long starts no later than when
//! all that ran at that moment, or were queued before it, have ended, whatever arrives. A task
//! that waits for a part of its own entity's ceiling holds up tasks of that entity only, and the
//! bound holds for it from when there is that part.
//!
//! # Sharing
//!
//! What a task asks for is what would end it within a second, or its own `most` if that is less.
//! The tasks of an entity divide its ceiling by weight, max-min fairly ([`crate::share`]), and
//! that is their *demand*. A task on several CPUs demands an equal part on each, one unit more on
//! the first ones if it does not come out even, and nowhere more than the CPU has. Each CPU is
//! then divided among the demands on it, again max-min fairly, with the guaranteed minimums. This
//! is done afresh whenever somebody comes or goes, from demands and never from former grants: the
//! grants of a set of tasks on the same CPUs do not depend on the order in which they came, ties
//! go to the lower [`TaskId`], and no power is idle that somebody on that CPU demands.
//!
//! # Starvation
//!
//! A task starves when its grant has been below its demand for [`Ageing::patience`] or longer;
//! what its siblings take of the ceiling by their weights is its entity's affair. From then until
//! it ends it is *aged*. Each CPU keeps [`Ageing::kept`] per mille of its capacity for aged tasks:
//! it is their minimum, those that starved first come first, and what they do not need is shared
//! like the rest. It raises the minimum rather than the weight, because any weight can be outrun
//! by enough arrivals.
//!
//! An aged task is *served* on a CPU when it has its part of the demand there, or at least all
//! that the CPU keeps. **Bound:** from when it is aged, it is not served on a CPU for at most
//! (its remaining work + the remaining work of the tasks on that CPU that starved before it) /
//! (what the CPU keeps), whatever arrives and with whatever weights and minimums: as long as it
//! is not served, what is kept goes to it and to those, and their work is finite. A host that
//! keeps nothing shares fairly and bounds nothing.
//!
//! # Example
//!
//! ```
//! use cloudlot_core::task::{EntityId, Host, HostSpec, Task, TaskId, TaskState, Work};
//! use cloudlot_core::{Bytes, Timestamp};
//! use std::time::Duration;
//!
//! // One CPU of 4,000 MI/s that may be promised one and a half times over.
//! let spec = HostSpec { over_provision: 1_500, ..HostSpec::new([4_000], Bytes::gib(1)) };
//! let mut host = Host::new(spec)?;
//! let start = Timestamp::ZERO;
//! for number in [1, 2] {
//!     host.provision(EntityId::new(number), 3_000, start)?;
//!     let task = Task::new(TaskId::new(number), EntityId::new(number), Work::mi(3_000));
//!     assert_eq!(host.submit(task, start)?, TaskState::Running);
//! }
//! // No third: 6,000 is all that may be promised.
//! assert!(host.provision(EntityId::new(3), 500, start).is_err());
//!
//! // 3,000 and 3,000 on 4,000: half each, and the CPU is full.
//! let grant = |host: &Host, number| host.progress(TaskId::new(number)).map(|task| task.grant);
//! assert_eq!((grant(&host, 1), grant(&host, 2)), (Some(2_000), Some(2_000)));
//! assert_eq!(host.utilisation().ratio(), 1.0);
//!
//! // One goes: the other has what it demands.
//! host.remove(TaskId::new(1), start);
//! assert_eq!(grant(&host, 2), Some(3_000));
//! assert_eq!(host.utilisation().ratio(), 0.75);
//!
//! // 3,000 MI at 3,000 MI/s take a second.
//! let end = start + Duration::from_secs(1);
//! assert_eq!(host.next_deadline(), Some(end));
//! let finished = host.advance(end);
//! assert_eq!((finished[0].task, finished[0].at), (TaskId::new(2), end));
//! assert_eq!(host.utilisation().ratio(), 0.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod advance;
mod cpu;
mod entity;
mod host;
mod model;
mod report;
mod spec;
mod work;

pub use entity::{DeprovisionError, ProvisionError};
pub use host::{Host, NotActive, SubmitError};
pub use model::{CpuId, EntityId, Finished, Progress, Task, TaskId, TaskState};
pub use report::{Sharer, Starving, Utilisation};
pub use spec::{Ageing, HostSpec, Placement, SpecError};
pub use work::Work;

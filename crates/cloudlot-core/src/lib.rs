//! Resources, requests, and the ledger of who holds what; with the words that every CloudLot crate shares.
//!
//! A [`Resource`] says what there is, a [`Request`] what somebody wants; both are checked once, with all faults at once. The
//! [`Rulebook`] tells which resources suit a request and whether it can ever be served. The [`ledger`] reserves, confirms and
//! ends; it grants nothing twice and says why it refuses. [`metrics`] shows how full everything is.
//!
//! The example of the original resource management system, from the definition to the dashboard:
//! ```
//! use cloudlot_core::ledger::{Ledger, Why};
//! use cloudlot_core::metrics::{Content, Level, Monitor};
//! use cloudlot_core::{Request, Resource, Timestamp, cores, gib};
//! use std::time::Duration;
//!
//! // Definition
//! let compute_resource = Resource::node("compute-node-1")
//!     .class("compute")
//!     .capacity([cores(100), gib(128)])
//!     .capability("arch", "x86_64")
//!     .build()?;
//!
//! // Reservation
//! let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
//! let mut ledger = Ledger::new();
//! let node = ledger.add(compute_resource, at(0))?;
//! let compute_requirement = Request::new("task-1").owner("task-1").part([cores(50)]).build()?;
//! let reservation = ledger.reserve(&compute_requirement, node, at(1))?;
//! ledger.confirm(reservation.id, at(2))?;
//! let more = Request::new("task-2").part([cores(51)]).build()?;
//! assert!(matches!(ledger.reserve(&more, node, at(3)), Err(Why::Full { .. })));
//!
//! // Monitoring
//! let usage = ledger.state().usage(at(3));
//! assert_eq!(usage.kinds["cpu"].utilisation().ratio(), 0.5);
//! let dashboard = Monitor::default().dashboard(&usage);
//! let status = &dashboard.widgets.last().unwrap().content;
//! assert_eq!(*status, Content::Status { level: Level::Normal, busiest: 0.5 });
//!
//! ledger.release(reservation.id, at(4))?;
//! assert!(ledger.reserve(&more, node, at(5)).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What else is here
//! - Amounts: [`Quantities`] carry names and travel in files; [`Amounts`] are the same by number, for those who compute.
//!   [`quantity`] reads and writes them as people do, [`Bytes`] and [`Measure`] likewise.
//! - [`task`] is one host with its tasks, [`share`] divides a quantity fairly, [`event`] orders what a simulation has before it.
//! - Time is a [`Timestamp`] that callers pass in; only a [`Clock`], held by a driver, reads it. Chance starts from one
//!   root seed and is split by purpose with [`Seeds`]. So the same seed gives the same run, byte for byte.
//!
//! Nothing here does I/O, and nothing knows a policy: which request comes first and where it goes is somebody else's to say.
//!
//! # Features
//! `serde` (on by default) reads and writes what travels; `openmetrics` exports the usage report as text.

mod amounts;
mod bytes;
mod capability;
mod checked;
mod constraint;
mod decimal;
pub mod event;
mod fault;
mod id;
mod ids;
mod key;
mod kind;
mod labels;
pub mod ledger;
pub mod metrics;
mod owner;
pub mod quantity;
mod request;
mod resource;
mod rulebook;
mod seed;
mod selector;
pub mod share;
mod taint;
pub mod task;
mod text;
mod time;
mod topology;
mod unit;
#[cfg(feature = "serde")]
mod wire;

pub use amounts::Amounts;
pub use bytes::{Bytes, ParseBytesError};
pub use capability::{
    Capability, CapabilityRule, CapabilityTest, Dimension, Measure, ParseMeasureError,
    ParseVersionError, Version,
};
pub use constraint::Constraint;
pub use fault::{Fault, Faults, Rule};
pub use ids::{OwnerId, ReservationId, ResourceId, Revision};
pub use key::{ParseKeyError, RequestKey};
pub use kind::{Kind, KindName, Kinds, KindsError};
pub use labels::{Label, Labels};
pub use owner::OwnerPath;
#[doc(inline)]
pub use quantity::{
    ParseQuantityError, Quantities, Quantity, Rounding, bits_per_second, bytes, cores, gib, gpus,
    mib, millicores, named, storage,
};
pub use request::{
    Affinity, Mode, Need, On, Part, Preference, Priority, Request, RequestBuilder, SoftAffinity,
    Spread, Terms, Window,
};
pub use resource::{NodeClass, Resource, ResourceBuilder, ResourceState};
pub use rulebook::{Check, Found, Mismatch, Place, Reason, Rulebook, Satisfiable, Shortage};
pub use seed::Seeds;
pub use selector::{LabelTest, Selector};
pub use taint::{Effect, Taint, Toleration};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
pub use topology::Topology;

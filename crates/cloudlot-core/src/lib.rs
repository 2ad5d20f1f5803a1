//! The words that every CloudLot crate shares: amounts, identifiers, time and seeds.
//!
//! Nothing here knows a policy or does I/O. Time is a [`Timestamp`] that callers pass in; only a
//! [`Clock`], held by a driver, reads it. Chance starts from one root seed and is split by
//! purpose with [`Seeds`], so that the same seed gives the same run, byte for byte.
//!
//! [`share`] divides a quantity, [`event`] orders what a simulation has before it, and [`task`]
//! is one host with its tasks.
//!
//! ```
//! use cloudlot_core::{Bytes, Clock, ManualClock, Seeds, Timestamp};
//! use std::time::Duration;
//!
//! let clock = ManualClock::at(Timestamp::ZERO);
//! clock.sleep_until(Timestamp::ZERO + Duration::from_secs(5)); // virtual: returns at once
//! assert_eq!(clock.now().as_secs_f64(), 5.0);
//!
//! let free: Bytes = "1.5GiB".parse()?;
//! assert_eq!(free.checked_sub(Bytes::gib(1)), Some(Bytes::mib(512)));
//!
//! let seeds = Seeds::new(7);
//! assert_ne!(seeds.stream("arrivals"), seeds.stream("noise"));
//! # Ok::<(), cloudlot_core::ParseBytesError>(())
//! ```

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

//! The words that every CloudLot crate shares: amounts, identifiers, time and seeds.
//!
//! Nothing here knows a policy or does I/O. Time is a [`Timestamp`] that callers pass in; only a
//! [`Clock`], held by a driver, reads it. Chance starts from one root seed and is split by
//! purpose with [`Seeds`], so that the same seed gives the same run, byte for byte.
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
mod decimal;
mod id;
mod ids;
mod kind;
pub mod ledger;
pub mod quantity;
mod seed;
mod time;
mod unit;

pub use amounts::Amounts;
pub use bytes::{Bytes, ParseBytesError};
pub use ids::{OwnerId, ReservationId, ResourceId, Revision};
pub use kind::{Kind, KindName, Kinds, KindsError};
#[doc(inline)]
pub use quantity::{
    ParseQuantityError, Quantities, Quantity, Rounding, bits_per_second, bytes, cores, gib, gpus,
    mib, millicores, named, storage,
};
pub use seed::Seeds;
pub use time::{Clock, ManualClock, SystemClock, Timestamp};

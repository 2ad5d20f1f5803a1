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

mod amount;
mod id;
mod seed;
mod time;

pub mod event;
pub mod share;
pub mod task;

pub use amount::{Bytes, ParseBytesError};
pub use seed::Seeds;
pub use time::{Clock, ManualClock, SystemClock, Timestamp};

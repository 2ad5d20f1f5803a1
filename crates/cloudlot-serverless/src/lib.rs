//! Functions that are called: scheduled, kept warm, scaled and monitored, as a state machine without I/O.
//!
//! A [`Platform`] is told what happened ([`Event`]) and says what is to be done ([`Effect`]); it binds calls to instances, keeps idle ones
//! as long as a [`KeepAlive`] says, ends what runs or waits too long, tries again, and answers each call once. It has no
//! clock and does no I/O: a driver does. [`sim`] is such a driver on virtual time, [`trace`] and [`synthetic`] give it
//! calls.
//!
//! A function that is called once a minute for an hour starts once:
//! ```
//! use cloudlot_core::{Bytes, Timestamp};
//! use cloudlot_serverless::sim::{FixedStart, Simulation};
//! use cloudlot_serverless::{Arrival, FixedWindow, Function, Platform, Settings};
//! use std::time::Duration;
//!
//! let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::from_secs(600)));
//! let hello = platform.add(Function::new(Bytes::mib(128)));
//! let minutes = (0..60).map(|minute| Arrival {
//!     at: Timestamp::ZERO + Duration::from_secs(60 * minute),
//!     function: hello,
//!     runs: Duration::from_millis(200),
//! });
//! Simulation::new(FixedStart(Duration::from_secs(1))).run(&mut platform, minutes, &mut ());
//! let totals = platform.totals();
//! assert_eq!((totals.calls, totals.replies, totals.starts, totals.cold), (60, 60, 1, 1));
//! ```

mod chance;
mod choose;
pub mod evict;
pub mod keep;
pub mod monitor;
mod platform;
pub mod report;
pub mod rightsize;
pub mod scale;
pub mod sim;
pub mod start;
pub mod synthetic;
pub mod trace;
mod workload;

pub use choose::{Candidate, ChoiceRule, Choose, HostChoice, Learned, Question, Wanted};
pub use keep::FixedWindow;
pub use platform::{
    AttemptId, Backoff, Binding, Breaker, Call, CallId, Cancelling, Discord, Effect, Event, Evicts,
    Exit, Frees, Full, Function, Health, Host, HostId, Hosting, InstanceId, KeepAlive, Key,
    KeyMemory, Life, Limit, Move, Outcome, Owner, Platform, Pool, Prewarm, Rebalance, Record, Rest,
    Resting, Retries, Reuse, Settings, Sink, Source, Spares, Standing, Status, StopReason,
    Temperature, Totals, Turns, View,
};
pub use workload::{Arrival, Profile};

use cloudlot_core::id_type;

id_type! {
    /// A function, counted from zero in the order of its source.
    pub struct FunctionId(u32, "fn-");
}

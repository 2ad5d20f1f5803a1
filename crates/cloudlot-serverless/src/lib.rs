//! Functions that are called: scheduled, kept warm, scaled and monitored, as a state machine without I/O.

mod platform;
pub mod sim;
pub mod trace;
mod workload;

pub use platform::{
    AttemptId, Backoff, Binding, Call, CallId, Effect, Event, Exit, FixedWindow, Frees, Full,
    Function, InstanceId, KeepAlive, Key, KeyMemory, Life, Move, Outcome, Platform, Pool, Record,
    Retries, Reuse, Settings, Sink, Source, StopReason, Totals,
};
pub use workload::{Arrival, Profile};

use cloudlot_core::id_type;

id_type! {
    /// A function, counted from zero in the order of its source.
    pub struct FunctionId(u32, "fn-");
}

//! Functions that are called: scheduled, kept warm, scaled and monitored, as a state machine without I/O.

pub mod scale;
pub mod synthetic;
pub mod trace;
mod workload;

pub use workload::{Arrival, Profile};

use cloudlot_core::id_type;

id_type! {
    /// A function, counted from zero in the order of its source.
    pub struct FunctionId(u32, "fn-");
}

//! Policies of keeping instances warm, and what each costs; their port is [`KeepAlive`](crate::KeepAlive).

mod fixed;
pub mod frontier;
mod gaps;
mod hybrid;
mod oracle;
mod scaled;

pub use fixed::{FixedLife, FixedWindow};
pub use gaps::{GapConfig, Gaps};
pub use hybrid::{Hybrid, HybridConfig};
pub use oracle::Oracle;
pub use scaled::{Scaled, Scales};

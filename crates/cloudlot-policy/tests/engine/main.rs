//! The engine as its users see it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ageing;
mod backfilling;
mod explaining;
mod heritage;
mod naive;
mod order;
mod preempting;
mod queue;
mod quota;
mod random;
mod replay;
mod world;

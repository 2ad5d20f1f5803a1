//! The engine as its users see it.

mod ageing;
mod explaining;
mod order;
mod preempting;
mod queue;
mod quota;
mod random;
mod world;

//! The engine as its users see it.

mod ageing;
mod explaining;
mod order;
mod queue;
mod random;
mod world;

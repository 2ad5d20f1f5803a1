//! The engine as its users see it.

mod explaining;
mod order;
mod queue;
mod random;
mod world;

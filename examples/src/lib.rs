//! What the example programs share.
pub mod demo;
pub mod lab;
pub mod program;
pub mod reserve;
mod target;
pub mod taxi;

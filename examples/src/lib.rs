//! What the example programs share.
pub mod demo;
pub mod lab;
pub mod program;
mod progress;
pub mod replay;
pub mod reserve;
mod target;
pub mod taxi;

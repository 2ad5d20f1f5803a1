//! What the example programs share.
pub mod lab;
pub mod program;

//! Policies of keeping instances warm; their port is [`KeepAlive`](crate::KeepAlive).

mod fixed;

pub use fixed::FixedWindow;

//! Scalers between rails, and platforms that follow them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod flapping;
mod headroom;
mod threads;
mod windows;
mod world;

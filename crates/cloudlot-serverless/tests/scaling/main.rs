//! Scalers between rails, and platforms that follow them.

mod flapping;
mod threads;
mod windows;
mod world;

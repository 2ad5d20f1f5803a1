//! The live suite: the two programs as they are built, at work on real guests in a laboratory,
//! judged by what `virsh` says and by the lines they print themselves.
//!
//! It wants the machine for itself, so nothing runs it by the way:
//! `cargo test -p cloudlot-examples --features libvirt --test live -- --test-threads=1`.
//! Without the means for a laboratory it fails; whether they are there `lab check` says first.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cpu;
mod host;
mod leaving;
mod memory;
mod outage;
mod program;
mod stage;
mod vanishing;

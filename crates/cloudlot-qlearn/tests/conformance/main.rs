//! The rules and the choices against exact numbers and naive models.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod allocations;
mod empty_masks;
mod logs;
mod oracle;
mod oracles;
mod reference;
mod refusals;
mod selection;
mod shared;
mod short_path;
mod update_rules;

//! Judging by logs: the reference's numbers, what bounds promise, and what is refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod episodes;
mod files;
mod fits;
mod gates;
mod models;
mod properties;
mod reference;
mod refusals;

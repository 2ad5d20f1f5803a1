//! The stable and panic rule: tick for tick as an independent program has it, its properties, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod properties;
mod refusals;
mod table;

use cloudlot_core::Timestamp;
use cloudlot_serverless::scale::kpa::Concurrency;
use std::time::Duration;

fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(seconds)
}

fn milli(thousandths: u64) -> Concurrency {
    Concurrency::from_milli(thousandths).unwrap()
}

//! A durable ledger against a plain one: whatever a store does, what was acknowledged is there, what was lost is not, and
//! each is told.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faults;
mod gangs;
mod together;
mod world;

use cloudlot_core::Timestamp;
use cloudlot_core::ledger::LedgerConfig;
use cloudlot_store::durable::{DurableConfig, DurableLedger};
use cloudlot_store::{LedgerStore, MemoryStore};
use std::time::Duration;

const CONFIG: DurableConfig = DurableConfig {
    ledger: LedgerConfig {
        journal: 256,
        ended_keys: 1000,
    },
    patience: Duration::from_secs(60),
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(seconds)
}

fn open<S: LedgerStore>(store: S) -> DurableLedger<S> {
    DurableLedger::open(store, CONFIG, Timestamp::ZERO).unwrap()
}

fn empty() -> DurableLedger<MemoryStore> {
    open(MemoryStore::default())
}

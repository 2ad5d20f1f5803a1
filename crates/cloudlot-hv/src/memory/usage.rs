//! What guests use of their memory: plain data between window and plan.

use crate::{DomainId, HostMemory};
use cloudlot_core::{Bytes, Timestamp};
use std::time::Duration;

/// What a host's memory is used for, at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct MemoryUsage {
    /// When.
    pub at: Timestamp,
    /// Time since the last sample; the configured interval at first.
    pub interval: Duration,
    /// The host's memory; `None` where nobody tells.
    pub host: Option<HostMemory>,
    /// Guests with a balloon by rising id. Others are part of what the host uses.
    pub guests: Vec<GuestUsage>,
    /// What an operator should know about the samples.
    pub notes: Vec<String>,
}

/// What one guest uses.
#[derive(Clone, PartialEq, Debug)]
pub struct GuestUsage {
    /// Which.
    pub id: DomainId,
    /// Its name.
    pub name: String,
    /// Its run, as in the sample.
    pub run: u64,
    /// Why it must be left alone, if it must.
    pub barred: Option<Barred>,
    /// Its share of scarce memory, 1 and up.
    pub shares: u32,
    /// Its owner's minimum.
    pub minimum: Option<Bytes>,
    /// The most it can have: its maximum, or less if its owner says so.
    pub maximum: Bytes,
    /// What it has.
    pub actual: Bytes,
    /// Its last good word on what it uses; `None` if there is none or it is stale.
    pub reading: Option<Reading>,
    /// By how much its use grows a second, over the last readings; zero if it falls.
    pub growth: Bytes,
    /// What shows that it has too little.
    pub pressure: Option<Pressure>,
    /// When it was seen to boot, if it booted before our eyes.
    pub booted: Option<Timestamp>,
    /// How often it is asked for statistics.
    pub period: Option<Duration>,
}

/// A guest's word on its memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// What it uses.
    pub used: Bytes,
    /// It may use so much more: what its balloon may have taken since it wrote this.
    pub doubt: Bytes,
    /// What nothing in it uses, where it tells.
    pub unused: Option<Bytes>,
    /// How old the word is.
    pub age: Duration,
}

/// Why a guest's memory must not be changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Barred {
    /// Its owner, or the selection of domains, says so.
    Unmanaged,
    /// It does not run.
    NotRunning,
    /// A long job holds it.
    Job,
    /// It says that it has more than it can have, or nothing at all.
    Nonsense,
}

/// What shows that a guest has too little memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pressure {
    /// It swaps in.
    Swaps,
    /// It reads pages back from disk.
    Faults,
    /// It has hardly anything to spare.
    Short,
}

impl GuestUsage {
    /// What it could spare, if it tells what it uses.
    #[must_use]
    pub fn spare(&self) -> Option<Bytes> {
        Some(self.actual.saturating_sub(self.reading?.used))
    }
}

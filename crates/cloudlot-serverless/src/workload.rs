//! What arrives: functions by number, and their calls in order of time.
//!
//! Readers of traces and generators make these; the platform and its simulator take them.

use std::time::Duration;

use cloudlot_core::{Bytes, Timestamp};

use crate::FunctionId;

/// What a workload says of a function.
#[derive(Clone, PartialEq, Debug)]
pub struct Profile {
    /// Its name in the source, unique in the workload.
    pub name: String,
    /// The application that it belongs to.
    pub app: String,
    /// Who owns it.
    pub owner: String,
    /// What one instance holds.
    pub memory: Bytes,
    /// How long a call runs on a warm instance, where the source knows no more.
    pub runs: Duration,
    /// How long the longest call ran: with a cold start, in some studies.
    pub longest: Duration,
}

/// One call that arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// When; never before the one that came before.
    pub at: Timestamp,
    /// Whose function.
    pub function: FunctionId,
    /// How long it runs on a warm instance; zero is legal.
    pub runs: Duration,
}

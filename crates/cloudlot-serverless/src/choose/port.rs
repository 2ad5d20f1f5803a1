//! The port of choosers that learn.

use std::fmt;
use std::time::Duration;

use cloudlot_core::Timestamp;

use crate::{CallId, FunctionId, HostId, Record};

/// Chooses where a start or a call goes, and may learn from what came of it.
///
/// It is asked where the settings say so: [`HostChoice::Learned`](crate::HostChoice::Learned) and
/// [`Reuse::Learned`](crate::Reuse::Learned). Whatever it names has room, so that it can be slow but never wrong.
pub trait Choose: fmt::Debug + Send + Sync {
    /// The index of one of the candidates, of which there is at least one; any other index means the first.
    fn choose(&mut self, question: &Question, candidates: &[Candidate], now: Timestamp) -> usize;

    /// A call was answered whose last attempt ran on this host.
    fn observe(&mut self, record: &Record, host: HostId) {
        let _ = (record, host);
    }

    /// A copy that goes its own way from now on.
    fn boxed(&self) -> Box<dyn Choose>;
}

impl Clone for Box<dyn Choose> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// What is to be chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Question {
    /// For which function.
    pub function: FunctionId,
    /// What.
    pub wanted: Wanted,
}

/// What is wanted of a chooser.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// A host for a start; the candidates are the eight least loaded with room, the least loaded first.
    Host,
    /// An instance for this call; the candidates are the last eight that became idle, the last first, then those that run other
    /// calls and have room for more.
    Instance(CallId),
}

/// One that may be chosen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Candidate {
    /// The host, or that of the instance; nothing if the platform has no hosts.
    pub host: Option<HostId>,
    /// The share of the host that is held.
    pub held: f64,
    /// The share of the host that is held by others than idle instances.
    pub used: f64,
    /// How many instances of the host run something.
    pub running: u32,
    /// How many calls the instance runs; zero of a host.
    pub calls: u32,
    /// For how long the instance has been idle; zero of a host, and of one that runs something.
    pub idle: Duration,
}

impl Candidate {
    /// On no host, of which nothing is known.
    pub(crate) const NOBODY: Self = Self {
        host: None,
        held: 0.0,
        used: 0.0,
        running: 0,
        calls: 0,
        idle: Duration::ZERO,
    };
}

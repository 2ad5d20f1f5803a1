//! What an observer of a host writes down, once a second: figures and drawings come from it alone.
//!
//! It is the same for real and simulated hosts; who takes the samples is left to others.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_hv::fake::Monitor;
use cloudlot_hv::{HostSample, PcpuId};

/// A host over time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Trace {
    /// By rising time.
    pub points: Vec<Point>,
    /// What the program under observation did, by rising time.
    pub deeds: Vec<Deed>,
}

/// A host over the second that ended at a moment.
#[derive(Clone, PartialEq, Debug)]
pub struct Point {
    /// The moment, from the beginning of the recording.
    pub at: Timestamp,
    /// The pCPUs that guests may use, by rising id: CPU time of the vCPUs on each, in percent.
    pub pcpus: Vec<(PcpuId, f64)>,
    /// Population standard deviation of these, in points.
    pub spread: f64,
    /// The guests, by rising name.
    pub guests: Vec<GuestPoint>,
    /// What the host can still give.
    pub available: Option<Bytes>,
}

/// The memory of a guest at a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GuestPoint {
    /// Its name.
    pub name: String,
    /// What it has.
    pub actual: Bytes,
    /// What nothing in it uses, by its last word.
    pub unused: Option<Bytes>,
}

impl GuestPoint {
    /// What is used in it.
    #[must_use]
    pub fn used(&self) -> Option<Bytes> {
        Some(self.actual.saturating_sub(self.unused?))
    }
}

/// What a program did in one of its cycles; one that did nothing is not written down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// Masks written.
    pub pins: u64,
    /// vCPUs that this moved to another pCPU.
    pub migrations: u64,
    /// Balloon targets set.
    pub targets: u64,
}

/// Writes a trace.
#[derive(Clone, Debug)]
pub struct Recorder {
    began: Timestamp,
    prefix: &'static str,
    monitor: Monitor,
    trace: Trace,
}

impl Recorder {
    /// Begins at a moment on the samples' clock; `prefix` is left out of the guests' names.
    #[must_use]
    pub fn new(began: Timestamp, prefix: &'static str) -> Self {
        Self {
            began,
            prefix,
            monitor: Monitor::new(),
            trace: Trace::default(),
        }
    }

    /// Takes a sample in; the first only serves to compare with.
    pub fn observe(&mut self, sample: &HostSample) {
        let Some(reading) = self.monitor.observe(sample) else {
            return;
        };
        let mut guests: Vec<GuestPoint> = reading
            .memory
            .iter()
            .map(|guest| GuestPoint {
                name: guest.name.trim_start_matches(self.prefix).to_owned(),
                actual: guest.actual,
                unused: guest.unused,
            })
            .collect();
        guests.sort_by(|a, b| a.name.cmp(&b.name));
        let usable = reading.pcpus.iter().filter(|pcpu| pcpu.usable);
        self.trace.points.push(Point {
            at: self.since_began(sample.at),
            pcpus: usable.map(|pcpu| (pcpu.id, pcpu.usage)).collect(),
            spread: reading.spread(),
            guests,
            available: sample.memory.map(|memory| memory.available),
        });
    }

    /// Writes down what a program did; its time is on the samples' clock.
    pub fn note(&mut self, deed: Deed) {
        if deed.pins + deed.targets > 0 {
            let at = self.since_began(deed.at);
            self.trace.deeds.push(Deed { at, ..deed });
        }
    }

    /// What was written so far.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// All that was written.
    #[must_use]
    pub fn finish(self) -> Trace {
        self.trace
    }

    fn since_began(&self, at: Timestamp) -> Timestamp {
        Timestamp::ZERO + at.since(self.began)
    }
}

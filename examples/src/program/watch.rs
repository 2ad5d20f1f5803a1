//! A host with two observers: the cycle, and the former monitor that looks in between.

use super::Program;
use super::sink::Sink;
use cloudlot_core::{Clock, Timestamp};
use cloudlot_hv::fake::Monitor;
use cloudlot_hv::{Capabilities, DomainId, HostSample, HostStep, HvError, Hypervisor, Original};
use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

/// A handle on a host that others hold too.
#[derive(Debug)]
pub(super) struct Shared<H>(Rc<RefCell<H>>);

impl<H> Shared<H> {
    pub(super) fn new(host: H) -> Self {
        Self(Rc::new(RefCell::new(host)))
    }
}

impl<H> Clone for Shared<H> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<H: Hypervisor> Hypervisor for Shared<H> {
    fn capabilities(&self) -> Capabilities {
        self.0.borrow().capabilities()
    }

    fn sample(&mut self) -> Result<HostSample, HvError> {
        self.0.borrow_mut().sample()
    }

    fn originals(&mut self, domain: DomainId) -> Result<Original, HvError> {
        self.0.borrow_mut().originals(domain)
    }

    fn apply(&mut self, step: &HostStep) -> Result<(), HvError> {
        self.0.borrow_mut().apply(step)
    }
}

/// A clock whose sleepers look at the host at every beat of the monitor, and print its lines.
pub(super) struct Watch<'a, H, W> {
    clock: &'a dyn Clock,
    start: Timestamp,
    host: RefCell<Shared<H>>,
    monitor: RefCell<Monitor>,
    program: Program,
    sink: &'a Sink<W>,
}

impl<'a, H: Hypervisor, W: Write> Watch<'a, H, W> {
    /// Looks for the first time, so that the first beat has something to compare with.
    pub(super) fn new(
        program: Program,
        clock: &'a dyn Clock,
        host: Shared<H>,
        sink: &'a Sink<W>,
    ) -> Self {
        let watch = Self {
            clock,
            start: clock.now(),
            host: RefCell::new(host),
            monitor: RefCell::new(Monitor::new()),
            program,
            sink,
        };
        watch.look();
        watch
    }

    fn beat(&self) -> Duration {
        match self.program {
            Program::VcpuScheduler => Duration::from_secs(1),
            Program::MemoryCoordinator => Duration::from_secs(2),
        }
    }

    fn look(&self) {
        // A host that cannot be seen is the cycle's to report.
        let Ok(sample) = self.host.borrow_mut().sample() else {
            return;
        };
        if let Some(mut reading) = self.monitor.borrow_mut().observe(&sample) {
            match self.program {
                Program::VcpuScheduler => reading.memory.clear(),
                Program::MemoryCoordinator => reading.pcpus.clear(),
            }
            self.sink.say(&reading.human());
        }
    }
}

impl<H: Hypervisor, W: Write> Clock for Watch<'_, H, W> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep_until(&self, at: Timestamp) {
        loop {
            let next = self.now().next_multiple(self.start, self.beat());
            self.clock.sleep_until(next.min(at));
            // Short of both: the clock was interrupted.
            if next > at || self.now() < next {
                return;
            }
            self.look();
        }
    }
}

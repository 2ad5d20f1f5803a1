//! What a simulated back end does: how long starts, calls and stops take, how they end, and what happens by itself.

use std::time::Duration;

use cloudlot_core::Timestamp;

use super::reports::{Report, Reports};
use crate::{CallId, Effect, Exit, FunctionId, InstanceId};

/// What would happen in a real back end.
///
/// A simple one says how long things take: [`start`](Self::start), [`run`](Self::run), [`stop`](Self::stop). It
/// is asked when something begins, in the order in which things begin; chance it draws from a generator of its own. One
/// in which more goes wrong takes in effects whole, with [`carry_out`](Self::carry_out).
pub trait Backend {
    /// How long a start takes, and how it ends.
    fn start(&mut self, function: FunctionId) -> (Duration, Fate) {
        let _ = function;
        (Duration::ZERO, Fate::Success)
    }

    /// How long it takes to fetch and prepare a function's code.
    fn prepare(&mut self, function: FunctionId) -> Duration {
        let _ = function;
        Duration::ZERO
    }

    /// How long an attempt takes and how it ends, if the call runs for `runs` when nothing goes wrong.
    fn run(&mut self, function: FunctionId, call: CallId, runs: Duration) -> (Duration, Fate) {
        let _ = (function, call);
        (runs, Fate::Success)
    }

    /// How long it takes to remove an instance; [`Duration::MAX`] if it never goes of itself.
    fn stop(&mut self) -> Duration {
        Duration::ZERO
    }

    /// How long it takes to end one by force.
    fn kill(&mut self) -> Duration {
        Duration::ZERO
    }

    /// How long an instance takes to say whether it is well; one that is lost says nothing.
    fn check(&mut self) -> (Duration, Fate) {
        (Duration::ZERO, Fate::Success)
    }

    /// Takes in what the platform asks for, and puts down what will be reported of it. Wakes are seen to already. By default it asks
    /// [`start`](Self::start), [`run`](Self::run), [`stop`](Self::stop) and the others.
    fn carry_out(&mut self, effect: &Effect, now: Timestamp, reports: &mut Reports) {
        let (after, report) = match *effect {
            Effect::Reply { .. }
            | Effect::DeadLetter { .. }
            | Effect::WakeAt(_)
            | Effect::Discard(_) => return,
            Effect::Prepare(function) => (self.prepare(function), Report::Prepared(function)),
            Effect::Start {
                instance, function, ..
            } => {
                let (after, fate) = self.start(function);
                let report = match fate {
                    Fate::Success => Report::Ready(instance),
                    Fate::Failure | Fate::Lost => Report::Lost(instance),
                };
                (after, report)
            }
            Effect::Run {
                instance,
                attempt,
                function,
                call,
                payload,
            } => {
                let (after, fate) = self.run(function, call, Duration::from_nanos(payload));
                let report = match fate {
                    Fate::Success => Report::Done(attempt, Exit::Success),
                    Fate::Failure => Report::Done(attempt, Exit::Failure),
                    Fate::Lost => Report::Lost(instance),
                };
                (after, report)
            }
            Effect::Stop { instance, .. } => (self.stop(), Report::Stopped(instance)),
            Effect::Kill { instance } => (self.kill(), Report::Stopped(instance)),
            Effect::Check { instance } => match self.check() {
                (after, Fate::Success) => (after, Report::Healthy(instance)),
                (after, Fate::Failure) => (after, Report::Unhealthy(instance)),
                (_, Fate::Lost) => return,
            },
        };
        if after < Duration::MAX {
            reports.put(now + after, report);
        }
    }

    /// Whether a report that was [put down](Reports::put_if) under a condition is made, now that its time has come.
    fn happens(&mut self, instance: InstanceId, report: Report, now: Timestamp) -> bool {
        let _ = (instance, report, now);
        true
    }

    /// When something happens next that nobody asked for.
    fn next_at(&self) -> Option<Timestamp> {
        None
    }

    /// It is that time.
    fn occur(&mut self, now: Timestamp, reports: &mut Reports) {
        let _ = (now, reports);
    }
}

/// How something ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// As it should.
    Success,
    /// With an error; a start that ends so has no instance.
    Failure,
    /// Not at all: the instance is gone.
    Lost,
}

/// Every start takes the same time, and nothing goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FixedStart(pub Duration);

impl Backend for FixedStart {
    fn start(&mut self, _: FunctionId) -> (Duration, Fate) {
        (self.0, Fate::Success)
    }
}

impl<B: Backend + ?Sized> Backend for &mut B {
    fn start(&mut self, function: FunctionId) -> (Duration, Fate) {
        (**self).start(function)
    }

    fn prepare(&mut self, function: FunctionId) -> Duration {
        (**self).prepare(function)
    }

    fn run(&mut self, function: FunctionId, call: CallId, runs: Duration) -> (Duration, Fate) {
        (**self).run(function, call, runs)
    }

    fn stop(&mut self) -> Duration {
        (**self).stop()
    }

    fn kill(&mut self) -> Duration {
        (**self).kill()
    }

    fn check(&mut self) -> (Duration, Fate) {
        (**self).check()
    }

    fn carry_out(&mut self, effect: &Effect, now: Timestamp, reports: &mut Reports) {
        (**self).carry_out(effect, now, reports);
    }

    fn happens(&mut self, instance: InstanceId, report: Report, now: Timestamp) -> bool {
        (**self).happens(instance, report, now)
    }

    fn next_at(&self) -> Option<Timestamp> {
        (**self).next_at()
    }

    fn occur(&mut self, now: Timestamp, reports: &mut Reports) {
        (**self).occur(now, reports);
    }
}

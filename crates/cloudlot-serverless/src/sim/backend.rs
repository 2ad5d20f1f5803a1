//! How long starts, calls and stops take in a simulation, and how they end.

use std::time::Duration;

use crate::{CallId, FunctionId};

/// What would happen in a real back end.
///
/// It is asked when something begins, in the order in which things begin; chance it draws from a generator of its own.
pub trait Backend {
    /// How long a start takes, and how it ends.
    fn start(&mut self, function: FunctionId) -> (Duration, Fate);

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
}

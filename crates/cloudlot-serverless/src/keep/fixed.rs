//! The fixed window, and the fixed life.

use std::time::Duration;

use crate::{KeepAlive, Rest, Resting};

/// Every instance is kept for the same time after its last call, which each reuse renews.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FixedWindow(pub Duration);

impl KeepAlive for FixedWindow {
    fn rest(&mut self, _: &Resting) -> Rest {
        Rest::keep(self.0)
    }
}

/// Every instance lives for the same time after it was ready, however often it is used: a reuse renews nothing. What runs at the end
/// of that life is finished.
///
/// Some simulators do this and call it a keep-alive window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FixedLife(pub Duration);

impl KeepAlive for FixedLife {
    fn rest(&mut self, resting: &Resting) -> Rest {
        Rest::keep(self.0.saturating_sub(resting.age))
    }
}

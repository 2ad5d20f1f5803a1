//! The fixed window.

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

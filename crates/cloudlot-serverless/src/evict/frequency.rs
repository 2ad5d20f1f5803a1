//! Least frequently used.

use std::time::Duration;

use cloudlot_core::Timestamp;

use super::{Valuation, row};
use crate::FunctionId;

/// The instance of the function that ran fewest calls goes first. What ran before its last instance was gone does not count.
///
/// It does not age: a function that was called often once is kept for long.
#[derive(Clone, Default, Debug)]
pub struct Frequency {
    functions: Vec<Use>,
}

/// The calls that the instances of a function ran that are there.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Use {
    calls: u64,
    instances: u64,
}

impl Use {
    pub(super) const fn calls(self) -> u64 {
        self.calls
    }

    pub(super) const fn ready(&mut self) {
        self.instances += 1;
    }

    pub(super) const fn ran(&mut self) {
        self.calls = self.calls.saturating_add(1);
    }

    /// An instance takes its part of the calls with it: an equal one, rounded up.
    pub(super) const fn gone(&mut self) {
        if self.instances > 0 {
            self.calls -= self.calls.div_ceil(self.instances);
            self.instances -= 1;
        }
    }
}

impl Valuation for Frequency {
    fn value(&mut self, function: FunctionId, _: Timestamp, _: Timestamp) -> u64 {
        row(&mut self.functions, function).calls
    }

    fn revalue(&mut self, function: FunctionId, value: u64) -> u64 {
        value.max(row(&mut self.functions, function).calls)
    }

    fn gone(&mut self, function: FunctionId) {
        row(&mut self.functions, function).gone();
    }

    fn ready(&mut self, function: FunctionId, _: Duration) {
        row(&mut self.functions, function).ready();
    }

    fn finished(&mut self, function: FunctionId, _: Duration) {
        row(&mut self.functions, function).ran();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_instance_takes_the_last_call_with_it() {
        for calls in 0..9 {
            let mut is = Use::default();
            (0..3).for_each(|_| is.ready());
            (0..calls).for_each(|_| is.ran());
            assert_eq!(is.calls(), calls);
            (0..4).for_each(|_| is.gone());
            assert_eq!(is, Use::default());
        }
    }
}

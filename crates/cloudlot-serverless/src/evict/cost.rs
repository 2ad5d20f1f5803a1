//! Cheapest start first.

use std::time::Duration;

use cloudlot_core::Timestamp;

use super::{StartCost, Valuation, row};
use crate::{Function, FunctionId};

/// The instance whose function starts fastest for the memory that it holds goes first: worth is nanoseconds of a start for each MiB,
/// rounded down. How often it is called does not count.
#[derive(Clone, Default, Debug)]
pub struct Cost {
    functions: Vec<Is>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Is {
    memory: u64,
    start: StartCost,
}

impl Valuation for Cost {
    fn value(&mut self, function: FunctionId, _: Timestamp, _: Timestamp) -> u64 {
        let is = *row(&mut self.functions, function);
        per_mib(u128::from(is.start.nanos()), is.memory)
    }

    fn added(&mut self, function: FunctionId, is: &Function) {
        row(&mut self.functions, function).memory = is.memory.get();
    }

    fn replaced(&mut self, function: FunctionId, is: &Function) {
        self.added(function, is);
    }

    fn ready(&mut self, function: FunctionId, took: Duration) {
        row(&mut self.functions, function).start.started(took);
    }
}

/// So much for each MiB of so many bytes, rounded down. Nothing counts as one byte.
pub(super) fn per_mib(amount: u128, memory: u64) -> u64 {
    let per = amount.saturating_mul(1 << 20) / u128::from(memory.max(1));
    u64::try_from(per).unwrap_or(u64::MAX)
}

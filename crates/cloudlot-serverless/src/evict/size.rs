//! Largest first.

use cloudlot_core::Timestamp;

use super::{Valuation, row};
use crate::{Function, FunctionId};

/// The instance that holds most goes first, so that the fewest have to go.
#[derive(Clone, Default, Debug)]
pub struct Size {
    memory: Vec<u64>,
}

impl Valuation for Size {
    fn value(&mut self, function: FunctionId, _: Timestamp, _: Timestamp) -> u64 {
        u64::MAX - *row(&mut self.memory, function)
    }

    fn added(&mut self, function: FunctionId, is: &Function) {
        *row(&mut self.memory, function) = is.memory.get();
    }

    fn replaced(&mut self, function: FunctionId, is: &Function) {
        self.added(function, is);
    }
}

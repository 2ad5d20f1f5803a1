//! Oldest first.

use cloudlot_core::Timestamp;

use super::Valuation;
use crate::FunctionId;

/// The instance that started first goes first, however often it is used: worth is the time of the start. With it, a window
/// that ends is a life that ends.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Age;

impl Valuation for Age {
    fn value(&mut self, _: FunctionId, made: Timestamp, _: Timestamp) -> u64 {
        made.as_nanos()
    }
}

//! Least recently used.

use cloudlot_core::Timestamp;

use super::Valuation;
use crate::FunctionId;

/// The instance that is idle for longest goes first: worth is the time of becoming idle.
///
/// FaasCache's TTL makes room in the same order; it differs only by the window after which an instance goes anyway.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Lru;

impl Valuation for Lru {
    fn value(&mut self, _: FunctionId, _: Timestamp, now: Timestamp) -> u64 {
        now.as_nanos()
    }
}

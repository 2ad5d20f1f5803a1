//! Chance in a world: the n-th of something always gets the same, whatever else happens.

use cloudlot_core::Seeds;

use crate::FunctionId;
use crate::chance::Chance;

/// Draws for one purpose, each by the function and the number of what is drawn for: a run with another policy draws the same for the same
/// start, and a fault that is turned on moves no other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Luck(Seeds);

impl Luck {
    pub(super) fn new(seeds: Seeds, purpose: &str) -> Self {
        Self(Seeds::new(seeds.stream(purpose)))
    }

    /// The draws for the `nth` of a function.
    pub(super) fn of(self, function: FunctionId, nth: u64) -> Chance {
        Chance::new(self.0.part(function.number().into()).part(nth), "draws")
    }

    /// Whether what strikes this share strikes the `nth` of a function. No share costs no draw.
    pub(super) fn strikes(self, share: f64, function: FunctionId, nth: u64) -> bool {
        share > 0.0 && self.of(function, nth).unit() < share
    }
}

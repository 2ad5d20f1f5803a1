//! A trace of single calls, each with its own time.

use crate::{Arrival, FunctionId, Profile};

/// Functions and every call of them, in order of time; calls of the same time in the order of the functions.
#[derive(Clone, PartialEq, Debug)]
pub struct Calls {
    functions: Vec<Profile>,
    calls: Vec<Arrival>,
}

impl Calls {
    /// Sorts the calls.
    pub(super) fn new(functions: Vec<Profile>, mut calls: Vec<Arrival>) -> Self {
        calls.sort_by_key(|call| (call.at, call.function));
        Self { functions, calls }
    }

    /// What is known of each function; [`FunctionId`] counts them from zero.
    #[must_use]
    pub fn functions(&self) -> &[Profile] {
        &self.functions
    }

    /// How many calls there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Every call in order of time.
    pub fn arrivals(&self) -> impl Iterator<Item = Arrival> + Clone {
        self.calls.iter().copied()
    }

    /// The calls of one function, in order of time.
    pub fn calls_of(&self, function: FunctionId) -> impl Iterator<Item = Arrival> {
        self.arrivals()
            .filter(move |call| call.function == function)
    }
}

//! Calls in line: a list whose links lie in the calls themselves, so that joining and leaving cost no memory.

use super::rows::Pending;
use super::slab::{NONE, Slab};

/// First and last of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    first: u32,
    last: u32,
}

impl Line {
    pub(super) const EMPTY: Self = Self {
        first: NONE,
        last: NONE,
    };

    /// The one that joined before all others.
    pub(super) const fn first(self) -> Option<u32> {
        if self.first == NONE {
            None
        } else {
            Some(self.first)
        }
    }

    /// The one that joined next, if any.
    pub(super) fn after(calls: &Slab<Pending>, call: u32) -> Option<u32> {
        let after = calls[call].after;
        (after != NONE).then_some(after)
    }

    /// Joins at the end.
    pub(super) fn join(&mut self, calls: &mut Slab<Pending>, call: u32) {
        calls[call].before = self.last;
        calls[call].after = NONE;
        match self.last {
            NONE => self.first = call,
            last => calls[last].after = call,
        }
        self.last = call;
    }

    /// Joins before another; at the end if there is no other.
    pub(super) fn join_before(&mut self, calls: &mut Slab<Pending>, call: u32, other: Option<u32>) {
        let Some(other) = other else {
            return self.join(calls, call);
        };
        let before = calls[other].before;
        calls[call].before = before;
        calls[call].after = other;
        calls[other].before = call;
        match before {
            NONE => self.first = call,
            before => calls[before].after = call,
        }
    }

    /// Leaves from wherever it stands.
    pub(super) fn leave(&mut self, calls: &mut Slab<Pending>, call: u32) {
        let (before, after) = (calls[call].before, calls[call].after);
        match before {
            NONE => self.first = after,
            before => calls[before].after = after,
        }
        match after {
            NONE => self.last = before,
            after => calls[after].before = before,
        }
    }
}

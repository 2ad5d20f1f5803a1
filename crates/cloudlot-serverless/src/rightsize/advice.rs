//! Advice for one function: a size and the reasons for it.

use std::fmt;

use super::reason::Reason;
use super::usage::Size;
use crate::FunctionId;

/// How large a function's instances should be.
#[derive(Clone, PartialEq, Debug)]
pub struct Advice {
    /// Whose.
    pub function: FunctionId,
    /// What they have now.
    pub current: Size,
    /// What they should have; the same if nothing should change.
    pub size: Size,
    /// How it came to that, in order.
    pub why: Vec<Reason>,
}

impl Advice {
    /// Whether anything should change.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.size != self.current
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes() {
            write!(
                f,
                "{}: {} instead of {}",
                self.function, self.size, self.current
            )?;
        } else {
            write!(f, "{}: {} as before", self.function, self.size)?;
        }
        self.why
            .iter()
            .try_for_each(|reason| write!(f, "\n  {reason}"))
    }
}

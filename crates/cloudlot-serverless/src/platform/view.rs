//! What others may see of a platform's functions at one moment.

use super::Platform;
use super::rows::FunctionRow;
use crate::FunctionId;

/// How a platform stands, whatever its policies are.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    functions: &'a [FunctionRow],
}

impl View<'_> {
    /// How many functions there are.
    #[must_use]
    pub const fn functions(&self) -> usize {
        self.functions.len()
    }

    /// How many calls of this function wait for any instance; none of a function that is not there.
    #[must_use]
    pub fn queued(&self, function: FunctionId) -> u32 {
        self.row(function).map_or(0, |row| row.queued)
    }

    /// How many instances of this function start, run or wait.
    #[must_use]
    pub fn alive(&self, function: FunctionId) -> u32 {
        self.row(function).map_or(0, |row| row.alive)
    }

    fn row(&self, function: FunctionId) -> Option<&FunctionRow> {
        self.functions.get(function.number() as usize)
    }
}

impl<K> Platform<K> {
    /// How its functions stand now.
    #[must_use]
    pub const fn view(&self) -> View<'_> {
        View {
            functions: self.functions.as_slice(),
        }
    }
}

//! Answers that are kept back until they are durable, and what became of those that never were.

use super::error::Unsettled;
use std::collections::BTreeMap;

/// An answer that is decided and not given yet: [`DurableLedger::wait`](super::DurableLedger::wait) gives it.
///
/// One that is dropped changes nothing: what was decided goes its way.
#[derive(Clone, Debug)]
#[must_use = "it is not durable before `wait`"]
pub struct Pending<T> {
    pub(super) number: u64,
    pub(super) value: T,
}

impl<T> Pending<T> {
    /// The same, with another answer in the end.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Pending<U> {
        Pending {
            number: self.number,
            value: change(self.value),
        }
    }
}

/// What became of each piece of work, by its number.
#[derive(Clone, Debug, Default)]
pub(super) struct Fates {
    /// The number of the last one that was decided.
    decided: u64,
    /// All up to this one are settled.
    settled: u64,
    /// Stretches of work that is not durable, by their last number: the first, and why not.
    failed: BTreeMap<u64, (u64, Unsettled)>,
}

impl Fates {
    /// The number of the next piece of work.
    pub(super) fn decide(&mut self) -> u64 {
        self.decided += 1;
        self.decided
    }

    /// What an answer that is given now rests on: the last work that was decided, if that is not settled.
    pub(super) fn basis(&self) -> u64 {
        if self.settled < self.decided {
            self.decided
        } else {
            0
        }
    }

    /// All work up to this one is durable, but for what failed.
    pub(super) fn durable(&mut self, number: u64) {
        self.settled = self.settled.max(number);
    }

    /// Nothing that was decided and is not durable will ever be; why not. How many that were.
    pub(super) fn fail(&mut self, why: Unsettled) -> u64 {
        let first = self.settled + 1;
        if first <= self.decided {
            self.failed.insert(self.decided, (first, why));
            self.settled = self.decided;
        }
        self.decided + 1 - first
    }

    /// What became of one; `None` if that is not known yet.
    pub(super) fn of(&self, number: u64) -> Option<Result<(), Unsettled>> {
        if number > self.settled {
            return None;
        }
        let failed = self.failed.range(number..).next();
        let failed = failed.filter(|(_, (first, _))| *first <= number);
        Some(failed.map_or(Ok(()), |(_, (_, why))| Err(why.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_settled_once_for_good() {
        let mut fates = Fates::default();
        let numbers: Vec<u64> = (0..5).map(|_| fates.decide()).collect();
        assert_eq!(fates.of(0), Some(Ok(())));
        assert_eq!(fates.of(1), None);
        fates.durable(2);
        assert_eq!(fates.fail(Unsettled::Lost), 3);
        assert_eq!(fates.fail(Unsettled::Undecided), 0);
        assert_eq!((fates.basis(), fates.of(0)), (0, Some(Ok(()))));
        let later = fates.decide();
        assert_eq!(fates.basis(), later);
        assert_eq!(fates.of(later), None);
        fates.durable(later);
        let told = numbers
            .iter()
            .map(|number| fates.of(*number).unwrap().is_ok());
        assert!(told.eq([true, true, false, false, false]));
        assert_eq!(fates.of(later), Some(Ok(())));
    }
}

//! How often and how far things may change.
//!
//! Time is a number in the caller's unit since any beginning. A clock that jumps back is believed:
//! what was remembered from later counts as done just now, so nothing is freed early and nothing
//! is blocked for longer than one window.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::SafetyError;
use super::rules::size;
use crate::{ActionId, Mask};

/// Limits on change. An action changes something where its size is not zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cooldown {
    /// At most so many changes in any `window`.
    pub changes: u32,
    /// The length of the window.
    pub window: u64,
    /// The least time between two changes.
    pub gap: u64,
    /// The least time between a change and one in the other direction.
    pub reversal: u64,
    /// The largest size of a change.
    pub step_max: u64,
}

impl Default for Cooldown {
    /// One change in a window of no length: no limit at all.
    fn default() -> Self {
        Self {
            changes: 1,
            window: 0,
            gap: 0,
            reversal: 0,
            step_max: u64::MAX,
        }
    }
}

/// The changes that still matter.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// When, oldest first.
    times: VecDeque<u64>,
    /// The size of the last one.
    last: i64,
}

impl Cooldown {
    /// The most changes that a window can be limited to.
    pub const CHANGES_MAX: u32 = 4096;

    pub(super) fn check(&self) -> Result<(), SafetyError> {
        if (1..=Self::CHANGES_MAX).contains(&self.changes) {
            Ok(())
        } else {
            Err(SafetyError::Changes(self.changes))
        }
    }

    /// Which of `mask` may be done at `now`. Where that would be nothing, those that change least.
    pub(super) fn calm(&self, past: &Changes, sizes: &[i64], mask: Mask, now: u64) -> Mask {
        let calm = keep(mask, |action| self.lets(past, size(sizes, action), now));
        if !calm.is_empty() {
            return calm;
        }
        let least = mask.iter().map(|a| size(sizes, a).unsigned_abs()).min();
        keep(mask, |action| {
            Some(size(sizes, action).unsigned_abs()) == least
        })
    }

    fn lets(&self, past: &Changes, size: i64, now: u64) -> bool {
        if size == 0 {
            return true;
        }
        if size.unsigned_abs() > self.step_max {
            return false;
        }
        let since = |time: &u64| now.saturating_sub(*time);
        let recent = past.times.iter().filter(|t| since(t) < self.window).count();
        let full = recent >= usize::try_from(self.changes).unwrap_or(usize::MAX);
        let rest = if size.signum() == past.last.signum() {
            self.gap
        } else {
            self.gap.max(self.reversal)
        };
        !full && past.times.back().is_none_or(|last| since(last) >= rest)
    }
}

impl Changes {
    /// Takes note of an action of the given size at `now`.
    pub(super) fn note(&mut self, limits: &Cooldown, size: i64, now: u64) {
        for time in &mut self.times {
            *time = now.min(*time);
        }
        if size == 0 {
            return;
        }
        self.times.push_back(now);
        self.last = size;
        while self.times.len() > usize::try_from(limits.changes).unwrap_or(usize::MAX) {
            self.times.pop_front();
        }
    }
}

/// Those of `mask` that `wanted` holds for.
pub(super) fn keep(mask: Mask, wanted: impl Fn(ActionId) -> bool) -> Mask {
    mask.iter()
        .filter(|&action| wanted(action))
        .fold(Mask::NONE, Mask::with)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZES: [i64; 5] = [5, 1, 0, -1, -5];

    fn calm(limits: &Cooldown, past: &Changes, now: u64) -> Vec<i64> {
        let mask = limits.calm(past, &SIZES, Mask::all(5), now);
        mask.iter().map(|a| size(&SIZES, a)).collect()
    }

    #[test]
    fn the_default_limits_nothing() {
        let limits = Cooldown::default();
        let mut past = Changes::default();
        for _ in 0..3 {
            assert_eq!(calm(&limits, &past, 7), SIZES);
            past.note(&limits, 5, 7);
            past.note(&limits, -5, 7);
        }
    }

    #[test]
    fn turning_round_takes_longer_than_going_on() {
        let limits = Cooldown {
            gap: 10,
            reversal: 60,
            ..Cooldown::default()
        };
        let mut past = Changes::default();
        past.note(&limits, 1, 100);
        assert_eq!(calm(&limits, &past, 109), [0]);
        assert_eq!(calm(&limits, &past, 110), [5, 1, 0]);
        assert_eq!(calm(&limits, &past, 159), [5, 1, 0]);
        assert_eq!(calm(&limits, &past, 160), SIZES);
    }

    #[test]
    fn steps_beyond_the_largest_are_never_calm() {
        let limits = Cooldown {
            step_max: 1,
            ..Cooldown::default()
        };
        assert_eq!(calm(&limits, &Changes::default(), 0), [1, 0, -1]);
        let only_large = Mask::all(5).and(Mask::from_bits(0b10001));
        let forced = limits.calm(&Changes::default(), &[5, 1, 0, -1, -4], only_large, 0);
        assert_eq!(forced.iter().collect::<Vec<_>>(), [ActionId(4)]);
    }

    #[test]
    fn a_clock_that_jumps_back_blocks_for_one_window_at_most() {
        let limits = Cooldown {
            window: 60,
            ..Cooldown::default()
        };
        let mut past = Changes::default();
        past.note(&limits, 1, u64::MAX);
        assert_eq!(calm(&limits, &past, 5), [0]);
        past.note(&limits, 0, 5);
        assert_eq!(calm(&limits, &past, 64), [0]);
        assert_eq!(calm(&limits, &past, 65), SIZES);
    }

    proptest! {
        #[test]
        fn no_window_holds_more_changes_than_allowed(
            waits in prop::collection::vec((0_u64..40, 0_usize..5), 1..200),
            changes in 1_u32..5,
            window in 0_u64..120,
            gap in 0_u64..30,
        ) {
            let limits = Cooldown { changes, window, gap, ..Cooldown::default() };
            let (mut past, mut now, mut done) = (Changes::default(), 0, Vec::new());
            for (wait, wish) in waits {
                now += wait;
                let size = SIZES[wish];
                let may = limits.calm(&past, &SIZES, Mask::all(5), now);
                let naive = done.iter().filter(|&&t| now - t < window).count() < changes as usize
                    && done.last().is_none_or(|&t| now - t >= gap);
                let action = ActionId(u16::try_from(wish).unwrap());
                prop_assert_eq!(may.allows(action), size == 0 || naive);
                let executed = if may.allows(action) { size } else { 0 };
                past.note(&limits, executed, now);
                if executed != 0 {
                    done.push(now);
                }
            }
        }
    }
}

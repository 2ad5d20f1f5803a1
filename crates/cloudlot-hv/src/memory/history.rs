//! What came of earlier plans: targets that stand, balloons that do not move, the host's state.

use super::config::{MemoryConfig, percent};
use super::usage::{GuestUsage, MemoryUsage};
use crate::{CycleReport, DomainId, HostState, HostStep, HvError, Outcome, Picture};
use cloudlot_core::{Bytes, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// What was asked of each guest, and what it made of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GrantHistory {
    state: Option<HostState>,
    guests: BTreeMap<DomainId, Asked>,
}

/// What was asked of one guest in its present run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Asked {
    run: u64,
    /// What its balloon was last asked for.
    pub(super) target: Option<Bytes>,
    /// What it had at the last turn.
    actual: Bytes,
    /// When it was last given something that it needed.
    pub(super) grew: Option<Timestamp>,
    /// When its target was last changed.
    pub(super) moved: Option<Timestamp>,
    /// When its balloon was found empty, though we had asked for less.
    pub(super) emptied: Option<Timestamp>,
    /// Turns in a row in which it did not move, or refused to.
    stalls: u32,
    /// How long it is left alone the next time.
    patience: Option<Duration>,
    /// Until when it is left alone.
    pub(super) left_alone: Option<Timestamp>,
    /// It can never be changed in this run.
    pub(super) unsupported: bool,
    /// How often the statistics period may still be asked for.
    period_tries: u32,
}

/// A period that was refused so often is not asked for again.
const PERIOD_TRIES: u32 = 3;

impl Asked {
    fn new(guest: &GuestUsage) -> Self {
        Self {
            run: guest.run,
            target: None,
            actual: guest.actual,
            grew: None,
            moved: None,
            emptied: None,
            stalls: 0,
            patience: None,
            left_alone: None,
            unsupported: false,
            period_tries: PERIOD_TRIES,
        }
    }

    /// Whether the statistics period may be asked for.
    pub(super) fn may_set_period(&self) -> bool {
        self.period_tries > 0
    }

    /// Whether the guest has more than anybody asked for: a balloon is emptied by a reboot.
    pub(super) fn is_emptied(&self, guest: &GuestUsage, config: &MemoryConfig) -> bool {
        self.target.is_some_and(|target| {
            let most = target.max(self.actual);
            guest.actual > most.saturating_add(config.progress_min)
        })
    }

    /// Compares what the guest has with what it had and was asked for.
    fn look(&mut self, guest: &GuestUsage, at: Timestamp, config: &MemoryConfig) {
        if self.is_emptied(guest, config) {
            self.emptied = Some(at);
            self.stalls = 0;
        }
        let moved = guest.actual.abs_diff(self.actual) >= config.progress_min;
        let way = self
            .target
            .map_or(Bytes::ZERO, |target| target.abs_diff(self.actual));
        if moved {
            (self.stalls, self.patience) = (0, None);
        } else if way >= config.progress_min && guest.barred.is_none() {
            self.stalls += 1;
        }
        self.actual = guest.actual;
    }

    fn did(&mut self, target: Bytes, need: Bytes, outcome: &Outcome, at: Timestamp) {
        match outcome {
            Outcome::Done => {
                let had = self.actual.max(self.target.unwrap_or_default());
                if target > had && had < need {
                    self.grew = Some(at);
                }
                self.moved = Some(at);
                self.target = Some(target);
            }
            Outcome::Failed(HvError::Unsupported(_)) => self.unsupported = true,
            Outcome::Failed(HvError::Failed(_)) => self.stalls += 1,
            Outcome::Failed(_) | Outcome::NotAsked | Outcome::Skipped => {}
        }
    }

    fn did_period(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Done | Outcome::Failed(HvError::Unsupported(_) | HvError::Denied(_)) => {
                self.period_tries = 0;
            }
            Outcome::Failed(HvError::Failed(_)) => {
                self.period_tries = self.period_tries.saturating_sub(1);
            }
            Outcome::Failed(_) | Outcome::NotAsked | Outcome::Skipped => {}
        }
    }

    /// Gives the guest up for a while if it stood still too long.
    fn judge(&mut self, at: Timestamp, config: &MemoryConfig) {
        if self.stalls >= config.progress_turns {
            let patience = self.patience.unwrap_or(config.retry_min);
            self.left_alone = Some(at + patience);
            self.patience = Some(patience.saturating_mul(2).min(config.retry_max));
            self.stalls = 0;
        }
    }
}

impl GrantHistory {
    /// Nothing was asked of anybody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The host's state at the last turn.
    #[must_use]
    pub fn state(&self) -> Option<HostState> {
        self.state
    }

    /// What a guest's balloon was last asked for in its present run; `None` if never.
    #[must_use]
    pub fn target(&self, guest: &GuestUsage) -> Option<Bytes> {
        self.asked(guest)?.target
    }

    /// Takes in what became of a plan that was made from `usage`.
    ///
    /// Guests that are gone or run anew are forgotten; in a dry run no target changes.
    pub fn observe(&mut self, usage: &MemoryUsage, report: &CycleReport, config: &MemoryConfig) {
        let mut needs = BTreeMap::new();
        if let Picture::Memory(picture) = &report.plan.picture {
            self.state = Some(picture.state);
            needs.extend(picture.guests.iter().map(|guest| (guest.id, guest.need)));
        }
        let mut before = std::mem::take(&mut self.guests);
        for guest in &usage.guests {
            let known = before.remove(&guest.id).filter(|it| it.run == guest.run);
            let mut asked = known.unwrap_or_else(|| Asked::new(guest));
            asked.look(guest, usage.at, config);
            self.guests.insert(guest.id, asked);
        }
        for (planned, outcome) in report.plan.steps.iter().zip(&report.outcomes) {
            let Some(asked) = self.guests.get_mut(&planned.step.domain()) else {
                continue;
            };
            match &planned.step {
                HostStep::SetMemory { domain, target } => {
                    let need = needs.get(domain).copied().unwrap_or_default();
                    asked.did(*target, need, outcome, usage.at);
                }
                HostStep::SetStatsPeriod { .. } => asked.did_period(outcome),
                HostStep::Pin { .. } => {}
            }
        }
        for asked in self.guests.values_mut() {
            asked.judge(usage.at, config);
        }
    }

    /// What was asked of a guest in its present run.
    pub(super) fn asked(&self, guest: &GuestUsage) -> Option<&Asked> {
        self.guests.get(&guest.id).filter(|it| it.run == guest.run)
    }
}

/// How scarce memory is. A worse state is entered at its threshold, and a better one beyond
/// `state_leave_percent` of its own, so that the state does not flutter.
pub(super) fn host_state(
    last: Option<HostState>,
    available: Bytes,
    reserve: Bytes,
    config: &MemoryConfig,
) -> HostState {
    use HostState::{Hard, High, Low, Soft};
    let thresholds = [
        (High, reserve.saturating_add(reserve)),
        (Soft, reserve),
        (Hard, reserve.fraction(1, 2)),
    ];
    let entered = |(state, threshold): &(HostState, Bytes)| {
        let better = last.is_some_and(|last| *state < last);
        let needed = if better {
            percent(*threshold, config.state_leave_percent)
        } else {
            *threshold
        };
        available >= needed
    };
    thresholds
        .into_iter()
        .find(entered)
        .map_or(Low, |(state, _)| state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use HostState::{Hard, High, Low, Soft};

    #[test]
    fn a_state_is_left_for_a_better_one_only_well_beyond_its_threshold() {
        let config = MemoryConfig::production();
        let next =
            |last, available| host_state(last, Bytes::new(available), Bytes::new(100), &config);
        let fresh = [0, 49, 50, 99, 100, 199, 200].map(|available| next(None, available));
        assert_eq!(fresh, [Low, Low, Hard, Hard, Soft, Soft, High]);
        let from_soft = [249, 250, 100, 99, 0].map(|available| next(Some(Soft), available));
        assert_eq!(from_soft, [Soft, High, Soft, Hard, Low]);
        let from_low = [62, 125, 124, 249].map(|available| next(Some(Low), available));
        assert_eq!(from_low, [Hard, Soft, Hard, Soft]);
        assert_eq!(next(Some(Low), 61), Low);
    }
}

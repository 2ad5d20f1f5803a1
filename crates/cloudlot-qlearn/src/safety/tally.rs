//! How often which stage had its way.

use serde::{Deserialize, Serialize};

use crate::Reason;

/// Decisions counted by their reasons.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReasonCounts {
    /// The best action was done.
    pub greedy: u64,
    /// Something else was tried.
    pub explore: u64,
    /// The shield changed the proposal.
    pub shield: u64,
    /// A change came too soon or was too large.
    pub cooldown: u64,
    /// The baseline, or the best trusted action, acted for what is not known.
    pub baseline: u64,
    /// There was no budget to try something.
    pub budget: u64,
    /// The drift switch had fired.
    pub killed: u64,
    /// How many tokens of the budget were spent.
    pub deviations: u64,
    /// How many actions had a size.
    pub changes: u64,
}

impl ReasonCounts {
    /// How many decisions there were.
    #[must_use]
    pub const fn decisions(&self) -> u64 {
        self.greedy
            .saturating_add(self.explore)
            .saturating_add(self.shield)
            .saturating_add(self.cooldown)
            .saturating_add(self.baseline)
            .saturating_add(self.budget)
            .saturating_add(self.killed)
    }

    /// How many decisions had this reason.
    #[must_use]
    pub const fn of(&self, reason: Reason) -> u64 {
        match reason {
            Reason::Greedy => self.greedy,
            Reason::Explore => self.explore,
            Reason::Shield => self.shield,
            Reason::Cooldown => self.cooldown,
            Reason::Baseline => self.baseline,
            Reason::Budget => self.budget,
            Reason::Killed => self.killed,
        }
    }

    pub(super) const fn count(&mut self, reason: Reason) {
        let counter = match reason {
            Reason::Greedy => &mut self.greedy,
            Reason::Explore => &mut self.explore,
            Reason::Shield => &mut self.shield,
            Reason::Cooldown => &mut self.cooldown,
            Reason::Baseline => &mut self.baseline,
            Reason::Budget => &mut self.budget,
            Reason::Killed => &mut self.killed,
        };
        *counter = counter.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_out_of_a_file_do_not_run_over() {
        let tally = ReasonCounts {
            greedy: u64::MAX,
            explore: 1,
            ..ReasonCounts::default()
        };
        assert_eq!(tally.decisions(), u64::MAX);
    }
}

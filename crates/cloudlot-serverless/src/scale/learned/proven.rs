//! What is better than the rule for sure: evidence from pairs, and a limit to what a mistake may cost.

use cloudlot_qlearn::safety::Shield;
use cloudlot_qlearn::{ActionId, Mask, StateId};

/// Lets an action pass where it was cheaper than the base in pairs: by so many standard errors, over so many pairs. Where acting on
/// that has cost a limit more than the base would have, it is over for that class.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Proven {
    base: ActionId,
    actions: usize,
    errors: f64,
    pairs_min: u32,
    limit: f64,
    pairs: Vec<Pairs>,
    /// By class.
    owed: Vec<f64>,
    stopped: Vec<bool>,
}

/// Differences of an action's costs to those of the base.
///
/// Source of the running moments: Welford (1962).
#[derive(Clone, Copy, PartialEq, Default, Debug)]
struct Pairs {
    count: u32,
    mean: f64,
    squares: f64,
}

impl Proven {
    pub(super) fn new(
        (classes, actions): (usize, usize),
        base: ActionId,
        (errors, pairs_min, limit): (f64, u32, f64),
    ) -> Self {
        Self {
            base,
            actions,
            errors,
            pairs_min,
            limit,
            pairs: vec![Pairs::default(); classes * actions],
            owed: vec![0.0; classes],
            stopped: vec![false; classes],
        }
    }

    /// By how much an action was dearer than the base, in the same case.
    pub(super) fn compare(&mut self, class: StateId, action: ActionId, dearer: f64) {
        let place = class.index() * self.actions + action.index();
        if let Some(pairs) = self.pairs.get_mut(place) {
            pairs.count = pairs.count.saturating_add(1);
            let off = dearer - pairs.mean;
            pairs.mean += off / f64::from(pairs.count);
            pairs.squares += off * (dearer - pairs.mean);
        }
    }

    /// By how much what was done was dearer than the base. What was gained before is not credited: only what is lost since
    /// the last time nothing was.
    ///
    /// Source: the cumulative sum of Page (1954).
    pub(super) fn owe(&mut self, class: StateId, dearer: f64) {
        let owed = &mut self.owed[class.index()];
        *owed = (*owed + dearer).max(0.0);
        if *owed > self.limit {
            self.stopped[class.index()] = true;
        }
    }

    /// How many classes were given back to the base.
    pub(super) fn stopped(&self) -> usize {
        self.stopped.iter().filter(|&&stopped| stopped).count()
    }

    /// Gives every class another chance, owing nothing.
    pub(super) fn forgive(&mut self) {
        self.owed.fill(0.0);
        self.stopped.fill(false);
    }

    fn is_cheaper(&self, class: StateId, action: ActionId) -> bool {
        let place = class.index() * self.actions + action.index();
        self.pairs
            .get(place)
            .is_some_and(|pairs| pairs.count >= self.pairs_min && pairs.upper(self.errors) < 0.0)
    }
}

impl Pairs {
    /// The mean and so many of its standard errors.
    fn upper(&self, errors: f64) -> f64 {
        let count = f64::from(self.count);
        let variance = self.squares / (count - 1.0).max(1.0);
        self.mean + errors * (variance / count.max(1.0)).sqrt()
    }
}

impl Shield<StateId> for Proven {
    fn allows(&self, class: StateId, action: ActionId, _: Mask) -> bool {
        let stopped = self.stopped.get(class.index()).copied().unwrap_or(true);
        action == self.base || (!stopped && self.is_cheaper(class, action))
    }

    fn nearest(&self, _: StateId, _: ActionId, _: Mask) -> Option<ActionId> {
        Some(self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: StateId = StateId(1);
    const OTHER: ActionId = ActionId(0);
    const BASE: ActionId = ActionId(1);

    fn allows(proven: &Proven) -> bool {
        assert!(
            proven.allows(CLASS, BASE, Mask::all(2)),
            "the base always may"
        );
        proven.allows(CLASS, OTHER, Mask::all(2))
    }

    #[test]
    fn what_is_cheaper_by_the_errors_asked_for_may_pass_and_nothing_else() {
        let mut proven = Proven::new((2, 2), BASE, (2.0, 4, 1.0));
        for _ in 0..3 {
            proven.compare(CLASS, OTHER, -1.0);
        }
        assert!(!allows(&proven), "three pairs of four");
        proven.compare(CLASS, OTHER, -1.0);
        assert!(allows(&proven));
        // A mean of -1/5 with an error of 0.8.
        proven.compare(CLASS, OTHER, 3.0);
        assert!(!allows(&proven));
    }

    #[test]
    fn a_class_that_owes_too_much_is_given_back_whatever_it_gained_before() {
        let mut proven = Proven::new((2, 2), BASE, (0.0, 1, 1.0));
        proven.compare(CLASS, OTHER, -5.0);
        proven.owe(CLASS, -100.0);
        proven.owe(CLASS, 0.9);
        proven.owe(CLASS, -0.5);
        proven.owe(CLASS, 0.6);
        assert!(allows(&proven) && proven.stopped() == 0);
        proven.owe(CLASS, 0.1);
        assert!(!allows(&proven) && proven.stopped() == 1);
        proven.owe(CLASS, -9.0);
        assert!(!allows(&proven));
        proven.forgive();
        assert!(allows(&proven) && proven.stopped() == 0);
    }
}

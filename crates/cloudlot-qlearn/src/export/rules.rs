//! A policy as rules that can be read: "response 75 to 350 ms and queue 3 or more: +1".

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::{ActionId, Axis, Discretiser, StateId};

/// One rule: an action for a box of states.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PolicyRule {
    /// The first and the last bin on each axis.
    pub bins: Vec<(u32, u32)>,
    /// What to do; nothing where the policy has no answer.
    pub action: Option<ActionId>,
}

/// Rules that say the same as a policy: every state is covered by exactly one of them.
///
/// ```
/// # use cloudlot_qlearn::export::PolicyRules;
/// # use cloudlot_qlearn::{ActionId, Axis, Discretiser, StateId};
/// let space = Discretiser::new(vec![
///     Axis::edges("response", "ms", &[0.0, 100.0, 200.0, 400.0])?.at_least(0.0)?,
///     Axis::edges("queue", "1", &[0.0, 1.0, 3.0, 9.0])?.at_least(0.0)?,
/// ])?;
/// // Grow when the queue is long and the answers are slow.
/// let rules = PolicyRules::of(&space, |state| {
///     let slow = state.0 / 3 >= 1 && state.0 % 3 == 2;
///     Some(ActionId(u16::from(!slow)))
/// });
/// let names = ["+1", "hold"];
/// let lines = rules.lines(&space, |action| names[action.index()].to_owned());
/// assert_eq!(lines, [
///     "queue 0 to 3: hold",
///     "response 0 to 100 ms and queue 3 or more: hold",
///     "response 100 ms or more and queue 3 or more: +1",
/// ]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyRules {
    rules: Vec<PolicyRule>,
}

impl PolicyRules {
    /// The rules of a policy. Boxes grow from the lowest state that is left, along the axes in that of the
    /// cyclic orders that covers most: simple and the same every time, not the fewest possible.
    pub fn of(space: &Discretiser, policy: impl Fn(StateId) -> Option<ActionId>) -> Self {
        let sizes: Vec<u32> = space.axes().iter().map(Axis::bins).collect();
        let actions = (0..space.states()).map(|state| policy(StateId(state)));
        let mut left = Left {
            actions: actions.map(Some).collect(),
            sizes: &sizes,
        };
        let mut rules = Vec::new();
        for state in 0..space.states() {
            let Some(action) = left.actions[state as usize] else {
                continue;
            };
            let bins = left.largest(state, action);
            left.take(&bins);
            rules.push(PolicyRule { bins, action });
        }
        Self { rules }
    }

    /// The rules, by the lowest state that each covers.
    #[must_use]
    pub fn rules(&self) -> &[PolicyRule] {
        &self.rules
    }

    /// What the rules say of a state that lies in these bins; `None` where no rule covers it.
    #[must_use]
    pub fn answer(&self, bins: &[u32]) -> Option<Option<ActionId>> {
        let rule = self.rules.iter().find(|rule| rule.covers(bins))?;
        Some(rule.action)
    }

    /// One line for each rule, in the words of the axes.
    pub fn lines(&self, space: &Discretiser, name: impl Fn(ActionId) -> String) -> Vec<String> {
        self.rules
            .iter()
            .map(|rule| {
                let action = rule.action.map_or_else(|| "no answer".to_owned(), &name);
                format!("{}: {action}", rule.condition(space))
            })
            .collect()
    }
}

impl PolicyRule {
    /// Whether a state that lies in these bins is covered.
    #[must_use]
    pub fn covers(&self, bins: &[u32]) -> bool {
        bins.len() == self.bins.len()
            && bins
                .iter()
                .zip(&self.bins)
                .all(|(bin, (first, last))| (first..=last).contains(&bin))
    }

    /// When the rule holds, in the words of the axes.
    #[must_use]
    pub fn condition(&self, space: &Discretiser) -> String {
        let mut text = String::new();
        for (axis, &(first, last)) in space.axes().iter().zip(&self.bins) {
            if first == 0 && last >= axis.bins() - 1 {
                continue;
            }
            if !text.is_empty() {
                text.push_str(" and ");
            }
            text.push_str(axis.name());
            push_range(&mut text, axis, first, last);
        }
        if text.is_empty() {
            text.push_str("always");
        }
        text
    }
}

/// The values of several bins, without the unit of mere counts.
fn push_range(text: &mut String, axis: &Axis, first: u32, last: u32) {
    let from = axis.interval(first).and_then(|interval| interval.from);
    let to = axis.interval(last).and_then(|interval| interval.to);
    let unit = match axis.unit() {
        "1" => String::new(),
        unit => format!(" {unit}"),
    };
    let written = match (from, to) {
        (Some(from), Some(to)) => write!(text, " {from} to {to}{unit}"),
        (Some(from), None) => write!(text, " {from}{unit} or more"),
        (None, Some(to)) => write!(text, " below {to}{unit}"),
        (None, None) => write!(text, " any{unit}"),
    };
    written.expect("a string takes any text");
}

/// The states that no rule covers yet, each with the policy's answer.
struct Left<'a> {
    actions: Vec<Option<Option<ActionId>>>,
    sizes: &'a [u32],
}

impl Left<'_> {
    /// The largest box from a state on that all asks for `action`, over the cyclic orders of axes.
    fn largest(&self, state: u32, action: Option<ActionId>) -> Vec<(u32, u32)> {
        let corner: Vec<(u32, u32)> = self.bins_of(state).map(|bin| (bin, bin)).collect();
        let axes = self.sizes.len();
        let mut largest = (0, corner.clone());
        for first in 0..axes {
            let mut bins = corner.clone();
            for axis in (first..axes).chain(0..first) {
                while self.grows(&bins, axis, action) {
                    bins[axis].1 += 1;
                }
            }
            let volume: u64 = bins.iter().map(|(a, b)| u64::from(b - a + 1)).product();
            if volume > largest.0 {
                largest = (volume, bins);
            }
        }
        largest.1
    }

    /// Whether the next layer along `axis` is all left and asks for `action`.
    fn grows(&self, bins: &[(u32, u32)], axis: usize, action: Option<ActionId>) -> bool {
        let next = bins[axis].1 + 1;
        if next >= self.sizes[axis] {
            return false;
        }
        let mut layer = bins.to_vec();
        layer[axis] = (next, next);
        self.all_states(&layer, |state| self.actions[state] == Some(action))
    }

    fn take(&mut self, bins: &[(u32, u32)]) {
        let mut taken = Vec::new();
        self.all_states(bins, |state| {
            taken.push(state);
            true
        });
        for state in taken {
            self.actions[state] = None;
        }
    }

    /// Whether something holds for every state of a box; stops at the first for which it does not.
    fn all_states(&self, bins: &[(u32, u32)], mut holds: impl FnMut(usize) -> bool) -> bool {
        let mut at: Vec<u32> = bins.iter().map(|(first, _)| *first).collect();
        loop {
            let state = at
                .iter()
                .zip(self.sizes)
                .fold(0, |id, (bin, size)| id * size + bin);
            if !holds(state as usize) {
                return false;
            }
            // Counts up like an odometer, the last axis fastest.
            let Some(axis) = (0..at.len()).rev().find(|&axis| at[axis] < bins[axis].1) else {
                return true;
            };
            at[axis] += 1;
            for behind in axis + 1..at.len() {
                at[behind] = bins[behind].0;
            }
        }
    }

    fn bins_of(&self, state: u32) -> impl Iterator<Item = u32> {
        self.sizes.iter().enumerate().map(move |(axis, size)| {
            let below: u32 = self.sizes[axis + 1..].iter().product();
            state / below % size
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Codec;

    fn space(sizes: &[u32]) -> Discretiser {
        let axis = |(at, &bins): (usize, &u32)| {
            Axis::linear(&format!("x{at}"), "m", 0.0, f64::from(bins), bins).unwrap()
        };
        Discretiser::new(sizes.iter().enumerate().map(axis).collect()).unwrap()
    }

    proptest! {
        #[test]
        fn the_rules_say_what_the_policy_says_and_each_state_has_one(
            sizes in prop::collection::vec(1_u32..6, 1..5),
            actions in prop::collection::vec(prop::option::weighted(0.9, 0_u16..3), 1..40),
        ) {
            let space = space(&sizes);
            // Few changes of action, so that boxes of some size arise.
            let policy = |state: StateId| actions[state.index() / 3 % actions.len()].map(ActionId);
            let rules = PolicyRules::of(&space, policy);
            for state in (0..space.states()).map(StateId) {
                let bins = space.bins().decode(state).unwrap();
                prop_assert_eq!(rules.answer(&bins), Some(policy(state)));
                let covers = rules.rules().iter().filter(|rule| rule.covers(&bins)).count();
                prop_assert_eq!(covers, 1);
            }
            prop_assert_eq!(PolicyRules::of(&space, policy), rules);
        }
    }

    #[test]
    fn one_answer_is_one_rule() {
        let space = space(&[3, 4, 5]);
        let rules = PolicyRules::of(&space, |_| Some(ActionId(1)));
        assert_eq!(rules.lines(&space, |_| "hold".to_owned()), ["always: hold"]);
        let none = PolicyRules::of(&space, |_| None);
        assert_eq!(none.lines(&space, |_| String::new()), ["always: no answer"]);
    }

    #[test]
    fn a_threshold_on_any_axis_is_two_rules() {
        let space = space(&[4, 4, 4]);
        for axis in 0..3 {
            let split = |state: StateId| space.bins().decode(state).unwrap()[axis] >= 2;
            let policy = |state| Some(ActionId(u16::from(split(state))));
            assert_eq!(
                PolicyRules::of(&space, policy).rules().len(),
                2,
                "axis {axis}"
            );
        }
    }

    #[test]
    fn a_rule_for_more_bins_than_there_are_holds_always() {
        let rule = PolicyRule {
            bins: vec![(0, u32::MAX)],
            action: None,
        };
        assert_eq!(rule.condition(&space(&[3])), "always");
    }

    #[test]
    fn bins_that_do_not_exist_have_no_answer() {
        let rules = PolicyRules::of(&space(&[2, 2]), |_| Some(ActionId(0)));
        assert_eq!(rules.answer(&[2, 0]), None);
        assert_eq!(rules.answer(&[0]), None);
        assert_eq!(rules.answer(&[0, 0, 0]), None);
    }
}

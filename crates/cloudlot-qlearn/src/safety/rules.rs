//! What the caller brings: what is safe, and what is done where nothing was learned.

use crate::{ActionId, Mask};

/// Says which actions are safe.
///
/// A closure of state, action and mask is a shield that leaves the correction to the sizes.
pub trait Shield<S> {
    /// Whether `action`, one of `mask`, is safe in `state`.
    ///
    /// Where it forbids the whole mask it has no say: the baseline's action is done if the mask
    /// allows it, and the lowest allowed action else.
    fn allows(&self, state: S, action: ActionId, mask: Mask) -> bool;

    /// What to do instead of `proposed`. Where this names nothing, or something that is not in
    /// `safe`, the action of `safe` nearest in size is done.
    fn nearest(&self, state: S, proposed: ActionId, safe: Mask) -> Option<ActionId> {
        let _ = (state, proposed, safe);
        None
    }
}

impl<S, F: Fn(S, ActionId, Mask) -> bool> Shield<S> for F {
    fn allows(&self, state: S, action: ActionId, mask: Mask) -> bool {
        self(state, action, mask)
    }
}

/// A shield that forbids nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Unshielded;

impl<S> Shield<S> for Unshielded {
    fn allows(&self, _: S, _: ActionId, _: Mask) -> bool {
        true
    }
}

/// A policy that is known to be good enough: a calibrated rule, today's controller.
///
/// A closure of state and mask is a baseline, and so is a single action.
pub trait Baseline<S> {
    /// What it does. Where the guard does not let this pass, the nearest in size is done.
    fn action(&self, state: S, mask: Mask) -> ActionId;
}

impl<S, F: Fn(S, Mask) -> ActionId> Baseline<S> for F {
    fn action(&self, state: S, mask: Mask) -> ActionId {
        self(state, mask)
    }
}

impl<S> Baseline<S> for ActionId {
    fn action(&self, _: S, _: Mask) -> ActionId {
        *self
    }
}

/// The size of an action; zero where none is declared.
pub(super) fn size(sizes: &[i64], action: ActionId) -> i64 {
    sizes.get(action.index()).copied().unwrap_or(0)
}

/// The action of `among` nearest in size to `wanted`: itself if it is there, then the smaller of
/// equally near ones, then the lower number. Nothing where `among` is empty.
pub(super) fn nearest(sizes: &[i64], wanted: ActionId, among: Mask) -> Option<ActionId> {
    if among.allows(wanted) {
        return Some(wanted);
    }
    let aim = size(sizes, wanted);
    among.iter().min_by_key(|&action| {
        let size = size(sizes, action);
        (size.abs_diff(aim), size.unsigned_abs())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [i64; 5] = [5, 1, 0, -1, -5];

    #[test]
    fn the_nearest_is_itself_then_near_then_small() {
        let near = |wanted, bits| nearest(&SIZES, ActionId(wanted), Mask::from_bits(bits));
        assert_eq!(near(0, 0b11111), Some(ActionId(0)));
        assert_eq!(near(0, 0b11110), Some(ActionId(1)));
        assert_eq!(near(2, 0b01010), Some(ActionId(1)), "the lower of equals");
        assert_eq!(near(4, 0b00101), Some(ActionId(2)));
        assert_eq!(near(0, 0), None);
        assert_eq!(
            nearest(&[i64::MIN, i64::MAX], ActionId(1), Mask::from_bits(1)),
            Some(ActionId(0))
        );
    }
}

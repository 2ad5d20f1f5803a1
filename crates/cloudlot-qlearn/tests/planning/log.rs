//! Random logs of small worlds.

use cloudlot_qlearn::{ActionId, End, Mask, StateId, Transition};
use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) const STATES: usize = 6;
pub(crate) const ACTIONS: usize = 3;

fn mask() -> impl Strategy<Value = Mask> {
    (1_u64..1 << ACTIONS).prop_map(Mask::from_bits)
}

prop_compose! {
    /// A transition that every learner accepts; rewards and durations are whole, so that their
    /// means can be compared.
    pub(crate) fn step()(
        state in 0..STATES,
        action in 0..ACTIONS,
        next in 0..STATES,
        reward in -3_i32..4,
        end in prop_oneof![4 => Just(End::Running), 1 => Just(End::Terminated), 1 => Just(End::Truncated)],
        dt in prop_oneof![3 => Just(1.0), 1 => Just(2.0)],
        mask in mask(),
        next_mask in mask(),
        next_action in 0..ACTIONS,
    ) -> Transition {
        let id = |state: usize| StateId(u32::try_from(state).unwrap());
        let action_id = |action: usize| ActionId(u16::try_from(action).unwrap());
        Transition {
            next_mask: next_mask.with(action_id(next_action)),
            next_action: Some(action_id(next_action)),
            end,
            dt,
            ..Transition::new(
                id(state),
                action_id(action),
                f64::from(reward),
                id(next),
                mask.with(action_id(action)),
            )
        }
    }
}

pub(crate) fn log(most: usize) -> impl Strategy<Value = Vec<Transition>> {
    vec(step(), 0..most)
}

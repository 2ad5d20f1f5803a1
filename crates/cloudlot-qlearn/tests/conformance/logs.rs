//! Random logs: every mask, duration and end, steps that do not follow on each other, and steps
//! where something else was done than announced.

use cloudlot_qlearn::{ActionId, End, Mask, StateId, Transition};
use proptest::prelude::*;

/// The states of the random logs.
pub(crate) const STATES: usize = 5;
/// The actions of the random logs.
pub(crate) const ACTIONS: usize = 3;

/// Where a step begins, and what is done there.
#[derive(Clone, Copy, Debug)]
struct Place {
    state: StateId,
    mask: Mask,
    action: ActionId,
}

fn place() -> impl Strategy<Value = Place> {
    (0..STATES, 1..1_u64 << ACTIONS, 0..64_u32).prop_map(|(state, bits, rank)| {
        let mask = Mask::from_bits(bits);
        Place {
            state: StateId(u32::try_from(state).unwrap()),
            mask,
            action: mask.nth(rank % mask.len()).unwrap(),
        }
    })
}

/// How a step goes: its end, and whether the next step begins elsewhere or does something else.
#[derive(Clone, Copy, Debug)]
enum Course {
    On,
    Ends(End),
    Leaps,
    Shielded,
}

fn course() -> impl Strategy<Value = Course> {
    prop_oneof![
        24 => Just(Course::On),
        1 => Just(Course::Ends(End::Terminated)),
        1 => Just(Course::Ends(End::Truncated)),
        1 => Just(Course::Leaps),
        1 => Just(Course::Shielded),
    ]
}

/// A log of up to `length` steps, in which everything is legal.
pub(crate) fn log(length: usize) -> impl Strategy<Value = Vec<Transition>> {
    let dt = prop_oneof![3 => Just(1.0), 1 => 0.1..4.0];
    let step = (place(), place(), course(), -1.0..1.0, dt);
    prop::collection::vec(step, 1..=length).prop_map(|drawn| {
        let begins: Vec<_> = drawn.iter().map(|drawn| drawn.0).collect();
        drawn
            .iter()
            .enumerate()
            .map(|(at, &(begin, elsewhere, course, reward, dt))| {
                let following = begins.get(at + 1).copied().unwrap_or(elsewhere);
                step_of(begin, elsewhere, following, course, reward, dt)
            })
            .collect()
    })
}

fn step_of(
    begin: Place,
    elsewhere: Place,
    following: Place,
    course: Course,
    reward: f64,
    dt: f64,
) -> Transition {
    let (next, next_action, end) = match course {
        Course::On => (following, following.action, End::Running),
        Course::Ends(end) => (elsewhere, elsewhere.action, end),
        Course::Leaps => (elsewhere, elsewhere.action, End::Running),
        Course::Shielded => (
            following,
            following.mask.iter().last().unwrap(),
            End::Running,
        ),
    };
    Transition {
        mask: begin.mask,
        next_mask: next.mask,
        next_action: Some(next_action),
        end,
        dt,
        ..Transition::new(begin.state, begin.action, reward, next.state, begin.mask)
    }
}

//! Nineteen states in a row, and how far off the values are after little experience.
//!
//! With a single action n-step SARSA is n-step prediction of a state's value.
//! Source: Sutton and Barto, 2nd edition (2018), example 7.1 and figure 7.2.

use cloudlot_qlearn::{
    ActionId, Config, Dense, End, Learner, Mask, Rule, StateId, StepSize, Transition, below, stream,
};

use crate::{Runs, reference};

const STATES: u32 = 19;
const EPISODES: usize = 10;
const RUNS: u64 = 200;
/// How many runs the reference is the mean of.
const REFERENCE_RUNS: f64 = 1000.0;

/// The root of the mean squared error over all states, averaged over the first ten episodes of a run.
fn error_of(steps: u32, alpha: f64, run: u64) -> f64 {
    let config = Config {
        rule: Rule::NStepSarsa { steps },
        discount: 1.0,
        step_size: StepSize::Constant(alpha),
        ..Config::default()
    };
    let table = Dense::new(STATES as usize, 1, 0.0).unwrap();
    let mut learner = Learner::new(table, config).unwrap();
    let mut chance = stream(7, run);
    let mut total = 0.0;
    for _ in 0..EPISODES {
        walk(&mut learner, &mut chance);
        total += off(&learner);
    }
    total / 10.0
}

/// One episode, from the middle to either end.
fn walk(learner: &mut Learner, chance: &mut cloudlot_qlearn::Stream) {
    let mut state = STATES / 2;
    loop {
        let right = below(chance, 2) == 1;
        let (next, reward, end) = match (state, right) {
            (0, false) => (0, -1.0, End::Terminated),
            (18, true) => (18, 1.0, End::Terminated),
            (_, true) => (state + 1, 0.0, End::Running),
            (_, false) => (state - 1, 0.0, End::Running),
        };
        let only = ActionId(0);
        let step = Transition::new(StateId(state), only, reward, StateId(next), Mask::all(1));
        learner
            .observe(&Transition {
                next_action: Some(only),
                end,
                ..step
            })
            .unwrap();
        if end == End::Terminated {
            return;
        }
        state = next;
    }
}

fn off(learner: &Learner) -> f64 {
    let table = learner.values().view();
    let squares = (0..STATES).map(|state| {
        let exact = (f64::from(state) - 9.0) / 10.0;
        (table[[state as usize, 0]] - exact).powi(2)
    });
    (squares.sum::<f64>() / f64::from(STATES)).sqrt()
}

fn errors_are_those_of_the_reference(steps: u32) {
    let reference = reference("random_walk_19_rms_first10");
    for alpha in ["0.1", "0.2", "0.4", "0.6", "0.8", "1.0"] {
        let row = format!("n{steps}_alpha{alpha}");
        let wanted = reference[&row].as_f64().unwrap();
        let results: Vec<f64> = (0..RUNS)
            .map(|run| error_of(steps, alpha.parse().unwrap(), run))
            .collect();
        let runs = Runs::of(&results);
        // The reference is told to four places.
        let allowed = 3.0 * runs.error_to(REFERENCE_RUNS, runs.variance) + 0.000_05;
        assert!(
            (runs.mean - wanted).abs() <= allowed,
            "{row}: {} against {wanted} ± {allowed}",
            runs.mean
        );
    }
}

#[test]
fn one_step_errs_as_the_reference() {
    errors_are_those_of_the_reference(1);
}

#[test]
fn two_steps_err_as_the_reference() {
    errors_are_those_of_the_reference(2);
}

#[test]
fn four_steps_err_as_the_reference() {
    errors_are_those_of_the_reference(4);
}

#[test]
fn eight_steps_err_as_the_reference() {
    errors_are_those_of_the_reference(8);
}

#[test]
fn sixteen_steps_err_as_the_reference() {
    errors_are_those_of_the_reference(16);
}

//! Models counted from logs.

use cloudlot_qlearn::exact::{ModelError, Policy, evaluate_within, value_iteration};
use cloudlot_qlearn::offline::{CountError, Gate, Header, Log, TargetPolicy, counted, gate};
use cloudlot_qlearn::{ActionId, End, Mask, StateId, Transition, stream};

use crate::reference::REFERENCE;

fn step(state: u32, action: u16, reward: f64, next: u32, end: End) -> Transition {
    let (state, next) = (StateId(state), StateId(next));
    let step = Transition::new(state, ActionId(action), reward, next, Mask::all(2));
    Transition { end, ..step }
}

fn small() -> Log {
    let steps = [
        step(0, 0, 1.0, 1, End::Running),
        step(1, 0, 2.0, 0, End::Terminated),
        step(0, 0, 3.0, 1, End::Truncated),
        step(0, 0, 5.0, 0, End::Truncated),
        step(0, 1, 9.0, 2, End::Terminated),
    ];
    Log::new(Header::new(3, 2, 0.9).unwrap(), steps).unwrap()
}

#[test]
fn a_model_is_what_was_counted() {
    let model = counted(&small(), 1).unwrap();
    let branches = model.branches(StateId(0), ActionId(0));
    let told: Vec<_> = branches
        .iter()
        .map(|b| (b.next.0, b.probability, b.reward, b.terminated))
        .collect();
    assert_eq!(
        told,
        [(0, 1.0 / 3.0, 5.0, false), (1, 2.0 / 3.0, 2.0, false)]
    );
    assert!(model.branches(StateId(0), ActionId(1))[0].terminated);
    assert_eq!(model.mask(StateId(0)), Mask::all(2));
    assert_eq!(model.mask(StateId(1)), Mask::all(1));
    assert!(model.is_terminal(StateId(2)));
    assert_eq!(model.start(), [(StateId(0), 1.0)]);
}

#[test]
fn what_was_done_too_rarely_is_not_legal() {
    let model = counted(&small(), 2).unwrap();
    assert_eq!(model.mask(StateId(0)), Mask::all(1));
    assert!(model.is_terminal(StateId(1)), "once is too little");
    let found = counted(&small(), 4).unwrap_err();
    assert_eq!(
        found,
        CountError::Model(ModelError::StartTerminal { state: 0 })
    );
}

#[test]
fn what_is_no_model_is_refused() {
    let header = *small().header();
    let long = Transition {
        dt: 2.0,
        ..step(0, 0, 1.0, 1, End::Truncated)
    };
    let log = Log::new(header, [small().steps()[4], long]).unwrap();
    let found = counted(&log, 1).unwrap_err();
    assert_eq!(
        found,
        CountError::Duration {
            episode: 1,
            step: 0,
            dt: 2.0
        }
    );
    assert!(matches!(
        counted(&Log::new(header, []).unwrap(), 1),
        Err(CountError::Model(ModelError::StartSum { .. }))
    ));
    let endless = Header::new(u32::MAX, 64, 0.9).unwrap();
    assert!(matches!(
        counted(&Log::new(endless, []).unwrap(), 1),
        Err(CountError::Model(ModelError::States { .. }))
    ));
}

#[test]
fn the_solution_of_a_counted_model_passes_the_gate_on_another_log() {
    let mut rng = stream(9, 9);
    let (first, second) = (
        REFERENCE.fresh(3_000, &mut rng),
        REFERENCE.fresh(3_000, &mut rng),
    );
    let model = counted(&first, 10).unwrap();
    let solution = value_iteration(&model, REFERENCE.gamma, 1e-12, 10_000).unwrap();
    let policy = Policy::greedy(&model, &solution.q).unwrap();
    let verdict = gate(&second, &TargetPolicy::from(&policy), &Gate::default()).unwrap();
    assert!(verdict.deploys(), "{verdict}");
    assert!(evaluate_within(&model, &policy, 8).unwrap() > verdict.baseline.value);
}

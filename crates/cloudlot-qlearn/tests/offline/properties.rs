//! What holds for every log.

use cloudlot_qlearn::offline::{
    ActionValues, Confidence, Estimate, Estimator, Evaluation, Log, MeanBound, TargetPolicy,
};
use cloudlot_qlearn::{Transition, stream};
use ndarray::Array2;
use proptest::prelude::*;

use crate::episodes::{ACTIONS, STATES, drawn, naive, policy, values};

/// Few draws: what is tested here does not depend on them.
const QUICK: Confidence = Confidence {
    level: 0.9,
    mean: MeanBound::StudentT,
    replicates: 39,
    seed: 1,
};

fn all(log: &Log, target: &TargetPolicy, values: &ActionValues, sure: Confidence) -> [Estimate; 5] {
    let evaluation = Evaluation::new(log, target).unwrap();
    [
        Estimator::ImportanceSampling,
        Estimator::WeightedImportanceSampling,
        Estimator::PerDecision,
        Estimator::WeightedPerDecision,
        Estimator::DoublyRobust(values),
    ]
    .map(|estimator| evaluation.estimate(estimator, sure).unwrap())
}

fn close(left: f64, right: f64, tolerance: f64) -> bool {
    (left - right).abs() <= tolerance * left.abs().max(right.abs()).max(1.0)
}

proptest! {
    #[test]
    fn estimators_are_what_their_definitions_say(
        seed: u64, episodes in 2u32..40, discount in 0.5..=1.0,
    ) {
        let log = drawn(seed, episodes, discount).log;
        let mut rng = stream(seed, 2);
        let (target, values) = (policy(&mut rng), values(&mut rng));
        let expected = naive(&log, &target, &values);
        let found = all(&log, &target, &values, QUICK);
        for (found, value) in found.iter().zip(expected) {
            prop_assert!(close(found.value, value, 1e-9), "{found:?} {value}");
prop_assert!(close(found.effective_sample_size, expected[5], 1e-9), "{found:?}");
        }
    }

    #[test]
    fn the_behaviour_itself_earns_the_mean_return(
        seed: u64, episodes in 2u32..40, discount in 0.5..=1.0,
    ) {
        let drawn = drawn(seed, episodes, discount);
        // A guess that is the same for all actions of a state corrects itself away.
        let shape = (STATES as usize, usize::from(ACTIONS));
        let same = Array2::from_shape_fn(shape, |(state, _)| if state % 2 == 0 { 1.5 } else { -0.5 });
        let same = ActionValues::stationary(same).unwrap();
        let evaluation = Evaluation::new(&drawn.log, &drawn.behaviour).unwrap();
        let mean = evaluation.behaviour_mean(QUICK).unwrap().value;
        prop_assert!(close(evaluation.effective_sample_size(), f64::from(episodes), 1e-12));
        for found in all(&drawn.log, &drawn.behaviour, &same, QUICK) {
            prop_assert!(close(found.value, mean, 1e-12), "{found:?} {mean}");
        }
    }

    #[test]
    fn the_order_of_episodes_does_not_matter(seed: u64, episodes in 2u32..40) {
        let log = drawn(seed, episodes, 0.9).log;
        let mut rng = stream(seed, 2);
        let (target, values) = (policy(&mut rng), values(&mut rng));
        let parts: Vec<&[Transition]> = log.episodes().collect();
        let turned = Log::new(*log.header(), parts.into_iter().rev().flatten().copied()).unwrap();
        let here = all(&log, &target, &values, QUICK);
        for (here, there) in here.iter().zip(all(&turned, &target, &values, QUICK)) {
            prop_assert!(close(here.value, there.value, 1e-12), "{here:?} {there:?}");
            prop_assert!(close(here.unsupported, there.unsupported, 1e-12));
        }
    }

    #[test]
    fn bounds_hold_the_value_and_widen_with_the_level(seed: u64, episodes in 2u32..40) {
        let log = drawn(seed, episodes, 0.9).log;
        let mut rng = stream(seed, 2);
        let (target, values) = (policy(&mut rng), values(&mut rng));
        let bernstein = MeanBound::Bernstein { low: -1e9, high: 1e9 };
        for mean in [MeanBound::StudentT, bernstein, MeanBound::Bootstrap] {
            let sure = Confidence { mean, replicates: 199, ..QUICK };
            let surer = Confidence { level: 0.98, ..sure };
            let narrow = all(&log, &target, &values, sure);
            for (narrow, wide) in narrow.iter().zip(all(&log, &target, &values, surer)) {
                prop_assert!(narrow.lower <= narrow.value && narrow.value <= narrow.upper, "{narrow:?}");
                prop_assert!(wide.lower <= narrow.lower && narrow.upper <= wide.upper, "{narrow:?} {wide:?}");
                prop_assert_eq!(wide.value, narrow.value);
            }
        }
    }

    #[test]
    fn without_a_guess_doubly_robust_is_per_decision(seed: u64, episodes in 2u32..40) {
        let log = drawn(seed, episodes, 0.9).log;
        let target = policy(&mut stream(seed, 2));
        let nothing = Array2::zeros((STATES as usize, usize::from(ACTIONS)));
        let found = all(&log, &target, &ActionValues::stationary(nothing).unwrap(), QUICK);
        prop_assert!(close(found[2].value, found[4].value, 1e-12), "{found:?}");
        prop_assert!(close(found[2].lower, found[4].lower, 1e-9), "{found:?}");
    }

    #[test]
    fn the_same_log_gives_the_same_bounds_to_the_bit(seed: u64, episodes in 2u32..40) {
        let log = drawn(seed, episodes, 0.9).log;
        let mut rng = stream(seed, 2);
        let (target, values) = (policy(&mut rng), values(&mut rng));
        let once = all(&log, &target, &values, QUICK);
        prop_assert_eq!(once, all(&log, &target, &values, QUICK));
    }
}

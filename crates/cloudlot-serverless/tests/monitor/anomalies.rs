use super::chance::{Chance, MINUTE, samples};
use cloudlot_serverless::monitor::{Detector, DetectorError, Spread};
use proptest::prelude::*;

const BOTH: [Spread; 2] = [Spread::Median, Spread::Mean];

proptest! {
    #[test]
    fn a_score_is_its_formula_and_does_not_look_at_the_value(
        past in prop::collection::vec(0.0_f64..100.0, 10..40), values in prop::array::uniform2(0.0_f64..1e6),
    ) {
        let floor = 1e-9;
        let window = &past[past.len() - 10..];
        let middle = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            (sorted[4] + sorted[5]) / 2.0
        };
        let median = middle(window);
        let distance: Vec<f64> = window.iter().map(|v| (v - median).abs()).collect();
        let mean = window.iter().sum::<f64>() / 10.0;
        let variance = window.iter().map(|v| v * v).sum::<f64>() / 10.0 - mean * mean;
        let naive = [(median, 1.4826 * middle(&distance)), (mean, (variance * 10.0 / 9.0).sqrt())];
        for (by, (centre, spread)) in BOTH.into_iter().zip(naive) {
            let detector = Detector::new(10, 3.0, floor, by).unwrap();
            let scores = values.map(|value| detector.score(&past, value).unwrap());
            for (score, value) in scores.iter().zip(values) {
                prop_assert!((score.expected - centre).abs() < 1e-9);
                prop_assert!((score.spread - spread).abs() < 1e-6 * spread.max(1.0), "{} {}", score.spread, spread);
                prop_assert_eq!(score.z, (value - score.expected) / score.spread);
            }
            prop_assert_eq!(scores[0].spread, scores[1].spread);
        }
    }
}

#[test]
fn what_is_far_off_scores_far_above_what_a_window_that_contains_it_could() {
    // With thirty samples, the tested one among them, no score is above 29 / √30 = 5.3.
    let mut chance = Chance::new(1);
    let mut values: Vec<f64> = (0..60).map(|_| 100.0 + chance.normal()).collect();
    values[45] = 1000.0;
    for by in BOTH {
        let detector = Detector::new(30, 3.0, 0.1, by).unwrap();
        let score = detector.score(&values[..45], values[45]).unwrap();
        assert!(score.z > 500.0, "{score:?}");
        let found = detector.scan(&samples(MINUTE, values.clone()), None);
        assert!(found.iter().any(|it| it.place == 45 && it.score == score));
        let naive = {
            let window = &values[16..46];
            let mean = window.iter().sum::<f64>() / 30.0;
            let variance = window.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 30.0;
            (values[45] - mean) / variance.sqrt()
        };
        assert!(
            naive < 5.4,
            "what the reference system would have said: {naive}"
        );
    }
}

#[test]
fn a_second_outage_is_not_hidden_by_the_first() {
    let mut values = vec![50.0; 80];
    (values[60], values[64]) = (0.0, 0.0);
    for (value, more) in values
        .iter_mut()
        .zip([0.0, 1.0, 2.0, 1.0].into_iter().cycle())
    {
        *value += more;
    }
    let places = |by| {
        let found = Detector::new(30, 3.0, 1.0, by)
            .unwrap()
            .scan(&samples(MINUTE, values.clone()), None);
        found.into_iter().map(|it| it.place).collect::<Vec<_>>()
    };
    assert_eq!(places(Spread::Median), [60, 64]);
    assert!(
        Detector::default()
            .scan(&samples(MINUTE, vec![50.0; 29]), None)
            .is_empty()
    );
}

#[test]
fn a_window_without_spread_has_the_floor() {
    for by in BOTH {
        let detector = Detector::new(30, 3.0, 1.0, by).unwrap();
        let z = |value| detector.score(&[7.0; 30], value).unwrap().z;
        assert_eq!([z(7.0), z(10.0), z(17.0), z(0.0)], [0.0, 3.0, 10.0, -7.0]);
        assert!(!detector.exceeds(&detector.score(&[7.0; 30], 10.0).unwrap()));
        assert!(detector.exceeds(&detector.score(&[7.0; 30], 10.1).unwrap()));
    }
    // More than half are equal, but not all: the mean distance steps in.
    let window: Vec<f64> = (0..30)
        .map(|n| if n % 3 == 0 { 40.0 } else { 10.0 })
        .collect();
    let score = Detector::default().score(&window, 40.0).unwrap();
    assert!(
        (score.spread - 12.533).abs() < 1e-9 && score.z < 3.0,
        "{score:?}"
    );
}

#[test]
fn what_is_no_window_is_refused() {
    let of = |window, limit, floor| Detector::new(window, limit, floor, Spread::Mean);
    for window in [0, 3, 10_001, usize::MAX] {
        assert_eq!(of(window, 3.0, 1.0), Err(DetectorError::Window(window)));
    }
    for number in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(of(30, number, 1.0), Err(DetectorError::Limit(_))));
        assert!(matches!(of(30, 3.0, number), Err(DetectorError::Floor(_))));
    }
    let detector = Detector::default();
    assert_eq!(detector.score(&[1.0; 29], 1.0), None);
    assert_eq!(detector.score(&[1.0; 30], f64::NAN), None);
    let mut past = [1.0; 30];
    past[7] = f64::INFINITY;
    assert_eq!(detector.score(&past, 1.0), None);
}

#[test]
fn the_peak_of_every_day_is_usual_and_a_missing_one_is_not() {
    let mut chance = Chance::new(3);
    let mut values: Vec<f64> = (0..24 * 10)
        .map(|h| if h % 24 == 9 { 100.0 } else { 10.0 } + 2.0 * chance.unit())
        .collect();
    values[24 * 7 + 9] = 10.0;
    let samples = samples(MINUTE, values);
    let detector = Detector::new(30, 6.0, 1.0, Spread::Median).unwrap();
    let with: Vec<usize> = detector
        .scan(&samples, Some(24))
        .iter()
        .map(|it| it.place)
        .collect();
    assert_eq!(with, [24 * 7 + 9], "and the day after has no echo");
    assert_eq!(
        detector.scan(&samples, None).len(),
        8,
        "every peak after the first window but the missing one"
    );
}

#[test]
fn calm_calls_raise_few_alarms() {
    let mut rows = Vec::new();
    for mean in [0.05, 1.0, 10.0, 100.0] {
        let mut chance = Chance::new(5);
        let values: Vec<f64> = (0..5000).map(|_| chance.poisson(mean)).collect();
        let share = |by| {
            let detector = Detector::new(30, 3.0, 1.0, by).unwrap();
            detector.scan(&samples(MINUTE, values.clone()), None).len() as f64 / 4970.0
        };
        rows.push((mean, share(Spread::Median), share(Spread::Mean)));
    }
    println!("calls a minute, share of alarms by median and by mean: {rows:?}");
    for (_, median, mean) in rows {
        assert!(median < 0.03 && mean < 0.02);
    }
}

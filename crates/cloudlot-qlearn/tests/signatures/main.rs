//! The signatures of the textbook: experiments whose outcome is known, run here and held against
//! references from another program.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bias;
mod cliff;
mod mountain_car;
mod random_walk;

use serde_json::Value;

/// One experiment of the references, its rows by name.
fn reference(experiment: &str) -> Value {
    let text = include_str!("../data/statistical_references.json");
    let all: Value = serde_json::from_str(text).unwrap();
    all[experiment]["rows"].clone()
}

/// The mean of what each run gave, and the variance between runs.
struct Runs {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Runs {
    fn of(results: &[f64]) -> Self {
        let count = results.iter().map(|_| 1.0).sum::<f64>();
        let mean = results.iter().sum::<f64>() / count;
        let squares: f64 = results.iter().map(|result| (result - mean).powi(2)).sum();
        Self {
            count,
            mean,
            variance: squares / (count - 1.0),
        }
    }

    /// The standard error of the difference to the mean of other runs.
    fn error_to(&self, runs: f64, variance: f64) -> f64 {
        (self.variance / self.count + variance / runs).sqrt()
    }
}

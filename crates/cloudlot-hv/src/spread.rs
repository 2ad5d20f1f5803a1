//! How uneven loads are: the one measure of it that planners, baselines and monitor share.

/// Population standard deviation; 0 of nothing.
#[must_use]
pub fn spread(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    variance.sqrt()
}

//! Means over seeds, and how sure they are.

/// As many seeds as every figure is a mean of.
pub(crate) const SEEDS: u64 = 30;

/// The 95th percentile of Student's t with 29 degrees of freedom.
const T95: f64 = 1.699_127;

/// Figures of all seeds in short.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Spread {
    pub(crate) mean: f64,
    /// The mean is above this with a probability of 5 %.
    pub(crate) upper95: f64,
    pub(crate) worst: f64,
}

/// The spread of one figure for each of [`SEEDS`] seeds, the larger the worse.
pub(crate) fn spread(figures: &[f64]) -> Spread {
    let count = f64::from(u32::try_from(SEEDS).unwrap());
    assert_eq!(u64::try_from(figures.len()).unwrap(), SEEDS);
    let mean = figures.iter().sum::<f64>() / count;
    let squares: f64 = figures.iter().map(|x| (x - mean) * (x - mean)).sum();
    Spread {
        mean,
        upper95: mean + T95 * (squares / (count - 1.0) / count).sqrt(),
        worst: figures.iter().copied().fold(f64::MIN, f64::max),
    }
}

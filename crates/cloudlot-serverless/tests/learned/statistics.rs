//! Means over seeds, and how sure they are.

/// Evaluation seeds, or groups of functions: every figure is a mean of so many.
pub(crate) const RUNS: usize = 12;

/// The 97.5th percentile of Student's t with 11 degrees of freedom.
const T975: f64 = 2.200_985;

/// A mean with its bounds at 95 %.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Spread {
    pub(crate) mean: f64,
    pub(crate) radius: f64,
}

impl Spread {
    pub(crate) fn upper(self) -> f64 {
        self.mean + self.radius
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(0);
        write!(f, "{:.digits$} ± {:.digits$}", self.mean, self.radius)
    }
}

pub(crate) fn spread(figures: &[f64]) -> Spread {
    assert_eq!(figures.len(), RUNS);
    let count = RUNS as f64;
    let mean = figures.iter().sum::<f64>() / count;
    let squares: f64 = figures.iter().map(|x| (x - mean) * (x - mean)).sum();
    Spread {
        mean,
        radius: T975 * (squares / (count - 1.0) / count).sqrt(),
    }
}

/// How much dearer ours is than theirs: the mean of the parts, run by run.
pub(crate) fn dearer(ours: &[f64], theirs: &[f64]) -> Spread {
    let parts = ours
        .iter()
        .zip(theirs)
        .map(|(ours, theirs)| ours / theirs - 1.0);
    spread(&parts.collect::<Vec<f64>>())
}

#[test]
fn the_bounds_are_those_of_student() {
    let figures: Vec<f64> = (1..=12).map(f64::from).collect();
    let spread = spread(&figures);
    // The standard error is √13 / √12.
    assert_eq!(spread.mean, 6.5);
    assert!(
        (spread.radius - 2.290_850).abs() < 1e-5,
        "{}",
        spread.radius
    );
    let ours: Vec<f64> = figures.iter().map(|x| x * 1.1).collect();
    let by = dearer(&ours, &figures);
    assert!((by.mean - 0.1).abs() < 1e-12 && by.radius < 1e-12);
}

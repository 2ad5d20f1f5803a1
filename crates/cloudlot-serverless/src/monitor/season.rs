//! What repeats: the lag at which a series is most like itself.
//!
//! A lag is a number of samples. `r(k)` compares each sample with the one exactly `k` before it; what that means in time
//! follows from the interval between samples, so that hours and minutes of the same days have the same daily season.

/// The least correlation that counts as a season. Source: the threshold of the reference system.
pub(super) const LEAST: f64 = 0.3;
/// How likely noise without any season is to show one, at most.
const ERROR: f64 = 0.01;
/// A season is seen this often at least.
const ROUNDS: usize = 3;
/// Of fewer samples no correlation is taken.
const LEAST_PAIRS: usize = 6;

/// How alike a series is to itself `lag` samples earlier, from -1 to 1; nothing if fewer than six pairs overlap or one side
/// of them does not vary.
///
/// It is Pearson's correlation of the pairs that overlap. The usual estimator divides by the variance of the whole series, which
/// pulls the peak of a long season towards shorter lags.
/// ```
/// use cloudlot_serverless::monitor::autocorrelation;
///
/// let wave = [1.0, 5.0, 9.0].repeat(10);
/// assert!((autocorrelation(&wave, 3).unwrap() - 1.0).abs() < 1e-12);
/// assert!(autocorrelation(&wave, 2).unwrap() < 0.0);
/// ```
#[must_use]
pub fn autocorrelation(values: &[f64], lag: usize) -> Option<f64> {
    let pairs = values.len().checked_sub(lag)?;
    if pairs < LEAST_PAIRS {
        return None;
    }
    let (early, late) = (&values[..pairs], &values[lag..]);
    correlation(early, late)
}

/// Pearson's correlation of two rows of the same length; nothing if one of them does not vary.
pub(super) fn correlation(one: &[f64], other: &[f64]) -> Option<f64> {
    let count = one.len() as f64;
    let (x0, y0) = (
        one.iter().sum::<f64>() / count,
        other.iter().sum::<f64>() / count,
    );
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in one.iter().zip(other) {
        let (x, y) = (x - x0, y - y0);
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    // Rounding of values that are all the same leaves a little variance.
    let noise = |mean: f64| count * (mean * 1e-9) * (mean * 1e-9);
    (xx > noise(x0) && yy > noise(y0)).then(|| (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0))
}

/// The season of a series without trend: how many samples a round has, and the correlation.
pub(super) fn find(values: &[f64]) -> Option<(usize, f64)> {
    let last = values.len() / ROUNDS;
    if last < 2 {
        return None;
    }
    let curve = Curve::of(values, last);
    let peaks: Vec<usize> = (2..=last).filter(|&lag| curve.is_peak(lag)).collect();
    let top = peaks.iter().map(|&lag| curve.at(lag)).fold(0.0, f64::max);
    // Rounds of two, three and more seasons are as much alike as those of one: the shortest that is no worse, but for noise
    // and for what a single outlier costs those that meet it twice.
    let noise = 4.0 * (1.0 - top * top) / (values.len() as f64).sqrt();
    let noise = noise + (1.0 - top).min(top / 10.0) + 1e-9;
    let first = peaks
        .into_iter()
        .find(|&lag| curve.at(lag) >= top - noise)?;
    let lag = sharpest(values, first, last);
    let strength = autocorrelation(values, lag)?;
    (strength >= LEAST).then_some((lag, strength))
}

/// The correlations at all lags that can be a season, and their multiples.
struct Curve {
    r: Vec<f64>,
    /// The least correlation of any shorter lag.
    valley: Vec<f64>,
    samples: usize,
    lags: f64,
    kurtosis: f64,
}

impl Curve {
    fn of(values: &[f64], last: usize) -> Self {
        let r: Vec<f64> = (0..=2 * last + 1)
            .map(|lag| autocorrelation(values, lag).unwrap_or(0.0))
            .collect();
        let mut least = 1.0_f64;
        let mut valley = Vec::with_capacity(r.len());
        for value in &r {
            valley.push(least);
            least = least.min(*value);
        }
        Self {
            r,
            valley,
            samples: values.len(),
            lags: last as f64,
            kurtosis: kurtosis(values),
        }
    }

    fn at(&self, lag: usize) -> f64 {
        self.r.get(lag).copied().unwrap_or(0.0)
    }

    /// What noise passes at any of the lags with a probability of about [`ERROR`] at most.
    ///
    /// The sum of `V` products of independent samples with variance one is above `t` with probability `exp(-V / M² · h(M t / V))` at most, where
    /// `h(u) = (1 + u) ln(1 + u) - u` and `M` bounds a product (Bennett 1962). The kurtosis stands for `M`: it is 3 for a normal, where this
    /// is near the usual `z / √V`, and `1 / p` for rare calls, whose chance encounters follow a Poisson law.
    fn bound(&self, lag: usize) -> f64 {
        let pairs = (self.samples - lag) as f64;
        let chance = libm::log(self.lags.max(1.0) / ERROR);
        let wanted = chance * self.kurtosis * self.kurtosis / pairs;
        let (mut low, mut high) = (0.0, self.kurtosis);
        // No correlation is above 1, so no `u` above the kurtosis matters.
        for _ in 0..30 {
            let u = (low + high) / 2.0;
            let h = (1.0 + u) * libm::log(1.0 + u) - u;
            *(if h < wanted { &mut low } else { &mut high }) = u;
        }
        high / self.kurtosis
    }

    /// Higher than its neighbours, than noise, and than a valley before it; and the second round is like the first.
    fn is_peak(&self, lag: usize) -> bool {
        let r = self.at(lag);
        let bound = self.bound(lag);
        bound < 1.0
            && r >= LEAST.max(bound)
            && r >= self.at(lag - 1)
            && r > self.at(lag + 1)
            && r - self.valley[lag] >= bound
            && self.at(2 * lag) >= bound.min(r / 2.0)
    }
}

/// The fourth moment by the square of the second; at least one.
fn kurtosis(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = || values.iter().map(|v| (v - mean) * (v - mean));
    let variance = squares().sum::<f64>() / count;
    let fourth = squares().map(|square| square * square).sum::<f64>() / count;
    if variance > 0.0 {
        (fourth / (variance * variance)).max(1.0)
    } else {
        1.0
    }
}

/// The lag near `first` whose multiples are most alike: the peak of a smooth season is flat, those of its multiples are not.
fn sharpest(values: &[f64], first: usize, last: usize) -> usize {
    let reach = (first / 8).max(1);
    let near = first.saturating_sub(reach).max(2)..=(first + reach).min(last);
    let mut best = (first, comb(values, first));
    for lag in near {
        let r = comb(values, lag);
        if r > best.1 + 1e-9 {
            best = (lag, r);
        }
    }
    best.0
}

/// The mean correlation at a lag and its multiples, each counting by its pairs.
fn comb(values: &[f64], lag: usize) -> f64 {
    let (mut sum, mut weight) = (0.0, 0.0);
    let most = values.len() * 3 / 4;
    for multiple in (lag..=most.max(lag)).step_by(lag) {
        let pairs = (values.len() - multiple) as f64;
        sum += pairs * autocorrelation(values, multiple).unwrap_or(0.0);
        weight += pairs;
    }
    sum / weight
}

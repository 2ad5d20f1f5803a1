//! Gaps counted in bins that grow with them: four to a doubling, from four seconds to half a day.

/// How many bins.
pub(super) const BINS: usize = 53;
/// The first bin holds what is shorter than 2^32 ns, some four seconds: to let go for less pays nowhere.
const FIRST: u32 = 32;

/// The bin of a gap in nanoseconds: its highest bit and the two below.
pub(super) fn bin(gap: u64) -> usize {
    if gap >> FIRST == 0 {
        return 0;
    }
    let high = gap.ilog2();
    let quarter = gap >> (high - 2) & 3;
    let number = u64::from(high - FIRST) * 4 + quarter + 1;
    usize::try_from(number).map_or(BINS - 1, |number| number.min(BINS - 1))
}

/// Where the bin begins, in nanoseconds; also one beyond the last, where that ends.
pub(super) const fn edge(bin: usize) -> u64 {
    if bin == 0 {
        return 0;
    }
    let above = (bin - 1) as u64;
    (4 + above % 4) << (FIRST as u64 - 2 + above / 4)
}

/// The edges in seconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "an edge has three bits that are not zero"
)]
pub(super) const SECONDS: [f64; BINS + 1] = {
    let mut edges = [0.0; BINS + 1];
    let mut bin = 0;
    while bin <= BINS {
        edges[bin] = edge(bin) as f64 / 1e9;
        bin += 1;
    }
    edges
};

/// How often each gap was seen. When there are many, the old ones count half.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    counts: [u16; BINS],
    total: u16,
}

/// So many gaps are remembered before the old ones are halved.
const REMEMBERED: u16 = 1_024;

impl Histogram {
    pub(super) const EMPTY: Self = Self {
        counts: [0; BINS],
        total: 0,
    };

    pub(super) fn add(&mut self, bin: usize) {
        self.counts[bin] += 1;
        self.total += 1;
        if self.total >= REMEMBERED {
            self.total = 0;
            for count in &mut self.counts {
                *count /= 2;
                self.total += *count;
            }
        }
    }

    pub(super) const fn total(&self) -> u16 {
        self.total
    }

    pub(super) fn count(&self, bin: usize) -> f64 {
        self.counts[bin].into()
    }
}

/// The context of a function's first gap: there was none before.
pub(super) const NO_GAP: usize = BINS;

/// What gap follows on what gap, counted over all functions: what is expected of a function of which little is known.
#[derive(Clone, Debug)]
pub(super) struct Common {
    counts: Vec<[u32; BINS]>,
    totals: [u32; BINS + 1],
}

/// What every gap counts for before it was seen, all of them together.
const UNSEEN: f64 = 2.0;

impl Common {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![[0; BINS]; BINS + 1],
            totals: [0; BINS + 1],
        }
    }

    pub(super) fn add(&mut self, last: usize, bin: usize) {
        let count = &mut self.counts[last][bin];
        *count = count.saturating_add(1);
        self.totals[last] = self.totals[last].saturating_add(1);
    }

    /// How likely each gap is after this one, mixed with what one function has seen; `trust` is for how many
    /// gaps of its own the common ones count.
    pub(super) fn expect(&self, last: usize, own: &Histogram, trust: f64) -> [f64; BINS] {
        let (counts, total) = (&self.counts[last], f64::from(self.totals[last]));
        let each = 1.0 / f64::from(u32::try_from(BINS).unwrap_or(1));
        let all = f64::from(own.total()) + trust;
        std::array::from_fn(|bin| {
            let common = (f64::from(counts[bin]) + UNSEEN * each) / (total + UNSEEN);
            (own.count(bin) + trust * common) / all
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_gap_lies_between_the_edges_of_its_bin(gap in prop_oneof![any::<u64>(), 0..1_u64 << 46]) {
            let number = bin(gap);
            prop_assert!(edge(number) <= gap);
            prop_assert!(gap < edge(number + 1) || number == BINS - 1);
        }

        #[test]
        fn what_is_expected_is_a_distribution(gaps in prop::collection::vec((0..=BINS, 0..BINS), 0..3_000), last in 0..=BINS) {
            let mut common = Common::new();
            let mut own = Histogram::EMPTY;
            for (last, gap) in gaps {
                common.add(last, gap);
                own.add(gap);
            }
            let expected = common.expect(last, &own, 8.0);
            prop_assert!(expected.iter().all(|part| *part > 0.0));
            prop_assert!((expected.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_function_that_changes_is_forgotten_by_halves() {
        let mut histogram = Histogram::EMPTY;
        for _ in 0..2_000 {
            histogram.add(3);
        }
        for _ in 0..1_000 {
            histogram.add(20);
        }
        assert!(histogram.total() < REMEMBERED);
        assert!(histogram.count(20) > histogram.count(3));
    }
}

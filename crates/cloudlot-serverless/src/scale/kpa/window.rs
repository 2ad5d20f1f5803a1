//! The average of the last seconds.

use super::{Concurrency, ConcurrencyError};

/// One bucket a second, and the average of those that are still in the window.
///
/// The average runs from the first second observed (or the first that is still in the window) to the last: a window that is
/// not yet full averages over what it has. A second without an observation between two others counts as zero; silence after
/// the last one shortens the window instead. After a silence as long as the window it begins anew.
/// ```
/// # use cloudlot_serverless::scale::kpa::{Concurrency, Window};
/// let mut window = Window::new(6);
/// window.record(100, Concurrency::from_milli(4_000)?)?;
/// window.record(101, Concurrency::from_milli(1_000)?)?;
/// assert_eq!(window.average(101), 2.5);
/// window.record(103, Concurrency::from_milli(3_000)?)?;
/// assert_eq!(window.average(103), 2.0);
/// assert_eq!(window.average(106), (1.0 + 0.0 + 3.0) / 3.0);
/// assert_eq!(window.average(109), 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    /// Second `s` is at `s` modulo the length.
    buckets: Vec<Concurrency>,
    observed: Option<Span>,
}

/// From the first second observed to the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span {
    first: u64,
    last: u64,
}

impl Window {
    /// An empty one, `seconds` long; at least one.
    #[must_use]
    pub fn new(seconds: u16) -> Self {
        Self {
            buckets: vec![Concurrency::ZERO; usize::from(seconds.max(1))],
            observed: None,
        }
    }

    /// Adds to the bucket of `second`: what several report of one second adds up. A second before the last one recorded
    /// counts as the last.
    ///
    /// # Errors
    ///
    /// Where the bucket would hold more than a [`Concurrency`] can.
    pub fn record(
        &mut self,
        second: u64,
        concurrency: Concurrency,
    ) -> Result<(), ConcurrencyError> {
        let second = self.observed.map_or(second, |span| span.last.max(second));
        let at = self.index(second);
        let held = match self.observed {
            Some(span) if span.last == second => self.buckets[at],
            _ => Concurrency::ZERO,
        };
        let sum = held.plus(concurrency)?;
        self.clear_until(second);
        self.buckets[at] = sum;
        Ok(())
    }

    /// The average at `second`, in requests; zero where nothing is in the window. A second before the last one recorded
    /// counts as the last.
    #[must_use]
    pub fn average(&self, second: u64) -> f64 {
        let Some(Span { first, last }) = self.observed else {
            return 0.0;
        };
        let first = first.max((second.max(last) + 1).saturating_sub(self.length()));
        if first > last {
            return 0.0;
        }
        let sum: u64 = (first..=last)
            .map(|second| self.buckets[self.index(second)].milli())
            .sum();
        let seconds = last - first + 1;
        sum as f64 / (1_000 * seconds) as f64
    }

    /// Makes `second` the last; the buckets since the last one are zero.
    fn clear_until(&mut self, second: u64) {
        let length = self.length();
        match &mut self.observed {
            Some(span) if second - span.last < length => {
                let from = span.last + 1;
                span.last = second;
                for cleared in from..=second {
                    let at = self.index(cleared);
                    self.buckets[at] = Concurrency::ZERO;
                }
            }
            observed => {
                *observed = Some(Span {
                    first: second,
                    last: second,
                });
                self.buckets.fill(Concurrency::ZERO);
            }
        }
    }

    fn length(&self) -> u64 {
        self.buckets.len() as u64
    }

    fn index(&self, second: u64) -> usize {
        usize::try_from(second % self.length()).expect("an index is below a length")
    }
}

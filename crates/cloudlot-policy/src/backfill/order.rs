//! The usual orders of a queue, as ranks: the least is the head.

use cloudlot_core::{Kind, Need, Quantities, Request, Timestamp};
use std::cmp::Ordering;
use std::time::Duration;

/// Who comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// First come, first served.
    Fcfs,
    /// The shortest estimate first; one without estimate comes last. One that is long enough waits for ever.
    Sjf,
    /// The least `log10(r) × n + 870 × log10(s)`, with the estimate r and the arrival s in seconds, and n processors: small and short first, and
    /// early before late, so that nobody waits for ever.
    ///
    /// Times below a second count a tenth of one, as in the simulator behind "RLScheduler" (SC20), and processors are whole cores, rounded up.
    ///
    /// Source: Carastan-Santos and de Camargo, "Obtaining dynamic scheduling policies with simulation and machine learning", SC17,
    /// table 3.
    F1,
    /// The highest priority first, which grows by one with every `step` of waiting, so that nobody waits for ever. A step of zero: it
    /// does not grow.
    Priority {
        /// The waiting that is worth one of priority.
        step: Duration,
    },
}

impl Order {
    /// The rank of a request that arrived then: the least comes first.
    ///
    /// Ranks of one moment compare with each other; only [`Order::Priority`]'s change with time.
    /// ```
    /// # use cloudlot_core::{Request, Timestamp, cores};
    /// # use cloudlot_policy::backfill::Order;
    /// # use std::time::Duration;
    /// let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
    /// let job = Request::new("job").part([cores(16)]).expected(Duration::from_secs(100)).build()?;
    /// assert_eq!(Order::F1.rank(&job, at(1_000), at(2_000)), 2.0 * 16.0 + 870.0 * 3.0);
    /// # Ok::<(), cloudlot_core::Faults>(())
    /// ```
    #[must_use]
    pub fn rank(self, request: &Request, arrived: Timestamp, now: Timestamp) -> f64 {
        match self {
            Self::Fcfs => arrived.as_secs_f64(),
            Self::Sjf => seconds(request),
            Self::F1 => {
                log(seconds(request)) * processors(request) + 870.0 * log(arrived.as_secs_f64())
            }
            Self::Priority { step } => {
                let waited = now.since(arrived).as_secs_f64();
                let grown = if step.is_zero() {
                    0.0
                } else {
                    waited / step.as_secs_f64()
                };
                -(f64::from(request.priority().0) + grown)
            }
        }
    }

    /// Compares two requests, each with its arrival; of equal rank the one that came first is first.
    #[must_use]
    pub fn compare(
        self,
        one: (&Request, Timestamp),
        other: (&Request, Timestamp),
        now: Timestamp,
    ) -> Ordering {
        let rank = |(request, arrived)| self.rank(request, arrived, now);
        rank(one).total_cmp(&rank(other)).then(one.1.cmp(&other.1))
    }
}

/// Seconds that the request is thought to take; without estimate for ever.
fn seconds(request: &Request) -> f64 {
    let expected = request.expected();
    expected.map_or(f64::INFINITY, |length| length.as_secs_f64())
}

fn log(seconds: f64) -> f64 {
    if seconds < 1.0 { -1.0 } else { seconds.log10() }
}

/// Whole cores that the request asks for in all.
fn processors(request: &Request) -> f64 {
    let cpu = |quantities: &Quantities| {
        let cpu = quantities
            .iter()
            .find(|quantity| quantity.kind().well_known() == Some(Kind::CPU));
        cpu.map_or(0, |quantity| quantity.amount().div_ceil(1_000))
    };
    let total: u64 = match request.need() {
        Need::Parts(parts) => parts
            .iter()
            .map(|part| cpu(&part.amounts).saturating_mul(part.count.into()))
            .fold(0, u64::saturating_add),
        Need::Elastic { most, .. } => cpu(most),
    };
    total as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloudlot_core::cores;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(seconds)
    }

    fn job(cpus: u64, seconds: u64, priority: i32) -> Request {
        let job = Request::new("job").part([cores(cpus)]).priority(priority);
        job.expected(Duration::from_secs(seconds)).build().unwrap()
    }

    fn first(order: Order, one: (&Request, u64), other: (&Request, u64), now: u64) -> bool {
        let key = |(request, arrived)| (request, at(arrived));
        order.compare(key(one), key(other), at(now)) == Ordering::Less
    }

    #[test]
    fn a_low_priority_passes_a_high_one_once_it_has_waited_longer_by_the_difference() {
        let (low, high) = (job(1, 1, 0), job(1, 1, 3));
        let ageing = Order::Priority {
            step: Duration::from_secs(10),
        };
        assert!(first(ageing, (&high, 29), (&low, 0), 100));
        assert!(first(ageing, (&low, 0), (&high, 31), 100));
        let fixed = Order::Priority {
            step: Duration::ZERO,
        };
        assert!(first(fixed, (&high, 99), (&low, 0), 100));
    }

    #[test]
    fn the_short_comes_first_and_the_unknown_last() {
        let unknown = Request::new("job").part([cores(1)]).build().unwrap();
        assert!(first(
            Order::Sjf,
            (&job(9, 5, 0), 9),
            (&job(1, 6, 0), 0),
            10
        ));
        assert!(first(
            Order::Sjf,
            (&job(1, 86_400_000, 0), 9),
            (&unknown, 0),
            10
        ));
        assert!(first(
            Order::Sjf,
            (&job(1, 5, 0), 1),
            (&job(1, 5, 0), 2),
            10
        ));
    }

    #[test]
    fn f1_weighs_size_against_arrival() {
        assert!(first(
            Order::F1,
            (&job(1, 10, 0), 1_000),
            (&job(256, 1_000, 0), 1_000),
            2_000
        ));
        assert!(first(
            Order::F1,
            (&job(256, 1_000, 0), 10),
            (&job(1, 10, 0), 1_000),
            2_000
        ));
    }
}

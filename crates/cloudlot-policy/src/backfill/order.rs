//! The usual orders of a queue, by name: for traces, where an order is one more number to try.

use crate::order::{self, F1, Fifo, PriorityFirst, Rank, ShortestFirst};
use cloudlot_core::{Request, Timestamp};
use std::time::Duration;

/// Who comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// First come, first served: [`Fifo`].
    Fcfs,
    /// The shortest estimate first: [`ShortestFirst`].
    Sjf,
    /// Small, short and early first: [`F1`].
    F1,
    /// The highest priority first, with ageing: [`PriorityFirst`]. A step of zero: without.
    Priority {
        /// The waiting that is worth one of priority.
        step: Duration,
    },
}

impl order::Order for Order {
    fn name(&self) -> &str {
        match self {
            Self::Fcfs => "fcfs",
            Self::Sjf => "sjf",
            Self::F1 => "f1",
            Self::Priority { .. } => "priority",
        }
    }

    fn rank(&self, request: &Request, since: Timestamp) -> Rank {
        match self {
            Self::Fcfs => Fifo.rank(request, since),
            Self::Sjf => ShortestFirst.rank(request, since),
            Self::F1 => F1.rank(request, since),
            Self::Priority { step } if step.is_zero() => {
                PriorityFirst::strict().rank(request, since)
            }
            Self::Priority { step } => PriorityFirst::ageing(*step).rank(request, since),
        }
    }
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

    fn first(order: Order, one: (&Request, u64), other: (&Request, u64)) -> bool {
        let rank = |(request, arrived)| (order::Order::rank(&order, request, at(arrived)), arrived);
        rank(one) < rank(other)
    }

    #[test]
    fn a_low_priority_passes_a_high_one_once_it_has_waited_longer_by_the_difference() {
        let (low, high) = (job(1, 1, 0), job(1, 1, 3));
        let ageing = Order::Priority {
            step: Duration::from_secs(10),
        };
        assert!(first(ageing, (&high, 29), (&low, 0)));
        assert!(first(ageing, (&low, 0), (&high, 31)));
        let fixed = Order::Priority {
            step: Duration::ZERO,
        };
        assert!(first(fixed, (&high, 99), (&low, 0)));
    }

    #[test]
    fn the_short_comes_first_and_the_unknown_last() {
        let unknown = Request::new("job").part([cores(1)]).build().unwrap();
        assert!(first(Order::Sjf, (&job(9, 5, 0), 9), (&job(1, 6, 0), 0)));
        assert!(first(
            Order::Sjf,
            (&job(1, 86_400_000, 0), 9),
            (&unknown, 0)
        ));
        assert!(first(Order::Sjf, (&job(1, 5, 0), 1), (&job(1, 5, 0), 2)));
    }

    #[test]
    fn f1_weighs_size_against_arrival() {
        assert!(first(
            Order::F1,
            (&job(1, 10, 0), 1_000),
            (&job(256, 1_000, 0), 1_000)
        ));
        assert!(first(
            Order::F1,
            (&job(256, 1_000, 0), 10),
            (&job(1, 10, 0), 1_000)
        ));
    }
}

//! Orders that look at the request alone.

use super::{Order, Rank};
use cloudlot_core::{Request, Timestamp};
use std::time::Duration;

/// First come, first served.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fifo;

impl Order for Fifo {
    fn name(&self) -> &str {
        "fifo"
    }

    fn rank(&self, _: &Request, since: Timestamp) -> Rank {
        Rank(since.as_nanos().into())
    }
}

/// The request with the shortest estimate first; those without one come last.
///
/// Nothing here keeps long requests from starving; see [`PriorityFirst`](super::PriorityFirst) for an order that does.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShortestFirst;

impl Order for ShortestFirst {
    fn name(&self) -> &str {
        "shortest-first"
    }

    fn rank(&self, request: &Request, _: Timestamp) -> Rank {
        let nanos = |length: Duration| i128::try_from(length.as_nanos()).unwrap_or(i128::MAX);
        Rank(request.expected().map_or(i128::MAX, nanos))
    }
}

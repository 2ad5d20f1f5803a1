//! Ledgers with random claims on them, and what is known of each: an oracle by the second and by the ledger's own word.

use cloudlot_core::ledger::{Ledger, Piece, Placement};
use cloudlot_core::{
    Request, RequestBuilder, ReservationId, Resource, ResourceId, Timestamp, bytes, cores,
};
use cloudlot_policy::backfill::Estimates;
use proptest::prelude::*;
use std::time::Duration;

/// Ticks of half a second. Everything in a ledger happens at even ticks and every look is at an odd one, so that nothing is due at a look.
pub(crate) fn at(tick: u64) -> Timestamp {
    Timestamp::ZERO + ticks(tick)
}

pub(crate) fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(500 * ticks)
}

pub(crate) const ASSUMED: u64 = 40;
pub(crate) const END: u64 = 200;

pub(crate) fn estimates() -> Estimates {
    Estimates {
        assumed: ticks(ASSUMED),
    }
}

/// What somebody asks for: cores and bytes a member, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    size: [u64; 2],
    pub(crate) members: u32,
    from: Option<u64>,
    pub(crate) until: Option<u64>,
    expected: Option<u64>,
    /// When it asks, and which node it gets, if it has room.
    asks: u64,
    node: usize,
}

pub(crate) fn even(range: std::ops::Range<u64>) -> impl Strategy<Value = u64> {
    range.prop_map(|n| 2 * n)
}

pub(crate) fn asks(members: std::ops::Range<u32>) -> impl Strategy<Value = Ask> {
    let size = [0..5_u64, 0..5_u64].prop_map(|size| if size == [0, 0] { [1, 1] } else { size });
    let from = prop_oneof![3 => Just(None), 1 => even(0..15).prop_map(Some)];
    let length = prop_oneof![2 => Just(None), 1 => even(1..12).prop_map(Some)];
    let expected = prop_oneof![1 => Just(None), 4 => even(1..10).prop_map(Some)];
    (
        size,
        members,
        from,
        length,
        expected,
        even(0..6),
        0..2_usize,
    )
        .prop_map(|(size, members, from, length, expected, asks, node)| Ask {
            size,
            members,
            from,
            until: length.map(|length| from.unwrap_or(asks).max(asks) + length),
            expected,
            asks,
            node,
        })
}

impl Ask {
    pub(crate) fn request(&self, members: u32) -> Request {
        let amounts = [cores(self.size[0]), bytes(self.size[1])];
        let some = amounts.into_iter().filter(|quantity| quantity.amount() > 0);
        let mut request = Request::new("job")
            .parts(members, some)
            .hold_for(ticks(2 * END));
        request = match (self.from, self.until) {
            (Some(from), Some(until)) => request.window(at(from), at(until)),
            (Some(from), None) => request.not_before(at(from)),
            (None, Some(until)) => request.window(Timestamp::ZERO, at(until)),
            (None, None) => request,
        };
        let request = self
            .expected
            .into_iter()
            .fold(request, |request: RequestBuilder, n| {
                request.expected(ticks(n))
            });
        request.build().expect("the request is legal")
    }

    /// The tick at which it is thought to be over if it starts then; `None` if that is too late.
    pub(crate) fn end(&self, start: u64) -> Option<u64> {
        let end = match (self.expected, self.until) {
            (Some(expected), _) => start + expected,
            (None, Some(until)) => until,
            (None, None) => start + ASSUMED,
        };
        let timely = start >= self.from.unwrap_or(0) && end > start;
        (timely && self.until.is_none_or(|until| end <= until)).then_some(end)
    }
}

/// A ledger with claims on it, and what is known of each that was granted.
pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) nodes: Vec<(ResourceId, [u64; 2])>,
    claims: Vec<(ReservationId, Ask)>,
}

impl World {
    pub(crate) fn new(nodes: &[[u64; 2]], asks: &[Ask]) -> Self {
        let mut ledger = Ledger::new();
        let add = |(n, size): (usize, &[u64; 2])| {
            let node = Resource::node(format!("n{n}")).capacity([cores(size[0]), bytes(size[1])]);
            {
                let node = node.build().expect("the node is legal");
                (ledger.add(node, at(0)).expect("its name is free"), *size)
            }
        };
        let nodes: Vec<_> = nodes.iter().enumerate().map(add).collect();
        let mut asks = asks.to_vec();
        asks.sort_by_key(|ask| ask.asks);
        let mut claims = Vec::new();
        for ask in asks {
            let (node, _) = nodes[ask.node % nodes.len()];
            if let Ok(grant) = ledger.reserve(&ask.request(1), node, at(ask.asks)) {
                // Held and confirmed ones are forecast alike here: they were made and confirmed at one time.
                if ask.size[0] % 2 == 0 {
                    let confirmed = ledger.confirm(grant.id, at(ask.asks));
                    confirmed.expect("it was just made");
                }
                claims.push((grant.id, ask));
            }
        }
        Self {
            ledger,
            nodes,
            claims,
        }
    }

    /// The ticks from and until which a claim takes what it takes, as seen at `now`.
    fn forecast(ask: &Ask, now: u64) -> (u64, u64) {
        let from = ask.from.unwrap_or(ask.asks).max(ask.asks);
        let hard = ask.until.unwrap_or(END);
        if from > now {
            let end = ask
                .expected
                .filter(|_| ask.until.is_none())
                .map(|expected| from + expected);
            return (from, end.unwrap_or(hard));
        }
        let estimate = ask.expected.map(|expected| {
            let ends = (0..60).map(|n| from + (expected << n));
            ends.into_iter().find(|end| *end > now).expect("it doubles")
        });
        let assumed = if ask.until.is_some() {
            hard
        } else {
            now + ASSUMED
        };
        (now, estimate.unwrap_or(assumed).min(hard))
    }

    fn live(&self) -> impl Iterator<Item = &(ReservationId, Ask)> {
        let live = |(id, _): &&(ReservationId, Ask)| self.ledger.state().reservation(*id).is_some();
        self.claims.iter().filter(live)
    }

    /// How many members fit on a node from tick `start` to `end`, by estimate and by the ledger's own word.
    fn members(&self, ask: &Ask, node: usize, now: u64, start: u64, end: u64) -> u32 {
        let (id, limit) = self.nodes[node];
        let mut later = self.ledger.clone();
        for (claim, other) in self.live() {
            if Self::forecast(other, now).1 <= start {
                let _ = later.release(*claim, at(start));
            }
        }
        let by_estimate = |members: u32| {
            (start..end).all(|tick| {
                (0..2).all(|k| {
                    let here = self
                        .live()
                        .filter(|(_, other)| other.node % self.nodes.len() == node);
                    let taken = here.filter(|(_, other)| {
                        let (from, until) = Self::forecast(other, now);
                        from <= tick && tick < until
                    });
                    let taken: u64 = taken.map(|(_, other)| other.size[k]).sum();
                    taken + u64::from(members) * ask.size[k] <= limit[k]
                })
            })
        };
        let by_ledger = |members: u32| {
            let piece = Piece {
                part: 0,
                on: id,
                members,
            };
            let placement = Placement::Pieces(vec![piece]);
            later
                .clone()
                .place(&ask.request(members), &placement, at(start))
                .is_ok()
        };
        let fits = |members: &u32| by_estimate(*members) && by_ledger(*members);
        (1..=ask.members).take_while(fits).last().unwrap_or(0)
    }

    /// The first tick at which a request could start.
    pub(crate) fn earliest(&self, ask: &Ask, now: u64) -> Option<u64> {
        (now..END).find(|start| {
            ask.end(*start).is_some_and(|end| {
                let nodes = 0..self.nodes.len();
                let members = nodes.map(|node| self.members(ask, node, now, *start, end));
                members.sum::<u32>() >= ask.members
            })
        })
    }
}

//! Ledgers with many live reservations, and the cycle that is measured on them.

use cloudlot_core::ledger::{Ledger, LedgerConfig};
use cloudlot_core::{
    Quantity, Request, RequestKey, ReservationId, Resource, ResourceId, Timestamp, cores, gib, mib,
    millicores,
};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::time::{Duration, Instant};

/// A ledger with reservations, and the means to replace one after the other at random.
pub struct World {
    /// The ledger itself.
    pub ledger: Ledger,
    nodes: Vec<ResourceId>,
    request: Request,
    keys: bool,
    /// What is released next, last first: drawn in random order before, so that a cycle does not pay for the drawing.
    old: Vec<ReservationId>,
    new: Vec<ReservationId>,
    rng: Xoshiro256PlusPlus,
    now: Timestamp,
}

/// What one reservation of the benches asks for: two kinds.
fn piece() -> [Quantity; 2] {
    [millicores(10), mib(1)]
}

impl World {
    /// `nodes` resources with `live` confirmed reservations of one part, two kinds and no end, spread at random.
    #[must_use]
    pub fn open_ended(nodes: usize, live: usize, keys: bool) -> Self {
        let request = Request::new("work").part(piece()).build();
        Self::new(nodes, live, keys, request.expect("the request is legal"))
    }

    /// One resource with `live` reservations that end at different times, and a request for a stretch among them.
    #[must_use]
    pub fn timed(live: usize) -> Self {
        let at = |second: usize| Timestamp::from_nanos(1_000_000_000 * second as u64);
        let hour = 3_600;
        let request = |n: usize| {
            let request = Request::new("work")
                .part(piece())
                .window(at(hour + n), at(2 * hour + 7 * n));
            request.build().expect("the request is legal")
        };
        let mut world = Self::new(1, 0, false, request(live / 2));
        for n in 0..live {
            world.reserve(&request(n));
        }
        world
    }

    /// `nodes` resources with `live` reservations, in a ledger that remembers so much.
    #[must_use]
    pub fn with(config: LedgerConfig, nodes: usize, live: usize) -> Self {
        let request = Request::new("work").part(piece()).build();
        Self::of(
            config,
            nodes,
            live,
            false,
            request.expect("the request is legal"),
        )
    }

    fn new(nodes: usize, live: usize, keys: bool, request: Request) -> Self {
        Self::of(LedgerConfig::default(), nodes, live, keys, request)
    }

    fn of(config: LedgerConfig, nodes: usize, live: usize, keys: bool, request: Request) -> Self {
        let mut ledger = Ledger::with(config);
        let now = Timestamp::ZERO;
        let add = |n: usize| {
            let node = Resource::node(format!("n{n}")).capacity([cores(1 << 20), gib(1 << 20)]);
            ledger.add(node.build().expect("the node is legal"), now)
        };
        let nodes = (0..nodes).map(add).collect::<Result<_, _>>();
        let mut world = Self {
            ledger,
            nodes: nodes.expect("names differ"),
            request: request.clone(),
            keys,
            old: Vec::with_capacity(live + 1),
            new: Vec::with_capacity(live + 1),
            rng: Xoshiro256PlusPlus::seed_from_u64(1),
            now,
        };
        for _ in 0..live {
            world.reserve(&request);
        }
        world
    }

    fn reserve(&mut self, request: &Request) {
        let on = self.nodes[self.rng.random_range(0..self.nodes.len())];
        let grant = if self.keys {
            let key = u128::from(self.rng.next_u64()) << 64 | u128::from(self.rng.next_u64());
            let request = request.clone().with_key(Some(RequestKey(key)));
            self.ledger.reserve(&request, on, self.now)
        } else {
            self.ledger.reserve(request, on, self.now)
        };
        let id = grant.expect("there is room").id;
        self.ledger.confirm(id, self.now).expect("it is held");
        self.new.push(id);
    }

    /// Reserves and confirms one more on a random node, and releases a random one of all that were live when the
    /// last round began.
    pub fn cycle(&mut self) {
        if self.old.is_empty() {
            self.shuffle();
        }
        let request = self.request.clone();
        self.reserve(&request);
        if let Some(gone) = self.old.pop() {
            self.ledger.release(gone, self.now).expect("it is live");
        }
    }

    /// The time that so many cycles take, without the drawing between rounds.
    #[expect(clippy::disallowed_methods, reason = "this is what a bench measures")]
    pub fn time(&mut self, cycles: u64) -> Duration {
        let mut taken = Duration::ZERO;
        let mut left = cycles;
        while left > 0 {
            if self.old.is_empty() {
                self.shuffle();
            }
            let round = left.min(self.old.len() as u64);
            let start = Instant::now();
            (0..round).for_each(|_| self.cycle());
            taken += start.elapsed();
            left -= round;
        }
        taken
    }

    fn shuffle(&mut self) {
        std::mem::swap(&mut self.old, &mut self.new);
        self.old.shuffle(&mut self.rng);
    }

    /// Reserves, and leaves it, on `changes` random nodes.
    pub fn change(&mut self, changes: usize) {
        let request = self.request.clone();
        for _ in 0..changes {
            let on = self.nodes[self.rng.random_range(0..self.nodes.len())];
            self.ledger
                .reserve(&request, on, self.now)
                .expect("there is room");
        }
    }
}

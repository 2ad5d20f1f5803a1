//! The naive model: a list of members, rules written out one by one, and times kept by hand.

use crate::world::*;
use cloudlot_core::{ReservationId, ResourceId};
use cloudlot_policy::pool::{Lease, Leaving, Lending, PoolId, PoolSpec, PoolStep, Sizing};

/// A member as the model sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) id: ResourceId,
    pub(crate) home: usize,
    pub(crate) user: usize,
    pub(crate) number: u64,
    pub(crate) leaving: Option<Leaving>,
    /// Whether it works.
    pub(crate) open: bool,
    /// Whether the ledger lets nothing new on it, for it is to leave.
    pub(crate) draining: bool,
    /// When it was last used, or joined.
    pub(crate) used: u64,
}

impl Seat {
    fn stay(&mut self) {
        self.leaving = None;
        self.draining = false;
    }
}

pub(crate) struct Pool {
    pub(crate) id: PoolId,
    pub(crate) sizing: Sizing,
    pub(crate) lending: Lending,
    pub(crate) next: u64,
}

pub(crate) struct Model {
    pub(crate) world: World,
    pub(crate) pools: Vec<Pool>,
    pub(crate) seats: Vec<Seat>,
    pub(crate) leases: Vec<(Lease, ResourceId, u64)>,
    pub(crate) foreign: Vec<(ReservationId, ResourceId, u64)>,
    pub(crate) now: u64,
}

impl Model {
    pub(crate) fn new(sizings: [(Sizing, Lending); 3]) -> Self {
        let mut world = World::new();
        let mut pools = Vec::new();
        for (n, (sizing, lending)) in sizings.into_iter().enumerate() {
            let spec = PoolSpec {
                lending,
                ..spec(&format!("p{n}"), sizing)
            };
            let id = world.pools.open(spec).unwrap();
            pools.push(Pool {
                id,
                sizing,
                lending,
                next: 0,
            });
        }
        Self {
            world,
            pools,
            seats: Vec::new(),
            leases: Vec::new(),
            foreign: Vec::new(),
            now: 0,
        }
    }

    pub(crate) fn seat(&self, n: usize) -> Option<&Seat> {
        self.seats.get(n % self.seats.len().max(1))
    }

    pub(crate) fn find(&mut self, id: ResourceId) -> &mut Seat {
        self.seats.iter_mut().find(|seat| seat.id == id).unwrap()
    }

    /// What is held on a member, by the model's own lists.
    pub(crate) fn held(&self, id: ResourceId) -> Vec<u64> {
        let leases = self.leases.iter().map(|(_, on, cores)| (on, cores));
        let foreign = self.foreign.iter().map(|(_, on, cores)| (on, cores));
        let both = leases.chain(foreign);
        both.filter(|(on, _)| **on == id)
            .map(|(_, cores)| *cores)
            .collect()
    }

    pub(crate) fn free(&self, seat: &Seat) -> u64 {
        8 - self.held(seat.id).iter().sum::<u64>()
    }

    pub(crate) fn serves(&self, seat: &Seat) -> bool {
        seat.open && seat.leaving.is_none()
    }

    pub(crate) fn serving(&self, pool: usize) -> u32 {
        self.count(|seat| seat.user == pool && self.serves(seat))
    }

    pub(crate) fn all(&self, pool: usize) -> u32 {
        self.count(|seat| seat.user == pool || seat.home == pool)
    }

    pub(crate) fn lent(&self, pool: usize) -> u32 {
        self.count(|seat| seat.home == pool && seat.user != pool)
    }

    pub(crate) fn borrowed(&self, pool: usize) -> u32 {
        self.count(|seat| seat.user == pool && seat.home != pool)
    }

    pub(crate) fn count(&self, which: impl Fn(&Seat) -> bool) -> u32 {
        u32::try_from(self.seats.iter().filter(|seat| which(seat)).count()).unwrap()
    }

    pub(crate) fn least(&self, pool: usize) -> u32 {
        match self.pools[pool].sizing {
            Sizing::Static { size } => size,
            Sizing::Dynamic { min, .. } => min,
            Sizing::Elastic { core, .. } => core,
        }
    }

    pub(crate) fn most(&self, pool: usize) -> u32 {
        match self.pools[pool].sizing {
            Sizing::Static { size } => size,
            Sizing::Dynamic { max, .. } | Sizing::Elastic { max, .. } => max,
        }
    }

    /// Whether so many members with lower numbers serve at home that this one is not of the core.
    pub(crate) fn is_core(&self, seat: &Seat) -> bool {
        let protected = match self.pools[seat.home].sizing {
            Sizing::Static { size } => size,
            Sizing::Dynamic { .. } => 0,
            Sizing::Elastic { core, .. } => core,
        };
        let before = self.count(|other| {
            let at_home = other.home == seat.home && other.user == seat.home;
            at_home && self.serves(other) && other.number < seat.number
        });
        seat.user == seat.home && self.serves(seat) && before < protected
    }

    pub(crate) fn can_spare(&self, pool: usize, seat: &Seat) -> bool {
        !self.serves(seat) || self.serving(pool) > self.least(pool)
    }

    /// Whether a step on a member is possible: `None` if it has been done.
    pub(crate) fn legal(&self, step: &PoolStep) -> Option<bool> {
        let seat = step
            .member()
            .map(|id| self.seats.iter().find(|seat| seat.id == id));
        match (step, seat) {
            (PoolStep::Remove { .. }, Some(None)) => None,
            (_, Some(None)) => Some(false),
            (PoolStep::Add { pool, number }, _) => {
                let pool = self.index(*pool);
                (*number >= self.pools[pool].next).then(|| self.all(pool) < self.most(pool))
            }
            (PoolStep::Reopen { .. }, Some(Some(seat))) => seat.leaving.map(|_| true),
            (PoolStep::Drain { why, .. }, Some(Some(seat))) => {
                let told = seat.leaving == Some(*why) || seat.leaving == Some(Leaving::Retired);
                (!told).then(|| match why {
                    Leaving::Reclaimed => seat.user != seat.home,
                    _ => self.can_spare(seat.user, seat),
                })
            }
            (PoolStep::Remove { .. }, Some(Some(seat))) => Some(
                self.held(seat.id).is_empty()
                    && seat.user == seat.home
                    && self.can_spare(seat.home, seat),
            ),
            (PoolStep::Return { .. }, Some(Some(seat))) => {
                (seat.user != seat.home).then(|| self.held(seat.id).is_empty())
            }
            (PoolStep::Lend { to, .. }, Some(Some(seat))) => {
                let to = self.index(*to);
                let done = seat.user == to && to != seat.home;
                (!done).then(|| self.can_lend(seat, to))
            }
            _ => unreachable!("no other step is tried"),
        }
    }

    pub(crate) fn can_lend(&self, seat: &Seat, to: usize) -> bool {
        self.may_lend(seat, to) && self.all(to) < self.most(to)
    }

    /// Whether a member could be lent to a pool if that had a place for it.
    pub(crate) fn may_lend(&self, seat: &Seat, to: usize) -> bool {
        let home = &self.pools[seat.home];
        let takes_part = |pool: &Pool| !matches!(pool.sizing, Sizing::Static { .. });
        let lends = matches!(home.lending, Lending::Lends | Lending::Both) && takes_part(home);
        let to_pool = &self.pools[to];
        let borrows =
            matches!(to_pool.lending, Lending::Borrows | Lending::Both) && takes_part(to_pool);
        self.held(seat.id).is_empty()
            && seat.user == seat.home
            && to != seat.home
            && lends
            && borrows
            && self.borrowed(seat.home) == 0
            && self.lent(to) == 0
            && self.serves(seat)
            && !self.is_core(seat)
            && self.serving(seat.home) > self.least(seat.home)
    }

    pub(crate) fn index(&self, pool: PoolId) -> usize {
        self.pools.iter().position(|one| one.id == pool).unwrap()
    }

    /// Notes what a step has done. Whether it was right is asked before.
    pub(crate) fn note(&mut self, step: &PoolStep, member: Option<ResourceId>) {
        match step {
            PoolStep::Add { pool, number } => {
                let (home, used, number) = (self.index(*pool), self.now, *number);
                self.pools[home].next = number + 1;
                self.seats.push(Seat {
                    id: member.unwrap(),
                    home,
                    user: home,
                    number,
                    leaving: None,
                    open: true,
                    draining: false,
                    used,
                });
            }
            PoolStep::Remove { member } => self.seats.retain(|seat| seat.id != *member),
            PoolStep::Drain { member, why } => {
                let seat = self.find(*member);
                seat.leaving = Some(*why);
                seat.draining |= seat.open;
            }
            PoolStep::Reopen { member } => self.find(*member).stay(),
            PoolStep::Lend { member, to } => {
                let to = self.index(*to);
                self.find(*member).user = to;
            }
            PoolStep::Return { member } => {
                let seat = self.find(*member);
                seat.user = seat.home;
                if seat.leaving == Some(Leaving::Reclaimed) {
                    seat.stay();
                }
            }
            PoolStep::Open { .. } => unreachable!("there are no defaults"),
        }
    }
}

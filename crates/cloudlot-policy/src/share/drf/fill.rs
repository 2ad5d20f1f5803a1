//! Progressive filling: from one bend of the rising level to the next.
//!
//! Between two bends every rising tenant's tasks are level × rate, so what the rising take of a kind is level × the sum of their
//! rates in it. A tenant bends where its `least` lets go of it and where it has its `most`: those levels are sorted once.
//! A kind bends once, when it is used up, and stops all tenants that take it.

use super::dominant::Dominant;
use super::tenant::{Held, Overpromised, Share, Tenant, UsedUp};
use super::twofold::Twofold;
use cloudlot_core::{Amounts, Kind};

/// Of a kind's capacity, what counts as nothing left: above what rounding leaves behind (some 2^-96 for a hundred thousand
/// tenants), and less than a millionth of a unit of 2^64.
const NOTHING: f64 = 1.0 / (1_u128 << 84) as f64;

/// A sum of rates is taken again once it has fallen so far below its peak, because what was subtracted took bits with it:
/// before it decides anything, and while it only says that nothing is to be decided.
const WORN: f64 = 1.0 / 256.0;
const WORN_OUT: f64 = 1.0 / (1_u64 << 40) as f64;

/// What every tenant gets, and which kinds were used up.
pub(super) fn fill(
    capacity: &Amounts,
    tenants: &[Tenant],
) -> Result<(Vec<Share>, Vec<UsedUp>), Overpromised> {
    let mut filling = Filling::new(capacity, tenants)?;
    filling.rise(false);
    if tenants.iter().any(|tenant| tenant.weight == 0) {
        filling.rise(true);
    }
    Ok((filling.shares, filling.used_up))
}

struct Filling<'a> {
    capacity: &'a Amounts,
    tenants: &'a [Tenant],
    shares: Vec<Share>,
    used_up: Vec<UsedUp>,
    /// Kinds of which nothing is left, as a bit set.
    full: u32,
    /// What is left of each kind by all that do not rise.
    free: [Twofold; Kind::LIMIT],
    /// What the rising take of each kind a level.
    sums: [Sum; Kind::LIMIT],
    /// Kinds that rising tenants take, as a bit set.
    taken: u32,
    /// What counts as nothing left of each kind.
    slack: [f64; Kind::LIMIT],
    level: Twofold,
}

/// The rates of the rising tenants in one kind, together.
#[derive(Clone, Copy, Default)]
struct Sum {
    rate: Twofold,
    /// The largest that it was since it was last summed from nothing.
    peak: f64,
    count: usize,
}

/// A tenant that can rise.
struct Riser {
    tenant: usize,
    dominant: Dominant,
    /// Tasks a level.
    rate: Twofold,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its `least` holds it above the level.
    Lifted,
    Rising,
    Stopped,
}

/// A level at which a riser starts to rise or has its most.
struct Bend {
    level: Twofold,
    ends: bool,
    riser: usize,
}

impl<'a> Filling<'a> {
    /// Nothing given but what was promised.
    fn new(capacity: &'a Amounts, tenants: &'a [Tenant]) -> Result<Self, Overpromised> {
        let promised = promised(tenants);
        let kinds = tenants.iter().flat_map(|tenant| tenant.task.iter());
        let over = kinds
            .map(|(kind, _)| kind)
            .filter(|kind| promised[kind.index()] > u128::from(capacity.get(*kind)))
            .min();
        if let Some(kind) = over {
            return Err(Overpromised {
                kind,
                least: promised[kind.index()],
                total: capacity.get(kind),
            });
        }
        let mut free = [Twofold::ZERO; Kind::LIMIT];
        let mut slack = [0.0; Kind::LIMIT];
        for (kind, total) in capacity.iter() {
            let left = u128::from(total) - promised[kind.index()];
            free[kind.index()] = u64::try_from(left).expect("a part of the total").into();
            slack[kind.index()] = total as f64 * NOTHING;
        }
        let none = Share {
            tasks: 0.0,
            share: 0.0,
            level: 0.0,
            held: Held::Most,
            rest: 0.0,
        };
        Ok(Self {
            capacity,
            tenants,
            shares: vec![none; tenants.len()],
            used_up: Vec::new(),
            full: !capacity.mask(),
            free,
            sums: [Sum::default(); Kind::LIMIT],
            taken: 0,
            slack,
            level: Twofold::ZERO,
        })
    }

    /// Raises all tenants that have a weight, or all that have none.
    fn rise(&mut self, idle: bool) {
        self.level = Twofold::ZERO;
        let mut risers = self.risers(idle);
        for Bend { level, ends, riser } in self.bends(&risers) {
            while risers[riser].phase != Phase::Stopped && self.runs_out_before(level, &risers) {
                self.stop(&mut risers, idle);
            }
            if risers[riser].phase == Phase::Stopped {
                continue;
            }
            self.level = level;
            if ends {
                self.end(&mut risers[riser]);
            } else {
                self.start(&mut risers[riser]);
            }
            let kinds = self.tenants[risers[riser].tenant].task.mask();
            self.mend(kinds, WORN_OUT, &risers);
        }
        while self.taken != 0 {
            self.stop(&mut risers, idle);
        }
    }

    /// The tenants that can rise; what the others get is settled.
    fn risers(&mut self, idle: bool) -> Vec<Riser> {
        let tenants = self.tenants;
        let mut risers = Vec::with_capacity(tenants.len());
        let turn = tenants.iter().enumerate();
        for (index, tenant) in turn.filter(|(_, tenant)| (tenant.weight == 0) == idle) {
            let dominant = Dominant::of(self.capacity, tenant);
            if tenant.task.is_zero() || tenant.least >= tenant.most {
                self.settle(index, dominant, tenant.most.into(), Held::Most);
            } else if tenant.task.mask() & self.full != 0 {
                self.settle(index, dominant, tenant.least.into(), self.stopper(tenant));
            } else {
                let full = Twofold::from(tenant.turn_weight()) * dominant.total.into();
                let mut riser = Riser {
                    tenant: index,
                    dominant,
                    rate: full / dominant.need.into(),
                    phase: Phase::Lifted,
                };
                if tenant.least == 0 {
                    self.join(&mut riser);
                }
                risers.push(riser);
            }
        }
        risers
    }

    /// All bends that the level can reach, the lowest first; a riser starts before it ends.
    fn bends(&self, risers: &[Riser]) -> Vec<Bend> {
        let mut bends = Vec::with_capacity(risers.len());
        for (place, riser) in risers.iter().enumerate() {
            let tenant = &self.tenants[riser.tenant];
            let bend = |tasks: u64, ends| Bend {
                level: Twofold::from(tasks) / riser.rate,
                ends,
                riser: place,
            };
            if tenant.least > 0 {
                bends.push(bend(tenant.least, false));
            }
            if riser.dominant.holds(tenant.most) {
                bends.push(bend(tenant.most, true));
            }
        }
        bends.sort_unstable_by(|a, b| {
            (a.level.total_cmp(b.level)).then((a.ends, a.riser).cmp(&(b.ends, b.riser)))
        });
        bends
    }

    /// Whether some kind is used up before the rising come to `level`.
    fn runs_out_before(&mut self, level: Twofold, risers: &[Riser]) -> bool {
        bits(self.taken).any(|kind| {
            // The sum of rates is right to some 2^-47.
            if level.hi * self.sums[kind].rate.hi < self.free[kind].hi * (1.0 - 1e-12) {
                return false;
            }
            self.mend(1 << kind, WORN, risers);
            (level * self.sums[kind].rate - self.free[kind]).hi > self.slack[kind]
        })
    }

    /// Uses up the next kinds, and stops all that take them.
    fn stop(&mut self, risers: &mut [Riser], idle: bool) {
        self.mend(self.taken, WORN, risers);
        let (first, level) = bits(self.taken)
            .map(|kind| (kind, self.free[kind] / self.sums[kind].rate))
            .min_by(|(_, a), (_, b)| a.total_cmp(*b))
            .expect("a rising tenant takes some kind");
        self.level = level.max(self.level);
        let runs_out = |kind: &usize| {
            let left = self.free[*kind] - self.level * self.sums[*kind].rate;
            *kind == first || left.hi <= self.slack[*kind]
        };
        let full = bits(self.taken)
            .filter(runs_out)
            .fold(0, |full, kind| full | 1 << kind);
        self.full |= full;
        let kinds = self.capacity.iter().map(|(kind, _)| kind);
        let used_up = kinds.filter(|kind| full >> kind.index() & 1 == 1);
        self.used_up.extend(used_up.map(|kind| UsedUp {
            kind,
            level: self.level.hi,
            leftover: idle,
        }));
        for riser in risers.iter_mut() {
            let tenant = &self.tenants[riser.tenant];
            if riser.phase != Phase::Stopped && tenant.task.mask() & full != 0 {
                self.halt(riser);
            }
        }
        self.mend(self.taken, WORN_OUT, risers);
    }

    /// Stops a tenant where it is.
    fn halt(&mut self, riser: &mut Riser) {
        let tenant = &self.tenants[riser.tenant];
        let mut tasks = Twofold::from(tenant.least);
        if riser.phase == Phase::Rising {
            tasks = (self.level * riser.rate).clamp(tasks, tenant.most.into());
            self.leave(riser, tasks);
        }
        riser.phase = Phase::Stopped;
        self.settle(riser.tenant, riser.dominant, tasks, self.stopper(tenant));
    }

    /// Stops a rising tenant that has its most.
    fn end(&mut self, riser: &mut Riser) {
        let most = self.tenants[riser.tenant].most.into();
        self.leave(riser, most);
        riser.phase = Phase::Stopped;
        self.settle(riser.tenant, riser.dominant, most, Held::Most);
    }

    /// Lets a tenant rise from where its promise held it.
    fn start(&mut self, riser: &mut Riser) {
        let tenant = &self.tenants[riser.tenant];
        for (kind, amount) in tenant.task.iter() {
            let free = &mut self.free[kind.index()];
            *free = *free + Twofold::from(tenant.least) * amount.into();
        }
        self.join(riser);
    }

    /// Counts a tenant among the rising.
    fn join(&mut self, riser: &mut Riser) {
        riser.phase = Phase::Rising;
        let task = &self.tenants[riser.tenant].task;
        for (kind, amount) in task.iter() {
            self.sums[kind.index()].add(riser.rate * amount.into());
        }
        self.taken |= task.mask();
    }

    /// Counts a tenant out of the rising; it keeps so many tasks.
    fn leave(&mut self, riser: &Riser, tasks: Twofold) {
        for (kind, amount) in self.tenants[riser.tenant].task.iter() {
            let (kind, amount) = (kind.index(), Twofold::from(amount));
            self.free[kind] = self.free[kind] - tasks * amount;
            self.sums[kind].remove(riser.rate * amount);
            if self.sums[kind].count == 0 {
                self.taken &= !(1 << kind);
            }
        }
    }

    /// Takes the sums of these kinds again that have fallen below `limit` of their peak.
    fn mend(&mut self, kinds: u32, limit: f64, risers: &[Riser]) {
        for kind in bits(kinds & self.taken) {
            let worn = &mut self.sums[kind];
            if worn.rate.hi >= worn.peak * limit {
                continue;
            }
            *worn = Sum::default();
            for riser in risers.iter().filter(|riser| riser.phase == Phase::Rising) {
                let mut task = self.tenants[riser.tenant].task.iter();
                if let Some((_, amount)) = task.find(|(taken, _)| taken.index() == kind) {
                    worn.add(riser.rate * amount.into());
                }
            }
        }
    }

    fn settle(&mut self, tenant: usize, dominant: Dominant, tasks: Twofold, held: Held) {
        let share = dominant.share(tasks.hi);
        let level = match held {
            Held::Most => share / self.tenants[tenant].turn_weight() as f64,
            Held::UsedUp(_) => self.level.hi,
        };
        self.shares[tenant] = Share {
            tasks: tasks.hi,
            share,
            level,
            held,
            rest: tasks.lo,
        };
    }

    /// The first kind that a tenant takes and of which nothing is left.
    fn stopper(&self, tenant: &Tenant) -> Held {
        let mut kinds = tenant.task.iter().map(|(kind, _)| kind);
        let full = kinds.find(|kind| self.full >> kind.index() & 1 == 1);
        Held::UsedUp(full.expect("something stops it"))
    }
}

impl Sum {
    fn add(&mut self, rate: Twofold) {
        self.rate = self.rate + rate;
        self.peak = self.peak.max(self.rate.hi);
        self.count += 1;
    }

    fn remove(&mut self, rate: Twofold) {
        self.count -= 1;
        if self.count == 0 {
            *self = Self::default();
        } else {
            self.rate = self.rate - rate;
        }
    }
}

/// What the minimums take of each kind.
fn promised(tenants: &[Tenant]) -> [u128; Kind::LIMIT] {
    let mut promised = [0_u128; Kind::LIMIT];
    for tenant in tenants.iter().filter(|tenant| tenant.promised() > 0) {
        for (kind, amount) in tenant.task.iter() {
            let part = u128::from(amount) * u128::from(tenant.promised());
            let sum = &mut promised[kind.index()];
            *sum = sum.saturating_add(part);
        }
    }
    promised
}

/// The places of the bits that are set, lowest first.
fn bits(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let index = (mask != 0).then(|| mask.trailing_zeros() as usize)?;
        mask &= mask - 1;
        Some(index)
    })
}

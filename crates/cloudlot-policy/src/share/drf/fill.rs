//! Progressive filling: from one bend of the rising level to the next.
//!
//! Between two bends every rising tenant's tasks are level × rate, so what the rising take of a kind is level × the sum of
//! their rates in it. A tenant bends where its `least` lets go of it and where it has its `most`: those levels are sorted once.
//! A kind bends once, when it is used up, and stops all tenants that take it.

use super::dominant::Dominant;
use super::riser::{Bend, Phase, Riser, Risers};
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
    let promised = promised(capacity, tenants)?;
    let mut filling = Filling::new(capacity, tenants, &promised);
    filling.rise(false);
    if tenants.iter().any(|tenant| tenant.weight == 0) {
        filling.rise(true);
    }
    Ok((filling.shares, filling.used_up))
}

/// What the minimums take of each kind.
fn promised(capacity: &Amounts, tenants: &[Tenant]) -> Result<[u128; Kind::LIMIT], Overpromised> {
    let mut promised = [0_u128; Kind::LIMIT];
    let mut over: Option<Kind> = None;
    for tenant in tenants.iter().filter(|tenant| tenant.promised() > 0) {
        for (kind, amount) in tenant.task.iter() {
            let sum = &mut promised[kind.index()];
            *sum = sum.saturating_add(u128::from(amount) * u128::from(tenant.promised()));
            if *sum > capacity.get(kind).into() {
                over = Some(over.map_or(kind, |first| first.min(kind)));
            }
        }
    }
    match over {
        None => Ok(promised),
        Some(kind) => Err(Overpromised {
            kind,
            least: promised[kind.index()],
            total: capacity.get(kind),
        }),
    }
}

struct Filling<'a> {
    capacity: &'a Amounts,
    tenants: &'a [Tenant],
    shares: Vec<Share>,
    used_up: Vec<UsedUp>,
    /// The kinds of which there is something, and how each stands.
    columns: Vec<Column>,
    /// Kinds of which nothing is left, as a bit set by [`Kind::index`].
    full: u32,
    level: Twofold,
}

/// How the filling stands in one kind.
struct Column {
    kind: Kind,
    /// What all that do not rise leave of it.
    free: Twofold,
    /// What the rising take of it a level.
    rate: Twofold,
    /// The largest that `rate` was since it was last summed from nothing.
    peak: f64,
    /// How many of the rising take some of it.
    takers: usize,
    /// What counts as nothing left.
    slack: f64,
}

impl Column {
    fn join(&mut self, rate: Twofold) {
        self.rate = self.rate + rate;
        self.peak = self.peak.max(self.rate.hi);
        self.takers += 1;
    }

    fn leave(&mut self, rate: Twofold) {
        self.takers -= 1;
        if self.takers == 0 {
            (self.rate, self.peak) = (Twofold::ZERO, 0.0);
        } else {
            self.rate = self.rate - rate;
        }
    }

    /// Sums the rates anew if they have fallen below `limit` of their peak.
    fn mend(&mut self, limit: f64, place: usize, risers: &Risers) {
        if self.takers == 0 || self.rate.hi >= self.peak * limit {
            return;
        }
        (self.rate, self.peak, self.takers) = (Twofold::ZERO, 0.0, 0);
        for (riser, needs) in risers.iter() {
            if riser.phase == Phase::Rising && needs[place] > 0 {
                self.join(riser.rate * needs[place].into());
            }
        }
    }
}

impl<'a> Filling<'a> {
    /// Nothing given but what was promised.
    fn new(capacity: &'a Amounts, tenants: &'a [Tenant], promised: &[u128; Kind::LIMIT]) -> Self {
        let column = |(kind, total): (Kind, u64)| {
            let left = u128::from(total) - promised[kind.index()];
            Column {
                kind,
                free: u64::try_from(left).expect("a part of the total").into(),
                rate: Twofold::ZERO,
                peak: 0.0,
                takers: 0,
                slack: total as f64 * NOTHING,
            }
        };
        let none = Share {
            tasks: 0.0,
            share: 0.0,
            level: 0.0,
            held: Held::Most,
            rest: 0.0,
        };
        Self {
            capacity,
            tenants,
            shares: vec![none; tenants.len()],
            used_up: Vec::new(),
            columns: capacity.iter().map(column).collect(),
            full: !capacity.mask(),
            level: Twofold::ZERO,
        }
    }

    /// Raises all tenants that have a weight, or all that have none.
    fn rise(&mut self, idle: bool) {
        self.level = Twofold::ZERO;
        let mut risers = self.risers(idle);
        for Bend { level, riser, ends } in risers.take_bends() {
            while risers[riser].phase != Phase::Stopped && self.runs_out_before(level, &risers) {
                self.stop(&mut risers, idle);
            }
            if risers[riser].phase == Phase::Stopped {
                continue;
            }
            self.level = level;
            if ends {
                self.end(riser, &mut risers);
            } else {
                self.start(riser, &mut risers);
            }
        }
        while self.columns.iter().any(|column| column.takers > 0) {
            self.stop(&mut risers, idle);
        }
    }

    /// The tenants that can rise; what the others get is settled.
    fn risers(&mut self, idle: bool) -> Risers {
        let tenants = self.tenants;
        let mut risers = Risers::new(tenants.len(), self.columns.len());
        let turn = tenants.iter().enumerate();
        for (index, tenant) in turn.filter(|(_, tenant)| (tenant.weight == 0) == idle) {
            let dominant = Dominant::of(self.capacity, tenant);
            if tenant.task.is_zero() || tenant.least >= tenant.most {
                let level = dominant.share(tenant.most as f64) / tenant.turn_weight() as f64;
                self.settle(index, dominant, tenant.most.into(), Held::Most, level);
            } else if tenant.task.mask() & self.full != 0 {
                let held = self.stopper(tenant);
                self.settle(index, dominant, tenant.least.into(), held, 0.0);
            } else {
                let needs = self
                    .columns
                    .iter()
                    .map(|column| tenant.task.get(column.kind));
                let place = risers.push(Riser::new(index, tenant, dominant), tenant.least, needs);
                if tenant.least == 0 {
                    self.join(place, &mut risers);
                }
            }
        }
        risers
    }

    /// Whether some kind is used up before the rising come to `level`.
    fn runs_out_before(&mut self, level: Twofold, risers: &Risers) -> bool {
        self.columns.iter_mut().enumerate().any(|(place, column)| {
            // The sum of rates is right to some 2^-47.
            let near = level.hi * column.rate.hi >= column.free.hi * (1.0 - 1e-12);
            if column.takers == 0 || !near {
                return false;
            }
            column.mend(WORN, place, risers);
            (level * column.rate - column.free).hi > column.slack
        })
    }

    /// Uses up the next kinds, and stops all that take them.
    fn stop(&mut self, risers: &mut Risers, idle: bool) {
        for (place, column) in self.columns.iter_mut().enumerate() {
            column.mend(WORN, place, risers);
        }
        let taken = self.columns.iter().filter(|column| column.takers > 0);
        let (first, level) = taken
            .map(|column| (column.kind, column.free / column.rate))
            .min_by(|(_, a), (_, b)| a.total_cmp(*b))
            .expect("a rising tenant takes some kind");
        self.level = level.max(self.level);
        let runs_out = |column: &Column| {
            let left = column.free - self.level * column.rate;
            column.takers > 0 && (column.kind == first || left.hi <= column.slack)
        };
        let mut full = 0_u32;
        for column in self.columns.iter().filter(|column| runs_out(column)) {
            full |= 1 << column.kind.index();
            self.used_up.push(UsedUp {
                kind: column.kind,
                level: self.level.hi,
                leftover: idle,
            });
        }
        self.full |= full;
        for riser in 0..risers.len() {
            if risers[riser].phase != Phase::Stopped && risers[riser].kinds & full != 0 {
                self.halt(riser, risers);
            }
        }
        for (place, column) in self.columns.iter_mut().enumerate() {
            column.mend(WORN_OUT, place, risers);
        }
    }

    /// Stops a tenant where it is.
    fn halt(&mut self, place: usize, risers: &mut Risers) {
        let riser = &risers[place];
        let tenant = &self.tenants[riser.tenant];
        let mut tasks = Twofold::from(tenant.least);
        if riser.phase == Phase::Rising {
            tasks = (self.level * riser.rate).clamp(tasks, riser.most.into());
            self.leave(place, tasks, risers);
        }
        let (held, level) = (self.stopper(tenant), self.level.hi);
        self.settle(riser.tenant, riser.dominant, tasks, held, level);
        risers[place].phase = Phase::Stopped;
    }

    /// Stops a rising tenant that has its most.
    fn end(&mut self, place: usize, risers: &mut Risers) {
        let most = risers[place].most.into();
        self.leave(place, most, risers);
        risers[place].phase = Phase::Stopped;
        let Riser {
            tenant, dominant, ..
        } = risers[place];
        self.settle(tenant, dominant, most, Held::Most, self.level.hi);
        for (column, place) in self.columns.iter_mut().zip(0..) {
            column.mend(WORN_OUT, place, risers);
        }
    }

    /// Lets a tenant rise from where its promise held it.
    fn start(&mut self, place: usize, risers: &mut Risers) {
        let least = Twofold::from(self.tenants[risers[place].tenant].least);
        for (column, need) in self.columns.iter_mut().zip(risers.needs(place)) {
            column.free = column.free + least * Twofold::from(*need);
        }
        self.join(place, risers);
    }

    /// Counts a tenant among the rising.
    fn join(&mut self, place: usize, risers: &mut Risers) {
        risers[place].phase = Phase::Rising;
        let rate = risers[place].rate;
        let needs = self.columns.iter_mut().zip(risers.needs(place));
        for (column, need) in needs.filter(|(_, need)| **need > 0) {
            column.join(rate * Twofold::from(*need));
        }
    }

    /// Counts a tenant out of the rising; it keeps so many tasks.
    fn leave(&mut self, place: usize, tasks: Twofold, risers: &Risers) {
        let rate = risers[place].rate;
        let needs = self.columns.iter_mut().zip(risers.needs(place));
        for (column, need) in needs.filter(|(_, need)| **need > 0) {
            let need = Twofold::from(*need);
            column.free = column.free - tasks * need;
            column.leave(rate * need);
        }
    }

    fn settle(
        &mut self,
        tenant: usize,
        dominant: Dominant,
        tasks: Twofold,
        held: Held,
        level: f64,
    ) {
        self.shares[tenant] = Share {
            tasks: tasks.hi,
            share: dominant.share(tasks.hi),
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

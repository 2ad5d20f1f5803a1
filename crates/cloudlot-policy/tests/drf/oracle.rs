//! Water-filling in exact fractions, by trying every level at which anything changes.

use crate::given::{Given, KINDS, plain, promised, weighted};
use cloudlot_core::Kind;
use cloudlot_policy::share::drf::{Held, Tenant, divide};
use num_rational::BigRational;
use num_traits::{FromPrimitive, One, Signed, ToPrimitive, Zero};
use proptest::prelude::*;

pub(crate) fn whole(value: u64) -> BigRational {
    BigRational::from_u64(value).unwrap()
}

/// Each tenant's tasks, exactly.
pub(crate) fn tasks(given: &Given) -> Vec<BigRational> {
    let mut pool = Pool::new(given);
    pool.fill(|tenant| tenant.weight > 0);
    pool.fill(|tenant| tenant.weight == 0);
    pool.tasks
}

struct Pool<'a> {
    given: &'a Given,
    tasks: Vec<BigRational>,
}

impl<'a> Pool<'a> {
    fn new(given: &'a Given) -> Self {
        let least = |tenant: &Tenant| whole(tenant.least.min(tenant.most));
        let tasks = given.tenants.iter().map(least).collect();
        Self { given, tasks }
    }

    fn fill(&mut self, takes_part: impl Fn(&Tenant) -> bool) {
        let mut rising: Vec<usize> = Vec::new();
        for (index, tenant) in self.given.tenants.iter().enumerate() {
            if !takes_part(tenant) {
                continue;
            }
            if tenant.task.is_zero() {
                self.tasks[index] = whole(tenant.most);
            } else if tenant.task.mask() & !self.given.capacity.mask() == 0 {
                rising.push(index);
            }
        }
        let mut level = BigRational::zero();
        while !rising.is_empty() {
            level = self.next_level(&rising, &level);
            let at_level: Vec<_> = (0..self.tasks.len())
                .map(|index| self.at(index, &level, &rising))
                .collect();
            rising.retain(|&index| {
                let tenant = &self.given.tenants[index];
                let stops = |(kind, _)| {
                    let total = whole(self.given.capacity.get(kind));
                    self.used(kind, &level, &rising_of(&at_level)) == total
                };
                at_level[index] != whole(tenant.most) && !tenant.task.iter().any(stops)
            });
            self.tasks = at_level;
        }
    }

    /// Where a kind is used up, or else where the last tenant has its most.
    fn next_level(&self, rising: &[usize], from: &BigRational) -> BigRational {
        let mut bends: Vec<BigRational> = (rising.iter())
            .flat_map(|&index| {
                let tenant = &self.given.tenants[index];
                let rate = self.rate(tenant);
                [whole(tenant.least) / &rate, whole(tenant.most) / rate]
            })
            .filter(|bend| bend > from)
            .collect();
        bends.sort();
        let mut low = from.clone();
        for high in bends {
            let over = KINDS.into_iter().filter_map(|kind| {
                let total = whole(self.given.capacity.get(kind));
                let (before, after) = (self.use_at(kind, &low, rising), self.use_at(kind, &high, rising));
                (after >= total && after > before)
                    .then(|| &low + (total - &before) * (&high - &low) / (after - before))
            });
            if let Some(level) = over.min() {
                return level;
            }
            low = high;
        }
        low
    }

    fn use_at(&self, kind: Kind, level: &BigRational, rising: &[usize]) -> BigRational {
        let tasks: Vec<_> = (0..self.tasks.len())
            .map(|index| self.at(index, level, rising))
            .collect();
        self.used(kind, level, &rising_of(&tasks))
    }

    fn used(&self, kind: Kind, _: &BigRational, tasks: &[&BigRational]) -> BigRational {
        let tenants = self.given.tenants.iter().zip(tasks);
        tenants
            .map(|(tenant, tasks)| whole(tenant.task.get(kind)) * *tasks)
            .fold(BigRational::zero(), |sum, part| sum + part)
    }

    fn at(&self, index: usize, level: &BigRational, rising: &[usize]) -> BigRational {
        let tenant = &self.given.tenants[index];
        if !rising.contains(&index) {
            return self.tasks[index].clone();
        }
        (self.rate(tenant) * level)
            .max(whole(tenant.least.min(tenant.most)))
            .min(whole(tenant.most))
    }

    fn rate(&self, tenant: &Tenant) -> BigRational {
        let part = |(kind, need)| whole(need) / whole(self.given.capacity.get(kind));
        whole(tenant.weight.max(1)) / tenant.task.iter().map(part).max().unwrap()
    }
}

fn rising_of(tasks: &[BigRational]) -> Vec<&BigRational> {
    tasks.iter().collect()
}

//! Water-filling in exact fractions, by trying every level at which anything changes.

use crate::given::{Given, KINDS, plain, promised};
use cloudlot_core::Kind;
use cloudlot_policy::share::drf::{Held, Overpromised, Share, Tenant, divide};
use num_rational::BigRational;
use num_traits::{FromPrimitive, Signed, Zero};
use proptest::prelude::*;

pub(crate) fn whole(value: u64) -> BigRational {
    BigRational::from_u64(value).unwrap()
}

/// Each tenant's tasks, exactly.
pub(crate) fn tasks(given: &Given) -> Vec<BigRational> {
    let least = |tenant: &Tenant| whole(tenant.least.min(tenant.most));
    let tasks = given.tenants.iter().map(least).collect();
    let mut pool = Pool { given, tasks };
    pool.fill(|tenant| tenant.weight > 0);
    pool.fill(|tenant| tenant.weight == 0);
    pool.tasks
}

/// What tenants with so many tasks use of a kind, exactly.
pub(crate) fn used(given: &Given, kind: Kind, tasks: &[BigRational]) -> BigRational {
    let part = |(tenant, tasks): (&Tenant, _)| whole(tenant.task.get(kind)) * tasks;
    let parts = given.tenants.iter().zip(tasks).map(part);
    parts.fold(BigRational::zero(), |sum, part| sum + part)
}

struct Pool<'a> {
    given: &'a Given,
    tasks: Vec<BigRational>,
}

impl Pool<'_> {
    fn fill(&mut self, takes_part: impl Fn(&Tenant) -> bool) {
        let mut rising: Vec<usize> = Vec::new();
        for (index, tenant) in self.given.tenants.iter().enumerate() {
            if takes_part(tenant) && tenant.task.is_zero() {
                self.tasks[index] = whole(tenant.most);
            } else if takes_part(tenant) && tenant.task.mask() & !self.given.capacity.mask() == 0 {
                rising.push(index);
            }
        }
        let mut level = BigRational::zero();
        while !rising.is_empty() {
            level = self.next_level(&rising, &level);
            self.tasks = self.at_level(&level, &rising);
            let full = |kind: &Kind| {
                used(self.given, *kind, &self.tasks) == whole(self.given.capacity.get(*kind))
            };
            let full: Vec<Kind> = KINDS.into_iter().filter(full).collect();
            rising.retain(|&index| {
                let tenant = &self.given.tenants[index];
                let stops = full.iter().any(|kind| tenant.task.get(*kind) > 0);
                self.tasks[index] != whole(tenant.most) && !stops
            });
        }
    }

    /// Where the next kind is used up, or else where the last tenant has its most.
    fn next_level(&self, rising: &[usize], from: &BigRational) -> BigRational {
        let bends = |&index: &usize| {
            let tenant = &self.given.tenants[index];
            [tenant.least, tenant.most].map(|tasks| whole(tasks) / self.rate(tenant))
        };
        let mut bends: Vec<_> = rising.iter().flat_map(bends).collect();
        bends.retain(|bend| bend > from);
        bends.sort();
        let mut low = from.clone();
        for high in bends {
            let [before, after] = [&low, &high].map(|level| self.at_level(level, rising));
            let over = KINDS.into_iter().filter_map(|kind| {
                let total = whole(self.given.capacity.get(kind));
                let [before, after] = [&before, &after].map(|tasks| used(self.given, kind, tasks));
                let grows = after >= total && after > before;
                grows.then(|| &low + (total - &before) * (&high - &low) / (after - before))
            });
            if let Some(level) = over.min() {
                return level;
            }
            low = high;
        }
        low
    }

    fn at_level(&self, level: &BigRational, rising: &[usize]) -> Vec<BigRational> {
        let mut tasks = self.tasks.clone();
        for &index in rising {
            let tenant = &self.given.tenants[index];
            let raised = (self.rate(tenant) * level).max(whole(tenant.least));
            tasks[index] = raised.min(whole(tenant.most));
        }
        tasks
    }

    fn rate(&self, tenant: &Tenant) -> BigRational {
        let part = |(kind, need)| whole(need) / whole(self.given.capacity.get(kind));
        whole(tenant.weight.max(1)) / tenant.task.iter().map(part).max().unwrap()
    }
}

fn close(found: f64, truth: &BigRational) -> bool {
    let found = BigRational::from_float(found).unwrap();
    (found - truth).abs() <= truth / whole(1_000_000_000_000)
}

fn agrees(given: &Given) -> Result<(), TestCaseError> {
    let division = divide(&given.capacity, &given.tenants).unwrap();
    for (share, truth) in division.shares().iter().zip(tasks(given)) {
        prop_assert!(close(share.tasks, &truth), "{} for {truth}", share.tasks);
    }
    Ok(())
}

/// Whether what a share says of itself is so.
fn explained(given: &Given, index: usize, share: &Share, tasks: &[BigRational]) -> bool {
    let tenant = &given.tenants[index];
    let dominant = (tenant.task.iter())
        .filter(|(kind, _)| given.capacity.get(*kind) > 0)
        .map(|(kind, need)| whole(need) * &tasks[index] / whole(given.capacity.get(kind)))
        .max()
        .unwrap_or_else(BigRational::zero);
    let weight = whole(tenant.weight.max(1));
    let level = BigRational::from_float(share.level).unwrap();
    close(share.share, &dominant)
        && match share.held {
            Held::Most => {
                tasks[index] == whole(tenant.most) && close(share.level, &(dominant / weight))
            }
            Held::UsedUp(kind) => {
                let held_up = tasks[index] == whole(tenant.least);
                tenant.task.get(kind) > 0
                    && tasks[index] != whole(tenant.most)
                    && used(given, kind, tasks) == whole(given.capacity.get(kind))
                    && (close(share.level, &(&dominant / &weight))
                        || held_up && level <= dominant / weight)
            }
        }
}

proptest! {
    #[test]
    fn tasks_are_what_exact_fractions_say(given in plain()) {
        agrees(&given)?;
    }

    #[test]
    fn promises_are_kept_as_exact_fractions_say(given in promised()) {
        agrees(&given)?;
        let division = divide(&given.capacity, &given.tenants).unwrap();
        for (share, tenant) in division.shares().iter().zip(&given.tenants) {
            prop_assert!(share.tasks >= tenant.least.min(tenant.most) as f64);
        }
    }

    #[test]
    fn every_share_says_truly_what_stopped_it(given in promised()) {
        let exact = tasks(&given);
        let division = divide(&given.capacity, &given.tenants).unwrap();
        for (index, share) in division.shares().iter().enumerate() {
            prop_assert!(explained(&given, index, share, &exact), "{index}: {share:?}");
        }
        for used_up in division.used_up() {
            let kind = used_up.kind;
            prop_assert_eq!(used(&given, kind, &exact), whole(given.capacity.get(kind)));
        }
    }

    #[test]
    fn too_many_promises_are_refused_with_the_first_kind(
        given in plain(),
        least in prop::collection::vec(0..=20_u64, 10),
    ) {
        let mut given = given;
        for (tenant, least) in given.tenants.iter_mut().zip(least) {
            tenant.least = least;
        }
        let promised = |kind: Kind| -> u128 {
            let part = |tenant: &Tenant| {
                u128::from(tenant.task.get(kind)) * u128::from(tenant.least.min(tenant.most))
            };
            given.tenants.iter().map(part).sum()
        };
        let over = KINDS.into_iter().find(|kind| promised(*kind) > given.capacity.get(*kind).into());
        let refused = over.map(|kind| Overpromised {
            kind,
            least: promised(kind),
            total: given.capacity.get(kind),
        });
        prop_assert_eq!(divide(&given.capacity, &given.tenants).err(), refused);
    }
}

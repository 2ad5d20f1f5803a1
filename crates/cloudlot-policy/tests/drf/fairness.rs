//! The four properties that dominant resource fairness is chosen for, and that order has no say.

use crate::given::{Given, KINDS, amounts, plain, weighted};
use cloudlot_core::Kind;
use cloudlot_policy::share::drf::{Share, Tenant, divide};
use proptest::prelude::*;

const ROUNDING: f64 = 1e-9;

fn shares(given: &Given) -> Vec<Share> {
    let division = divide(&given.capacity, &given.tenants).unwrap();
    division.into_shares()
}

fn used(given: &Given, kind: Kind, shares: &[Share]) -> f64 {
    let part = |(tenant, share): (&Tenant, &Share)| tenant.task.get(kind) as f64 * share.tasks;
    given.tenants.iter().zip(shares).map(part).sum()
}

/// How many tasks of a tenant fit in so much of each kind, `most` at most.
fn useful(tenant: &Tenant, owned: impl Fn(Kind) -> f64) -> f64 {
    let tasks = tenant
        .task
        .iter()
        .map(|(kind, need)| owned(kind) / need as f64);
    tasks.fold(tenant.most as f64, f64::min)
}

fn lies() -> impl Strategy<Value = (Vec<u64>, u64)> {
    let need = prop_oneof![Just(0), 1..=4_u64, 1..=1_000_u64, any::<u64>()];
    let most = prop_oneof![Just(u64::MAX), 0..=10_u64, any::<u64>()];
    (prop::collection::vec(need, 4), most)
}

/// The task of a tenant that says of one kind, or of its most, what is not so.
fn twisted(tenant: &Tenant, turn: usize, (needs, most): &(Vec<u64>, u64)) -> Tenant {
    let kind = KINDS[turn % 4];
    let twisted = match turn / 4 {
        0 => needs[0],
        1 => tenant.task.get(kind).saturating_mul(2),
        _ => tenant.task.get(kind).div_ceil(2),
    };
    Tenant {
        task: tenant.task.with(kind, twisted),
        most: if turn.is_multiple_of(2) {
            tenant.most
        } else {
            *most
        },
        ..*tenant
    }
}

proptest! {
    #[test]
    fn nobody_has_less_than_its_part_of_everything_would_give(given in weighted()) {
        let weights: f64 = given.tenants.iter().map(|tenant| tenant.weight as f64).sum();
        for (tenant, share) in given.tenants.iter().zip(shares(&given)) {
            let part = tenant.weight as f64 / weights;
            let alone = useful(tenant, |kind| given.capacity.get(kind) as f64 * part);
            prop_assert!(share.tasks >= alone * (1.0 - ROUNDING), "{} for {alone}", share.tasks);
        }
    }

    #[test]
    fn nobody_would_rather_have_what_another_has_by_weight(given in weighted()) {
        let shares = shares(&given);
        for (mine, share) in given.tenants.iter().zip(&shares) {
            for (theirs, other) in given.tenants.iter().zip(&shares) {
                let rate = other.tasks * (mine.weight as f64 / theirs.weight as f64);
                let instead = useful(mine, |kind| theirs.task.get(kind) as f64 * rate);
                prop_assert!(
                    instead <= share.tasks * (1.0 + ROUNDING),
                    "{mine:?} has {}, and would have {instead} as {theirs:?}", share.tasks,
                );
            }
        }
    }

    #[test]
    fn nobody_can_have_more_without_another_having_less(given in plain()) {
        let shares = shares(&given);
        for (tenant, share) in given.tenants.iter().zip(&shares) {
            let stopped = tenant.task.iter().any(|(kind, _)| {
                used(&given, kind, &shares) >= given.capacity.get(kind) as f64 * (1.0 - ROUNDING)
            });
            prop_assert!(stopped || share.tasks == tenant.most as f64, "{tenant:?}: {share:?}");
        }
        for (kind, total) in given.capacity.iter() {
            prop_assert!(used(&given, kind, &shares) <= total as f64 * (1.0 + ROUNDING));
        }
    }

    #[test]
    fn nobody_gains_by_a_lie(
        given in plain(),
        liar in any::<prop::sample::Index>(),
        lie in lies(),
        turn in 0..16_usize,
    ) {
        let liar = liar.index(given.tenants.len());
        let honest = given.tenants[liar];
        let truth = shares(&given)[liar].tasks;
        let mut told = given;
        told.tenants[liar] = if turn < 12 {
            twisted(&honest, turn, &lie)
        } else {
            Tenant { task: amounts(&lie.0), most: lie.1, ..honest }
        };
        let Share { tasks, .. } = shares(&told)[liar];
        let gained = useful(&honest, |kind| told.tenants[liar].task.get(kind) as f64 * tasks);
        prop_assert!(
            gained <= truth * (1.0 + ROUNDING),
            "{honest:?} has {truth}, and {gained} by saying {:?}", told.tenants[liar],
        );
    }

    #[test]
    fn a_tenant_gets_the_same_wherever_it_stands(
        (given, order) in plain().prop_flat_map(|given| {
            let order: Vec<usize> = (0..given.tenants.len()).collect();
            (Just(given), Just(order).prop_shuffle())
        })
    ) {
        let there = shares(&given);
        let turned = Given {
            tenants: order.iter().map(|index| given.tenants[*index]).collect(),
            ..given
        };
        for (index, here) in order.into_iter().zip(shares(&turned)) {
            let there = there[index];
            prop_assert_eq!(here.held, there.held);
            prop_assert!((here.tasks - there.tasks).abs() <= there.tasks * 1e-14);
        }
    }

    #[test]
    fn twice_as_heavy_is_as_two_of_them(given in weighted(), twin in any::<prop::sample::Index>()) {
        let twin = twin.index(given.tenants.len());
        let mut joined = given;
        let tenant = &mut joined.tenants[twin];
        tenant.weight = tenant.weight.min(u64::MAX / 2);
        tenant.most = tenant.most.min(u64::MAX / 2);
        let mut apart = joined.clone();
        apart.tenants.push(apart.tenants[twin]);
        let tenant = &mut joined.tenants[twin];
        (tenant.weight, tenant.most) = (tenant.weight * 2, tenant.most * 2);
        let (apart, joined) = (shares(&apart), shares(&joined));
        for (index, joined) in joined.iter().enumerate() {
            let times = if index == twin { 2.0 } else { 1.0 };
            prop_assert!((joined.tasks - apart[index].tasks * times).abs() <= joined.tasks * 1e-12);
        }
    }
}

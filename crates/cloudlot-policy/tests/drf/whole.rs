//! Whole units and whole tasks.

use crate::given::{Given, plain, promised};
use crate::oracle::{self, used, whole};
use cloudlot_core::{Amounts, Kind};
use cloudlot_policy::share::drf::{Tenant, divide};
use num_rational::BigRational;
use num_traits::ToPrimitive;
use proptest::prelude::*;

fn units(given: &Given) -> Vec<Amounts> {
    divide(&given.capacity, &given.tenants).unwrap().units()
}

fn whole_tasks(given: &Given) -> Vec<u64> {
    let division = divide(&given.capacity, &given.tenants).unwrap();
    division.whole_tasks()
}

/// What each tenant uses of a kind and the whole number below it, exactly.
fn parts(given: &Given, kind: Kind) -> Vec<(BigRational, u64)> {
    let part = |(tenant, tasks): (&Tenant, _)| {
        let real: BigRational = whole(tenant.task.get(kind)) * tasks;
        let floor = real.floor().to_integer().to_u64().unwrap();
        (real, floor)
    };
    given
        .tenants
        .iter()
        .zip(oracle::tasks(given))
        .map(part)
        .collect()
}

/// The least difference of remainders that counts.
fn grain() -> BigRational {
    BigRational::from_float((-24_f64).exp2()).unwrap()
}

/// Floors of the exact shares, then one by one to the lowest level, with nothing clever.
fn one_by_one(given: &Given) -> Vec<u64> {
    let floor = |tasks: BigRational| tasks.floor().to_integer().to_u64().unwrap();
    let mut tasks: Vec<u64> = oracle::tasks(given).into_iter().map(floor).collect();
    for idle in [false, true] {
        while let Some(next) = next(given, &tasks, idle) {
            tasks[next] += 1;
        }
    }
    tasks
}

fn next(given: &Given, tasks: &[u64], idle: bool) -> Option<usize> {
    let level = |index: &usize| {
        let tenant = &given.tenants[*index];
        let part = |(kind, need)| whole(need) / whole(given.capacity.get(kind));
        let step = tenant.task.iter().map(part).max().unwrap();
        whole(tasks[*index]) * step / whole(tenant.weight.max(1))
    };
    (0..tasks.len())
        .filter(|index| (given.tenants[*index].weight == 0) == idle)
        .filter(|index| fits_one_more(given, tasks, *index))
        .min_by_key(level)
}

fn fits_one_more(given: &Given, tasks: &[u64], index: usize) -> bool {
    let tenant = &given.tenants[index];
    let left = |kind: Kind| {
        let taken = |(tenant, tasks): (&Tenant, &u64)| {
            u128::from(tenant.task.get(kind)) * u128::from(*tasks)
        };
        let taken: u128 = given.tenants.iter().zip(tasks).map(taken).sum();
        u128::from(given.capacity.get(kind)) - taken
    };
    let fits = |(kind, need): (Kind, u64)| u128::from(need) <= left(kind);
    tasks[index] < tenant.most && !tenant.task.is_zero() && tenant.task.iter().all(fits)
}

/// Divisions small enough to hand out one by one, with tasks of very different sizes.
fn mixed() -> impl Strategy<Value = Given> {
    let need =
        || prop_oneof![2 => Just(0_u64), 3 => 1..=3_u64, 2 => 20..=90_u64, 2 => 200..=900_u64];
    let most = prop_oneof![2 => Just(u64::MAX), 1 => 0..=40_u64];
    let tenant = (0..=3_u64, need(), need(), most).prop_map(|(weight, cpu, memory, most)| {
        Tenant::new(weight, crate::given::amounts(&[cpu, memory])).at_most(most)
    });
    (
        500..=1_500_u64,
        500..=1_500_u64,
        prop::collection::vec(tenant, 1..=6),
    )
        .prop_map(|(cpu, memory, tenants)| Given {
            capacity: crate::given::amounts(&[cpu, memory]),
            tenants,
        })
}

proptest! {
    #[test]
    fn a_grant_is_the_real_share_rounded_down_or_up(given in promised()) {
        let grants = units(&given);
        for (kind, _) in given.capacity.iter() {
            for ((grant, tenant), (real, floor)) in
                grants.iter().zip(&given.tenants).zip(parts(&given, kind))
            {
                let grant = grant.get(kind);
                prop_assert!(grant == floor || grant == floor + 1 && real != whole(floor));
                let most = u128::from(tenant.most) * u128::from(tenant.task.get(kind));
                prop_assert!(u128::from(grant) <= most);
            }
        }
    }

    #[test]
    fn grants_of_a_kind_add_up_to_what_is_used_of_it_rounded_down(given in promised()) {
        let grants = units(&given);
        let exact = oracle::tasks(&given);
        for kind in crate::given::KINDS {
            let sum: u128 = grants.iter().map(|grant| u128::from(grant.get(kind))).sum();
            let real = used(&given, kind, &exact).floor().to_integer();
            prop_assert_eq!(Some(sum), real.to_u128());
        }
    }

    #[test]
    fn left_units_go_to_the_largest_remainders_then_to_the_first(given in plain()) {
        let grants = units(&given);
        for (kind, _) in given.capacity.iter() {
            let parts = parts(&given, kind);
            let rest = |index: usize| &parts[index].0 - whole(parts[index].1);
            let (up, down): (Vec<_>, Vec<_>) =
                (0..grants.len()).partition(|index| grants[*index].get(kind) > parts[*index].1);
            for (up, down) in up.iter().flat_map(|up| down.iter().map(move |down| (*up, *down))) {
                prop_assert!(rest(up) + grain() >= rest(down));
                prop_assert!(rest(up) != rest(down) || up < down, "{up} before {down}");
            }
        }
    }

    #[test]
    fn whole_tasks_are_those_of_handing_out_one_by_one(given in mixed()) {
        prop_assert_eq!(whole_tasks(&given), one_by_one(&given));
    }

    #[test]
    fn whole_tasks_fit_and_no_further_one_does(given in promised()) {
        let tasks = whole_tasks(&given);
        for (index, (tenant, exact)) in given.tenants.iter().zip(oracle::tasks(&given)).enumerate() {
            prop_assert!(whole(tasks[index]) >= exact.floor());
            prop_assert!(tasks[index] <= tenant.most);
            // Also that what they take is no more than there is: it is subtracted.
            prop_assert!(!fits_one_more(&given, &tasks, index), "{index} of {tasks:?}");
        }
    }
}

#[test]
fn a_trillion_small_tasks_are_handed_out_at_a_leap() {
    // Two thirds are too small for a second task of the large tenant, so that the small ones fill up what it leaves.
    let task = |amount| Tenant::new(1, Amounts::of([(Kind::MEMORY, amount)]));
    let given = Given {
        capacity: Amounts::of([(Kind::MEMORY, 1 << 42)]),
        tenants: vec![task(1 << 41), task(1), task(3)],
    };
    // Turns of one, three, one and one unit; the last turn has four units left.
    assert_eq!(whole_tasks(&given), [0, (1 << 41) - 1, ((1 << 41) + 1) / 3]);
}

//! Edges: nothing of something, the largest numbers, and many tenants.

use crate::given::amounts;
use cloudlot_core::{Amounts, Kind};
use cloudlot_policy::share::drf::{Held, Overpromised, Tenant, UsedUp, divide};

fn tasks(capacity: &[u64], tenants: &[Tenant]) -> Vec<f64> {
    let capacity = amounts(capacity);
    let division = divide(&capacity, tenants).unwrap();
    division.shares().iter().map(|share| share.tasks).collect()
}

fn tenant(weight: u64, task: &[u64]) -> Tenant {
    Tenant::new(weight, amounts(task))
}

#[test]
fn nobody_to_divide_among_is_no_problem() {
    assert_eq!(tasks(&[5], &[]), [0.0; 0]);
    assert_eq!(tasks(&[], &[tenant(1, &[1])]), [0.0]);
}

#[test]
fn a_task_that_takes_nothing_is_given_as_often_as_wanted() {
    assert_eq!(
        tasks(&[5], &[tenant(1, &[]).at_most(7), tenant(1, &[1])]),
        [7.0, 5.0]
    );
}

#[test]
fn of_what_is_not_there_nobody_has_a_task() {
    let tenants = [tenant(1, &[1, 1]), tenant(1, &[1])];
    assert_eq!(tasks(&[6, 0], &tenants), [0.0, 6.0]);
    let capacity = amounts(&[6, 0]);
    let held = divide(&capacity, &tenants).unwrap().shares()[0].held;
    assert_eq!(held, Held::UsedUp(Kind::MEMORY));
}

#[test]
fn a_kind_that_no_task_takes_has_no_say() {
    let tenants = [tenant(1, &[1]), tenant(3, &[2])];
    assert_eq!(tasks(&[8, 5], &tenants), tasks(&[8], &tenants));
}

#[test]
fn weight_nought_gets_what_is_left_over_and_shares_it_equally() {
    let tenants = [tenant(0, &[1]), tenant(7, &[1]).at_most(4), tenant(0, &[1])];
    assert_eq!(tasks(&[10], &tenants), [3.0, 4.0, 3.0]);
    assert_eq!(tasks(&[4], &tenants), [0.0, 4.0, 0.0]);
    // A promise to such a tenant is set aside first.
    let promised = [tenants[0].at_least(2), tenants[1], tenants[2]];
    assert_eq!(tasks(&[5], &promised), [2.0, 3.0, 0.0]);
}

#[test]
fn a_promise_lifts_a_tenant_above_the_level_of_the_others() {
    let tenants = [
        tenant(1, &[1]).at_least(6),
        tenant(1, &[1]),
        tenant(1, &[1]),
    ];
    assert_eq!(tasks(&[10], &tenants), [6.0, 2.0, 2.0]);
    assert_eq!(tasks(&[24], &tenants), [8.0; 3]);
}

#[test]
fn a_promise_above_the_most_is_cut_to_it() {
    let tenants = [tenant(1, &[2]).at_least(9).at_most(2), tenant(1, &[1])];
    assert_eq!(tasks(&[10], &tenants), [2.0, 6.0]);
}

#[test]
fn promises_that_do_not_fit_are_refused_with_the_numbers() {
    let tenants = [
        tenant(1, &[1, 2]).at_least(4),
        tenant(0, &[1, 2]).at_least(2),
    ];
    let refused = divide(&amounts(&[10, 11]), &tenants).unwrap_err();
    assert_eq!(
        refused,
        Overpromised {
            kind: Kind::MEMORY,
            least: 12,
            total: 11
        }
    );
    assert_eq!(
        refused.to_string(),
        "minimums of 12 units of memory were promised of 11"
    );
    let endless = [tenant(1, &[u64::MAX]).at_least(u64::MAX); 2];
    assert_eq!(
        divide(&amounts(&[1]), &endless).unwrap_err().least,
        u128::MAX
    );
}

#[test]
fn kinds_that_are_used_up_together_stop_their_tenants_together() {
    // A third of each kind for each tenant: levels that no binary fraction hits.
    let tenants = [
        tenant(1, &[1, 0]),
        tenant(1, &[0, 7]),
        tenant(1, &[3, 21]),
        tenant(1, &[1, 7]),
    ];
    let capacity = amounts(&[9, 63]);
    let division = divide(&capacity, &tenants).unwrap();
    let used_up: Vec<Kind> = division
        .used_up()
        .iter()
        .map(|used_up| used_up.kind)
        .collect();
    assert_eq!(used_up, [Kind::CPU, Kind::MEMORY]);
    for share in division.shares() {
        assert_eq!((share.share, share.level), (1.0 / 3.0, 1.0 / 3.0));
    }
}

#[test]
fn who_has_its_most_just_as_a_kind_ends_has_its_most() {
    // All have seven tasks by weight at one level, which no binary fraction hits, and nothing is left then.
    for count in 1..=40_u64 {
        let weights = count * (count + 1) / 2;
        let tenants: Vec<Tenant> = (1..=count)
            .map(|weight| tenant(weight, &[3, 11]).at_most(7 * weight))
            .collect();
        let capacity = amounts(&[3 * 7 * weights, 11 * 7 * weights]);
        let division = divide(&capacity, &tenants).unwrap();
        let held = division.shares().iter().map(|share| share.held);
        assert!(held.into_iter().all(|held| held == Held::Most), "{count}");
        assert_eq!(division.used_up(), []);
    }
}

#[test]
fn a_kind_is_used_up_a_second_time_by_nobody() {
    let tenants = [tenant(1, &[1]), tenant(0, &[1]), tenant(0, &[0, 1])];
    let capacity = amounts(&[3, 8]);
    let division = divide(&capacity, &tenants).unwrap();
    let used_up = |kind, leftover| UsedUp {
        kind,
        level: 1.0,
        leftover,
    };
    assert_eq!(
        division.used_up(),
        [used_up(Kind::CPU, false), used_up(Kind::MEMORY, true)]
    );
    assert_eq!(division.shares()[1].held, Held::UsedUp(Kind::CPU));
}

#[test]
fn the_largest_numbers_divide_to_the_unit() {
    let huge = Tenant::new(u64::MAX, Amounts::of([(Kind::MEMORY, u64::MAX)]));
    let capacity = Amounts::of([(Kind::MEMORY, u64::MAX)]);
    let tenants = [huge; 3];
    let grants = divide(&capacity, &tenants).unwrap().units();
    assert_eq!(grants, [Amounts::of([(Kind::MEMORY, u64::MAX / 3)]); 3]);
    // One unit more than three divide: the first has it.
    let small = Tenant::new(1, Amounts::of([(Kind::MEMORY, 1)]));
    let (capacity, tenants) = (Amounts::of([(Kind::MEMORY, (1 << 63) + 2)]), [small; 3]);
    let grants = divide(&capacity, &tenants).unwrap().units();
    let third = ((1_u64 << 63) + 1) / 3;
    assert_eq!(
        grants
            .iter()
            .map(|grant| grant.get(Kind::MEMORY))
            .collect::<Vec<_>>(),
        [third + 1, third, third]
    );
}

#[test]
fn what_is_almost_used_up_is_not_rounded_up() {
    // Memory ends with the processors short of 2^15 by less than a millionth of a unit.
    let tenants = [
        tenant(1, &[0, 16]),
        tenant(1, &[4_570_976_306_096_128, 1 << 21]),
    ];
    let capacity = amounts(&[1 << 15, 650_240]);
    let grants = divide(&capacity, &tenants).unwrap().units();
    assert_eq!(grants[1].get(Kind::CPU), (1 << 15) - 1);
}

#[test]
fn a_light_tenant_is_not_lost_beside_heavy_ones_that_have_their_most() {
    // The light tenant's rate is 2^-63 of what the sum was, and it has to be exact once the heavy ones have stopped.
    let heavy = Tenant::new(u64::MAX, amounts(&[1 << 40])).at_most(1 << 20);
    let light = tenant(1, &[1, 1 << 62]);
    let tenants = [heavy, heavy, light];
    assert_eq!(
        tasks(&[(1 << 61) + 3, u64::MAX], &tenants),
        [1_048_576.0, 1_048_576.0, 3.0]
    );
}

#[test]
fn a_hundred_thousand_tenants_use_up_every_kind_to_the_unit() {
    let task = |index: u64| {
        let need = |turn: u64| 1 + (index * 2_654_435_761 + turn * 40_503) % 997;
        amounts(&[need(1), need(2) << 20, need(3) << 30, need(4)])
    };
    let tenants: Vec<Tenant> = (0..100_000)
        .map(|index| Tenant::new(1 + index % 9, task(index)).at_most(100 + index % 5_000))
        .collect();
    let capacity = amounts(&[
        50_000_000_000,
        30_000_000_000 << 20,
        1 << 63,
        60_000_000_000,
    ]);
    let division = divide(&capacity, &tenants).unwrap();
    let grants = division.units();
    assert!(!division.used_up().is_empty());
    for used_up in division.used_up() {
        let sum: u64 = grants.iter().map(|grant| grant.get(used_up.kind)).sum();
        assert_eq!(sum, capacity.get(used_up.kind));
    }
    for (share, tenant) in division.shares().iter().zip(&tenants) {
        let level = share.share / tenant.weight as f64;
        assert!((share.level - level).abs() <= level * 1e-12);
        assert!(share.held != Held::Most || share.tasks == tenant.most as f64);
    }
}

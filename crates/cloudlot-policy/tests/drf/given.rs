//! Random divisions: small numbers with many ties, and numbers of every size.

use cloudlot_core::{Amounts, Kind};
use cloudlot_policy::share::drf::Tenant;
use proptest::prelude::*;

pub(crate) const KINDS: [Kind; 4] = [Kind::CPU, Kind::MEMORY, Kind::STORAGE, Kind::NETWORK];

/// What there is, and who wants it.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) capacity: Amounts,
    pub(crate) tenants: Vec<Tenant>,
}

pub(crate) fn amounts(values: &[u64]) -> Amounts {
    Amounts::of(KINDS.into_iter().zip(values.iter().copied()))
}

/// Numbers of every magnitude up to 2^63.
fn wide() -> impl Strategy<Value = u64> {
    (any::<u64>(), 1..64_u32).prop_map(|(value, shift)| value >> shift)
}

/// How the numbers of one division are drawn.
#[derive(Clone, Debug)]
struct Draw {
    capacity: BoxedStrategy<u64>,
    need: BoxedStrategy<u64>,
    most: BoxedStrategy<u64>,
    weight: BoxedStrategy<u64>,
}

fn draws() -> impl Strategy<Value = Draw> {
    let draw = |capacity, need, most, weight| Draw {
        capacity,
        need,
        most,
        weight,
    };
    let unlimited = || Just(u64::MAX);
    prop_oneof![
        // Small numbers: caps and kinds meet at the same levels.
        3 => Just(draw(
            (0..=60_u64).boxed(),
            prop_oneof![1 => Just(0), 3 => 1..=4_u64].boxed(),
            prop_oneof![1 => unlimited(), 2 => 0..=10_u64].boxed(),
            prop_oneof![6 => 1..=3_u64, 1 => Just(0)].boxed(),
        )),
        // One size of capacity, tasks much smaller: what clusters look like.
        3 => Just(draw(
            (1_000_000..=1_u64 << 63).boxed(),
            prop_oneof![1 => Just(0), 3 => 1..=1_000_u64].boxed(),
            prop_oneof![1 => unlimited(), 2 => 0..=1_000_u64, 2 => wide()].boxed(),
            (1..=100_u64).boxed(),
        )),
        // Anything.
        2 => Just(draw(
            prop_oneof![4 => wide(), 1 => Just(u64::MAX)].boxed(),
            prop_oneof![1 => Just(0), 3 => wide()].boxed(),
            prop_oneof![1 => unlimited(), 3 => wide()].boxed(),
            prop_oneof![1 => Just(0), 1 => Just(u64::MAX), 4 => wide()].boxed(),
        )),
        // One claim each.
        1 => Just(draw(
            (1..=1_u64 << 40).boxed(),
            (0..=1_u64 << 39).boxed(),
            Just(1).boxed(),
            (1..=5_u64).boxed(),
        )),
    ]
}

/// Divisions without promises.
pub(crate) fn plain() -> impl Strategy<Value = Given> {
    (draws(), 1..=4_usize, 1..=10_usize).prop_flat_map(|(draw, kinds, count)| {
        let need = prop::collection::vec(draw.need, kinds);
        let tenant = (draw.weight, need, draw.most)
            .prop_map(|(weight, need, most)| Tenant::new(weight, amounts(&need)).at_most(most));
        let capacity = prop::collection::vec(draw.capacity, kinds);
        (capacity, prop::collection::vec(tenant, count)).prop_map(|(capacity, tenants)| Given {
            capacity: amounts(&capacity),
            tenants,
        })
    })
}

/// Divisions in which every tenant has a weight, and no promise.
pub(crate) fn weighted() -> impl Strategy<Value = Given> {
    plain().prop_map(|mut given| {
        for tenant in &mut given.tenants {
            tenant.weight = tenant.weight.max(1);
        }
        given
    })
}

/// Divisions in which some tenants were promised up to their part by head, so that the promises fit.
pub(crate) fn promised() -> impl Strategy<Value = Given> {
    let parts = prop::collection::vec(prop_oneof![1 => Just(0), 2 => 0..=8_u64], 10);
    (plain(), parts).prop_map(|(mut given, parts)| {
        let count = u64::try_from(given.tenants.len()).unwrap();
        for (tenant, part) in given.tenants.iter_mut().zip(parts) {
            let fits = |(kind, need): (Kind, u64)| given.capacity.get(kind) / count / need;
            let fitting = tenant.task.iter().map(fits).min().unwrap_or(20);
            tenant.least = (u128::from(fitting) * u128::from(part) / 8)
                .try_into()
                .unwrap();
        }
        given
    })
}

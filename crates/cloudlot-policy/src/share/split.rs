//! One call for claims on several kinds and a policy by name.
//!
//! Leaves to the caller who claims and where on which machine a grant lies. Whoever has promises, tasks or the question
//! "why" calls [`drf`] itself.

use super::drf::{self, Tenant};
use cloudlot_core::{Amounts, Kind};

/// What one owner wants, and how much it counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Want {
    /// Its part relative to the others' under [`Rule::Weighted`]; with 0 it gets only what the others leave over.
    pub weight: u64,
    /// All that it wants, in base units of each kind. It can use these kinds in this proportion only, unless the rule is
    /// [`Rule::Proportional`].
    pub wanted: Amounts,
}

/// How claims that do not fit together are cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// Dominant resource fairness: the largest parts that owners have of any kind rise together.
    Fair,
    /// The same, each in proportion to its weight.
    Weighted,
    /// Each kind for itself, in proportion to what is wanted. Who asks for more gets more, needed or not; so this is for owners
    /// who have no reason to ask for too much.
    Proportional,
}

/// What each owner is granted, in the order of `wants`.
///
/// Under every rule no grant is above what was wanted; each is at most a unit off its real share; and the grants of a kind
/// add up to what there is of it wherever that stopped anybody. Remainders go to the largest, the first of equals.
/// ```
/// # use cloudlot_core::{Amounts, Kind};
/// # use cloudlot_policy::share::split::{Rule, Want, split};
/// let cpu = |amount| Amounts::of([(Kind::CPU, amount)]);
/// let wants = [(3, 90), (1, 30)].map(|(weight, amount)| Want { weight, wanted: cpu(amount) });
/// assert_eq!(split(&cpu(80), &wants, Rule::Fair), [cpu(50), cpu(30)]);
/// assert_eq!(split(&cpu(80), &wants, Rule::Weighted), [cpu(60), cpu(20)]);
/// assert_eq!(split(&cpu(40), &wants, Rule::Fair), [cpu(20), cpu(20)]);
/// assert_eq!(split(&cpu(40), &wants, Rule::Proportional), [cpu(30), cpu(10)]);
/// ```
#[must_use]
pub fn split(capacity: &Amounts, wants: &[Want], rule: Rule) -> Vec<Amounts> {
    let tenant = |want: &Want| {
        let weight = if rule == Rule::Fair { 1 } else { want.weight };
        Tenant::new(weight, want.wanted).at_most(1)
    };
    if rule == Rule::Proportional {
        return proportional(capacity, wants);
    }
    let tenants: Vec<Tenant> = wants.iter().map(tenant).collect();
    let division = drf::divide(capacity, &tenants).expect("nothing was promised");
    division.units()
}

fn proportional(capacity: &Amounts, wants: &[Want]) -> Vec<Amounts> {
    let mut grants = vec![Amounts::ZERO; wants.len()];
    for (kind, total) in capacity.iter() {
        let wanted = wants.iter().map(|want| u128::from(want.wanted.get(kind)));
        let parts = in_proportion(total, wanted.sum(), wants, kind);
        for (grant, part) in grants.iter_mut().zip(parts) {
            *grant = grant.with(kind, part);
        }
    }
    grants
}

/// The parts of one kind, rounded by largest remainders.
fn in_proportion(total: u64, wanted: u128, wants: &[Want], kind: Kind) -> Vec<u64> {
    let mut parts: Vec<u64> = wants.iter().map(|want| want.wanted.get(kind)).collect();
    if wanted <= total.into() {
        return parts;
    }
    let mut rests = Vec::with_capacity(parts.len());
    let mut left = total;
    for (index, part) in parts.iter_mut().enumerate() {
        let product = u128::from(*part) * u128::from(total);
        *part = u64::try_from(product / wanted).expect("no more than the total");
        left -= *part;
        rests.push((product % wanted, index));
    }
    let left = usize::try_from(left).expect("fewer units than parts");
    rests.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, index) in &rests[..left] {
        parts[*index] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS: [Kind; 3] = [Kind::CPU, Kind::MEMORY, Kind::STORAGE];

    fn amounts(values: &[u64]) -> Amounts {
        Amounts::of(KINDS.into_iter().zip(values.iter().copied()))
    }

    fn cpus(capacity: u64, wants: &[(u64, u64)], rule: Rule) -> Vec<u64> {
        let want = |&(weight, amount)| Want {
            weight,
            wanted: amounts(&[amount]),
        };
        let wants: Vec<Want> = wants.iter().map(want).collect();
        let grants = split(&amounts(&[capacity]), &wants, rule);
        grants.iter().map(|grant| grant.get(Kind::CPU)).collect()
    }

    fn wants() -> impl Strategy<Value = Vec<Want>> {
        let amount = prop_oneof![Just(0), 1..=30_u64, any::<u64>()];
        let want =
            (0..=4_u64, prop::collection::vec(amount, 3)).prop_map(|(weight, wanted)| Want {
                weight,
                wanted: amounts(&wanted),
            });
        prop::collection::vec(want, 0..8)
    }

    fn rules() -> impl Strategy<Value = Rule> {
        prop::sample::select(vec![Rule::Fair, Rule::Weighted, Rule::Proportional])
    }

    #[test]
    fn fair_never_grants_ninety_where_the_fair_share_is_fifty() {
        assert_eq!(cpus(100, &[(1, 90), (1, 90)], Rule::Fair), [50, 50]);
        assert_eq!(
            cpus(100, &[(1, 90), (1, 90), (1, 10)], Rule::Fair),
            [45, 45, 10]
        );
    }

    #[test]
    fn weights_of_three_and_one_add_up_to_four() {
        assert_eq!(cpus(100, &[(3, 100), (1, 100)], Rule::Weighted), [75, 25]);
        assert_eq!(cpus(2, &[(3, 100), (1, 100)], Rule::Weighted), [2, 0]);
    }

    #[test]
    fn the_rules_are_three() {
        let wants = [(3, 90), (1, 30), (1, 60)];
        assert_eq!(cpus(120, &wants, Rule::Fair), [45, 30, 45]);
        assert_eq!(cpus(120, &wants, Rule::Weighted), [72, 24, 24]);
        assert_eq!(cpus(120, &wants, Rule::Proportional), [60, 20, 40]);
    }

    #[test]
    fn several_kinds_are_granted_in_the_proportion_in_which_they_are_wanted() {
        let want = |wanted: &[u64]| Want {
            weight: 1,
            wanted: amounts(wanted),
        };
        let wants = [want(&[9_000, 36]), want(&[9_000, 3])];
        let grants = split(&amounts(&[9_000, 18]), &wants, Rule::Fair);
        assert_eq!(grants, [amounts(&[3_000, 12]), amounts(&[6_000, 2])]);
    }

    proptest! {
        #[test]
        fn no_rule_grants_more_than_is_wanted_or_there(
            capacity in prop::collection::vec(prop_oneof![0..=40_u64, any::<u64>()], 3),
            wants in wants(),
            rule in rules(),
        ) {
            let capacity = amounts(&capacity);
            let grants = split(&capacity, &wants, rule);
            prop_assert_eq!(grants.len(), wants.len());
            for (grant, want) in grants.iter().zip(&wants) {
                prop_assert!(grant.fits_in(&want.wanted));
            }
            for kind in KINDS {
                let sum = |of: &[Amounts]| of.iter().map(|a| u128::from(a.get(kind))).sum::<u128>();
                let wanted: Vec<Amounts> = wants.iter().map(|want| want.wanted).collect();
                let bound = sum(&wanted).min(capacity.get(kind).into());
                prop_assert!(sum(&grants) <= bound);
                prop_assert!(rule != Rule::Proportional || sum(&grants) == bound);
            }
        }
    }
}

//! Who could help against a refusal, and how many of them it takes at least.

use super::budget::is_within;
use super::victim::{Cost, Field};
use cloudlot_core::ledger::{Reservation, State, Why};
use cloudlot_core::{Amounts, Label, Mode, Quantities, ResourceId};
use std::collections::BTreeMap;

/// Candidates by the resources that they hold something on.
pub(super) struct ByResource(BTreeMap<ResourceId, Vec<usize>>);

/// Candidates of whom at least one has to go.
pub(super) struct Help {
    /// Who, those who help most first.
    pub(super) who: Vec<usize>,
    /// No fewer will do.
    pub(super) at_least: usize,
    /// No so many of them are cheaper.
    pub(super) cheapest: Cost,
}

impl ByResource {
    pub(super) fn of(state: &State, field: &Field) -> Self {
        let mut by: BTreeMap<ResourceId, Vec<usize>> = BTreeMap::new();
        for (index, candidate) in field.candidates.iter().enumerate() {
            let holder = state.reservation(candidate.id);
            for hold in holder.iter().flat_map(|holder| holder.holds().iter()) {
                by.entry(hold.resource()).or_default().push(index);
            }
        }
        Self(by)
    }

    /// Who of those who may go helps against a refusal; `None` if all of them together do not.
    pub(super) fn against(
        &self,
        why: &Why,
        state: &State,
        field: &Field,
        may: impl Fn(usize) -> bool,
    ) -> Option<Help> {
        let holder = |index: usize| state.reservation(field.candidates[index].id);
        let all = || (0..field.candidates.len()).filter(|index| may(*index));
        match why {
            Why::Full { resource, short } => {
                let here = self.0.get(resource).map_or(&[][..], Vec::as_slice);
                let here = here.iter().copied().filter(|index| may(*index));
                let gives = |index| Some((index, holder(index)?.holds().on(*resource)));
                enough(field, &amounts(state, short)?, here.filter_map(gives))
            }
            Why::Limit { owner, short } => {
                let theirs = |holder: &Reservation| {
                    let path = state.owner(holder.owner());
                    path.is_some_and(|path| is_within(path, owner))
                };
                let gives = |index| {
                    let holder = holder(index).filter(|holder| theirs(holder))?;
                    Some((index, holder.holds().total()))
                };
                enough(field, &amounts(state, short)?, all().filter_map(gives))
            }
            Why::Apart { label, .. } => {
                let meets =
                    |index: &usize| holder(*index).is_some_and(|holder| names(holder, label));
                let who: Vec<usize> = all().filter(meets).collect();
                let cheapest = field.candidates[*who.first()?].cost;
                Some(Help {
                    who,
                    at_least: 1,
                    cheapest,
                })
            }
            _ => None,
        }
    }
}

fn amounts(state: &State, quantities: &Quantities) -> Option<Amounts> {
    state.kinds().amounts(quantities).ok()
}

/// Whether a holder bears a label, or wants to be apart from it.
fn names(holder: &Reservation, label: &Label) -> bool {
    holder.terms().is_some_and(|terms| {
        let shuns = terms.affinities.iter();
        let mut shuns = shuns.filter(|affinity| affinity.mode == Mode::Apart);
        terms.labels.has(label) || shuns.any(|affinity| affinity.label == *label)
    })
}

/// Those who give something of what is short, and how few of them could be enough.
fn enough(
    field: &Field,
    short: &Amounts,
    gifts: impl Iterator<Item = (usize, Amounts)>,
) -> Option<Help> {
    let mut gifts: Vec<(usize, Amounts)> = gifts
        .map(|(index, gift)| (index, gift.min(short)))
        .filter(|(_, gift)| !gift.is_zero())
        .collect();
    let mut at_least = 1;
    for (kind, short) in short.iter() {
        let mut of_kind: Vec<u64> = gifts.iter().map(|(_, gift)| gift.get(kind)).collect();
        of_kind.sort_unstable_by(|a, b| b.cmp(a));
        let mut sum = 0_u64;
        let reaches = |gift: &u64| {
            sum = sum.saturating_add(*gift);
            sum >= short
        };
        at_least = at_least.max(of_kind.iter().position(reaches)? + 1);
    }
    // Of what is short, in thousandths of each kind.
    let part = |gift: &Amounts| -> u128 {
        let of = |(kind, short): (_, u64)| u128::from(gift.get(kind)) * 1_000 / u128::from(short);
        short.iter().map(of).sum()
    };
    let mut costs: Vec<Cost> = gifts
        .iter()
        .map(|(index, _)| field.candidates[*index].cost)
        .collect();
    costs.sort_unstable();
    let cheapest = costs[..at_least]
        .iter()
        .copied()
        .fold(Cost::ZERO, Cost::and);
    // Candidates are numbered by cost, so that of equals the cheaper comes first.
    gifts.sort_by_key(|(index, gift)| (std::cmp::Reverse(part(gift)), *index));
    Some(Help {
        who: gifts.into_iter().map(|(index, _)| index).collect(),
        at_least,
        cheapest,
    })
}

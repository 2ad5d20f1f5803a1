//! Orders in which victims of a request of several members are tried: the first that suffice are where a search starts.

use super::victim::Field;
use cloudlot_core::ledger::State;
use cloudlot_core::{Amounts, Need, Request, ResourceId};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The cheapest first; the largest first; and resource by resource, those first where a victim makes room for most
/// members.
pub(super) fn orders(
    state: &State,
    request: &Request,
    field: &Field,
    victims: &[usize],
) -> Vec<Vec<usize>> {
    let need = member(state, request);
    let cheapest = victims.to_vec();
    let mut largest = victims.to_vec();
    let size = |victim: usize| {
        let holder = state.reservation(field.candidates[victim].id);
        holder.map_or(0, |holder| parts(&holder.holds().total(), &need))
    };
    largest.sort_by_key(|victim| (Reverse(size(*victim)), *victim));
    let by_resource = by_resource(state, &need, field, victims);
    vec![cheapest, largest, by_resource]
}

/// What one member of the first part takes; of an elastic need the least of all.
fn member(state: &State, request: &Request) -> Amounts {
    let quantities = match request.need() {
        Need::Parts(parts) => parts.first().map(|part| &part.amounts),
        Need::Elastic { least, .. } => Some(least),
    };
    let amounts = quantities.and_then(|quantities| state.kinds().amounts(quantities).ok());
    amounts.unwrap_or_default()
}

/// How much of a need an amount covers, in thousandths of each kind added up.
fn parts(amounts: &Amounts, need: &Amounts) -> u128 {
    let of = |(kind, need)| u128::from(amounts.get(kind).min(need)) * 1_000 / u128::from(need);
    need.iter().map(of).sum()
}

/// How many members fit.
fn members(free: &Amounts, need: &Amounts) -> u64 {
    let fit = need.iter().map(|(kind, need)| free.get(kind) / need);
    fit.min().unwrap_or(0)
}

fn by_resource(state: &State, need: &Amounts, field: &Field, victims: &[usize]) -> Vec<usize> {
    let mut here: BTreeMap<ResourceId, (Vec<usize>, Amounts)> = BTreeMap::new();
    for victim in victims {
        let holder = state.reservation(field.candidates[*victim].id);
        for hold in holder.iter().flat_map(|holder| holder.holds().iter()) {
            let (there, freed) = here.entry(hold.resource()).or_default();
            there.push(*victim);
            *freed = freed.saturating_add(&hold.amounts());
        }
    }
    // Members that a resource gains, and by how many victims.
    let gain = |id: ResourceId, victims: usize, freed: &Amounts| {
        let free = state.free(id);
        let more = members(&free.saturating_add(freed), need) - members(&free, need);
        let more = if state.takes_new(id) { more } else { 0 };
        Reverse(u128::from(more) * 1_000_000 / victims.max(1) as u128)
    };
    let mut ranked: Vec<_> = here
        .into_iter()
        .map(|(id, (there, freed))| (gain(id, there.len(), &freed), id, there))
        .collect();
    ranked.sort();
    let mut order: Vec<usize> = Vec::with_capacity(victims.len());
    let mut seen = vec![false; field.candidates.len()];
    for victim in ranked.into_iter().flat_map(|(_, _, there)| there) {
        if !std::mem::replace(&mut seen[victim], true) {
            order.push(victim);
        }
    }
    order
}

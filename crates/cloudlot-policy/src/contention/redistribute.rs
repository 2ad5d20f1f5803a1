//! Making room by shrinking elastic holders, and giving them back what returns: max-min fairly, each resource and kind
//! by itself.
//!
//! The ledger does not keep how far a reservation may shrink or grow; the caller says so. A holder on several resources
//! gives and gets on the lowest of them first. An owner's limit is not relieved on purpose: if that is what is short,
//! the request does not fit.

use super::place::Place;
use super::preempt::as_it_is;
use cloudlot_core::ledger::{Draft, Hold, Holds, Placement, Plan, State, View, Why};
use cloudlot_core::share::{BoundedClaim, max_min_bounded};
use cloudlot_core::{Amounts, Kind, Need, Request, ReservationId, ResourceId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A holder that can do with less, and use more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elastic {
    /// Who.
    pub reservation: ReservationId,
    /// What it keeps in any case, on all its resources together. It is something: nobody is shrunk to nothing.
    pub least: Amounts,
    /// The most it can use, on all its resources together.
    pub most: Amounts,
    /// Its part relative to the others'.
    pub weight: u64,
}

/// How far to go when elastic holders make room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Cut {
    /// As much as is needed and no more: those who have most for their weight give first, and nobody gets anything.
    #[default]
    Needed,
    /// What is left is divided anew: who has less than a fair share gets more.
    Level,
}

/// Room is made.
#[derive(Clone, PartialEq, Debug)]
pub struct Redistribution {
    /// Shrinks, perhaps grows, and reserves for the request.
    pub plan: Plan,
    /// Where the request goes.
    pub placement: Placement,
    /// Who holds something else than before; nobody if there was room.
    pub changed: Vec<ReservationId>,
}

/// A plan that makes room for a request by shrinking elastic holders to max-min fair shares of what the others and the
/// request leave, none below its least; with no changes if there is room. The view is as before.
///
/// Holders that are gone, or were told to go, are left out.
///
/// # Errors
/// Why the request does not fit; nobody is shrunk.
pub fn redistribute(
    view: &mut View,
    request: &Request,
    holders: &[Elastic],
    place: &dyn Place,
    cut: Cut,
    now: Timestamp,
) -> Result<Redistribution, Why> {
    if let Ok((plan, placement)) = as_it_is(view, request, place, now) {
        return Ok(Redistribution {
            plan,
            placement,
            changed: Vec::new(),
        });
    }
    let mut shares = Shares::of(view.state(), holders);
    let placement = {
        let mut draft = view.draft(now);
        let mut least = shares.clone();
        least.squeeze(&mut draft)?;
        place.place(&draft, request)?
    };
    for (resource, wanted) in wanted(view.state(), request, &placement) {
        shares.make_room(view.state(), resource, &wanted, cut);
    }
    let mut draft = view.draft(now);
    let mut changed = shares.apply(&mut draft, Way::Less)?;
    draft.reserve(request, &placement)?;
    changed.extend(shares.apply(&mut draft, Way::All)?);
    changed.sort_unstable();
    changed.dedup();
    Ok(Redistribution {
        plan: draft.finish(),
        placement,
        changed,
    })
}

/// A plan that lets elastic holders grow into what is free where they are, max-min fairly and up to their most. Nobody
/// shrinks; who is at an owner's limit stays as it is. The view is as before.
#[must_use]
pub fn regrow(view: &mut View, holders: &[Elastic], now: Timestamp) -> Plan {
    let mut shares = Shares::of(view.state(), holders);
    shares.grow(view.state());
    let mut draft = view.draft(now);
    let grown = shares.apply(&mut draft, Way::All);
    grown.expect("growing leaves out what is not possible");
    draft.finish()
}

/// Which changes to make.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Of each kind what is less than before.
    Less,
    /// All of them.
    All,
}

/// What each elastic holder holds on each resource, as it is to be.
#[derive(Clone)]
struct Shares {
    holders: Vec<Share>,
}

#[derive(Clone)]
struct Share {
    elastic: Elastic,
    holds: BTreeMap<ResourceId, Amounts>,
}

impl Share {
    fn elsewhere(&self, resource: ResourceId, kind: Kind) -> u64 {
        let others = self.holds.iter().filter(|(other, _)| **other != resource);
        others.fold(0, |sum: u64, (_, amounts)| {
            sum.saturating_add(amounts.get(kind))
        })
    }

    fn on(&self, resource: ResourceId, kind: Kind) -> u64 {
        self.holds
            .get(&resource)
            .map_or(0, |amounts| amounts.get(kind))
    }

    /// Below this it does not go on one resource, as long as it has what it has elsewhere.
    fn least_on(&self, resource: ResourceId, kind: Kind) -> u64 {
        let least = self.elastic.least.get(kind);
        let least = least.saturating_sub(self.elsewhere(resource, kind));
        least.min(self.on(resource, kind))
    }

    fn most_on(&self, resource: ResourceId, kind: Kind) -> u64 {
        let most = self.elastic.most.get(kind);
        let most = most.saturating_sub(self.elsewhere(resource, kind));
        most.max(self.on(resource, kind))
    }

    fn set(&mut self, resource: ResourceId, kind: Kind, amount: u64) {
        if let Some(amounts) = self.holds.get_mut(&resource) {
            *amounts = amounts.with(kind, amount);
        }
    }
}

impl Shares {
    fn of(state: &State, holders: &[Elastic]) -> Self {
        let mut seen = BTreeSet::new();
        let share = |elastic: &Elastic| {
            let holder = state.reservation(elastic.reservation)?;
            let first = !holder.is_evicting() && seen.insert(elastic.reservation);
            let holds = holder.holds().iter();
            first.then(|| Share {
                elastic: *elastic,
                holds: holds
                    .map(|hold| (hold.resource(), hold.amounts()))
                    .collect(),
            })
        };
        let mut holders: Vec<Share> = holders.iter().filter_map(share).collect();
        holders.sort_by_key(|share| share.elastic.reservation);
        Self { holders }
    }

    fn resources(&self) -> BTreeSet<ResourceId> {
        let each = self.holders.iter().flat_map(|share| share.holds.keys());
        each.copied().collect()
    }

    /// Everybody at its least, in the draft.
    fn squeeze(&mut self, draft: &mut Draft<'_>) -> Result<(), Why> {
        for resource in self.resources() {
            for share in &mut self.holders {
                for (kind, _) in share
                    .holds
                    .get(&resource)
                    .copied()
                    .unwrap_or_default()
                    .iter()
                {
                    let least = share.least_on(resource, kind);
                    share.set(resource, kind, least);
                }
            }
        }
        self.apply(draft, Way::Less).map(|_| ())
    }

    /// Shrinks on one resource until so much more would fit there.
    fn make_room(&mut self, state: &State, resource: ResourceId, wanted: &Amounts, cut: Cut) {
        let free = state.free(resource);
        let excess = state.overfull(resource);
        for (kind, wanted) in wanted.iter() {
            let missing = wanted
                .saturating_add(excess.get(kind))
                .saturating_sub(free.get(kind));
            if missing > 0 {
                self.divide(resource, kind, |held| held.checked_sub(missing), cut);
            }
        }
    }

    /// Divides what the holders have of a kind on a resource, after `total` has changed the sum; as it was if they cannot
    /// have so little.
    fn divide(
        &mut self,
        resource: ResourceId,
        kind: Kind,
        total: impl FnOnce(u64) -> Option<u64>,
        cut: Cut,
    ) {
        let here = |share: &&mut Share| share.holds.contains_key(&resource);
        let mut here: Vec<&mut Share> = self.holders.iter_mut().filter(here).collect();
        let claim = |share: &&mut Share| BoundedClaim {
            weight: share.elastic.weight,
            least: share.least_on(resource, kind),
            most: match cut {
                Cut::Needed => share.on(resource, kind),
                Cut::Level => share.most_on(resource, kind),
            },
        };
        let claims: Vec<BoundedClaim> = here.iter().map(claim).collect();
        let held = here.iter().map(|share| share.on(resource, kind));
        let held = held.fold(0, u64::saturating_add);
        let divided = total(held).and_then(|total| max_min_bounded(total, &claims).ok());
        for (share, amount) in here.iter_mut().zip(divided.into_iter().flatten()) {
            share.set(resource, kind, amount);
        }
    }

    /// Everybody grows into what is free, on every resource.
    fn grow(&mut self, state: &State) {
        for resource in self.resources() {
            let free = state.free(resource);
            let open = state.takes_new(resource);
            for (kind, free) in free.iter().filter(|_| open) {
                for share in &mut self.holders {
                    // Nobody gives anything up.
                    share.elastic.least = share.elastic.least.with(kind, u64::MAX);
                }
                self.divide(resource, kind, |held| held.checked_add(free), Cut::Level);
            }
        }
    }

    /// Makes the changes of one sort in a draft, and says whom they concern.
    fn apply(&self, draft: &mut Draft<'_>, way: Way) -> Result<Vec<ReservationId>, Why> {
        let mut changed = Vec::new();
        for share in &self.holders {
            let id = share.elastic.reservation;
            let Some(holder) = draft.state().reservation(id) else {
                continue;
            };
            let was = holder.holds().clone();
            let of = |hold: &Hold| {
                let to = share
                    .holds
                    .get(&hold.resource())
                    .copied()
                    .unwrap_or_default();
                let to = match way {
                    Way::Less => to.min(&hold.amounts()),
                    Way::All => to,
                };
                Hold::of(hold.resource(), &to, hold.count())
            };
            let some = was.iter().map(of).filter(|hold| !hold.amounts().is_zero());
            // Who would be left with nothing at all keeps what it has.
            let Some(to) = Holds::sum(some).filter(|to| *to != was) else {
                continue;
            };
            match (draft.resize(id, &to), way) {
                (Ok(()), _) => changed.push(id),
                (Err(why), Way::Less) => return Err(why),
                (Err(_), Way::All) => {}
            }
        }
        Ok(changed)
    }
}

/// What a request takes of each resource of a placement; what it cannot take is the ledger's to refuse.
fn wanted(
    state: &State,
    request: &Request,
    placement: &Placement,
) -> BTreeMap<ResourceId, Amounts> {
    let mut wanted: BTreeMap<ResourceId, Amounts> = BTreeMap::new();
    let mut add = |on: ResourceId, amounts: &Amounts| {
        let sum = wanted.entry(on).or_default();
        *sum = sum.saturating_add(amounts);
    };
    match placement {
        Placement::Shares(shares) => shares.iter().for_each(|(on, share)| add(*on, share)),
        Placement::Pieces(pieces) => {
            for piece in pieces {
                let part = request.need().parts().get(piece.part);
                let each = part.and_then(|part| state.kinds().amounts(&part.amounts).ok());
                let all = each.and_then(|each| each.checked_mul(piece.members.into()));
                add(piece.on, &all.unwrap_or_default());
            }
        }
    }
    wanted
}

/// What a request takes at least in all.
pub(super) fn total(state: &State, request: &Request) -> Amounts {
    let known = |quantities| state.kinds().amounts(quantities).unwrap_or_default();
    match request.need() {
        Need::Elastic { least, .. } => known(least),
        Need::Parts(parts) => parts.iter().fold(Amounts::ZERO, |sum, part| {
            let all = known(&part.amounts).checked_mul(part.min.into());
            sum.saturating_add(&all.unwrap_or_default())
        }),
    }
}

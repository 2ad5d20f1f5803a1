//! Where a request goes, when it is known how much room there is: asked of the caller, with first fit for those who do not mind.

use super::room::Room;
use cloudlot_core::ledger::{Piece, Placement};
use cloudlot_core::{Amounts, Need, On, Part, Request, ResourceId, Rulebook};
use std::collections::BTreeMap;

/// Chooses a place for a request among resources with room.
///
/// It is asked for one start after the other, the present first, until it names a place; [`Room::is_now`] tells them apart. A place
/// that it names for the present is taken at once, if it suits the request and there is room. So a placer may keep its own
/// count of what starts now, and may refuse what the ledger would refuse for reasons that are not on the time axis: limits of
/// owners, company of others.
pub trait Placer {
    /// Where the request would go; `None` if nowhere.
    fn place(&mut self, request: &Request, room: &Room<'_>) -> Option<Placement>;
}

impl<F: FnMut(&Request, &Room<'_>) -> Option<Placement>> Placer for F {
    fn place(&mut self, request: &Request, room: &Room<'_>) -> Option<Placement> {
        self(request, room)
    }
}

/// The first resources with room, by place: parts one after the other, each as many members as fit, an elastic need as much as fits
/// on one resource.
///
/// It asks the rules that are always there (see [`Rulebook`]), and neither affinities nor spreads: a request that has those needs a
/// placer that knows of them. It may miss a place for a gang of different parts that a search would find.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FirstFit;

impl Placer for FirstFit {
    fn place(&mut self, request: &Request, room: &Room<'_>) -> Option<Placement> {
        let rules = Rulebook::new();
        let mut search = Search {
            request,
            room,
            rules,
            taken: BTreeMap::new(),
        };
        match request.need() {
            Need::Parts(parts) => {
                let mut pieces = Vec::new();
                for (index, part) in parts.iter().enumerate() {
                    search.part(index, part, &mut pieces)?;
                }
                Some(Placement::Pieces(pieces))
            }
            Need::Elastic { least, most } => {
                let kinds = room.state().kinds();
                let (least, most) = (kinds.amounts(least).ok()?, kinds.amounts(most).ok()?);
                let on = search.suitable(0).find(|on| room.fits(*on, &least))?;
                Some(Placement::Shares(vec![(on, most.min(&room.free(on)))]))
            }
        }
    }
}

struct Search<'a> {
    request: &'a Request,
    room: &'a Room<'a>,
    rules: Rulebook,
    /// What earlier parts of the same request take.
    taken: BTreeMap<ResourceId, Amounts>,
}

impl Search<'_> {
    /// The resources that could take a member of a part if they were empty.
    fn suitable(&self, part: usize) -> impl Iterator<Item = ResourceId> {
        self.room.resources().filter(move |id| {
            let resource = self.room.state().resource(*id);
            resource.is_some_and(|resource| self.rules.matches(self.request, part, resource))
        })
    }

    /// How many times a member fits on a resource beside what the request has there already.
    fn times(&self, on: ResourceId, each: &Amounts) -> u64 {
        let mut free = self.room.free(on);
        if let Some(taken) = self.taken.get(&on) {
            free = free.saturating_sub(taken);
        }
        let times = each
            .iter()
            .map(|(kind, amount)| free.get(kind) / amount.max(1));
        times.min().unwrap_or(0)
    }

    fn part(&mut self, index: usize, part: &Part, pieces: &mut Vec<Piece>) -> Option<()> {
        let each = self.room.state().kinds().amounts(&part.amounts).ok()?;
        let members = match part.on {
            On::Node => self.nodes(index, part.count, &each),
            On::Children { of } => self.children(index, part.count, of, &each),
        };
        let places = match part.on {
            On::Node => 1,
            On::Children { of } => of.max(1),
        };
        let placed: u32 = members.iter().map(|(_, members)| members).sum();
        if placed / places < part.min {
            return None;
        }
        for (on, members) in members {
            let all = each.checked_mul(members.into())?;
            let sum = self.taken.entry(on).or_default();
            *sum = sum.checked_add(&all)?;
            pieces.push(Piece {
                part: index,
                on,
                members,
            });
        }
        Some(())
    }

    fn nodes(&self, part: usize, count: u32, each: &Amounts) -> Vec<(ResourceId, u32)> {
        let mut left = count;
        let mut members = Vec::new();
        for on in self.suitable(part) {
            if left == 0 {
                break;
            }
            let here = u32::try_from(self.times(on, each))
                .unwrap_or(u32::MAX)
                .min(left);
            if here > 0 {
                members.push((on, here));
                left -= here;
            }
        }
        members
    }

    fn children(&self, part: usize, count: u32, of: u32, each: &Amounts) -> Vec<(ResourceId, u32)> {
        let mut families: BTreeMap<ResourceId, Vec<(ResourceId, u32)>> = BTreeMap::new();
        for on in self.suitable(part) {
            if let Some(parent) = self.room.state().parent(on) {
                let times = u32::try_from(self.times(on, each)).unwrap_or(u32::MAX);
                families.entry(parent).or_default().push((on, times));
            }
        }
        let mut left = count;
        let mut members = Vec::new();
        for children in families.values() {
            let here = family(children, of.max(1), left);
            left -= here;
            members.extend(dealt(children, of.max(1), here));
        }
        members
    }
}

/// The most members, each on `of` different children, if each child can take so many.
///
/// `m` members fit exactly if the children can give `of × m` places with at most `m` on one; and if `m` fit, so do fewer.
fn family(children: &[(ResourceId, u32)], of: u32, most: u32) -> u32 {
    let fits = |members: u32| {
        let places = children
            .iter()
            .map(|(_, times)| u64::from(*times.min(&members)));
        places.sum::<u64>() >= u64::from(of) * u64::from(members)
    };
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// The places of so many members, from the first children on.
fn dealt(children: &[(ResourceId, u32)], of: u32, members: u32) -> Vec<(ResourceId, u32)> {
    let mut left = u64::from(of) * u64::from(members);
    let mut dealt = Vec::new();
    for (on, times) in children {
        let most = u64::from(*times.min(&members)).min(left);
        if let Some(here) = u32::try_from(most).ok().filter(|here| *here > 0) {
            dealt.push((*on, here));
            left -= u64::from(here);
        }
    }
    dealt
}

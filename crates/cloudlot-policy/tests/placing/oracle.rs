//! All placements there are, tried one after the other: whether a draft takes one of them and its spreads are kept.

use cloudlot_core::ledger::{Assembly, Group, Piece, Placement, State, View};
use cloudlot_core::{Amounts, Kind, Need, On, Part, Request, ResourceId, Spread, Timestamp};
use std::collections::BTreeMap;

/// The first placement that is legal, if there is one.
pub(crate) fn any(view: &mut View, request: &Request, rows: &[ResourceId]) -> Option<Placement> {
    let all = conceivable(view.state(), request, rows);
    all.into_iter()
        .find(|placement| is_legal(view, request, placement, rows))
}

/// All placements that are legal.
pub(crate) fn all(view: &mut View, request: &Request, rows: &[ResourceId]) -> Vec<Placement> {
    let mut all = conceivable(view.state(), request, rows);
    all.retain(|placement| is_legal(view, request, placement, rows));
    all
}

fn conceivable(state: &State, request: &Request, rows: &[ResourceId]) -> Vec<Placement> {
    match request.need() {
        Need::Parts(parts) => pieces(state, parts, rows),
        Need::Elastic { .. } => shares(state, request, rows),
    }
}

fn is_legal(
    view: &mut View,
    request: &Request,
    placement: &Placement,
    rows: &[ResourceId],
) -> bool {
    is_spread(view.state(), request, placement, rows)
        && view
            .draft(Timestamp::ZERO)
            .reserve(request, placement)
            .is_ok()
}

/// Every way to put every number of members down, however illegal.
fn pieces(state: &State, parts: &[Part], rows: &[ResourceId]) -> Vec<Placement> {
    let mut all: Vec<Vec<Piece>> = vec![Vec::new()];
    for (n, part) in parts.iter().enumerate() {
        let (of, devices) = match part.on {
            On::Node => (1, false),
            On::Children { of } => (of, true),
        };
        let own = rows.iter().copied();
        let own = own.filter(|on| state.parent(*on).is_some() == devices);
        let own: Vec<ResourceId> = own.collect();
        let mut ways = Vec::new();
        for members in part.min..=part.count {
            deal(&own, members * of, members, &mut Vec::new(), &mut ways);
        }
        let piece = |(on, members): &(ResourceId, u32)| Piece {
            part: n,
            on: *on,
            members: *members,
        };
        all = all
            .iter()
            .flat_map(|before| {
                ways.iter().map(move |way| {
                    let more = way.iter().map(piece);
                    before.iter().copied().chain(more).collect()
                })
            })
            .collect();
    }
    all.into_iter().map(Placement::Pieces).collect()
}

/// Every way to deal so many places to rows, at most `most` to each.
fn deal(
    rows: &[ResourceId],
    places: u32,
    most: u32,
    dealt: &mut Vec<(ResourceId, u32)>,
    out: &mut Vec<Vec<(ResourceId, u32)>>,
) {
    let Some((first, rest)) = rows.split_first() else {
        if places == 0 {
            out.push(dealt.clone());
        }
        return;
    };
    for here in 0..=places.min(most) {
        if here > 0 {
            dealt.push((*first, here));
        }
        deal(rest, places - here, most, dealt, out);
        if here > 0 {
            dealt.pop();
        }
    }
}

/// Every set of rows, each with at least one unit of some kind, and then with as much as there is.
fn shares(state: &State, request: &Request, rows: &[ResourceId]) -> Vec<Placement> {
    let assembly = match Assembly::new(state, request, Timestamp::ZERO) {
        Ok(assembly) => assembly,
        Err(_) => return Vec::new(),
    };
    let most = assembly.each(1);
    let kinds: Vec<Kind> = most.iter().map(|(kind, _)| kind).collect();
    let choices = kinds.len() + 1;
    let ways = (0..rows.len()).fold(1, |ways, _| ways * choices);
    let mut all = Vec::new();
    for way in 0..ways {
        let mut rest = most;
        for (kind, left) in most.iter() {
            rest = rest.with(kind, left.min(assembly.spare(kind)));
        }
        let mut code = way;
        let mut shares: Vec<(ResourceId, Amounts)> = Vec::new();
        let mut legal = true;
        for on in rows {
            let first = code % choices;
            code /= choices;
            if let Some(kind) = first.checked_sub(1).map(|kind| kinds[kind]) {
                legal &= rest.get(kind) > 0 && assembly.left(*on, kind) > 0;
                let token = Amounts::of([(kind, 1)]);
                rest = rest.saturating_sub(&token);
                shares.push((*on, token));
            }
        }
        for (on, share) in &mut shares {
            for (kind, wanted) in rest.iter().collect::<Vec<_>>() {
                let left = assembly.left(*on, kind).saturating_sub(share.get(kind));
                let more = wanted.min(left);
                *share = share.with(kind, share.get(kind) + more);
                rest = rest.with(kind, wanted - more);
            }
        }
        if legal {
            all.push(Placement::Shares(shares));
        }
    }
    all
}

/// Whether no domain has more members than the emptiest that could serve and the skew allow, nor more than the most.
pub(crate) fn is_spread(
    state: &State,
    request: &Request,
    placement: &Placement,
    rows: &[ResourceId],
) -> bool {
    let keeps = |spread: &Spread| {
        let own = members(state, request, placement, spread);
        let assembly = Assembly::new(state, request, Timestamp::ZERO).unwrap();
        let parts = request.need().parts().len().max(1);
        let serving = rows
            .iter()
            .filter(|on| (0..parts).any(|part| assembly.suits(part, **on).is_ok()));
        let domains = serving.filter_map(|on| state.topology(*on)?.domain(&spread.level));
        let total = |domain: &str| {
            let others = spread.among.clone().map_or(0, |label| {
                state.members(&Group {
                    label,
                    level: spread.level.clone(),
                    domain: domain.to_owned(),
                })
            });
            others + own.get(domain).copied().unwrap_or(0)
        };
        let least = domains.map(total).min().unwrap_or(u64::MAX);
        let bar = least.saturating_add(spread.max_skew.into());
        let bar = bar.min(spread.most.map_or(u64::MAX, u64::from));
        own.keys().all(|domain| total(domain) <= bar)
    };
    request.spreads().iter().all(keeps)
}

/// The members of the request in each domain; one on several devices counts once.
fn members(
    state: &State,
    request: &Request,
    placement: &Placement,
    spread: &Spread,
) -> BTreeMap<String, u64> {
    let mut places: BTreeMap<(usize, String), u64> = BTreeMap::new();
    let mut add = |part: usize, on: ResourceId, members: u64| {
        let domain = state
            .topology(on)
            .and_then(|place| place.domain(&spread.level));
        let domain = domain.unwrap_or_default().to_owned();
        *places.entry((part, domain)).or_default() += members;
    };
    match placement {
        Placement::Pieces(pieces) => {
            for piece in pieces {
                add(piece.part, piece.on, piece.members.into());
            }
        }
        Placement::Shares(shares) => {
            for (on, _) in shares {
                add(0, *on, 1);
            }
        }
    }
    let mut members: BTreeMap<String, u64> = BTreeMap::new();
    for ((part, domain), places) in places {
        let of = match request.need().parts().get(part).map(|part| part.on) {
            Some(On::Children { of }) => u64::from(of),
            _ => 1,
        };
        *members.entry(domain).or_default() += places / of;
    }
    members
}

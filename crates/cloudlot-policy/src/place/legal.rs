//! The four filters that every strategy begins with: they ask core what is legal.

use super::{Ask, Filter, Reads, RowSet};
use cloudlot_core::ledger::{Group, Row};
use cloudlot_core::{ResourceId, Spread};
use std::collections::BTreeMap;

/// The rulebook: constraints, capabilities, taints, states, and whether the row is large enough at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Suits;

impl Filter for Suits {
    fn name(&self) -> &str {
        "suits"
    }

    fn keep(&self, ask: &Ask<'_>, rows: &[ResourceId], keep: &mut RowSet) {
        keep.retain(|index| ask.assembly.suits(ask.part, rows[index]).is_ok());
    }

    fn reads(&self) -> Reads {
        Reads::Description
    }
}

/// What is left on the row during the request's window.
#[derive(Clone, Copy, Debug, Default)]
pub struct Room;

impl Filter for Room {
    fn name(&self) -> &str {
        "room"
    }

    fn keep(&self, ask: &Ask<'_>, rows: &[ResourceId], keep: &mut RowSet) {
        if ask.request().need().parts().is_empty() {
            keep.retain(|index| !ask.wants(rows[index]).is_zero());
        } else {
            keep.retain(|index| ask.assembly.fit(ask.part, rows[index]) > 0);
        }
    }

    fn reads(&self) -> Reads {
        Reads::Row
    }
}

/// Affinity and anti-affinity, of the request and of those that are there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Company;

impl Filter for Company {
    fn name(&self) -> &str {
        "company"
    }

    fn keep(&self, ask: &Ask<'_>, rows: &[ResourceId], keep: &mut RowSet) {
        if ask.request().terms().is_some() {
            keep.retain(|index| ask.assembly.company(rows[index]).is_ok());
        }
    }

    fn reads(&self) -> Reads {
        Reads::World
    }
}

/// Spreads: how far ahead of the emptiest domain a row's domain may be, and how many members it may have.
///
/// The emptiest domain is taken among those in which a row suits the request, whether it has room or not: a domain
/// that is full holds the others back, as with `DoNotSchedule` in Kubernetes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Skew;

impl Filter for Skew {
    fn name(&self) -> &str {
        "spread"
    }

    fn keep(&self, ask: &Ask<'_>, rows: &[ResourceId], keep: &mut RowSet) {
        for spread in ask.request().spreads() {
            let counts = counts(ask, spread);
            let least = counts.values().min().copied().unwrap_or(0);
            let most = least.saturating_add(spread.max_skew.into());
            let most = most.min(spread.most.map_or(u64::MAX, u64::from));
            keep.retain(|index| {
                let domain = domain(ask, &spread.level, rows[index]);
                domain.is_some_and(|domain| counts.get(domain).copied().unwrap_or(0) < most)
            });
        }
    }

    fn reads(&self) -> Reads {
        Reads::World
    }

    fn depends(&self, ask: &Ask<'_>, _: ResourceId, rows: &mut Vec<Row>) {
        for spread in ask.request().spreads() {
            for domain in counts(ask, spread).into_keys() {
                rows.extend(group(spread, domain).map(Row::Group));
            }
        }
    }
}

fn domain<'a>(ask: &Ask<'a>, level: &str, on: ResourceId) -> Option<&'a str> {
    ask.state().topology(on)?.domain(level)
}

fn group(spread: &Spread, domain: &str) -> Option<Group> {
    Some(Group {
        label: spread.among.clone()?,
        level: spread.level.clone(),
        domain: domain.to_owned(),
    })
}

/// How many members each domain has: of the request, and of those that the spread counts besides.
pub(crate) fn counts<'a>(ask: &Ask<'a>, spread: &Spread) -> BTreeMap<&'a str, u64> {
    let suiting = ask.world.rows.iter();
    let suiting = suiting.filter(|on| ask.assembly.suits(ask.part, **on).is_ok());
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for domain in suiting.filter_map(|on| domain(ask, &spread.level, *on)) {
        counts.entry(domain).or_insert_with(|| {
            group(spread, domain).map_or(0, |group| ask.state().members(&group))
        });
    }
    for piece in ask.assembly.pieces() {
        if let Some(domain) = domain(ask, &spread.level, piece.on) {
            let count = counts.entry(domain).or_default();
            *count = count.saturating_add(piece.members.into());
        }
    }
    counts
}

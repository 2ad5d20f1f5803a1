//! The four filters that every strategy begins with: they ask core what is legal.

use super::{Ask, Filter, Reads, RowSet};
use cloudlot_core::ledger::{Group, Row};
use cloudlot_core::{ResourceId, Spread};
use std::collections::BTreeSet;

/// How many filters ask what is legal: every strategy begins with them.
pub(crate) const LEGAL: usize = 4;
/// The place of [`Skew`] among them.
pub(crate) const SKEW: usize = 3;

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
            let joins = |on| ask.assembly.joins(ask.part, on);
            keep.retain(|index| joins(rows[index]) || ask.assembly.company(rows[index]).is_ok());
        }
    }

    fn reads(&self) -> Reads {
        Reads::World
    }
}

/// Spreads: how far ahead of the emptiest domain a row's domain may be, and how many members it may have.
///
/// The emptiest domain is taken among those in which a row suits some part of the request, whether it has room or not: a
/// domain that is full holds the others back, as with `DoNotSchedule` in Kubernetes. The rule is about the placement as a
/// whole; this filter asks it piece by piece, which a search for a placement need not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Skew;

impl Filter for Skew {
    fn name(&self) -> &str {
        "spread"
    }

    fn keep(&self, ask: &Ask<'_>, rows: &[ResourceId], keep: &mut RowSet) {
        if ask.request().spreads().is_empty() {
            return;
        }
        keep.retain(|index| {
            let on = rows[index];
            ask.assembly.joins(ask.part, on) || ask.assembly.spread_room(on, 1) > 0
        });
    }

    fn reads(&self) -> Reads {
        Reads::World
    }

    fn depends(&self, ask: &Ask<'_>, _: ResourceId, rows: &mut Vec<Row>) {
        for spread in ask.request().spreads() {
            for domain in domains(ask, spread) {
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

/// The domains that can hold a spread back: those in which a row suits some part.
fn domains<'a>(ask: &Ask<'a>, spread: &Spread) -> BTreeSet<&'a str> {
    let parts = ask.request().need().parts().len().max(1);
    let suits = |on: &&ResourceId| (0..parts).any(|part| ask.assembly.suits(part, **on).is_ok());
    let rows = ask.world.rows.iter().filter(suits);
    rows.filter_map(|on| domain(ask, &spread.level, *on))
        .collect()
}

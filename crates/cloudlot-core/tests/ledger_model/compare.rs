//! Whether a ledger, a view or a draft shows what the model says.

use crate::ask::{bag, loads};
use crate::commands::TAGS;
use crate::model::{Bag, Model, NOTHING, Row, Spot, minus, stamp};
use cloudlot_core::ledger::{Activity, Group, Ledger, Stage, State};
use cloudlot_core::{Label, OwnerPath};
use std::collections::BTreeSet;
use std::fmt::Debug;

pub(crate) fn same<T: PartialEq + Debug>(
    what: impl Debug,
    ledger: T,
    model: T,
) -> Result<(), String> {
    if ledger == model {
        return Ok(());
    }
    Err(format!(
        "{what:?}: the ledger says {ledger:?}, the model {model:?}"
    ))
}

fn path(owner: &str) -> OwnerPath {
    owner.parse().unwrap()
}

pub(crate) fn group((tag, level, domain): &Spot) -> Group {
    Group {
        label: Label {
            key: tag.0.to_owned(),
            value: tag.1.to_owned(),
        },
        level: level.clone(),
        domain: domain.clone(),
    }
}

/// Every place where labels are counted.
pub(crate) fn spots(model: &Model) -> BTreeSet<Spot> {
    let everywhere = TAGS.map(|tag| (tag, String::new(), String::new()));
    let domains = model.things.keys().flat_map(|id| model.domains(*id));
    let inside =
        domains.flat_map(|(level, domain)| TAGS.map(|tag| (tag, level.to_owned(), domain.clone())));
    inside.chain(everywhere).collect()
}

/// Resources, limits, owners and groups.
pub(crate) fn rows(state: &State, model: &Model, owners: &[&'static str]) -> Result<(), String> {
    let kinds = state.kinds();
    same(
        "kinds",
        kinds.len(),
        5 + model.known.iter().filter(|kind| **kind > 1).count(),
    )?;
    same("resources", state.resource_count(), model.things.len())?;
    let at = model.now + model.turn % 9;
    let mut overfull = 0;
    for (id, thing) in &model.things {
        let most = model.most(Row::On(*id), None);
        let excess = minus(&most, &thing.limit);
        overfull += usize::from(excess != NOTHING);
        let said = [
            state.limit(*id),
            state.taken(*id),
            state.free(*id),
            state.overfull(*id),
            state.taken_at(*id, stamp(at)),
        ];
        let counted = [
            thing.limit,
            most,
            minus(&thing.limit, &most),
            excess,
            model.taken_at(*id, at),
        ];
        same(
            ("limit, taken, free, excess, taken at", id),
            said.map(|amounts| bag(kinds, &amounts)),
            counted,
        )?;
        let holders: Vec<_> = model
            .claims
            .values()
            .filter(|claim| claim.loads.contains_key(id))
            .collect();
        same(
            ("holders", id),
            state.hold_count(*id) as usize,
            holders.len(),
        )?;
        let activity = match holders.iter().any(|claim| claim.confirmed.is_some()) {
            true => Activity::InUse,
            false if holders.is_empty() => Activity::Idle,
            false => Activity::Reserved,
        };
        same(("activity", id), state.activity(*id), Some(activity))?;
        same(("open", id), state.takes_new(*id), model.is_open(*id))?;
        same(
            ("parts", id),
            state.children(*id).len(),
            model.children(*id),
        )?;
        same(("name", id), state.find(&thing.name), Some(*id))?;
    }
    for owner in owners {
        let path = path(owner);
        same(
            ("known", owner),
            state.find_owner(&path).is_some(),
            model.owners.contains(owner),
        )?;
        let free = state.owner_free(&path).map(|amounts| bag(kinds, &amounts));
        let excess = bag(kinds, &state.owner_overfull(&path));
        let counted = model.limits.contains_key(owner).then(|| {
            let (limit, most) = (
                model.limit(Row::Of(owner)),
                model.most(Row::Of(owner), None),
            );
            (minus(&limit, &most), minus(&most, &limit))
        });
        overfull += usize::from(counted.is_some_and(|(_, excess)| excess != NOTHING));
        same(
            ("left of the limit", owner),
            free,
            counted.map(|(free, _)| free),
        )?;
        same(
            ("above the limit", owner),
            excess,
            counted.map_or(NOTHING, |(_, excess)| excess),
        )?;
    }
    same("overfull rows", state.all_overfull().count(), overfull)?;
    // Spots are many: now and then is often enough, for a wrong count stays.
    if model.touched_tags.is_empty() || !model.turn.is_multiple_of(4) {
        return Ok(());
    }
    for spot in spots(model) {
        same(
            ("members", &spot),
            state.members(&group(&spot)),
            model.members(&spot),
        )?;
    }
    Ok(())
}

/// Every reservation.
pub(crate) fn claims(state: &State, model: &Model) -> Result<(), String> {
    same(
        "reservations",
        state.reservation_count(),
        model.claims.len(),
    )?;
    for (id, claim) in &model.claims {
        let Some(said) = state.reservation(*id) else {
            return Err(format!("{id} is gone, and the model has {claim:?}"));
        };
        same(
            ("holds", id),
            loads(state.kinds(), said.holds()),
            claim.loads.clone(),
        )?;
        let stage = match claim.confirmed {
            Some(since) => Stage::Confirmed {
                since: stamp(since),
            },
            None => Stage::Held {
                until: stamp(claim.hold_until),
            },
        };
        same(("stage", id), said.stage(), stage)?;
        same(
            ("span", id),
            (said.span().from, said.span().until),
            (stamp(claim.from), stamp(claim.until)),
        )?;
        same(
            ("owner", id),
            state.owner(said.owner()),
            Some(&path(claim.owner)),
        )?;
        same(("evicting", id), said.is_evicting(), claim.evicting)?;
        same(("lost", id), state.is_lost(*id), model.is_lost(claim))?;
        let ends = (claim.ends() < u64::MAX).then(|| stamp(claim.ends()));
        same(("end", id), said.ends(), ends)?;
    }
    Ok(())
}

/// All that a ledger shows.
pub(crate) fn ledger(
    ledger: &Ledger,
    model: &Model,
    owners: &[&'static str],
) -> Result<(), String> {
    same("now", ledger.now(), stamp(model.now))?;
    same("backwards", ledger.backwards(), model.backwards)?;
    same(
        "next deadline",
        ledger.next_deadline(),
        model.next_deadline().map(stamp),
    )?;
    same("keys", ledger.key_count(), model.keys.len())?;
    claims(ledger.state(), model)?;
    rows(ledger.state(), model, owners)
}

/// Adds up what is held, from the ledger's own list, and compares it with the ledger's own rows: at this moment no row
/// holds more or less than its holders.
pub(crate) fn conserved(ledger: &Ledger) -> Result<(), String> {
    let (state, now) = (ledger.state(), ledger.now());
    for (id, _) in state.resources() {
        let holds = state
            .on(id)
            .filter(|(_, held)| held.span().from <= now && now < held.span().until);
        let sum = holds.fold(NOTHING, |sum: Bag, (_, held)| {
            crate::model::plus(&sum, &bag(state.kinds(), &held.holds().on(id)))
        });
        same(
            ("conservation", id),
            bag(state.kinds(), &state.taken_at(id, now)),
            sum,
        )?;
    }
    Ok(())
}

/// How much is held above every limit.
pub(crate) fn excess(state: &State, owners: &[&'static str]) -> Vec<(String, Bag)> {
    let kinds = state.kinds();
    let resources = state
        .resources()
        .map(|(id, _)| (id.to_string(), bag(kinds, &state.overfull(id))));
    let owners = owners.iter().map(|owner| {
        (
            (*owner).to_owned(),
            bag(kinds, &state.owner_overfull(&path(owner))),
        )
    });
    resources.chain(owners).collect()
}

/// Whether nothing is further above a limit than before.
pub(crate) fn never_higher(
    before: &[(String, Bag)],
    after: &[(String, Bag)],
) -> Result<(), String> {
    for (row, now) in after {
        let was = before
            .iter()
            .find(|(own, _)| own == row)
            .map_or(NOTHING, |(_, was)| *was);
        if minus(now, &was) != NOTHING {
            return Err(format!("{row} was {was:?} above its limit, and is {now:?}"));
        }
    }
    Ok(())
}

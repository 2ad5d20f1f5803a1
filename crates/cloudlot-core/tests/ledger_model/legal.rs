//! Everything that is against a command, by the model. A ledger may give any one of the reasons; without any it must
//! say yes.

use crate::ask::{Ask, Group, Put, Wants};
use crate::model::{Bag, Loads, Model, NOTHING, Row, Stretch, Tag, covers, minus, plus, total};
use cloudlot_core::ledger::{AdminError, Why};
use cloudlot_core::{ReservationId, ResourceId};
use std::collections::BTreeMap;

/// A reason, as far as the model tells them apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum No {
    Full(ResourceId),
    Limit(String),
    Unsuitable(ResourceId),
    Closed,
    Apart,
    Together,
    Placement,
    UnknownKind,
    UnknownResource(ResourceId),
    Gone(ReservationId),
    TooLate,
    Evicting(ReservationId),
    Confirmed(ReservationId),
    Lost(ReservationId),
    NotHeld(ReservationId),
    KeyReused,
    Overflow,
    TooMany,
}

impl From<&Why> for No {
    fn from(why: &Why) -> Self {
        match why {
            Why::Full { resource, .. } => Self::Full(*resource),
            Why::Limit { owner, .. } => Self::Limit(owner.to_string()),
            Why::Unsuitable { resource, .. } => Self::Unsuitable(*resource),
            Why::Closed { .. } => Self::Closed,
            Why::Apart { .. } => Self::Apart,
            Why::Together { .. } => Self::Together,
            Why::Placement(_) => Self::Placement,
            Why::UnknownKind(_) => Self::UnknownKind,
            Why::UnknownResource(id) => Self::UnknownResource(*id),
            Why::Gone(id) => Self::Gone(*id),
            Why::TooLate(_) => Self::TooLate,
            Why::Evicting(id) => Self::Evicting(*id),
            Why::Confirmed(id) => Self::Confirmed(*id),
            Why::Lost { id, .. } => Self::Lost(*id),
            Why::NotHeld { id, .. } => Self::NotHeld(*id),
            Why::KeyReused(_) => Self::KeyReused,
            Why::Overflow => Self::Overflow,
            Why::TooMany(_) => Self::TooMany,
        }
    }
}

/// A reason against an operator's command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NoAdmin {
    NameTaken,
    NoParent,
    TooDeep,
    Moved,
    Unknown,
    InUse(u32, usize),
    Kinds,
    Overflow,
}

impl From<&AdminError> for NoAdmin {
    fn from(error: &AdminError) -> Self {
        match error {
            AdminError::NameTaken(_) => Self::NameTaken,
            AdminError::NoParent(_) => Self::NoParent,
            AdminError::TooDeep(_) => Self::TooDeep,
            AdminError::Moved(_) => Self::Moved,
            AdminError::Unknown(_) => Self::Unknown,
            AdminError::InUse {
                holds, children, ..
            } => Self::InUse(*holds, *children),
            AdminError::Kinds(_) => Self::Kinds,
            AdminError::Owner(_) => Self::Overflow,
        }
    }
}

const LIMIT: u128 = u64::MAX as u128;

impl Model {
    /// Against a whole request on a placement, but for its key.
    pub(crate) fn against(&self, ask: &Ask, put: &Put) -> Vec<No> {
        let loads = ask.loads(put);
        let mut no = self.against_form(ask, put);
        for (part, on) in parts(put) {
            self.against_place(ask, part, on, &mut no);
        }
        self.against_company(ask, &loads, &self.sites(ask, put), &mut no);
        no.extend(self.against_booking(ask.owner, &loads, ask.from, ask.until));
        no
    }

    /// Whether the pieces are what was asked for.
    fn against_form(&self, ask: &Ask, put: &Put) -> Vec<No> {
        let mut no = Vec::new();
        let kinds = match &ask.wants {
            Wants::Groups(groups) => groups
                .iter()
                .fold(NOTHING, |all, group| plus(&all, &group.each)),
            Wants::Between(_, most) => *most,
        };
        if (0..4).any(|kind| kinds[kind] > 0 && !self.known.contains(&kind)) {
            no.push(No::UnknownKind);
        }
        let right = match (&ask.wants, put) {
            (Wants::Groups(groups), Put::Pieces(pieces)) => {
                pieces.iter().all(|(part, ..)| *part < groups.len())
                    && groups
                        .iter()
                        .enumerate()
                        .all(|(part, group)| self.is_group(part, group, pieces))
            }
            (Wants::Between(least, most), Put::Shares(shares)) => {
                let sum = shares
                    .iter()
                    .fold(NOTHING, |sum, (_, share)| plus(&sum, share));
                minus(least, &sum) == NOTHING && minus(&sum, most) == NOTHING
            }
            _ => false,
        };
        if !right {
            no.push(No::Placement);
        }
        if total(&ask.loads(put)).iter().any(|amount| *amount > LIMIT) {
            no.push(No::Overflow);
        }
        if ask.loads(put).is_empty() {
            no.push(No::Placement);
            no.push(No::Overflow);
        }
        no
    }

    fn is_group(&self, part: usize, group: &Group, pieces: &[(usize, ResourceId, u32)]) -> bool {
        let here = pieces.iter().filter(|(own, ..)| *own == part);
        let members = match group.children {
            None => Some(here.map(|(.., members)| u64::from(*members)).sum()),
            Some(of) => {
                let mut families: BTreeMap<ResourceId, BTreeMap<ResourceId, u64>> = BTreeMap::new();
                for (_, on, members) in here {
                    let Some(parent) = self.things.get(on).and_then(|thing| thing.parent) else {
                        return false;
                    };
                    *families.entry(parent).or_default().entry(*on).or_default() +=
                        u64::from(*members);
                }
                let dealt = families
                    .values()
                    .map(|children| deal(children.values().copied().collect(), of));
                dealt.sum::<Option<u64>>()
            }
        };
        members.is_some_and(|members| {
            (u64::from(group.min)..=u64::from(group.count)).contains(&members)
        })
    }

    /// Whether the resource could take it if it were empty.
    fn against_place(&self, ask: &Ask, part: usize, on: ResourceId, no: &mut Vec<No>) {
        let Some(thing) = self.things.get(&on) else {
            return no.push(No::UnknownResource(on));
        };
        if !self.is_open(on) {
            no.push(No::Closed);
        }
        let domains = self.domains(on);
        let stands = |level: &str| domains.iter().any(|(own, _)| *own == level);
        let levels = ask
            .near
            .iter()
            .chain(&ask.apart)
            .all(|(_, level)| stands(level));
        let zone = ask
            .zone
            .is_none_or(|zone| domains.contains(&("zone", zone.to_owned())));
        let marks = (!ask.ssd || thing.ssd) && (!thing.tainted || ask.tolerant);
        let fits = match &ask.wants {
            Wants::Groups(groups) => groups.get(part).is_some_and(|group| {
                group.children.is_some() == thing.parent.is_some()
                    && minus(&group.each, &thing.limit) == NOTHING
            }),
            Wants::Between(least, _) => {
                thing.parent.is_none()
                    && (0..4).all(|kind| least[kind] == 0 || thing.limit[kind] > 0)
            }
        };
        if !(levels && zone && marks && fits) {
            no.push(No::Unsuitable(on));
        }
    }

    /// How many members sit where: one on several children sits on one of them.
    fn sites(&self, ask: &Ask, put: &Put) -> Vec<(ResourceId, u64)> {
        let mut sites: BTreeMap<ResourceId, u64> = BTreeMap::new();
        let mut places: BTreeMap<(usize, ResourceId), (ResourceId, u64, u64)> = BTreeMap::new();
        let (Wants::Groups(groups), Put::Pieces(pieces)) = (&ask.wants, put) else {
            return ask
                .loads(put)
                .into_iter()
                .map(|(on, (_, n))| (on, n))
                .collect();
        };
        for (part, on, members) in pieces.iter().filter(|(.., members)| *members > 0) {
            let parent = self.things.get(on).and_then(|thing| thing.parent);
            let of = groups.get(*part).and_then(|group| group.children);
            let (family, of) = (parent.unwrap_or(*on), of.unwrap_or(1));
            let family = if of == 1 { *on } else { family };
            let place = places
                .entry((*part, family))
                .or_insert((*on, 0, u64::from(of)));
            place.1 += u64::from(*members);
        }
        for (on, places, of) in places.into_values() {
            *sites.entry(on).or_default() += places / of;
        }
        sites.into_iter().collect()
    }

    /// Whether it gets the company that it wants, and is let in by those who are there.
    fn against_company(
        &self,
        ask: &Ask,
        loads: &Loads,
        sites: &[(ResourceId, u64)],
        no: &mut Vec<No>,
    ) {
        for (tag, level) in &ask.apart {
            let own = ask.tags.contains(tag);
            let mut seen = Vec::new();
            for (id, count) in sites {
                let Some(domain) = self.domain(*id, level) else {
                    continue;
                };
                let others = self.members(&(*tag, (*level).to_owned(), domain.clone()));
                if others > 0 || (own && (*count > 1 || seen.contains(&domain))) {
                    no.push(No::Apart);
                }
                seen.push(domain);
            }
        }
        for (tag, level) in &ask.near {
            let mut domains: Vec<Option<String>> =
                loads.keys().map(|id| self.domain(*id, level)).collect();
            let lonely = |domain: &Option<String>| match domain {
                Some(domain) => self.members(&(*tag, (*level).to_owned(), domain.clone())) == 0,
                None => true,
            };
            let nobody = self.members(&(*tag, String::new(), String::new())) == 0;
            let alone = domains.iter().any(lonely);
            domains.dedup();
            let starts =
                ask.tags.contains(tag) && nobody && domains.len() == 1 && domains[0].is_some();
            if alone && !starts {
                no.push(No::Together);
            }
        }
        for tag in &ask.tags {
            let spots = loads.keys().flat_map(|id| self.domains(*id));
            let mut spots = spots.map(|(level, domain)| (*tag, level.to_owned(), domain));
            if spots.any(|spot| self.is_shunned(&spot)) {
                no.push(No::Apart);
            }
        }
    }

    fn domain(&self, id: ResourceId, level: &str) -> Option<String> {
        let domains = self.domains(id);
        domains
            .into_iter()
            .find(|(own, _)| *own == level)
            .map(|(_, domain)| domain)
    }

    /// What a claim that is made now would span, and whether that has an end or a later start.
    pub(crate) fn span(&self, from: Option<u64>, until: Option<u64>) -> (u64, u64, bool) {
        let start = from.unwrap_or(0).max(self.now);
        let end = until.unwrap_or(u64::MAX);
        (start, end, start > self.now || end < u64::MAX)
    }

    /// Against taking so much, wherever it may go.
    pub(crate) fn against_booking(
        &self,
        owner: &str,
        loads: &Loads,
        from: Option<u64>,
        until: Option<u64>,
    ) -> Vec<No> {
        let mut no = Vec::new();
        let (from, until, timed) = self.span(from, until);
        if until <= from {
            no.push(No::TooLate);
        }
        let stretch = timed.then_some((from, until));
        for (id, (bag, _)) in loads {
            match self.things.get(id) {
                None => no.push(No::UnknownResource(*id)),
                Some(_) if !self.is_open(*id) => no.push(No::Closed),
                Some(_) => {}
            }
            if self.lacks(Row::On(*id), bag, stretch) != NOTHING {
                no.push(No::Full(*id));
            }
        }
        self.against_limits(owner, &total(loads), stretch, &mut no);
        no
    }

    fn against_limits(&self, owner: &str, bag: &Bag, stretch: Stretch, no: &mut Vec<No>) {
        for limited in self.limits_of(owner) {
            if self.lacks(Row::Of(limited), bag, stretch) != NOTHING {
                no.push(No::Limit(limited.to_owned()));
            }
        }
    }

    /// Against counting so much, whether it fits or not.
    pub(crate) fn against_adopting(
        &self,
        owner: &str,
        loads: &Loads,
        from: Option<u64>,
        until: Option<u64>,
    ) -> Vec<No> {
        let mut no = Vec::new();
        let (from, until, timed) = self.span(from, until);
        if until <= from {
            no.push(No::TooLate);
        }
        let stretch = timed.then_some((from, until));
        let overflows = |row: Row, bag: &Bag| {
            let most = self.most(row, stretch);
            (0..4).any(|kind| bag[kind] > 0 && most[kind] + bag[kind] > LIMIT)
        };
        for (id, (bag, _)) in loads {
            if !self.things.contains_key(id) {
                no.push(No::UnknownResource(*id));
            } else if overflows(Row::On(*id), bag) {
                no.push(No::Overflow);
            }
        }
        for limited in self.limits_of(owner) {
            if overflows(
                Row::Of(limited),
                &self.counted(limited, owner, &total(loads)),
            ) {
                no.push(No::Overflow);
            }
        }
        no
    }

    pub(crate) fn against_confirming(&self, id: ReservationId) -> Vec<No> {
        let Some(claim) = self.claims.get(&id) else {
            return vec![No::Gone(id)];
        };
        let reasons = [
            (claim.evicting, No::Evicting(id)),
            (claim.confirmed.is_some(), No::Confirmed(id)),
            (self.is_lost(claim), No::Lost(id)),
        ];
        reasons
            .into_iter()
            .filter_map(|(is, no)| is.then_some(no))
            .collect()
    }

    pub(crate) fn against_extending(&self, id: ReservationId, until: u64) -> Vec<No> {
        let Some(claim) = self.claims.get(&id) else {
            return vec![No::Gone(id)];
        };
        let reasons = [
            (claim.evicting, No::Evicting(id)),
            (claim.confirmed.is_some(), No::Confirmed(id)),
            (until <= self.now, No::TooLate),
        ];
        reasons
            .into_iter()
            .filter_map(|(is, no)| is.then_some(no))
            .collect()
    }

    pub(crate) fn against_ending(&self, id: ReservationId) -> Vec<No> {
        let gone = !self.claims.contains_key(&id);
        gone.then_some(No::Gone(id)).into_iter().collect()
    }

    pub(crate) fn against_part(&self, id: ReservationId, part: &Loads) -> Vec<No> {
        let Some(claim) = self.claims.get(&id) else {
            return vec![No::Gone(id)];
        };
        let more = |(on, (bag, _)): (&ResourceId, &(Bag, u64))| {
            let has = claim.loads.get(on).map_or(NOTHING, |(has, _)| *has);
            minus(bag, &has) != NOTHING
        };
        part.iter()
            .any(more)
            .then_some(No::NotHeld(id))
            .into_iter()
            .collect()
    }

    pub(crate) fn against_resizing(&self, id: ReservationId, loads: &Loads) -> Vec<No> {
        let Some(claim) = self.claims.get(&id) else {
            return vec![No::Gone(id)];
        };
        let mut no = Vec::new();
        if claim.evicting {
            no.push(No::Evicting(id));
        }
        let stretch = claim.timed.then_some((claim.from, claim.until));
        for (on, (bag, _)) in loads {
            let has = claim.loads.get(on).map_or(NOTHING, |(has, _)| *has);
            let more = minus(bag, &has);
            if !self.things.contains_key(on) {
                no.push(No::UnknownResource(*on));
            } else if more != NOTHING && !self.is_open(*on) {
                no.push(No::Closed);
            }
            if self.lacks(Row::On(*on), &more, stretch) != NOTHING {
                no.push(No::Full(*on));
            }
        }
        let more = minus(&total(loads), &total(&claim.loads));
        self.against_limits(claim.owner, &more, stretch, &mut no);
        no
    }

    pub(crate) fn against_advancing(&self, id: ReservationId, from: u64) -> Vec<No> {
        let Some(claim) = self.claims.get(&id) else {
            return vec![No::Gone(id)];
        };
        let mut no = Vec::new();
        if claim.evicting {
            no.push(No::Evicting(id));
        }
        let from = from.max(self.now);
        if from >= claim.from {
            return no;
        }
        let stretch = Some((from, claim.from));
        for (on, (bag, _)) in &claim.loads {
            if !self.is_open(*on) {
                no.push(No::Closed);
            }
            if self.lacks(Row::On(*on), bag, stretch) != NOTHING {
                no.push(No::Full(*on));
            }
        }
        self.against_limits(claim.owner, &total(&claim.loads), stretch, &mut no);
        no
    }

    pub(crate) fn against_limiting(&self, owner: &str, limit: &[Option<u128>; 4]) -> Vec<NoAdmin> {
        let theirs = self
            .claims
            .values()
            .filter(|claim| covers(owner, claim.owner));
        let sum = theirs.fold(NOTHING, |sum, claim| plus(&sum, &total(&claim.loads)));
        let passes = (0..4).any(|kind| limit[kind].is_some() && sum[kind] > LIMIT);
        passes.then_some(NoAdmin::Overflow).into_iter().collect()
    }
}

/// The parts and resources of a placement; of shares part 0.
fn parts(put: &Put) -> Vec<(usize, ResourceId)> {
    match put {
        Put::Pieces(pieces) => pieces.iter().map(|(part, on, _)| (*part, *on)).collect(),
        Put::Shares(shares) => shares.iter().map(|(on, _)| (0, *on)).collect(),
    }
}

/// Deals members out, each to `of` different children, always to those that still need most; how many that makes, if it
/// comes out even.
fn deal(mut children: Vec<u64>, of: u32) -> Option<u64> {
    let of = usize::try_from(of).ok()?;
    let mut members = 0;
    loop {
        children.sort_unstable_by(|a, b| b.cmp(a));
        if children.first().is_none_or(|most| *most == 0) {
            return Some(members);
        }
        for child in 0..of {
            *children.get_mut(child).filter(|left| **left > 0)? -= 1;
        }
        members += 1;
    }
}

/// Labels of a request, without doubles.
pub(crate) fn tags_of(tags: &[Tag]) -> Vec<Tag> {
    let mut tags = tags.to_vec();
    tags.sort_unstable();
    tags.dedup_by_key(|(key, _)| *key);
    tags
}

//! What commands do to the model.

use crate::model::{Bag, Claim, Loads, Model, NOTHING, Tag, minus, stamp};
use cloudlot_core::ledger::Grant;
use cloudlot_core::{ReservationId, ResourceId};

/// What a booking says beyond its amounts.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Paper {
    pub(crate) owner: &'static str,
    pub(crate) tags: Vec<Tag>,
    pub(crate) apart: Vec<(Tag, &'static str)>,
    pub(crate) key: Option<u128>,
    pub(crate) digest: u64,
    pub(crate) from: Option<u64>,
    pub(crate) until: Option<u64>,
    pub(crate) hold_for: u64,
}

impl Model {
    /// Notes the time, and ends what ends by then; says how many that were.
    pub(crate) fn tick(&mut self, now: u64) -> usize {
        if now < self.now {
            self.backwards += 1;
        }
        self.now = self.now.max(now);
        let due = self
            .claims
            .iter()
            .filter(|(_, claim)| claim.ends() <= self.now);
        let mut due: Vec<(u64, ReservationId)> =
            due.map(|(id, claim)| (claim.ends(), *id)).collect();
        due.retain(|(end, _)| *end < u64::MAX);
        due.sort_unstable();
        for (_, id) in &due {
            self.end(*id);
        }
        due.len()
    }

    pub(crate) fn end(&mut self, id: ReservationId) {
        let claim = self.claims.remove(&id).unwrap();
        self.touch(&claim);
        match (claim.key, &mut self.leaving) {
            (Some(key), Some(leaving)) => leaving.push(key),
            (Some(key), None) => self.forget(key),
            (None, _) => {}
        }
    }

    /// Notes that a key has ended, and forgets the oldest ones.
    fn forget(&mut self, key: u128) {
        self.ended.push_back(key);
        while self.ended.len() > self.keep_keys {
            let oldest = self.ended.pop_front().unwrap();
            self.keys.remove(&oldest);
        }
    }

    /// A plan begins: keys that end in it are remembered until it is done.
    pub(crate) fn begin(&mut self) {
        self.leaving = Some(Vec::new());
    }

    pub(crate) fn done(&mut self) {
        for key in self.leaving.take().unwrap_or_default() {
            self.forget(key);
        }
    }

    fn touch(&mut self, claim: &Claim) {
        for tag in claim
            .tags
            .iter()
            .chain(claim.apart.iter().map(|(tag, _)| tag))
        {
            self.touched_tags.insert(*tag, self.turn);
        }
    }

    /// What a booking becomes now.
    pub(crate) fn claim(&self, paper: &Paper, loads: &Loads) -> Claim {
        let (from, until, timed) = self.span(paper.from, paper.until);
        Claim {
            owner: paper.owner,
            loads: loads.clone(),
            confirmed: None,
            hold_until: self.now.saturating_add(paper.hold_for),
            made: self.now,
            from,
            until,
            timed,
            evicting: false,
            tags: paper.tags.clone(),
            apart: paper.apart.clone(),
            key: paper.key,
        }
    }

    /// Enters a claim under the name that the ledger gave it; the answer that the ledger should have given.
    pub(crate) fn enter(&mut self, id: ReservationId, claim: Claim, digest: u64) -> Grant {
        let until = stamp(claim.ends());
        let grant = Grant { id, until };
        self.touch(&claim);
        self.owners.insert(claim.owner);
        if let Some(key) = claim.key {
            self.keys.insert(key, (digest, grant));
        }
        assert!(
            self.claims.insert(id, claim).is_none(),
            "{id} was given twice"
        );
        grant
    }

    pub(crate) fn confirm(&mut self, id: ReservationId) {
        let now = self.now;
        self.claims.get_mut(&id).unwrap().confirmed = Some(now);
    }

    pub(crate) fn extend(&mut self, id: ReservationId, until: u64) {
        self.claims.get_mut(&id).unwrap().hold_until = until;
    }

    pub(crate) fn resize(&mut self, id: ReservationId, loads: Loads) {
        let mut claim = self.claims.remove(&id).unwrap();
        self.touch(&claim);
        claim.loads = loads;
        self.claims.insert(id, claim);
    }

    /// Takes a part away; what holds nothing any more ends.
    pub(crate) fn release_part(&mut self, id: ReservationId, part: &Loads) {
        let mut loads = self.claims[&id].loads.clone();
        for (on, (bag, _)) in part {
            if let Some(load) = loads.get_mut(on) {
                load.0 = minus(&load.0, bag);
            }
        }
        loads.retain(|_, (bag, _)| *bag != NOTHING);
        if loads.is_empty() {
            self.end(id);
        } else {
            self.resize(id, loads);
        }
    }

    pub(crate) fn evict(&mut self, id: ReservationId, at: u64) {
        let claim = &self.claims[&id];
        let until = claim.until.min(at);
        if at <= self.now || until <= claim.from {
            return self.end(id);
        }
        let mut claim = self.claims.remove(&id).unwrap();
        self.touch(&claim);
        claim.until = until;
        claim.timed = true;
        claim.evicting = true;
        self.claims.insert(id, claim);
    }

    /// Starts earlier, if it was booked for later.
    pub(crate) fn advance(&mut self, id: ReservationId, from: u64) {
        let mut claim = self.claims.remove(&id).unwrap();
        self.touch(&claim);
        claim.from = claim.from.min(from.max(self.now));
        claim.timed = claim.from > claim.made || claim.until < u64::MAX;
        self.claims.insert(id, claim);
    }

    /// Notes that a resource, and with it all its parts, is described anew.
    pub(crate) fn redescribed(&mut self, id: ResourceId) {
        let mut all = vec![id];
        while let Some(id) = all.pop() {
            self.touched.insert(id, self.turn);
            all.extend(
                self.things
                    .iter()
                    .filter(|(_, thing)| thing.parent == Some(id))
                    .map(|(id, _)| *id),
            );
        }
        // Who stands there may be counted elsewhere from now on.
        let claims: Vec<Claim> = self.claims.values().cloned().collect();
        claims.iter().for_each(|claim| self.touch(claim));
    }

    /// Kinds that are named here for the first time are known from now on.
    pub(crate) fn learn(&mut self, bag: &Bag) {
        self.known.extend((0..4).filter(|kind| bag[*kind] > 0));
    }
}

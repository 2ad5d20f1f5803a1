//! One resource of a forecast: its limit, and what is taken of it over time.

use super::estimate::Stay;
use super::steps::{Claim, Steps};
use cloudlot_core::ledger::State;
use cloudlot_core::{Amounts, Kind, ResourceId, Timestamp};

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: ResourceId,
    /// Whether it takes new work.
    pub(super) open: bool,
    /// The kinds that it offers, and how much of each: a column each.
    limits: Vec<(Kind, u64)>,
    /// Everything, by estimate.
    pub(super) used: Steps,
    /// The part of it that is booked for a time, as long as estimates go; `None` if there is none.
    booked: Option<Steps>,
    /// What the ledger keeps free after the estimated end of a booking, as long as that is there; the first to go first.
    beyond: Vec<Claim>,
    /// Both together.
    whole: Option<Steps>,
}

/// A claim that the ledger books for a time.
#[derive(Clone)]
pub(super) struct Booked {
    /// When its holder is gone, by estimate.
    pub(super) gone: Timestamp,
    /// What the ledger books.
    pub(super) claim: Claim,
}

impl Row {
    pub(super) fn new(state: &State, id: ResourceId) -> Self {
        let limits: Vec<_> = state.limit(id).iter().collect();
        Self {
            id,
            open: state.takes_new(id),
            used: Steps::of(Timestamp::ZERO, limits.len(), &[]),
            limits,
            booked: None,
            beyond: Vec::new(),
            whole: None,
        }
    }

    pub(super) fn fill(&mut self, now: Timestamp, claims: &[Claim], booked: Vec<Booked>) {
        let width = self.limits.len();
        self.used = Steps::of(now, width, claims);
        if booked.is_empty() {
            return;
        }
        let whole: Vec<Claim> = booked.iter().map(|booked| booked.claim.clone()).collect();
        let mut expected = Vec::with_capacity(booked.len());
        for Booked { gone, claim } in booked {
            if gone < claim.until {
                self.beyond.push(Claim {
                    from: gone.max(claim.from),
                    ..claim.clone()
                });
            }
            expected.push(Claim {
                until: gone.min(claim.until),
                ..claim
            });
        }
        self.beyond.sort_by_key(|claim| claim.from);
        self.whole = (!self.beyond.is_empty()).then(|| Steps::of(now, width, &whole));
        self.booked = Some(Steps::of(now, width, &expected));
    }

    fn column(&self, kind: Kind) -> Option<usize> {
        self.limits
            .binary_search_by_key(&kind, |limit| limit.0)
            .ok()
    }

    /// Amounts by column. A kind that the resource no longer offers has none, and nobody can take of it.
    pub(super) fn columns(&self, amounts: impl Iterator<Item = (Kind, u64)>) -> Vec<(usize, u64)> {
        let named = |(kind, amount)| Some((self.column(kind)?, amount));
        amounts.filter_map(named).collect()
    }

    /// What is free from `from` up to `until`.
    pub(super) fn free(&self, from: Timestamp, until: Timestamp) -> Amounts {
        let free = |(column, (kind, limit)): (usize, &(Kind, u64))| {
            let most = self.used.most(column, from, until);
            (*kind, limit.saturating_sub(most))
        };
        self.limits.iter().enumerate().map(free).collect()
    }

    /// What a claim could have that starts at `from`, is thought to end at `until`, and counts up to `hard`.
    pub(super) fn room(
        &self,
        kind: Kind,
        from: Timestamp,
        until: Timestamp,
        hard: Timestamp,
    ) -> u64 {
        let Some(column) = self.column(kind) else {
            return 0;
        };
        let most = self.used.most(column, from, until);
        let kept = self.kept(column, from, hard);
        self.limits[column].1.saturating_sub(most.max(kept))
    }

    /// What the ledger counts at `from` against a claim up to `hard`: everything that is there then, and the most of what is
    /// booked after.
    fn kept(&self, column: usize, from: Timestamp, hard: Timestamp) -> u64 {
        let Some(booked) = &self.booked else {
            return 0;
        };
        let open = self.used.at(column, from);
        let open = open.saturating_sub(booked.at(column, from));
        // Whoever is gone by then has taken the rest of the booking along.
        let gone = self.beyond.partition_point(|claim| claim.from <= from);
        let most = match &self.whole {
            Some(whole) if gone == 0 => whole.most(column, from, hard),
            Some(_) if gone < self.beyond.len() => {
                let mut there = booked.clone();
                self.beyond[gone..]
                    .iter()
                    .for_each(|claim| there.add(claim));
                there.most(column, from, hard)
            }
            _ => booked.most(column, from, hard),
        };
        open.saturating_add(most)
    }

    /// The kinds of which there is something, and how much.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.limits.iter().map(|(kind, _)| *kind)
    }

    /// The first moment from `after` on from which the amounts are free up to `end(start)`.
    pub(super) fn earliest(
        &self,
        amounts: &Amounts,
        after: Timestamp,
        end: impl Fn(Timestamp) -> Timestamp,
    ) -> Option<Timestamp> {
        self.used.earliest(after, &self.caps(amounts)?, end)
    }

    /// The most of each column that may be taken beside the amounts; `None` if they never fit.
    fn caps(&self, amounts: &Amounts) -> Option<Vec<(usize, u64)>> {
        let cap = |(kind, amount)| {
            let column = self.column(kind)?;
            Some((column, self.limits[column].1.checked_sub(amount)?))
        };
        amounts.iter().map(cap).collect()
    }

    /// The first moment from `after` on at which a request could start here, as the ledger counts.
    pub(super) fn start(
        &self,
        amounts: &Amounts,
        after: Timestamp,
        stay: &Stay,
    ) -> Option<Timestamp> {
        let caps = self.caps(amounts)?;
        let mut at = after;
        loop {
            at = self.used.earliest(at, &caps, |start| stay.end(start))?;
            let over = |(column, cap): &(usize, u64)| self.kept(*column, at, stay.hard) > *cap;
            if !caps.iter().any(over) {
                return Some(at);
            }
            at = self.next(at)?;
        }
    }

    /// The first moment after this one at which anything changes.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let booked = self.booked.as_ref().and_then(|booked| booked.next(after));
        self.used.next(after).into_iter().chain(booked).min()
    }
}

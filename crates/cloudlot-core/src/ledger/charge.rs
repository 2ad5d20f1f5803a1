//! Counting reservations in and out: on the rows that they take from, and in the groups that they belong to.

use super::groups::{Group, Sign, borne, shunned};
use super::holds::{Hold, Holds};
use super::reservation::Reservation;
use super::rows::{Claim, Rows};
use super::state::{Member, State};
use crate::{Amounts, OwnerId, ResourceId};

impl State {
    /// Counts a reservation in, or out, on every row it touches.
    #[inline]
    pub(super) fn charge(&mut self, reservation: &Reservation, sign: Sign) {
        charge_rows(&mut self.rows, reservation, sign);
        self.charge_limits(reservation, sign);
        if reservation.terms.is_some() {
            self.charge_groups(reservation, sign);
        }
    }

    #[inline]
    fn charge_limits(&mut self, reservation: &Reservation, sign: Sign) {
        if !self.is_limited(reservation.owner) {
            return;
        }
        let limits: Vec<(usize, OwnerId, u32)> = self.limit_rows(reservation.owner).collect();
        let total = reservation.holds.total();
        for (row, _, mask) in limits {
            self.charge_limit(row, mask, reservation, &total, sign);
        }
    }

    fn charge_limit(
        &mut self,
        row: usize,
        mask: u32,
        reservation: &Reservation,
        total: &Amounts,
        sign: Sign,
    ) {
        let part = limited(total, mask);
        let claim = Claim {
            mask: part.mask(),
            values: part.values(),
            span: reservation.booked(),
        };
        // Of a limit only its holders are counted, confirmed or not.
        charge_row(&mut self.rows, row, claim, 0, sign);
    }

    pub(super) fn charge_groups(&mut self, reservation: &Reservation, sign: Sign) {
        let Some(terms) = reservation.terms.clone() else {
            return;
        };
        for hold in reservation.holds.iter() {
            let place = self.standing_mut(hold.resource()).topology.clone();
            for group in borne(&terms, &place) {
                self.groups
                    .count_members(group, hold.count(), sign, self.revision);
            }
            for group in shunned(&terms, &place) {
                self.groups
                    .count_averse(group, hold.count(), sign, self.revision);
            }
        }
    }

    /// The groups that a reservation counts in if it holds this.
    pub(super) fn groups_of(&self, reservation: &Reservation, holds: &Holds, out: &mut Vec<Group>) {
        let Some(terms) = &reservation.terms else {
            return;
        };
        for hold in holds.iter() {
            let Some(standing) = self.standing(hold.resource()) else {
                continue;
            };
            let place = &standing.topology;
            out.extend(borne(terms, place).chain(shunned(terms, place)));
        }
    }

    /// Counts all reservations of an owner and those below in, or out, on the owner's own limit.
    pub(super) fn charge_owner(&mut self, owner: OwnerId, sign: Sign) {
        let Some((_, row)) = self.owners.get(owner).and_then(|owner| owner.limit.clone()) else {
            return;
        };
        let Some((_, Member::Limit { mask, .. })) = self.members.at(row) else {
            return;
        };
        let mask = *mask;
        let theirs: Vec<Reservation> = self
            .all_live()
            .filter(|(_, reservation)| self.owners.covers(owner, reservation.owner))
            .map(|(_, reservation)| reservation.clone())
            .collect();
        for reservation in theirs {
            self.charge_limit(
                row as usize,
                mask,
                &reservation,
                &reservation.holds.total(),
                sign,
            );
        }
    }
}

/// Counts a reservation in, or out, on the resources that it holds.
#[inline]
pub(super) fn charge_rows(rows: &mut Rows, reservation: &Reservation, sign: Sign) {
    let confirmed = u32::from(reservation.is_confirmed());
    for hold in reservation.holds.as_slice() {
        let row = hold.resource().index();
        let claim = reservation.claim(hold.mask(), hold.values());
        charge_row(rows, row, claim, confirmed, sign);
    }
}

/// Counts a claim in, or out, on one row.
#[inline]
fn charge_row(rows: &mut Rows, row: usize, claim: Claim<'_>, confirmed: u32, sign: Sign) {
    let head = rows.head_mut(row);
    match sign {
        Sign::Plus => {
            head.holds += 1;
            head.confirmed += confirmed;
            rows.take(row, claim);
        }
        Sign::Minus => {
            head.holds -= 1;
            head.confirmed -= confirmed;
            rows.give(row, claim);
        }
    }
}

/// The part of an amount that a limit counts, packed.
pub(crate) fn limited(total: &Amounts, mask: u32) -> Hold {
    let counted = total
        .iter()
        .filter(|(kind, _)| mask & (1 << kind.index()) != 0);
    // The resource is never read: a limit is a row of its own.
    Hold::new(ResourceId::new(u32::MAX, 0), &counted.collect())
}

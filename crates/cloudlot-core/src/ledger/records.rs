//! A ledger written down: all of its records, or one by name.

use super::machine::Ledger;
use super::record::{HoldRecord, KeyRecord, Record, RecordName, ReservationRecord};
use super::reservation::Reservation;
use super::why::Why;
use super::{Grant, Hold};
use crate::{OwnerPath, Quantity, Request, RequestKey, ReservationId};
use std::collections::BTreeMap;

impl Ledger {
    /// Everything that [`Ledger::restore`] needs: the ledger itself first, then resources by name, limits by owner,
    /// reservations by key, those without a key, and ended keys, oldest first. The same ledger gives the same records.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        let resources = self.state.by_name.values();
        let resources = resources.filter_map(|id| self.state.standing(*id));
        let resources = resources.map(|standing| Record::Resource(standing.resource.clone()));
        let limits: BTreeMap<OwnerPath, Record> = self
            .state
            .owners
            .iter()
            .filter_map(|(_, owner)| Some((owner.path.clone(), self.limit_record(&owner.path)?)))
            .collect();
        let (mut keyed, mut others) = (BTreeMap::new(), Vec::new());
        for (id, reservation) in self.state.all_live() {
            match self.answer_of(id, reservation) {
                Some(answer) => drop(keyed.insert(answer.key, id)),
                None => others.push(id),
            }
        }
        let live = keyed.into_values().chain(others);
        let live = live.filter_map(|id| self.reservation_record(id));
        let ended = self.keys.all_ended();
        let ended = ended.filter_map(|key| self.find_record(&RecordName::EndedKey(key)));
        std::iter::once(self.ledger_record())
            .chain(resources)
            .chain(limits.into_values())
            .chain(live)
            .chain(ended)
    }

    /// The record of this name, as things are now; `None` if there is nothing of this name.
    #[must_use]
    pub fn find_record(&self, name: &RecordName) -> Option<Record> {
        match name {
            RecordName::Ledger => Some(self.ledger_record()),
            RecordName::Resource(name) => {
                let standing = self.state.standing(self.state.find(name)?)?;
                Some(Record::Resource(standing.resource.clone()))
            }
            RecordName::Limit(owner) => self.limit_record(owner),
            RecordName::Reservation(key) => {
                let id = self
                    .keys
                    .get(*key)
                    .filter(|answer| answer.ended.is_none())?
                    .id;
                self.reservation_record(id)
            }
            RecordName::EndedKey(key) => {
                let answer = self.keys.get(*key)?;
                Some(Record::EndedKey {
                    answer: answer.record(),
                    order: answer.ended?.get(),
                })
            }
        }
    }

    /// What a request was granted under its key, as long as the key is remembered; whether the reservation still lives
    /// tells [`State::reservation`](super::State::reservation).
    #[must_use]
    pub fn find_key(&self, key: RequestKey) -> Option<Grant> {
        self.keys.get(key).map(super::keys::Answer::grant)
    }

    /// What a request was granted before under its key, while the key is remembered; `None` if it is new or has none.
    ///
    /// # Errors
    /// [`Why::KeyReused`] if the key was used for another request.
    pub fn find_answer(&self, request: &Request) -> Result<Option<Grant>, Why> {
        self.repeated(request.key(), request.digest())
    }

    fn ledger_record(&self) -> Record {
        Record::Ledger {
            format: Record::FORMAT,
            at: self.now(),
        }
    }

    fn limit_record(&self, owner: &OwnerPath) -> Option<Record> {
        let known = self.state.owners.get(self.state.owners.find(owner)?)?;
        let (limit, _) = known.limit.as_ref()?;
        let mut limit: Vec<Quantity> = limit.to_vec();
        limit.sort();
        let owner = owner.clone();
        Some(Record::Limit { owner, limit })
    }

    fn reservation_record(&self, id: ReservationId) -> Option<Record> {
        let reservation = self.state.live(id)?;
        let owner = self.state.owner(reservation.owner)?.clone();
        let holds = reservation.holds.iter().map(|hold| self.hold_record(hold));
        let mut holds: Vec<HoldRecord> = holds.collect::<Option<_>>()?;
        holds.sort_by(|a, b| a.on.cmp(&b.on));
        Some(Record::Reservation(Box::new(ReservationRecord {
            answer: self.answer_of(id, reservation),
            owner,
            holds,
            stage: reservation.stage(),
            span: reservation.span,
            priority: reservation.priority(),
            evicting: reservation.evicting,
            terms: reservation.terms.clone(),
            expected: reservation.expected(),
            reserved_at: reservation.reserved_at(),
        })))
    }

    fn hold_record(&self, hold: &Hold) -> Option<HoldRecord> {
        Some(HoldRecord {
            on: self.state.resource(hold.resource())?.name().to_owned(),
            count: hold.count(),
            amounts: self.state.kinds.quantities(&hold.amounts()),
        })
    }

    fn answer_of(&self, id: ReservationId, reservation: &Reservation) -> Option<KeyRecord> {
        let key = reservation.key()?;
        let answer = self.keys.get(key).filter(|answer| answer.id == id)?;
        Some(answer.record())
    }
}

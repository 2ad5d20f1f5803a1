//! What changed, as records: from the entries of a ledger to what a store has to put and delete.

use super::entry::{Change, Entry};
use super::machine::Ledger;
use super::record::{Record, RecordName};
use crate::{OwnerPath, RequestKey, ReservationId, ResourceId, Revision};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

/// Follows a ledger and says which records changed.
///
/// ```
/// use cloudlot_core::ledger::{Ledger, Record, Recorder};
/// use cloudlot_core::{Request, RequestKey, Resource, Timestamp, cores};
///
/// let now = Timestamp::ZERO;
/// let mut ledger = Ledger::new();
/// let mut recorder = Recorder::of(&ledger);
/// let node = ledger.add(Resource::node("n1").capacity([cores(4)]).build()?, now)?;
/// let web = Request::new("web").key(RequestKey(7)).part([cores(1)]).build()?;
/// let grant = ledger.reserve(&web, node, now)?;
///
/// let changes = recorder.follow(&ledger);
/// let names: Vec<String> = changes.puts.iter().flat_map(Record::name).map(|name| name.to_string()).collect();
/// assert_eq!(names, ["/cloudlot/v1/node/n1", "/cloudlot/v1/res/00000000000000000000000000000007"]);
///
/// ledger.release(grant.id, now)?;
/// let changes = recorder.follow(&ledger);
/// assert_eq!(changes.deletes[0].to_string(), names[1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recorder {
    revision: Revision,
    // What entries go by, and is no more where they end it.
    keys: BTreeMap<ReservationId, RequestKey>,
    resources: BTreeMap<ResourceId, String>,
    limits: BTreeSet<OwnerPath>,
    // By their order, so that those that were forgotten can be named.
    ended: BTreeMap<NonZeroU64, RequestKey>,
}

/// What a store has to do to have the records of a ledger as it is now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecordChanges {
    /// Records to write, sorted by name.
    pub puts: Vec<Record>,
    /// Records that are no more, sorted.
    pub deletes: Vec<RecordName>,
    /// Changes of reservations without a key, which have no name to be written under.
    pub nameless: usize,
}

impl RecordChanges {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty()
    }
}

impl Recorder {
    /// Starts where a ledger is now.
    #[must_use]
    pub fn of(ledger: &Ledger) -> Self {
        let state = &ledger.state;
        let keyed = |(id, reservation): (ReservationId, &super::Reservation)| {
            Some((id, reservation.key()?))
        };
        let limits = state
            .owners
            .iter()
            .filter(|(_, owner)| owner.limit.is_some());
        let ended = ledger.keys.all_ended();
        Self {
            revision: state.revision,
            keys: state.all_live().filter_map(keyed).collect(),
            resources: state
                .resources()
                .map(|(id, resource)| (id, resource.name().to_owned()))
                .collect(),
            limits: limits.map(|(_, owner)| owner.path.clone()).collect(),
            ended: ended
                .filter_map(|key| Some((ledger.keys.get(key)?.ended?, key)))
                .collect(),
        }
    }

    /// What changed since the last call. All is absolute, as things are now: what came and went again in between is
    /// at most deleted.
    ///
    /// If the ledger's journal does not reach back so far, every record is written anew.
    pub fn follow(&mut self, ledger: &Ledger) -> RecordChanges {
        let mut touched = BTreeSet::new();
        let mut nameless = 0;
        match ledger.journal().since(self.revision) {
            Ok(entries) => {
                for entry in entries {
                    nameless += usize::from(!self.note(ledger, entry, &mut touched));
                }
            }
            Err(_) => {
                touched = self.known();
                *self = Self::of(ledger);
                touched.append(&mut self.known());
            }
        }
        self.forget(ledger, &mut touched);
        self.revision = ledger.state.revision;
        let mut changes = RecordChanges {
            nameless,
            ..RecordChanges::default()
        };
        for name in touched {
            match ledger.find_record(&name) {
                Some(record) => changes.puts.push(record),
                None => changes.deletes.push(name),
            }
        }
        changes
    }

    /// The names of all records that the recorder knows.
    fn known(&self) -> BTreeSet<RecordName> {
        let resources = self.resources.values().cloned().map(RecordName::Resource);
        let limits = self.limits.iter().cloned().map(RecordName::Limit);
        let live = self.keys.values().copied().map(RecordName::Reservation);
        let ended = self.ended.values().copied().map(RecordName::EndedKey);
        resources.chain(limits).chain(live).chain(ended).collect()
    }

    /// Notes what an entry touched; whether that has a name.
    fn note(&mut self, ledger: &Ledger, entry: &Entry, touched: &mut BTreeSet<RecordName>) -> bool {
        match &entry.change {
            Change::KindAdded { .. } | Change::OwnerAdded { .. } => {}
            Change::LimitSet { owner, .. } => {
                if let Some(path) = ledger.state.owner(*owner) {
                    self.limits.insert(path.clone());
                    touched.insert(RecordName::Limit(path.clone()));
                }
            }
            Change::ResourceAdded { id, resource } => {
                self.resources.insert(*id, resource.name().to_owned());
                touched.insert(RecordName::Resource(resource.name().to_owned()));
            }
            Change::ResourceChanged { id, .. } | Change::StateSet { id, .. } => {
                touched.extend(self.resources.get(id).cloned().map(RecordName::Resource));
            }
            Change::ResourceRemoved { id } => {
                touched.extend(self.resources.remove(id).map(RecordName::Resource));
            }
            Change::Reserved {
                id, reservation, ..
            } => {
                let Some(key) = reservation.key() else {
                    return false;
                };
                self.keys.insert(*id, key);
                touched.insert(RecordName::Reservation(key));
            }
            Change::Confirmed { id }
            | Change::Extended { id, .. }
            | Change::Resized { id, .. }
            | Change::Evicting { id, .. }
            | Change::Advanced { id, .. } => {
                let Some(key) = self.keys.get(id) else {
                    return false;
                };
                touched.insert(RecordName::Reservation(*key));
            }
            Change::Ended { id, .. } => {
                let Some(key) = self.keys.remove(id) else {
                    return false;
                };
                touched.insert(RecordName::Reservation(key));
                if let Some(order) = ledger.keys.get(key).and_then(|answer| answer.ended) {
                    self.ended.insert(order, key);
                    touched.insert(RecordName::EndedKey(key));
                }
            }
        }
        true
    }

    /// Notes which ended keys the ledger remembers no more.
    fn forget(&mut self, ledger: &Ledger, touched: &mut BTreeSet<RecordName>) {
        let oldest = ledger.keys.oldest();
        while let Some(first) = self.ended.first_entry()
            && oldest.is_none_or(|oldest| *first.key() < oldest)
        {
            touched.insert(RecordName::EndedKey(first.remove()));
        }
    }
}

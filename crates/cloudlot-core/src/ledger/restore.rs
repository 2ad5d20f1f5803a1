//! A ledger from its records, each of which is doubted: the way back from a store, a file or a network.

use super::admin::is_too_deep;
use super::entry::Change;
use super::holds::{Hold, Holds};
use super::keys::Keys;
use super::machine::{Ledger, LedgerConfig};
use super::record::{KeyRecord, Record, RecordName, ReservationRecord};
use super::reservation::{Draw, Reservation};
use super::state::State;
use super::{Grant, Why, rules};
use crate::{
    Amounts, KindName, KindsError, OwnerPath, Quantities, Quantity, RequestKey, ReservationId,
    Resource, ResourceId, Rulebook, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;

/// A record does not fit the others, or no ledger can have written it.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{} {why}", shown(record.as_ref()))]
pub struct RestoreError {
    /// Which record; `None`: a reservation without a key.
    pub record: Option<RecordName>,
    /// What is wrong with it.
    pub why: RestoreProblem,
}

/// What is wrong with a record.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum RestoreProblem {
    /// It is not among the records.
    #[error("is missing")]
    Missing,
    /// There are two of its name.
    #[error("is there twice")]
    Twice,
    /// The records are written in a way that is not known here.
    #[error("has format {0}, and only format {known} is known", known = Record::FORMAT)]
    Format(u32),
    /// The parent is not among the records, or is a part of its own part.
    #[error("is a part of `{0}`, which is not there or is its own part")]
    Parent(String),
    /// The parent is itself a part of a part, and so on, deeper than it may go.
    #[error("is a part of parts deeper than any ledger has them")]
    Depth,
    /// A kind is named twice, or there are too many.
    #[error("cannot be counted: {0}")]
    Kinds(#[from] KindsError),
    /// It holds something on a resource that is not among the records.
    #[error("holds something on `{0}`, which is not there")]
    Nowhere(String),
    /// It names a resource twice, or no resource at all.
    #[error("does not hold each resource once")]
    Holds,
    /// Its times contradict each other or those of the ledger.
    #[error("has times that no ledger gives")]
    Times,
    /// Two ended keys are the same in the order of their end, or one has none.
    #[error("does not fit the order of the ended keys")]
    Order,
    /// What it holds cannot be counted with the others, or is one too many.
    #[error("does not fit in: {0}")]
    Why(#[from] Why),
}

impl Ledger {
    /// The ledger that records make, in whatever order they come: with the same free amounts, reservations, deadlines
    /// and remembered keys. What has run out meanwhile ends as soon as the ledger is told the time.
    ///
    /// Identifiers are new; [`State::find`] knows resources by name, [`Ledger::find_key`] reservations by key. An owner
    /// that holds nothing and has no limit is forgotten, and so is a kind that nobody names. What ends in the same moment
    /// ends in the order of the identifiers, which may be another one than before.
    ///
    /// ```
    /// use cloudlot_core::ledger::{Ledger, LedgerConfig};
    /// use cloudlot_core::{Request, RequestKey, Resource, Timestamp, cores};
    ///
    /// let now = Timestamp::ZERO;
    /// let mut ledger = Ledger::new();
    /// let node = ledger.add(Resource::node("n1").capacity([cores(4)]).build()?, now)?;
    /// let web = Request::new("web").key(RequestKey(7)).part([cores(1)]).build()?;
    /// ledger.reserve(&web, node, now)?;
    ///
    /// let mut back = Ledger::restore(ledger.records(), LedgerConfig::default())?;
    /// let node = back.state().find("n1").expect("it was there");
    /// assert_eq!(back.state().free(node), ledger.state().free(node));
    /// assert_eq!(back.reserve(&web, node, now)?, back.find_key(RequestKey(7)).expect("it was granted"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`RestoreError`] with the first record that is wrong: no ledger is made then.
    pub fn restore(
        records: impl IntoIterator<Item = Record>,
        config: LedgerConfig,
    ) -> Result<Self, RestoreError> {
        Build::of(State::default(), config, None).run(records)
    }

    /// As [`Ledger::restore`], with the rules and the memory of this ledger. What both know by name keeps its identifiers,
    /// and no identifier that this ledger gave to anything else comes again.
    ///
    /// # Errors
    /// As [`Ledger::restore`].
    pub fn restore_over(
        &self,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, RestoreError> {
        let state = State {
            members: self.state.members.successor(),
            reservations: self.state.reservations.successor(),
            rulebook: self.state.rulebook.clone(),
            ..State::default()
        };
        Build::of(state, self.config, Some(self)).run(records)
    }

    /// As [`Ledger::restore`], with rules of a program's own.
    ///
    /// # Errors
    /// As [`Ledger::restore`].
    pub fn restore_with_rules(
        records: impl IntoIterator<Item = Record>,
        config: LedgerConfig,
        rulebook: Rulebook,
    ) -> Result<Self, RestoreError> {
        let state = State {
            rulebook,
            ..State::default()
        };
        Build::of(state, config, None).run(records)
    }
}

/// The identifier of reservations that ended before a restart: no ledger gives it to a live one.
const ENDED: ReservationId = ReservationId::new(u32::MAX, u32::MAX);

fn shown(record: Option<&RecordName>) -> String {
    record.map_or_else(
        || "a reservation without a key".to_owned(),
        ToString::to_string,
    )
}

fn wrong(record: Option<RecordName>, why: impl Into<RestoreProblem>) -> RestoreError {
    let why = why.into();
    RestoreError { record, why }
}

/// Records by kind, each name once.
#[derive(Default)]
struct Sorted {
    at: Option<Timestamp>,
    resources: BTreeMap<String, Arc<Resource>>,
    limits: BTreeMap<OwnerPath, Vec<Quantity>>,
    live: BTreeMap<RequestKey, ReservationRecord>,
    keyless: Vec<ReservationRecord>,
    ended: BTreeMap<NonZeroU64, KeyRecord>,
    names: BTreeSet<RecordName>,
}

impl Sorted {
    fn of(records: impl IntoIterator<Item = Record>) -> Result<Self, RestoreError> {
        let mut sorted = Self::default();
        for record in records {
            let name = record.name();
            if let Some(name) = &name
                && !sorted.names.insert(name.clone())
            {
                return Err(wrong(Some(name.clone()), RestoreProblem::Twice));
            }
            sorted.sort(record).map_err(|why| wrong(name, why))?;
        }
        Ok(sorted)
    }

    fn sort(&mut self, record: Record) -> Result<(), RestoreProblem> {
        match record {
            Record::Ledger {
                format: Record::FORMAT,
                at,
            } => self.at = Some(at),
            Record::Ledger { format, .. } => return Err(RestoreProblem::Format(format)),
            Record::Resource(resource) => {
                self.resources.insert(resource.name().to_owned(), resource);
            }
            Record::Limit { owner, limit } => {
                self.limits.insert(owner, limit);
            }
            Record::Reservation(reservation) => match reservation.answer {
                // A key has one answer.
                Some(answer) if self.names.contains(&RecordName::EndedKey(answer.key)) => {
                    return Err(RestoreProblem::Twice);
                }
                Some(answer) => drop(self.live.insert(answer.key, *reservation)),
                None => self.keyless.push(*reservation),
            },
            Record::EndedKey { answer, order } => {
                if self.live.contains_key(&answer.key) {
                    return Err(RestoreProblem::Twice);
                }
                let order = NonZeroU64::new(order).filter(|order| *order < NonZeroU64::MAX);
                let order = order.ok_or(RestoreProblem::Order)?;
                if self.ended.insert(order, answer).is_some() {
                    return Err(RestoreProblem::Order);
                }
            }
        }
        Ok(())
    }
}

/// A ledger in the making.
struct Build<'a> {
    ledger: Ledger,
    /// Whose identifiers to keep.
    like: Option<&'a Ledger>,
}

impl<'a> Build<'a> {
    fn of(state: State, config: LedgerConfig, like: Option<&'a Ledger>) -> Self {
        // Followers start after this: no entry of the making is of use to them.
        let journal = LedgerConfig {
            journal: 0,
            ..config
        };
        let mut ledger = Ledger::of(state, Keys::new(config.ended_keys), journal);
        ledger.config = config;
        Self { ledger, like }
    }

    fn run(mut self, records: impl IntoIterator<Item = Record>) -> Result<Ledger, RestoreError> {
        let sorted = Sorted::of(records)?;
        let head = Some(RecordName::Ledger);
        self.ledger.now = sorted
            .at
            .ok_or_else(|| wrong(head, RestoreProblem::Missing))?;
        self.resources(sorted.resources)?;
        for (owner, limit) in sorted.limits {
            let name = RecordName::Limit(owner.clone());
            self.limit(&owner, limit)
                .map_err(|why| wrong(Some(name), why))?;
        }
        self.reservations(sorted.live, sorted.keyless)?;
        for (order, answer) in sorted.ended {
            let id = self
                .like
                .and_then(|like| like.keys.get(answer.key))
                .map_or(ENDED, |old| old.id);
            let grant = Grant {
                id,
                until: answer.until,
            };
            self.ledger
                .keys
                .restore_ended(answer.key, answer.digest, grant, order);
        }
        let config = self.ledger.config;
        Ok(Ledger::of(self.ledger.state, self.ledger.keys, config).at(self.ledger.now))
    }

    /// Resources, those without a parent first, then their parts, then the parts of those.
    fn resources(
        &mut self,
        mut waiting: BTreeMap<String, Arc<Resource>>,
    ) -> Result<(), RestoreError> {
        let mut ids = self.resource_ids(waiting.keys());
        while !waiting.is_empty() {
            let state = &self.ledger.state;
            let is_ready = |(_, resource): &(String, Arc<Resource>)| {
                resource
                    .parent()
                    .is_none_or(|parent| state.find(parent).is_some())
            };
            let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
            waiting = rest.into_iter().collect();
            if ready.is_empty() {
                break;
            }
            let ready = ready.into_iter();
            let mut ready: Vec<(ResourceId, Arc<Resource>)> = ready
                .filter_map(|(name, resource)| Some((ids.remove(&name)?, resource)))
                .collect();
            ready.sort_by_key(|(id, _)| *id);
            for (id, resource) in ready {
                let name = RecordName::Resource(resource.name().to_owned());
                if is_too_deep(&self.ledger.state, &resource) {
                    return Err(wrong(Some(name), RestoreProblem::Depth));
                }
                let kinds = resource.capacity().iter().map(Quantity::kind);
                self.kinds(kinds).map_err(|why| wrong(Some(name), why))?;
                self.ledger.record(Change::ResourceAdded { id, resource });
            }
        }
        let orphan = waiting.into_values().next();
        let orphan =
            orphan.and_then(|orphan| Some((orphan.name().to_owned(), orphan.parent()?.to_owned())));
        orphan.map_or(Ok(()), |(name, parent)| {
            Err(wrong(
                Some(RecordName::Resource(name)),
                RestoreProblem::Parent(parent),
            ))
        })
    }

    /// The identifiers that resources had, and new ones in the gaps.
    fn resource_ids<'n>(
        &self,
        names: impl Iterator<Item = &'n String>,
    ) -> BTreeMap<String, ResourceId> {
        let old = |name: &String| self.like.and_then(|like| like.state.find(name));
        let (mut ids, mut new, mut taken) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        for name in names {
            match old(name) {
                Some(id) => {
                    taken.insert(id.slot());
                    ids.insert(name.clone(), id);
                }
                None => new.push(name.clone()),
            }
        }
        let generation = self
            .ledger
            .state
            .members
            .next()
            .map_or(0, |(_, first)| first);
        let gaps = (0..).filter(|slot| !taken.contains(slot));
        ids.extend(
            new.into_iter()
                .zip(gaps.map(|slot| ResourceId::new(slot, generation))),
        );
        ids
    }

    fn kinds<'k>(&mut self, names: impl Iterator<Item = &'k KindName>) -> Result<(), KindsError> {
        for name in names {
            if self.ledger.state.kinds.find(name).is_none() {
                let kind = self.ledger.state.kinds.clone().register(name)?;
                let name = name.clone();
                self.ledger.record(Change::KindAdded { kind, name });
            }
        }
        Ok(())
    }

    fn limit(&mut self, owner: &OwnerPath, limit: Vec<Quantity>) -> Result<(), RestoreProblem> {
        Quantities::unique(limit.iter().cloned())?;
        self.kinds(limit.iter().map(Quantity::kind))?;
        self.ledger
            .state
            .members
            .next()
            .ok_or(Why::TooMany("limit"))?;
        let owner = self.ledger.meet(owner)?;
        let limit = Some(limit.into());
        self.ledger.record(Change::LimitSet { owner, limit });
        Ok(())
    }

    /// Reservations, with the identifiers that they had, and new ones in the gaps.
    fn reservations(
        &mut self,
        live: BTreeMap<RequestKey, ReservationRecord>,
        keyless: Vec<ReservationRecord>,
    ) -> Result<(), RestoreError> {
        let old = |key: RequestKey| Some(self.like?.keys.get(key)?.id).filter(|id| *id != ENDED);
        let (mut known, mut taken, mut new) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        for (key, record) in live {
            match old(key).filter(|id| taken.insert(id.slot())) {
                Some(id) => drop(known.insert(id, record)),
                None => new.push(record),
            }
        }
        let generation = self
            .ledger
            .state
            .reservations
            .next()
            .map_or(0, |(_, first)| first);
        let gaps = (0..).filter(|slot| !taken.contains(slot));
        let new = gaps
            .map(|slot| ReservationId::new(slot, generation))
            .zip(new.into_iter().chain(keyless));
        known.extend(new);
        for (id, record) in known {
            let name = record
                .answer
                .map(|answer| RecordName::Reservation(answer.key));
            self.reservation(id, record)
                .map_err(|why| wrong(name, why))?;
        }
        Ok(())
    }

    fn reservation(
        &mut self,
        id: ReservationId,
        record: ReservationRecord,
    ) -> Result<(), RestoreProblem> {
        let (since, span) = (record.reserved_at, record.span);
        let most = u128::from(u64::MAX);
        let endless = record
            .expected
            .is_some_and(|estimate| estimate.as_nanos() >= most);
        if span.is_empty() || span.from < since || since > self.ledger.now || endless {
            return Err(RestoreProblem::Times);
        }
        let holds = self.holds(&record)?;
        let mut reservation = Reservation::new(Draw {
            holds,
            stage: record.stage,
            span,
            owner: rules::UNKNOWN_OWNER,
            priority: record.priority,
            timed: record.evicting || span.from > since || span.until < Timestamp::MAX,
            terms: record.terms,
            key: record.answer.map(|answer| answer.key),
            expected: record.expected,
            reserved_at: since,
        });
        reservation.evicting = record.evicting;
        rules::can_count(&self.ledger.state, &reservation, &record.owner)?;
        reservation.owner = self.ledger.meet(&record.owner)?;
        let digest = record.answer.map_or(0, |answer| answer.digest);
        self.ledger.record(Change::Reserved {
            id,
            reservation,
            digest,
        });
        if let Some(answer) = record.answer {
            let grant = Grant {
                id,
                until: answer.until,
            };
            self.ledger.keys.granted(answer.key, digest, grant);
        }
        Ok(())
    }

    fn holds(&mut self, record: &ReservationRecord) -> Result<Holds, RestoreProblem> {
        let mut holds = Vec::with_capacity(record.holds.len());
        for hold in &record.holds {
            self.kinds(hold.amounts.iter().map(Quantity::kind))?;
            let on = self.ledger.state.find(&hold.on);
            let on = on.ok_or_else(|| RestoreProblem::Nowhere(hold.on.clone()))?;
            let amounts: Amounts = self.ledger.state.kinds.amounts(&hold.amounts)?;
            if hold.count == 0 {
                return Err(RestoreProblem::Holds);
            }
            holds.push(Hold::of(on, &amounts, hold.count));
        }
        let all = holds.len();
        let holds = Holds::sum(holds).filter(|holds| holds.as_slice().len() == all);
        holds.ok_or(RestoreProblem::Holds)
    }
}

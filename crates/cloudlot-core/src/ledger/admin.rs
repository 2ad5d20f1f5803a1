//! Operators' changes: resources that join, change and leave, and the limits of owners.

use super::entry::Change;
use super::machine::Ledger;
use super::state::State;
use super::why::Why;
use crate::{
    KindsError, OwnerPath, Quantities, Quantity, Resource, ResourceId, ResourceState, Timestamp,
};
use std::sync::Arc;

/// Why a resource or a limit cannot be changed so.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum AdminError {
    /// Another resource has this name.
    #[error("there is a resource named `{0}` already")]
    NameTaken(String),
    /// The parent is not there.
    #[error("the parent `{0}` is not there")]
    NoParent(String),
    /// The parent is itself a part of a part, and so on, as deep as it may go.
    #[error("`{0}` would lie deeper than {DEPTH} levels")]
    TooDeep(String),
    /// A resource keeps its name and its parent.
    #[error("{0} keeps its name and its parent")]
    Moved(ResourceId),
    /// There is no such resource.
    #[error("{0} is not there")]
    Unknown(ResourceId),
    /// Reservations or parts of the resource would be left without it.
    #[error("{id} still has {holds} reservations and {children} parts")]
    InUse {
        /// Which.
        id: ResourceId,
        /// How many reservations hold something there.
        holds: u32,
        /// How many resources are parts of it.
        children: usize,
    },
    /// The kinds are too many, or named twice.
    #[error(transparent)]
    Kinds(#[from] KindsError),
    /// The owners are too many, or what an owner holds cannot be counted.
    #[error(transparent)]
    Owner(#[from] Why),
}

/// How many levels of parts there may be: what is handed down goes through all of them.
const DEPTH: usize = 16;

/// Whether a resource would lie too deep below its parent.
pub(super) fn is_too_deep(state: &State, resource: &Resource) -> bool {
    let parent = resource.parent().and_then(|name| state.find(name));
    let above = std::iter::successors(parent, |id| state.parent(*id));
    above.take(DEPTH).count() == DEPTH
}

impl Ledger {
    /// Takes in a resource.
    ///
    /// # Errors
    /// [`AdminError::NameTaken`], [`AdminError::NoParent`], [`AdminError::TooDeep`] beyond 16 levels, or
    /// [`AdminError::Kinds`] beyond 32 kinds. Nothing is changed then.
    pub fn add(&mut self, resource: Resource, now: Timestamp) -> Result<ResourceId, AdminError> {
        self.tick(now);
        if self.state.find(resource.name()).is_some() {
            return Err(AdminError::NameTaken(resource.name().to_owned()));
        }
        if let Some(parent) = resource
            .parent()
            .filter(|parent| self.state.find(parent).is_none())
        {
            return Err(AdminError::NoParent(parent.to_owned()));
        }
        if is_too_deep(&self.state, &resource) {
            return Err(AdminError::TooDeep(resource.name().to_owned()));
        }
        let place = self.state.members.next().ok_or(Why::TooMany("resource"))?;
        self.register(resource.capacity().iter())?;
        let id = ResourceId::new(place.0, place.1);
        let resource = Arc::new(resource);
        self.record(Change::ResourceAdded { id, resource });
        Ok(id)
    }

    /// Describes a resource anew: capacity, labels, taints, state, whatever but name and parent. A capacity below what
    /// is held is legal: see [`super::State::overfull`].
    ///
    /// # Errors
    /// [`AdminError::Unknown`], [`AdminError::Moved`], or [`AdminError::Kinds`]. Nothing is changed then.
    pub fn update(
        &mut self,
        id: ResourceId,
        resource: Resource,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        self.tick(now);
        let old = self.state.resource(id).ok_or(AdminError::Unknown(id))?;
        if (old.name(), old.parent()) != (resource.name(), resource.parent()) {
            return Err(AdminError::Moved(id));
        }
        self.register(resource.capacity().iter())?;
        let resource = Arc::new(resource);
        self.record(Change::ResourceChanged { id, resource });
        Ok(())
    }

    /// Sets the administrative state: drains a resource, marks it as failed, or brings it back. Reservations stay.
    ///
    /// # Errors
    /// [`AdminError::Unknown`].
    pub fn set_state(
        &mut self,
        id: ResourceId,
        state: ResourceState,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        self.tick(now);
        let old = self.state.resource(id).ok_or(AdminError::Unknown(id))?;
        if old.state() != state {
            self.record(Change::StateSet { id, state });
        }
        Ok(())
    }

    /// Lets a resource go on which nothing is held.
    ///
    /// # Errors
    /// [`AdminError::Unknown`] or [`AdminError::InUse`].
    pub fn remove(&mut self, id: ResourceId, now: Timestamp) -> Result<(), AdminError> {
        self.tick(now);
        self.state.resource(id).ok_or(AdminError::Unknown(id))?;
        let (holds, children) = (self.state.hold_count(id), self.state.children(id).len());
        if holds > 0 || children > 0 {
            return Err(AdminError::InUse {
                id,
                holds,
                children,
            });
        }
        self.record(Change::ResourceRemoved { id });
        Ok(())
    }

    /// Limits what an owner and those below it may hold together, in the kinds that are named; a kind at zero may not be
    /// held at all, one that is not named is free. What is held above the limit already stays, see
    /// [`super::State::owner_overfull`].
    ///
    /// Looks at every live reservation.
    ///
    /// # Errors
    /// [`AdminError::Kinds`] if a kind is named twice or is one too many, [`AdminError::Owner`] if the owner is one too
    /// many or what it holds passes 2^64 - 1. Nothing is changed then.
    pub fn set_limit(
        &mut self,
        owner: &OwnerPath,
        limit: impl IntoIterator<Item = Quantity>,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        self.tick(now);
        let limit: Arc<[Quantity]> = limit.into_iter().collect();
        Quantities::unique(limit.iter().cloned())?;
        can_limit(&self.state, owner, &limit)?;
        self.state.members.next().ok_or(Why::TooMany("limit"))?;
        self.register(limit.iter())?;
        let owner = self.meet(owner)?;
        self.record(Change::LimitSet {
            owner,
            limit: Some(limit),
        });
        Ok(())
    }

    /// Lifts an owner's limit, if it has one.
    pub fn lift_limit(&mut self, owner: &OwnerPath, now: Timestamp) {
        self.tick(now);
        let known = self.state.owners.find(owner);
        if let Some(owner) = known
            && self
                .state
                .owners
                .get(owner)
                .is_some_and(|owner| owner.limit.is_some())
        {
            self.record(Change::LimitSet { owner, limit: None });
        }
    }

    /// Gives numbers to kinds that have none: all of them, or, if they are too many, to none.
    fn register<'a>(
        &mut self,
        quantities: impl Iterator<Item = &'a Quantity>,
    ) -> Result<(), KindsError> {
        let mut kinds = self.state.kinds.clone();
        let mut new = Vec::new();
        for quantity in quantities {
            let name = quantity.kind();
            if kinds.find(name).is_none() {
                let kind = kinds.register(name)?;
                new.push(Change::KindAdded {
                    kind,
                    name: name.clone(),
                });
            }
        }
        for change in new {
            self.record(change);
        }
        Ok(())
    }
}

/// Whether what the owner holds can be counted in 64 bits.
pub(super) fn can_limit(state: &State, owner: &OwnerPath, limit: &[Quantity]) -> Result<(), Why> {
    // The owner itself may be unknown while somebody below it holds something.
    let below = |id| {
        let path = state.owner(id);
        path.is_some_and(|path| path.ancestors().any(|level| level == owner.as_str()))
    };
    let named = |kind| {
        let name = state.kinds.name(kind);
        limit.iter().any(|quantity| *quantity.kind() == name)
    };
    let mut sums = std::collections::BTreeMap::new();
    for (_, reservation) in state.all_live() {
        if below(reservation.owner()) {
            for (kind, amount) in reservation
                .holds()
                .iter()
                .flat_map(super::holds::Hold::iter)
            {
                let sum: &mut u64 = sums.entry(kind).or_default();
                *sum = match sum.checked_add(amount) {
                    None if named(kind) => return Err(Why::Overflow),
                    sum => sum.unwrap_or(u64::MAX),
                };
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_parts_go_sixteen_levels_deep() {
        let mut ledger = Ledger::new();
        let mut add = |n: usize| {
            let mut part = Resource::node(format!("n{n}"));
            if n > 0 {
                part = part.parent(format!("n{}", n - 1));
            }
            ledger.add(part.build().unwrap(), Timestamp::ZERO)
        };
        for n in 0..DEPTH {
            add(n).unwrap();
        }
        assert_eq!(add(DEPTH), Err(AdminError::TooDeep("n16".to_owned())));
    }
}

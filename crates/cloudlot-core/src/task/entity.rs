//! Who may use how much CPU power: ceilings, admitted up to the over-provisioning limit.

use crate::share::{BoundedClaim, max_min_bounded};
use crate::task::{EntityId, TaskId};
use std::collections::{BTreeMap, BTreeSet};

/// The ceilings of all entities on a host, in MI/s.
#[derive(Clone, Debug)]
pub(super) struct Entities {
    limit: u64,
    provisioned: u64,
    by_id: BTreeMap<EntityId, Entity>,
}

/// An entity's ceiling, what it promised its running tasks of it, and its tasks.
#[derive(Clone, Debug, Default)]
pub(super) struct Entity {
    pub(super) ceiling: u64,
    pub(super) promised: u64,
    pub(super) running: BTreeSet<TaskId>,
    pub(super) queued: BTreeSet<TaskId>,
}

/// Why an entity is not provisioned with a ceiling.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The host may not promise that much.
    #[error("{asked} MI/s asked, {room} left to promise")]
    NoRoom {
        /// The ceiling asked for.
        asked: u64,
        /// The highest ceiling that the entity could have.
        room: u64,
    },
    /// The entity's tasks were guaranteed more.
    #[error("a ceiling of {asked} MI/s is below the {promised} promised to tasks")]
    Promised {
        /// The ceiling asked for.
        asked: u64,
        /// The lowest ceiling that the entity's tasks allow.
        promised: u64,
    },
}

/// Why an entity keeps its ceiling.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DeprovisionError {
    /// It has none.
    #[error("{0} is not provisioned")]
    NotProvisioned(EntityId),
    /// It has tasks that run or wait.
    #[error("{entity} has {tasks} tasks that have not ended")]
    InUse {
        /// The entity.
        entity: EntityId,
        /// How many of its tasks run or wait.
        tasks: usize,
    },
}

impl Entities {
    /// Nobody yet; `per_mille` of `power`, rounded down, may be promised.
    pub(super) fn new(power: u64, per_mille: u32) -> Self {
        let limit = u128::from(power) * u128::from(per_mille) / 1_000;
        Self {
            limit: u64::try_from(limit).unwrap_or(u64::MAX),
            provisioned: 0,
            by_id: BTreeMap::new(),
        }
    }

    pub(super) const fn limit(&self) -> u64 {
        self.limit
    }

    pub(super) const fn provisioned(&self) -> u64 {
        self.provisioned
    }

    pub(super) fn find(&self, entity: EntityId) -> Option<&Entity> {
        self.by_id.get(&entity)
    }

    pub(super) fn find_mut(&mut self, entity: EntityId) -> Option<&mut Entity> {
        self.by_id.get_mut(&entity)
    }

    /// Gives `entity` the ceiling `asked` in place of the one it has; `promised` is the lowest
    /// that its tasks allow.
    pub(super) fn provision(
        &mut self,
        entity: EntityId,
        asked: u64,
        promised: u64,
    ) -> Result<(), ProvisionError> {
        let own = self.find(entity).map_or(0, |entity| entity.ceiling);
        let room = self.limit - (self.provisioned - own);
        if asked > room {
            return Err(ProvisionError::NoRoom { asked, room });
        }
        if asked < promised {
            return Err(ProvisionError::Promised { asked, promised });
        }
        self.provisioned = self.provisioned - own + asked;
        self.by_id.entry(entity).or_default().ceiling = asked;
        Ok(())
    }

    pub(super) fn deprovision(&mut self, entity: EntityId) -> Result<u64, DeprovisionError> {
        let Some(found) = self.find(entity) else {
            return Err(DeprovisionError::NotProvisioned(entity));
        };
        let (ceiling, tasks) = (found.ceiling, found.running.len() + found.queued.len());
        if tasks > 0 {
            return Err(DeprovisionError::InUse { entity, tasks });
        }
        self.by_id.remove(&entity);
        self.provisioned -= ceiling;
        Ok(ceiling)
    }
}

impl Entity {
    /// The ceiling divided among the running tasks; `claim` gives weight, promise and what is
    /// asked.
    pub(super) fn divide(
        &self,
        claim: impl Fn(TaskId) -> BoundedClaim,
    ) -> impl Iterator<Item = (TaskId, u64)> {
        let claims: Vec<BoundedClaim> = self.running.iter().map(|task| claim(*task)).collect();
        let demands = max_min_bounded(self.ceiling, &claims)
            .expect("a task starts only if its promise fits in the ceiling");
        self.running.iter().copied().zip(demands)
    }
}

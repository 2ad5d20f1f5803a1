//! The host: entities and tasks come and go, and each gets all it needs or nothing.
//!
//! What time does by itself is in `advance`, what can be read in `report`.

use crate::task::cpu::{Cpu, Seat};
use crate::task::entity::{DeprovisionError, Entities, Entity, ProvisionError};
use crate::task::{
    Ageing, CpuId, EntityId, Finished, HostSpec, Placement, Progress, SpecError, Task, TaskId,
    TaskState,
};
use crate::{Bytes, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The tasks of one host; see the [module](super) for its rules.
///
/// A `now` that lies before that of an earlier call is taken to be that one.
#[derive(Clone, Debug)]
pub struct Host {
    pub(super) placement: Placement,
    pub(super) ageing: Ageing,
    pub(super) memory: Bytes,
    pub(super) memory_used: Bytes,
    pub(super) cpus: Vec<Cpu>,
    pub(super) turn: usize,
    pub(super) entities: Entities,
    pub(super) tasks: BTreeMap<TaskId, Progress>,
    pub(super) running: BTreeSet<TaskId>,
    pub(super) queue: BTreeSet<(Timestamp, TaskId)>,
    pub(super) due: BTreeSet<(Timestamp, TaskId)>,
    pub(super) now: Timestamp,
    pub(super) finished: Vec<Finished>,
    pub(super) changed: Changed,
}

/// What has to be divided afresh.
#[derive(Clone, Debug, Default)]
pub(super) struct Changed {
    pub(super) entities: BTreeSet<EntityId>,
    pub(super) cpus: BTreeSet<usize>,
    pub(super) tasks: BTreeSet<TaskId>,
}

/// Why a task is not taken, now or ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SubmitError {
    /// A task of this name was submitted before and not removed.
    #[error("{0} is known")]
    Known(TaskId),
    /// Its entity has no ceiling to run on.
    #[error("{0} is not provisioned")]
    NotProvisioned(EntityId),
    /// It has to run somewhere.
    #[error("a task on no CPU")]
    NoCpu,
    /// It runs on more CPUs at once than there are.
    #[error("{asked} CPUs asked of {total}")]
    TooManyCpus {
        /// How many it asks for.
        asked: u32,
        /// How many the host has.
        total: usize,
    },
    /// It needs more memory than there is.
    #[error("{asked} of memory asked of {total}")]
    TooMuchMemory {
        /// What it asks for.
        asked: Bytes,
        /// What the host has.
        total: Bytes,
    },
    /// It is guaranteed more than it can use.
    #[error("a guarantee of {least} MI/s above the most it can use, {most}")]
    LeastAboveMost {
        /// The guarantee, in MI/s.
        least: u64,
        /// What it can use, in MI/s.
        most: u64,
    },
    /// It needs more of its entity's ceiling than that is; 1 MI/s at least.
    #[error("{least} MI/s needed of a ceiling of {ceiling}")]
    BeyondCeiling {
        /// What it needs, in MI/s.
        least: u64,
        /// The ceiling, in MI/s.
        ceiling: u64,
    },
    /// Too few CPUs are large enough for its guarantee.
    #[error("{each} MI/s guaranteed on {asked} CPUs, {large} are large enough")]
    BeyondCpus {
        /// The largest part of the guarantee on one CPU, in MI/s.
        each: u64,
        /// On how many CPUs it runs.
        asked: u32,
        /// How many CPUs may guarantee that much.
        large: usize,
    },
}

/// The task is not queued and not running.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0} is neither queued nor running")]
pub struct NotActive(pub TaskId);

/// How an attempt to start a task went.
enum Start {
    Started,
    /// The host has no room.
    Full,
    /// The entity has promised its ceiling to other tasks.
    Promised,
}

impl Host {
    /// An empty host at [`Timestamp::ZERO`].
    ///
    /// # Errors
    ///
    /// [`SpecError`] without a CPU, with a CPU of no capacity, or with more than can be counted.
    pub fn new(spec: HostSpec) -> Result<Self, SpecError> {
        if spec.cpus.is_empty() {
            return Err(SpecError::NoCpu);
        }
        if let Some(place) = spec.cpus.iter().position(|capacity| *capacity == 0) {
            return Err(SpecError::NoCapacity { place });
        }
        let sum = |sum: u64, capacity: &u64| sum.checked_add(*capacity);
        let power = spec.cpus.iter().try_fold(0, sum);
        let power = power.ok_or(SpecError::TooLarge)?;
        u32::try_from(spec.cpus.len()).map_err(|_| SpecError::TooLarge)?;
        let cpu = |capacity: &u64| Cpu::new(*capacity, spec.ageing.kept);
        Ok(Self {
            placement: spec.placement,
            ageing: spec.ageing,
            memory: spec.memory,
            memory_used: Bytes::ZERO,
            cpus: spec.cpus.iter().map(cpu).collect(),
            turn: 0,
            entities: Entities::new(power, spec.over_provision),
            tasks: BTreeMap::new(),
            running: BTreeSet::new(),
            queue: BTreeSet::new(),
            due: BTreeSet::new(),
            now: Timestamp::ZERO,
            finished: Vec::new(),
            changed: Changed::default(),
        })
    }

    /// Gives `entity` a ceiling of CPU power in MI/s, in place of the one it may have.
    ///
    /// # Errors
    ///
    /// [`ProvisionError`] if all ceilings together would be above the limit, or the ceiling below
    /// what the entity's tasks were promised. The entity keeps what it had.
    pub fn provision(
        &mut self,
        entity: EntityId,
        ceiling: u64,
        now: Timestamp,
    ) -> Result<(), ProvisionError> {
        self.pass(now);
        let promised = self.entities.find(entity).map_or(0, |found| {
            let waiting = found
                .queued
                .iter()
                .map(|task| self.tasks[task].task.promise());
            waiting.max().unwrap_or(0).max(found.promised)
        });
        self.entities.provision(entity, ceiling, promised)?;
        self.changed.entities.insert(entity);
        self.refill();
        Ok(())
    }

    /// Takes the ceiling from `entity` and returns it; the room is free at once.
    ///
    /// # Errors
    ///
    /// [`DeprovisionError`] if it has none, or has tasks that have not ended.
    pub fn deprovision(&mut self, entity: EntityId) -> Result<u64, DeprovisionError> {
        self.entities.deprovision(entity)
    }

    /// Takes a task, which starts now or when there is room; the answer says which.
    ///
    /// # Errors
    ///
    /// [`SubmitError`] if it is known, its entity is not provisioned, or it could not run even on
    /// an empty host. Nothing changes.
    /// ```
    /// # use cloudlot_core::task::{EntityId, Host, HostSpec, Task, TaskId, TaskState, Work};
    /// # use cloudlot_core::{Bytes, Timestamp};
    /// let (now, entity) = (Timestamp::ZERO, EntityId::new(1));
    /// let mut host = Host::new(HostSpec::new([4_000], Bytes::mib(100)))?;
    /// host.provision(entity, 4_000, now)?;
    /// let task = |number| Task {
    ///     memory: Bytes::mib(60),
    ///     ..Task::new(TaskId::new(number), entity, Work::mi(1_000))
    /// };
    /// assert_eq!(host.submit(task(1), now)?, TaskState::Running);
    /// // There is power for another, but no memory: it holds neither.
    /// assert_eq!(host.submit(task(2), now)?, TaskState::Queued);
    /// assert_eq!((host.utilisation().used, host.memory_free()), (1_000, Bytes::mib(40)));
    /// assert!(host.submit(task(2), now).is_err(), "twice");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit(&mut self, task: Task, now: Timestamp) -> Result<TaskState, SubmitError> {
        self.pass(now);
        self.enqueue(task)?;
        self.refill();
        Ok(self.tasks[&task.id].state)
    }

    /// [`submit`](Self::submit) for many, with one division for all; returns the refused ones.
    pub fn submit_all(
        &mut self,
        tasks: impl IntoIterator<Item = Task>,
        now: Timestamp,
    ) -> Vec<(TaskId, SubmitError)> {
        self.pass(now);
        let refused = tasks
            .into_iter()
            .filter_map(|task| Some((task.id, self.enqueue(task).err()?)))
            .collect();
        self.refill();
        refused
    }

    /// Ends a task as done, whatever is left of its work.
    ///
    /// # Errors
    ///
    /// [`NotActive`] if it is neither queued nor running.
    pub fn finish(&mut self, task: TaskId, now: Timestamp) -> Result<(), NotActive> {
        self.pass(now);
        self.end(task, TaskState::Done)?;
        self.refill();
        Ok(())
    }

    /// Ends a task as failed.
    ///
    /// # Errors
    ///
    /// [`NotActive`] if it is neither queued nor running.
    pub fn fail(&mut self, task: TaskId, now: Timestamp) -> Result<(), NotActive> {
        self.pass(now);
        self.end(task, TaskState::Failed)?;
        self.refill();
        Ok(())
    }

    /// Forgets a task, whatever its state, and returns how far it came.
    pub fn remove(&mut self, task: TaskId, now: Timestamp) -> Option<Progress> {
        self.pass(now);
        let found = self.tasks.get(&task)?.clone();
        if self.end(task, found.state).is_ok() {
            self.refill();
        }
        self.tasks.remove(&task);
        Some(found)
    }

    /// Puts a task that could run here in the queue.
    fn enqueue(&mut self, task: Task) -> Result<(), SubmitError> {
        self.check(&task)?;
        self.entity_mut(task.entity).queued.insert(task.id);
        self.queue.insert((self.now, task.id));
        self.tasks.insert(task.id, Progress::queued(task, self.now));
        Ok(())
    }

    fn check(&self, task: &Task) -> Result<(), SubmitError> {
        let Task { least, most, .. } = *task;
        if self.tasks.contains_key(&task.id) {
            return Err(SubmitError::Known(task.id));
        }
        let entity = self.entities.find(task.entity);
        let ceiling = entity
            .ok_or(SubmitError::NotProvisioned(task.entity))?
            .ceiling;
        let asked = task.cpus;
        if asked == 0 {
            return Err(SubmitError::NoCpu);
        }
        if width(task) > self.cpus.len() {
            let total = self.cpus.len();
            return Err(SubmitError::TooManyCpus { asked, total });
        }
        if task.memory > self.memory {
            return Err(SubmitError::TooMuchMemory {
                asked: task.memory,
                total: self.memory,
            });
        }
        if least > most {
            return Err(SubmitError::LeastAboveMost { least, most });
        }
        if task.promise() > ceiling {
            let least = task.promise();
            return Err(SubmitError::BeyondCeiling { least, ceiling });
        }
        let each = largest_part(task);
        let guarantees = |cpu: &&Cpu| cpu.capacity() - cpu.kept() >= each;
        let large = self.cpus.iter().filter(guarantees).count();
        if large < width(task) {
            return Err(SubmitError::BeyondCpus { each, asked, large });
        }
        Ok(())
    }

    /// Starts whoever can start, first come first, and divides afresh what has changed.
    pub(super) fn refill(&mut self) {
        // Entities whose oldest waiting task has waited long enough to be overtaken no more.
        let mut held = BTreeSet::new();
        for (since, id) in self.queue.iter().copied().collect::<Vec<_>>() {
            let task = self.tasks[&id].task;
            if held.contains(&task.entity) {
                continue;
            }
            let waited = self.now.since(since) >= self.ageing.patience;
            match self.start(&task) {
                Start::Started => {
                    self.queue.remove(&(since, id));
                }
                Start::Full if waited => break,
                Start::Promised if waited => {
                    held.insert(task.entity);
                }
                Start::Full | Start::Promised => {}
            }
        }
        self.divide();
    }

    /// Gives a queued task its CPUs, memory and promise, or nothing at all.
    fn start(&mut self, task: &Task) -> Start {
        let entity = self
            .entities
            .find(task.entity)
            .expect("a queued task keeps its entity");
        let ceiling = entity.ceiling;
        if task.promise() > ceiling - entity.promised {
            return Start::Promised;
        }
        if task.memory > self.memory.saturating_sub(self.memory_used) {
            return Start::Full;
        }
        let least = largest_part(task);
        let chosen = self
            .placement
            .choose(&self.cpus, width(task), least, self.turn);
        let Some((places, turn)) = chosen else {
            return Start::Full;
        };
        // Everything fits: from here on nothing can fail.
        self.turn = turn;
        self.memory_used = self.memory_used.saturating_add(task.memory);
        self.running.insert(task.id);
        let entity = self.entity_mut(task.entity);
        entity.promised += task.promise();
        entity.queued.remove(&task.id);
        entity.running.insert(task.id);
        let asked = self.tasks[&task.id].asked.min(ceiling);
        for (index, &place) in places.iter().enumerate() {
            let seat = Seat {
                weight: task.weight.into(),
                least: part(task.least, places.len(), index),
                asked: part(asked, places.len(), index),
                demand: 0,
                aged: None,
                grant: 0,
            };
            self.cpus[place].seat(task.id, seat);
            self.changed.cpus.insert(place);
        }
        self.changed.entities.insert(task.entity);
        self.changed.tasks.insert(task.id);
        let now = self.now;
        let progress = self.progress_mut(task.id);
        progress.state = TaskState::Running;
        progress.started = Some(now);
        progress.cpus = places.into_iter().map(cpu_id).collect();
        Start::Started
    }

    /// Takes back all that a task holds.
    pub(super) fn end(&mut self, id: TaskId, state: TaskState) -> Result<(), NotActive> {
        let now = self.now;
        let progress = self.tasks.get_mut(&id).ok_or(NotActive(id))?;
        let was = progress.state;
        if !matches!(was, TaskState::Queued | TaskState::Running) {
            return Err(NotActive(id));
        }
        progress.work_until(now);
        let (task, arrived, due) = (progress.task, progress.arrived, progress.due.take());
        let cpus = std::mem::take(&mut progress.cpus);
        progress.state = state;
        progress.ended = Some(now);
        progress.demand = 0;
        progress.grant = 0;
        progress.short_since = None;
        if let Some(at) = due {
            self.due.remove(&(at, id));
        }
        let entity = self.entity_mut(task.entity);
        if was == TaskState::Queued {
            entity.queued.remove(&id);
            self.queue.remove(&(arrived, id));
            return Ok(());
        }
        entity.running.remove(&id);
        entity.promised -= task.promise();
        self.running.remove(&id);
        self.memory_used = self.memory_used.saturating_sub(task.memory);
        for place in cpus.into_iter().map(place_of) {
            self.cpus[place].leave(id);
            self.changed.cpus.insert(place);
        }
        self.changed.entities.insert(task.entity);
        Ok(())
    }

    fn entity_mut(&mut self, entity: EntityId) -> &mut Entity {
        let found = self.entities.find_mut(entity);
        found.expect("an entity with tasks stays provisioned")
    }

    pub(super) fn progress_mut(&mut self, task: TaskId) -> &mut Progress {
        self.tasks.get_mut(&task).expect("an active task is known")
    }
}

/// The part at `index` of `total` split into `count` that differ by one unit at most.
pub(super) fn part(total: u64, count: usize, index: usize) -> u64 {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let index = u64::try_from(index).unwrap_or(u64::MAX);
    total / count + u64::from(index < total % count)
}

/// What a CPU must be able to guarantee to be chosen: the largest part of the guarantee.
fn largest_part(task: &Task) -> u64 {
    task.least.div_ceil(task.cpus.into())
}

fn width(task: &Task) -> usize {
    usize::try_from(task.cpus).unwrap_or(usize::MAX)
}

fn cpu_id(place: usize) -> CpuId {
    CpuId::new(u32::try_from(place).expect("a host has counted its CPUs"))
}

pub(super) fn place_of(cpu: CpuId) -> usize {
    usize::try_from(cpu.number()).expect("a host has counted its CPUs")
}

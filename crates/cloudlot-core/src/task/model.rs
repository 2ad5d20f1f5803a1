//! What a task is, and how far it has come.

use crate::task::Work;
use crate::{Bytes, Timestamp, id_type};

id_type! {
    /// A task, named by whoever submits it.
    pub struct TaskId(u64, "task-");
}

id_type! {
    /// Whoever is provisioned with CPU power: a container, a virtual machine, a tenant.
    pub struct EntityId(u64, "entity-");
}

id_type! {
    /// A CPU of a host, by its place in the specification.
    pub struct CpuId(u32, "cpu-");
}

/// Something to compute and what it needs for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Task {
    /// Its name, which no other task on the host has.
    pub id: TaskId,
    /// On whose ceiling it runs.
    pub entity: EntityId,
    /// All there is to compute.
    pub work: Work,
    /// On how many CPUs it runs at once, in equal parts.
    pub cpus: u32,
    /// What it occupies from its start to its end.
    pub memory: Bytes,
    /// Its part of CPU power relative to the others'; with 0 it runs on what they leave over.
    pub weight: u32,
    /// The CPU power it is guaranteed while it can use it, in MI/s.
    pub least: u64,
    /// The CPU power it can use at most, in MI/s.
    pub most: u64,
}

impl Task {
    /// A task on one CPU, of weight 1, without memory, guarantee or limit.
    /// ```
    /// # use cloudlot_core::task::{EntityId, Task, TaskId, Work};
    /// let (id, entity) = (TaskId::new(7), EntityId::new(1));
    /// let task = Task { cpus: 2, least: 500, ..Task::new(id, entity, Work::mi(8_000)) };
    /// assert_eq!((task.cpus, task.weight), (2, 1));
    /// ```
    #[must_use]
    pub const fn new(id: TaskId, entity: EntityId, work: Work) -> Self {
        Self {
            id,
            entity,
            work,
            cpus: 1,
            memory: Bytes::ZERO,
            weight: 1,
            least: 0,
            most: u64::MAX,
        }
    }

    /// What the task takes of its entity's ceiling by running at all, in MI/s: one unit at least,
    /// so that it cannot be held back for ever by its siblings.
    pub(super) fn promise(&self) -> u64 {
        self.least.max(1)
    }
}

/// Where a task is in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TaskState {
    /// It waits for room and holds nothing.
    Queued,
    /// It has its CPUs and its memory.
    Running,
    /// It ended as it should.
    Done,
    /// It ended otherwise.
    Failed,
}

/// How far a task has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The task as it was submitted.
    pub task: Task,
    /// Where it is in its life.
    pub state: TaskState,
    /// What is left to compute, as of [`Host::now`](super::Host::now); frozen at the end.
    pub remaining: Work,
    /// When it was submitted.
    pub arrived: Timestamp,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The CPUs it runs on, in order; none unless it runs.
    pub cpus: Vec<CpuId>,
    /// The CPU power it could use, in MI/s: what would have ended it within a second when it
    /// started, at most its `most`.
    pub asked: u64,
    /// What it demands of its CPUs together, in MI/s: its part of the ceiling.
    pub demand: u64,
    /// What its CPUs give it together, in MI/s.
    pub grant: u64,
    /// Since when its grant has been below its demand.
    pub short_since: Option<Timestamp>,
    /// Since when it had been short when it was first found starving.
    pub aged: Option<Timestamp>,
    /// Until when `remaining` is reckoned.
    pub(super) worked: Timestamp,
    /// When it will be done or aged, as the host has noted it.
    pub(super) due: Option<Timestamp>,
}

impl Progress {
    pub(super) fn queued(task: Task, now: Timestamp) -> Self {
        Self {
            task,
            state: TaskState::Queued,
            remaining: task.work,
            arrived: now,
            started: None,
            ended: None,
            cpus: Vec::new(),
            asked: task.work.rate_for_a_second().min(task.most),
            demand: 0,
            grant: 0,
            short_since: None,
            aged: None,
            worked: now,
            due: None,
        }
    }

    /// Takes off what is done until `now` at the present grant.
    pub(super) fn work_until(&mut self, now: Timestamp) {
        let time = now.since(self.worked);
        self.remaining = self.remaining.after(self.grant, time);
        self.worked = now;
    }
}

/// A task whose work is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finished {
    /// The task.
    pub task: TaskId,
    /// When it was done.
    pub at: Timestamp,
}

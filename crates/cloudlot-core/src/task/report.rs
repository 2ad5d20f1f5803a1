//! What can be read of a host: totals, who sits where, who starves.

use crate::task::{CpuId, EntityId, Host, Progress, TaskId};
use crate::{Bytes, Timestamp};

/// How much of something is in use, exactly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Utilisation {
    /// What is in use.
    pub used: u64,
    /// What there is.
    pub total: u64,
}

impl Utilisation {
    /// `used / total` rounded to five places, half up; 0 if there is nothing.
    /// ```
    /// # use cloudlot_core::task::Utilisation;
    /// let busy = Utilisation { used: 2, total: 3 };
    /// assert_eq!(busy.ratio(), 0.66667);
    /// ```
    #[must_use]
    pub fn ratio(self) -> f64 {
        const PLACES: u128 = 100_000;
        if self.total == 0 {
            return 0.0;
        }
        let (used, total) = (u128::from(self.used), u128::from(self.total));
        let rounded = (2 * used * PLACES + total) / (2 * total);
        rounded as f64 / PLACES as f64
    }
}

/// A task whose grant has been below its demand for too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Starving {
    /// The task.
    pub task: TaskId,
    /// Since when.
    pub since: Timestamp,
    /// What it demands of its CPUs together, in MI/s.
    pub demand: u64,
    /// What they give it, in MI/s.
    pub grant: u64,
}

/// A task on one of its CPUs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sharer {
    /// The task.
    pub task: TaskId,
    /// What it demands of this CPU, in MI/s.
    pub demand: u64,
    /// What this CPU gives it, in MI/s.
    pub grant: u64,
}

impl Host {
    /// A task that is known, ended ones included until they are removed.
    #[must_use]
    pub fn progress(&self, task: TaskId) -> Option<&Progress> {
        self.tasks.get(&task)
    }

    /// All tasks that are known, by identifier.
    pub fn tasks(&self) -> impl Iterator<Item = &Progress> {
        self.tasks.values()
    }

    /// The tasks that wait for room, first come first.
    pub fn queue(&self) -> impl Iterator<Item = TaskId> {
        self.queue.iter().map(|(_, task)| *task)
    }

    /// Who sits on `cpu`, by identifier; nobody on a CPU that the host does not have.
    pub fn sharers(&self, cpu: CpuId) -> impl Iterator<Item = Sharer> {
        let place = usize::try_from(cpu.number()).ok();
        let found = place.and_then(|place| self.cpus.get(place));
        let seats = found.into_iter().flat_map(|cpu| cpu.seats());
        seats.map(|(task, seat)| Sharer {
            task: *task,
            demand: seat.demand,
            grant: seat.grant,
        })
    }

    /// The tasks that have had less than they demand for [`Ageing::patience`] or longer at `now`,
    /// by identifier.
    ///
    /// [`Ageing::patience`]: super::Ageing::patience
    #[must_use]
    pub fn starving(&self, now: Timestamp) -> Vec<Starving> {
        let running = self.running.iter().filter_map(|task| self.progress(*task));
        running
            .filter_map(|progress| {
                let since = progress.short_since?;
                (now.since(since) >= self.ageing.patience).then_some(Starving {
                    task: progress.task.id,
                    since,
                    demand: progress.demand,
                    grant: progress.grant,
                })
            })
            .collect()
    }

    /// How much CPU power is granted, in MI/s; with equal CPUs, the mean of theirs.
    #[must_use]
    pub fn utilisation(&self) -> Utilisation {
        Utilisation {
            used: self.cpus.iter().map(|cpu| cpu.granted()).sum(),
            total: self.cpus.iter().map(|cpu| cpu.capacity()).sum(),
        }
    }

    /// How much of one CPU is granted, in MI/s.
    #[must_use]
    pub fn cpu_utilisation(&self, cpu: CpuId) -> Option<Utilisation> {
        let cpu = self.cpus.get(usize::try_from(cpu.number()).ok()?)?;
        Some(Utilisation {
            used: cpu.granted(),
            total: cpu.capacity(),
        })
    }

    /// What one CPU keeps for aged tasks, in MI/s.
    #[must_use]
    pub fn kept(&self, cpu: CpuId) -> Option<u64> {
        let cpu = self.cpus.get(usize::try_from(cpu.number()).ok()?)?;
        Some(cpu.kept())
    }

    /// How much memory the running tasks occupy, in bytes.
    #[must_use]
    pub fn memory_utilisation(&self) -> Utilisation {
        Utilisation {
            used: self.memory_used.get(),
            total: self.memory.get(),
        }
    }

    /// The memory that no task occupies.
    #[must_use]
    pub fn memory_free(&self) -> Bytes {
        self.memory.saturating_sub(self.memory_used)
    }

    /// How much CPU power is provisioned, of what may be, in MI/s.
    #[must_use]
    pub fn provisioned(&self) -> Utilisation {
        Utilisation {
            used: self.entities.provisioned(),
            total: self.entities.limit(),
        }
    }

    /// The ceiling of an entity, in MI/s.
    #[must_use]
    pub fn ceiling(&self, entity: EntityId) -> Option<u64> {
        Some(self.entities.find(entity)?.ceiling)
    }

    /// The time of the last call.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }
}

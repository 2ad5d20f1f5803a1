//! What time does by itself: work is done, tasks end, and those that wait too long are aged.

use crate::Timestamp;
use crate::share::BoundedClaim;
use crate::task::host::{part, place_of};
use crate::task::{Finished, Host, Progress, TaskId, TaskState};
use std::time::Duration;

impl Host {
    /// Lets time pass until `now`, and returns what was done since the last call, in order.
    ///
    /// Tasks that were done on the way make room at their very time, and the others go on with
    /// what is free, so one call for a long time is as good as many for short ones. A task is
    /// done at the first whole nanosecond at which its work is.
    pub fn advance(&mut self, now: Timestamp) -> Vec<Finished> {
        self.pass(now);
        std::mem::take(&mut self.finished)
    }

    /// When something happens by itself, if nobody comes or goes before: a task is done or aged.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        Some(self.due.first()?.0)
    }

    /// Goes from deadline to deadline until `now`.
    pub(super) fn pass(&mut self, now: Timestamp) {
        while let Some(at) = self.next_deadline()
            && at <= now
        {
            self.now = self.now.max(at);
            self.end_and_age();
            self.refill();
        }
        self.now = self.now.max(now);
        for task in &self.running {
            let progress = self.tasks.get_mut(task).expect("a running task is known");
            progress.work_until(self.now);
        }
    }

    /// Ends the tasks that are done now, and ages those that have been short for long enough.
    fn end_and_age(&mut self) {
        let now = self.now;
        while let Some((at, task)) = self.due.first().copied()
            && at <= now
        {
            let progress = self.progress_mut(task);
            progress.work_until(now);
            if progress.remaining.is_zero() {
                self.end(task, TaskState::Done).expect("it runs");
                self.finished.push(Finished { task, at: now });
            } else {
                self.age(task);
                self.schedule(task);
            }
        }
    }

    fn age(&mut self, task: TaskId) {
        let progress = self.tasks.get_mut(&task).expect("a running task is known");
        progress.aged = progress.short_since;
        if let Some(since) = progress.aged {
            for place in progress.cpus.iter().copied().map(place_of) {
                self.cpus[place].age(task, since);
                self.changed.cpus.insert(place);
            }
        }
    }

    /// Notes when a task will be done or aged at its present grant.
    ///
    /// As long as the grant stays, so does the time, however much is done until then.
    fn schedule(&mut self, task: TaskId) {
        let (now, patience) = (self.now, self.ageing.patience);
        let progress = self.progress_mut(task);
        let time = progress.remaining.time_at(progress.grant);
        let done = time.and_then(|time| later(now, time));
        let aged = match (progress.short_since, progress.aged) {
            (Some(since), None) => later(since, patience),
            _ => None,
        };
        let due = done.into_iter().chain(aged).min();
        let was = std::mem::replace(&mut progress.due, due);
        self.due.extend(due.map(|at| (at, task)));
        if let Some(at) = was.filter(|_| was != due) {
            self.due.remove(&(at, task));
        }
    }

    /// Divides afresh what has changed: ceilings into demands, then CPUs into grants.
    pub(super) fn divide(&mut self) {
        for entity in std::mem::take(&mut self.changed.entities) {
            let entity = self.entities.find(entity);
            let entity = entity.expect("an entity with tasks stays provisioned");
            let demands = entity.divide(|task| claim(&self.tasks[&task]));
            for (task, demand) in demands.collect::<Vec<_>>() {
                self.demand(task, demand);
            }
        }
        for place in std::mem::take(&mut self.changed.cpus) {
            self.changed.tasks.extend(self.cpus[place].share());
        }
        for task in std::mem::take(&mut self.changed.tasks) {
            self.regrant(task);
        }
    }

    /// Splits a task's demand over its CPUs.
    fn demand(&mut self, task: TaskId, demand: u64) {
        let cpus = &self.tasks[&task].cpus;
        for (index, place) in cpus.iter().copied().map(place_of).enumerate() {
            if self.cpus[place].demand(task, part(demand, cpus.len(), index)) {
                self.changed.cpus.insert(place);
                self.changed.tasks.insert(task);
            }
        }
    }

    /// Sums what a task's CPUs give it, and notes since when it is short.
    fn regrant(&mut self, task: TaskId) {
        let now = self.now;
        let progress = self.tasks.get_mut(&task).expect("a seated task is known");
        progress.work_until(now);
        let places = progress.cpus.iter().copied().map(place_of);
        let seats = places.filter_map(|place| self.cpus[place].seats().get(&task));
        (progress.demand, progress.grant) = seats.fold((0, 0), |(demand, grant), seat| {
            (demand + seat.demand, grant + seat.grant)
        });
        progress.short_since = match progress.short_since {
            _ if progress.grant >= progress.demand => None,
            None => Some(now),
            since => since,
        };
        self.schedule(task);
    }
}

/// What a task claims of its entity's ceiling.
fn claim(progress: &Progress) -> BoundedClaim {
    BoundedClaim {
        weight: progress.task.weight.into(),
        least: progress.task.promise(),
        most: progress.asked,
    }
}

/// `at + time`, if that can be named.
fn later(at: Timestamp, time: Duration) -> Option<Timestamp> {
    let nanos = u64::try_from(time.as_nanos()).ok()?;
    Some(Timestamp::from_nanos(at.as_nanos().checked_add(nanos)?))
}

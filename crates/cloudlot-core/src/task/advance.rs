//! What time does by itself: work is done, tasks end, and those that wait too long are aged.

use crate::Timestamp;
use crate::share::BoundedClaim;
use crate::task::host::{part, place_of};
use crate::task::{Finished, Host, Progress, TaskId, TaskState};
use std::collections::BTreeSet;
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
        let running = self.running.iter().map(|task| &self.tasks[task]);
        running.filter_map(|progress| self.deadline(progress)).min()
    }

    fn deadline(&self, progress: &Progress) -> Option<Timestamp> {
        let time = progress.remaining.time_at(progress.grant);
        let done = time.and_then(|time| later(self.now, time));
        let aged = match (progress.short_since, progress.aged) {
            (Some(since), None) => later(since, self.ageing.patience),
            _ => None,
        };
        done.into_iter().chain(aged).min()
    }

    /// Goes from deadline to deadline until `now`.
    pub(super) fn pass(&mut self, now: Timestamp) {
        while let Some(at) = self.next_deadline()
            && at <= now
        {
            self.work(at);
            self.end_done();
            self.age();
            self.refill();
        }
        self.work(now);
    }

    /// Lets the running tasks work until `at`; their grants are those of the whole time.
    fn work(&mut self, at: Timestamp) {
        let time = at.since(self.now);
        self.now = self.now.max(at);
        if time.is_zero() {
            return;
        }
        for task in &self.running {
            let progress = self.tasks.get_mut(task).expect("a running task is known");
            progress.remaining = progress.remaining.after(progress.grant, time);
        }
    }

    fn end_done(&mut self) {
        let is_done = |task: &&TaskId| self.tasks[task].remaining.is_zero();
        let done: Vec<TaskId> = self.running.iter().filter(is_done).copied().collect();
        for task in done {
            self.end(task, TaskState::Done).expect("it runs");
            let at = self.now;
            self.finished.push(Finished { task, at });
        }
    }

    /// Ages those that have been short for as long as patience lasts.
    fn age(&mut self) {
        let (now, patience) = (self.now, self.ageing.patience);
        for task in &self.running {
            let progress = self.tasks.get_mut(task).expect("a running task is known");
            if let (Some(since), None) = (progress.short_since, progress.aged)
                && now.since(since) >= patience
            {
                progress.aged = Some(since);
                for place in progress.cpus.iter().copied().map(place_of) {
                    self.cpus[place].age(*task, since);
                    self.changed.cpus.insert(place);
                }
            }
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
        let mut regranted = BTreeSet::new();
        for place in std::mem::take(&mut self.changed.cpus) {
            self.cpus[place].share();
            regranted.extend(self.cpus[place].seats().keys().copied());
        }
        for task in regranted {
            self.regrant(task);
        }
    }

    /// Splits a task's demand over its CPUs.
    fn demand(&mut self, task: TaskId, demand: u64) {
        let cpus = &self.tasks[&task].cpus;
        for (index, place) in cpus.iter().copied().map(place_of).enumerate() {
            if self.cpus[place].demand(task, part(demand, cpus.len(), index)) {
                self.changed.cpus.insert(place);
            }
        }
    }

    /// Sums what a task's CPUs give it, and notes since when it is short.
    fn regrant(&mut self, task: TaskId) {
        let now = self.now;
        let progress = self.tasks.get_mut(&task).expect("a seated task is known");
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

//! A sink that adds up what it is told, in memory that grows with the functions and not with the calls.

use super::run::{Delays, Run, Shares, Tally};
use super::timeline::Buckets;
use crate::{FunctionId, Life, Move, Outcome, Profile, Record, Sink, Totals};
use cloudlot_core::Timestamp;
use cloudlot_core::metrics::Sketch;
use std::collections::BTreeMap;

/// The name of [`Outcome::Success`] in a report.
pub(super) const SUCCESS: &str = "success";

/// Gathers what a run's report says. One run, one gatherer.
#[derive(Clone, Debug)]
pub struct Gather {
    /// By function.
    memory: Vec<u64>,
    tallies: Vec<Tally>,
    app_of: Vec<usize>,
    apps: usize,
    /// A handful at most, success first.
    outcomes: Vec<(Outcome, u64)>,
    delays: Sketch,
    held: Held,
    /// Bytes times nanoseconds.
    idle: u128,
    busy: u128,
    starting: u128,
    peak: u64,
    peak_instances: u64,
    buckets: Buckets,
    now: Timestamp,
}

/// What is held at the moment, in bytes.
#[derive(Clone, Copy, Default, Debug)]
struct Held {
    idle: u64,
    busy: u64,
    starting: u64,
    all: u64,
    instances: u64,
}

impl Gather {
    /// Nothing yet, of these functions; the platform knows them by the same numbers.
    #[must_use]
    pub fn new(functions: &[Profile]) -> Self {
        let mut apps: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut app_of = Vec::with_capacity(functions.len());
        for profile in functions {
            let next = apps.len();
            let app = (profile.owner.as_str(), profile.app.as_str());
            app_of.push(*apps.entry(app).or_insert(next));
        }
        Self {
            memory: functions.iter().map(|it| it.memory.get()).collect(),
            tallies: vec![Tally::default(); functions.len()],
            app_of,
            apps: apps.len(),
            outcomes: vec![(Outcome::Success, 0)],
            delays: Sketch::new(),
            held: Held::default(),
            idle: 0,
            busy: 0,
            starting: 0,
            peak: 0,
            peak_instances: 0,
            buckets: Buckets::new(),
            now: Timestamp::ZERO,
        }
    }

    /// The run is over. A name such as `fixed:10m` is a family and a setting.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for display and comparison")]
    pub fn finish(self, name: &str, totals: &Totals) -> Run {
        let (family, setting) = name.split_once(':').unwrap_or((name, ""));
        let answered = self.outcomes.iter().filter(|(_, count)| *count > 0);
        let mut apps = vec![Tally::default(); self.apps];
        for (tally, &app) in self.tallies.iter().zip(&self.app_of) {
            apps[app].calls += tally.calls;
            apps[app].cold += tally.cold;
        }
        // The totals know which starts were ahead of a call, and do not know yet what is idle still.
        let idle = totals.idle.clamp(self.idle, self.idle + self.starting);
        let cold: u64 = self.tallies.iter().map(|tally| tally.cold).sum();
        Run {
            name: name.to_owned(),
            family: family.to_owned(),
            setting: setting.to_owned(),
            calls: totals.calls,
            outcomes: answered.map(|(it, count)| (name_of(*it), *count)).collect(),
            starts: totals.starts,
            prewarms: totals.prewarms,
            failed_starts: totals.failed_starts,
            evictions: totals.evictions,
            retries: totals.retries,
            waited: totals.waited,
            cold,
            cold_share: cold as f64 / totals.calls.max(1) as f64,
            cold_by_function: Shares::of(self.tallies.iter().copied()),
            cold_by_app: Shares::of(apps.into_iter()),
            delay_s: Delays::of(&self.delays),
            idle_mib_s: mib_s(idle),
            busy_mib_s: mib_s(self.busy),
            starting_mib_s: mib_s(self.idle + self.starting - idle),
            peak_mib: self.peak as f64 / (1_u64 << 20) as f64,
            peak_instances: self.peak_instances,
            cost: None,
            timeline: self.buckets.finish(),
        }
    }

    /// What is held now was held until then.
    fn advance(&mut self, to: Timestamp) {
        if to <= self.now {
            return;
        }
        let nanos = u128::from(to.as_nanos() - self.now.as_nanos());
        let Held {
            idle,
            busy,
            starting,
            ..
        } = self.held;
        self.idle += u128::from(idle) * nanos;
        self.busy += u128::from(busy) * nanos;
        self.starting += u128::from(starting) * nanos;
        self.buckets.hold(self.now, to, idle, busy);
        self.now = to;
    }

    fn memory_of(&self, function: FunctionId) -> u64 {
        let index = usize::try_from(function.number()).ok();
        index
            .and_then(|index| self.memory.get(index))
            .copied()
            .unwrap_or(0)
    }
}

impl Sink for Gather {
    fn call(&mut self, record: &Record) {
        match self
            .outcomes
            .iter_mut()
            .find(|(it, _)| *it == record.outcome)
        {
            Some((_, count)) => *count += 1,
            None => self.outcomes.push((record.outcome, 1)),
        }
        let index = usize::try_from(record.function.number()).ok();
        if let Some(tally) = index.and_then(|index| self.tallies.get_mut(index)) {
            tally.calls += 1;
            tally.cold += u64::from(record.cold);
        }
        if record.started.is_some() {
            // A time is a finite number and never below zero.
            let _ = self.delays.record(record.delay().as_secs_f64());
        }
        self.buckets.count(record.arrived, record.cold);
        self.advance(record.ended);
    }

    fn moved(&mut self, step: &Move) {
        self.advance(step.at);
        let memory = self.memory_of(step.function);
        let held = &mut self.held;
        held.leave(step.from, memory);
        held.enter(step.to, memory);
        self.peak = self.peak.max(held.all);
        self.peak_instances = self.peak_instances.max(held.instances);
    }
}

impl Held {
    fn enter(&mut self, life: Life, memory: u64) {
        if let Some(part) = self.part(life) {
            *part = part.saturating_add(memory);
        }
        if life != Life::Gone {
            self.all = self.all.saturating_add(memory);
            self.instances += 1;
        }
    }

    fn leave(&mut self, life: Life, memory: u64) {
        if let Some(part) = self.part(life) {
            *part = part.saturating_sub(memory);
        }
        if life != Life::Gone {
            self.all = self.all.saturating_sub(memory);
            self.instances -= 1;
        }
    }

    fn part(&mut self, life: Life) -> Option<&mut u64> {
        match life {
            Life::Idle => Some(&mut self.idle),
            Life::Busy => Some(&mut self.busy),
            Life::Starting => Some(&mut self.starting),
            _ => None,
        }
    }
}

/// An outcome's own name, in small letters: one that is new is reported without a line here.
fn name_of(outcome: Outcome) -> String {
    let mut name = String::new();
    for letter in format!("{outcome:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

#[expect(clippy::cast_precision_loss, reason = "for display and comparison")]
fn mib_s(held: u128) -> f64 {
    held as f64 / (1_u64 << 20) as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_names_of_small_letters() {
        let names = [Outcome::Success, Outcome::WaitedTooLong, Outcome::NoRoom].map(name_of);
        assert_eq!(names, [SUCCESS, "waited_too_long", "no_room"]);
    }
}

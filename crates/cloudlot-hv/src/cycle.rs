//! One turn of the loop: sample, plan, write down what could be undone, apply, report.
//!
//! The rules live in the controllers; this file holds only the order of things and what each
//! kind of error means for the rest of the turn.

use crate::{
    DomainId, DomainSample, HostPlan, HostSample, HostStep, HvError, Hypervisor, Original,
};
use cloudlot_core::{Clock, Timestamp};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::time::Duration;

/// What turns samples into plans and learns from what came of them.
///
/// Planning itself is pure (`plan_pins`, `plan_memory`); a controller keeps the window of samples
/// and the history around it.
pub trait Controller {
    /// Takes a sample in and decides.
    fn plan(&mut self, sample: &HostSample) -> HostPlan;

    /// What became of the plan.
    fn observe(&mut self, report: &CycleReport);

    /// Samples before now no longer count: the connection was lost meanwhile.
    fn forget_samples(&mut self);
}

impl<C: Controller + ?Sized> Controller for Box<C> {
    fn plan(&mut self, sample: &HostSample) -> HostPlan {
        (**self).plan(sample)
    }

    fn observe(&mut self, report: &CycleReport) {
        (**self).observe(report);
    }

    fn forget_samples(&mut self) {
        (**self).forget_samples();
    }
}

/// Where originals are written down before the first change, so that a crash can be undone.
pub trait Journal {
    /// Returns only when the originals would survive the end of this process.
    ///
    /// # Errors
    /// Nothing may be changed then.
    fn record(&mut self, originals: &[Original]) -> io::Result<()>;
}

/// Keeps originals in memory only: enough for tests and simulations.
impl Journal for Vec<Original> {
    fn record(&mut self, originals: &[Original]) -> io::Result<()> {
        self.extend_from_slice(originals);
        Ok(())
    }
}

/// Whether a cycle may change anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Plans are applied.
    Act,
    /// Plans are made and reported only.
    DryRun,
}

/// What became of one step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was planned only: dry run, or a connection that may not write.
    NotAsked,
    /// It was left out: the domain is backing off after being busy, or the turn was cut short.
    Skipped,
    /// The hypervisor, or the journal, said no.
    Failed(HvError),
}

/// What one turn saw, decided and did.
#[derive(Clone, PartialEq, Debug)]
pub struct CycleReport {
    /// 1 for the first turn; turns that saw nothing count.
    pub number: u64,
    /// When its sample was taken.
    pub at: Timestamp,
    /// Names of the domains in the sample.
    pub names: BTreeMap<DomainId, String>,
    /// What was decided.
    pub plan: HostPlan,
    /// What became of each step, in the plan's order.
    pub outcomes: Vec<Outcome>,
}

impl CycleReport {
    /// The steps that were done.
    pub fn done(&self) -> impl Iterator<Item = &HostStep> {
        self.plan
            .steps
            .iter()
            .zip(&self.outcomes)
            .filter(|(_, outcome)| **outcome == Outcome::Done)
            .map(|(planned, _)| &planned.step)
    }
}

/// A busy domain is left alone for a number of turns that doubles with each refusal.
#[derive(Clone, Copy, Debug)]
struct Backoff {
    turns: u64,
    until: u64,
}

/// Turns are doubled up to this many.
const BACKOFF_TURNS_MAX: u64 = 64;

/// Which domains a cycle may change; all others are only looked at.
type Selection = Box<dyn Fn(&DomainSample) -> bool>;

/// A hypervisor, a controller and a journal, turning together.
pub struct Cycle<H, C, J> {
    host: H,
    controller: C,
    journal: J,
    mode: Mode,
    selection: Selection,
    originals: BTreeMap<DomainId, Original>,
    backoff: BTreeMap<DomainId, Backoff>,
    turns: u64,
}

impl<H: Hypervisor, C: Controller, J: Journal> Cycle<H, C, J> {
    /// A cycle that has not turned yet. `originals` are those of an earlier process that could
    /// not restore them; for a domain in the same run they stay the ones to go back to.
    #[must_use]
    pub fn new(host: H, controller: C, journal: J, mode: Mode, originals: Vec<Original>) -> Self {
        let mut known = BTreeMap::new();
        originals
            .into_iter()
            .for_each(|original| merge(&mut known, original));
        Self {
            host,
            controller,
            journal,
            mode,
            selection: Box::new(|_| true),
            originals: known,
            backoff: BTreeMap::new(),
            turns: 0,
        }
    }

    /// Changes only domains for which `selection` holds; others count as load.
    #[must_use]
    pub fn select(mut self, selection: impl Fn(&DomainSample) -> bool + 'static) -> Self {
        self.selection = Box::new(selection);
        self
    }

    /// The host.
    pub fn host(&mut self) -> &mut H {
        &mut self.host
    }

    /// The controller.
    pub fn controller(&self) -> &C {
        &self.controller
    }

    /// What the changed domains were like before.
    #[must_use]
    pub fn originals(&self) -> Vec<Original> {
        self.originals.values().cloned().collect()
    }

    /// Takes the cycle apart, for restoring.
    pub fn into_parts(self) -> (H, C, J) {
        (self.host, self.controller, self.journal)
    }

    /// One turn.
    ///
    /// A step that fails does not stop the others, unless the connection is gone.
    ///
    /// # Errors
    /// When the host cannot be sampled; nothing was changed then, and older samples are forgotten.
    pub fn turn(&mut self) -> Result<CycleReport, HvError> {
        self.turns += 1;
        let mut sample = self
            .host
            .sample()
            .inspect_err(|_| self.controller.forget_samples())?;
        for domain in &mut sample.domains {
            domain.rules.managed &= (self.selection)(domain);
        }
        let plan = self.controller.plan(&sample);
        let outcomes = self.carry_out(&plan, &sample);
        let names = sample
            .domains
            .iter()
            .map(|domain| (domain.id, domain.name.clone()))
            .collect();
        let report = CycleReport {
            number: self.turns,
            at: sample.at,
            names,
            plan,
            outcomes,
        };
        self.controller.observe(&report);
        Ok(report)
    }

    fn carry_out(&mut self, plan: &HostPlan, sample: &HostSample) -> Vec<Outcome> {
        if self.mode == Mode::DryRun || !self.host.capabilities().write {
            return vec![Outcome::NotAsked; plan.steps.len()];
        }
        let refused = self.write_down(plan, sample);
        let mut connected = true;
        let mut outcomes = Vec::with_capacity(plan.steps.len());
        for planned in &plan.steps {
            let domain = planned.step.domain();
            let outcome = if !connected || self.backs_off(domain) {
                Outcome::Skipped
            } else if let Some(error) = refused.get(&domain) {
                Outcome::Failed(error.clone())
            } else {
                self.apply(&planned.step)
            };
            if matches!(outcome, Outcome::Failed(HvError::Disconnected(_))) {
                connected = false;
                self.controller.forget_samples();
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    fn apply(&mut self, step: &HostStep) -> Outcome {
        match self.host.apply(step) {
            Ok(()) => {
                self.backoff.remove(&step.domain());
                Outcome::Done
            }
            Err(error) => {
                if let HvError::Busy { domain, .. } = error {
                    self.back_off(domain);
                }
                Outcome::Failed(error)
            }
        }
    }

    fn backs_off(&self, domain: DomainId) -> bool {
        self.backoff
            .get(&domain)
            .is_some_and(|backoff| self.turns < backoff.until)
    }

    fn back_off(&mut self, domain: DomainId) {
        let last = self.backoff.get(&domain).map_or(0, |backoff| backoff.turns);
        let turns = (last * 2).clamp(1, BACKOFF_TURNS_MAX);
        self.backoff.insert(
            domain,
            Backoff {
                turns,
                until: self.turns + 1 + turns,
            },
        );
    }

    /// Journals what the plan is about to change for the first time; domains for which that
    /// fails must not be touched.
    fn write_down(&mut self, plan: &HostPlan, sample: &HostSample) -> BTreeMap<DomainId, HvError> {
        let mut present: BTreeMap<DomainId, Original> = BTreeMap::new();
        let mut fresh: BTreeMap<DomainId, Original> = BTreeMap::new();
        let mut refused = BTreeMap::new();
        let runs: BTreeMap<DomainId, u64> = sample
            .domains
            .iter()
            .map(|domain| (domain.id, domain.run))
            .collect();
        let host = &mut self.host;
        self.originals.retain(|id, original| match runs.get(id) {
            Some(run) => *run == original.run,
            // It may only be missing from this sample; once it is gone there is no way to go back.
            None => !matches!(host.originals(*id), Err(HvError::Vanished(_))),
        });
        for step in plan.steps.iter().map(|planned| &planned.step) {
            let domain = step.domain();
            if refused.contains_key(&domain)
                || self.originals.get(&domain).is_some_and(|o| o.covers(step))
            {
                continue;
            }
            if let Entry::Vacant(unknown) = present.entry(domain) {
                match self.host.originals(domain) {
                    Ok(original) => {
                        unknown.insert(original);
                    }
                    Err(error) => {
                        refused.insert(domain, error);
                    }
                }
            }
            if let Some(original) = present.get(&domain) {
                merge(&mut fresh, original.before(step));
            }
        }
        let batch: Vec<Original> = fresh.into_values().collect();
        if batch.is_empty() {
            return refused;
        }
        match self.journal.record(&batch) {
            Ok(()) => batch
                .into_iter()
                .for_each(|original| merge(&mut self.originals, original)),
            Err(error) => refused.extend(batch.iter().map(|original| {
                (
                    original.domain,
                    HvError::Failed(format!("cannot journal the original: {error}")),
                )
            })),
        }
        refused
    }
}

/// Adds what is not known yet; what was known first stays. Another run replaces all.
fn merge(known: &mut BTreeMap<DomainId, Original>, original: Original) {
    match known.get_mut(&original.domain) {
        Some(first) if first.run == original.run => first.absorb(original),
        _ => drop(known.insert(original.domain, original)),
    }
}

/// Merges a journal's records into one original a domain, the first word on each setting standing.
#[must_use]
pub fn merged(records: impl IntoIterator<Item = Original>) -> Vec<Original> {
    let mut known = BTreeMap::new();
    records
        .into_iter()
        .for_each(|record| merge(&mut known, record));
    known.into_values().collect()
}

/// Turns the cycle at every multiple of `interval` until `stop` says so or `turns` are done.
///
/// `each` sees every turn's report, or the reason why there is none; its loop goes on either way.
/// A turn that takes longer than the interval skips the beats it missed.
pub fn run<H: Hypervisor, C: Controller, J: Journal>(
    cycle: &mut Cycle<H, C, J>,
    clock: &dyn Clock,
    interval: Duration,
    turns: Option<u64>,
    stop: &dyn Fn() -> bool,
    each: &mut dyn FnMut(Result<&CycleReport, &HvError>),
) {
    let start = clock.now();
    let mut done = 0;
    while !stop() && turns.is_none_or(|turns| done < turns) {
        each(cycle.turn().as_ref());
        done += 1;
        if turns.is_none_or(|turns| done < turns) {
            clock.sleep_until(clock.now().next_multiple(start, interval));
        }
    }
}

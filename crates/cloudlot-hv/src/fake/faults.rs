//! What goes wrong on request: planned stretches of trouble, and refusals by chance.

use super::chance::Chance;
use super::guest_memory::Trouble;
use super::spec::Span;
use crate::{CpuSet, DomainId, HostStep, HvError};
use cloudlot_core::Timestamp;

/// One thing that goes wrong for some time.
///
/// ```
/// use cloudlot_core::{ManualClock, Seeds};
/// use cloudlot_hv::fake::{FakeHost, Fault, HostSpec, Span};
/// use cloudlot_hv::{HvError, Hypervisor};
///
/// let during = Span::ALWAYS;
/// let spec = HostSpec {
///     faults: vec![Fault::Disconnected { during }],
///     ..HostSpec::new(1, Vec::new())
/// };
/// let mut host = FakeHost::new(spec, Seeds::new(1), ManualClock::default())?;
/// assert!(matches!(host.sample(), Err(HvError::Disconnected(_))));
/// # Ok::<(), cloudlot_hv::fake::SpecError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub enum Fault {
    /// The connection is dead: nothing can be seen or changed.
    Disconnected {
        /// When.
        during: Span,
    },
    /// Nothing may be changed.
    ReadOnly {
        /// When.
        during: Span,
    },
    /// The guest's run ends as soon as a change to it is asked for, as when it is destroyed
    /// between sample and change.
    Vanishes {
        /// Who.
        domain: DomainId,
        /// When.
        during: Span,
    },
    /// Changes of one kind are refused with some probability.
    Refuses {
        /// Which changes.
        kind: StepKind,
        /// Whose; `None`: everybody's.
        domain: Option<DomainId>,
        /// In what way.
        answer: Answer,
        /// How likely, in [0, 1].
        probability: f64,
        /// When.
        during: Span,
    },
    /// The host refuses to run anything on these pCPUs, though they are online.
    CpusRefused {
        /// Which.
        cpus: CpuSet,
        /// When.
        during: Span,
    },
    /// A guest's statistics stand still.
    StatsFrozen {
        /// Whose.
        domain: DomainId,
        /// When.
        during: Span,
    },
    /// A guest's balloon is slow; at 0 it stands still.
    BalloonSlow {
        /// Whose.
        domain: DomainId,
        /// MiB a second at most.
        mib_s: f64,
        /// When.
        during: Span,
    },
}

/// The kinds of [`HostStep`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepKind {
    /// [`HostStep::Pin`].
    Pin,
    /// [`HostStep::SetMemory`].
    SetMemory,
    /// [`HostStep::SetStatsPeriod`].
    SetStatsPeriod,
}

/// How a change is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// [`HvError::Vanished`], though the domain lives on.
    Vanished,
    /// [`HvError::Busy`].
    Busy,
    /// [`HvError::Failed`].
    Failed,
}

impl Fault {
    /// When it is in force.
    #[must_use]
    pub fn during(&self) -> Span {
        match self {
            Self::Disconnected { during }
            | Self::ReadOnly { during }
            | Self::Vanishes { during, .. }
            | Self::Refuses { during, .. }
            | Self::CpusRefused { during, .. }
            | Self::StatsFrozen { during, .. }
            | Self::BalloonSlow { during, .. } => *during,
        }
    }
}

/// All faults of a host, and the chance that decides about refusals.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    planned: Vec<Fault>,
    chance: Chance,
}

impl Faults {
    pub(super) fn new(planned: Vec<Fault>, seed: u64) -> Self {
        let chance = Chance::new(seed);
        Self { planned, chance }
    }

    pub(super) fn add(&mut self, fault: Fault) {
        self.planned.push(fault);
    }

    fn now(&self, now: Timestamp) -> impl Iterator<Item = &Fault> {
        let in_force = move |fault: &&Fault| fault.during().contains(now);
        self.planned.iter().filter(in_force)
    }

    /// An error while nothing can be seen.
    pub(super) fn connection(&self, now: Timestamp) -> Result<(), HvError> {
        let dead = |fault: &Fault| matches!(fault, Fault::Disconnected { .. });
        if self.now(now).any(dead) {
            return Err(HvError::Disconnected(
                "the simulated link is cut".to_owned(),
            ));
        }
        Ok(())
    }

    pub(super) fn is_read_only(&self, now: Timestamp) -> bool {
        self.now(now)
            .any(|fault| matches!(fault, Fault::ReadOnly { .. }))
    }

    /// Whether the domain of a change is to end first.
    pub(super) fn vanishes(&self, id: DomainId, now: Timestamp) -> bool {
        self.now(now)
            .any(|fault| matches!(fault, Fault::Vanishes { domain, .. } if *domain == id))
    }

    /// What is wrong with one guest's balloon.
    pub(super) fn trouble(&self, id: DomainId, now: Timestamp) -> Trouble {
        let mut trouble = Trouble::default();
        for fault in self.now(now) {
            match fault {
                Fault::StatsFrozen { domain, .. } if *domain == id => trouble.frozen = true,
                Fault::BalloonSlow { domain, mib_s, .. } if *domain == id => {
                    let slowest = trouble.slow_mib_s.unwrap_or(f64::INFINITY);
                    trouble.slow_mib_s = Some(slowest.min(*mib_s));
                }
                _ => {}
            }
        }
        trouble
    }

    /// An error if this change is to be refused now.
    pub(super) fn refusal(&mut self, step: &HostStep, now: Timestamp) -> Result<(), HvError> {
        let in_force: Vec<Fault> = self.now(now).cloned().collect();
        in_force
            .iter()
            .try_for_each(|fault| self.refuse_for(fault, step))
    }

    fn refuse_for(&mut self, fault: &Fault, step: &HostStep) -> Result<(), HvError> {
        match (fault, step) {
            (Fault::CpusRefused { cpus, .. }, HostStep::Pin { to, .. })
                if !to.intersection(cpus).is_empty() =>
            {
                Err(HvError::CpuRefused {
                    cpus: to.intersection(cpus).iter().collect(),
                    reason: "invalid argument".to_owned(),
                })
            }
            (
                Fault::Refuses {
                    kind,
                    domain,
                    answer,
                    probability,
                    ..
                },
                step,
            ) if *kind == StepKind::of(step)
                && domain.is_none_or(|domain| domain == step.domain())
                && self.chance.unit() < *probability =>
            {
                Err(answer.error(step.domain()))
            }
            _ => Ok(()),
        }
    }
}

impl StepKind {
    /// The kind of a change.
    #[must_use]
    pub fn of(step: &HostStep) -> Self {
        match step {
            HostStep::Pin { .. } => Self::Pin,
            HostStep::SetMemory { .. } => Self::SetMemory,
            HostStep::SetStatsPeriod { .. } => Self::SetStatsPeriod,
        }
    }
}

impl Answer {
    fn error(self, domain: DomainId) -> HvError {
        let reason = "the simulation was asked to".to_owned();
        match self {
            Self::Vanished => HvError::Vanished(domain),
            Self::Busy => HvError::Busy { domain, reason },
            Self::Failed => HvError::Failed(reason),
        }
    }
}

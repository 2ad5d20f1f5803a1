//! A domain's settings before our first change, and the way back to them.

use crate::{BalloonSample, CpuSet, DomainId, DomainSample, HostStep, HvError, Hypervisor, VcpuId};
use cloudlot_core::{Bytes, Clock};
use std::collections::BTreeMap;
use std::time::Duration;

/// A domain's settings before our first change; what we never changed is not in it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Original {
    /// Whose.
    pub domain: DomainId,
    /// Its name, for people.
    pub name: String,
    /// The run that they belong to: a domain that was started anew has forgotten our changes.
    pub run: u64,
    /// Mask by vCPU number.
    pub pins: BTreeMap<u32, CpuSet>,
    /// The balloon's target.
    pub target: Option<Bytes>,
    /// How often statistics were asked for; zero: never.
    pub stats_period: Option<Duration>,
}

impl Original {
    /// Whether the setting that `step` changes is in here.
    #[must_use]
    pub fn covers(&self, step: &HostStep) -> bool {
        match step {
            HostStep::Pin { vcpu, .. } => self.pins.contains_key(&vcpu.index),
            HostStep::SetMemory { .. } => self.target.is_some(),
            HostStep::SetStatsPeriod { .. } => self.stats_period.is_some(),
        }
    }

    /// Only the setting that `step` changes.
    #[must_use]
    pub fn before(&self, step: &HostStep) -> Self {
        let mut part = self.nothing();
        match step {
            HostStep::Pin { vcpu, .. } => {
                part.pins.extend(
                    self.pins
                        .get(&vcpu.index)
                        .map(|mask| (vcpu.index, mask.clone())),
                );
            }
            HostStep::SetMemory { .. } => part.target = self.target,
            HostStep::SetStatsPeriod { .. } => part.stats_period = self.stats_period,
        }
        part
    }

    /// The same domain without any setting.
    fn nothing(&self) -> Self {
        Self {
            domain: self.domain,
            name: self.name.clone(),
            run: self.run,
            pins: BTreeMap::new(),
            target: None,
            stats_period: None,
        }
    }

    /// Adds what is not known yet; what was known first stays.
    pub fn absorb(&mut self, later: Self) {
        for (index, mask) in later.pins {
            self.pins.entry(index).or_insert(mask);
        }
        self.target = self.target.or(later.target);
        self.stats_period = self.stats_period.or(later.stats_period);
    }
}

/// What to go back to on exit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum RestorePolicy {
    /// Masks, balloon targets and statistics periods as they were.
    #[default]
    Original,
    /// Masks and periods as they were; balloons to the most that the domain can have.
    Max,
    /// Masks and balloons stay; statistics periods as they were.
    Keep,
}

/// What came of restoring.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RestoreReport {
    /// Settings that are as wanted again, changed back or never different.
    pub restored: usize,
    /// What could not be restored, a line each, with the reason.
    pub left: Vec<String>,
    /// What `left` speaks of, to be kept for another try.
    pub originals: Vec<Original>,
}

/// Limits that hold on the way back too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RestoreLimits {
    /// The host keeps at least this much available.
    pub reserve: Bytes,
    /// A guest that shrinks keeps at least this much beyond what it uses.
    pub headroom: Bytes,
}

/// Puts settings back, domain by domain, until `stop` says that it is enough.
///
/// Domains that are gone, or were started anew, need nothing. A balloon is set as near to the
/// wanted target as host and guest allow; a rest is reported as left.
pub fn restore<H: Hypervisor>(
    host: &mut H,
    originals: &[Original],
    policy: RestorePolicy,
    limits: RestoreLimits,
    stop: &dyn Fn() -> bool,
) -> RestoreReport {
    pass(host, originals, policy, limits, stop, Pass::Last)
}

/// Like [`restore`], and tries again for up to `patience` what could not be put back at once.
///
/// A guest that was just given memory has yet to say how little of it it uses, and memory that
/// one guest gives up comes to the host in its own time. Until then guests go on being asked.
pub fn restore_within<H: Hypervisor>(
    host: &mut H,
    originals: &[Original],
    policy: RestorePolicy,
    limits: RestoreLimits,
    (clock, patience): (&dyn Clock, Duration),
    stop: &dyn Fn() -> bool,
) -> RestoreReport {
    let deadline = clock.now() + patience;
    let mut report = pass(host, originals, policy, limits, stop, Pass::MoreToCome);
    while !report.originals.is_empty() {
        let again = deadline.min(clock.now() + PAUSE);
        while !stop() && clock.now() < again {
            clock.sleep_until(again.min(clock.now() + GLANCE));
        }
        let which = if stop() || clock.now() >= deadline {
            Pass::Last
        } else {
            Pass::MoreToCome
        };
        let restored = report.restored;
        report = pass(host, &report.originals, policy, limits, stop, which);
        report.restored += restored;
        if which == Pass::Last {
            break;
        }
    }
    report
}

/// Guests are asked once a second at most.
const PAUSE: Duration = Duration::from_secs(1);
/// How long it may take until `stop` is heard.
const GLANCE: Duration = Duration::from_millis(100);

/// Whether what is left now gets another chance.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    MoreToCome,
    Last,
}

fn pass<H: Hypervisor>(
    host: &mut H,
    originals: &[Original],
    policy: RestorePolicy,
    limits: RestoreLimits,
    stop: &dyn Fn() -> bool,
    which: Pass,
) -> RestoreReport {
    let mut report = RestoreReport::default();
    let sample = match host.sample() {
        Ok(sample) => sample,
        Err(error) => {
            report.left.extend(
                originals
                    .iter()
                    .map(|original| format!("{}: {error}", original.name)),
            );
            report.originals = originals.to_vec();
            return report;
        }
    };
    let mut available = sample
        .memory
        .map(|memory| memory.available.saturating_sub(limits.reserve));
    for original in originals {
        let same_run =
            |domain: &&DomainSample| domain.id == original.domain && domain.run == original.run;
        let Some(domain) = sample.domains.iter().find(same_run) else {
            continue;
        };
        let way = way_back(original, domain, policy, limits, &mut available);
        let mut rest = original.nothing();
        for step in way.steps {
            match step {
                HostStep::SetMemory { .. } if way.short.is_some() => {
                    rest.absorb(original.before(&step));
                }
                // Without statistics nobody would learn when the guest can give more.
                HostStep::SetStatsPeriod { .. }
                    if way.short.is_some() && which == Pass::MoreToCome =>
                {
                    rest.absorb(original.before(&step));
                    continue;
                }
                _ => {}
            }
            match if stop() {
                Err(HvError::Failed("stopped".to_owned()))
            } else {
                host.apply(&step)
            } {
                Ok(()) => report.restored += usize::from(!rest.covers(&step)),
                Err(HvError::Vanished(_)) => {}
                Err(error) => {
                    rest.absorb(original.before(&step));
                    report
                        .left
                        .push(format!("{}: {step}: {error}", original.name));
                }
            }
        }
        report.left.extend(way.short);
        if rest != original.nothing() {
            report.originals.push(rest);
        }
    }
    report
}

/// What brings one domain back, and what it falls short of.
struct WayBack {
    steps: Vec<HostStep>,
    short: Option<String>,
}

fn way_back(
    original: &Original,
    domain: &DomainSample,
    policy: RestorePolicy,
    limits: RestoreLimits,
    available: &mut Option<Bytes>,
) -> WayBack {
    let mut steps = Vec::new();
    let mut short = None;
    if policy != RestorePolicy::Keep {
        let differs = |(index, mask): &(&u32, &CpuSet)| {
            domain
                .vcpus
                .iter()
                .any(|vcpu| vcpu.index == **index && vcpu.mask != **mask)
        };
        steps.extend(
            original
                .pins
                .iter()
                .filter(differs)
                .map(|(&index, mask)| HostStep::Pin {
                    vcpu: VcpuId {
                        domain: domain.id,
                        index,
                    },
                    to: mask.clone(),
                }),
        );
        if let (Some(balloon), Some(target)) = (&domain.balloon, original.target) {
            let wanted = if policy == RestorePolicy::Max {
                balloon.max
            } else {
                target
            };
            let reachable = within_limits(balloon, wanted, limits, available);
            if reachable != wanted {
                short = Some(format!(
                    "{}: memory goes to {reachable}, not {wanted}",
                    original.name
                ));
            }
            steps.push(HostStep::SetMemory {
                domain: domain.id,
                target: reachable,
            });
        }
    }
    if let (Some(balloon), Some(period)) = (&domain.balloon, original.stats_period)
        && balloon.period.unwrap_or_default() != period
    {
        steps.push(HostStep::SetStatsPeriod {
            domain: domain.id,
            period,
        });
    }
    WayBack { steps, short }
}

/// The target nearest to `wanted` that starves neither host nor guest.
fn within_limits(
    balloon: &BalloonSample,
    wanted: Bytes,
    limits: RestoreLimits,
    available: &mut Option<Bytes>,
) -> Bytes {
    let actual = balloon.actual;
    if wanted <= actual {
        let spare = balloon
            .usable
            .or(balloon.unused)
            .map_or(Bytes::ZERO, |usable| usable.saturating_sub(limits.headroom));
        return wanted.max(actual.saturating_sub(spare));
    }
    let growth = wanted.saturating_sub(actual);
    let granted = available.map_or(growth, |free| free.min(growth));
    *available = available.map(|free| free.saturating_sub(granted));
    actual.saturating_add(granted)
}

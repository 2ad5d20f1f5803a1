//! One active domain: what its XML told, kept for a while, and its part of a sample.

use super::domain_xml::{self, DomainXmlError, Live, Persistent, Rules};
use super::errors::{Failure, Kind};
use super::session::Session;
use super::stats::{DomainStats, GuestMemory};
use super::sys;
use crate::{
    BalloonSample, CpuSet, DomainId, DomainRules, DomainSample, DomainState, PcpuId, VcpuSample,
};
use cloudlot_core::{Bytes, Timestamp};
use std::time::{Duration, SystemTime};
use virt::domain::Domain;
use virt::sys::{
    VIR_DOMAIN_BLOCKED, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_DUMP, VIR_DOMAIN_PAUSED_MIGRATION,
    VIR_DOMAIN_PAUSED_POSTCOPY, VIR_DOMAIN_PAUSED_SAVE, VIR_DOMAIN_PAUSED_SNAPSHOT,
    VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY, VIR_DOMAIN_SHUTOFF,
    VIR_DOMAIN_XML_INACTIVE,
};

/// XML is read anew after this time: not every change of a definition makes an event.
const FACTS_AGE_MAX: Duration = Duration::from_secs(60);
/// At most so many domains a sample for age alone, so that a thousand do not fall due at once.
const FACTS_AGED_MAX: usize = 64;

/// A domain seen in the last sample.
pub(super) struct Known {
    pub(super) domain: Domain,
    pub(super) run: u64,
    pub(super) facts: Facts,
    /// Whether the facts are to be read again.
    pub(super) stale: bool,
    /// Whether a change found a long job on it.
    pub(super) job: bool,
    read_at: Timestamp,
    /// What its guest said last.
    guest: Option<GuestMemory>,
}

/// What a domain's XML says.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Facts {
    pub(super) live: Live,
    persistent: Option<Persistent>,
    rules: DomainRules,
    cpus: Option<CpuSet>,
    wrong: Vec<String>,
}

impl Session {
    /// The domain's part of a sample; `None` if it is not active any more.
    pub(super) fn domain(
        &mut self,
        domain: Domain,
        stats: &DomainStats,
        at: Timestamp,
    ) -> Result<Option<DomainSample>, Failure> {
        let id = DomainId(domain.uuid()?);
        let (Some(run), true) = (self.run(&domain), stats.state != VIR_DOMAIN_SHUTOFF) else {
            return Ok(None);
        };
        let name = domain.name()?;
        let pins = match sys::vcpus(&domain, stats.online, self.cpu_count()).map_err(Failure::from)
        {
            Ok(pins) => Some(pins),
            // Shut off meanwhile, or emulated by a single thread.
            Err(failure) if matches!(failure.kind(), Kind::Unfit | Kind::Unsupported) => {
                if !domain.is_active()? {
                    return Ok(None);
                }
                None
            }
            Err(failure) => return Err(failure),
        };
        self.know(id, &name, domain, run, at)?;
        let job = self.job(id, stats)?;
        let Some(known) = self.known.get_mut(&id) else {
            return Ok(None);
        };
        if stats.memory.guest.is_some() {
            known.guest.clone_from(&stats.memory.guest);
        }
        let delays = self.delay_counted;
        let vcpus = pins.iter().flatten().map(|info| {
            let times = stats.vcpus.get(&info.number).copied().unwrap_or_default();
            VcpuSample {
                index: info.number,
                time: times.time.unwrap_or(Duration::from_nanos(info.time_ns)),
                delay: times.delay.filter(|_| delays),
                on: u32::try_from(info.cpu).ok().map(PcpuId::new),
                mask: info.mask.clone(),
                bound: known.facts.bound(info.number),
            }
        });
        let mut vcpus: Vec<VcpuSample> = vcpus.collect();
        vcpus.sort_by_key(|vcpu| vcpu.index);
        let mut rules = known.facts.rules.clone();
        rules.pinnable &= pins.is_some();
        Ok(Some(DomainSample {
            id,
            name,
            run,
            state: state(stats.state),
            job,
            rules,
            vcpus,
            balloon: known.balloon(stats, self.changes.boots(id.0), self.local),
        }))
    }

    /// A number for this run of the domain: libvirt's id, which a daemon gives once while it
    /// lives, and the boot of the machine where we can know it.
    pub(super) fn run(&self, domain: &Domain) -> Option<u64> {
        Some(u64::from(self.boot_mark) << 32 | u64::from(domain.id()?))
    }

    /// Marks the facts that events spoke of, and those older than their time, the oldest first.
    pub(super) fn let_facts_go_stale(&mut self, now: Timestamp) {
        for uuid in self.changes.take() {
            if let Some(known) = self.known.get_mut(&DomainId(uuid)) {
                known.stale = true;
            }
        }
        let mut aged: Vec<&mut Known> = self
            .known
            .values_mut()
            .filter(|known| now.since(known.read_at) >= FACTS_AGE_MAX)
            .collect();
        aged.sort_by_key(|known| known.read_at);
        for known in aged.into_iter().take(FACTS_AGED_MAX) {
            known.stale = true;
        }
    }

    /// Makes the domain known, with facts that hold.
    fn know(
        &mut self,
        id: DomainId,
        name: &str,
        domain: Domain,
        run: u64,
        at: Timestamp,
    ) -> Result<(), Failure> {
        let old = self.known.remove(&id).filter(|known| known.run == run);
        let known = match old {
            Some(mut known) if known.holds() => {
                known.domain = domain;
                known
            }
            old => {
                let facts = Facts::read(&domain)?;
                let before = old.as_ref().map(|known| &known.facts.wrong);
                if before.is_none_or(|before| *before != facts.wrong) {
                    let notes = facts.wrong.iter().map(|wrong| format!("{name}: {wrong}"));
                    self.notes.extend(notes);
                }
                Known {
                    domain,
                    run,
                    facts,
                    stale: false,
                    job: old.as_ref().is_some_and(|known| known.job),
                    read_at: at,
                    guest: old.and_then(|known| known.guest),
                }
            }
        };
        self.known.insert(id, known);
        Ok(())
    }

    /// Whether a long job holds the domain, as far as its state tells. A job that lets it run
    /// shows only when a change is asked for; from then on the domain is asked until it is over.
    fn job(&mut self, id: DomainId, stats: &DomainStats) -> Result<bool, Failure> {
        let by_state = match stats.state {
            VIR_DOMAIN_PAUSED => matches!(
                stats.reason,
                VIR_DOMAIN_PAUSED_MIGRATION
                    | VIR_DOMAIN_PAUSED_SAVE
                    | VIR_DOMAIN_PAUSED_DUMP
                    | VIR_DOMAIN_PAUSED_SNAPSHOT
                    | VIR_DOMAIN_PAUSED_POSTCOPY
            ),
            VIR_DOMAIN_RUNNING => stats.reason == VIR_DOMAIN_RUNNING_POSTCOPY,
            _ => false,
        };
        if by_state || !self.known.get(&id).is_some_and(|known| known.job) {
            return Ok(by_state);
        }
        self.has_job(id)
    }
}

impl Known {
    /// virtio-mem grows and shrinks without an event that we would see.
    fn holds(&self) -> bool {
        !self.stale && self.facts.live.virtio_mem.size == Bytes::ZERO
    }

    /// While a domain is busy its guest cannot be asked, and what it said last still stands, with
    /// its old stamp.
    fn balloon(&self, stats: &DomainStats, boots: u64, same_clock: bool) -> Option<BalloonSample> {
        let live = &self.facts.live;
        let current = stats.memory.current.filter(|_| live.balloon)?;
        let guest = self.guest.clone().unwrap_or_default();
        Some(BalloonSample {
            actual: current.saturating_sub(live.virtio_mem.current),
            max: stats
                .memory
                .maximum
                .unwrap_or(current)
                .saturating_sub(live.virtio_mem.size),
            unused: guest.unused,
            usable: guest.usable,
            caches: guest.caches,
            swap_in: guest.swap_in,
            swap_out: guest.swap_out,
            major_faults: guest.major_faults,
            stamp: guest.updated,
            age: guest.updated.filter(|_| same_clock).and_then(age),
            period: Some(live.period),
            boots,
        })
    }
}

impl Facts {
    /// Reads the live XML and, of a persistent domain, its definition. XML that cannot be
    /// understood leaves the domain alone.
    pub(super) fn read(domain: &Domain) -> Result<Self, Failure> {
        let live = domain.xml_desc(0)?;
        let defined = if domain.is_persistent()? {
            Some(domain.xml_desc(VIR_DOMAIN_XML_INACTIVE)?)
        } else {
            None
        };
        Ok(Self::parse(&live, defined.as_deref()).unwrap_or_else(|error| Self::unreadable(&error)))
    }

    fn parse(live: &str, defined: Option<&str>) -> Result<Self, DomainXmlError> {
        let mut live = domain_xml::live(live)?;
        let mut persistent = defined.map(domain_xml::persistent).transpose()?;
        // What is in force now goes before what will be after the next start.
        let later = persistent.as_mut().and_then(|defined| defined.rules.take());
        let Rules { rules, cpus, wrong } = live.rules.take().or(later).unwrap_or_default();
        let mut facts = Self {
            live,
            persistent,
            rules,
            cpus,
            wrong,
        };
        facts.wrong.extend(facts.contradiction());
        Ok(facts)
    }

    fn unreadable(error: &DomainXmlError) -> Self {
        Self {
            live: Live::default(),
            persistent: None,
            rules: DomainRules {
                managed: false,
                ..DomainRules::default()
            },
            cpus: None,
            wrong: vec![format!(
                "left alone, its definition cannot be read: {error}"
            )],
        }
    }

    fn contradiction(&self) -> Option<String> {
        let cpus = self.cpus.as_ref()?;
        let defined = self.persistent.as_ref()?;
        let mut sets = defined.pins.values().chain(&defined.cpus);
        let apart = sets.find(|set| set.intersection(cpus).is_empty())?;
        Some(format!(
            "cpus=\"{cpus}\" and the definition's {apart} have no pCPU in common: the definition holds"
        ))
    }

    /// Where the owner lets a vCPU run at most.
    fn bound(&self, vcpu: u32) -> Option<CpuSet> {
        let defined = self.persistent.as_ref().and_then(|it| it.bound(vcpu));
        let (Some(defined), Some(cpus)) = (defined, &self.cpus) else {
            return defined.or(self.cpus.as_ref()).cloned();
        };
        let both = defined.intersection(cpus);
        Some(if both.is_empty() {
            defined.clone()
        } else {
            both
        })
    }
}

fn state(raw: u32) -> DomainState {
    match raw {
        VIR_DOMAIN_RUNNING | VIR_DOMAIN_BLOCKED => DomainState::Running,
        VIR_DOMAIN_PAUSED | VIR_DOMAIN_PMSUSPENDED => DomainState::Paused,
        _ => DomainState::Other,
    }
}

/// How long ago a Unix time in seconds was, by this machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "libvirt stamps statistics with wall-clock time; this is the driver that compares them"
)]
fn age(updated: u64) -> Option<Duration> {
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(updated))?;
    Some(SystemTime::now().duration_since(at).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libvirt::METADATA_NAMESPACE;

    fn facts(metadata: &str, defined: &str) -> Facts {
        let live = format!(
            "<domain><metadata><c:rules xmlns:c='{METADATA_NAMESPACE}' {metadata}/></metadata></domain>"
        );
        Facts::parse(&live, Some(&format!("<domain>{defined}</domain>"))).unwrap()
    }

    fn bound(facts: &Facts, vcpu: u32) -> Option<String> {
        facts.bound(vcpu).map(|set| set.to_string())
    }

    #[test]
    fn a_bound_is_what_definition_and_metadata_both_allow() {
        let defined = "<vcpu cpuset='0-3'>2</vcpu>";
        assert_eq!(bound(&facts("", ""), 0), None);
        assert_eq!(bound(&facts("", defined), 0).as_deref(), Some("0-3"));
        assert_eq!(bound(&facts("cpus='2-5'", ""), 0).as_deref(), Some("2-5"));
        let both = facts("cpus='2-5'", defined);
        assert_eq!(bound(&both, 0).as_deref(), Some("2-3"));
        assert!(both.wrong.is_empty());
    }

    #[test]
    fn a_definition_that_contradicts_metadata_holds_and_is_named() {
        let apart = facts("cpus='4-5'", "<vcpu cpuset='0-3'>2</vcpu>");
        assert_eq!(bound(&apart, 1).as_deref(), Some("0-3"));
        assert_eq!(apart.wrong.len(), 1, "{:?}", apart.wrong);
    }

    #[test]
    fn a_transient_domain_is_not_bound_by_its_live_pins() {
        let live = "<domain><vcpu cpuset='0'>1</vcpu><cputune><vcpupin vcpu='0' cpuset='0'/></cputune></domain>";
        assert_eq!(bound(&Facts::parse(live, None).unwrap(), 0), None);
    }

    #[test]
    fn rules_in_force_go_before_rules_to_come() {
        let rules = |weight| {
            format!(
                "<domain><metadata><rules xmlns='{METADATA_NAMESPACE}' weight='{weight}'/></metadata></domain>"
            )
        };
        let weight =
            |live: &str, defined: &str| Facts::parse(live, Some(defined)).unwrap().rules.weight;
        assert_eq!(weight(&rules(2), &rules(3)), 2);
        assert_eq!(weight("<domain/>", &rules(3)), 3);
    }
}

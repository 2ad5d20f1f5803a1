//! The view of the monitor that judges the scenarios, over any hypervisor's samples.
//!
//! Each vCPU's time since the last sample is charged to the pCPU that the vCPU is on now. So
//! floating vCPUs look imbalanced, and readings above 100 occur.

use crate::spread::spread;
use crate::{DomainId, DomainSample, HostSample, PcpuId, VcpuSample};
use cloudlot_core::Bytes;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

/// Turns successive samples into readings.
/// ```
/// use cloudlot_core::{Clock, ManualClock, Seeds, Timestamp};
/// use cloudlot_hv::Hypervisor;
/// use cloudlot_hv::fake::{FakeHost, GuestSpec, HostSpec, Load, Monitor, VcpuSpec};
/// use std::time::Duration;
///
/// let vcpu = VcpuSpec::steady(Load::Open { cores: 0.25 }).pinned_to(1);
/// let spec = HostSpec::new(2, vec![GuestSpec::new(1, "web", vec![vcpu])]);
/// let clock = ManualClock::default();
/// let mut host = FakeHost::new(spec, Seeds::new(1), clock.clone())?;
/// let mut monitor = Monitor::new();
/// assert!(monitor.observe(&host.sample()?).is_none());
/// clock.sleep_until(Timestamp::ZERO + Duration::from_secs(2));
/// let reading = monitor.observe(&host.sample()?).expect("the second sample gives a reading");
/// assert_eq!(
///     reading.human(),
///     "0 - usage: 0.0 | mapping []\n1 - usage: 25.0 | mapping ['web']\n",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Monitor {
    last: Option<HostSample>,
}

/// What the monitor shows at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct MonitorReading {
    /// The host's pCPUs by rising id.
    pub pcpus: Vec<PcpuReading>,
    /// The guests that have a balloon, by rising domain id.
    pub memory: Vec<GuestMemoryReading>,
}

/// One pCPU.
#[derive(Clone, PartialEq, Debug)]
pub struct PcpuReading {
    /// Which.
    pub id: PcpuId,
    /// Whether guests may run on it.
    pub usable: bool,
    /// CPU time since the last sample of the vCPUs that are on it now, in percent of the time
    /// that passed.
    pub usage: f64,
    /// The guests of these vCPUs, by rising domain id; one that has several here is named
    /// several times.
    pub mapping: Vec<String>,
}

/// The memory of one guest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GuestMemoryReading {
    /// Its name.
    pub name: String,
    /// What it has.
    pub actual: Bytes,
    /// What nothing in it uses, by its own last word.
    pub unused: Option<Bytes>,
}

impl Monitor {
    /// A monitor that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a sample in; a reading needs an earlier sample to compare with.
    ///
    /// A vCPU without an earlier count in the same run of its domain is mapped and counts nothing.
    pub fn observe(&mut self, sample: &HostSample) -> Option<MonitorReading> {
        let last = self.last.replace(sample.clone())?;
        let passed = sample.at.since(last.at);
        let mut charged = charge(&last, sample);
        let pcpus = sample.pcpus.iter().map(|pcpu| {
            let (time, mapping) = charged.remove(&pcpu.id).unwrap_or_default();
            PcpuReading {
                id: pcpu.id,
                usable: pcpu.usable,
                usage: percent(time, passed),
                mapping,
            }
        });
        let pcpus = pcpus.collect();
        let memory = sample.domains.iter().filter_map(|domain| {
            let balloon = domain.balloon.as_ref()?;
            Some(GuestMemoryReading {
                name: domain.name.clone(),
                actual: balloon.actual,
                unused: balloon.unused,
            })
        });
        let memory = memory.collect();
        Some(MonitorReading { pcpus, memory })
    }
}

impl MonitorReading {
    /// Population standard deviation of the usage of usable pCPUs, in percentage points.
    #[must_use]
    pub fn spread(&self) -> f64 {
        let usable = self.pcpus.iter().filter(|pcpu| pcpu.usable);
        spread(usable.map(|pcpu| pcpu.usage))
    }

    /// Lines for people: a pCPU each, then a guest with a balloon each, memory in MiB.
    #[must_use]
    pub fn human(&self) -> String {
        self.lines(
            |text, pcpu| {
                let (id, usage) = (pcpu.id.number(), rounded(pcpu.usage));
                let names: Vec<String> = pcpu.mapping.iter().map(|n| format!("'{n}'")).collect();
                let names = names.join(", ");
                writeln!(text, "{id} - usage: {usage:?} | mapping [{names}]")
            },
            |text, guest| {
                let (name, actual) = (&guest.name, guest.actual.as_mib_f64());
                let unused = guest.unused.unwrap_or_default().as_mib_f64();
                writeln!(
                    text,
                    "Memory (VM: {name})  Actual [{actual:?}], Unused: [{unused:?}]"
                )
            },
        )
    }

    /// Lines for programs: `usage,pcpu,percent`, `mapping,pcpu,guest`, `memory,guest,actual,unused`.
    #[must_use]
    pub fn machine(&self) -> String {
        self.lines(
            |text, pcpu| {
                let id = pcpu.id.number();
                writeln!(text, "usage,{id},{:?}", rounded(pcpu.usage))?;
                let mut names = pcpu.mapping.iter();
                names.try_for_each(|name| writeln!(text, "mapping,{id},{name}"))
            },
            |text, guest| {
                let (name, actual) = (&guest.name, guest.actual.as_mib_f64());
                let unused = guest.unused.unwrap_or_default().as_mib_f64();
                writeln!(text, "memory,{name},{actual:?},{unused:?}")
            },
        )
    }

    fn lines(
        &self,
        pcpu: impl Fn(&mut String, &PcpuReading) -> fmt::Result,
        guest: impl Fn(&mut String, &GuestMemoryReading) -> fmt::Result,
    ) -> String {
        let mut text = String::new();
        let pcpus = self.pcpus.iter().try_for_each(|it| pcpu(&mut text, it));
        pcpus
            .and_then(|()| self.memory.iter().try_for_each(|it| guest(&mut text, it)))
            .expect("a string takes every text");
        text
    }
}

type Charged = BTreeMap<PcpuId, (Duration, Vec<String>)>;

/// CPU time since `last` and names, by the pCPU that each vCPU is on now.
fn charge(last: &HostSample, now: &HostSample) -> Charged {
    let before: BTreeMap<DomainId, &DomainSample> = last
        .domains
        .iter()
        .map(|domain| (domain.id, domain))
        .collect();
    let mut charged = Charged::new();
    for domain in &now.domains {
        let earlier = before
            .get(&domain.id)
            .filter(|earlier| earlier.run == domain.run);
        for vcpu in &domain.vcpus {
            let Some(on) = vcpu.on else { continue };
            let same = |other: &&VcpuSample| other.index == vcpu.index;
            let since = earlier.and_then(|earlier| earlier.vcpus.iter().find(same));
            let used = since.map(|since| vcpu.time.saturating_sub(since.time));
            let (time, names) = charged.entry(on).or_default();
            *time += used.unwrap_or_default();
            names.push(domain.name.clone());
        }
    }
    charged
}

fn percent(time: Duration, passed: Duration) -> f64 {
    if passed.is_zero() {
        return 0.0;
    }
    time.as_secs_f64() / passed.as_secs_f64() * 100.0
}

/// Two decimals are more than the counters know.
fn rounded(percent: f64) -> f64 {
    (percent * 100.0).round() / 100.0
}

//! The former vCPU scheduler, re-implemented: largest first, everything pinned anew.
//!
//! Source: the seed project's description of its algorithm. It compares two snapshots one
//! interval apart and so acts in every second cycle; up to five points of standard deviation it
//! does nothing; otherwise it sorts vCPUs by use and pins each, heaviest first, to the least
//! loaded pCPU, counted from empty.

use crate::spread::spread;
use crate::{
    Controller, CpuPicture, CpuSet, CycleReport, HostPlan, HostSample, HostStep, PcpuId,
    PcpuPicture, Picture, PlannedStep, VcpuId,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Largest first onto the least loaded, all vCPUs, whenever the spread exceeds five points.
#[derive(Clone, Debug, Default)]
pub struct FormerCpu {
    first: Option<HostSample>,
}

/// Standard deviation, in points, above which it acts.
const POINTS: f64 = 5.0;

/// One vCPU's use over the interval, and the pCPU it was charged to.
struct Use {
    id: VcpuId,
    cores: f64,
    on: Option<PcpuId>,
}

impl Controller for FormerCpu {
    fn plan(&mut self, sample: &HostSample) -> HostPlan {
        let Some(first) = self.first.take() else {
            self.first = Some(sample.clone());
            return HostPlan {
                steps: Vec::new(),
                picture: Picture::Blind,
                notes: Vec::new(),
            };
        };
        let uses = uses(&first, sample);
        let pcpus: Vec<PcpuId> = sample
            .pcpus
            .iter()
            .filter(|pcpu| pcpu.usable)
            .map(|pcpu| pcpu.id)
            .collect();
        let now = loads(
            &pcpus,
            uses.iter().filter_map(|use_| Some((use_.on?, use_.cores))),
        );
        if pcpus.is_empty() || points(&now) <= POINTS {
            return HostPlan {
                steps: Vec::new(),
                picture: picture(&now, &now, &uses, 0),
                notes: Vec::new(),
            };
        }
        let seats = largest_first(&pcpus, &uses);
        let then = loads(
            &pcpus,
            uses.iter().zip(&seats).map(|(use_, to)| (*to, use_.cores)),
        );
        let migrations = uses
            .iter()
            .zip(&seats)
            .filter(|(use_, to)| use_.on.is_some_and(|on| on != **to))
            .count();
        let step = |(use_, to): (&Use, &PcpuId)| PlannedStep {
            step: HostStep::Pin {
                vcpu: use_.id,
                to: CpuSet::single(*to),
            },
            why: format!(
                "largest first: {:.0} % to the least loaded",
                use_.cores * 100.0
            ),
        };
        HostPlan {
            steps: uses.iter().zip(&seats).map(step).collect(),
            picture: picture(&now, &then, &uses, migrations),
            notes: Vec::new(),
        }
    }

    fn observe(&mut self, _: &CycleReport) {}

    fn forget_samples(&mut self) {
        self.first = None;
    }
}

fn uses(first: &HostSample, second: &HostSample) -> Vec<Use> {
    let elapsed = second.at.since(first.at).as_secs_f64().max(1e-9);
    let times: BTreeMap<VcpuId, Duration> =
        vcpus(first).map(|(id, vcpu)| (id, vcpu.time)).collect();
    vcpus(second)
        .filter_map(|(id, vcpu)| {
            let time = vcpu.time.checked_sub(*times.get(&id)?)?;
            Some(Use {
                id,
                cores: time.as_secs_f64() / elapsed,
                on: vcpu.mask.only().or(vcpu.on),
            })
        })
        .collect()
}

fn vcpus(sample: &HostSample) -> impl Iterator<Item = (VcpuId, &crate::VcpuSample)> {
    sample
        .domains
        .iter()
        .filter(|domain| domain.rules.managed && domain.rules.pinnable)
        .flat_map(|domain| {
            domain.vcpus.iter().map(|vcpu| {
                (
                    VcpuId {
                        domain: domain.id,
                        index: vcpu.index,
                    },
                    vcpu,
                )
            })
        })
}

fn loads(pcpus: &[PcpuId], uses: impl Iterator<Item = (PcpuId, f64)>) -> BTreeMap<PcpuId, f64> {
    let mut loads: BTreeMap<PcpuId, f64> = pcpus.iter().map(|id| (*id, 0.0)).collect();
    for (on, cores) in uses {
        if let Some(load) = loads.get_mut(&on) {
            *load += cores;
        }
    }
    loads
}

fn points(loads: &BTreeMap<PcpuId, f64>) -> f64 {
    spread(loads.values().copied()) * 100.0
}

/// The pCPU for each use, in the order of `uses`.
fn largest_first(pcpus: &[PcpuId], uses: &[Use]) -> Vec<PcpuId> {
    let mut order: Vec<usize> = (0..uses.len()).collect();
    order.sort_by(|a, b| uses[*b].cores.total_cmp(&uses[*a].cores).then(a.cmp(b)));
    let mut loads = loads(pcpus, std::iter::empty());
    let mut seats = vec![pcpus[0]; uses.len()];
    for at in order {
        let least = loads
            .iter()
            .min_by(|a, b| a.1.total_cmp(b.1).then(a.0.cmp(b.0)))
            .map_or(pcpus[0], |(id, _)| *id);
        *loads.entry(least).or_default() += uses[at].cores;
        seats[at] = least;
    }
    seats
}

fn picture(
    now: &BTreeMap<PcpuId, f64>,
    then: &BTreeMap<PcpuId, f64>,
    uses: &[Use],
    migrations: usize,
) -> Picture {
    let vcpus = |id: PcpuId| {
        uses.iter()
            .filter(|use_| use_.on == Some(id))
            .map(|use_| use_.id)
            .collect()
    };
    let pcpu = |(id, load): (&PcpuId, &f64)| PcpuPicture {
        id: *id,
        load: *load,
        load_after: then.get(id).copied().unwrap_or(0.0),
        vcpus: vcpus(*id),
    };
    Picture::Cpu(CpuPicture {
        pcpus: now.iter().map(pcpu).collect(),
        spread: points(now),
        spread_after: points(then),
        triggered: points(now) > POINTS,
        migrations,
    })
}

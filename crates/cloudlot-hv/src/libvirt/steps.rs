//! Changes to one domain, what they must not ask for, and what was there before them.

use super::domain::Facts;
use super::domain_xml::{self, Live};
use super::errors::{Failure, Kind};
use super::session::Session;
use super::sys;
use crate::{CpuSet, DomainId, HostStep, HvError, Original, PcpuId, VcpuId};
use cloudlot_core::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;
use virt::domain::Domain;
use virt::sys::{
    VIR_DOMAIN_AFFECT_LIVE, VIR_DOMAIN_JOB_BOUNDED, VIR_DOMAIN_JOB_UNBOUNDED, VIR_ERR_NO_SUPPORT,
};

impl Session {
    /// Makes one change to a running domain.
    pub(super) fn apply(&mut self, step: &HostStep) -> Result<(), HvError> {
        if !self.writable {
            return Err(HvError::Denied("the connection is read-only".to_owned()));
        }
        let id = step.domain();
        let domain = self.handle(id)?;
        // A change would wait half a minute for the job to end, and then fail.
        if self
            .has_job(id)
            .map_err(|failure| unfit(&domain, id, failure))?
        {
            return Err(HvError::Busy {
                domain: id,
                reason: "a migration, a snapshot or the like is under way".to_owned(),
            });
        }
        match step {
            HostStep::Pin { vcpu, to } => self.pin(&domain, *vcpu, to),
            HostStep::SetMemory { target, .. } => self.set_memory(&domain, id, *target),
            HostStep::SetStatsPeriod { period, .. } => self.set_period(&domain, id, *period),
        }
    }

    /// Everything that steps could change, as it stands.
    pub(super) fn originals(&mut self, id: DomainId) -> Result<Original, HvError> {
        let domain = self.handle(id)?;
        let of = |failure: Failure| failure.of(id);
        let run = self.run(&domain).ok_or(HvError::Vanished(id))?;
        let name = domain.name().map_err(|error| of(error.into()))?;
        let pins = self.masks(&domain, id)?;
        let xml = domain.xml_desc(0).map_err(|error| of(error.into()))?;
        let live = domain_xml::live(&xml)
            .map_err(|error| HvError::Failed(format!("{name}: its definition: {error}")))?;
        let actual = || domain.info().ok().map(|info| Bytes::kib(info.memory));
        let target = live.target.or_else(actual);
        Ok(Original {
            domain: id,
            name,
            run,
            pins,
            target: target
                .map(|target| target.saturating_sub(live.virtio_mem.current))
                .filter(|_| live.balloon),
            stats_period: live.balloon.then_some(live.period),
        })
    }

    /// Whether a long job holds the domain; the answer is kept for the next sample.
    pub(super) fn has_job(&mut self, id: DomainId) -> Result<bool, Failure> {
        if self.lacks.job_info {
            return Ok(false);
        }
        let Some(known) = self.known.get_mut(&id) else {
            return Ok(false);
        };
        match known.domain.job_info().map_err(Failure::from) {
            Ok(info) => {
                let kind = u32::try_from(info.r#type).unwrap_or(0);
                known.job = matches!(kind, VIR_DOMAIN_JOB_BOUNDED | VIR_DOMAIN_JOB_UNBOUNDED);
                Ok(known.job)
            }
            Err(failure) if failure.kind() == Kind::Unsupported => {
                self.lacks.job_info = true;
                Ok(false)
            }
            // It is being migrated to this host: nothing can be asked or changed.
            Err(failure) if failure.kind() == Kind::Unfit && known.domain.is_active()? => Ok(true),
            Err(failure) => Err(failure),
        }
    }

    /// The domain as sampled; one that was not sampled is looked up.
    fn handle(&mut self, id: DomainId) -> Result<Domain, HvError> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.domain.clone());
        }
        self.connect
            .lookup_domain_by_uuid(id.0)
            .map_err(|error| Failure::from(error).of(id))
    }

    fn pin(&mut self, domain: &Domain, vcpu: VcpuId, to: &CpuSet) -> Result<(), HvError> {
        let map = self.map(to)?;
        let live = domain.pin_vcpu_flags(vcpu.index, &map, VIR_DOMAIN_AFFECT_LIVE);
        let pinned = match live.map_err(Failure::from) {
            // Drivers that know no flags act on the running domain anyway, as this call does.
            Err(failure) if failure.kind() == Kind::Refused => {
                domain.pin_vcpu(vcpu.index, &map).map_err(Failure::from)
            }
            other => other,
        };
        let Err(failure) = pinned else { return Ok(()) };
        self.lacks.pin |= failure.code == VIR_ERR_NO_SUPPORT;
        match failure.kind() {
            Kind::Refused | Kind::System => {
                if !self.masks(domain, vcpu.domain)?.contains_key(&vcpu.index) {
                    return Err(HvError::Failed(format!(
                        "vcpu {} of domain {} is not online",
                        vcpu.index, vcpu.domain
                    )));
                }
                Err(HvError::CpuRefused {
                    cpus: to.iter().collect(),
                    reason: failure.message,
                })
            }
            _ => Err(unfit(domain, vcpu.domain, failure)),
        }
    }

    fn set_memory(&mut self, domain: &Domain, id: DomainId, target: Bytes) -> Result<(), HvError> {
        let kib = target.whole_kib();
        if kib == 0 {
            return Err(HvError::Failed(format!(
                "a target of {target} would leave domain {id} no memory"
            )));
        }
        let beside = self.balloon(domain, id)?.virtio_mem.size;
        let max = domain.max_memory().map_err(Failure::from);
        let max = max.map_err(|failure| unfit(domain, id, failure))?;
        let max = Bytes::kib(max).saturating_sub(beside);
        if target > max {
            return Err(HvError::Failed(format!(
                "{target} is above the {max} that domain {id} can have"
            )));
        }
        let set = domain.set_memory_flags(kib, VIR_DOMAIN_AFFECT_LIVE);
        let Err(failure) = set.map_err(Failure::from) else {
            return Ok(());
        };
        self.lacks.balloon |= failure.code == VIR_ERR_NO_SUPPORT;
        Err(unfit(domain, id, failure))
    }

    fn set_period(
        &mut self,
        domain: &Domain,
        id: DomainId,
        period: Duration,
    ) -> Result<(), HvError> {
        let seconds = i32::try_from(period.as_secs())
            .ok()
            .filter(|_| period.subsec_nanos() == 0)
            .ok_or_else(|| {
                HvError::Failed(format!(
                    "a statistics period of {period:?} is not whole seconds"
                ))
            })?;
        self.balloon(domain, id)?;
        domain
            .set_memory_stats_period(seconds, VIR_DOMAIN_AFFECT_LIVE)
            .map_err(|error| unfit(domain, id, error.into()))?;
        if let Some(known) = self.known.get_mut(&id) {
            known.facts.live.period = period;
        }
        Ok(())
    }

    /// The live XML of a domain with a balloon device.
    fn balloon(&self, domain: &Domain, id: DomainId) -> Result<Live, HvError> {
        let live = match self.known.get(&id) {
            Some(known) => known.facts.live.clone(),
            None => Facts::read(domain).map_err(|failure| failure.of(id))?.live,
        };
        if live.balloon {
            Ok(live)
        } else {
            Err(HvError::Unsupported(format!(
                "domain {id} has no balloon device"
            )))
        }
    }

    /// The live mask of every online vCPU; empty where the domain has no vCPU threads.
    fn masks(&self, domain: &Domain, id: DomainId) -> Result<BTreeMap<u32, CpuSet>, HvError> {
        let of = |failure: Failure| failure.of(id);
        let online = domain.info().map_err(|error| of(error.into()))?.nr_virt_cpu;
        match sys::vcpus(domain, online, self.cpu_count()).map_err(Failure::from) {
            Ok(vcpus) => Ok(vcpus.into_iter().map(|v| (v.number, v.mask)).collect()),
            Err(failure) => match unfit(domain, id, failure) {
                HvError::Unsupported(_) => Ok(BTreeMap::new()),
                error => Err(error),
            },
        }
    }

    /// The set as libvirt takes it, one bit a pCPU, the lowest first.
    fn map(&self, set: &CpuSet) -> Result<Vec<u8>, HvError> {
        let count = self.cpu_count();
        if set.is_empty() {
            return Err(HvError::Failed(
                "an empty set leaves a vcpu no pCPU to run on".to_owned(),
            ));
        }
        if let Some(beyond) = set.iter().find(|cpu| cpu.number() >= count) {
            return Err(HvError::Failed(format!(
                "the host has no {beyond}, it has {count} pCPUs"
            )));
        }
        let byte = |at: u32| {
            let set_bits = (0..8).filter(|bit| set.contains(PcpuId::new(at * 8 + bit)));
            set_bits.fold(0_u8, |byte, bit| byte | 1 << bit)
        };
        Ok((0..count.div_ceil(8)).map(byte).collect())
    }
}

/// A call that does not fit the domain's state: it is gone, or it cannot do that at all.
fn unfit(domain: &Domain, id: DomainId, failure: Failure) -> HvError {
    if failure.kind() == Kind::Unfit && !domain.is_active().unwrap_or(false) {
        return HvError::Vanished(id);
    }
    failure.of(id)
}

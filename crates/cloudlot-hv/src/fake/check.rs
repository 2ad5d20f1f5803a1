//! Refuses specifications that make no sense, before anything is simulated.

use super::faults::Fault;
use super::load::{DemandStep, Load, Noise};
use super::memory_spec::{MemorySpec, MemoryWork};
use super::spec::{HostSpec, PcpuSpec, VcpuSpec};
use crate::{CPU_LIMIT, DomainId, PcpuId};
use cloudlot_core::{Bytes, Timestamp};

/// Why a host cannot be simulated.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum SpecError {
    /// Two pCPUs have the same number.
    #[error("{0} is there twice")]
    PcpuTwice(PcpuId),
    /// A pCPU number is too large for a CPU set.
    #[error("{0} is beyond {CPU_LIMIT}")]
    PcpuNumber(PcpuId),
    /// A speed is not in (0, 1].
    #[error("{pcpu} has speed {speed}, not in (0, 1]")]
    Speed {
        /// Whose.
        pcpu: PcpuId,
        /// The speed.
        speed: f64,
    },
    /// Two guests have the same UUID.
    #[error("domain {0} is there twice")]
    GuestTwice(DomainId),
    /// A guest's weight is zero.
    #[error("domain {0} has weight 0")]
    Weight(DomainId),
    /// Two vCPUs of a guest have the same number.
    #[error("domain {domain} has vcpu {index} twice")]
    VcpuTwice {
        /// Whose.
        domain: DomainId,
        /// The number.
        index: u32,
    },
    /// A mask has no member that the host has.
    #[error("domain {domain} vcpu {index} starts on no pcpu of the host")]
    Mask {
        /// Whose.
        domain: DomainId,
        /// The vCPU.
        index: u32,
    },
    /// A load is negative or not finite.
    #[error("{0:?} is no load")]
    Load(Load),
    /// Demand steps are not in rising order of time.
    #[error("a demand step at {at:?} comes after a later one")]
    Order {
        /// The step that comes too late in the list.
        at: Timestamp,
    },
    /// A guest starts with more than its maximum, or with less than it uses.
    #[error("domain {domain} starts with {start}, uses {base} and can have {max}")]
    Memory {
        /// Whose.
        domain: DomainId,
        /// What it has at the start.
        start: Bytes,
        /// What it uses all the time.
        base: Bytes,
        /// The most it can have.
        max: Bytes,
    },
    /// A rate in a guest's memory is negative or not finite, or varies by more than itself.
    #[error("domain {domain} has a memory rate of {mib_s} mib a second, varied by {vary}")]
    Rate {
        /// Whose.
        domain: DomainId,
        /// The rate.
        mib_s: f64,
        /// How much it varies.
        vary: f64,
    },
    /// A probability is not in [0, 1].
    #[error("{0} is no probability")]
    Probability(f64),
    /// Noise is negative, not finite, or uniform beyond 1.
    #[error("{0:?} is no noise")]
    Noise(Noise),
}

impl HostSpec {
    /// Whether this can be simulated.
    ///
    /// # Errors
    /// The first thing that makes no sense.
    pub fn check(&self) -> Result<(), SpecError> {
        check_noise(self.noise)?;
        let mut ids: Vec<PcpuId> = self.pcpus.iter().map(|pcpu| pcpu.id).collect();
        if let Some(twice) = first_twice(&mut ids) {
            return Err(SpecError::PcpuTwice(twice));
        }
        self.pcpus.iter().try_for_each(check_pcpu)?;
        let mut guests: Vec<DomainId> = self.guests.iter().map(|guest| guest.id).collect();
        if let Some(twice) = first_twice(&mut guests) {
            return Err(SpecError::GuestTwice(twice));
        }
        for guest in &self.guests {
            let domain = guest.id;
            if guest.rules.weight == 0 {
                return Err(SpecError::Weight(domain));
            }
            let mut indexes: Vec<u32> = guest.vcpus.iter().map(|vcpu| vcpu.index).collect();
            if let Some(index) = first_twice(&mut indexes) {
                return Err(SpecError::VcpuTwice { domain, index });
            }
            for vcpu in &guest.vcpus {
                check_demand(&vcpu.demand)?;
                if !self.has_place_for(vcpu) {
                    let index = vcpu.index;
                    return Err(SpecError::Mask { domain, index });
                }
            }
        }
        let memories = self.guests.iter().map(|guest| (guest.id, &guest.memory));
        for (domain, memory) in memories {
            memory.iter().try_for_each(|it| check_memory(domain, it))?;
        }
        if let Some(host) = &self.memory {
            in_order(host.used.iter().map(|step| step.at))?;
        }
        self.faults.iter().try_for_each(check_fault)
    }

    fn has_place_for(&self, vcpu: &VcpuSpec) -> bool {
        let known = |id: PcpuId| self.pcpus.iter().any(|pcpu| pcpu.id == id);
        vcpu.mask.as_ref().is_none_or(|mask| mask.iter().any(known))
    }
}

fn check_pcpu(pcpu: &PcpuSpec) -> Result<(), SpecError> {
    let (id, speed) = (pcpu.id, pcpu.speed);
    if id.number() >= CPU_LIMIT {
        return Err(SpecError::PcpuNumber(id));
    }
    if !(speed > 0.0 && speed <= 1.0) {
        return Err(SpecError::Speed { pcpu: id, speed });
    }
    check_demand(&pcpu.background)
}

fn check_demand(steps: &[DemandStep]) -> Result<(), SpecError> {
    in_order(steps.iter().map(|step| step.at))?;
    let wrong = |load: &Load| matches!(load, Load::Open { cores } if !is_amount(*cores));
    match steps.iter().map(|step| step.load).find(wrong) {
        Some(load) => Err(SpecError::Load(load)),
        None => Ok(()),
    }
}

fn in_order(times: impl Iterator<Item = Timestamp>) -> Result<(), SpecError> {
    let mut last = Timestamp::ZERO;
    for at in times {
        if at < last {
            return Err(SpecError::Order { at });
        }
        last = at;
    }
    Ok(())
}

fn check_memory(domain: DomainId, memory: &MemorySpec) -> Result<(), SpecError> {
    let (start, base, max) = (memory.start, memory.base, memory.max);
    if !(base <= start && start <= max) {
        return Err(SpecError::Memory {
            domain,
            start,
            base,
            max,
        });
    }
    let growth = memory.work.iter().filter_map(|work| match work {
        MemoryWork::Grow { mib_s, vary, .. } => Some((*mib_s, *vary)),
        _ => None,
    });
    let balloon = memory.balloon.iter().map(|balloon| (balloon.mib_s, 0.0));
    let wrong = |(mib_s, vary): &(f64, f64)| !(is_amount(*mib_s) && (0.0..=1.0).contains(vary));
    match growth
        .chain(balloon)
        .chain([(memory.cache.mib_s, 0.0)])
        .find(wrong)
    {
        Some((mib_s, vary)) => Err(SpecError::Rate {
            domain,
            mib_s,
            vary,
        }),
        None => Ok(()),
    }
}

fn check_fault(fault: &Fault) -> Result<(), SpecError> {
    match fault {
        Fault::Refuses { probability, .. } if !(0.0..=1.0).contains(probability) => {
            Err(SpecError::Probability(*probability))
        }
        Fault::BalloonSlow { domain, mib_s, .. } if !is_amount(*mib_s) => Err(SpecError::Rate {
            domain: *domain,
            mib_s: *mib_s,
            vary: 0.0,
        }),
        _ => Ok(()),
    }
}

fn check_noise(noise: Noise) -> Result<(), SpecError> {
    let fine = match noise {
        Noise::None => true,
        Noise::Normal { sd } => is_amount(sd),
        Noise::Uniform { spread } => (0.0..=1.0).contains(&spread),
    };
    if fine {
        Ok(())
    } else {
        Err(SpecError::Noise(noise))
    }
}

/// Neither negative nor infinite nor NaN.
fn is_amount(value: f64) -> bool {
    value >= 0.0 && value.is_finite()
}

fn first_twice<T: Ord + Copy>(items: &mut [T]) -> Option<T> {
    items.sort_unstable();
    items
        .windows(2)
        .find(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
}

//! What the vCPU planner must remember: when a vCPU last moved, what the host refused, and for
//! how long the imbalance has lasted.

use super::{PinConfig, PinGoal};
use crate::{CpuSet, CycleReport, HostStep, HostUsage, HvError, Outcome, PcpuId, Picture, VcpuId};
use cloudlot_core::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The planner's past, kept by whoever drives it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PinHistory {
    cycles: u64,
    triggered: u32,
    moves: BTreeMap<VcpuId, Moves>,
    refused: BTreeMap<PcpuId, Timestamp>,
}

/// The moves of one vCPU.
#[derive(Clone, PartialEq, Debug)]
struct Moves {
    cycle: u64,
    dwell: u64,
    from: PcpuId,
    estimate: f64,
    times: VecDeque<Timestamp>,
}

const HOUR: Duration = Duration::from_secs(3600);

impl PinHistory {
    /// Cycles in a row, up to the last one, in which the balance was bad enough to act on.
    #[must_use]
    pub fn triggered_cycles(&self) -> u32 {
        self.triggered
    }

    /// The pCPUs that the host refused not long ago.
    #[must_use]
    pub fn refused(&self, now: Timestamp) -> CpuSet {
        self.refused
            .iter()
            .filter(|(_, until)| **until > now)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Cycles for which the vCPU must stay where it is; zero if it may move.
    #[must_use]
    pub fn dwell_left(&self, vcpu: VcpuId) -> u64 {
        self.moves.get(&vcpu).map_or(0, |moves| {
            (moves.cycle + moves.dwell).saturating_sub(self.cycles)
        })
    }

    /// Whether the vCPU was moved for the imbalance that is being worked off now.
    #[must_use]
    pub fn moved_for_this(&self, vcpu: VcpuId) -> bool {
        let ago = self
            .moves
            .get(&vcpu)
            .map(|moves| self.cycles.saturating_sub(moves.cycle));
        ago.is_some_and(|ago| ago < u64::from(self.triggered))
    }

    /// Whether the vCPU has used up its moves of the last hour.
    #[must_use]
    pub fn worn_out(&self, vcpu: VcpuId, now: Timestamp, config: &PinConfig) -> bool {
        self.moves.get(&vcpu).is_some_and(|moves| {
            let recent = moves
                .times
                .iter()
                .filter(|at| now.since(**at) < HOUR)
                .count();
            recent >= config.hourly_moves as usize
        })
    }

    /// What the vCPU was thought to demand when it was last moved.
    #[must_use]
    pub fn estimate_at_move(&self, vcpu: VcpuId) -> Option<f64> {
        self.moves.get(&vcpu).map(|moves| moves.estimate)
    }

    /// Learns from what a cycle did. `usage` is what its plan was made from.
    pub fn observe(&mut self, usage: &HostUsage, report: &CycleReport, config: &PinConfig) {
        self.cycles += 1;
        // After a plan for the spread the loads must settle anew; a peak goes on being worked off.
        let settles = matches!(config.goal, PinGoal::Spread { .. });
        let acted = settles
            && report
                .done()
                .any(|step| matches!(step, HostStep::Pin { .. }));
        let triggered = matches!(&report.plan.picture, Picture::Cpu(picture) if picture.triggered);
        self.triggered = if triggered && !acted {
            self.triggered.saturating_add(1)
        } else {
            0
        };
        for (planned, outcome) in report.plan.steps.iter().zip(&report.outcomes) {
            let HostStep::Pin { vcpu, to } = &planned.step else {
                continue;
            };
            match outcome {
                Outcome::Done => self.moved(*vcpu, to, usage, config),
                Outcome::Failed(HvError::CpuRefused { cpus, .. }) => {
                    let until = usage.at + Duration::from_secs(config.refusal_seconds);
                    self.refused.extend(cpus.iter().map(|id| (*id, until)));
                }
                _ => {}
            }
        }
        self.refused.retain(|_, until| *until > usage.at);
        self.moves
            .retain(|id, _| usage.vcpus.binary_search_by_key(id, |vcpu| vcpu.id).is_ok());
    }

    fn moved(&mut self, id: VcpuId, to: &CpuSet, usage: &HostUsage, config: &PinConfig) {
        let Ok(index) = usage.vcpus.binary_search_by_key(&id, |vcpu| vcpu.id) else {
            return;
        };
        let vcpu = &usage.vcpus[index];
        let usable = |id: &PcpuId| {
            usage
                .pcpus
                .iter()
                .any(|pcpu| pcpu.sample.usable && pcpu.sample.id == *id)
        };
        let Some(from) = vcpu.mask.only().filter(usable) else {
            return; // A first placing or a repair was no choice, and binds nobody.
        };
        let bounce = Duration::from_secs(config.bounce_seconds);
        let old = self.moves.remove(&id);
        let back = old.as_ref().is_some_and(|old| {
            Some(old.from) == to.only()
                && old
                    .times
                    .back()
                    .is_some_and(|at| usage.at.since(*at) < bounce)
        });
        let shortest = u64::from(config.dwell_cycles);
        let dwell = old.as_ref().filter(|_| back).map_or(shortest, |old| {
            old.dwell
                .saturating_mul(2)
                .min(cycles_in(bounce, usage.elapsed).max(shortest))
        });
        let mut times = old.map(|old| old.times).unwrap_or_default();
        times.retain(|at| usage.at.since(*at) < HOUR);
        times.push_back(usage.at);
        self.moves.insert(
            id,
            Moves {
                cycle: self.cycles,
                dwell,
                from,
                estimate: vcpu.estimate,
                times,
            },
        );
    }
}

fn cycles_in(time: Duration, cycle: Duration) -> u64 {
    let cycles = time.as_nanos().checked_div(cycle.as_nanos()).unwrap_or(0);
    u64::try_from(cycles).unwrap_or(u64::MAX)
}

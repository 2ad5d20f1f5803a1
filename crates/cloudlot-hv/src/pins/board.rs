//! The planner's board: usable pCPUs, the load on each, and where every vCPU sits.
//!
//! Both goals plan on it; it decides nothing itself.

use super::{PinConfig, PinHistory};
use crate::spread::spread;
use crate::usage::{PcpuUsage, SATURATED, VcpuUsage};
use crate::{CpuPicture, CpuSet, HostUsage, PcpuId, PcpuPicture};
use std::collections::BTreeMap;

/// Where a vCPU sits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seat {
    /// Pinned to one usable pCPU (by its place on the board).
    Pinned(usize),
    /// It may run on several.
    Floating,
    /// Nothing that it may run on is usable.
    Lost,
}

/// One vCPU on the board.
#[derive(Clone, Debug)]
pub(super) struct Player<'a> {
    pub(super) vcpu: &'a VcpuUsage,
    pub(super) seat: Seat,
    /// Where it may be put, by place on the board; empty if it must not be touched.
    pub(super) allowed: Vec<usize>,
    /// Whether it must stay where it is for now.
    pub(super) dwells: bool,
}

impl Player<'_> {
    /// Whether the planner may give it another pCPU in this cycle.
    pub(super) fn can_move(&self) -> bool {
        !self.dwells && !self.allowed.is_empty()
    }
}

/// Usable pCPUs and all vCPUs.
#[derive(Clone, Debug)]
pub(super) struct Board<'a> {
    pub(super) pcpus: Vec<&'a PcpuUsage>,
    /// In the order of the usage.
    pub(super) players: Vec<Player<'a>>,
    /// Load that no pin moves, by place: background where it counts.
    pub(super) base: Vec<f64>,
}

impl<'a> Board<'a> {
    pub(super) fn new(usage: &'a HostUsage, past: &PinHistory, config: &PinConfig) -> Self {
        let pcpus: Vec<&PcpuUsage> = usage
            .pcpus
            .iter()
            .filter(|pcpu| pcpu.sample.usable)
            .collect();
        let places: BTreeMap<PcpuId, usize> = pcpus
            .iter()
            .enumerate()
            .map(|(place, pcpu)| (pcpu.sample.id, place))
            .collect();
        let refused = past.refused(usage.at);
        let usable: CpuSet = places.keys().copied().collect();
        let open: CpuSet = usable.iter().filter(|id| !refused.contains(*id)).collect();
        let everywhere: Vec<usize> = open.iter().map(|id| places[&id]).collect();
        let players = usage
            .vcpus
            .iter()
            .map(|vcpu| {
                let here = vcpu.mask.intersection(&usable);
                let seat = match here.only() {
                    Some(id) => Seat::Pinned(places[&id]),
                    None if here.is_empty() => Seat::Lost,
                    None => Seat::Floating,
                };
                let allowed = match &vcpu.bound {
                    _ if !vcpu.movable => Vec::new(),
                    None => everywhere.clone(),
                    Some(bound) => bound
                        .intersection(&open)
                        .iter()
                        .map(|id| places[&id])
                        .collect(),
                };
                Player {
                    vcpu,
                    seat,
                    allowed,
                    dwells: dwells(vcpu, usage, past, config),
                }
            })
            .collect();
        let base = pcpus.iter().map(|pcpu| {
            if config.count_background {
                pcpu.background
            } else {
                0.0
            }
        });
        Self {
            base: base.collect(),
            pcpus,
            players,
        }
    }

    /// Load on each pCPU with every vCPU where `seats` says, in cores of the fastest pCPU.
    pub(super) fn loads(&self, seats: &[Seat]) -> Vec<f64> {
        let mut loads = self.base.clone();
        for (player, seat) in self.players.iter().zip(seats) {
            self.spread(player, *seat, |place, part| {
                loads[place] += part * player.vcpu.estimate
            });
        }
        loads
    }

    /// Variance of each pCPU's load as its vCPUs sit now.
    pub(super) fn variances(&self) -> Vec<f64> {
        let mut variances = vec![0.0; self.pcpus.len()];
        for player in &self.players {
            self.spread(player, player.seat, |place, part| {
                variances[place] += part * part * player.vcpu.variance;
            });
        }
        variances
    }

    /// Calls `add(place, part)` for each pCPU that a vCPU's load falls on: whole on its own, in
    /// equal parts on all that a floating one may use.
    fn spread(&self, player: &Player<'_>, seat: Seat, mut add: impl FnMut(usize, f64)) {
        match seat {
            Seat::Pinned(place) => add(place, 1.0),
            Seat::Lost => {}
            Seat::Floating => {
                let here = |place: &usize| player.vcpu.mask.contains(self.pcpus[*place].sample.id);
                let places: Vec<usize> = (0..self.pcpus.len()).filter(here).collect();
                let part = 1.0 / places.len().max(1) as f64;
                places.into_iter().for_each(|place| add(place, part));
            }
        }
    }

    /// Where everybody sits now.
    pub(super) fn seats(&self) -> Vec<Seat> {
        self.players.iter().map(|player| player.seat).collect()
    }

    /// The pCPU (by place) that a vCPU was last seen on.
    pub(super) fn last_seen(&self, player: &Player<'_>) -> Option<usize> {
        let on = player.vcpu.on?;
        self.pcpus
            .binary_search_by_key(&on, |pcpu| pcpu.sample.id)
            .ok()
    }

    /// The picture of the board now and with everybody in their new seats.
    pub(super) fn picture(&self, after: &[Seat], triggered: bool) -> CpuPicture {
        let (now, then) = (self.loads(&self.seats()), self.loads(after));
        let mut here: Vec<Vec<_>> = vec![Vec::new(); self.pcpus.len()];
        for player in &self.players {
            if let Some(place) = self.last_seen(player) {
                here[place].push(player.vcpu.id);
            }
        }
        let moved = |(player, seat): &(&Player<'_>, &Seat)| match (self.last_seen(player), **seat) {
            (Some(from), Seat::Pinned(to)) => from != to,
            _ => false,
        };
        CpuPicture {
            spread: deviation(&now) * 100.0,
            spread_after: deviation(&then) * 100.0,
            triggered,
            migrations: self.players.iter().zip(after).filter(moved).count(),
            pcpus: self
                .pcpus
                .iter()
                .zip(now.iter().zip(&then))
                .zip(here)
                .map(|((pcpu, (load, load_after)), vcpus)| PcpuPicture {
                    id: pcpu.sample.id,
                    load: *load,
                    load_after: *load_after,
                    vcpus,
                })
                .collect(),
        }
    }
}

/// Whether a vCPU was moved so lately, or so often, that it must stay.
fn dwells(vcpu: &VcpuUsage, usage: &HostUsage, past: &PinHistory, config: &PinConfig) -> bool {
    if past.worn_out(vcpu.id, usage.at, config) {
        return true;
    }
    if past.dwell_left(vcpu.id) == 0 {
        return false;
    }
    if past.triggered_cycles() < config.work_off_cycles && past.moved_for_this(vcpu.id) {
        return false;
    }
    let changed = past.estimate_at_move(vcpu.id).is_some_and(|then| {
        let off = (vcpu.estimate - then).abs();
        off > config.estimate.change_cores
            && off > config.estimate.change_part * vcpu.estimate.max(then)
    });
    let saturated = || {
        let own = |pcpu: &&PcpuUsage| Some(pcpu.sample.id) == vcpu.mask.only();
        usage
            .pcpus
            .iter()
            .find(own)
            .is_some_and(|pcpu| pcpu.busy >= SATURATED)
    };
    !(config.dwell_yields && (changed || saturated()))
}

/// The arithmetic mean; zero for nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        0.0
    } else {
        values.iter().sum::<f64>() / values.len() as f64
    }
}

/// The population standard deviation; zero for nothing.
pub(super) fn deviation(values: &[f64]) -> f64 {
    spread(values.iter().copied())
}

//! When hosts are lost and come back: as was written down, and by chance.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use cloudlot_core::Timestamp;

use super::faults::{Faults, HostLoss};
use super::luck::Luck;
use crate::{FunctionId, HostId};

/// Losses to come, and how many of each host's are not over.
#[derive(Clone, Debug)]
pub(super) struct Outages {
    luck: Luck,
    losses: BinaryHeap<Reverse<Loss>>,
    hosts: Vec<HostRow>,
}

/// In the order of time, then of hosts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Loss {
    at: Timestamp,
    host: HostId,
    lasts: Lasts,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Lasts {
    For(Duration),
    ForEver,
    /// It was by chance, and so is its end.
    ByChance,
}

#[derive(Clone, Copy, Default, Debug)]
struct HostRow {
    /// How many losses are not over.
    down: u32,
    /// How many came by chance.
    chances: u64,
}

impl Outages {
    pub(super) const fn none(luck: Luck) -> Self {
        Self {
            luck,
            losses: BinaryHeap::new(),
            hosts: Vec::new(),
        }
    }

    /// Those that were written down, and the first by chance of each host.
    pub(super) fn of(luck: Luck, faults: &Faults) -> Self {
        let mut outages = Self::none(luck);
        for &HostLoss { host, at, lasts } in &faults.host_losses {
            let lasts = lasts.map_or(Lasts::ForEver, Lasts::For);
            outages.losses.push(Reverse(Loss { at, host, lasts }));
        }
        for host in 0..faults.hosts {
            outages.next_by_chance(HostId::new(host), faults, Timestamp::ZERO);
        }
        outages
    }

    pub(super) const fn luck(&self) -> Luck {
        self.luck
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.losses.peek().map(|loss| loss.0.at)
    }

    /// The host that is lost now, and for how long.
    pub(super) fn strike(&mut self, faults: &Faults) -> Option<(HostId, Option<Duration>)> {
        let Reverse(Loss { host, lasts, .. }) = self.losses.pop()?;
        let lasts = match lasts {
            Lasts::For(lasts) => Some(lasts),
            Lasts::ForEver => None,
            Lasts::ByChance => Some(self.repair(host, faults)),
        };
        self.row(host).down += 1;
        Some((host, lasts))
    }

    /// A loss of this host is over: whether it is back.
    pub(super) fn end(&mut self, host: HostId) -> bool {
        let row = self.row(host);
        row.down -= 1;
        row.down == 0
    }

    /// When this host, which is well now, is lost next.
    pub(super) fn next_by_chance(&mut self, host: HostId, faults: &Faults, now: Timestamp) {
        let Some(life) = faults.host_life else {
            return;
        };
        if host.number() >= faults.hosts || self.expects(host) {
            return;
        }
        let nth = self.row(host).chances;
        let mut chance = self.luck.of(FunctionId::new(host.number()), 2 * nth);
        let seconds = life.as_secs_f64() * chance.exponential();
        let after = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let at = now + after.max(Duration::from_nanos(1));
        let lasts = Lasts::ByChance;
        self.losses.push(Reverse(Loss { at, host, lasts }));
    }

    /// Whether a loss by chance is to come.
    fn expects(&self, host: HostId) -> bool {
        let by_chance =
            |loss: &Reverse<Loss>| loss.0.host == host && loss.0.lasts == Lasts::ByChance;
        self.losses.iter().any(by_chance)
    }

    fn repair(&mut self, host: HostId, faults: &Faults) -> Duration {
        let row = self.row(host);
        let nth = row.chances;
        row.chances += 1;
        let mut chance = self.luck.of(FunctionId::new(host.number()), 2 * nth + 1);
        faults.host_repair.draw(&mut chance)
    }

    fn row(&mut self, host: HostId) -> &mut HostRow {
        let place = host.number() as usize;
        if self.hosts.len() <= place {
            self.hosts.resize(place + 1, HostRow::default());
        }
        &mut self.hosts[place]
    }
}

//! One CPU and the tasks that share it.
//!
//! Knows no other CPU and no entity: the host splits a task's amounts and sums its grants.

use crate::Timestamp;
use crate::share::{BoundedClaim, max_min_bounded};
use crate::task::TaskId;
use std::collections::BTreeMap;

/// A CPU's capacity and who sits on it, in MI/s throughout.
#[derive(Clone, Debug)]
pub(super) struct Cpu {
    capacity: u64,
    /// Kept from guarantees, for the aged.
    kept: u64,
    promised: u64,
    asked: u128,
    seats: BTreeMap<TaskId, Seat>,
}

/// A task's part on one CPU.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) weight: u64,
    pub(super) least: u64,
    /// What it asked for when it came; a measure of load.
    pub(super) asked: u64,
    pub(super) demand: u64,
    pub(super) aged: Option<Timestamp>,
    pub(super) grant: u64,
}

impl Cpu {
    /// An empty CPU that keeps `per_mille` of its capacity, rounded up, for the aged.
    pub(super) fn new(capacity: u64, per_mille: u32) -> Self {
        let kept = (u128::from(capacity) * u128::from(per_mille)).div_ceil(1_000);
        Self {
            capacity,
            kept: u64::try_from(kept).unwrap_or(u64::MAX).min(capacity),
            promised: 0,
            asked: 0,
            seats: BTreeMap::new(),
        }
    }

    pub(super) const fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(super) const fn kept(&self) -> u64 {
        self.kept
    }

    /// What can still be guaranteed.
    pub(super) const fn room(&self) -> u64 {
        self.capacity - self.kept - self.promised
    }

    pub(super) const fn asked(&self) -> u128 {
        self.asked
    }

    pub(super) const fn seats(&self) -> &BTreeMap<TaskId, Seat> {
        &self.seats
    }

    pub(super) fn granted(&self) -> u64 {
        self.seats.values().map(|seat| seat.grant).sum()
    }

    /// Adds a task whose guarantee fits in [`room`](Self::room).
    pub(super) fn seat(&mut self, task: TaskId, seat: Seat) {
        self.promised += seat.least;
        self.asked += u128::from(seat.asked);
        self.seats.insert(task, seat);
    }

    pub(super) fn leave(&mut self, task: TaskId) {
        if let Some(seat) = self.seats.remove(&task) {
            self.promised -= seat.least;
            self.asked -= u128::from(seat.asked);
        }
    }

    /// Sets what a task demands, up to the capacity; whether that is a change.
    pub(super) fn demand(&mut self, task: TaskId, demand: u64) -> bool {
        let demand = demand.min(self.capacity);
        self.seats.get_mut(&task).is_some_and(|seat| {
            let was = std::mem::replace(&mut seat.demand, demand);
            was != demand
        })
    }

    pub(super) fn age(&mut self, task: TaskId, since: Timestamp) {
        if let Some(seat) = self.seats.get_mut(&task) {
            seat.aged = Some(since);
        }
    }

    /// Divides the capacity among the demands; the tasks whose grants are others now.
    pub(super) fn share(&mut self) -> Vec<TaskId> {
        let raised = self.raised();
        let claims: Vec<BoundedClaim> = self
            .seats
            .iter()
            .map(|(task, seat)| BoundedClaim {
                weight: seat.weight,
                least: seat.least.max(raised.get(task).copied().unwrap_or(0)),
                most: seat.demand,
            })
            .collect();
        let grants = max_min_bounded(self.capacity, &claims)
            .expect("guarantees leave what is kept, and no more than that is raised");
        let seats = self.seats.iter_mut().zip(grants);
        seats
            .filter_map(|((task, seat), grant)| {
                let was = std::mem::replace(&mut seat.grant, grant);
                (was != grant).then_some(*task)
            })
            .collect()
    }

    /// What the aged get of the kept part as a minimum, those that starved first before others.
    fn raised(&self) -> BTreeMap<TaskId, u64> {
        let mut aged: Vec<(Timestamp, TaskId, u64)> = self
            .seats
            .iter()
            .filter_map(|(task, seat)| Some((seat.aged?, *task, seat.demand)))
            .collect();
        aged.sort_unstable();
        let mut left = self.kept;
        aged.into_iter()
            .map(|(_, task, demand)| {
                let raised = demand.min(left);
                left -= raised;
                (task, raised)
            })
            .collect()
    }
}

//! The kind of which a task takes the largest part.

use super::tenant::Tenant;
use cloudlot_core::Amounts;
use std::cmp::Ordering;

/// What a task takes of its dominant kind, and what there is of that kind; nought of nought if a task takes nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dominant {
    pub(super) need: u64,
    pub(super) total: u64,
}

impl Dominant {
    /// The first of equals. A kind that is taken and of which there is nothing comes before all others.
    pub(super) fn of(capacity: &Amounts, tenant: &Tenant) -> Self {
        let parts = tenant.task.iter().map(|(kind, need)| Self {
            need,
            total: capacity.get(kind),
        });
        parts
            .reduce(|most, part| match part.compare(most) {
                Ordering::Greater => part,
                _ => most,
            })
            .unwrap_or(Self { need: 0, total: 0 })
    }

    fn compare(self, other: Self) -> Ordering {
        let left = u128::from(self.need) * u128::from(other.total);
        left.cmp(&(u128::from(other.need) * u128::from(self.total)))
    }

    /// Whether so many tasks fit in all that there is of the dominant kind, and so of every kind.
    pub(super) fn holds(self, tasks: u64) -> bool {
        u128::from(tasks) * u128::from(self.need) <= u128::from(self.total)
    }

    /// The dominant share of so many tasks.
    pub(super) fn share(self, tasks: f64) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        tasks * self.need as f64 / self.total as f64
    }
}

//! From real shares to whole units of each kind.

use super::Division;
use super::twofold::Twofold;
use cloudlot_core::{Amounts, Kind};

impl Division<'_> {
    /// Each tenant's grant in whole units of each kind, in the order of the tenants.
    ///
    /// Each kind is rounded for itself, by largest remainders, the first tenant of equals:
    ///
    /// - every grant is its real share rounded down or up, and never more than `most` tasks take;
    /// - the grants of a kind that was used up add up to its capacity, and those of any other to the real sum, rounded down.
    ///
    /// Remainders that differ by less than 2^-24 of a unit count as equal. What a tenant has of its kinds can so be up to a unit
    /// off the proportions of its task; for tasks that must be whole see [`whole_tasks`](Self::whole_tasks).
    ///
    /// Cost: O(n·k) for n tenants and k kinds.
    /// ```
    /// # use cloudlot_core::{Amounts, Kind};
    /// # use cloudlot_policy::share::drf::{Tenant, divide};
    /// let one_core = Amounts::of([(Kind::CPU, 1)]);
    /// let (capacity, tenants) = (Amounts::of([(Kind::CPU, 8)]), [Tenant::new(1, one_core); 3]);
    /// let grants = divide(&capacity, &tenants)?.units();
    /// let cores: Vec<u64> = grants.iter().map(|grant| grant.get(Kind::CPU)).collect();
    /// assert_eq!(cores, [3, 3, 2]);
    /// # Ok::<(), cloudlot_policy::share::drf::Overpromised>(())
    /// ```
    #[must_use]
    pub fn units(&self) -> Vec<Amounts> {
        let mut grants = vec![Amounts::ZERO; self.tenants.len()];
        let mut rests = Vec::with_capacity(self.tenants.len());
        for (kind, total) in self.capacity.iter() {
            rests.clear();
            let used_up = self.used_up.iter().any(|used_up| used_up.kind == kind);
            self.round(kind, used_up.then_some(total), &mut grants, &mut rests);
        }
        grants
    }

    /// Rounds the shares of one kind, which add up to `target` or to what they come to.
    fn round(
        &self,
        kind: Kind,
        target: Option<u64>,
        grants: &mut [Amounts],
        rests: &mut Vec<(f64, usize)>,
    ) {
        let (mut sum, mut floors) = (Twofold::ZERO, 0_u64);
        for (index, (tenant, share)) in self.tenants.iter().zip(&self.shares).enumerate() {
            let amount = tenant.task.get(kind);
            if amount == 0 {
                continue;
            }
            let real = share.exactly() * amount.into();
            let (floor, rest) = real.split();
            grants[index] = grants[index].with(kind, floor);
            floors = floors.saturating_add(floor);
            sum = sum + real;
            if rest > 0.0 {
                rests.push(((rest * GRAIN).round(), index));
            }
        }
        let target = target.unwrap_or_else(|| (sum + Twofold::new(NOISE, 0.0)).split().0);
        let left = usize::try_from(target.saturating_sub(floors)).unwrap_or(usize::MAX);
        let left = left.min(rests.len());
        if left > 0 {
            rests.select_nth_unstable_by(left - 1, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        }
        for (_, index) in &rests[..left] {
            grants[*index] = grants[*index].with(kind, grants[*index].get(kind) + 1);
        }
    }
}

/// Remainders are told apart in steps of 2^-24 units, far above what rounding leaves and far below what anybody would notice.
const GRAIN: f64 = (1_u32 << 24) as f64;

/// What rounding may have taken from a sum of shares that is whole, in units.
const NOISE: f64 = 1.0 / (1_u32 << 20) as f64;

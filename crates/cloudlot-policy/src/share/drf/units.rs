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
        let mut rounding: Vec<Rounding> = (self.capacity.iter().map(|(kind, _)| kind))
            .map(Rounding::of)
            .collect();
        let mut grants: Vec<Amounts> = Vec::with_capacity(self.tenants.len());
        for (index, (tenant, share)) in self.tenants.iter().zip(&self.shares).enumerate() {
            let mut grant = Amounts::ZERO;
            for rounding in &mut rounding {
                let need = tenant.task.get(rounding.kind);
                if need > 0 {
                    let floor = rounding.round_down(index, share.exactly() * need.into());
                    grant = grant.with(rounding.kind, floor);
                }
            }
            grants.push(grant);
        }
        for rounding in &mut rounding {
            let kind = rounding.kind;
            let used_up = self.used_up.iter().any(|used_up| used_up.kind == kind);
            let target = used_up.then(|| self.capacity.get(kind));
            for (_, index) in rounding.rounded_up(target) {
                grants[*index] = grants[*index].with(kind, grants[*index].get(kind) + 1);
            }
        }
        grants
    }
}

/// The shares of one kind on their way to whole units.
struct Rounding {
    kind: Kind,
    sum: Twofold,
    floors: u64,
    /// Remainders in steps of [`GRAIN`], with the tenants' places.
    rests: Vec<(f64, usize)>,
}

impl Rounding {
    fn of(kind: Kind) -> Self {
        Self {
            kind,
            sum: Twofold::ZERO,
            floors: 0,
            rests: Vec::new(),
        }
    }

    fn round_down(&mut self, index: usize, real: Twofold) -> u64 {
        let (floor, rest) = real.split();
        self.floors = self.floors.saturating_add(floor);
        self.sum = self.sum + real;
        if rest > 0.0 {
            self.rests.push(((rest * GRAIN).round(), index));
        }
        floor
    }

    /// Those that get a unit more, so that all add up to `target` or to what the shares come to.
    fn rounded_up(&mut self, target: Option<u64>) -> &[(f64, usize)] {
        let noise = Twofold::new(self.sum.hi * NOISE, 0.0);
        let whole = || (self.sum + noise).split().0;
        let left = target.unwrap_or_else(whole).saturating_sub(self.floors);
        let left =
            usize::try_from(left).map_or(self.rests.len(), |left| left.min(self.rests.len()));
        if left > 0 {
            (self.rests)
                .select_nth_unstable_by(left - 1, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        }
        &self.rests[..left]
    }
}

/// Remainders are told apart in steps of 2^-24 units, far above what rounding leaves and far below what anybody would notice.
const GRAIN: f64 = (1_u32 << 24) as f64;

/// What rounding may have taken from a sum of shares that is whole, relatively: 2^-80.
const NOISE: f64 = 1.0 / (1_u128 << 80) as f64;

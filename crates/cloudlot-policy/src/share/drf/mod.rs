//! Dominant resource fairness: dividing several kinds at once among tenants whose tasks need them together.
//!
//! A tenant's dominant share is its part of that kind of which it has the largest part. [`divide`] raises the dominant
//! shares of all tenants together, each in proportion to its weight, and leaves a tenant where it is once it has all
//! the tasks it wants or a kind that it needs is used up. So nobody does better by owning its part alone, nobody
//! would rather have another's part (per weight), nobody can have more without another having less, and nobody gains by
//! asking for what it does not need.
//!
//! Leaves to the caller what a tenant is, where on which machine a task goes, and usage in the past.
//!
//! Source: A. Ghodsi, M. Zaharia, B. Hindman, A. Konwinski, S. Shenker, I. Stoica, "Dominant Resource Fairness", NSDI 2011;
//! needs of nought and rounds: D. C. Parkes, A. D. Procaccia, N. Shah, "Beyond Dominant Resource Fairness", EC 2012.

mod dominant;
mod fill;
mod riser;
mod tenant;
mod twofold;
mod units;
mod whole;

pub use tenant::{Held, Overpromised, Share, Tenant, UsedUp};

use cloudlot_core::Amounts;

/// Divides `capacity` among `tenants` by weighted dominant resource fairness.
///
/// All that is below its `most` rises together: at level L a tenant has L × weight of its dominant kind, raised to its `least`
/// and cut to its `most`. It stops when it has its `most`, or when a kind that its tasks take is used up. Kinds that are
/// used up at the same level stop their tenants together.
///
/// - A task that takes nothing is not limited by any kind: such a tenant has its `most`.
/// - A tenant whose task takes a kind of which there is nothing has no task. A kind that no task takes has no say.
/// - Tenants of weight 0 divide, as equals and by the same rule, what is left once every other has stopped.
/// - The order of `tenants` has no say but in the last bits of the results.
///
/// Tasks are computed with some 80 bits, in the worst case of a hundred thousand tenants.
///
/// Cost: O(n log n + n·k²) for n tenants whose tasks take k kinds, and no allocation for each.
///
/// # Errors
///
/// [`Overpromised`] if what the tenants were promised does not fit. Which promise to break is for the caller to say.
/// ```
/// # use cloudlot_core::{Amounts, Kind};
/// # use cloudlot_policy::share::drf::{Held, Tenant, divide};
/// // The example of the paper, in milli-cores and bytes: 9 cores and 18 GiB.
/// let amounts = |cores: u64, gib: u64| Amounts::of([(Kind::CPU, cores * 1_000), (Kind::MEMORY, gib << 30)]);
/// let capacity = amounts(9, 18);
/// let tenants = [Tenant::new(1, amounts(1, 4)), Tenant::new(1, amounts(3, 1))];
/// let division = divide(&capacity, &tenants)?;
/// let [a, b] = division.shares() else { unreachable!() };
/// // Three tasks with 3 cores and 12 GiB, two with 6 cores and 2 GiB: two thirds of what each needs most.
/// assert_eq!((a.tasks, b.tasks), (3.0, 2.0));
/// assert_eq!((a.share, b.share), (2.0 / 3.0, 2.0 / 3.0));
/// assert_eq!(a.held, Held::UsedUp(Kind::CPU));
/// # Ok::<(), cloudlot_policy::share::drf::Overpromised>(())
/// ```
pub fn divide<'a>(
    capacity: &'a Amounts,
    tenants: &'a [Tenant],
) -> Result<Division<'a>, Overpromised> {
    let (shares, used_up) = fill::fill(capacity, tenants)?;
    Ok(Division {
        capacity,
        tenants,
        shares,
        used_up,
    })
}

/// What [`divide`] found, beside what it was asked.
#[derive(Clone, Debug)]
pub struct Division<'a> {
    capacity: &'a Amounts,
    tenants: &'a [Tenant],
    shares: Vec<Share>,
    used_up: Vec<UsedUp>,
}

impl Division<'_> {
    /// Each tenant's share, in the order of the tenants.
    #[must_use]
    pub fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// The shares alone, for keeping.
    #[must_use]
    pub fn into_shares(self) -> Vec<Share> {
        self.shares
    }

    /// The kinds that were used up while shares rose, in that order.
    ///
    /// A kind that ran out exactly as the last tenant who takes it got its `most` is not among them, nor is one of which there
    /// was nothing: they stopped nobody, or stopped from the start.
    #[must_use]
    pub fn used_up(&self) -> &[UsedUp] {
        &self.used_up
    }
}

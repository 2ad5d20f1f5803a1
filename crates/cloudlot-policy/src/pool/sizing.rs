//! How many members a pool is to have: the three strategies, as arithmetic on a demand.

use cloudlot_core::Quantities;
use std::time::Duration;

/// How a pool's size follows what is asked of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sizing {
    /// Always so many members. It neither lends nor borrows: a request that finds no room waits or is refused.
    Static {
        /// How many.
        size: u32,
    },
    /// As many members as keep the demand at the target utilisation, with room to spare for what comes next.
    Dynamic {
        /// Never fewer.
        min: u32,
        /// Never more.
        max: u32,
        /// The utilisation to keep, in thousandths: from 1 to 1,000.
        target_utilisation: u32,
        /// How long a member is idle before it goes.
        idle_timeout: Duration,
    },
    /// A core that is always there, and burst members for exactly what is asked beyond it. Burst members are filled last
    /// and go first; the core is neither lent nor removed.
    Elastic {
        /// How many members are the core.
        core: u32,
        /// Never more members than this, core and burst together.
        max: u32,
        /// How long a burst member is idle before it goes.
        idle_timeout: Duration,
    },
}

/// Why a sizing makes no sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SizingError {
    /// The least is more than the most.
    #[error("at least {least} members and at most {most}")]
    LeastAboveMost {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
    /// Nothing could ever be reserved in it.
    #[error("a pool of at most no members")]
    Empty,
    /// A utilisation of nothing, or of more than there is.
    #[error("a target utilisation of {0} thousandths, outside of 1 to 1000")]
    Utilisation(u32),
}

/// What was asked of a pool within some window of time. The caller chooses the window, and whether `used` is its peak,
/// its mean or its end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Demand {
    /// What was in use.
    pub used: Quantities,
    /// What was asked for, found no room, and is still wanted; each request once, however often it came.
    pub missed: Quantities,
}

impl Demand {
    /// So much in use, and nothing missed.
    #[must_use]
    pub fn used(used: impl Into<Quantities>) -> Self {
        Self {
            used: used.into(),
            missed: Quantities::default(),
        }
    }

    /// The same, and so much more that was missed.
    #[must_use]
    pub fn and_missed(self, missed: impl Into<Quantities>) -> Self {
        Self {
            missed: sum(&self.missed, &missed.into()),
            ..self
        }
    }

    /// Both together; each kind at most 2^64 - 1.
    #[must_use]
    pub fn total(&self) -> Quantities {
        sum(&self.used, &self.missed)
    }
}

impl Sizing {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// [`SizingError`].
    pub const fn check(self) -> Result<(), SizingError> {
        let (least, most) = (self.least(), self.most());
        if most == 0 {
            return Err(SizingError::Empty);
        }
        if least > most {
            return Err(SizingError::LeastAboveMost { least, most });
        }
        match self {
            Self::Dynamic {
                target_utilisation, ..
            } if target_utilisation == 0 || target_utilisation > 1_000 => {
                Err(SizingError::Utilisation(target_utilisation))
            }
            _ => Ok(()),
        }
    }

    /// The fewest members that are left to serve.
    #[must_use]
    pub const fn least(self) -> u32 {
        match self {
            Self::Static { size } => size,
            Self::Dynamic { min, .. } => min,
            Self::Elastic { core, .. } => core,
        }
    }

    /// The most members, with those that it borrows and those that it lends.
    #[must_use]
    pub const fn most(self) -> u32 {
        match self {
            Self::Static { size } => size,
            Self::Dynamic { max, .. } | Self::Elastic { max, .. } => max,
        }
    }

    /// How many members, the first by number, are protected one by one. A dynamic pool protects none: there only how many
    /// are left counts.
    #[must_use]
    pub const fn core(self) -> u32 {
        match self {
            Self::Static { size } => size,
            Self::Dynamic { .. } => 0,
            Self::Elastic { core, .. } => core,
        }
    }

    /// How long a member that is not needed stays idle before it goes; a static pool has none to spare.
    #[must_use]
    pub const fn idle_timeout(self) -> Duration {
        match self {
            Self::Static { .. } => Duration::ZERO,
            Self::Dynamic { idle_timeout, .. } | Self::Elastic { idle_timeout, .. } => idle_timeout,
        }
    }

    /// Whether it takes part in lending.
    #[must_use]
    pub const fn is_fixed(self) -> bool {
        matches!(self, Self::Static { .. })
    }

    /// How many members a demand calls for, when one offers `each` and `busy` of them are in use.
    ///
    /// - static: `size`;
    /// - dynamic: `clamp(ceil(demand / (each × target utilisation)), min, max)`;
    /// - elastic: `clamp(ceil(demand / each), core, max)`;
    ///
    /// with the demand's used and missed amounts together, of the kind that needs the most members. Divisions round up. What
    /// was missed found no room though amounts may say that there was some, in pieces: so it calls for
    /// `busy + ceil(missed / each)` members at least, and while it is missed the pool grows. A kind of which a member offers
    /// nothing calls for none, since no number of members would serve it.
    ///
    /// ```
    /// use cloudlot_core::{Quantities, cores};
    /// use cloudlot_policy::pool::{Demand, Sizing};
    /// use std::time::Duration;
    ///
    /// let idle_timeout = Duration::from_secs(300);
    /// let each = Quantities::from([cores(8)]);
    /// let demand = Demand::used([cores(45)]);
    /// let dynamic = Sizing::Dynamic { min: 2, max: 10, target_utilisation: 750, idle_timeout };
    /// let elastic = Sizing::Elastic { core: 2, max: 10, idle_timeout };
    /// let target = |sizing: Sizing| sizing.target(&demand, &each, 6);
    /// assert_eq!(target(Sizing::Static { size: 2 }), 2);
    /// assert_eq!(target(dynamic), 8);
    /// assert_eq!(target(elastic), 6);
    /// ```
    #[must_use]
    pub fn target(self, demand: &Demand, each: &Quantities, busy: u32) -> u32 {
        let utilisation = match self {
            Self::Static { size } => return size,
            Self::Dynamic {
                target_utilisation, ..
            } => target_utilisation,
            Self::Elastic { .. } => 1_000,
        };
        let mut target = members(&demand.total(), each, utilisation);
        let missed = members(&demand.missed, each, 1_000);
        if missed > 0 {
            target = target.max(busy.saturating_add(missed));
        }
        target.min(self.most()).max(self.least())
    }
}

/// How many members at this utilisation a total takes, rounded up.
fn members(total: &Quantities, each: &Quantities, thousandths: u32) -> u32 {
    let of_kind = |quantity: &cloudlot_core::Quantity| {
        let one = u128::from(each.get(quantity.kind())) * u128::from(thousandths);
        let all = u128::from(quantity.amount()) * 1_000;
        (one > 0).then(|| u32::try_from(all.div_ceil(one)).unwrap_or(u32::MAX))
    };
    total.iter().filter_map(of_kind).max().unwrap_or(0)
}

fn sum(a: &Quantities, b: &Quantities) -> Quantities {
    let both = b.iter().map(|quantity| {
        let amount = quantity.amount().saturating_add(a.get(quantity.kind()));
        cloudlot_core::Quantity::new(quantity.kind().clone(), amount)
    });
    // Of a kind that is named twice the last counts.
    a.iter().cloned().chain(both).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloudlot_core::{cores, gib, gpus, millicores};
    use proptest::prelude::*;

    const IDLE: Duration = Duration::from_secs(60);

    fn dynamic(min: u32, max: u32, target_utilisation: u32) -> Sizing {
        Sizing::Dynamic {
            min,
            max,
            target_utilisation,
            idle_timeout: IDLE,
        }
    }

    #[test]
    fn a_sizing_that_makes_no_sense_is_refused() {
        let refused = |sizing: Sizing| sizing.check().unwrap_err();
        assert_eq!(refused(Sizing::Static { size: 0 }), SizingError::Empty);
        let (least, most) = (3, 2);
        assert_eq!(
            refused(dynamic(3, 2, 500)),
            SizingError::LeastAboveMost { least, most }
        );
        assert_eq!(refused(dynamic(1, 2, 0)), SizingError::Utilisation(0));
        assert_eq!(
            refused(dynamic(1, 2, 1_001)),
            SizingError::Utilisation(1_001)
        );
        assert!(dynamic(0, 1, 1_000).check().is_ok());
    }

    #[test]
    fn the_kind_that_needs_the_most_members_decides() {
        let each = Quantities::from([cores(4), gib(4)]);
        let demand = Demand::used([cores(4), gib(13)]);
        assert_eq!(dynamic(1, 10, 1_000).target(&demand, &each, 0), 4);
        // No member has a GPU, so none would help.
        let demand = Demand::used([cores(4), gpus(100)]);
        assert_eq!(dynamic(1, 10, 1_000).target(&demand, &each, 0), 1);
    }

    #[test]
    fn what_was_missed_calls_for_members_beside_those_in_use() {
        let each = Quantities::from([cores(10)]);
        // Two requests of six cores sit on two members, and a third found eight cores free, in two pieces.
        let demand = Demand::used([cores(12)]).and_missed([cores(6)]);
        assert_eq!(dynamic(0, 10, 1_000).target(&demand, &each, 2), 3);
    }

    proptest! {
        #[test]
        fn the_target_is_the_smallest_size_that_keeps_the_utilisation(
            used in 0..100_000_u64, each in 1..9_000_u64, min in 0..5_u32, more in 1..50_u32, target in 1..=1_000_u32,
        ) {
            let (each, demand) = (Quantities::from([millicores(each)]), Demand::used([millicores(used)]));
            let got = dynamic(min, min + more, target).target(&demand, &each, 0);
            let capacity = each.get(&cloudlot_core::Kind::CPU.into());
            let holds = |size: u32| u64::from(size) * capacity * u64::from(target) >= used * 1_000;
            let naive = (min..min + more).find(|size| holds(*size)).unwrap_or(min + more);
            prop_assert_eq!(got, naive);
        }

        #[test]
        fn no_demand_takes_a_size_out_of_its_bounds(
            used in any::<u64>(), missed in any::<u64>(), each in 0..9_u64, busy in any::<u32>(), kind in 0..3,
        ) {
            let sizing = match kind {
                0 => Sizing::Static { size: 3 },
                1 => dynamic(2, 7, 1),
                _ => Sizing::Elastic { core: 2, max: 7, idle_timeout: IDLE },
            };
            let demand = Demand::used([millicores(used)]).and_missed([millicores(missed)]).and_missed([millicores(missed)]);
            let target = sizing.target(&demand, &Quantities::from([millicores(each)]), busy);
            prop_assert!((sizing.least()..=sizing.most()).contains(&target));
        }
    }
}

//! Asking for exactly what is short: from amounts that are missing to a number of units.

use super::Bounds;
use cloudlot_core::Amounts;

/// How many units to ask for, and what they leave uncovered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask {
    /// The units to ask for, within the bounds.
    pub units: u32,
    /// The units that would cover every kind of which a unit has anything.
    pub needed: u64,
    /// What is short even with these units: what the bounds do not allow, and kinds that no unit has.
    pub uncovered: Amounts,
}

impl Ask {
    /// Whether the bounds allow fewer units than are needed.
    #[must_use]
    pub const fn is_capped(&self) -> bool {
        self.needed > self.units as u64
    }
}

/// The units that cover a shortage: for each kind as many as it takes, rounded up, and the most of that.
///
/// Bounded by what may still be added to the `current` number of units. This counts amounts, not places: whether what is
/// waiting can be put on these units is for whoever places it.
/// ```
/// use cloudlot_core::{Amounts, Kind};
/// use cloudlot_policy::scale::{Bounds, units_for};
///
/// let unit = Amounts::of([(Kind::CPU, 4_000), (Kind::MEMORY, 16 << 30)]);
/// let short = Amounts::of([(Kind::CPU, 9_000), (Kind::MEMORY, 1 << 30)]);
/// let ask = units_for(&short, &unit, 2, Bounds::new(1, 10)?);
/// assert_eq!((ask.units, ask.is_capped()), (3, false));
/// let ask = units_for(&short, &unit, 9, Bounds::new(1, 10)?);
/// assert_eq!((ask.units, ask.is_capped()), (1, true));
/// assert_eq!(ask.uncovered, Amounts::of([(Kind::CPU, 5_000)]));
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[must_use]
pub fn units_for(shortage: &Amounts, unit: &Amounts, current: u32, bounds: Bounds) -> Ask {
    let needed = shortage
        .iter()
        .filter_map(|(kind, short)| match unit.get(kind) {
            0 => None,
            each => Some(short.div_ceil(each)),
        })
        .max()
        .unwrap_or(0);
    let room = bounds.most().saturating_sub(current);
    let units = u32::try_from(needed).unwrap_or(u32::MAX).min(room);
    let covered = unit.iter().map(|(kind, each)| {
        let all = each.saturating_mul(units.into());
        (kind, all)
    });
    Ask {
        units,
        needed,
        uncovered: shortage.saturating_sub(&Amounts::of(covered)),
    }
}

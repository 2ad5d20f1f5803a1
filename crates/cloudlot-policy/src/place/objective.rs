//! What a whole placement costs, so that placements can be compared.

use super::plug::share;
use super::score::{Companions, Preferred};
use super::{Ask, SCALE, Score, World};
use cloudlot_core::ledger::Assembly;
use cloudlot_core::{Capability, ResourceId};
use std::collections::BTreeSet;

/// What a placement costs: a sum of terms with weights. Lower is better.
///
/// Every term is in thousandths: of a row for the first three, of a wish for the fourth, of a unit of price for the last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Objective {
    /// For each row that was idle and is used now: 1,000.
    pub opened: u32,
    /// For each row that is used: how much of it is left over, as the mean over its kinds.
    pub waste: u32,
    /// The fullest kind of any row that is used.
    pub peak: u32,
    /// For each piece: how far its row is from what the request would rather have, preferences and company alike.
    pub wishes: u32,
    /// For each piece: the price that the capability named by `price_of` tells; nothing where it tells none.
    pub price: u32,
    /// The capability that tells a row's price.
    pub price_of: String,
}

impl Default for Objective {
    /// Rows, waste, peak and wishes count alike, price not at all.
    fn default() -> Self {
        Self {
            opened: 1,
            waste: 1,
            peak: 1,
            wishes: 1,
            price: 0,
            price_of: "price".to_owned(),
        }
    }
}

impl Objective {
    /// What the pieces of an assembly cost.
    #[must_use]
    pub fn cost(&self, world: World<'_>, assembly: &Assembly<'_>) -> i128 {
        let used: BTreeSet<ResourceId> = assembly.pieces().iter().map(|piece| piece.on).collect();
        let (mut opened, mut waste, mut peak) = (0, 0, 0);
        for on in used {
            if assembly.state().hold_count(on) == 0 {
                opened += SCALE;
            }
            let limits = assembly.state().limit(on);
            let filled = limits
                .iter()
                .map(|(kind, limit)| share(limit.saturating_sub(assembly.left(on, kind)), limit));
            let (sum, kinds) = filled.fold((0, 0), |(sum, kinds), share| {
                peak = peak.max(share);
                (sum + share, kinds + 1)
            });
            waste += SCALE - i64::checked_div(sum, kinds).unwrap_or(0);
        }
        let terms = [
            (self.opened, i128::from(opened)),
            (self.waste, i128::from(waste)),
            (self.peak, i128::from(peak)),
            (self.wishes, self.wished(world, assembly)),
            (self.price, self.priced(assembly)),
        ];
        let weighed = terms.map(|(weight, term)| i128::from(weight).saturating_mul(term));
        weighed.into_iter().fold(0, i128::saturating_add)
    }

    fn wished(&self, world: World<'_>, assembly: &Assembly<'_>) -> i128 {
        if self.wishes == 0 {
            return 0;
        }
        let rows: Vec<ResourceId> = assembly.pieces().iter().map(|piece| piece.on).collect();
        let members = assembly.pieces().iter().map(|piece| piece.members);
        let mut missed = vec![0_i64; rows.len()];
        let mut out = vec![0_i64; rows.len()];
        let ask = Ask {
            world,
            assembly,
            part: 0,
        };
        for score in [&Preferred as &dyn Score, &Companions] {
            score.score(&ask, &rows, &mut out);
            for (missed, score) in missed.iter_mut().zip(&out) {
                *missed += SCALE - score;
            }
        }
        let missed = missed.into_iter().zip(members);
        missed
            .map(|(missed, members)| i128::from(missed) * i128::from(members))
            .sum()
    }

    fn priced(&self, assembly: &Assembly<'_>) -> i128 {
        // Nano-units to thousandths, rounded down.
        const NANOS: i128 = 1_000_000;
        let price =
            |on: ResourceId| match assembly.state().resource(on)?.capability(&self.price_of)? {
                Capability::Number(price) => Some(price.nanos() / NANOS),
                _ => None,
            };
        let prices = assembly.pieces().iter().map(|piece| {
            let price = price(piece.on).unwrap_or(0);
            price.saturating_mul(piece.members.into())
        });
        prices.fold(0, i128::saturating_add)
    }
}

//! Scores by what the request would rather have: rules that it prefers, company that it seeks, a low price.

use super::each;
use crate::place::{Ask, Reads, SCALE, Score};
use cloudlot_core::ledger::Group;
use cloudlot_core::{Capability, Measure, Request, ResourceId, SoftAffinity};
use std::cmp::Ordering;

/// The weights of the preferences that a row fulfils, less the taints that would rather keep the request away.
///
/// The middle of the scale is indifferent; all weights together reach to its ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preferred;

/// The weights of the request's soft affinities that a row's domains fulfil, counting pieces that are placed already.
///
/// The middle of the scale is indifferent; all weights together reach to its ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Companions;

/// The cheaper row, by a capability that tells the price.
///
/// ```
/// use cloudlot_core::Measure;
/// use cloudlot_policy::place::score::Cost;
///
/// // A row with `price: 25` scores 750, one without a price nothing.
/// let cost = Cost::new("price", Measure::count(100));
/// # let _ = cost;
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cost {
    capability: String,
    most: Measure,
}

impl Cost {
    /// By the capability of this name: a price of 0 is the best, one of `most` or above the worst, and so is one that is
    /// missing or of another dimension.
    #[must_use]
    pub fn new(capability: impl Into<String>, most: Measure) -> Self {
        Self {
            capability: capability.into(),
            most,
        }
    }
}

/// Where a sum of weights lies between all of them against and all of them for. Rounded towards the middle.
fn between(sum: i64, reach: i64) -> i64 {
    let reach = reach.max(1);
    let sum = i128::from(sum.clamp(-reach, reach));
    let part = sum * i128::from(SCALE / 2) / i128::from(reach);
    SCALE / 2 + i64::try_from(part).unwrap_or(0)
}

impl Score for Preferred {
    fn name(&self) -> &str {
        "preferred"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        let weights = ask.request().preferences().iter();
        let reach: i64 = weights
            .map(|preference| i64::from(preference.weight).abs())
            .sum();
        each(rows, out, |on| {
            let (score, disliked) = ask.state().wishes(ask.request(), on);
            between(
                score.saturating_sub(disliked),
                reach.saturating_add(disliked),
            )
        });
    }

    fn reads(&self) -> Reads {
        Reads::Description
    }
}

impl Score for Companions {
    fn name(&self) -> &str {
        "companions"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        let wishes = ask.request().soft_affinities();
        let reach: i64 = wishes.iter().map(|wish| i64::from(wish.weight).abs()).sum();
        let fulfilled = |on: ResourceId, wish: &&SoftAffinity| {
            let place = ask.state().topology(on);
            let domain = place.and_then(|place| place.domain(&wish.level));
            domain.is_some_and(|domain| {
                let group = Group {
                    label: wish.label.clone(),
                    level: wish.level.clone(),
                    domain: domain.to_owned(),
                };
                ask.assembly.members_in(&group) > 0
            })
        };
        each(rows, out, |on| {
            let here = wishes.iter().filter(|wish| fulfilled(on, wish));
            between(here.map(|wish| i64::from(wish.weight)).sum(), reach)
        });
    }

    fn reads(&self) -> Reads {
        Reads::World
    }

    fn matters(&self, request: &Request) -> bool {
        !request.soft_affinities().is_empty()
    }
}

impl Score for Cost {
    fn name(&self) -> &str {
        "cost"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        let most = self.most.nanos().max(1);
        let cheapness = |on: ResourceId| {
            let Some(Capability::Number(price)) =
                ask.state().resource(on)?.capability(&self.capability)
            else {
                return None;
            };
            // Of another dimension there is no order.
            let order = price.compare(&self.most)?;
            let price = price.nanos().max(0);
            (order == Ordering::Less).then(|| (most - price) * i128::from(SCALE) / most)
        };
        each(rows, out, |on| {
            let score = cheapness(on).unwrap_or(0);
            i64::try_from(score).unwrap_or(0)
        });
    }

    fn reads(&self) -> Reads {
        Reads::Description
    }
}

//! Places an elastic need: on one row if one takes all of it, else split over the best rows.

use super::field::{Spreads, rank};
use super::put::Unplaced;
use super::reason;
use super::search::Found;
use super::{Ask, EVALUATIONS, Strategy, World};
use cloudlot_core::ledger::Assembly;
use cloudlot_core::{Amounts, Kind, ResourceId};

/// The part by which the most of an elastic need goes in an assembly; the least is 0.
const MOST: usize = 1;

/// Gives shares in an empty assembly.
pub(crate) fn place(
    world: World<'_>,
    assembly: &mut Assembly<'_>,
    strategy: &Strategy,
) -> Result<(), Unplaced> {
    let (least, most) = (assembly.each(0), assembly.each(MOST));
    let best = ranked(world, assembly, strategy, Spreads::Kept);
    let wants = |on: &ResourceId| ask(world, assembly).wants(*on);
    if let Some(on) = best.iter().find(|on| wants(on) == most) {
        assembly.put_share(*on, &most);
        return Ok(());
    }
    split(world, assembly, strategy, best);
    if least.fits_in(&assembly.total()) {
        return Ok(());
    }
    let short = least.shortfall(&assembly.total());
    while assembly.take_back().is_some() {}
    let request = assembly.request();
    let found = if request.affinities().is_empty() && request.spreads().is_empty() {
        // Every row that suits has given all it has.
        Found::Impossible
    } else {
        Choice::new(world, assembly, strategy).run(assembly)
    };
    match found {
        Found::Placed => Ok(()),
        _ => Err(Unplaced {
            part: 0,
            reason: reason::of_split(world, assembly, strategy, &short),
            proved: found == Found::Impossible,
        }),
    }
}

const fn ask<'a>(world: World<'a>, assembly: &'a Assembly<'a>) -> Ask<'a> {
    Ask {
        world,
        assembly,
        part: 0,
    }
}

/// The rows that may take a share, best first.
fn ranked(
    world: World<'_>,
    assembly: &Assembly<'_>,
    strategy: &Strategy,
    spreads: Spreads,
) -> Vec<ResourceId> {
    let mut rows = rank(&ask(world, assembly), strategy, spreads, world.rows);
    rows.sort_unstable_by(|a, b| b.cmp(a));
    rows.into_iter().map(|row| row.on()).collect()
}

/// Lets row after row give what it has, until there is nothing more to want. What a share leaves to want changes what
/// every row is worth, so that all are looked at anew: after each share, or after several where rows are many.
fn split(
    world: World<'_>,
    assembly: &mut Assembly<'_>,
    strategy: &Strategy,
    mut best: Vec<ResourceId>,
) {
    let rows = u64::try_from(world.rows.len()).unwrap_or(u64::MAX);
    let every = 1 + rows.saturating_mul(rows) / EVALUATIONS;
    let every = usize::try_from(every).unwrap_or(usize::MAX);
    while !best.is_empty() {
        for on in best.into_iter().take(every) {
            let ask = ask(world, assembly);
            if every == 1 || !rank(&ask, strategy, Spreads::Kept, &[on]).is_empty() {
                let share = ask.wants(on);
                assembly.put_share(on, &share);
            }
        }
        best = ranked(world, assembly, strategy, Spreads::Kept);
    }
}

/// The search for a set of rows whose shares keep company and spread, and are enough together.
struct Choice<'a> {
    world: World<'a>,
    rows: Vec<ResourceId>,
    tries: u32,
    is_proof: bool,
}

impl<'a> Choice<'a> {
    fn new(world: World<'a>, assembly: &Assembly<'_>, strategy: &Strategy) -> Self {
        Self {
            world,
            rows: ranked(world, assembly, strategy, Spreads::Ignored),
            tries: strategy.search.tries,
            is_proof: !strategy.has_worldly_filter(),
        }
    }

    fn run(&mut self, assembly: &mut Assembly<'_>) -> Found {
        // How far each choice has come: a row is taken, then left.
        let mut taken: Vec<usize> = Vec::new();
        let mut next = 0;
        loop {
            if self.is_enough(assembly, &taken) {
                let rows: Vec<ResourceId> = taken.iter().map(|index| self.rows[*index]).collect();
                self.fill_up(assembly, &rows);
                return Found::Placed;
            }
            let may = (next..self.rows.len()).find(|index| self.may_take(assembly, *index));
            match may {
                Some(index) => {
                    if self.tries == 0 {
                        while assembly.take_back().is_some() {}
                        return Found::GaveUp;
                    }
                    self.tries -= 1;
                    let token = self.token(assembly, self.rows[index]);
                    assembly.put_share(self.rows[index], &token);
                    taken.push(index);
                    next = index + 1;
                }
                None => {
                    let Some(last) = taken.pop() else { break };
                    assembly.take_back();
                    next = last + 1;
                }
            }
        }
        if self.is_proof {
            Found::Impossible
        } else {
            Found::GaveUp
        }
    }

    /// Whether a row can have a share with the others, leaving the spread for the end.
    fn may_take(&self, assembly: &Assembly<'_>, index: usize) -> bool {
        let on = self.rows[index];
        let to_come = u64::try_from(self.rows.len() - index).unwrap_or(u64::MAX);
        !self.token(assembly, on).is_zero()
            && assembly.company(on).is_ok()
            && assembly.spread_room(on, to_come) > 0
    }

    /// The smallest share: one unit of the kind of which most is wanted.
    fn token(&self, assembly: &Assembly<'_>, on: ResourceId) -> Amounts {
        let rest = assembly.each(MOST).saturating_sub(&assembly.total());
        let wants = ask(self.world, assembly).wants(on);
        let kind = wants
            .iter()
            .map(|(kind, _)| kind)
            .max_by_key(|kind| rest.get(*kind));
        kind.map_or(Amounts::ZERO, |kind| Amounts::of([(kind, 1)]))
    }

    fn is_enough(&self, assembly: &Assembly<'_>, taken: &[usize]) -> bool {
        let least = assembly.each(0);
        let enough = |(kind, least): (Kind, u64)| {
            // What they have given stands for one more unit at most, which is theirs again.
            let left = |index: &usize| {
                let on = self.rows[*index];
                assembly
                    .left(on, kind)
                    .saturating_add(assembly.own(on).get(kind))
            };
            taken.iter().map(left).fold(0, u64::saturating_add) >= least
        };
        !taken.is_empty() && least.iter().all(enough) && assembly.is_spread()
    }

    /// Gives every row as much as it has of what is still wanted, over the unit that it gives already.
    fn fill_up(&self, assembly: &mut Assembly<'_>, rows: &[ResourceId]) {
        let mut shares = Vec::new();
        let mut rest = assembly.each(MOST).saturating_sub(&assembly.total());
        for kind in assembly.each(MOST).iter().map(|(kind, _)| kind) {
            rest = rest.with(kind, rest.get(kind).min(assembly.spare(kind)));
        }
        for on in rows {
            let left = rest
                .iter()
                .map(|(kind, rest)| (kind, rest.min(assembly.left(*on, kind))));
            let more: Amounts = left.collect();
            rest = rest.saturating_sub(&more);
            shares.push((*on, assembly.own(*on).saturating_add(&more)));
        }
        while assembly.take_back().is_some() {}
        for (on, share) in shares {
            assembly.put_share(on, &share);
        }
    }
}

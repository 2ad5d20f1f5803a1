//! Looks for a placement where putting the pieces down one by one has failed: depth first, with a bound on the work.
//!
//! Members of one part are alike, so that only placements with their rows in ascending order are looked at; not so with
//! spreads, which have to be kept at every step.

use super::put::rank;
use super::{Ask, Strategy, World};
use cloudlot_core::ledger::Assembly;
use cloudlot_core::{On, Part, ResourceId};

/// What came of a search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// The pieces are in the assembly.
    Placed,
    /// There is no placement.
    Impossible,
    /// The work was used up.
    GaveUp,
}

/// Puts the members that the parts must have into an empty assembly, if it finds how.
pub(crate) fn find(
    world: World<'_>,
    assembly: &mut Assembly<'_>,
    strategy: &Strategy,
    parts: &[Part],
) -> Found {
    // Families are dealt to by the scores alone.
    if parts.iter().any(|part| part.on != On::Node) {
        return Found::GaveUp;
    }
    let members: Vec<usize> = parts
        .iter()
        .enumerate()
        .flat_map(|(n, part)| (0..part.min).map(move |_| n))
        .take(strategy.search.tries as usize + 1)
        .collect();
    let mut search = Search {
        world,
        strategy,
        ordered: assembly.request().spreads().is_empty(),
        tries: strategy.search.tries,
    };
    search.run(assembly, &members)
}

struct Search<'a> {
    world: World<'a>,
    strategy: &'a Strategy,
    ordered: bool,
    tries: u32,
}

impl<'a> Search<'a> {
    /// Iterative, since a request may have more members than a stack has frames.
    fn run(&mut self, assembly: &mut Assembly<'_>, members: &[usize]) -> Found {
        let mut open = vec![self.choices(assembly, members, 0)];
        loop {
            let depth = open.len() - 1;
            let Some(on) = open.last_mut().and_then(Vec::pop) else {
                open.pop();
                if open.is_empty() {
                    return Found::Impossible;
                }
                assembly.take_back();
                continue;
            };
            if self.tries == 0 {
                while assembly.take_back().is_some() {}
                return Found::GaveUp;
            }
            self.tries -= 1;
            assembly.put(members[depth], on, 1);
            if depth + 1 == members.len() {
                return Found::Placed;
            }
            open.push(self.choices(assembly, members, depth + 1));
        }
    }

    /// The rows that the next member may take, the best one last.
    fn choices(&self, assembly: &Assembly<'_>, members: &[usize], depth: usize) -> Vec<ResourceId> {
        let part = members[depth];
        let before = assembly
            .pieces()
            .last()
            .filter(|piece| self.ordered && piece.part == part);
        let from = before.map_or(0, |piece| {
            self.world.rows.partition_point(|row| *row < piece.on)
        });
        let ask = Ask {
            world: self.world,
            assembly,
            part,
        };
        let mut ranked = rank(&ask, self.strategy, &self.world.rows[from..]);
        ranked.sort_unstable();
        ranked.into_iter().map(super::put::Candidate::on).collect()
    }
}

//! Looks for a placement where putting the pieces down one by one has failed: depth first, with a bound on the work.
//!
//! Members of one part are alike, so that only placements with their rows in ascending order are looked at. How members
//! are spread is asked of the whole; on the way only of what no further member could mend.

use super::field::{Spreads, bulk, rank};
use super::put::children;
use super::{Ask, Strategy, World};
use cloudlot_core::ledger::Assembly;
use cloudlot_core::{Part, ResourceId};
use std::cmp::Reverse;

/// What came of a search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// The pieces are in the assembly.
    Placed,
    /// There is no placement.
    Impossible,
    /// The work was used up, or a filter's answers rest on more than the rows it is asked about.
    GaveUp,
}

/// How many rows are looked at for the price of a piece.
const ROWS: usize = 16;

/// Puts the members that the parts must have into an empty assembly, if it finds how.
pub(crate) fn find(
    world: World<'_>,
    assembly: &mut Assembly<'_>,
    strategy: &Strategy,
    parts: &[Part],
) -> Found {
    let tries = u64::from(strategy.search.tries);
    let places = |part: &Part, members: u32| u64::from(members) * u64::from(children(part));
    let least: u64 = parts.iter().map(|part| places(part, part.min)).sum();
    if least > tries {
        return Found::GaveUp;
    }
    let required: Vec<u32> = parts.iter().map(|part| part.min).collect();
    let mut search = Search::new(world, assembly, strategy, &required);
    // Members of one part may have to come so that those of another are not too many in their domain.
    if parts.len() > 1 && !assembly.request().spreads().is_empty() {
        let more: Vec<u32> = parts.iter().map(|part| part.count - part.min).collect();
        search.allow(assembly, &more);
    }
    match search.run(assembly, |_| true) {
        Found::Impossible if strategy.has_worldly_filter() => Found::GaveUp,
        found => found,
    }
}

/// Shows every placement of so many members of each part, as far as the tries go, and leaves the assembly empty.
pub(crate) fn each<'b>(
    world: World<'_>,
    assembly: &mut Assembly<'b>,
    strategy: &Strategy,
    members: &[u32],
    mut show: impl FnMut(&Assembly<'b>),
) {
    let search = Search::new(world, assembly, strategy, members);
    search.run(assembly, |assembly| {
        show(assembly);
        false
    });
}

/// One piece to put down.
#[derive(Clone, Copy)]
struct Step {
    part: usize,
    /// Which of the children that its member sits on.
    child: u32,
    /// Whether its member may be left out.
    optional: bool,
}

/// What can be done at a step.
#[derive(Clone, Copy)]
enum Choice {
    Put(ResourceId),
    /// No further member of this part.
    Skip,
}

/// A step with the choices that are left, the best one last.
struct Frame {
    step: usize,
    choices: Vec<Choice>,
    /// Whether the last choice lies in the assembly.
    is_put: bool,
}

struct Search<'a> {
    world: World<'a>,
    strategy: &'a Strategy,
    /// The parts, in the order in which they are put down.
    order: Vec<usize>,
    steps: Vec<Step>,
    /// How many of the steps have to be done.
    required: usize,
    tries: u32,
}

impl<'a> Search<'a> {
    fn new(
        world: World<'a>,
        assembly: &Assembly<'_>,
        strategy: &'a Strategy,
        members: &[u32],
    ) -> Self {
        // Large members first: they have the fewest places.
        let mut order: Vec<usize> = (0..members.len()).collect();
        order.sort_by_key(|n| (Reverse(bulk(world, assembly, *n)), *n));
        let mut search = Self {
            world,
            strategy,
            order,
            steps: Vec::new(),
            required: 0,
            tries: strategy.search.tries,
        };
        search.steps = search.steps_of(assembly, members, false).collect();
        search.required = search.steps.len();
        search
    }

    /// Lets up to so many members more of each part come along.
    fn allow(&mut self, assembly: &Assembly<'_>, members: &[u32]) {
        let most = usize::try_from(self.tries).unwrap_or(usize::MAX);
        let more: Vec<Step> = self.steps_of(assembly, members, true).take(most).collect();
        self.steps.extend(more);
    }

    fn steps_of(
        &self,
        assembly: &Assembly<'_>,
        members: &[u32],
        optional: bool,
    ) -> impl Iterator<Item = Step> {
        let parts = assembly.request().need().parts();
        self.order.iter().flat_map(move |n| {
            let (part, of) = (*n, children(&parts[*n]));
            (0..members[part]).flat_map(move |_| {
                (0..of).map(move |child| Step {
                    part,
                    child,
                    optional,
                })
            })
        })
    }

    /// Goes through the placements until `is_goal` says that it has what it wants. Iterative, since a request may have
    /// more members than a stack has frames.
    fn run<'b>(
        mut self,
        assembly: &mut Assembly<'b>,
        mut is_goal: impl FnMut(&Assembly<'b>) -> bool,
    ) -> Found {
        if self.steps.is_empty() {
            return Found::Impossible;
        }
        let mut open = vec![self.frame(assembly, 0)];
        while let Some(frame) = open.last_mut() {
            if std::mem::take(&mut frame.is_put) {
                assembly.take_back();
            }
            let Some(choice) = frame.choices.pop() else {
                open.pop();
                continue;
            };
            if self.tries == 0 {
                while assembly.take_back().is_some() {}
                return Found::GaveUp;
            }
            self.tries -= 1;
            let next = match choice {
                Choice::Put(on) => {
                    assembly.put(self.steps[frame.step].part, on, 1);
                    frame.is_put = true;
                    frame.step + 1
                }
                Choice::Skip => self.after(frame.step),
            };
            if self.is_whole(next) && assembly.is_spread() && is_goal(assembly) {
                return Found::Placed;
            }
            if next < self.steps.len() {
                open.push(self.frame(assembly, next));
            }
        }
        Found::Impossible
    }

    /// Whether nothing that has to be there is missing before this step.
    fn is_whole(&self, step: usize) -> bool {
        step >= self.required && self.steps.get(step).is_none_or(|step| step.child == 0)
    }

    /// The first step after the members of this one's part.
    fn after(&self, step: usize) -> usize {
        let rest = &self.steps[step..];
        let own = rest.iter().take_while(|next| next.part == rest[0].part);
        step + own.count()
    }

    /// The choices at a step.
    fn frame(&mut self, assembly: &Assembly<'_>, index: usize) -> Frame {
        let step = self.steps[index];
        let rows = self.rows(assembly, index);
        let price = u32::try_from(rows.len() / ROWS).unwrap_or(u32::MAX);
        self.tries = self.tries.saturating_sub(price);
        let ask = Ask {
            world: self.world,
            assembly,
            part: step.part,
        };
        let mut ranked = rank(&ask, self.strategy, Spreads::Ignored, &rows);
        ranked.sort_unstable();
        let to_come = self.steps[index..].iter().filter(|step| step.child == 0);
        let to_come = u64::try_from(to_come.count()).unwrap_or(u64::MAX);
        let fits = |on: &ResourceId| step.child > 0 || assembly.spread_room(*on, to_come) > 0;
        let rows = ranked.into_iter().map(|row| row.on()).filter(fits);
        let skip = (step.optional && step.child == 0).then_some(Choice::Skip);
        Frame {
            step: index,
            choices: skip.into_iter().chain(rows.map(Choice::Put)).collect(),
            is_put: false,
        }
    }

    /// The rows that come into question: after those of the member before, and of a member that has begun the siblings
    /// after the last.
    fn rows(&self, assembly: &Assembly<'_>, index: usize) -> Vec<ResourceId> {
        let step = self.steps[index];
        let pieces = assembly.pieces();
        let all = self.world.rows;
        if step.child > 0 {
            let Some(last) = pieces.last() else {
                return Vec::new();
            };
            let parent = assembly.state().parent(last.on);
            let from = all.partition_point(|on| *on <= last.on);
            let sibling = |on: &ResourceId| assembly.state().parent(*on) == parent;
            return all[from..].iter().copied().filter(sibling).collect();
        }
        let of = children(&assembly.request().need().parts()[step.part]);
        let of = usize::try_from(of).unwrap_or(usize::MAX);
        let before = pieces.len().checked_sub(of).map(|n| pieces[n]);
        let before = before.filter(|piece| index > 0 && piece.part == step.part);
        let from = before.map_or(0, |piece| all.partition_point(|on| *on < piece.on));
        all[from..].to_vec()
    }
}

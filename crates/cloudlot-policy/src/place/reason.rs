//! Why a request found no row, with the numbers in it.

use super::{Ask, RowSet, Strategy, World};
use cloudlot_core::ledger::{Assembly, Why};
use cloudlot_core::{Amounts, Quantities, Resource, ResourceId, Satisfiable, Shortage};

/// What keeps a request from a place.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Reason {
    /// No resource could serve it, however empty.
    #[error("no resource could serve it, however empty: {}", list(.0))]
    Never(Vec<Shortage>),
    /// Only resources could serve it that take nothing new at present.
    #[error("only resources that take nothing new could serve it: {}", list(.0))]
    Unavailable(Vec<Shortage>),
    /// Resources would suit, and none has room just now.
    #[error("{suiting} resources suit and none has room; {name} is short by {short}")]
    Full {
        /// How many resources would suit.
        suiting: usize,
        /// The one that lacks least.
        nearest: ResourceId,
        /// Its name.
        name: String,
        /// What that one lacks.
        short: Quantities,
    },
    /// Resources would suit, and all of them together have too little left.
    #[error("{suiting} resources suit, and together they are short by {short}")]
    InAll {
        /// How many resources would suit.
        suiting: usize,
        /// What they lack together.
        short: Quantities,
    },
    /// Pieces find rows, but not all of them together.
    #[error("{placed} of {asked} pieces find a row, but not all together")]
    TooFew {
        /// How many pieces were placed when the next found no row.
        placed: u64,
        /// How many have to be.
        asked: u64,
    },
    /// A filter took out the last rows that had room.
    #[error("`{filter}` rules out the last {rows} resources that have room")]
    Filtered {
        /// The filter's name.
        filter: String,
        /// How many rows it took out.
        rows: usize,
    },
    /// A rule of the ledger that no choice of rows changes.
    #[error(transparent)]
    Ledger(Why),
}

fn list(shortages: &[Shortage]) -> String {
    let texts: Vec<String> = shortages.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// What keeps the next piece of a part from a row, with the pieces that are placed already.
pub(crate) fn of(
    world: World<'_>,
    assembly: &Assembly<'_>,
    strategy: &Strategy,
    part: usize,
) -> Reason {
    if let Some(never) = hopeless(world, assembly) {
        return never;
    }
    if !assembly.pieces().is_empty() {
        let parts = assembly.request().need().parts().iter();
        return Reason::TooFew {
            placed: assembly
                .pieces()
                .iter()
                .map(|piece| u64::from(piece.members))
                .sum(),
            asked: parts.map(|part| u64::from(part.min)).sum(),
        };
    }
    let ask = Ask {
        world,
        assembly,
        part,
    };
    let mut keep = RowSet::all(world.rows.len());
    for filter in strategy.filters() {
        let before = keep.clone();
        filter.keep(&ask, world.rows, &mut keep);
        if keep.count() == 0 {
            return emptied(&ask, filter.name(), &before);
        }
    }
    // Every row passes by itself.
    Reason::TooFew {
        placed: 0,
        asked: 1,
    }
}

/// What keeps an elastic need from shares that are enough together: `short` is what the best attempt lacked.
pub(crate) fn of_split(
    world: World<'_>,
    assembly: &Assembly<'_>,
    strategy: &Strategy,
    short: &Amounts,
) -> Reason {
    if let Some(never) = hopeless(world, assembly) {
        return never;
    }
    let ask = Ask {
        world,
        assembly,
        part: 0,
    };
    let in_all = |suiting| Reason::InAll {
        suiting,
        short: assembly.state().kinds().quantities(short),
    };
    let mut keep = RowSet::all(world.rows.len());
    for filter in strategy.filters() {
        let before = keep.count();
        filter.keep(&ask, world.rows, &mut keep);
        match (keep.count(), filter.name()) {
            (0, "room") => return in_all(before),
            (0, name) => {
                return Reason::Filtered {
                    filter: name.to_owned(),
                    rows: before,
                };
            }
            _ => {}
        }
    }
    in_all(keep.count())
}

fn hopeless(world: World<'_>, assembly: &Assembly<'_>) -> Option<Reason> {
    match assembly
        .state()
        .satisfiable(assembly.request(), world.rows.iter().copied())
    {
        Satisfiable::Yes => None,
        Satisfiable::Unavailable(shortages) => Some(Reason::Unavailable(shortages)),
        Satisfiable::No(shortages) => Some(Reason::Never(shortages)),
    }
}

/// The filter `name` left none of these rows.
fn emptied(ask: &Ask<'_>, name: &str, before: &RowSet) -> Reason {
    let each = ask.state().kinds().quantities(&ask.assembly.each(ask.part));
    // In thousandths of what is asked for, the worst kind.
    let lack = |short: &Quantities| {
        let parts = short.iter().map(|short| {
            u128::from(short.amount()) * 1_000 / u128::from(each.get(short.kind()).max(1))
        });
        parts.max()
    };
    let full = |index: usize| {
        let on = ask.world.rows[index];
        // Rows that are too small however empty do not suit, though nobody has asked yet.
        let large = ask.assembly.each(ask.part).fits_in(&ask.state().limit(on));
        match ask.assembly.check(ask.part, on) {
            Err(Why::Full { resource, short }) if large => Some((lack(&short), resource, short)),
            _ => None,
        }
    };
    let fulls: Vec<_> = before.iter().filter_map(full).collect();
    let suiting = fulls.len();
    let nearest = fulls.into_iter().min_by_key(|(lack, on, _)| (*lack, *on));
    match nearest.filter(|_| name == "room") {
        Some((_, nearest, short)) => Reason::Full {
            suiting,
            nearest,
            name: ask
                .state()
                .resource(nearest)
                .map_or("", Resource::name)
                .to_owned(),
            short,
        },
        None => Reason::Filtered {
            filter: name.to_owned(),
            rows: before.count(),
        },
    }
}

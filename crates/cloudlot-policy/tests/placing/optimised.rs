//! Optimised is as cheap as it says: never dearer than greedy or balanced, and in small worlds as cheap as can be.
//!
//! The other strategies take the row with the best score however they are asked: rows looked at once, or all again after
//! every piece.

use crate::oracle;
use crate::world::{Case, cases, rows};
use cloudlot_core::ledger::{Piece, Placement, View};
use cloudlot_core::{Need, ResourceId, Timestamp};
use cloudlot_policy::place::{Ask, Objective, Reads, Score, Strategy, World, begin, place};
use proptest::prelude::{ProptestConfig, TestCaseError, prop_assert, prop_assert_eq, proptest};

/// How many members there are of each part.
fn members(pieces: &[Piece], parts: usize) -> Vec<u32> {
    let of = |part| {
        let own = pieces.iter().filter(|piece| piece.part == part);
        own.map(|piece| piece.members).sum()
    };
    (0..parts).map(of).collect()
}

fn pieces_of(placement: &Placement) -> Vec<Piece> {
    match placement {
        Placement::Pieces(pieces) => pieces.clone(),
        Placement::Shares(_) => Vec::new(),
    }
}

fn is_cheapest(case: &Case) -> Result<(), TestCaseError> {
    let ledger = case.ledger();
    let request = case.request();
    let rows = rows(&ledger);
    let Need::Parts(parts) = request.need() else {
        return Ok(());
    };
    let world = World {
        rows: &rows,
        now: Timestamp::ZERO,
        last: None,
    };
    let mut view = View::of(&ledger);
    let objective = Objective::default();
    let cost = |pieces: &[Piece]| {
        let mut assembly = begin(ledger.state(), world, &request).unwrap();
        for piece in pieces {
            (0..piece.members).for_each(|_| assembly.put(piece.part, piece.on, 1));
        }
        objective.cost(world, &assembly)
    };
    let placed = |strategy: &Strategy| place(ledger.state(), world, &request, strategy);
    let optimised = placed(&Strategy::optimised());
    let Ok(best) = optimised else {
        prop_assert!(placed(&Strategy::greedy()).is_err());
        return Ok(());
    };
    let best = pieces_of(&best);
    let count = |pieces: &[Piece]| members(pieces, parts.len()).iter().sum::<u32>();
    for other in [Strategy::greedy(), Strategy::balanced()] {
        let other = pieces_of(&placed(&other).unwrap());
        prop_assert!(count(&best) >= count(&other));
        if count(&best) == count(&other) {
            prop_assert!(cost(&best) <= cost(&other), "{best:?} or {other:?}");
        }
    }
    let counts = members(&best, parts.len());
    let all = oracle::all(&mut view, &request, &rows);
    let alike = all.iter().map(pieces_of);
    let alike = alike.filter(|pieces| members(pieces, parts.len()) == counts);
    let cheapest = alike.map(|pieces| cost(&pieces)).min();
    prop_assert_eq!(Some(cost(&best)), cheapest, "{:?}", best);
    Ok(())
}

/// Says nothing, and makes everybody look again after every piece.
struct Restless;

impl Score for Restless {
    fn name(&self) -> &str {
        "restless"
    }

    fn score(&self, _: &Ask<'_>, _: &[ResourceId], out: &mut [i64]) {
        out.fill(0);
    }

    fn reads(&self) -> Reads {
        Reads::World
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn optimised_is_the_cheapest_there_is(case in cases()) {
        is_cheapest(&case)?;
    }

    #[test]
    fn what_was_looked_at_before_is_as_good_as_new(case in cases(), main in 0..3_usize) {
        use cloudlot_policy::place::score::{Balanced, Fullest, Tightest};
        let builder = || {
            let builder = Strategy::builder();
            match main {
                0 => builder.score(Fullest, 1),
                1 => builder.score(Balanced, 1),
                _ => builder.score(Tightest, -1),
            }
        };
        let ledger = case.ledger();
        let request = case.request();
        let rows = rows(&ledger);
        let world = World { rows: &rows, now: Timestamp::ZERO, last: None };
        let placed = |strategy: Strategy| place(ledger.state(), world, &request, &strategy);
        prop_assert_eq!(placed(builder().build()), placed(builder().score(Restless, 1).build()));
    }
}

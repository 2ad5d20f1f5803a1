//! A placement fits, and a refusal is right: in small worlds, against all placements there are.

#![expect(
    clippy::unwrap_used,
    reason = "what the helpers unwrap is part of what is tested"
)]

use cloudlot_core::Timestamp;
use cloudlot_core::ledger::{View, audit};
use cloudlot_policy::place::score::{Balanced, MostRequested, Next};
use cloudlot_policy::place::{Strategy, World, place};
use proptest::prelude::*;
use world::{Case, cases, rows};

mod oracle;
mod world;

fn strategies() -> Vec<Strategy> {
    vec![
        Strategy::builder().build(),
        Strategy::builder().score(MostRequested, 1).build(),
        Strategy::builder().score(Balanced, 1).build(),
        Strategy::builder().score(Next, 1).build(),
    ]
}

fn check(case: &Case, strategy: &Strategy) -> Result<bool, TestCaseError> {
    let mut ledger = case.ledger();
    let request = case.request();
    let rows = rows(&ledger);
    let mut view = View::of(&ledger);
    let world = World {
        rows: &rows,
        now: Timestamp::ZERO,
        last: None,
    };
    let placed = place(view.state(), world, &request, strategy);
    prop_assert_eq!(&placed, &place(view.state(), world, &request, strategy));
    match placed {
        Ok(placement) => {
            let spread = oracle::is_spread(view.state(), &request, &placement, &rows);
            prop_assert!(spread, "not spread: {placement:?}");
            let mut draft = view.draft(Timestamp::ZERO);
            if let Err(why) = draft.reserve(&request, &placement) {
                prop_assert!(false, "{placement:?} is refused: {why}");
            }
            let plan = draft.finish();
            prop_assert!(ledger.commit(&plan, Timestamp::ZERO).is_ok());
            prop_assert_eq!(audit(ledger.state()), []);
            Ok(true)
        }
        Err(unplaced) => {
            prop_assert!(unplaced.proved, "not proved: {unplaced:?}");
            let found = oracle::any(&mut view, &request, &rows);
            prop_assert!(found.is_none(), "{unplaced:?}, but {found:?}");
            Ok(false)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_placement_is_legal_and_a_refusal_is_right(case in cases(), which in 0..4_usize) {
        check(&case, &strategies()[which])?;
    }
}

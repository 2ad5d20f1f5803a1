//! A placement fits, and a refusal is right: in small worlds, against all placements there are.

#![expect(
    clippy::unwrap_used,
    reason = "what the helpers unwrap is part of what is tested"
)]

use cloudlot_core::Timestamp;
use cloudlot_core::ledger::{View, audit};
use cloudlot_policy::place::{Search, Strategy, World, place};
use proptest::prelude::{ProptestConfig, TestCaseError, prop_assert, prop_assert_eq, proptest};
use proptest::strategy::{Strategy as _, ValueTree};
use world::{Case, cases, rows};

mod choices;
mod optimised;
mod oracle;
mod plugins;
mod world;

fn strategies() -> Vec<Strategy> {
    let named = Strategy::NAMES.iter().map(|name| Strategy::named(name));
    named.collect::<Option<_>>().unwrap()
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
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_placement_is_legal_and_a_refusal_is_right(case in cases(), which in 0..Strategy::NAMES.len()) {
        check(&case, &strategies()[which])?;
    }
}

/// The worlds are neither all easy nor all hard: a test that only sees one sort shows nothing.
#[test]
fn the_worlds_need_every_answer() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut granted, mut refused, mut searched) = (0, 0, 0);
    let one_attempt = Strategy::builder().search(Search { tries: 0 }).build();
    for _ in 0..1_000 {
        let case = cases().new_tree(&mut runner).unwrap().current();
        let ledger = case.ledger();
        let request = case.request();
        let rows = rows(&ledger);
        let world = World {
            rows: &rows,
            now: Timestamp::ZERO,
            last: None,
        };
        let placed = |strategy: &Strategy| place(ledger.state(), world, &request, strategy).is_ok();
        match (placed(&one_attempt), placed(&strategies()[0])) {
            (true, _) => granted += 1,
            (false, true) => searched += 1,
            (false, false) => refused += 1,
        }
    }
    println!("{granted} at once, {searched} by search, {refused} not at all");
    assert!(granted > 200 && refused > 200 && searched > 10);
}

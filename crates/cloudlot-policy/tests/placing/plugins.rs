//! The contract of plug-ins, on all that are built in, and on some that break it.

use crate::world::{Case, cases, rows};
use cloudlot_core::ledger::{Booking, Hold, Holds, State};
use cloudlot_core::{Amounts, Kind, Measure, Request, ResourceId, Timestamp};
use cloudlot_policy::place::conformance::{self, Breach};
use cloudlot_policy::place::legal::{Company, Room, Skew, Suits};
use cloudlot_policy::place::score::{
    Balanced, Companions, Cost, Even, First, Fullest, LeastRequested, MostRequested, Near, Next,
    Preferred, Scattered, Tightest,
};
use cloudlot_policy::place::{Ask, Filter, Reads, RowSet, Score, World, begin};
use proptest::prelude::{ProptestConfig, TestCaseError, prop_assert_eq, proptest};

fn filters() -> Vec<Box<dyn Filter>> {
    vec![
        Box::new(Suits),
        Box::new(Room),
        Box::new(Company),
        Box::new(Skew),
    ]
}

fn scores() -> Vec<Box<dyn Score>> {
    vec![
        Box::new(MostRequested),
        Box::new(LeastRequested),
        Box::new(Fullest),
        Box::new(Tightest),
        Box::new(Balanced),
        Box::new(Even),
        Box::new(First),
        Box::new(Next),
        Box::new(Preferred),
        Box::new(Companions),
        Box::new(Cost::new("price", Measure::count(10))),
        Box::new(Scattered),
        Box::new(Near),
    ]
}

/// Asks before a member was put down, and after.
fn asks(
    state: &State,
    rows: &[ResourceId],
    request: &Request,
    mut each: impl FnMut(&Ask<'_>) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let world = World {
        rows,
        now: Timestamp::ZERO,
        last: rows.get(1).copied(),
    };
    let Ok(mut assembly) = begin(state, world, request) else {
        return Ok(());
    };
    for _ in 0..2 {
        let ask = Ask {
            world,
            assembly: &assembly,
            part: 0,
        };
        each(&ask)?;
        let first = rows.iter().find(|on| assembly.check(0, **on).is_ok());
        match first {
            Some(on) if !request.need().parts().is_empty() => assembly.put(0, *on, 1),
            _ => break,
        }
    }
    Ok(())
}

fn keeps_the_contract(case: &Case, more: usize) -> Result<(), TestCaseError> {
    let mut ledger = case.ledger();
    let request = case.request();
    let rows = rows(&ledger);
    let before = ledger.state().clone();
    // Somebody else comes to one row.
    let on = rows[more % rows.len()];
    let limit = ledger.state().limit(on);
    if let Some((kind, _)) = limit.iter().next() {
        let other = Request::new("other").owner("others").label("app", "web");
        let other = other
            .part([cloudlot_core::Quantity::new(kind, 1)])
            .build()
            .unwrap();
        let holds = Holds::one(Hold::new(on, &Amounts::of([(kind, 1)])));
        let now = Timestamp::ZERO;
        ledger
            .adopt(&Booking::of(&other, holds), Some(now), now)
            .unwrap();
    }
    asks(&before, &rows, &request, |ask| {
        for filter in filters() {
            prop_assert_eq!(conformance::filter(filter.as_ref(), ask), Ok(()));
        }
        for score in scores() {
            prop_assert_eq!(conformance::score(score.as_ref(), ask), Ok(()));
        }
        asks(ledger.state(), &rows, &request, |after| {
            if ask.assembly.pieces() != after.assembly.pieces() {
                return Ok(());
            }
            for filter in filters() {
                prop_assert_eq!(
                    conformance::filter_reads(filter.as_ref(), ask, after),
                    Ok(())
                );
            }
            for score in scores() {
                prop_assert_eq!(conformance::score_reads(score.as_ref(), ask, after), Ok(()));
            }
            Ok(())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn all_that_are_built_in_keep_the_contract(case in cases(), more in 0..8_usize) {
        keeps_the_contract(&case, more)?;
    }
}

/// Breaks one promise or another.
struct Rogue(&'static str);

impl Filter for Rogue {
    fn name(&self) -> &str {
        self.0
    }

    fn keep(&self, ask: &Ask<'_>, rows: &[ResourceId], keep: &mut RowSet) {
        match self.0 {
            "adds" => *keep = RowSet::all(rows.len()),
            "batch" => keep.retain(|index| index == 0),
            _ => keep.retain(|_| ask.assembly.left(ask.world.rows[0], Kind::CPU) > 2),
        }
    }

    fn reads(&self) -> Reads {
        Reads::Row
    }
}

impl Score for Rogue {
    fn name(&self) -> &str {
        self.0
    }

    fn score(&self, _: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        for (n, (_, out)) in rows.iter().zip(out).enumerate() {
            *out = match self.0 {
                "scale" => 1_001,
                "unwritten" => continue,
                _ => i64::try_from(n).unwrap(),
            };
        }
    }

    fn reads(&self) -> Reads {
        Reads::Description
    }
}

#[test]
fn a_plug_in_that_breaks_its_contract_is_found_out() {
    let crate::choices::Pair { mut ledger, rows } = crate::choices::pair();
    let request = Request::new("work")
        .part([crate::choices::cpu(1)])
        .build()
        .unwrap();
    let before = ledger.state().clone();
    ledger.reserve(&request, rows[0], Timestamp::ZERO).unwrap();
    ledger.reserve(&request, rows[0], Timestamp::ZERO).unwrap();
    let world = World {
        rows: &rows,
        now: Timestamp::ZERO,
        last: None,
    };
    let (old, new) = (
        begin(&before, world, &request).unwrap(),
        begin(ledger.state(), world, &request).unwrap(),
    );
    let ask = |assembly| Ask {
        world,
        assembly,
        part: 0,
    };
    let (old, new) = (ask(&old), ask(&new));
    let filter = |name| conformance::filter(&Rogue(name), &old);
    assert!(matches!(filter("adds"), Err(Breach::Adds { .. })));
    assert!(matches!(filter("batch"), Err(Breach::Batch { .. })));
    let read = conformance::filter_reads(&Rogue("reads"), &old, &new);
    assert!(
        matches!(read, Err(Breach::Reads { on, .. }) if on == rows[1]),
        "{read:?}"
    );
    let score = |name| conformance::score(&Rogue(name), &old);
    assert!(matches!(
        score("scale"),
        Err(Breach::Scale { score: 1_001, .. })
    ));
    assert!(matches!(
        score("unwritten"),
        Err(Breach::Scale { score: -1, .. })
    ));
    assert!(matches!(score("batch"), Err(Breach::Batch { .. })));
}

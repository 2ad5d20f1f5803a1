//! What an explanation says, and that its smallest change is enough.

use crate::world::{at, engine, job, take};
use cloudlot_core::{Effect, Quantities, Request, Resource, Taint, cores, gib};
use cloudlot_policy::admit::CountLimit;
use cloudlot_policy::engine::{Allocator, Engine, Fix, Outcome};
use cloudlot_policy::place::score::MostRequested;
use proptest::prelude::*;

#[test]
fn it_counts_what_each_filter_takes_out_and_scores_what_is_left() {
    let mut engine = engine(
        Allocator::builder().score(MostRequested, 2).build(),
        &[2, 4, 8],
    );
    let explanation = engine.explain(&job("job", "a", 4).build().unwrap(), at(0));
    let part = &explanation.parts[0];
    assert_eq!(part.rows, 3);
    let counts: Vec<_> = part
        .filters
        .iter()
        .map(|count| (count.filter.as_str(), count.out, count.left))
        .collect();
    assert_eq!(
        counts,
        [
            ("suits", 0, 3),
            ("room", 1, 2),
            ("company", 0, 2),
            ("spread", 0, 2)
        ]
    );
    let best: Vec<_> = part
        .best
        .iter()
        .map(|row| (row.name.as_str(), row.total))
        .collect();
    assert_eq!(best, [("n1", 2_000), ("n2", 1_000)]);
    assert!(explanation.answer.is_ok() && explanation.fix.is_none());
    assert_eq!(engine.state().reservation_count(), 0);
}

#[test]
fn the_smallest_change_names_the_row_that_lacks_least() {
    let mut engine = engine(Allocator::builder().build(), &[4, 8]);
    take(&mut engine, job("x", "a", 3));
    take(&mut engine, job("y", "a", 5));
    let request = job("job", "a", 4).build().unwrap();
    let Some(Fix::Row {
        name, short, rules, ..
    }) = engine.explain(&request, at(0)).fix
    else {
        panic!()
    };
    assert_eq!(
        (name.as_str(), short.to_string().as_str(), rules.len()),
        ("n1", "cpu 1", 0)
    );
}

#[test]
fn a_taint_is_named() {
    let mut engine = engine(Allocator::builder().build(), &[2]);
    let tainted = Resource::node("gpu")
        .capacity([cores(8), gib(1)])
        .taint(Taint::new("gpu", "true", Effect::NoSchedule));
    engine.add(&tainted, at(0)).unwrap();
    let request = job("job", "a", 4).build().unwrap();
    let explanation = engine.explain(&request, at(0));
    let Some(Fix::Row { name, rules, .. }) = &explanation.fix else {
        panic!()
    };
    assert_eq!((name.as_str(), rules.len()), ("gpu", 1));
    assert!(explanation.to_string().contains("gpu"), "{explanation}");
}

#[test]
fn more_members_are_asked_for_where_only_some_fit() {
    let mut engine = engine(Allocator::builder().build(), &[4, 4]);
    let gang = Request::new("gang").parts(4, [cores(2)]).build().unwrap();
    take(&mut engine, job("x", "a", 3));
    let Some(Fix::Members { part, missing, .. }) = engine.explain(&gang, at(0)).fix else {
        panic!()
    };
    assert_eq!((part, missing), (0, 2));
}

#[test]
fn a_closed_gate_says_so() {
    let limit = CountLimit::new().limit("a".parse().unwrap(), 0);
    let mut engine = engine(Allocator::builder().admit(limit).build(), &[4]);
    let Outcome::Refused(no) = engine.place(&job("job", "a", 1).build().unwrap(), at(0)) else {
        panic!()
    };
    assert_eq!(
        no.why.to_string(),
        "`count` is closed: a has 0 reservations and may have 0"
    );
}

/// Makes the change that a fix names.
fn carry_out(engine: &mut Engine, fix: &Fix) {
    let add = |engine: &mut Engine, name: String, amounts: &Quantities| {
        let node = Resource::node(name).capacity(amounts.iter().cloned());
        engine.add(&node, at(1)).unwrap();
    };
    match fix {
        Fix::Row {
            on,
            short,
            rules,
            closed,
            company,
            ..
        } => {
            assert!(rules.is_empty() && closed.is_none() && company.is_none());
            let old = engine.state().resource(*on).unwrap();
            let kinds = engine.state().kinds();
            let sum = kinds
                .amounts(old.capacity())
                .unwrap()
                .checked_add(&kinds.amounts(short).unwrap());
            let larger = kinds.quantities(&sum.unwrap());
            let larger = Resource::node(old.name())
                .capacity(larger.iter().cloned())
                .build()
                .unwrap();
            engine
                .with_ledger(|ledger| ledger.update(*on, larger, at(1)))
                .unwrap();
        }
        Fix::Members { missing, each, .. } => {
            for n in 0..*missing {
                add(engine, format!("more-{n}"), each);
            }
        }
        Fix::InAll { short } => add(engine, "more".to_owned(), short),
        Fix::Owner { owner, short } => {
            let kinds = engine.state().kinds();
            let free = engine.state().owner_free(owner).unwrap();
            let limit =
                kinds.quantities(&free.checked_add(&kinds.amounts(short).unwrap()).unwrap());
            // What is held already counts, too.
            let held = engine
                .accounts()
                .find(owner)
                .map(|id| *engine.accounts().held(id));
            let held = kinds.quantities(&held.unwrap_or_default());
            let cpu = "cpu".parse().unwrap();
            let most = cores((limit.get(&cpu) + held.get(&cpu)) / 1_000);
            engine
                .with_ledger(|ledger| ledger.set_limit(owner, [most], at(1)))
                .unwrap();
        }
    }
}

proptest! {
    #[test]
    fn a_refused_request_goes_through_with_the_change_that_is_named(
        nodes in proptest::collection::vec((1..6_u64, 0..6_u64), 1..4),
        shape in 0..3_usize, count in 1..6_u32, each in 1..6_u64, limit in proptest::option::of(0..12_u64),
    ) {
        let sizes: Vec<u64> = nodes.iter().map(|(size, _)| *size).collect();
        let mut engine = engine(Allocator::builder().build(), &sizes);
        for (n, (size, taken)) in nodes.iter().enumerate() {
            let taken = (*taken).min(*size);
            if taken > 0 {
                let node = engine.state().find(&format!("n{n}")).unwrap();
                let work = job("work", "b", taken).build().unwrap();
                engine.with_ledger(|ledger| ledger.reserve(&work, node, at(0))).unwrap();
            }
        }
        let owner = "a".parse().unwrap();
        if let Some(limit) = limit {
            engine.with_ledger(|ledger| ledger.set_limit(&owner, [cores(limit)], at(0))).unwrap();
        }
        let request = Request::new("job").owner("a");
        let request = match shape {
            0 => request.part([cores(each)]),
            1 => request.parts(count, [cores(each)]),
            _ => request.elastic([cores(each)], [cores(each + 3)]),
        };
        let request = request.build().unwrap();
        // Several things may be in the way, one after the other: each change takes one of them out, and none comes back.
        for _ in 0..4 {
            let explanation = engine.explain(&request, at(1));
            if explanation.answer.is_ok() {
                break;
            }
            let fix = explanation.fix.clone();
            prop_assert!(fix.is_some(), "{}", explanation);
            carry_out(&mut engine, &fix.unwrap());
        }
        prop_assert!(engine.place(&request, at(1)).grant().is_some(), "{}", engine.explain(&request, at(1)));
    }
}

//! What an explanation says, and that its smallest change is enough.

use crate::world::{at, engine, job, take};
use cloudlot_core::{Effect, Request, Resource, Taint, cores, gib};
use cloudlot_policy::admit::CountLimit;
use cloudlot_policy::engine::{Allocator, Fix, Outcome};
use cloudlot_policy::place::score::MostRequested;

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

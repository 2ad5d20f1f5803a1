//! A refusal says what binds, with the numbers, and comes soon however large the request is.

#![expect(
    clippy::unwrap_used,
    reason = "what the helpers unwrap is part of what is tested"
)]

use cloudlot_core::ledger::{Ledger, Placement, Why};
use cloudlot_core::{
    Kind, On, Quantity, Request, RequestBuilder, Resource, ResourceBuilder, ResourceId,
    ResourceState, Timestamp,
};
use cloudlot_policy::place::{
    Ask, Filter, Reads, Reason, RowSet, Search, Strategy, Unplaced, World, place,
};
use std::time::Duration;

const NOW: Timestamp = Timestamp::ZERO;

fn cpu(amount: u64) -> Quantity {
    Quantity::new(Kind::CPU, amount)
}

fn node(n: usize, amount: u64) -> ResourceBuilder {
    Resource::node(format!("n{n}")).capacity([cpu(amount)])
}

/// Nodes of so much each, of which so much is taken.
fn nodes(amounts: &[(u64, u64)]) -> (Ledger, Vec<ResourceId>) {
    let mut ledger = Ledger::new();
    let mut rows = Vec::new();
    for (n, (amount, taken)) in amounts.iter().enumerate() {
        let on = ledger.add(node(n, *amount).build().unwrap(), NOW).unwrap();
        if *taken > 0 {
            let other = Request::new("other").part([cpu(*taken)]).build().unwrap();
            ledger.reserve(&other, on, NOW).unwrap();
        }
        rows.push(on);
    }
    (ledger, rows)
}

fn placed(
    ledger: &Ledger,
    rows: &[ResourceId],
    request: RequestBuilder,
    strategy: &Strategy,
) -> Result<Placement, Unplaced> {
    let world = World {
        rows,
        now: NOW,
        last: None,
    };
    place(ledger.state(), world, &request.build().unwrap(), strategy)
}

/// The refusal by every named strategy, which are all the same.
fn refused(ledger: &Ledger, rows: &[ResourceId], request: &RequestBuilder) -> Unplaced {
    let mut all = Strategy::NAMES.iter().map(|name| {
        let strategy = Strategy::named(name).unwrap();
        placed(ledger, rows, request.clone(), &strategy).unwrap_err()
    });
    let first = all.next().unwrap();
    assert!(all.all(|other| other == first));
    first
}

fn ask(amount: u64) -> RequestBuilder {
    Request::new("work").part([cpu(amount)])
}

#[test]
fn what_no_row_could_ever_take_says_so() {
    let (ledger, rows) = nodes(&[(4, 0), (8, 8)]);
    let no = refused(&ledger, &rows, &ask(9));
    assert!(no.proved);
    let Reason::Never(shortages) = &no.reason else {
        panic!("{no:?}")
    };
    assert_eq!(
        (
            shortages[0].asked,
            shortages[0].fits,
            shortages[0].resources
        ),
        (1, 0, 2)
    );
    let text = "no resource could serve it, however empty: part 0: 0 of 1 fit on 2 resources: 2 too little cpu";
    assert_eq!(no.reason.to_string(), text);
}

#[test]
fn what_only_closed_rows_could_take_says_so() {
    let (mut ledger, rows) = nodes(&[(4, 0), (8, 0)]);
    ledger
        .set_state(rows[1], ResourceState::Draining, NOW)
        .unwrap();
    let no = refused(&ledger, &rows, &ask(6));
    let Reason::Unavailable(shortages) = &no.reason else {
        panic!("{no:?}")
    };
    assert_eq!((shortages[0].asked, shortages[0].fits), (1, 0));
    assert!(no.proved);
}

#[test]
fn full_rows_say_which_is_nearest_and_what_it_lacks() {
    let (ledger, rows) = nodes(&[(10, 9), (10, 7), (10, 8), (2, 0)]);
    let no = refused(&ledger, &rows, &ask(5));
    let expected = Reason::Full {
        suiting: 3,
        nearest: rows[1],
        name: "n1".to_owned(),
        short: [cpu(2)].into_iter().collect(),
    };
    assert_eq!((no.reason, no.proved, no.part), (expected, true, 0));
}

#[test]
fn rows_that_are_too_little_together_say_by_how_much() {
    let (ledger, rows) = nodes(&[(10, 9), (10, 7), (10, 8)]);
    let request = Request::new("work").elastic([cpu(8)], [cpu(12)]);
    let no = refused(&ledger, &rows, &request);
    let expected = Reason::InAll {
        suiting: 3,
        short: [cpu(2)].into_iter().collect(),
    };
    assert_eq!((no.reason, no.proved), (expected, true));
    let (ledger, rows) = nodes(&[(3, 3), (3, 3)]);
    let no = refused(
        &ledger,
        &rows,
        &Request::new("work").elastic([cpu(1)], [cpu(1)]),
    );
    let expected = Reason::InAll {
        suiting: 2,
        short: [cpu(1)].into_iter().collect(),
    };
    assert_eq!((no.reason, no.proved), (expected, true));
}

#[test]
fn a_gang_that_does_not_fit_together_says_how_far_it_came() {
    let (ledger, rows) = nodes(&[(10, 4), (10, 5), (10, 9)]);
    let no = refused(&ledger, &rows, &Request::new("gang").parts(3, [cpu(5)]));
    let expected = Reason::TooFew {
        placed: 2,
        asked: 3,
    };
    assert_eq!((no.reason, no.proved), (expected, true));
}

/// Keeps everything away.
struct Nobody;

impl Filter for Nobody {
    fn name(&self) -> &str {
        "nobody"
    }

    fn keep(&self, _: &Ask<'_>, _: &[ResourceId], keep: &mut RowSet) {
        keep.retain(|_| false);
    }

    fn reads(&self) -> Reads {
        Reads::World
    }
}

#[test]
fn the_filter_that_rules_out_the_last_rows_is_named() {
    let (mut ledger, rows) = nodes(&[(10, 0), (10, 9), (10, 0)]);
    let other = ask(1).label("app", "db").build().unwrap();
    for on in &rows {
        ledger.reserve(&other, *on, NOW).unwrap();
    }
    let no = refused(&ledger, &rows, &ask(2).anti_affinity("app=db", "host"));
    let filtered = |filter: &str, rows| Reason::Filtered {
        filter: filter.to_owned(),
        rows,
    };
    assert_eq!((no.reason, no.proved), (filtered("company", 2), true));

    let strategy = Strategy::builder().filter(Nobody).build();
    let no = placed(&ledger, &rows, ask(2), &strategy).unwrap_err();
    assert_eq!((no.reason, no.proved), (filtered("nobody", 2), true));
    // A filter that looks at the world may say otherwise in another order: no search proves anything then.
    let no = placed(&ledger, &rows, ask(2).part([cpu(1)]), &strategy).unwrap_err();
    assert!(!no.proved);
}

#[test]
fn a_full_domain_holds_the_others_back() {
    let mut ledger = Ledger::new();
    let zones = ["a", "b"];
    let rows: Vec<ResourceId> = zones
        .iter()
        .enumerate()
        .map(|(n, zone)| {
            let node = node(n, 4).topology([("zone", *zone)]).build().unwrap();
            ledger.add(node, NOW).unwrap()
        })
        .collect();
    ledger
        .reserve(&ask(4).build().unwrap(), rows[0], NOW)
        .unwrap();
    let gang = |count, min| Request::new("gang").gang(count, min, On::Node, [cpu(1)]);
    let no = refused(&ledger, &rows, &gang(2, 2).spread("zone", 1));
    assert_eq!(
        no.reason,
        Reason::TooFew {
            placed: 1,
            asked: 2
        }
    );
    assert!(no.proved);
    // One may come, and the second waits.
    let one = placed(
        &ledger,
        &rows,
        gang(2, 1).spread("zone", 1),
        &Strategy::greedy(),
    );
    assert_eq!(one, Ok(Placement::on(rows[1])));
    let capped = placed(
        &ledger,
        &rows,
        gang(4, 1).at_most_per("zone", 3),
        &Strategy::greedy(),
    );
    let Ok(Placement::Pieces(pieces)) = capped else {
        panic!("{capped:?}")
    };
    assert_eq!((pieces[0].on, pieces[0].members), (rows[1], 3));
}

#[test]
fn a_limit_and_a_window_that_is_over_are_the_ledgers_reasons() {
    let (mut ledger, rows) = nodes(&[(10, 0), (10, 0)]);
    ledger
        .set_limit(&"team".parse().unwrap(), [cpu(5)], NOW)
        .unwrap();
    let gang = |count, min| {
        let gang = Request::new("gang").owner("team/a");
        gang.gang(count, min, On::Node, [cpu(2)])
    };
    let no = refused(&ledger, &rows, &gang(3, 3));
    let Reason::Ledger(Why::Limit { owner, short }) = &no.reason else {
        panic!("{no:?}")
    };
    assert_eq!(
        (owner.to_string(), short.get(&Kind::CPU.into())),
        ("team".to_owned(), 1)
    );
    assert!(no.proved);
    // As many as the limit lets in.
    let some = placed(&ledger, &rows, gang(9, 1), &Strategy::balanced()).unwrap();
    let Placement::Pieces(pieces) = &some else {
        panic!("{some:?}")
    };
    assert_eq!(pieces.iter().map(|piece| piece.members).sum::<u32>(), 2);
    let elastic = Request::new("work")
        .owner("team")
        .elastic([cpu(1)], [cpu(20)]);
    let share = placed(&ledger, &rows, elastic, &Strategy::greedy()).unwrap();
    let Placement::Shares(shares) = share else {
        panic!("{share:?}")
    };
    assert_eq!(
        shares
            .iter()
            .map(|(_, share)| share.get(Kind::CPU))
            .sum::<u64>(),
        5
    );

    let at = |second| NOW + Duration::from_secs(second);
    let late = ask(1).window(at(1), at(2)).build().unwrap();
    let world = World {
        rows: &rows,
        now: at(2),
        last: None,
    };
    let no = place(ledger.state(), world, &late, &Strategy::greedy()).unwrap_err();
    assert_eq!(no.reason, Reason::Ledger(Why::TooLate(at(2))));
    let unknown = Request::new("work").part([cloudlot_core::named("licence", 1).unwrap()]);
    let no = refused(&ledger, &rows, &unknown);
    assert!(matches!(no.reason, Reason::Ledger(Why::UnknownKind(_))));
}

/// A thousand rows in ten zones.
fn thousand(each: u64) -> (Ledger, Vec<ResourceId>) {
    let mut ledger = Ledger::new();
    let rows = (0..1_000).map(|n| {
        let node = node(n, each).topology([("zone", format!("z{}", n % 10))]);
        ledger.add(node.build().unwrap(), NOW).unwrap()
    });
    let rows = rows.collect();
    (ledger, rows)
}

/// None of these may take the square of anything.
#[test]
fn a_hundred_thousand_members_are_placed_or_refused_within_bounds() {
    let (ledger, rows) = thousand(100);
    let gang = |members| {
        Request::new("gang")
            .parts(members, [cpu(1)])
            .label("app", "gang")
    };
    let hostile = [
        gang(100_000),
        gang(100_000).spread("host", 1),
        gang(100_000).spread("zone", 1).spread("host", 2),
        gang(100_000).prefer_affinity("app=gang", "zone", 3),
    ];
    for (request, names) in hostile.iter().zip([
        ["greedy", "optimised"],
        ["balanced", "spread"],
        ["greedy", "spread"],
        ["priority", "next-fit"],
    ]) {
        for name in names {
            let strategy = Strategy::named(name).unwrap();
            let placement = placed(&ledger, &rows, request.clone(), &strategy);
            let Ok(Placement::Pieces(pieces)) = placement else {
                panic!("{name}: {placement:?}")
            };
            assert_eq!(
                pieces.iter().map(|piece| piece.members).sum::<u32>(),
                100_000
            );
        }
    }
}

#[test]
fn a_hundred_thousand_members_too_many_are_refused_within_bounds() {
    let (ledger, rows) = thousand(99);
    for name in ["greedy", "spread", "optimised"] {
        let strategy = Strategy::named(name).unwrap();
        let gang = Request::new("gang").parts(100_000, [cpu(1)]);
        let no = placed(&ledger, &rows, gang.clone(), &strategy).unwrap_err();
        assert!(
            matches!(no.reason, Reason::Never(_)),
            "{name}: {:?}",
            no.reason
        );
        let apart = gang.label("app", "gang").anti_affinity("app=gang", "host");
        let no = placed(&ledger, &rows, apart, &strategy).unwrap_err();
        assert!(
            matches!(no.reason, Reason::Never(_)),
            "{name}: {:?}",
            no.reason
        );
    }
}

#[test]
fn a_search_ends_where_its_tries_do() {
    // Odd members on even rows: a puzzle that no order of pieces solves, and too large to go through.
    let (ledger, rows) = nodes(&[(10, 0); 12]);
    let gang = Request::new("gang")
        .parts(12, [cpu(4)])
        .parts(12, [cpu(3)])
        .parts(12, [cpu(4)]);
    let strategy = Strategy::builder().search(Search { tries: 500 }).build();
    let no = placed(&ledger, &rows, gang, &strategy).unwrap_err();
    assert!(!no.proved);
    assert!(
        matches!(no.reason, Reason::TooFew { asked: 36, .. }),
        "{:?}",
        no.reason
    );
}

#[test]
fn members_beyond_the_least_come_where_a_spread_needs_them() {
    let mut ledger = Ledger::new();
    let memory = |amount| Quantity::new(Kind::MEMORY, amount);
    let mut add = |name: &str, zone: &str, amount: Quantity| {
        let node = Resource::node(name)
            .topology([("zone", zone)])
            .capacity([amount]);
        ledger.add(node.build().unwrap(), NOW).unwrap()
    };
    let rows = [add("n1", "a", memory(9)), add("n2", "b", cpu(9))];
    // Three in zone b are too many beside one in zone a.
    let gang = |most| {
        let gang = Request::new("gang").gang(most, 1, On::Node, [memory(1)]);
        gang.parts(3, [cpu(1)]).spread("zone", 1)
    };
    for name in Strategy::NAMES {
        let strategy = Strategy::named(name).unwrap();
        let no = placed(&ledger, &rows, gang(1), &strategy).unwrap_err();
        assert!(no.proved);
        let Placement::Pieces(pieces) = placed(&ledger, &rows, gang(2), &strategy).unwrap() else {
            unreachable!("a gang gets pieces")
        };
        assert_eq!(pieces.iter().map(|piece| piece.members).sum::<u32>(), 5);
    }
}

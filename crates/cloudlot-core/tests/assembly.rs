//! A placement in the making agrees with the draft that it goes into, piece by piece, and takes back what it put.

#![expect(
    clippy::unwrap_used,
    reason = "what the helpers unwrap is part of what is tested"
)]

use cloudlot_core::ledger::{Assembly, Group, Ledger, Piece, Placement, View, Why};
use cloudlot_core::{
    Kind, On, Quantity, Request, RequestBuilder, Resource, ResourceId, Spread, Timestamp,
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::ZERO;

fn cpu(amount: u64) -> Quantity {
    Quantity::new(Kind::CPU, amount)
}

/// Nodes in two zones, with so much each; the first of a zone may be taken by somebody with a label.
fn ledger(nodes: &[(u64, bool)], taken: &[bool]) -> (Ledger, Vec<ResourceId>) {
    let mut ledger = Ledger::new();
    let rows: Vec<ResourceId> = nodes
        .iter()
        .enumerate()
        .map(|(n, (amount, zone))| {
            let node = Resource::node(format!("n{n}"))
                .capacity([cpu(*amount)])
                .topology([("zone", if *zone { "a" } else { "b" })]);
            ledger.add(node.build().unwrap(), NOW).unwrap()
        })
        .collect();
    for (on, taken) in rows.iter().zip(taken) {
        if *taken {
            let other = Request::new("other").part([cpu(1)]).label("app", "db");
            ledger.reserve(&other.build().unwrap(), *on, NOW).unwrap();
        }
    }
    (ledger, rows)
}

fn companions(request: RequestBuilder, terms: &[(bool, bool, bool)]) -> RequestBuilder {
    terms.iter().fold(request, |request, (own, zone, apart)| {
        let label = if *own { "app=web" } else { "app=db" };
        let level = if *zone { "zone" } else { "host" };
        if *apart {
            request.anti_affinity(label, level)
        } else {
            request.affinity(label, level)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whether one more piece may be put down is whether a draft takes the pieces with it.
    #[test]
    fn it_agrees_with_the_draft_piece_by_piece(
        nodes in proptest::collection::vec((1..6_u64, any::<bool>()), 1..5),
        taken in proptest::collection::vec(any::<bool>(), 4),
        terms in proptest::collection::vec(any::<(bool, bool, bool)>(), 0..3),
        bears in any::<bool>(),
        limit in proptest::option::of(1..12_u64),
        each in 1..4_u64,
        tries in proptest::collection::vec((0..2_usize, 0..4_usize), 1..12),
    ) {
        let (mut ledger, rows) = ledger(&nodes, &taken);
        if let Some(limit) = limit {
            ledger.set_limit(&"team".parse().unwrap(), [cpu(limit)], NOW).unwrap();
        }
        let mut request = Request::new("work").owner("team");
        request = request.gang(12, 1, On::Node, [cpu(each)]).gang(12, 1, On::Node, [cpu(1)]);
        if bears {
            request = request.label("app", "web");
        }
        let request = companions(request, &terms).build().unwrap();
        // The parts one by one, so that the other may be empty.
        let lone = |part: usize| {
            let amounts = [cpu(if part == 0 { each } else { 1 })];
            let request = Request::new("work").owner("team").gang(12, 1, On::Node, amounts);
            let request = if bears { request.label("app", "web") } else { request };
            companions(request, &terms).build().unwrap()
        };
        let mut view = View::of(&ledger);
        let state = ledger.state();
        let mut assembly = Assembly::new(state, &request, NOW).unwrap();
        let before = format!("{assembly:?}");
        for (part, on) in tries {
            let on = rows[on % rows.len()];
            let mut pieces = assembly.pieces().to_vec();
            pieces.push(Piece { part, on, members: 1 });
            let parts: Vec<usize> = pieces.iter().map(|piece| piece.part).collect();
            let whole = parts.contains(&0) && parts.contains(&1);
            let asked = if whole { request.clone() } else { lone(part) };
            if !whole {
                pieces.iter_mut().for_each(|piece| piece.part = 0);
            }
            let taken = view.draft(NOW).reserve(&asked, &Placement::Pieces(pieces));
            let legal = assembly.check(part, on);
            prop_assert_eq!(legal.is_ok(), taken.is_ok(), "{:?} and {:?}", legal, taken);
            prop_assert_eq!(assembly.room(part, on) > 0, legal.is_ok());
            if legal.is_ok() {
                assembly.put(part, on, 1);
            }
        }
        while assembly.take_back().is_some() {}
        // Counts of members that left stay as zeros.
        prop_assert_eq!(clean(&format!("{assembly:?}")), clean(&before));
    }

    /// What is put and taken back leaves everything as it was.
    #[test]
    fn taking_back_restores_everything(
        nodes in proptest::collection::vec((1..6_u64, any::<bool>()), 1..5),
        puts in proptest::collection::vec((0..4_usize, 1..3_u32, any::<bool>()), 1..16),
    ) {
        let (ledger, rows) = ledger(&nodes, &[]);
        let label: cloudlot_core::Label = "app=web".parse().unwrap();
        let request = Request::new("work")
            .gang(100, 1, On::Node, [cpu(1)])
            .label("app", "web")
            .spread_as(Spread { among: Some(label.clone()), ..Spread::over("zone", 1) })
            .build()
            .unwrap();
        let mut assembly = Assembly::new(ledger.state(), &request, NOW).unwrap();
        assembly.watch(&rows);
        let look = |assembly: &Assembly<'_>| {
            let rows = rows.iter().map(|on| {
                let place = ledger.state().topology(*on).unwrap();
                let group = |level: &str| Group {
                    label: label.clone(),
                    level: level.to_owned(),
                    domain: place.domain(level).unwrap().to_owned(),
                };
                (
                    assembly.left(*on, Kind::CPU),
                    assembly.own(*on),
                    assembly.members_in(&group("zone")),
                    assembly.members_in(&group("host")),
                    assembly.spread_count(0, *on),
                    assembly.spread_room(*on, 3),
                )
            });
            (rows.collect::<Vec<_>>(), assembly.total(), assembly.is_spread(), assembly.pieces().to_vec())
        };
        let mut seen = Vec::new();
        for (on, members, back) in puts {
            if back && let Some(before) = seen.pop() {
                assembly.take_back();
                prop_assert_eq!(look(&assembly), before);
            } else {
                seen.push(look(&assembly));
                assembly.put(0, rows[on % rows.len()], members);
            }
        }
        while let Some(before) = seen.pop() {
            assembly.take_back();
            prop_assert_eq!(look(&assembly), before);
        }
    }
}

/// The text without counts of nobody.
fn clean(text: &str) -> String {
    let at = text.find("company:").unwrap();
    let end = text.find("families:").unwrap();
    format!("{}{}", &text[..at], &text[end..])
}

/// A node with so many devices of one whole each.
fn devices(ledger: &mut Ledger, name: &str, count: usize) -> Vec<ResourceId> {
    let node = Resource::node(name).capacity([cpu(8)]);
    ledger.add(node.build().unwrap(), NOW).unwrap();
    let device = |n: usize| {
        let gpu = Resource::node(format!("{name}-gpu{n}")).parent(name);
        gpu.capacity([Quantity::new(Kind::GPU, 1_000)]).build()
    };
    (0..count)
        .map(|n| ledger.add(device(n).unwrap(), NOW).unwrap())
        .collect()
}

#[test]
fn a_member_on_two_devices_does_not_shun_itself() {
    let mut ledger = Ledger::new();
    let first = devices(&mut ledger, "n1", 4);
    let second = devices(&mut ledger, "n2", 2);
    let request = Request::new("train")
        .gang(
            2,
            2,
            On::Children { of: 2 },
            [Quantity::new(Kind::GPU, 1_000)],
        )
        .label("job", "train")
        .anti_affinity("job=train", "host")
        .build()
        .unwrap();
    let on = |rows: &[ResourceId]| {
        let piece = |on: &ResourceId| Piece {
            part: 0,
            on: *on,
            members: 1,
        };
        Placement::Pieces(rows.iter().map(piece).collect())
    };
    // Two members on one host shun each other, on two hosts they do not.
    let refused = ledger.place(&request, &on(&first), NOW);
    assert!(matches!(refused, Err(Why::Apart { .. })), "{refused:?}");

    let mut assembly = Assembly::new(ledger.state(), &request, NOW).unwrap();
    assembly.put(0, first[0], 1);
    assert!(assembly.joins(0, first[1]) && assembly.check(0, first[1]).is_ok());
    assembly.put(0, first[1], 1);
    assert!(matches!(
        assembly.check(0, first[2]),
        Err(Why::Apart { .. })
    ));
    assembly.put(0, second[0], 1);
    assembly.put(0, second[1], 1);
    assert_eq!(assembly.members(0), 2);
    let placement = assembly.placement();
    ledger.place(&request, &placement, NOW).unwrap();
}

#[test]
fn a_limit_of_the_owner_leaves_less_room() {
    let (mut ledger, rows) = ledger(&[(8, true)], &[]);
    ledger
        .set_limit(&"team".parse().unwrap(), [cpu(3)], NOW)
        .unwrap();
    let request = Request::new("work")
        .owner("team/a")
        .gang(8, 1, On::Node, [cpu(2)]);
    let request = request.build().unwrap();
    let mut assembly = Assembly::new(ledger.state(), &request, NOW).unwrap();
    assert_eq!(
        (assembly.fit(0, rows[0]), assembly.spare(Kind::CPU)),
        (1, 3)
    );
    assert_eq!(assembly.spare(Kind::MEMORY), u64::MAX);
    assembly.put(0, rows[0], 1);
    assert_eq!(assembly.room(0, rows[0]), 0);
    assert!(matches!(assembly.check(0, rows[0]), Err(Why::Limit { .. })));
}

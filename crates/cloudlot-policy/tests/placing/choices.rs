//! The named strategies, told apart: for every two there is a small world in which they choose differently.

use cloudlot_core::ledger::{Ledger, Placement, View};
use cloudlot_core::{
    Kind, Quantity, Request, RequestBuilder, Resource, ResourceId, Selector, Timestamp,
};
use cloudlot_policy::place::{Strategy, World, place};
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp::ZERO;

pub(crate) fn cpu(amount: u64) -> Quantity {
    Quantity::new(Kind::CPU, amount)
}

fn memory(amount: u64) -> Quantity {
    Quantity::new(Kind::MEMORY, amount)
}

/// Nodes with what they have and what is taken, and the requests that come one after the other.
struct Scene {
    name: &'static str,
    /// Name, processors and how many are taken, memory and how much is taken.
    nodes: Vec<(&'static str, [u64; 2], [u64; 2])>,
    requests: Vec<RequestBuilder>,
}

fn ask(amount: u64) -> RequestBuilder {
    Request::new("work").part([cpu(amount)])
}

fn scenes() -> Vec<Scene> {
    let of = |name, cpus: u64, taken: u64| (name, [cpus, taken], [0, 0]);
    vec![
        Scene {
            name: "8 × 25 on four of 100",
            nodes: ["a", "b", "c", "d"].map(|name| of(name, 100, 0)).to_vec(),
            requests: vec![ask(25); 8],
        },
        Scene {
            name: "4 on 8 idle or 10 of 100 left",
            nodes: vec![of("a", 8, 0), of("b", 100, 90)],
            requests: vec![ask(4)],
        },
        Scene {
            name: "2 on 10, idle or half full",
            nodes: vec![of("a", 10, 0), of("b", 10, 5)],
            requests: vec![ask(2)],
        },
        Scene {
            name: "processors only, memory taken on b",
            nodes: vec![("a", [10, 4], [10, 0]), ("b", [10, 2], [10, 10])],
            requests: vec![ask(2)],
        },
        Scene {
            name: "6, 6, 6, then 2 on three of 10",
            nodes: ["a", "b", "c"].map(|name| of(name, 10, 0)).to_vec(),
            requests: vec![ask(6), ask(6), ask(6), ask(2)],
        },
        Scene {
            name: "two members of 1 on 100 and 10",
            nodes: vec![of("a", 100, 0), of("b", 10, 0)],
            requests: vec![Request::new("pair").parts(2, [cpu(1)]).label("app", "pair")],
        },
        Scene {
            name: "2, rather on b, a is fuller",
            nodes: vec![of("a", 10, 5), of("b", 10, 0)],
            requests: vec![ask(2).prefer(Selector::any_of("name", ["b"]), 10)],
        },
        Scene {
            name: "2 and 5 together on 3 and 10",
            nodes: vec![of("a", 3, 0), of("b", 10, 0)],
            requests: vec![ask(2).part([cpu(5)])],
        },
    ]
}

impl Scene {
    fn ledger(&self) -> (Ledger, Vec<ResourceId>) {
        let mut ledger = Ledger::new();
        let mut rows = Vec::new();
        for (name, cpus, memories) in &self.nodes {
            let capacity = [cpu(cpus[0]), memory(memories[0])];
            let capacity = capacity
                .into_iter()
                .filter(|quantity| quantity.amount() > 0);
            let node = Resource::node(*name)
                .label("name", *name)
                .capacity(capacity);
            let on = ledger.add(node.build().unwrap(), NOW).unwrap();
            rows.push(on);
            let taken = [cpu(cpus[1]), memory(memories[1])];
            let taken: Vec<Quantity> = taken
                .into_iter()
                .filter(|quantity| quantity.amount() > 0)
                .collect();
            if !taken.is_empty() {
                let other = Request::new("other").part(taken).build().unwrap();
                ledger.reserve(&other, on, NOW).unwrap();
            }
        }
        (ledger, rows)
    }

    /// Where everything goes, request by request.
    fn play(&self, strategy: &Strategy) -> String {
        let (mut ledger, rows) = self.ledger();
        let mut last = None;
        let mut went: Vec<String> = Vec::new();
        for request in &self.requests {
            let request = request.clone().build().unwrap();
            let view = View::of(&ledger);
            let world = World {
                rows: &rows,
                now: NOW,
                last,
            };
            let placement = place(view.state(), world, &request, strategy).unwrap();
            let Placement::Pieces(pieces) = &placement else {
                unreachable!("all scenes are of parts")
            };
            last = pieces.last().map(|piece| piece.on);
            let name = |on| ledger.state().resource(on).unwrap().name().to_owned();
            for piece in pieces {
                went.extend((0..piece.members).map(|_| name(piece.on)));
            }
            ledger.place(&request, &placement, NOW).unwrap();
        }
        went.join("")
    }
}

/// Which way each strategy goes in each scene, as the table of the documentation.
fn table() -> (String, BTreeMap<&'static str, Vec<String>>) {
    let scenes = scenes();
    let mut all = BTreeMap::new();
    let names: Vec<&str> = scenes.iter().map(|scene| scene.name).collect();
    let mut text = format!(
        "| | {} |\n|---|{}\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    for name in Strategy::NAMES {
        let strategy = Strategy::named(name).unwrap();
        let ways: Vec<String> = scenes.iter().map(|scene| scene.play(&strategy)).collect();
        text += &format!("| {name} | {} |\n", ways.join(" | "));
        all.insert(name, ways);
    }
    (text, all)
}

#[test]
fn every_two_strategies_differ_somewhere() {
    let (text, ways) = table();
    for (name, own) in &ways {
        for (other, its) in ways.range::<&str, _>(*name..).skip(1) {
            assert_ne!(own, its, "{name} and {other} go the same way:\n{text}");
        }
    }
}

#[test]
fn the_documentation_shows_what_they_do() {
    let (text, _) = table();
    let page = include_str!("../../../../docs/strategies/placing.md");
    assert!(
        page.contains(&text),
        "docs/strategies/placing.md should have:\n{text}"
    );
}

fn shares_of(strategy: &Strategy, amounts: &[u64], wanted: u64) -> Option<Vec<u64>> {
    let mut ledger = Ledger::new();
    let mut rows = Vec::new();
    for (n, amount) in amounts.iter().enumerate() {
        let node = Resource::node(format!("n{n}")).capacity([cpu(*amount)]);
        rows.push(ledger.add(node.build().unwrap(), NOW).unwrap());
    }
    let request = Request::new("work").elastic([cpu(wanted)], [cpu(wanted)]);
    let request = request.build().unwrap();
    let world = World {
        rows: &rows,
        now: NOW,
        last: None,
    };
    let placement = place(ledger.state(), world, &request, strategy).ok()?;
    ledger.place(&request, &placement, NOW).unwrap();
    let Placement::Shares(shares) = placement else {
        unreachable!("an elastic need gets shares")
    };
    Some(
        shares
            .iter()
            .map(|(_, share)| share.get(Kind::CPU))
            .collect(),
    )
}

/// The original refused this, though 300 were free.
#[test]
fn heritage_6_an_elastic_need_is_split_over_nodes() {
    for name in Strategy::NAMES {
        let strategy = Strategy::named(name).unwrap();
        let shares = shares_of(&strategy, &[100, 100, 100], 150);
        assert_eq!(shares, Some(vec![100, 50]), "{name}");
        assert_eq!(shares_of(&strategy, &[100, 100, 100], 301), None, "{name}");
        // One row that takes all is better than two.
        assert_eq!(
            shares_of(&strategy, &[100, 200, 100], 150),
            Some(vec![150]),
            "{name}"
        );
    }
}

/// The original put 50 on each of four nodes both ways.
#[test]
fn heritage_7_greedy_fills_and_balanced_levels() {
    let scene = &scenes()[0];
    assert_eq!(scene.play(&Strategy::greedy()), "aaaabbbb");
    assert_eq!(scene.play(&Strategy::balanced()), "abcdabcd");
}

/// The original's matcher let a node without the capability pass.
#[test]
fn heritage_8_a_node_without_the_capability_is_no_match() {
    let mut ledger = Ledger::new();
    let node = |name: &str| Resource::node(name).capacity([cpu(4)]);
    let mut rows = vec![ledger.add(node("plain").build().unwrap(), NOW).unwrap()];
    let rule = cloudlot_core::CapabilityRule::at_least("cores", 16);
    let request = ask(1).require(rule).build().unwrap();
    fn world(rows: &[ResourceId]) -> World<'_> {
        World {
            rows,
            now: NOW,
            last: None,
        }
    }
    for name in Strategy::NAMES {
        let strategy = Strategy::named(name).unwrap();
        assert!(
            place(ledger.state(), world(&rows), &request, &strategy).is_err(),
            "{name}"
        );
    }
    let able = node("able").capability("cores", 32).build().unwrap();
    rows.push(ledger.add(able, NOW).unwrap());
    for name in Strategy::NAMES {
        let strategy = Strategy::named(name).unwrap();
        let placement = place(ledger.state(), world(&rows), &request, &strategy).unwrap();
        assert_eq!(placement, Placement::on(rows[1]), "{name}");
    }
}

/// The original forgot the first of two requirements on one node: it counted 50 of 90.
#[test]
fn heritage_2_two_parts_on_one_node_are_both_held() {
    let mut ledger = Ledger::new();
    let node = Resource::node("n1").capacity([cpu(100)]).build().unwrap();
    let rows = [ledger.add(node, NOW).unwrap()];
    let request = ask(40).part([cpu(50)]).build().unwrap();
    let world = World {
        rows: &rows,
        now: NOW,
        last: None,
    };
    let placement = place(ledger.state(), world, &request, &Strategy::greedy()).unwrap();
    ledger.place(&request, &placement, NOW).unwrap();
    assert_eq!(ledger.state().taken(rows[0]).get(Kind::CPU), 90);
}

/// Two nodes of four.
pub(crate) struct Pair {
    pub(crate) ledger: Ledger,
    pub(crate) rows: [ResourceId; 2],
}

pub(crate) fn pair() -> Pair {
    let mut ledger = Ledger::new();
    let rows = ["n1", "n2"].map(|name| {
        let node = Resource::node(name).capacity([cpu(4)]).build().unwrap();
        ledger.add(node, NOW).unwrap()
    });
    Pair { ledger, rows }
}

/// The smallest world in which the order of devices is not that of their parents.
#[test]
fn a_device_is_chosen_by_its_own_score_whatever_its_parent() {
    let mut ledger = Ledger::new();
    for name in ["n1", "n2"] {
        let node = Resource::node(name).capacity([cpu(4)]).build().unwrap();
        ledger.add(node, NOW).unwrap();
    }
    let rows = [("n2", 1), ("n1", 3)].map(|(parent, amount)| {
        let gpu = Resource::node(format!("{parent}-gpu")).parent(parent);
        let gpu = gpu.capacity([Quantity::new(Kind::GPU, amount)]);
        ledger.add(gpu.build().unwrap(), NOW).unwrap()
    });
    let one = cloudlot_core::On::Children { of: 1 };
    let request = Request::new("work").gang(1, 1, one, [Quantity::new(Kind::GPU, 1)]);
    let request = request.build().unwrap();
    let world = World {
        rows: &rows,
        now: NOW,
        last: None,
    };
    let chosen = |strategy| place(ledger.state(), world, &request, &strategy).unwrap();
    assert_eq!(chosen(Strategy::best_fit()), Placement::on(rows[0]));
    assert_eq!(chosen(Strategy::worst_fit()), Placement::on(rows[1]));
}

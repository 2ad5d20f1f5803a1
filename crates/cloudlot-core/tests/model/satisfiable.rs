//! "Never" and "not just now" against counting by hand.

use crate::worlds::{Node, Wish, ask, naive, node, wish};
use cloudlot_core::{
    On, Reason, Request, Resource, ResourceState, Rulebook, Satisfiable, Shortage, cores, gib, gpus,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// How many members fit on these nodes, drained ones included or not.
fn by_hand(nodes: &[Node], cpu: u64, memory: u64, wishes: &[Wish], shut: bool) -> u64 {
    let fits = nodes.iter().filter(|node| {
        let reasons = naive(node, cpu, memory, wishes, None);
        let only_state = |reason: &Reason| shut && matches!(reason, Reason::State(_));
        reasons.iter().all(only_state)
    });
    fits.map(|node| (node.cpu / cpu).min(node.memory / memory))
        .sum()
}

proptest! {
    #[test]
    fn never_is_told_apart_from_unavailable(
        nodes in proptest::collection::vec(node(), 0..5),
        cpu in 1..8_u64,
        memory in 1..8_u64,
        wishes in proptest::collection::vec(wish(), 0..2),
        (min, more) in (1..6_u32, 0..3_u32),
    ) {
        let rules = ask(cpu, memory, &wishes, None).build().unwrap();
        let mut request = Request::new("job").gang(min + more, min, On::Node, [cores(cpu), gib(memory)]);
        for rule in rules.constraints() {
            request = request.require(rule.clone());
        }
        let request = request.build().unwrap();
        let resources: Vec<Resource> = nodes.iter().enumerate().map(|(n, node)| node.build(n)).collect();
        let answer = Rulebook::new().satisfiable(&request, &resources);
        let [open, all] = [false, true].map(|shut| by_hand(&nodes, cpu, memory, &wishes, shut));
        let least = u64::from(min);
        match &answer {
            Satisfiable::Yes => prop_assert!(open >= least),
            Satisfiable::Unavailable(_) => prop_assert!(open < least && all >= least),
            Satisfiable::No(_) => prop_assert!(all < least),
        }
        let mut counts: BTreeMap<Reason, u64> = BTreeMap::new();
        for node in &nodes {
            for reason in naive(node, cpu, memory, &wishes, None) {
                *counts.entry(reason).or_default() += 1;
            }
        }
        if let Satisfiable::No(why) | Satisfiable::Unavailable(why) = answer {
            let mut reasons: BTreeMap<Reason, u64> = why[0].reasons.iter().cloned().collect();
            reasons.remove(&Reason::TooFew);
            prop_assert_eq!(reasons, counts);
            prop_assert_eq!(why[0].resources, u64::try_from(nodes.len()).unwrap());
        }
    }
}

fn shortages(answer: Satisfiable) -> Vec<String> {
    match answer {
        Satisfiable::Yes => Vec::new(),
        Satisfiable::Unavailable(why) | Satisfiable::No(why) => {
            why.iter().map(Shortage::to_string).collect()
        }
    }
}

#[test]
fn every_part_is_looked_at() {
    let nodes = ["n1", "n2"].map(|name| Resource::node(name).capacity([cores(4)]).build().unwrap());
    let request = Request::new("job")
        .parts(2, [cores(4)])
        .parts(3, [cores(3)])
        .part([gpus(1)])
        .build()
        .unwrap();
    let expected = [
        "part 1: 2 of 3 fit on 2 resources: 2 fit, but for too few members",
        "part 2: 0 of 1 fit on 2 resources: 2 without gpu",
    ];
    let answer = Rulebook::new().satisfiable(&request, &nodes);
    assert_eq!(shortages(answer), expected);
}

#[test]
fn members_that_shun_each_other_need_as_many_domains() {
    let nodes: Vec<Resource> = [("n1", "r1"), ("n2", "r1"), ("n3", "r2")]
        .map(|(name, rack)| {
            let node = Resource::node(name).capacity([cores(64)]);
            node.topology([("rack", rack)]).build().unwrap()
        })
        .into();
    let ask = |members: u32, level: &str| {
        let request = Request::new("db").parts(members, [cores(1)]);
        let request = request.label("app", "db").anti_affinity("app=db", level);
        shortages(Rulebook::new().satisfiable(&request.build().unwrap(), &nodes))
    };
    assert!(ask(3, "host").is_empty());
    assert!(ask(2, "rack").is_empty());
    let expected = "part 0: 2 of 3 fit on 3 resources: 3 fit, but in too few domains of rack";
    assert_eq!(ask(3, "rack"), [expected]);

    let drained = nodes[2].clone().with_state(ResourceState::Draining);
    let nodes = [nodes[0].clone(), drained];
    let request = Request::new("db").parts(2, [cores(1)]);
    let request = request.label("app", "db").anti_affinity("app=db", "rack");
    let answer = Rulebook::new().satisfiable(&request.build().unwrap(), &nodes);
    assert!(matches!(answer, Satisfiable::Unavailable(_)), "{answer:?}"); // the other rack may come back
}

#[test]
fn devices_of_one_parent_are_counted_together() {
    let mut all: Vec<Resource> = Vec::new();
    for (parent, devices) in [("n1", 3), ("n2", 2)] {
        all.push(Resource::node(parent).build().unwrap());
        for n in 0..devices {
            let device = Resource::node(format!("{parent}:gpu{n}")).parent(parent);
            all.push(device.capacity([gpus(1)]).build().unwrap());
        }
    }
    let ask = |of: u32, members: u32| {
        let on = On::Children { of };
        let request = Request::new("train").gang(members, members, on, [gpus(1)]);
        shortages(Rulebook::new().satisfiable(&request.build().unwrap(), &all))
    };
    assert!(ask(2, 2).is_empty()); // one pair on each
    assert!(ask(3, 1).is_empty());
    let expected = "part 0: 0 of 1 fit on 7 resources: \
                    2 a part where a whole is wanted, or a whole for a part, 2 without gpu, \
                    5 fit, but for too few members";
    assert_eq!(ask(4, 1), [expected]); // five in all, but never four on one node
}

#[test]
fn a_cluster_that_is_drained_may_come_back() {
    let node = Resource::node("n1").capacity([cores(4)]).build().unwrap();
    let node = node.with_state(ResourceState::Draining);
    let request = Request::new("job").part([cores(4)]).build().unwrap();
    let Satisfiable::Unavailable(why) = Rulebook::new().satisfiable(&request, [&node]) else {
        panic!("a drained node is neither never nor yes");
    };
    assert_eq!(
        why[0].to_string(),
        "part 0: 0 of 1 fit on 1 resources: 1 draining"
    );
}

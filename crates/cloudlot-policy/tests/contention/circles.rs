//! Circles of hold and wait against plain reachability.

use cloudlot_policy::contention::WaitFor;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

type Pairs = BTreeSet<(u8, u8)>;

fn graph(holds: &Pairs, waits: &Pairs) -> WaitFor<u8, u8> {
    let mut graph = WaitFor::new();
    holds
        .iter()
        .for_each(|(party, thing)| graph.holds(*party, *thing));
    waits
        .iter()
        .for_each(|(party, thing)| graph.waits(*party, *thing));
    graph
}

/// Who waits for whom, others only.
fn edges(holds: &Pairs, waits: &Pairs) -> BTreeMap<u8, BTreeSet<u8>> {
    let mut edges: BTreeMap<u8, BTreeSet<u8>> = BTreeMap::new();
    for (party, thing) in waits {
        let holders = holds
            .iter()
            .filter(|(holder, held)| held == thing && holder != party);
        edges
            .entry(*party)
            .or_default()
            .extend(holders.map(|(holder, _)| *holder));
    }
    edges
}

/// Everybody who can be reached along waiting, and in how many steps.
fn reach(edges: &BTreeMap<u8, BTreeSet<u8>>, from: u8) -> BTreeMap<u8, usize> {
    let mut found = BTreeMap::new();
    let mut layer: BTreeSet<u8> = edges.get(&from).cloned().unwrap_or_default();
    let mut steps = 1;
    while !layer.is_empty() {
        layer.retain(|party| !found.contains_key(party));
        found.extend(layer.iter().map(|party| (*party, steps)));
        layer = layer
            .iter()
            .filter_map(|party| edges.get(party))
            .flatten()
            .copied()
            .collect();
        steps += 1;
    }
    found
}

fn pairs() -> impl Strategy<Value = Pairs> {
    prop::collection::btree_set((0..7_u8, 0..6_u8), 0..9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn knots_are_the_parties_that_reach_each_other_with_a_shortest_circle(holds in pairs(), waits in pairs()) {
        let edges = edges(&holds, &waits);
        let reach: BTreeMap<u8, BTreeMap<u8, usize>> = (0..7).map(|party| (party, reach(&edges, party))).collect();
        let mut expected: Vec<Vec<u8>> = Vec::new();
        for party in 0..7_u8 {
            let together: Vec<u8> = (0..7)
                .filter(|other| *other == party || (reach[&party].contains_key(other) && reach[other].contains_key(&party)))
                .collect();
            let alone = waits.iter().any(|(waiter, thing)| {
                let holders: Vec<u8> = holds.iter().filter(|(_, held)| held == thing).map(|(holder, _)| *holder).collect();
                *waiter == party && holders == [party]
            });
            if (together.len() > 1 || alone) && together[0] == party {
                expected.push(together);
            }
        }
        let knots = graph(&holds, &waits).knots();
        let found: Vec<Vec<u8>> = knots.iter().map(|knot| knot.parties.clone()).collect();
        prop_assert_eq!(found, expected);
        for knot in knots {
            let circle = &knot.circle;
            prop_assert_eq!(circle[0].0, knot.parties[0]);
            for (at, (party, thing)) in circle.iter().enumerate() {
                let (next, _) = circle[(at + 1) % circle.len()];
                prop_assert!(waits.contains(&(*party, *thing)) && holds.contains(&(next, *thing)));
            }
            if circle.len() > 1 {
                prop_assert_eq!(circle.len(), reach[&knot.parties[0]][&knot.parties[0]]);
            }
        }
    }

    #[test]
    fn the_order_of_telling_has_no_say(holds in pairs(), waits in pairs()) {
        let mut backwards = WaitFor::new();
        waits.iter().rev().for_each(|(party, thing)| backwards.waits(*party, *thing));
        holds.iter().rev().for_each(|(party, thing)| backwards.holds(*party, *thing));
        prop_assert_eq!(backwards.knots(), graph(&holds, &waits).knots());
    }
}

#[test]
fn a_hundred_thousand_in_a_row_are_no_circle_and_closed_they_are_one() {
    const N: u32 = 100_000;
    let mut graph = WaitFor::new();
    for party in 0..N {
        graph.holds(party, party);
        graph.waits(party, party + 1);
    }
    assert_eq!(graph.knots(), []);
    graph.holds(0, N);
    let knots = graph.knots();
    assert_eq!(knots.len(), 1);
    assert_eq!(
        (knots[0].parties.len(), knots[0].circle.len()),
        (100_000, 100_000)
    );
}

#[test]
fn what_two_share_is_a_circle_only_if_both_want_more_of_it() {
    let holds = Pairs::from([(1, 1), (2, 1)]);
    assert_eq!(graph(&holds, &Pairs::from([(1, 1)])).knots(), []);
    let knots = graph(&holds, &Pairs::from([(1, 1), (2, 1)])).knots();
    assert_eq!(knots[0].circle, [(1, 1), (2, 1)]);
}

#[test]
fn who_wants_more_of_what_it_alone_holds_blocks_itself() {
    let one = Pairs::from([(4, 2)]);
    assert_eq!(graph(&one, &one).knots()[0].circle, [(4, 2)]);
}

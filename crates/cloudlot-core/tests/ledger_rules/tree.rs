//! Resources that are parts of others.

use super::*;
use cloudlot_core::ledger::{AdminError, CommitError, Piece, Placement, Row, Why};
use cloudlot_core::{Constraint, On, ResourceState, gpus};

/// A node in a zone with two GPUs.
fn with_gpus(zone: &str) -> (Ledger, ResourceId, [ResourceId; 2]) {
    let mut ledger = Ledger::new();
    let node = ledger.add(host(zone), at(0)).unwrap();
    let gpu = |name: &str| {
        Resource::node(name)
            .parent("n1")
            .capacity([gpus(1)])
            .build()
            .unwrap()
    };
    let parts = ["g0", "g1"].map(|name| ledger.add(gpu(name), at(0)).unwrap());
    (ledger, node, parts)
}

fn host(zone: &str) -> Resource {
    Resource::node("n1")
        .topology([("zone", zone)])
        .capacity([q(10)])
        .build()
        .unwrap()
}

fn on_parts(count: u32, of: u32) -> RequestBuilder {
    Request::new("train").gang(count, count, On::Children { of }, [gpus(1)])
}

fn pieces(list: &[(ResourceId, u32)]) -> Placement {
    Placement::Pieces(
        list.iter()
            .map(|(on, members)| Piece {
                part: 0,
                on: *on,
                members: *members,
            })
            .collect(),
    )
}

#[test]
fn a_member_on_two_parts_takes_its_amounts_on_each() {
    let (mut ledger, node, [first, second]) = with_gpus("a");
    let request = on_parts(1, 2).build().unwrap();
    ledger
        .place(&request, &pieces(&[(first, 1), (second, 1)]), at(0))
        .unwrap();
    assert!(ledger.state().free(first).is_zero() && ledger.state().free(second).is_zero());
    assert_eq!(ledger.state().free(node), cpu(10));
    sound(&ledger);
}

#[test]
fn a_member_does_not_get_the_same_part_twice_or_too_few() {
    let (mut ledger, _, [first, _]) = with_gpus("a");
    let request = on_parts(1, 2).build().unwrap();
    for wrong in [pieces(&[(first, 2)]), pieces(&[(first, 1)])] {
        assert!(matches!(
            ledger.place(&request, &wrong, at(0)),
            Err(Why::Placement(_))
        ));
    }
    assert_eq!(ledger.state().reservation_count(), 0);
}

#[test]
fn work_for_nodes_does_not_go_on_parts_and_the_other_way_round() {
    let (mut ledger, node, [first, _]) = with_gpus("a");
    let whole = Request::new("whole").part([gpus(1)]).build().unwrap();
    assert!(matches!(
        ledger.reserve(&whole, first, at(0)),
        Err(Why::Unsuitable { .. })
    ));
    let part = on_parts(1, 1).build().unwrap();
    assert!(ledger.place(&part, &pieces(&[(node, 1)]), at(0)).is_err());
}

#[test]
fn the_parts_of_a_node_that_is_not_available_take_nothing() {
    let (mut ledger, node, [first, _]) = with_gpus("a");
    let request = on_parts(1, 1).build().unwrap();
    let held = ledger
        .place(&request, &pieces(&[(first, 1)]), at(0))
        .unwrap()
        .id;
    ledger
        .set_state(node, ResourceState::Failed, at(0))
        .unwrap();
    let refused = ledger.place(&request, &pieces(&[(first, 1)]), at(0));
    assert_eq!(
        refused,
        Err(Why::Closed {
            resource: node,
            state: ResourceState::Failed
        })
    );
    assert!(!ledger.state().takes_new(first) && ledger.state().is_lost(held));
    assert_eq!(
        ledger.confirm(held, at(0)),
        Err(Why::Lost {
            id: held,
            resource: first
        })
    );
    ledger
        .set_state(node, ResourceState::Available, at(0))
        .unwrap();
    ledger.confirm(held, at(0)).unwrap();
}

#[test]
fn no_time_is_named_for_a_part_of_a_node_that_is_closed() {
    let (mut ledger, node, [first, _]) = with_gpus("a");
    ledger
        .set_state(node, ResourceState::Draining, at(0))
        .unwrap();
    let request = on_parts(1, 1).build().unwrap();
    let start = ledger
        .state()
        .earliest(&request, &pieces(&[(first, 1)]), at(0), secs(1));
    assert_eq!(
        start,
        Err(Why::Closed {
            resource: node,
            state: ResourceState::Draining
        })
    );
}

#[test]
fn a_node_with_parts_is_not_removed() {
    let (mut ledger, node, parts) = with_gpus("a");
    assert_eq!(
        ledger.remove(node, at(0)),
        Err(AdminError::InUse {
            id: node,
            holds: 0,
            children: 2
        })
    );
    for part in parts {
        ledger.remove(part, at(0)).unwrap();
    }
    ledger.remove(node, at(0)).unwrap();
    sound(&ledger);
}

#[test]
fn parts_stand_where_their_node_does_and_move_with_it() {
    let (mut ledger, node, [first, _]) = with_gpus("a");
    let request = on_parts(1, 1).label("app", "x").build().unwrap();
    ledger
        .place(&request, &pieces(&[(first, 1)]), at(0))
        .unwrap();
    let members = |ledger: &Ledger, zone: &str| {
        let group = cloudlot_core::ledger::Group {
            label: "app=x".parse().unwrap(),
            level: "zone".to_owned(),
            domain: zone.to_owned(),
        };
        ledger.state().members(&group)
    };
    assert_eq!((members(&ledger, "a"), members(&ledger, "b")), (1, 0));
    ledger.update(node, host("b"), at(0)).unwrap();
    assert_eq!((members(&ledger, "a"), members(&ledger, "b")), (0, 1));
    sound(&ledger);
}

#[test]
fn a_plan_for_a_part_is_stale_when_its_node_has_moved() {
    let (mut ledger, node, [first, _]) = with_gpus("a");
    let request = on_parts(1, 1)
        .require(Constraint::domain("zone", "a"))
        .build()
        .unwrap();
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.reserve(&request, &pieces(&[(first, 1)])).unwrap();
    let plan = draft.finish();
    ledger.update(node, host("b"), at(0)).unwrap();
    let row = Row::Resource(first);
    assert_eq!(ledger.commit(&plan, at(0)), Err(CommitError::Stale { row }));
}

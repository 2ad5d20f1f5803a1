//! Plans: whole or not at all, only for their own ledger, only while what they were decided on holds.

use super::*;
use cloudlot_core::ledger::{CommitError, Placement, Plan, Row, Step, Why};
use cloudlot_core::{ResourceState, Selector};

/// A plan of several sorts of steps, and its ledger: one reservation shrinks, one leaves now, one with grace, and three
/// new ones take what was theirs.
fn four_sorts() -> (Ledger, Plan) {
    let (mut ledger, first, second) = two_nodes(10);
    let shrinks = keep(&mut ledger, 6, first);
    let leaves = keep(&mut ledger, 4, first);
    let graced = keep(&mut ledger, 10, second);
    let mut view = View::of(&ledger);
    let before = view.state().clone();
    let mut draft = view.draft(at(1));
    draft.resize(shrinks, &hold(first, 5)).unwrap();
    draft.evict(leaves, at(1)).unwrap();
    draft.evict(graced, at(20)).unwrap();
    let tagged = ask(2)
        .label("app", "x")
        .anti_affinity("app=x", "host")
        .owner("new/one");
    draft
        .reserve(&tagged.build().unwrap(), &Placement::on(first))
        .unwrap();
    let after = ask(10).not_before(at(20)).owner("new/two").build().unwrap();
    draft.reserve(&after, &Placement::on(second)).unwrap();
    draft.reserve(&want(3), &Placement::on(first)).unwrap();
    let plan = draft.finish();
    assert_eq!(*view.state(), before);
    (ledger, plan)
}

#[test]
fn a_plan_is_carried_out_whole() {
    let (mut ledger, plan) = four_sorts();
    let grants = ledger.commit(&plan, at(1)).unwrap();
    assert_eq!(grants.len(), 3);
    let free: Vec<Amounts> = ledger
        .state()
        .resources()
        .map(|(id, _)| ledger.state().free(id))
        .collect();
    assert_eq!(free, [cpu(0), cpu(0)]);
    sound(&ledger);
}

#[test]
fn a_plan_with_one_impossible_step_changes_nothing_wherever_the_step_stands() {
    let (ledger, plan) = four_sorts();
    let nobody = ReservationId::new(900, 0);
    let node = ledger.state().find("n1").unwrap();
    let impossible = [
        (
            Step::Evict {
                reservation: nobody,
                at: at(0),
            },
            Why::Gone(nobody),
        ),
        (
            Step::Resize {
                reservation: nobody,
                holds: hold(node, 1),
            },
            Why::Gone(nobody),
        ),
        (
            Step::Reserve(booking(&want(1), ResourceId::new(77, 0), 1)),
            Why::UnknownResource(ResourceId::new(77, 0)),
        ),
    ];
    for (step, why) in impossible {
        for index in 0..=plan.steps.len() {
            let (mut ledger, mut plan) = four_sorts();
            plan.steps.insert(index, step.clone());
            let before = (
                ledger.state().clone(),
                ledger.next_deadline(),
                ledger.key_count(),
            );
            let error = CommitError::Step {
                index,
                why: why.clone(),
            };
            assert_eq!(ledger.check(&plan, at(1)), Err(error.clone()));
            assert_eq!(ledger.commit(&plan, at(1)), Err(error));
            assert_eq!(
                (
                    ledger.state().clone(),
                    ledger.next_deadline(),
                    ledger.key_count()
                ),
                before
            );
            assert_eq!(ledger.journal().revision(), before.0.revision());
            sound(&ledger);
            // The same steps without it still go through, at the same places.
            plan.steps.remove(index);
            ledger.commit(&plan, at(1)).unwrap();
            sound(&ledger);
        }
    }
}

#[test]
fn a_failed_commit_still_ends_what_was_due() {
    let (mut ledger, node) = one_node(10);
    ledger.reserve(&want(5), node, at(0)).unwrap();
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.reserve(&want(5), &Placement::on(node)).unwrap();
    let mut plan = draft.finish();
    plan.steps.push(Step::Evict {
        reservation: ReservationId::new(9, 9),
        at: at(0),
    });
    assert!(ledger.commit(&plan, at(30)).is_err());
    assert_eq!(
        (
            ledger.state().free(node),
            ledger.state().reservation_count()
        ),
        (cpu(10), 0)
    );
    sound(&ledger);
}

#[test]
fn checking_says_what_committing_does_and_changes_nothing() {
    let (mut ledger, plan) = four_sorts();
    let before = (ledger.state().clone(), ledger.next_deadline());
    let entries = ledger.check(&plan, at(1)).unwrap();
    assert_eq!((ledger.state().clone(), ledger.next_deadline()), before);
    assert_eq!(ledger.check(&plan, at(1)), Ok(entries.clone()));

    let mut follower = ledger.clone();
    follower.apply(&entries).unwrap();
    ledger.commit(&plan, at(1)).unwrap();
    assert_eq!(follower.state(), ledger.state());
    assert_eq!(follower.next_deadline(), ledger.next_deadline());
    let done: Vec<_> = ledger
        .journal()
        .since(before.0.revision())
        .unwrap()
        .cloned()
        .collect();
    assert_eq!(done, entries);
}

#[test]
fn a_plan_for_another_ledger_is_refused_even_if_it_is_its_twin() {
    let (ledger, plan) = four_sorts();
    let mut twin = Ledger::replay(ledger.checkpoint(), &[]).unwrap();
    assert_eq!(twin.state(), ledger.state());
    let before = twin.state().clone();
    assert_eq!(twin.check(&plan, at(1)), Err(CommitError::OtherLedger));
    assert_eq!(twin.commit(&plan, at(1_000)), Err(CommitError::OtherLedger));
    assert_eq!((twin.state(), twin.now()), (&before, ledger.now()));
}

#[test]
fn a_plan_is_stale_once_a_resource_that_it_read_is_described_anew() {
    let mut ledger = Ledger::new();
    let labelled = |disk: &str| {
        Resource::node("n1")
            .capacity([q(10)])
            .label("disk", disk)
            .build()
            .unwrap()
    };
    let node = ledger.add(labelled("ssd"), at(0)).unwrap();
    let request = ask(1)
        .require(Selector::any_of("disk", ["ssd"]))
        .build()
        .unwrap();
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.reserve(&request, &Placement::on(node)).unwrap();
    let plan = draft.finish();
    ledger.update(node, labelled("hdd"), at(0)).unwrap();
    let stale = Err(CommitError::Stale {
        row: Row::Resource(node),
    });
    assert_eq!(ledger.commit(&plan, at(0)), stale);
    ledger.update(node, labelled("ssd"), at(0)).unwrap();
    assert_eq!(ledger.commit(&plan, at(0)), stale);
}

#[test]
fn a_plan_is_stale_once_its_node_closed_or_left() {
    for leaves in [false, true] {
        let (mut ledger, node) = one_node(10);
        let mut view = View::of(&ledger);
        let mut draft = view.draft(at(0));
        draft.reserve(&want(1), &Placement::on(node)).unwrap();
        let plan = draft.finish();
        if leaves {
            ledger.remove(node, at(0)).unwrap();
            ledger.add(super::node("n1", 10), at(0)).unwrap();
        } else {
            ledger
                .set_state(node, ResourceState::Draining, at(0))
                .unwrap();
        }
        let stale = Err(CommitError::Stale {
            row: Row::Resource(node),
        });
        assert_eq!(ledger.commit(&plan, at(0)), stale);
    }
}

#[test]
fn a_plan_is_stale_once_somebody_came_into_the_company_that_it_shuns() {
    let (mut ledger, node) = one_node(10);
    let request = ask(1).anti_affinity("app=x", "host").build().unwrap();
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.reserve(&request, &Placement::on(node)).unwrap();
    let plan = draft.finish();
    let tagged = ask(1).label("app", "x").build().unwrap();
    let there = ledger.reserve(&tagged, node, at(0)).unwrap().id;
    match ledger.commit(&plan, at(0)) {
        Err(CommitError::Stale {
            row: Row::Group(group),
        }) => {
            assert_eq!(
                (group.label.to_string(), group.domain),
                ("app=x".to_owned(), "n1".to_owned())
            );
        }
        other => panic!("{other:?}"),
    }
    // Nobody is there again: what was read is true again.
    ledger.release(there, at(0)).unwrap();
    ledger.commit(&plan, at(0)).unwrap();
}

#[test]
fn a_plan_is_not_stale_because_of_what_it_did_not_read() {
    let (mut ledger, first, second) = two_nodes(10);
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.reserve(&want(1), &Placement::on(first)).unwrap();
    let plan = draft.finish();
    ledger
        .set_state(second, ResourceState::Failed, at(0))
        .unwrap();
    ledger.reserve(&want(9), first, at(0)).unwrap();
    ledger.commit(&plan, at(0)).unwrap();
}

#[test]
fn a_plan_that_lost_the_race_for_room_fails_at_its_step() {
    let (mut ledger, node) = one_node(10);
    let mut views = [View::of(&ledger), View::of(&ledger)];
    let plans = views.each_mut().map(|view| {
        let mut draft = view.draft(at(0));
        draft.reserve(&want(6), &Placement::on(node)).unwrap();
        draft.finish()
    });
    ledger.commit(&plans[0], at(0)).unwrap();
    let why = Why::Full {
        resource: node,
        short: [q(2)].into(),
    };
    assert_eq!(
        ledger.commit(&plans[1], at(0)),
        Err(CommitError::Step { index: 0, why })
    );
}

#[test]
fn the_room_of_an_eviction_with_grace_goes_to_who_was_planned_for_it() {
    let (mut ledger, node) = one_node(10);
    let victim = keep(&mut ledger, 10, node);
    let mut view = View::of(&ledger);
    let mut draft = view.draft(at(0));
    draft.evict(victim, at(20)).unwrap();
    assert!(matches!(
        draft.reserve(&want(1), &Placement::on(node)),
        Err(Why::Full { .. })
    ));
    let preemptor = ask(10).not_before(at(20)).build().unwrap();
    draft.reserve(&preemptor, &Placement::on(node)).unwrap();
    let plan = draft.finish();
    let grant = ledger.commit(&plan, at(0)).unwrap()[0];

    // Nobody else gets it, neither before nor after.
    for (from, until) in [(0, 20), (19, 21), (20, 30)] {
        let other = ask(1).window(at(from), at(until)).build().unwrap();
        assert!(matches!(
            ledger.reserve(&other, node, at(0)),
            Err(Why::Full { .. })
        ));
    }
    assert!(matches!(
        ledger.confirm(victim, at(0)),
        Err(Why::Evicting(_))
    ));
    assert!(matches!(
        ledger.resize(victim, &hold(node, 1), at(0)),
        Err(Why::Evicting(_))
    ));
    ledger.confirm(grant.id, at(1)).unwrap();
    assert_eq!(ledger.state().taken_at(node, at(19)), cpu(10));
    assert_eq!(ledger.expire(at(20)), 1);
    assert!(ledger.state().reservation(grant.id).is_some());
    assert_eq!(ledger.state().taken_at(node, at(20)), cpu(10));
    sound(&ledger);
}

#[test]
fn evicting_now_or_in_the_past_frees_at_once_and_later_never_lengthens() {
    let (mut ledger, node) = one_node(10);
    let id = keep(&mut ledger, 10, node);
    ledger.evict(id, at(20), at(0)).unwrap();
    ledger.evict(id, at(50), at(1)).unwrap();
    assert_eq!(ledger.next_deadline(), Some(at(20)));
    ledger.evict(id, at(10), at(2)).unwrap();
    assert_eq!(ledger.next_deadline(), Some(at(10)));
    ledger.evict(id, at(2), at(2)).unwrap();
    assert_eq!(ledger.state().free(node), cpu(10));
    assert_eq!(ledger.evict(id, at(3), at(2)), Err(Why::Gone(id)));
}

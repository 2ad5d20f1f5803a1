//! Preemption over time and by rules, by the smallest examples.

use crate::world::{ask, at, cpu, first_fit, keep, nodes, secs, sound, unchanged, wishes, worlds};
use cloudlot_core::ledger::{Draft, Ledger, Placement, View, Why};
use cloudlot_core::{Request, RequestKey, ReservationId, ResourceId, ResourceState, Timestamp};
use cloudlot_policy::contention::{
    Allowance, Budget, Disruptions, LeastLost, Members, NoRoom, Place, PreemptRules, Preempting,
    Preemption, Verdict, WORK, preempt, pull_forward,
};
use proptest::prelude::*;

fn with(
    ledger: &Ledger,
    request: &Request,
    rules: &PreemptRules,
    place: &dyn Place,
    now: Timestamp,
) -> Result<Preemption, NoRoom> {
    let past = Disruptions::new();
    let how = Preempting {
        place,
        cost: &LeastLost,
        rules,
        disruptions: &past,
        work: WORK,
    };
    preempt(
        &mut View::of(ledger),
        request,
        request.priority(),
        &how,
        now,
    )
}

fn graced(seconds: u64) -> PreemptRules {
    PreemptRules {
        grace: secs(seconds),
        ..PreemptRules::default()
    }
}

fn verdict(no: &NoRoom, id: ReservationId) -> Verdict {
    no.considered
        .iter()
        .find(|one| one.reservation == id)
        .unwrap()
        .verdict
}

/// Two holders that fill a node, and a newcomer that gets it all with a grace of twenty seconds.
fn coming(key: Option<RequestKey>) -> (Ledger, [ReservationId; 2], ReservationId, Request) {
    let (mut ledger, ids) = nodes(&[10]);
    let old = [6, 4].map(|n| keep(&mut ledger, &ask(n, 0), ids[0], at(0)));
    let request = Request::new("new")
        .part([cpu(10)])
        .priority(5)
        .hold_for(secs(30))
        .build()
        .unwrap()
        .with_key(key);
    let done = with(&ledger, &request, &graced(20), &first_fit, at(10)).unwrap();
    assert_eq!((done.victims.len(), done.starts), (2, at(30)));
    let new = ledger.commit(&done.plan, at(10)).unwrap()[0].id;
    (ledger, old, new, request)
}

#[test]
fn a_newcomer_starts_at_once_when_all_its_victims_have_left_and_not_before() {
    for key in [None, Some(RequestKey(3))] {
        let (mut ledger, [first, second], new, request) = coming(key);
        ledger.confirm(new, at(11)).unwrap();
        let early = |ledger: &Ledger, now| pull_forward(&mut View::of(ledger), new, at(now));
        assert!(matches!(early(&ledger, 12), Err(Why::Full { .. })));
        ledger.release(first, at(13)).unwrap();
        assert!(matches!(early(&ledger, 13), Err(Why::Full { .. })));
        ledger.release(second, at(15)).unwrap();
        let plan = early(&ledger, 15).unwrap();
        ledger.commit(&plan, at(15)).unwrap();
        let started = ledger.state().reservation(new).unwrap();
        assert_eq!(started.span().from, at(15));
        assert!(started.is_confirmed());
        if key.is_some() {
            let on = ledger.state().find("n0").unwrap();
            assert_eq!(ledger.reserve(&request, on, at(16)).unwrap().id, new);
        }
        // Once it runs, there is nothing to pull.
        let again = early(&ledger, 17).unwrap();
        ledger.commit(&again, at(17)).unwrap();
        assert_eq!(ledger.state().reservation(new).unwrap().span().from, at(15));
        sound(&ledger);
    }
}

#[test]
fn who_was_told_to_go_is_no_victim_again_and_who_comes_in_its_place_may_be() {
    let (ledger, old, new, _) = coming(None);
    let no = with(&ledger, &ask(1, 5), &graced(20), &first_fit, at(12)).unwrap_err();
    assert_eq!(verdict(&no, old[0]), Verdict::Leaving);
    assert_eq!(
        verdict(&no, new),
        Verdict::Priority {
            has: cloudlot_core::Priority(5)
        }
    );
    let done = with(&ledger, &ask(1, 6), &graced(20), &first_fit, at(12)).unwrap();
    assert_eq!((done.victims, done.starts), (vec![new], at(32)));
}

#[test]
fn what_ends_by_itself_within_the_grace_is_waited_for() {
    let (mut ledger, ids) = nodes(&[10]);
    let ends = Request::new("ends")
        .part([cpu(10)])
        .window(at(0), at(25))
        .build()
        .unwrap();
    keep(&mut ledger, &ends, ids[0], at(0));
    let done = with(&ledger, &ask(10, 5), &graced(20), &first_fit, at(10)).unwrap();
    assert_eq!((done.victims.len(), done.starts), (0, at(30)));
    ledger.commit(&done.plan, at(10)).unwrap();
    assert_eq!(
        with(
            &ledger,
            &ask(1, 1),
            &PreemptRules::default(),
            &first_fit,
            at(10)
        )
        .unwrap_err()
        .considered
        .len(),
        2
    );
    sound(&ledger);
}

#[test]
fn run_time_protects_up_to_its_last_moment() {
    let (mut ledger, ids) = nodes(&[10]);
    let old = keep(&mut ledger, &ask(10, 0), ids[0], at(0));
    let rules = PreemptRules {
        min_run: secs(60),
        ..PreemptRules::default()
    };
    let before = Timestamp::from_nanos(at(60).as_nanos() - 1);
    let no = with(&ledger, &ask(1, 5), &rules, &first_fit, before).unwrap_err();
    assert_eq!(verdict(&no, old), Verdict::Young { until: at(60) });
    assert!(matches!(no.why, Why::Full { .. }));
    assert_eq!(
        with(&ledger, &ask(1, 5), &rules, &first_fit, at(60))
            .unwrap()
            .victims,
        [old]
    );
}

#[test]
fn what_is_closed_frees_nothing_and_its_holders_stay() {
    for state in [
        ResourceState::Draining,
        ResourceState::Maintenance,
        ResourceState::Failed,
    ] {
        let (mut ledger, ids) = nodes(&[10, 10]);
        let [closed, open] = [0, 1].map(|n| keep(&mut ledger, &ask(10, 0), ids[n], at(0)));
        ledger.set_state(ids[0], state, at(1)).unwrap();
        let done = with(
            &ledger,
            &ask(10, 5),
            &PreemptRules::default(),
            &first_fit,
            at(2),
        )
        .unwrap();
        assert_eq!(done.victims, [open]);
        let verdict = done
            .considered
            .iter()
            .find(|one| one.reservation == closed)
            .unwrap();
        assert_eq!(verdict.verdict, Verdict::FreesNothing);
    }
}

#[test]
fn company_counts_until_the_grace_is_over() {
    let (mut ledger, ids) = nodes(&[10]);
    let old = Request::new("old")
        .part([cpu(5)])
        .label("app", "x")
        .build()
        .unwrap();
    let old = keep(&mut ledger, &old, ids[0], at(0));
    let shy = Request::new("shy")
        .part([cpu(5)])
        .anti_affinity("app=x", "host")
        .priority(5)
        .build()
        .unwrap();
    let done = with(&ledger, &shy, &PreemptRules::default(), &first_fit, at(1)).unwrap();
    assert_eq!(done.victims, [old]);
    let no = with(&ledger, &shy, &graced(5), &first_fit, at(1)).unwrap_err();
    assert!(matches!(no.why, Why::Apart { .. }));
    ledger.commit(&done.plan, at(1)).unwrap();
    sound(&ledger);
}

#[test]
fn a_place_that_the_placer_does_not_want_costs_nobody_anything() {
    let (mut ledger, ids) = nodes(&[10, 10]);
    let cheap = keep(&mut ledger, &ask(10, 0), ids[0], at(0));
    let dear = keep(&mut ledger, &ask(10, 3), ids[1], at(0));
    let only = |on: ResourceId| {
        move |draft: &Draft<'_>, request: &Request| {
            let short = [cpu(1)].into();
            let free = draft.state().free(on).get(cloudlot_core::Kind::CPU);
            let fits = request.need().parts()[0]
                .amounts
                .iter()
                .all(|quantity| quantity.amount() <= free);
            if fits {
                Ok(Placement::on(on))
            } else {
                Err(Why::Full {
                    resource: on,
                    short,
                })
            }
        }
    };
    let anywhere = with(
        &ledger,
        &ask(4, 5),
        &PreemptRules::default(),
        &first_fit,
        at(1),
    )
    .unwrap();
    assert_eq!(anywhere.victims, [cheap]);
    let second = with(
        &ledger,
        &ask(4, 5),
        &PreemptRules::default(),
        &only(ids[1]),
        at(1),
    )
    .unwrap();
    assert_eq!(
        (second.victims, second.placement),
        (vec![dear], Placement::on(ids[1]))
    );
    let nowhere = with(
        &ledger,
        &ask(4, 5),
        &PreemptRules::default(),
        &only(ResourceId::new(50, 0)),
        at(1),
    );
    assert!(nowhere.is_err());
}

#[test]
fn a_budget_counts_who_is_away_until_it_is_back_and_evictions_until_their_time_is_over() {
    let (mut ledger, ids) = nodes(&[10]);
    let old = [5, 5].map(|n| keep(&mut ledger, &ask(n, 0), ids[0], at(0)));
    let try_with = |ledger: &Ledger, past: &Disruptions, allows, now| {
        let budgets = vec![Budget {
            members: Members::Everyone,
            allows,
        }];
        let rules = PreemptRules {
            budgets,
            ..PreemptRules::default()
        };
        let how = Preempting {
            place: &first_fit,
            cost: &LeastLost,
            rules: &rules,
            disruptions: past,
            work: WORK,
        };
        let request = ask(4, 5);
        preempt(
            &mut View::of(ledger),
            &request,
            request.priority(),
            &how,
            at(now),
        )
    };
    let mut past = Disruptions::new();
    past.note(ledger.state(), old[0], at(10)).unwrap();
    ledger.evict(old[0], at(0), at(10)).unwrap();
    keep(&mut ledger, &ask(5, 5), ids[0], at(10));

    let down = Allowance::Down { most: 1 };
    let no = try_with(&ledger, &past, down, 500).unwrap_err();
    assert_eq!(verdict(&no, old[1]), Verdict::Budget { budget: 0 });
    let recent = Allowance::Evictions {
        most: 1,
        within: secs(60),
    };
    assert!(try_with(&ledger, &past, recent, 69).is_err());
    assert_eq!(
        try_with(&ledger, &past, recent, 70).unwrap().victims,
        [old[1]]
    );
    past.forget(at(400));
    assert!(try_with(&ledger, &past, down, 500).is_err());
    past.restored(old[0]);
    assert!(try_with(&ledger, &past, down, 500).is_ok());
    past.forget(at(400));
    assert_eq!(past, Disruptions::new());

    // Who is on its way out counts, noted or not.
    ledger.evict(old[1], at(900), at(500)).unwrap();
    ledger.reserve(&ask(1, 0), ids[0], at(500)).unwrap_err();
    let (mut other, ids) = nodes(&[10]);
    let [going, staying] = [5, 5].map(|n| keep(&mut other, &ask(n, 0), ids[0], at(0)));
    other.evict(going, at(900), at(5)).unwrap();
    let no = try_with(&other, &Disruptions::new(), down, 6).unwrap_err();
    assert_eq!(verdict(&no, staying), Verdict::Budget { budget: 0 });
}

#[test]
fn a_limit_is_made_room_under_by_its_own_people() {
    let (mut ledger, ids) = nodes(&[10, 10]);
    ledger
        .set_limit(&"team".parse().unwrap(), [cpu(6)], at(0))
        .unwrap();
    let of = |owner: &str, n| {
        Request::new("w")
            .part([cpu(n)])
            .owner(owner)
            .build()
            .unwrap()
    };
    let theirs = keep(&mut ledger, &of("team/a", 4), ids[1], at(0));
    keep(&mut ledger, &of("other", 4), ids[0], at(0));
    let new = Request::new("new")
        .part([cpu(5)])
        .owner("team/b")
        .priority(5)
        .build()
        .unwrap();
    let done = with(&ledger, &new, &PreemptRules::default(), &first_fit, at(1)).unwrap();
    assert_eq!(done.victims, [theirs]);
    ledger.commit(&done.plan, at(1)).unwrap();
    sound(&ledger);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn with_little_work_the_answer_is_still_legal_or_says_that_it_is_unsure(
        world in worlds(), wish in wishes(), work in 0..400_u64, grace in 0..3_u64,
    ) {
        let (mut ledger, there) = world.build();
        let mut view = View::of(&ledger);
        let past = Disruptions::new();
        let rules = graced(grace);
        let how = |work| Preempting { place: &first_fit, cost: &LeastLost, rules: &rules, disruptions: &past, work };
        let request = wish.request();
        let best = preempt(&mut view, &request, request.priority(), &how(WORK), at(10));
        let found = preempt(&mut view, &request, request.priority(), &how(work), at(10));
        prop_assert!(unchanged(&view, &ledger));
        match (found, best) {
            (Ok(found), Ok(best)) => {
                let key = |done: &Preemption| (done.victims.len(), done.cost);
                prop_assert!(key(&found) >= key(&best));
                prop_assert!(!found.proven || key(&found) == key(&best));
                for needed in &found.victims {
                    let stays = |id| id == needed || !found.victims.contains(id);
                    let stay = there.iter().filter(|(id, _)| stays(id)).map(|(_, holder)| holder);
                    prop_assert!(!world.fits(&wish, stay), "{needed} could have stayed");
                }
                ledger.commit(&found.plan, at(10)).unwrap();
                sound(&ledger);
            }
            (Err(no), best) => prop_assert!(!no.proven || best.is_err()),
            (Ok(_), Err(_)) => prop_assert!(false, "less work cannot find more"),
        }
    }
}

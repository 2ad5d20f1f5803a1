//! What must hold of a fleet that follows a number: members drain before they go, none that is in use goes, and every
//! change reaches the ledger. The defects of the scaler that this one replaces have a test each.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cloudlot_core::ledger::{Ledger, Placement};
use cloudlot_core::{
    Amounts, Faults, Kind, On, Request, ReservationId, Resource, ResourceId, ResourceState,
    Timestamp, cores,
};
use cloudlot_policy::scale::{
    Bounds, FleetPlan, FleetStep, Member, StepError, carry_out, plan_fleet, units_for,
};
use proptest::prelude::*;
use std::time::Duration;

const NOW: Timestamp = Timestamp::ZERO;
const UNIT: u64 = 8;

fn template(name: &str) -> Result<Resource, Faults> {
    Resource::node(name).capacity([cores(UNIT)]).build()
}

/// All resources of the ledger; a higher place is newer.
fn fleet(ledger: &Ledger) -> Vec<Member> {
    let state = ledger.state();
    let since = |id: ResourceId| NOW + Duration::from_secs(id.slot().into());
    state
        .resources()
        .filter_map(|(id, _)| Member::of(state, id, since(id)))
        .collect()
}

fn scale_to(ledger: &mut Ledger, target: u32) -> FleetPlan {
    let plan = plan_fleet(target, &fleet(ledger), &[], "web-");
    for told in carry_out(ledger, &plan.steps, template, NOW) {
        told.unwrap();
    }
    plan
}

fn fleet_of(units: u32) -> Ledger {
    let mut ledger = Ledger::new();
    scale_to(&mut ledger, units);
    ledger
}

fn task(ledger: &mut Ledger, on: &str, size: u64) -> ReservationId {
    let part = match on {
        "gpu" => On::Children { of: 1 },
        _ => On::Node,
    };
    let request = Request::new("task").gang(1, 1, part, [cores(size)]);
    let request = request.build().unwrap();
    let on = ledger.state().find(on).unwrap();
    ledger.place(&request, &Placement::on(on), NOW).unwrap().id
}

fn names(ledger: &Ledger) -> Vec<&str> {
    ledger
        .state()
        .resources()
        .map(|(_, resource)| resource.name())
        .collect()
}

// The defects of the scaler that this one replaces.

#[test]
fn scaling_up_registers_new_members_and_scaling_down_picks_some() {
    let mut ledger = fleet_of(3);
    assert_eq!(names(&ledger), ["web-1", "web-2", "web-3"]);
    task(&mut ledger, "web-3", 1);
    scale_to(&mut ledger, 1);
    let open = |name| ledger.state().takes_new(ledger.state().find(name).unwrap());
    // Idle ones first, though another is newer.
    assert_eq!(
        [open("web-1"), open("web-2"), open("web-3")],
        [false, false, true]
    );
    scale_to(&mut ledger, 1);
    assert_eq!(names(&ledger), ["web-3"]);
}

#[test]
fn a_member_in_use_is_not_removed() {
    let mut ledger = fleet_of(2);
    let (one, two) = (task(&mut ledger, "web-1", 2), task(&mut ledger, "web-2", 1));
    // All three cores fit on one: the less used of the two drains, and stays until its task ends.
    for _ in 0..3 {
        let plan = scale_to(&mut ledger, 1);
        assert_eq!(plan.reaches, 1);
        assert_eq!(ledger.state().resource_count(), 2);
    }
    let drained = ledger.state().find("web-2").unwrap();
    let told = carry_out(&mut ledger, &[FleetStep::Remove(drained)], template, NOW);
    assert!(matches!(told[..], [Err(StepError::Ledger(_))]), "{told:?}");
    ledger.release(two, NOW).unwrap();
    scale_to(&mut ledger, 1);
    assert_eq!(names(&ledger), ["web-1"]);
    ledger.release(one, NOW).unwrap();
}

// What the plan picks.

#[test]
fn a_drain_is_taken_back_before_anything_is_added() {
    let mut ledger = fleet_of(4);
    for (name, size) in [("web-1", 1), ("web-2", 3), ("web-3", 2)] {
        task(&mut ledger, name, size);
    }
    // web-4 is idle; then the least used.
    scale_to(&mut ledger, 1);
    let state = |ledger: &Ledger, name| {
        let state = ledger.state();
        state.resource(state.find(name).unwrap()).unwrap().state()
    };
    assert_eq!(state(&ledger, "web-2"), ResourceState::Available);
    assert_eq!(state(&ledger, "web-3"), ResourceState::Draining);
    // The most used comes back first.
    let plan = plan_fleet(2, &fleet(&ledger), &[], "web-");
    let back = ledger.state().find("web-3").unwrap();
    assert_eq!(plan.steps[0], FleetStep::Resume(back));
    assert!(
        !plan
            .steps
            .iter()
            .any(|step| matches!(step, FleetStep::Add(_)))
    );
    let plan = scale_to(&mut ledger, 5);
    let added = plan
        .steps
        .iter()
        .filter(|step| matches!(step, FleetStep::Add(_)));
    assert_eq!(
        added.collect::<Vec<_>>(),
        [&FleetStep::Add("web-5".to_owned())]
    );
    assert_eq!(plan.reaches, 5);
}

#[test]
fn of_equal_members_the_newest_goes_and_then_the_lowest_id() {
    let member = |slot, since| Member {
        id: ResourceId::new(slot, 0),
        name: format!("m{slot}"),
        state: ResourceState::Available,
        holds: 0,
        used: Amounts::ZERO,
        limit: Amounts::of([(Kind::CPU, 1)]),
        since: NOW + Duration::from_secs(since),
    };
    let members = [member(3, 1), member(0, 5), member(2, 5), member(1, 2)];
    let plan = plan_fleet(1, &members, &[], "m");
    let expected = [0, 2, 1].map(|slot| FleetStep::Drain(ResourceId::new(slot, 0)));
    assert_eq!(plan.steps, expected);
}

#[test]
fn orders_count_and_their_names_are_taken() {
    let ledger = fleet_of(1);
    let ordered = ["web-2".to_owned(), "web-4".to_owned()];
    let plan = plan_fleet(5, &fleet(&ledger), &ordered, "web-");
    let add = |name: &str| FleetStep::Add(name.to_owned());
    assert_eq!(plan.steps, [add("web-3"), add("web-5")]);
    // No order is called back, and what is there goes instead.
    let plan = plan_fleet(1, &fleet(&ledger), &ordered, "web-");
    assert_eq!((plan.steps.len(), plan.reaches), (1, 2));
}

#[test]
fn what_failed_or_is_in_maintenance_is_left_alone_and_replaced() {
    let mut ledger = fleet_of(3);
    for (name, state) in [
        ("web-1", ResourceState::Failed),
        ("web-2", ResourceState::Maintenance),
    ] {
        let id = ledger.state().find(name).unwrap();
        ledger.set_state(id, state, NOW).unwrap();
    }
    let plan = scale_to(&mut ledger, 2);
    assert_eq!(plan.steps, [FleetStep::Add("web-4".to_owned())]);
    assert!(scale_to(&mut ledger, 2).steps.is_empty());
}

#[test]
fn a_member_with_parts_goes_whole_once_nothing_is_held_on_any() {
    let mut ledger = fleet_of(2);
    let gpu = Resource::node("gpu")
        .parent("web-2")
        .capacity([cores(UNIT)])
        .build()
        .unwrap();
    ledger.add(gpu, NOW).unwrap();
    let held = task(&mut ledger, "gpu", 1);
    let members = |ledger: &Ledger| -> Vec<Member> {
        fleet(ledger)
            .into_iter()
            .filter(|member| member.name != "gpu")
            .collect()
    };
    let web = members(&ledger).pop().unwrap();
    assert_eq!((web.holds, web.limit.get(Kind::CPU)), (1, 2_000 * UNIT));
    let go = [FleetStep::Drain(web.id), FleetStep::Remove(web.id)];
    assert!(carry_out(&mut ledger, &go, template, NOW)[1].is_err());
    assert_eq!(ledger.state().resource_count(), 3);
    ledger.release(held, NOW).unwrap();
    assert!(carry_out(&mut ledger, &go, template, NOW)[1].is_ok());
    assert_eq!(names(&ledger), ["web-1"]);
}

#[test]
fn a_template_that_is_at_fault_is_told_and_the_other_steps_are_done() {
    let mut ledger = Ledger::new();
    let add = |name: &str| FleetStep::Add(name.to_owned());
    let picky = |name: &str| template(if name == "b" { "a/b" } else { name });
    let told = carry_out(&mut ledger, &[add("a"), add("b"), add("c")], picky, NOW);
    assert!(told[0].is_ok() && matches!(told[1], Err(StepError::Template(_))) && told[2].is_ok());
    assert_eq!(names(&ledger), ["a", "c"]);
}

/// Something that happens to a fleet.
#[derive(Clone, Debug)]
enum Event {
    Task { on: usize, size: u64 },
    Ends(usize),
    Scale(u32),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => (any::<usize>(), 1..=UNIT).prop_map(|(on, size)| Event::Task { on, size }),
        2 => any::<usize>().prop_map(Event::Ends),
        3 => (0_u32..8).prop_map(Event::Scale),
    ];
    prop::collection::vec(event, 1..60)
}

fn in_state(members: &[Member], state: ResourceState) -> impl Iterator<Item = &Member> {
    members.iter().filter(move |member| member.state == state)
}

fn cpu<'a>(members: impl Iterator<Item = &'a Member>, of: impl Fn(&Member) -> Amounts) -> u64 {
    members.map(|member| of(member).get(Kind::CPU)).sum()
}

proptest! {
    #[test]
    fn nothing_in_use_goes_and_what_is_in_use_keeps_its_room(start in 0_u32..8, events in events()) {
        let mut ledger = fleet_of(start);
        let mut tasks: Vec<ReservationId> = Vec::new();
        for event in events {
            match event {
                Event::Task { on, size } => {
                    let all: Vec<ResourceId> = ledger.state().resources().map(|(id, _)| id).collect();
                    let request = Request::new("task").part([cores(size)]).build().unwrap();
                    if let Some(id) = all.get(on % all.len().max(1)) {
                        tasks.extend(ledger.reserve(&request, *id, NOW).map(|grant| grant.id));
                    }
                }
                Event::Ends(which) if !tasks.is_empty() => {
                    let id = tasks.swap_remove(which % tasks.len());
                    prop_assert!(ledger.release(id, NOW).is_ok(), "what holds its claims is there");
                }
                Event::Ends(_) => {}
                Event::Scale(target) => check(&mut ledger, target)?,
            }
            prop_assert_eq!(ledger.state().reservation_count(), tasks.len());
        }
        // Once all tasks have ended every number is reached.
        for id in tasks {
            ledger.release(id, NOW).unwrap();
        }
        for target in [3, 0] {
            scale_to(&mut ledger, target);
            scale_to(&mut ledger, target);
            prop_assert_eq!(ledger.state().resource_count(), usize::try_from(target).unwrap());
        }
    }

    #[test]
    fn exactly_the_deficit_is_asked_for(
        short in prop::collection::vec((0_usize..3, 0_u64..100), 0..4),
        unit in prop::collection::vec((0_usize..3, 0_u64..10), 0..4),
        current in 0_u32..20, most in 0_u32..40,
    ) {
        let kinds = [Kind::CPU, Kind::MEMORY, Kind::GPU];
        let of = |list: Vec<(usize, u64)>| Amounts::of(list.into_iter().map(|(k, n)| (kinds[k], n)));
        let (short, unit) = (of(short), of(unit));
        let ask = units_for(&short, &unit, current, Bounds::new(0, most).unwrap());
        // By trying: the first number that covers all that units can cover.
        let left = |n: u64| short.saturating_sub(&unit.checked_mul(n).unwrap());
        let coverable = |rest: Amounts| rest.iter().all(|(kind, _)| unit.get(kind) == 0);
        let needed = (0..).find(|n| coverable(left(*n))).unwrap();
        prop_assert_eq!(ask.needed, needed);
        prop_assert_eq!(u64::from(ask.units), needed.min(most.saturating_sub(current).into()));
        prop_assert_eq!(ask.uncovered, left(ask.units.into()));
        prop_assert_eq!(ask.is_capped(), u64::from(ask.units) < needed);
    }
}

/// Plans, checks the plan, carries it out twice.
fn check(ledger: &mut Ledger, target: u32) -> Result<(), TestCaseError> {
    let before = fleet(ledger);
    let plan = plan_fleet(target, &before, &[], "web-");
    prop_assert_eq!(&plan, &plan_fleet(target, &before, &[], "web-"));
    let shuffled: Vec<Member> = before.iter().rev().cloned().collect();
    prop_assert_eq!(&plan, &plan_fleet(target, &shuffled, &[], "web-"));

    let member = |id: &ResourceId| before.iter().find(|member| member.id == *id).unwrap();
    let (mut adds, mut drains) = (false, false);
    for step in &plan.steps {
        match step {
            FleetStep::Remove(id) => {
                let gone = member(id);
                prop_assert!(
                    gone.holds == 0 && gone.state == ResourceState::Draining,
                    "{gone:?}"
                );
            }
            FleetStep::Drain(id) => {
                drains = true;
                prop_assert_eq!(member(id).state, ResourceState::Available);
            }
            FleetStep::Resume(id) => {
                adds = true;
                prop_assert_eq!(member(id).state, ResourceState::Draining);
            }
            FleetStep::Add(name) => {
                adds = true;
                prop_assert!(before.iter().all(|member| member.name != *name));
            }
        }
    }
    prop_assert!(!(adds && drains), "one direction a plan: {plan:?}");

    for told in carry_out(ledger, &plan.steps, template, NOW) {
        prop_assert!(told.is_ok(), "{told:?}");
    }
    let after = fleet(ledger);
    for told in carry_out(ledger, &plan.steps[..], template, NOW) {
        // A member that was removed cannot drain again; all else may be said twice.
        prop_assert!(told.is_ok(), "{told:?}");
    }
    prop_assert_eq!(&after, &fleet(ledger));

    let open = in_state(&after, ResourceState::Available).count();
    prop_assert_eq!(open, usize::try_from(plan.reaches).unwrap());
    prop_assert!(plan.reaches >= target);
    let room = cpu(in_state(&after, ResourceState::Available), |member| {
        member.limit
    });
    let used = cpu(after.iter(), |member| member.used);
    // A plan that grows or stays leaves what it found; one that shrinks keeps room for all.
    prop_assert!(!drains || room >= used, "{room} for {used}");
    if plan.reaches > target && drains {
        prop_assert!(room < used + UNIT * 1_000, "one more could have gone");
    }
    Ok(())
}

//! Input that wants to make an answer long, or the way to it.

use cloudlot_core::{
    CapabilityRule, Constraint, Faults, Kind, Request, Resource, Selector, Version, cores, named,
};

const MANY: usize = 100_000;

fn first(faults: &Faults) -> String {
    assert!(faults.to_string().len() < 20_000);
    faults.iter().next().unwrap().to_string()
}

#[test]
fn a_hundred_thousand_constraints_are_one_fault() {
    let mut request = Request::new("job").part([cores(1)]);
    for n in 0..MANY {
        request = request.require(CapabilityRule::equals(format!("c{n}"), ""));
    }
    let faults = request.build().unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(
        first(&faults),
        "constraints: `100000` is more than the 4096 that are allowed"
    );
}

#[test]
fn rules_inside_of_rules_count_too() {
    let many = vec![Constraint::name("a"); MANY];
    let request = Request::new("job").part([cores(1)]);
    let faults = request
        .require(Constraint::AnyOf(many))
        .build()
        .unwrap_err();
    assert_eq!(
        first(&faults),
        "constraints[0][4095]: `4097` is more than the 4096 that are allowed"
    );
}

#[test]
fn values_count_over_all_rules() {
    let mut request = Request::new("job").part([cores(1)]);
    for n in 0..20 {
        let names = (0..300).map(|name| format!("n{name}"));
        request = request.require(Selector::any_of(format!("key{n}"), names));
    }
    let faults = request.build().unwrap_err();
    assert_eq!(
        first(&faults),
        "constraints[13]: `4200` is more than the 4096 that are allowed"
    );
}

#[test]
fn rules_may_not_stand_too_deep() {
    let deep = |levels: usize| {
        let inner = Constraint::name("a");
        let rule = (0..levels).fold(inner, |rule, _| Constraint::AllOf(vec![rule]));
        Request::new("job").part([cores(1)]).require(rule).build()
    };
    assert!(deep(8).is_ok());
    assert_eq!(deep(9).unwrap_err().len(), 1);
    assert_eq!(deep(5_000).unwrap_err().len(), 1);
}

#[test]
fn every_other_list_is_bounded_too() {
    let many = || (0..MANY).map(|n| n.to_string());
    let mut request = Request::new("job");
    let mut node = Resource::node("n1");
    for n in many() {
        request = request
            .part([cores(1)])
            .prefer(Constraint::name(&n), 1)
            .tolerate(cloudlot_core::Toleration::exists(&n))
            .label(&n, "")
            .affinity(format!("{n}=a"), "host")
            .spread(&n, 1);
        node = node
            .label(&n, "")
            .tag(&n)
            .metadata(&n, "")
            .capability(&n, 1)
            .overcommit(Kind::CPU, 1_000)
            .taint(cloudlot_core::Taint::new(
                &n,
                "",
                cloudlot_core::Effect::NoSchedule,
            ));
    }
    let kinds = || (0..1_000).map(|n| named(&n.to_string(), 1).unwrap());
    let node = node.capacity(kinds()).topology(many().map(|n| (n, "a")));
    for faults in [request.build().unwrap_err(), node.build().unwrap_err()] {
        assert!(faults.len() <= 8, "{faults}");
        assert!(faults.to_string().contains("is more than"));
    }
}

#[test]
fn long_values_are_cut_where_they_are_shown() {
    let long = "x".repeat(1_000_000);
    let request = Request::new(&long)
        .owner(&long)
        .label(&long, &long)
        .part([cores(1)]);
    let faults = request.strategy(&long).build().unwrap_err();
    assert!(faults.to_string().len() < 2_000, "{faults}");
    assert!(long.parse::<Version>().unwrap_err().to_string().len() < 300);
}

#[test]
fn amounts_that_no_ledger_can_add_up_are_refused() {
    let most = || named("licence", u64::MAX).unwrap();
    assert!(Request::new("job").part([most()]).build().is_ok());
    let twice = Request::new("job").part([most()]).part([most()]).build();
    assert_eq!(
        twice.unwrap_err().iter().next().unwrap().path,
        "parts[1].amounts.licence"
    );
    let many = Request::new("job").parts(1_000_000, [named("licence", 1 << 45).unwrap()]);
    assert!(many.build().is_err());
    let on_four = cloudlot_core::On::Children { of: 4 };
    let gang = |amount: u64| {
        let amounts = [named("licence", amount).unwrap()];
        Request::new("job").gang(1, 1, on_four, amounts).build()
    };
    assert!(gang(u64::MAX / 4).is_ok());
    assert!(gang(u64::MAX / 4 + 1).is_err());
    let node = Resource::node("n1").capacity([cores(u64::MAX)]);
    assert!(node.clone().build().is_ok());
    assert!(node.overcommit(Kind::CPU, 1_001).build().is_err());
}

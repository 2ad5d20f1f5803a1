//! The rulebook against a naive reading of the same rules.

use crate::worlds::{Node, Wish, ask, naive, node, wish};
use cloudlot_core::{
    Capability, CapabilityRule, Check, Effect, Found, Measure, Mismatch, Place, Reason, Request,
    Resource, Rulebook, Taint, Toleration, Version, cores, gib,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

proptest! {
    #[test]
    fn the_rulebook_says_what_a_plain_reading_says(
        node in node(),
        cpu in 1..20_u64,
        memory in 1..20_u64,
        wishes in proptest::collection::vec(wish(), 0..4),
        tolerated in proptest::option::of(0..2_usize),
    ) {
        let resource = node.build(0);
        let request = ask(cpu, memory, &wishes, tolerated).build().unwrap();
        let rules = Rulebook::new();
        let mismatches = rules.mismatches(&request, 0, &resource);
        let found: BTreeSet<Reason> = mismatches.iter().map(Mismatch::reason).collect();
        let expected = naive(&node, cpu, memory, &wishes, tolerated);
        prop_assert_eq!(&found, &expected);
        // The fast answer, the matcher and the validator agree.
        prop_assert_eq!(rules.matches(&request, 0, &resource), expected.is_empty());
        let faults = rules.validate(&request, 0, &resource).err().map_or(0, |faults| faults.len());
        prop_assert_eq!(faults, mismatches.len());
    }

    #[test]
    fn preferences_are_read_like_constraints(
        node in node(),
        wishes in proptest::collection::vec((wish(), -100..100_i32), 0..6),
    ) {
        let mut request = Request::new("job").part([cores(1)]);
        for (wish, weight) in &wishes {
            request = request.prefer(wish.build(), *weight);
        }
        let fulfilled = wishes.iter().filter(|(wish, _)| node.fulfils(wish));
        let expected: i64 = fulfilled.map(|(_, weight)| i64::from(*weight)).sum();
        let request = request.build().unwrap();
        prop_assert_eq!(Rulebook::new().preference_score(&request, &node.build(0)), expected);
    }

    #[test]
    fn limits_round_down_and_never_pass_what_is_usable_when_strict(
        capacity in 0..=u64::MAX, kept in 0..=u64::MAX, thousandths in 1..3_000_u32,
    ) {
        use cloudlot_core::{Kind, millicores, bytes};
        let kept = kept.min(capacity);
        let built = Resource::node("n")
            .capacity([millicores(capacity), bytes(capacity)])
            .reserved([millicores(kept), bytes(kept)])
            .overcommit(Kind::CPU, thousandths)
            .build();
        let exact = u128::from(capacity - kept) * u128::from(thousandths) / 1_000;
        match built {
            Ok(node) => {
                prop_assert_eq!(u128::from(node.limits().get(&Kind::CPU.into())), exact);
                prop_assert_eq!(node.limits().get(&Kind::MEMORY.into()), capacity - kept);
            }
            Err(_) => prop_assert!(exact > u128::from(u64::MAX)),
        }
    }
}

#[test]
fn a_mismatch_carries_the_values() {
    let node = Node {
        cpu: 4,
        memory: 8,
        state: 1,
        class: 0,
        zone: Some(0),
        generation: None,
        clock: Some(2_400),
        features: None,
        driver: Some((1, 9)),
        taints: vec![(0, 0)],
        child: false,
    };
    let wishes = [
        Wish::ClockGhz(3, 4),
        Wish::ClockBytes,
        Wish::Feature(0),
        Wish::DriverAtLeast(1, 10),
        Wish::ZoneIn(vec![1]),
    ];
    let request = ask(8, 1, &wishes, None).build().unwrap();
    let faults = Rulebook::new().validate(&request, 0, &node.build(1));
    let text = faults.unwrap_err().to_string();
    let expected = "\
parts[0].amounts.cpu: `n1` does not match: cpu 8000 is above the limit 4000
resource.state: `n1` does not match: the resource is draining";
    assert!(text.starts_with(expected), "{text}");
    let found: Vec<Found> = Rulebook::new()
        .mismatches(&request, 0, &node.build(1))
        .into_iter()
        .filter_map(|mismatch| match mismatch {
            Mismatch::Constraint { found, .. } => Some(found),
            _ => None,
        })
        .collect();
    let expected = [
        Found::Value("2400 MHz".to_owned()),
        Found::Incomparable("2400 MHz".to_owned()),
        Found::Missing,
        Found::Value("1.9".to_owned()),
        Found::Value("a".to_owned()),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_level_that_is_not_named_cannot_be_kept_apart_on() {
    let node = Resource::node("n1").capacity([cores(1)]).build().unwrap();
    let ask = |level: &str| {
        let request = Request::new("web").part([cores(1)]).label("app", "web");
        request.anti_affinity("app=web", level).build().unwrap()
    };
    assert!(Rulebook::new().matches(&ask("host"), 0, &node));
    assert!(!Rulebook::new().matches(&ask("rack"), 0, &node));
}

#[test]
fn what_a_ledger_knows_better_counts() {
    let gpu = Resource::node("n1:gpu0")
        .parent("n1")
        .capacity([gib(1)])
        .build();
    let (gpu, host) = (
        gpu.unwrap(),
        Resource::node("n1").capacity([cores(4)]).build().unwrap(),
    );
    let of_one = cloudlot_core::On::Children { of: 1 };
    let request = Request::new("job")
        .gang(1, 1, of_one, [gib(1)])
        .spread("host", 1)
        .build()
        .unwrap();
    let rules = Rulebook::new();
    assert!(!rules.matches(&request, 0, &gpu)); // it does not say where it stands
    let place = Place {
        topology: host.topology(),
        ..Place::from(&gpu)
    };
    assert!(rules.matches(&request, 0, place));
    assert_eq!(
        rules.mismatches(&request, 7, place),
        [Mismatch::NoPart { part: 7 }]
    );
}

#[test]
fn soft_taints_are_counted_and_keep_nobody_away() {
    let node = Resource::node("n1")
        .capacity([cores(1)])
        .taint(Taint::new("spot", "", Effect::PreferNoSchedule))
        .build()
        .unwrap();
    let request = Request::new("job").part([cores(1)]);
    let tolerant = request.clone().tolerate(Toleration::exists("spot"));
    let (request, tolerant) = (request.build().unwrap(), tolerant.build().unwrap());
    let rules = Rulebook::new();
    assert!(rules.matches(&request, 0, &node));
    assert_eq!(rules.disliked(&request, &node), 1);
    assert_eq!(rules.disliked(&tolerant, &node), 0);
}

#[test]
fn one_resource_stands_in_for_another_that_is_no_better() {
    let node = |name: &str, class: &str, memory: u32, arch: &str| {
        let node = Resource::node(name).class(class);
        let node = node.capability("memory", memory).capability("arch", arch);
        node.build().unwrap()
    };
    let old = node("old", "compute", 128, "x86_64");
    let rules = Rulebook::new();
    let against = |new: Resource| rules.incompatibilities(&old, &new).len();
    assert_eq!(against(node("new", "compute", 256, "x86_64")), 0);
    assert_eq!(against(node("small", "compute", 64, "x86_64")), 1);
    assert_eq!(against(node("other", "gpu", 64, "arm64")), 3);
    assert_eq!(against(Resource::node("bare").build().unwrap()), 2);
}

#[test]
fn added_checks_speak_in_every_answer() {
    struct NoFriday;
    impl Check for NoFriday {
        fn name(&self) -> &str {
            "no-friday"
        }
        fn request(&self, request: &Request) -> Result<(), String> {
            let fine = request.name() != "friday";
            fine.then_some(()).ok_or_else(|| "not today".repeat(100))
        }
        fn resource(&self, resource: &Resource) -> Result<(), String> {
            let fine = resource.name() != "friday";
            fine.then_some(()).ok_or_else(|| "not here".to_owned())
        }
        fn place(&self, _: &Request, place: &Place<'_>) -> Result<(), String> {
            self.resource(place.resource)
        }
    }
    let rules = Rulebook::new().with(NoFriday);
    let node = |name: &str| Resource::node(name).capacity([cores(1)]).build().unwrap();
    let job = |name: &str| Request::new(name).part([cores(1)]).build().unwrap();
    assert!(rules.faults(&job("monday")).is_empty());
    assert!(rules.faults(&job("friday")).to_string().len() < 200);
    assert_eq!(rules.resource_faults(&node("friday")).len(), 1);
    assert!(rules.matches(&job("a"), 0, &node("monday")));
    assert!(!rules.matches(&job("a"), 0, &node("friday")));
    let why = &rules.mismatches(&job("a"), 0, &node("friday"))[0];
    assert_eq!(why.to_string(), "no-friday: not here");
}

#[test]
fn values_of_another_type_are_told_apart_from_other_values() {
    let version = |text: &str| Capability::from(text.parse::<Version>().unwrap());
    let number = |text: &str| Capability::from(text.parse::<Measure>().unwrap());
    let (text, set) = (Capability::from("a"), Capability::from(["a", "b"]));
    let (holds, fails, incomparable) = ("holds", "fails", "incomparable");
    let cases = [
        (CapabilityRule::equals("x", "a"), &text, holds),
        (CapabilityRule::equals("x", "b"), &text, fails),
        (CapabilityRule::equals("x", "a"), &set, incomparable),
        (CapabilityRule::equals("x", ["b", "a"]), &set, holds),
        (CapabilityRule::equals("x", ["a"]), &set, fails),
        (CapabilityRule::equals("x", 1), &text, incomparable),
        (
            CapabilityRule::equals("x", version("1.0")),
            &version("1"),
            holds,
        ),
        (
            CapabilityRule::equals("x", number("1 kB")),
            &number("1000 B"),
            holds,
        ),
        (
            CapabilityRule::equals("x", number("1 s")),
            &number("1 B"),
            incomparable,
        ),
        (CapabilityRule::one_of("x", ["b", "c"]), &set, holds),
        (CapabilityRule::one_of("x", ["c"]), &set, fails),
        (CapabilityRule::one_of("x", [1, 2]), &set, incomparable),
        (CapabilityRule::none_of("x", ["c"]), &set, holds),
        (CapabilityRule::none_of("x", ["c", "b"]), &set, fails),
        (CapabilityRule::none_of("x", [1, 2]), &text, incomparable),
        (CapabilityRule::none_of("x", [1, 2]), &number("3"), holds),
        (
            CapabilityRule::none_of("x", [1, 2]),
            &number("3 s"),
            incomparable,
        ),
        (CapabilityRule::contains_all("x", ["a"]), &text, holds),
        (CapabilityRule::contains_all("x", ["a", "b"]), &text, fails),
        (CapabilityRule::contains_all("x", ["a", "b"]), &set, holds),
        (CapabilityRule::contains_all("x", ["a", "c"]), &set, fails),
        (CapabilityRule::contains_any("x", ["a", "c"]), &set, holds),
        (
            CapabilityRule::contains_any("x", ["a"]),
            &number("1"),
            incomparable,
        ),
        (
            CapabilityRule::at_least("x", version("1")),
            &number("1"),
            incomparable,
        ),
        (
            CapabilityRule::at_most("x", version("1.9")),
            &version("1.10"),
            fails,
        ),
        (CapabilityRule::range("x", 1, 3), &number("3"), holds),
        (CapabilityRule::range("x", 1, 3), &number("4"), fails),
        (CapabilityRule::range("x", 1, 3), &number("0"), fails),
        (CapabilityRule::range("x", 1, 3), &text, incomparable),
    ];
    for (rule, value, expected) in cases {
        let node = Resource::node("n").capability("x", value.clone());
        let node = node.capacity([cores(1)]).build().unwrap();
        let request = Request::new("job").part([cores(1)]).require(rule.clone());
        let why = Rulebook::new().mismatches(&request.build().unwrap(), 0, &node);
        let outcome = match why.first() {
            None => holds,
            Some(Mismatch::Constraint {
                found: Found::Incomparable(_),
                ..
            }) => incomparable,
            Some(_) => fails,
        };
        assert_eq!(outcome, expected, "{rule} of {value}");
    }
}

//! Defects of the resource management system that went before, each as the smallest test that would show it.

use cloudlot_core::{
    Capability, CapabilityRule, Kind, Measure, Mismatch, Need, Request, Resource, Rulebook,
    Satisfiable, Timestamp, cores, gib, named,
};
use std::time::Duration;

fn measure(text: &str) -> Measure {
    text.parse().unwrap()
}

/// Its example of a definition.
fn compute_node(name: &str) -> Resource {
    Resource::node(name)
        .class("compute")
        .capacity([cores(100)])
        .capability("cores", 32)
        .capability("memory", 128)
        .capability("arch", "x86_64")
        .build()
        .unwrap()
}

/// Defect 3: reservations that could neither be confirmed nor expire.
#[test]
fn no_request_can_hold_for_ever() {
    let request = Request::new("job").part([cores(1)]);
    let plain = request.clone().build().unwrap();
    assert_eq!(plain.hold_for(), Duration::from_secs(300));
    let never = request.clone().hold_for(Duration::ZERO).build();
    assert_eq!(never.unwrap_err().iter().next().unwrap().path, "hold_for");
    assert!(request.hold_for(Duration::MAX).build().is_err());
}

/// Defect 3: parts come all or not at all, unless the request itself says how many are enough.
#[test]
fn a_partial_grant_is_only_what_the_request_allows() {
    let request = Request::new("job").parts(4, [cores(1)]).build().unwrap();
    assert_eq!(request.need().parts()[0].min, 4);
}

/// Defect 6: 150 over three nodes of 100 failed.
#[test]
fn an_elastic_need_may_be_split() {
    let nodes = ["a", "b", "c"].map(compute_node);
    let rules = Rulebook::new();
    let split = Request::new("job").elastic([cores(150)], [cores(300)]);
    let split = split.build().unwrap();
    assert!(nodes.iter().all(|node| rules.matches(&split, 0, node)));
    assert_eq!(rules.satisfiable(&split, &nodes), Satisfiable::Yes);
    assert!(matches!(split.need(), Need::Elastic { .. }));

    let too_much = Request::new("job").elastic([cores(301)], [cores(301)]);
    let too_much = too_much.build().unwrap();
    let Satisfiable::No(why) = rules.satisfiable(&too_much, &nodes) else {
        panic!("301 cores were found in 300");
    };
    let expected = "part 0: 0 of 1 fit on 3 resources: 3 fit, but with too little cpu in all";
    assert_eq!(why[0].to_string(), expected);
}

/// Defect 8: the matcher took what the validator refused.
#[test]
fn a_missing_capability_is_refused_by_matcher_and_validator() {
    let rules = Rulebook::new();
    let node = compute_node("a");
    for rule in [
        CapabilityRule::exists("tpm"),
        CapabilityRule::at_least("tpm", 2),
        CapabilityRule::equals("tpm", "2"),
        CapabilityRule::none_of("tpm", ["1"]),
        CapabilityRule::contains_any("tpm", ["1"]),
    ] {
        let request = Request::new("job").part([cores(1)]).require(rule);
        let request = request.build().unwrap();
        assert!(!rules.matches(&request, 0, &node));
        assert!(rules.validate(&request, 0, &node).is_err());
    }
}

/// Defect 8: a request for gigabytes matched a node of cores.
#[test]
fn units_are_compared() {
    let rules = Rulebook::new();
    let node = compute_node("a");
    let job = Request::new("job").part([gib(50)]).build().unwrap();
    let why = rules.mismatches(&job, 0, &node);
    let (kind, asked) = (Kind::MEMORY.into(), 50 << 30);
    assert_eq!(why, [Mismatch::NotOffered { kind, asked }]);

    let fast = Resource::node("b").capability("clock", measure("2.4 GHz"));
    let fast = fast.capacity([cores(1)]).build().unwrap();
    let wants = |rule: CapabilityRule| {
        let request = Request::new("job").part([cores(1)]).require(rule);
        rules.matches(&request.build().unwrap(), 0, &fast)
    };
    assert!(wants(CapabilityRule::at_least(
        "clock",
        measure("2400 MHz")
    )));
    assert!(!wants(CapabilityRule::at_least(
        "clock",
        measure("2401 MHz")
    )));
    assert!(!wants(CapabilityRule::at_most("clock", measure("4 GiB"))));
    assert!(!wants(CapabilityRule::at_most("clock", 5)));
}

/// Defect 9: a negative amount was taken, and made room.
#[cfg(feature = "serde")]
#[test]
fn a_negative_amount_is_refused() {
    for amount in ["-40", "\"-40\"", "\"-1m\"", "-0.5"] {
        let json = format!(r#"{{"name":"job","parts":[{{"amounts":{{"cpu":{amount}}}}}]}}"#);
        let why = serde_json::from_str::<Request>(&json).unwrap_err();
        assert!(why.to_string().contains("parts[0].amounts.cpu"), "{why}");
        let json = format!(r#"{{"name":"n1","capacity":{{"cpu":{amount}}}}}"#);
        let why = serde_json::from_str::<Resource>(&json).unwrap_err();
        assert!(why.to_string().contains("capacity.cpu"), "{why}");
    }
}

/// Defects 8 and 9: amounts of nothing, and a least above the most.
#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let faults = Request::new("my job")
        .owner("org//team")
        .part([cores(0)])
        .parts(
            0,
            [named("licence", 1).unwrap(), named("licence", 2).unwrap()],
        )
        .elastic([cores(2)], [cores(1)])
        .require(CapabilityRule::range(
            "clock",
            measure("3 GHz"),
            measure("2 GHz"),
        ))
        .require(CapabilityRule::range(
            "clock",
            measure("3 GHz"),
            Capability::from("fast"),
        ))
        .label("app", "a b")
        .affinity("app", "zone level")
        .spread("zone", 0)
        .hold_for(Duration::ZERO)
        .build()
        .unwrap_err();
    let expected = "\
name: `my job` is not letters, digits, `-`, `_`, `.` and `:`, with a letter or digit at both ends
owner: `org//team` is not names with one `/` between them
elastic: excludes parts
parts[0].amounts: `0` has to be more than nothing
parts[1].amounts.licence: `2` is named twice
parts[1].count: `0` is not within 1 to 1000000
elastic.least.cpu: `2000` is above the most, 1000
constraints[0].clock: `3 GHz` is above `2 GHz`
constraints[1].clock: `3 GHz` cannot be compared with `fast`
labels.app: `a b` is not letters, digits, `-`, `_` and `.`, with a letter or digit at both ends
affinities[0].level: `zone level` is not letters, digits, `-`, `_` and `.`, with a letter or digit at both ends
affinities[0].label: `app` is not a key and a value with `=` between them
spread[0].max_skew: `0` has to be more than nothing
hold_for: `0` has to be more than nothing";
    assert_eq!(faults.to_string(), expected);
}

#[test]
fn a_window_without_a_moment_in_it_is_refused() {
    let at = Timestamp::from_nanos;
    let within = |from, until| {
        let request = Request::new("job").part([cores(1)]);
        request.window(at(from), at(until)).build()
    };
    assert!(within(3, 4).is_ok());
    assert!(within(3, 3).is_err());
    assert!(within(4, 3).is_err());
}

#[test]
fn a_resource_says_everything_at_once_too() {
    let faults = Resource::node("n/1")
        .class("")
        .capacity([cores(1), cores(2)])
        .reserved([cores(3), gib(1)])
        .overcommit(Kind::CPU, 0)
        .capability("arch", "")
        .label("zone", "a")
        .label("zone", "b")
        .topology([("zone", "a"), ("zone", "b")])
        .owner("")
        .tag("two words")
        .parent("n/1")
        .build()
        .unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    let expected = [
        "name",
        "class",
        "capacity.cpu",
        "overcommit.cpu",
        "reserved.cpu",
        "reserved.memory",
        "capabilities.arch",
        "labels.zone",
        "topology.zone",
        "parent",
        "parent",
        "owner",
        "tags[0]",
    ];
    assert_eq!(paths, expected);
}

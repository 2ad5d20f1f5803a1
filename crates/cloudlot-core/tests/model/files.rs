//! Requests and resources on the way through JSON.

use crate::worlds::{ask, node, wish};
use cloudlot_core::{
    Kind, On, Request, RequestKey, Resource, ResourceState, Taint, Timestamp, Toleration, cores,
    gib,
};
use proptest::prelude::*;
use std::time::Duration;

fn full_request() -> Request {
    Request::new("web")
        .key(RequestKey(0x1234))
        .owner("org/team-a")
        .gang(4, 2, On::Children { of: 2 }, [cores(2), gib(4)])
        .require(cloudlot_core::Selector::any_of("zone", ["a", "b"]))
        .prefer(cloudlot_core::Constraint::class("gpu"), -3)
        .tolerate(Toleration::exists("spot"))
        .label("app", "web")
        .anti_affinity("app=web", "host")
        .prefer_affinity("app=db", "zone", 7)
        .spread("zone", 1)
        .priority(5)
        .not_before(Timestamp::from_nanos(7))
        .hold_for(Duration::from_millis(1_500))
        .expected(Duration::from_secs(60))
        .strategy("fair")
        .build()
        .unwrap()
}

fn full_resource() -> Resource {
    Resource::node("n1")
        .class("odd")
        .state(ResourceState::Draining)
        .capacity([cores(16), gib(64)])
        .reserved([cores(1)])
        .overcommit(Kind::CPU, 1_500)
        .capability("arch", "x86_64")
        .capability("clock", "2.4GHz".parse::<cloudlot_core::Measure>().unwrap())
        .capability("features", ["avx", "sse"])
        .capability("driver", "1.10".parse::<cloudlot_core::Version>().unwrap())
        .label("zone", "a")
        .taint(Taint::new("spot", "", cloudlot_core::Effect::NoExecute))
        .topology([("zone", "a"), ("rack", "r1")])
        .owner("ops")
        .tag("ssd")
        .metadata("serial", "a b c")
        .build()
        .unwrap()
}

#[test]
fn a_request_reads_as_people_write_it() {
    let json = r#"{
        "name": "web",
        "owner": "org/team-a",
        "parts": [{"amounts": {"cpu": "500m", "memory": "4Gi"}, "count": 3}],
        "constraints": [
            {"label": {"key": "zone", "test": {"in": ["a", "b"]}}},
            {"capability": {"name": "clock", "test": {"at_least": {"number": "2 GHz"}}}}
        ],
        "affinities": [{"label": "app=web", "level": "host", "mode": "apart"}],
        "hold_for": "30 s"
    }"#;
    let request: Request = serde_json::from_str(json).unwrap();
    let part = &request.need().parts()[0];
    assert_eq!(part.amounts.get(&Kind::CPU.into()), 500);
    assert_eq!((part.count, part.min), (3, 3));
    assert_eq!(request.hold_for(), Duration::from_secs(30));
}

const REQUEST: &str = r#"{
    "name": "web", "key": "00000000000000000000000000001234", "owner": "org/team-a",
    "parts": [{"amounts": {"cpu": "2", "memory": "4Gi"}, "count": 4, "min": 2, "on": {"children": {"of": 2}}}],
    "constraints": [{"label": {"key": "zone", "test": {"in": ["a", "b"]}}}],
    "preferences": [{"rule": {"class": ["gpu"]}, "weight": -3}],
    "tolerations": [{"key": "spot"}], "labels": {"app": "web"},
    "affinities": [{"label": "app=web", "level": "host", "mode": "apart"}],
    "soft_affinities": [{"label": "app=db", "level": "zone", "weight": 7}],
    "spread": [{"level": "zone", "max_skew": 1}], "priority": 5, "window": {"from": 7},
    "hold_for": "1.5 s", "expected": "1 min", "strategy": "fair"
}"#;
const RESOURCE: &str = r#"{
    "name": "n1", "class": "odd", "state": "draining", "capacity": {"cpu": "16", "memory": "64Gi"},
    "reserved": {"cpu": "1"}, "overcommit": {"cpu": 1500},
    "capabilities": {"arch": {"text": "x86_64"}, "clock": {"number": "2400 MHz"},
        "driver": {"version": "1.10"}, "features": {"set": ["avx", "sse"]}},
    "labels": {"zone": "a"}, "taints": [{"key": "spot", "value": "", "effect": "NoExecute"}],
    "topology": [{"level": "zone", "name": "a"}, {"level": "rack", "name": "r1"}, {"level": "host", "name": "n1"}],
    "owner": "ops", "tags": ["ssd"], "metadata": {"serial": "a b c"}
}"#;

/// What is written stands in stores: a later version has to read it.
#[test]
fn the_files_look_like_this() {
    let request = serde_json::to_value(full_request()).unwrap();
    assert_eq!(
        request,
        serde_json::from_str::<serde_json::Value>(REQUEST).unwrap()
    );
    let resource = serde_json::to_value(full_resource()).unwrap();
    assert_eq!(
        resource,
        serde_json::from_str::<serde_json::Value>(RESOURCE).unwrap()
    );
}

#[test]
fn a_bad_file_says_everything_at_once() {
    let json = r#"{
        "name": "my job",
        "parts": [{"amounts": {"cpu": "-1", "memory": "4GHz", "two words": 1}, "count": 0}],
        "labels": {"app": "a", "app": "b"},
        "hold_for": "30 MiB",
        "expected": "0 s"
    }"#;
    let why = serde_json::from_str::<Request>(json)
        .unwrap_err()
        .to_string();
    for path in [
        "name",
        "cpu",
        "memory",
        "two words",
        "count",
        "labels.app",
        "hold_for",
        "expected",
    ] {
        assert!(why.contains(path), "{path} is not named in\n{why}");
    }
    let unknown = r#"{"name": "job", "parts": [{"amounts": {"cpu": 1}}], "nodes": 3}"#;
    assert!(serde_json::from_str::<Request>(unknown).is_err());
}

fn same<T>(value: &T) -> Result<(), TestCaseError>
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let json = serde_json::to_string(value).unwrap();
    prop_assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value);
    Ok(())
}

/// A byte of the text changed, taken out or doubled, a few times.
fn mutated(text: &str, changes: &[(usize, u8, u8)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (place, how, byte) in changes {
        let place = place % bytes.len();
        match how % 4 {
            0 => bytes[place] = *byte,
            1 => _ = bytes.remove(place),
            2 => bytes.insert(place, *byte),
            // Digits most of all: they make amounts large.
            _ => bytes.insert(place, b'9'),
        }
    }
    bytes
}

proptest! {
    #[test]
    fn both_survive_the_way_through_json(
        node in node(),
        wishes in proptest::collection::vec(wish(), 0..4),
        preferred in wish(),
    ) {
        same(&node.build(3))?;
        let request = ask(2, 3, &wishes, Some(1)).prefer(preferred.build(), 2);
        let request = request.build().unwrap();
        same(&request)?;
        let json = serde_json::to_string(&request).unwrap();
        let back: Request = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(back.digest(), request.digest());
    }

    #[test]
    fn mutated_files_are_refused_or_are_legal(
        changes in proptest::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..4),
    ) {
        let request = serde_json::to_string(&full_request()).unwrap();
        if let Ok(request) = serde_json::from_slice::<Request>(&mutated(&request, &changes)) {
            same(&request)?;
        }
        let resource = serde_json::to_string(&full_resource()).unwrap();
        if let Ok(resource) = serde_json::from_slice::<Resource>(&mutated(&resource, &changes)) {
            same(&resource)?;
        }
    }
}

#[test]
fn the_full_examples_survive() {
    same(&full_request()).unwrap();
    same(&full_resource()).unwrap();
}

#[test]
fn a_field_that_is_unknown_is_refused_wherever_it_stands() {
    let rules = [
        r#"{"domain": {"level": "zone", "domain": "a", "x": 1}}"#,
        r#"{"label": {"key": "zone", "test": "exists", "x": 1}}"#,
        r#"{"capability": {"name": "a", "test": "exists", "x": 1}}"#,
        r#"{"capability": {"name": "a", "test": {"range": {"least": {"text": "a"}, "most": {"text": "b"}, "x": 1}}}}"#,
        r#"{"x": 1}"#,
    ];
    for rule in rules {
        let why = serde_json::from_str::<cloudlot_core::Constraint>(rule).unwrap_err();
        assert!(why.to_string().contains("unknown"), "{rule}: {why}");
    }
    let part = |more: &str| format!(r#"{{"name":"j","parts":[{{"amounts":{{"cpu":1}}{more}}}]}}"#);
    assert!(serde_json::from_str::<Request>(&part("")).is_ok());
    assert!(serde_json::from_str::<Request>(&part(r#","x":1"#)).is_err());
    assert!(
        serde_json::from_str::<Request>(&part(r#","on":{"children":{"of":1,"x":1}}"#)).is_err()
    );
}

#[test]
fn a_file_of_a_hundred_thousand_constraints_is_one_fault() {
    let rules = vec![r#"{"name":["a"]}"#; 100_000].join(",");
    let json =
        format!(r#"{{"name":"j","parts":[{{"amounts":{{"cpu":1}}}}],"constraints":[{rules}]}}"#);
    let why = serde_json::from_str::<Request>(&json).unwrap_err();
    assert!(
        why.to_string()
            .starts_with("constraints: `100000` is more than"),
        "{why}"
    );
}

#[test]
fn a_file_of_rules_in_rules_is_refused_before_it_is_too_deep() {
    let json = format!(
        "{}{}",
        r#"{"all_of":["#.repeat(100_000),
        "]}".repeat(100_000)
    );
    assert!(serde_json::from_str::<cloudlot_core::Constraint>(&json).is_err());
}

#[test]
fn a_number_that_lost_digits_on_the_way_is_refused() {
    let json = |amount: &str| format!(r#"{{"name":"n","capacity":{{"memory":{amount}}}}}"#);
    assert!(serde_json::from_str::<Resource>(&json("9007199254740991.0")).is_ok());
    assert!(serde_json::from_str::<Resource>(&json("9007199254740992.0")).is_err());
    for amount in [
        "9007199254740994.0",
        "1e300",
        "1e999",
        "-1e300",
        "null",
        "[]",
    ] {
        assert!(
            serde_json::from_str::<Resource>(&json(amount)).is_err(),
            "{amount}"
        );
    }
}

#[test]
fn parts_of_a_base_unit_never_make_room() {
    let json = r#"{"name": "n", "capacity": {"cpu": "10.5m"}, "reserved": {"cpu": "2.5m"}}"#;
    let node: Resource = serde_json::from_str(json).unwrap();
    assert_eq!(node.capacity().get(&Kind::CPU.into()), 10);
    assert_eq!(node.limits().get(&Kind::CPU.into()), 7);
    let json = r#"{"name": "j", "elastic": {"least": {"cpu": "0.1m"}, "most": {"cpu": "1.5m"}}}"#;
    let request: Request = serde_json::from_str(json).unwrap();
    let (one, two) = (cloudlot_core::millicores(1), cloudlot_core::millicores(2));
    let (least, most) = ([one].into(), [two].into());
    assert_eq!(
        *request.need(),
        cloudlot_core::Need::Elastic { least, most }
    );
}

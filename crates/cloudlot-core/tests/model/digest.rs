//! The digest of a request: the same for the same content, another for another, and the same in every version.

use cloudlot_core::{
    CapabilityRule, Constraint, Effect, Measure, On, Request, RequestBuilder, RequestKey, Selector,
    Timestamp, Toleration, Version, cores, gib, named,
};
use std::collections::BTreeMap;
use std::time::Duration;

fn base() -> RequestBuilder {
    Request::new("web")
        .owner("org/team-a")
        .part([cores(2), gib(4)])
}

fn all_of_it() -> RequestBuilder {
    let version: Version = "1.10-rc.1".parse().unwrap();
    let clock: Measure = "2.4 GHz".parse().unwrap();
    base()
        .gang(4, 2, On::Children { of: 2 }, [named("licence", 1).unwrap()])
        .require(Selector::any_of("zone", ["a", "b"]))
        .require(CapabilityRule::at_least("driver", version))
        .require(Constraint::AnyOf(vec![
            CapabilityRule::at_least("clock", clock).into(),
            Constraint::class("gpu"),
        ]))
        .prefer(Constraint::name("n1"), -3)
        .tolerate(Toleration::exists("spot").effect(Effect::NoSchedule))
        .label("app", "web")
        .anti_affinity("app=web", "host")
        .prefer_affinity("app=db", "zone", 7)
        .spread("zone", 1)
        .priority(-5)
        .window(Timestamp::from_nanos(1), Timestamp::from_nanos(2))
        .hold_for(Duration::from_secs(30))
        .expected(Duration::from_secs(60))
        .strategy("fair")
}

fn digest(request: RequestBuilder) -> u64 {
    request.build().unwrap().digest()
}

/// These numbers stand in stores: they never change.
#[test]
fn digests_are_the_same_in_every_version() {
    assert_eq!(format!("{:016x}", digest(base())), "850f384427889903");
    assert_eq!(format!("{:016x}", digest(all_of_it())), "05159f4c69abb548");
}

#[test]
fn the_key_and_the_order_of_saying_do_not_count() {
    let keyed = base().key(RequestKey(7)).label("a", "1").label("b", "2");
    let plain = base().label("b", "2").label("a", "1");
    assert_eq!(digest(keyed), digest(plain));
    let said = base().hold_for(Request::HOLD_FOR).priority(0);
    assert_eq!(digest(said), digest(base()));
    let equal = |version: &str| {
        let version: Version = version.parse().unwrap();
        digest(base().require(CapabilityRule::at_least("driver", version)))
    };
    assert_eq!(equal("1.0"), equal("v1.0.0+build"));
}

#[test]
fn every_change_is_seen() {
    let number = |text: &str| text.parse::<Measure>().unwrap();
    let at = Timestamp::from_nanos;
    let on = On::Children { of: 1 };
    let require = |rule: CapabilityRule| base().require(rule);
    let all = [
        base(),
        Request::new("web2")
            .owner("org/team-a")
            .part([cores(2), gib(4)]),
        base().owner("org"),
        Request::new("web")
            .owner("org/team-a")
            .part([cores(2), gib(5)]),
        Request::new("web")
            .owner("org/team-a")
            .parts(2, [cores(2), gib(4)]),
        Request::new("web")
            .owner("org/team-a")
            .gang(2, 1, On::Node, [cores(2), gib(4)]),
        Request::new("web")
            .owner("org/team-a")
            .gang(1, 1, on, [cores(2), gib(4)]),
        Request::new("web")
            .owner("org/team-a")
            .elastic([cores(2)], [cores(4)]),
        Request::new("web")
            .owner("org/team-a")
            .elastic([cores(2)], [cores(4), gib(4)]),
        base().require(Selector::any_of("a", ["b", "c"])),
        base().require(Selector::any_of("a", ["bc"])),
        base().require(Selector::none_of("a", ["b", "c"])),
        base().require(Selector::exists("a")),
        base().require(Selector::absent("a")),
        base().require(Selector::above("a", 1)),
        base().require(Selector::below("a", 1)),
        base().require(Constraint::class("a")),
        base().require(Constraint::name("a")),
        base().require(Constraint::domain("a", "b")),
        base().require(Constraint::AnyOf(vec![Constraint::name("a")])),
        base().require(Constraint::AllOf(vec![Constraint::name("a")])),
        require(CapabilityRule::exists("a")),
        require(CapabilityRule::at_least("a", 1)),
        require(CapabilityRule::at_least("a", number("1 s"))),
        require(CapabilityRule::at_most("a", 1)),
        require(CapabilityRule::range("a", 1, 1)),
        require(CapabilityRule::equals("a", 1)),
        require(CapabilityRule::equals("a", "1")),
        require(CapabilityRule::equals("a", ["1"])),
        require(CapabilityRule::equals("a", "1".parse::<Version>().unwrap())),
        require(CapabilityRule::one_of("a", [1])),
        require(CapabilityRule::none_of("a", [1])),
        require(CapabilityRule::contains_all("a", ["1"])),
        require(CapabilityRule::contains_any("a", ["1"])),
        base().prefer(Constraint::name("a"), 1),
        base().prefer(Constraint::name("a"), -1),
        base().tolerate(Toleration::everything()),
        base().tolerate(Toleration::exists("a")),
        base().tolerate(Toleration::equal("a", "")),
        base().tolerate(Toleration::exists("a").effect(Effect::NoExecute)),
        base().label("a", "b"),
        base().affinity("a=b", "host"),
        base().anti_affinity("a=b", "host"),
        base().prefer_affinity("a=b", "host", 1),
        base().prefer_affinity("a=b", "host", -1),
        base().spread("host", 1),
        base().spread("host", 2),
        base().priority(1),
        base().priority(-1),
        base().not_before(at(1)),
        base().window(at(1), at(2)),
        base().hold_for(Duration::from_secs(1)),
        base().expected(Duration::from_secs(1)),
        base().strategy("fair"),
        all_of_it(),
    ];
    let mut seen = BTreeMap::new();
    for (n, request) in all.into_iter().enumerate() {
        if let Some(other) = seen.insert(digest(request), n) {
            panic!("requests {other} and {n} have the same digest");
        }
    }
}

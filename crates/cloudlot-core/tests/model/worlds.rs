//! Small worlds as plain numbers: what the naive evaluators look at, and how they become resources and requests.

use cloudlot_core::{
    CapabilityRule, Constraint, Effect, Measure, NodeClass, Reason, Request, RequestBuilder,
    Resource, ResourceState, Selector, Taint, Toleration, Version, cores, gib,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

pub(crate) const ZONES: [&str; 3] = ["a", "b", "c"];
pub(crate) const FEATURES: [&str; 3] = ["avx", "sse", "amx"];
pub(crate) const KEYS: [&str; 2] = ["gpu", "spot"];
pub(crate) const EFFECTS: [Effect; 3] = [
    Effect::NoSchedule,
    Effect::PreferNoSchedule,
    Effect::NoExecute,
];
pub(crate) const CLASSES: [&str; 3] = ["compute", "gpu", "odd"];
pub(crate) const STATES: [ResourceState; 4] = [
    ResourceState::Available,
    ResourceState::Draining,
    ResourceState::Maintenance,
    ResourceState::Failed,
];

/// A node as plain numbers; `clock` in MHz.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) cpu: u64,
    pub(crate) memory: u64,
    pub(crate) state: usize,
    pub(crate) class: usize,
    pub(crate) zone: Option<usize>,
    pub(crate) generation: Option<i64>,
    pub(crate) clock: Option<u32>,
    pub(crate) features: Option<[bool; 3]>,
    pub(crate) driver: Option<(u64, u64)>,
    pub(crate) taints: Vec<(usize, usize)>,
    pub(crate) child: bool,
}

/// A rule as plain numbers.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    ZoneIn(Vec<usize>),
    ZoneNotIn(Vec<usize>),
    ZoneAbsent,
    GenerationAbove(i64),
    ClockGhz(u32, u32),
    ClockBytes,
    Feature(usize),
    AllFeatures([bool; 3]),
    NotFeature(usize),
    DriverAtLeast(u64, u64),
    Class(usize),
    Either(Box<Wish>, Box<Wish>),
    Both(Box<Wish>, Box<Wish>),
}

impl Node {
    pub(crate) fn build(&self, n: usize) -> Resource {
        let mut node = Resource::node(format!("n{n}"))
            .class(CLASSES[self.class])
            .state(STATES[self.state])
            .capacity([cores(self.cpu), gib(self.memory)]);
        if let Some(zone) = self.zone {
            node = node.label("zone", ZONES[zone]);
            if !self.child {
                node = node.topology([("zone", ZONES[zone])]);
            }
        }
        if let Some(generation) = self.generation {
            node = node.label("generation", generation.to_string());
        }
        if let Some(clock) = self.clock {
            let clock: Measure = format!("{clock} MHz").parse().unwrap();
            node = node.capability("clock", clock);
        }
        if let Some(features) = self.features {
            let own = FEATURES.iter().zip(features).filter(|(_, has)| *has);
            let own = own.map(|(name, _)| (*name).to_owned()).collect();
            node = node.capability("features", cloudlot_core::Capability::Set(own));
        }
        if let Some((major, minor)) = self.driver {
            let version: Version = format!("{major}.{minor}").parse().unwrap();
            node = node.capability("driver", version);
        }
        for (key, effect) in &self.taints {
            node = node.taint(Taint::new(KEYS[*key], "yes", EFFECTS[*effect]));
        }
        if self.child {
            node = node.parent("chassis");
        }
        node.build().unwrap()
    }

    /// What a plain reading of the rule says.
    pub(crate) fn fulfils(&self, wish: &Wish) -> bool {
        match wish {
            Wish::ZoneIn(zones) => self.zone.is_some_and(|zone| zones.contains(&zone)),
            Wish::ZoneNotIn(zones) => !self.zone.is_some_and(|zone| zones.contains(&zone)),
            Wish::ZoneAbsent => self.zone.is_none(),
            Wish::GenerationAbove(least) => self.generation.is_some_and(|n| n > *least),
            Wish::ClockGhz(least, most) => self
                .clock
                .is_some_and(|clock| clock >= least * 1_000 && clock <= most * 1_000),
            Wish::ClockBytes => false,
            Wish::Feature(n) => self.features.is_some_and(|has| has[*n]),
            Wish::AllFeatures(wanted) => self
                .features
                .is_some_and(|has| (0..3).all(|n| has[n] || !wanted[n])),
            Wish::NotFeature(n) => self.features.is_some_and(|has| !has[*n]),
            Wish::DriverAtLeast(major, minor) => {
                self.driver.is_some_and(|own| own >= (*major, *minor))
            }
            Wish::Class(class) => self.class == *class,
            Wish::Either(a, b) => self.fulfils(a) || self.fulfils(b),
            Wish::Both(a, b) => self.fulfils(a) && self.fulfils(b),
        }
    }
}

impl Wish {
    pub(crate) fn build(&self) -> Constraint {
        let zones = |zones: &[usize]| zones.iter().map(|zone| ZONES[*zone]).collect::<Vec<_>>();
        let measure = |text: String| text.parse::<Measure>().unwrap();
        match self {
            Self::ZoneIn(list) => Selector::any_of("zone", zones(list)).into(),
            Self::ZoneNotIn(list) => Selector::none_of("zone", zones(list)).into(),
            Self::ZoneAbsent => Selector::absent("zone").into(),
            Self::GenerationAbove(least) => Selector::above("generation", *least).into(),
            Self::ClockGhz(least, most) => {
                let [least, most] = [least, most].map(|n| measure(format!("{n} GHz")));
                CapabilityRule::range("clock", least, most).into()
            }
            Self::ClockBytes => CapabilityRule::at_least("clock", measure("1 B".to_owned())).into(),
            Self::Feature(n) => CapabilityRule::one_of("features", [FEATURES[*n]]).into(),
            Self::AllFeatures(wanted) => {
                let wanted = (0..3).filter(|n| wanted[*n]).map(|n| FEATURES[n]);
                CapabilityRule::contains_all("features", wanted).into()
            }
            Self::NotFeature(n) => CapabilityRule::none_of("features", [FEATURES[*n]]).into(),
            Self::DriverAtLeast(major, minor) => {
                let version: Version = format!("{major}.{minor}.0").parse().unwrap();
                CapabilityRule::at_least("driver", version).into()
            }
            Self::Class(class) => Constraint::class(NodeClass::from(CLASSES[*class])),
            Self::Either(a, b) => Constraint::AnyOf(vec![a.build(), b.build()]),
            Self::Both(a, b) => Constraint::AllOf(vec![a.build(), b.build()]),
        }
    }
}

pub(crate) fn node() -> impl Strategy<Value = Node> {
    let what = (1..20_u64, 1..20_u64, 0..6_usize, 0..3_usize);
    let labels = (
        proptest::option::weighted(0.8, 0..3_usize),
        proptest::option::weighted(0.8, 0..4_i64),
    );
    let capabilities = (
        proptest::option::weighted(0.8, 500..5_000_u32),
        proptest::option::weighted(0.8, any::<[bool; 3]>()),
        proptest::option::weighted(0.8, (0..3_u64, 8..12_u64)),
    );
    let taints = proptest::collection::vec((0..2_usize, 0..3_usize), 0..2);
    let child = proptest::bool::weighted(0.1);
    (what, labels, capabilities, taints, child).prop_map(
        |(what, (zone, generation), (clock, features, driver), taints, child)| Node {
            cpu: what.0,
            memory: what.1,
            // Mostly available.
            state: what.2.saturating_sub(2),
            class: what.3,
            zone,
            generation,
            clock,
            features,
            driver,
            taints,
            child,
        },
    )
}

pub(crate) fn wish() -> impl Strategy<Value = Wish> {
    let zones = || proptest::collection::vec(0..3_usize, 1..3);
    let leaf = prop_oneof![
        zones().prop_map(Wish::ZoneIn),
        zones().prop_map(Wish::ZoneNotIn),
        Just(Wish::ZoneAbsent),
        (0..4_i64).prop_map(Wish::GenerationAbove),
        (0..3_u32, 0..3_u32).prop_map(|(least, more)| Wish::ClockGhz(least, least + more)),
        Just(Wish::ClockBytes),
        (0..3_usize).prop_map(Wish::Feature),
        (0..3_usize, any::<[bool; 3]>()).prop_map(|(n, mut wanted)| {
            wanted[n] = true;
            Wish::AllFeatures(wanted)
        }),
        (0..3_usize).prop_map(Wish::NotFeature),
        (0..3_u64, 8..12_u64).prop_map(|(major, minor)| Wish::DriverAtLeast(major, minor)),
        (0..3_usize).prop_map(Wish::Class),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        let pair = (inner.clone(), inner).prop_map(|(a, b)| (Box::new(a), Box::new(b)));
        (pair, any::<bool>()).prop_map(|((a, b), either)| match either {
            true => Wish::Either(a, b),
            false => Wish::Both(a, b),
        })
    })
}

/// A request for so much, under these rules; tolerates the taint of this key.
pub(crate) fn ask(
    cpu: u64,
    memory: u64,
    wishes: &[Wish],
    tolerated: Option<usize>,
) -> RequestBuilder {
    let mut request = Request::new("job").part([cores(cpu), gib(memory)]);
    for wish in wishes {
        request = request.require(wish.build());
    }
    if let Some(key) = tolerated {
        request = request.tolerate(Toleration::exists(KEYS[key]));
    }
    request
}

/// Every reason that a plain look at the numbers gives.
pub(crate) fn naive(
    node: &Node,
    cpu: u64,
    memory: u64,
    wishes: &[Wish],
    tolerated: Option<usize>,
) -> BTreeSet<Reason> {
    let mut reasons = BTreeSet::new();
    if node.state != 0 {
        reasons.insert(Reason::State(STATES[node.state]));
    }
    if node.child {
        reasons.insert(Reason::Level);
    }
    for (kind, asked, has) in [("cpu", cpu, node.cpu), ("memory", memory, node.memory)] {
        if asked > has {
            reasons.insert(Reason::AboveLimit(kind.parse().unwrap()));
        }
    }
    for (n, wish) in wishes.iter().enumerate() {
        if !node.fulfils(wish) {
            reasons.insert(Reason::Constraint(n));
        }
    }
    for (key, effect) in &node.taints {
        if EFFECTS[*effect] != Effect::PreferNoSchedule && tolerated != Some(*key) {
            reasons.insert(Reason::Taint(KEYS[*key].to_owned()));
        }
    }
    reasons
}

//! Small worlds by chance: a few nodes and devices, what is held on them already, and a request.

use cloudlot_core::ledger::{Booking, Hold, Holds, Ledger};
use cloudlot_core::{
    Amounts, Effect, Kind, On, OwnerPath, Quantity, Request, RequestBuilder, Resource, ResourceId,
    ResourceState, Selector, Spread, Taint, Timestamp, Toleration,
};
use proptest::prelude::*;
use std::time::Duration;

/// The kinds that occur: two that every ledger knows, and devices.
const NEAR: [Kind; 2] = [Kind::CPU, Kind::MEMORY];

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) capacity: [u64; 2],
    pub(crate) zone: u8,
    pub(crate) ssd: bool,
    pub(crate) tainted: bool,
    pub(crate) state: ResourceState,
    /// What each of its devices has.
    pub(crate) devices: Vec<u64>,
}

/// What is held already: on which row, how much, with what label or aversion, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) on: u8,
    pub(crate) amount: u64,
    pub(crate) label: Option<bool>,
    pub(crate) averse: bool,
    pub(crate) window: Option<(u64, u64)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) amounts: [u64; 2],
    pub(crate) min: u32,
    pub(crate) more: u32,
    /// How many devices a member sits on, and what it takes of each.
    pub(crate) devices: Option<(u32, u64)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Even {
    pub(crate) zone: bool,
    pub(crate) skew: u32,
    pub(crate) most: Option<u32>,
    pub(crate) among: Option<bool>,
}

#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) parts: Vec<Part>,
    pub(crate) elastic: Option<([u64; 2], [u64; 2])>,
    pub(crate) label: Option<bool>,
    /// The label, whether by zone, and whether together.
    pub(crate) company: Vec<(bool, bool, bool)>,
    pub(crate) spreads: Vec<Even>,
    pub(crate) ssd: bool,
    pub(crate) tolerant: bool,
    pub(crate) window: Option<(u64, u64)>,
    pub(crate) prefers_ssd: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) nodes: Vec<Node>,
    pub(crate) held: Vec<Held>,
    pub(crate) wish: Wish,
    /// The owner's limit of processors.
    pub(crate) limit: Option<u64>,
}

fn rarely<T: std::fmt::Debug + Clone>(
    strategy: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    prop_oneof![5 => Just(None), 1 => strategy.prop_map(Some)]
}

fn node(devices: usize) -> impl Strategy<Value = Node> {
    let state =
        prop_oneof![12 => Just(ResourceState::Available), 1 => Just(ResourceState::Draining)];
    (
        [2..9_u64, 1..7],
        0..2_u8,
        any::<bool>(),
        proptest::bool::weighted(0.1),
        state,
        proptest::collection::vec(1..5_u64, devices.min(1)..=devices),
    )
        .prop_map(|(capacity, zone, ssd, tainted, state, devices)| Node {
            capacity,
            zone,
            ssd,
            tainted,
            state,
            devices,
        })
}

fn held() -> impl Strategy<Value = Held> {
    (
        0..4_u8,
        1..4_u64,
        proptest::option::of(any::<bool>()),
        proptest::bool::weighted(0.1),
        rarely((0..6_u64, 1..6_u64)),
    )
        .prop_map(|(on, amount, label, averse, window)| Held {
            on,
            amount,
            label,
            averse,
            window,
        })
}

fn part(most: u32, devices: bool) -> impl Strategy<Value = Part> {
    let on = if devices {
        proptest::option::of((1..4_u32, 1..3_u64)).boxed()
    } else {
        Just(None).boxed()
    };
    ([1..4_u64, 0..3], 1..=most, 0..3_u32, on).prop_map(move |(amounts, min, more, devices)| Part {
        amounts,
        min,
        more: more.min(most - min),
        devices,
    })
}

fn even() -> impl Strategy<Value = Even> {
    (
        any::<bool>(),
        1..3_u32,
        rarely(1..3_u32),
        proptest::option::of(any::<bool>()),
    )
        .prop_map(|(zone, skew, most, among)| Even {
            zone,
            skew,
            most,
            among,
        })
}

fn wish(devices: bool) -> impl Strategy<Value = Wish> {
    let parts = prop_oneof![
        proptest::collection::vec(part(4, devices), 1..=1),
        proptest::collection::vec(part(2, devices), 2..=2),
    ];
    let elastic = (([0..4_u64, 0..3]), ([1..6_u64, 0..4]))
        .prop_map(|(least, more)| (least, [least[0] + more[0], least[1] + more[1]]))
        .prop_filter("something", |(least, _)| least[0] + least[1] > 0);
    let social = (
        proptest::option::of(any::<bool>()),
        prop_oneof![
            5 => Just(Vec::new()),
            2 => proptest::collection::vec(
                (any::<bool>(), any::<bool>(), proptest::bool::weighted(0.3)),
                1..3,
            )
        ],
        prop_oneof![3 => Just(Vec::new()), 1 => proptest::collection::vec(even(), 1..3)],
    );
    (
        parts,
        prop_oneof![4 => Just(None), 1 => elastic.prop_map(Some)],
        social,
        proptest::bool::weighted(0.08),
        any::<bool>(),
        rarely((0..6_u64, 1..6_u64)),
        any::<bool>(),
    )
        .prop_map(
            |(parts, elastic, social, ssd, tolerant, window, prefers_ssd)| {
                let (label, company, mut spreads) = social;
                // A level may have one spread.
                spreads.sort_by_key(|even| even.zone);
                spreads.dedup_by_key(|even| even.zone);
                Wish {
                    parts,
                    elastic,
                    label,
                    company,
                    spreads,
                    ssd,
                    tolerant,
                    window,
                    prefers_ssd,
                }
            },
        )
}

/// What is wanted without any rule about it.
fn plain(parts: Vec<Part>) -> Wish {
    Wish {
        parts,
        elastic: None,
        label: None,
        company: Vec::new(),
        spreads: Vec::new(),
        ssd: false,
        tolerant: true,
        window: None,
        prefers_ssd: false,
    }
}

/// Gangs that fill what there is, so that the first attempt often fails.
fn tight() -> impl Strategy<Value = (Vec<Node>, Wish)> {
    let part = ([1..6_u64, 1..6], 1..3_u32).prop_map(|(amounts, min)| Part {
        amounts,
        min,
        more: 0,
        devices: None,
    });
    let nodes = proptest::collection::vec(node(0), 2..=4);
    let spreads = prop_oneof![2 => Just(Vec::new()), 1 => proptest::collection::vec(even(), 1..=1)];
    let parts = proptest::collection::vec(part, 2..=3);
    (nodes, parts, spreads).prop_map(|(mut nodes, parts, spreads)| {
        for node in &mut nodes {
            node.state = ResourceState::Available;
        }
        let wish = Wish {
            spreads,
            ..plain(parts)
        };
        (nodes, wish)
    })
}

/// Members on several devices, which have to be dealt out with care.
fn families() -> impl Strategy<Value = (Vec<Node>, Wish)> {
    let part = (1..3_u32, 1..4_u32, 1..3_u64).prop_map(|(min, of, amount)| Part {
        amounts: [1, 0],
        min,
        more: 0,
        devices: Some((of, amount)),
    });
    let nodes = proptest::collection::vec(node(4), 1..=2);
    let parts = proptest::collection::vec(part, 1..=2);
    (nodes, parts).prop_map(|(nodes, parts)| (nodes, plain(parts)))
}

/// Worlds of one to four nodes, of which a few have devices.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let all = (proptest::collection::vec(node(0), 1..=4), wish(false));
    let nested = (proptest::collection::vec(node(3), 1..=2), wish(true));
    let loaded = (
        prop_oneof![all, nested],
        proptest::collection::vec(held(), 0..4),
        rarely(2..20_u64),
    );
    let empty = prop_oneof![tight(), families()];
    prop_oneof![
        2 => loaded,
        1 => empty.prop_map(|of| (of, Vec::new(), None)),
    ]
    .prop_map(|((nodes, wish), held, limit)| Case {
        nodes,
        held,
        wish,
        limit,
    })
}

fn label(web: bool) -> &'static str {
    if web { "web" } else { "db" }
}

fn at(second: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(second)
}

fn quantities(amounts: [u64; 2]) -> Vec<Quantity> {
    let some = NEAR
        .into_iter()
        .zip(amounts)
        .filter(|(_, amount)| *amount > 0);
    some.map(|(kind, amount)| Quantity::new(kind, amount))
        .collect()
}

fn bounded(request: RequestBuilder, window: Option<(u64, u64)>) -> RequestBuilder {
    match window {
        Some((from, length)) => request.window(at(from), at(from + length)),
        None => request,
    }
}

impl Case {
    /// The ledger as it stands before the request.
    pub(crate) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::new();
        for (n, node) in self.nodes.iter().enumerate() {
            let mut resource = Resource::node(format!("n{n}"))
                .capacity(quantities(node.capacity))
                .topology([("zone", if node.zone == 0 { "a" } else { "b" })])
                .state(node.state);
            if node.ssd {
                resource = resource.label("disk", "ssd");
            }
            if node.tainted {
                resource = resource.taint(Taint::new("own", "", Effect::NoSchedule));
            }
            ledger.add(resource.build().unwrap(), at(0)).unwrap();
            for (k, amount) in node.devices.iter().enumerate() {
                let device = Resource::node(format!("n{n}-gpu{k}"))
                    .parent(format!("n{n}"))
                    .capacity([Quantity::new(Kind::GPU, *amount)]);
                ledger.add(device.build().unwrap(), at(0)).unwrap();
            }
        }
        if let Some(limit) = self.limit {
            let owner: OwnerPath = "team".parse().unwrap();
            let limit = [Quantity::new(Kind::CPU, limit)];
            ledger.set_limit(&owner, limit, at(0)).unwrap();
        }
        for (n, held) in self.held.iter().enumerate() {
            self.hold(&mut ledger, n, held);
        }
        ledger
    }

    /// What was there before is there whether it would be let in now or not.
    fn hold(&self, ledger: &mut Ledger, n: usize, held: &Held) {
        let rows = rows(ledger);
        let on = rows[usize::from(held.on) % rows.len()];
        let has = ledger.state().limit(on);
        let Some((kind, _)) = has.iter().next() else {
            return;
        };
        let mut request = Request::new(format!("held{n}")).part([Quantity::new(kind, held.amount)]);
        if let Some(web) = held.label {
            request = request.label("app", label(web));
        }
        if held.averse {
            request = request.anti_affinity("app=web", "zone");
        }
        let request = bounded(request, held.window).build().unwrap();
        let amounts = Amounts::of([(kind, held.amount)]);
        let holds = Holds::one(Hold::new(on, &amounts));
        ledger
            .adopt(&Booking::of(&request, holds), Some(at(0)), at(0))
            .unwrap();
    }

    pub(crate) fn request(&self) -> Request {
        let wish = &self.wish;
        let mut request = Request::new("wish").owner("team");
        match &wish.elastic {
            Some((least, most)) => request = request.elastic(quantities(*least), quantities(*most)),
            None => {
                for part in &wish.parts {
                    let (on, amounts) = match part.devices {
                        Some((of, amount)) => {
                            (On::Children { of }, vec![Quantity::new(Kind::GPU, amount)])
                        }
                        None => (On::Node, quantities(part.amounts)),
                    };
                    request = request.gang(part.min + part.more, part.min, on, amounts);
                }
            }
        }
        if let Some(web) = wish.label {
            request = request.label("app", label(web));
        }
        for (web, zone, together) in &wish.company {
            let level = if *zone { "zone" } else { "host" };
            let other = format!("app={}", label(*web));
            request = match together {
                true => request.affinity(other, level),
                false => request.anti_affinity(other, level),
            };
        }
        for even in &wish.spreads {
            request = request.spread_as(Spread {
                level: if even.zone { "zone" } else { "host" }.to_owned(),
                max_skew: even.skew,
                most: even.most,
                among: even
                    .among
                    .map(|web| format!("app={}", label(web)).parse().unwrap()),
            });
        }
        if wish.ssd {
            request = request.require(Selector::any_of("disk", ["ssd"]));
        }
        if wish.prefers_ssd {
            request = request.prefer(Selector::any_of("disk", ["ssd"]), 5);
        }
        if wish.tolerant {
            request = request.tolerate(Toleration::everything());
        }
        bounded(request, wish.window).build().unwrap()
    }
}

/// All rows, in ascending order.
pub(crate) fn rows(ledger: &Ledger) -> Vec<ResourceId> {
    let mut rows: Vec<ResourceId> = ledger.state().resources().map(|(id, _)| id).collect();
    rows.sort_unstable();
    rows
}

//! Monitoring from end to end: a ledger at work, its usage report, the dashboard and the exported text, with numbers that
//! were worked out by hand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::float_cmp,
    reason = "the numbers are exact, or the test says how near"
)]

use cloudlot_core::ledger::{Ledger, Why};
use cloudlot_core::metrics::{ActivityMeter, Content, KindUsage, Level, Monitor, Usage};
use cloudlot_core::{
    Kind, Request, ReservationId, Resource, ResourceId, Timestamp, cores, gib, mib,
};
use std::time::Duration;

const CORE: u64 = 1_000;
const GIB: u64 = 1 << 30;

fn second(n: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(n)
}

/// Two nodes, three owners, and a caller that tells the meter what it did.
struct Cluster {
    ledger: Ledger,
    meter: ActivityMeter,
    nodes: [ResourceId; 2],
    web: ReservationId,
}

fn ask(name: &str, owner: &str, cpu: u64, memory: u64) -> Request {
    let request = Request::new(name)
        .owner(owner)
        .part([cores(cpu), gib(memory)]);
    request.hold_for(Duration::from_secs(60)).build().unwrap()
}

impl Cluster {
    /// Ten seconds of work:
    /// second 1 `web` gets 8 cores and 16 GiB on n1, and confirms in second 2;
    /// second 3 `batch` gets 4 cores and 8 GiB on n1, and does not confirm;
    /// second 4 `short` gets 2 cores and 4 GiB on n2 after a wait of 3 s, and is done in second 5;
    /// second 6 `large` finds no room for 14 cores anywhere; second 7 it finds none again;
    /// second 8 `db` gets 6 cores and 24 GiB on n2 after a wait of 1 s, and confirms in second 9.
    fn at_work() -> Self {
        let mut ledger = Ledger::new();
        let mut add = |name: &str, memory| {
            let node = Resource::node(name).capacity([cores(16), gib(memory)]);
            let node = if name == "n1" {
                node.reserved([cores(1)]).overcommit(Kind::CPU, 1_200) // 18 cores may be promised
            } else {
                node
            };
            ledger.add(node.build().unwrap(), second(0)).unwrap()
        };
        let nodes = [add("n1", 64), add("n2", 32)];
        let meter = ActivityMeter::over(Duration::from_secs(60), second(0));
        let web = ReservationId::new(0, 0);
        let mut cluster = Self {
            ledger,
            meter,
            nodes,
            web,
        };
        cluster.web = cluster.grant(&ask("web", "org/web", 8, 16), 0, 1, 0);
        cluster.ledger.confirm(cluster.web, second(2)).unwrap();
        cluster.grant(&ask("batch", "org/batch", 4, 8), 0, 3, 0);
        let short = cluster.grant(&ask("short", "org/batch", 2, 4), 1, 4, 3);
        cluster.finish(short, 5);
        for at in [6, 7] {
            cluster.refuse(&ask("large", "org/batch", 14, 33), at);
        }
        let db = cluster.grant(&ask("db", "db", 6, 24), 1, 8, 1);
        cluster.ledger.confirm(db, second(9)).unwrap();
        cluster
    }

    fn grant(&mut self, request: &Request, node: usize, at: u64, waited: u64) -> ReservationId {
        let grant = self
            .ledger
            .reserve(request, self.nodes[node], second(at))
            .unwrap();
        self.meter.granted(second(at), Duration::from_secs(waited));
        grant.id
    }

    fn refuse(&mut self, request: &Request, at: u64) {
        for node in self.nodes {
            let why = self.ledger.reserve(request, node, second(at)).unwrap_err();
            assert!(
                matches!(why, Why::Full { .. } | Why::Unsuitable { .. }),
                "{why}"
            );
        }
        self.meter.refused_for_room(second(at));
    }

    fn finish(&mut self, id: ReservationId, at: u64) {
        self.ledger.release(id, second(at)).unwrap();
        self.meter.finished(second(at));
    }

    fn usage(&self, at: u64) -> Usage {
        let mut usage = self.ledger.state().usage(second(at));
        usage.activity = self.meter.activity(second(at));
        usage
    }
}

#[test]
fn amounts_stand_by_resource_kind_and_owner() {
    let usage = Cluster::at_work().usage(10);
    let row = |capacity, limit, held, confirmed| KindUsage::new(capacity, limit, held, confirmed);
    let n1 = &usage.resources["n1"];
    assert_eq!(n1["cpu"], row(16 * CORE, 18 * CORE, 12 * CORE, 8 * CORE));
    assert_eq!(n1["cpu"].free, 6 * CORE);
    assert_eq!(n1["memory"], row(64 * GIB, 64 * GIB, 24 * GIB, 16 * GIB));
    let n2 = &usage.resources["n2"];
    assert_eq!(n2["cpu"], row(16 * CORE, 16 * CORE, 6 * CORE, 6 * CORE));
    assert_eq!(n2["memory"], row(32 * GIB, 32 * GIB, 24 * GIB, 24 * GIB));
    assert_eq!(
        usage.kinds["cpu"],
        row(32 * CORE, 34 * CORE, 18 * CORE, 14 * CORE)
    );
    assert_eq!(
        usage.kinds["memory"],
        row(96 * GIB, 96 * GIB, 48 * GIB, 40 * GIB)
    );
    let owned = |owner: &str, kind: &str| {
        let amounts = usage.owners[owner][kind];
        (amounts.held, amounts.confirmed)
    };
    assert_eq!(owned("org/web", "cpu"), (8 * CORE, 8 * CORE));
    assert_eq!(owned("org/web", "memory"), (16 * GIB, 16 * GIB));
    assert_eq!(owned("org/batch", "cpu"), (4 * CORE, 0));
    assert_eq!(owned("db", "memory"), (24 * GIB, 24 * GIB));
    assert_eq!(
        (usage.resources.len(), usage.kinds.len(), usage.owners.len()),
        (2, 2, 3)
    );
}

#[test]
fn utilisation_stands_by_resource_kind_owner_and_in_all() {
    let usage = Cluster::at_work().usage(10);
    let kind = |name: &str| usage.kinds[name].utilisation().ratio();
    assert_eq!((kind("cpu"), kind("memory")), (18.0 / 32.0, 0.5));
    assert_eq!(usage.kinds["cpu"].in_use().ratio(), 14.0 / 32.0);
    // A resource is as full as its busiest kind, an owner as large as its largest share.
    assert_eq!(usage.resource_utilisation("n1"), Some(0.75));
    assert_eq!(usage.resource_utilisation("n2"), Some(0.75));
    assert_eq!(usage.resource_utilisation("n3"), None);
    assert_eq!(usage.owner_utilisation("org/web"), Some(8.0 / 32.0));
    assert_eq!(usage.owner_utilisation("org/batch"), Some(4.0 / 32.0));
    assert_eq!(usage.owner_utilisation("db"), Some(24.0 / 96.0));
    assert_eq!(usage.overall.mean, (0.5625 + 0.5) / 2.0);
    assert_eq!(usage.overall.busiest, 0.5625);
    assert_eq!(usage.overall.busiest_kind.as_deref(), Some("cpu"));
    assert_eq!(usage.overall.efficiency, (14.0 / 18.0 + 40.0 / 48.0) / 2.0);
}

#[test]
fn activity_is_what_the_caller_did() {
    let lately = Cluster::at_work().usage(10).activity;
    assert_eq!(
        lately.allocation_rate,
        4.0 / 10.0,
        "four grants in the ten seconds observed"
    );
    assert_eq!(lately.throughput, 1.0 / 10.0);
    assert_eq!(
        lately.contention_rate,
        2.0 / 6.0,
        "two of six attempts found no room"
    );
    assert_eq!(
        (lately.wait.count, lately.wait.max, lately.wait.mean),
        (4, 3.0, 1.0)
    );
}

#[test]
fn what_ends_leaves_the_report_and_so_does_what_was_never_confirmed() {
    let mut cluster = Cluster::at_work();
    cluster.finish(cluster.web, 20);
    // `batch` was held in second 3 for 60 seconds.
    assert_eq!(cluster.ledger.next_deadline(), Some(second(63)));
    assert_eq!(cluster.usage(20).owners["org/batch"]["cpu"].held, 4 * CORE);
    cluster.ledger.expire(second(63));
    let usage = cluster.usage(63);
    assert_eq!(usage.kinds["cpu"].held, 6 * CORE);
    assert_eq!(usage.owners.keys().collect::<Vec<_>>(), ["db"]);
    assert_eq!(usage.resource_utilisation("n1"), Some(0.0));
    assert_eq!(usage.overall.efficiency, 1.0, "all that is left is in use");
}

#[test]
fn a_booking_counts_when_its_time_has_come() {
    let mut cluster = Cluster::at_work();
    let later = Request::new("later").owner("later").part([mib(512)]);
    let later = later
        .window(second(100), second(200))
        .hold_for(Duration::from_secs(1_000));
    cluster.grant(&later.build().unwrap(), 0, 10, 0);
    assert!(!cluster.usage(10).owners.contains_key("later"));
    let held = |at| cluster.usage(at).resources["n1"]["memory"].held;
    assert_eq!(
        (held(99), held(100), held(199), held(200)),
        (24 * GIB, 24 * GIB + GIB / 2, 24 * GIB + GIB / 2, 24 * GIB,)
    );
}

#[test]
fn the_dashboard_is_right_on_the_first_read() {
    let usage = Cluster::at_work().usage(10);
    let mut monitor = Monitor::default();
    let dashboard = monitor.dashboard(&usage);
    let content = |id: &str| {
        let widget = dashboard.widgets.iter().find(|widget| widget.id == id);
        widget.unwrap().content.clone()
    };
    let gauge = Content::Gauge {
        value: Some(0.53125),
        level: Level::Normal,
    };
    assert_eq!(content("overall"), gauge);
    assert_eq!(
        content("status"),
        Content::Status {
            level: Level::Normal,
            busiest: 0.5625
        }
    );
    assert_eq!(
        content("high_utilization"),
        Content::Alert {
            above: 0.9,
            raised: vec![]
        }
    );
    let line = |id: &str, name: &str| match content(id) {
        Content::Chart { lines } => {
            let line = lines.into_iter().find(|line| line.name == name);
            line.unwrap().points
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(line("by_kind", "cpu"), [(second(10), 0.5625)]);
    assert_eq!(line("by_kind", "memory"), [(second(10), 0.5)]);
    assert_eq!(line("allocation_rate", ""), [(second(10), 0.4)]);
    assert_eq!(line("contention_rate", ""), [(second(10), 1.0 / 3.0)]);
    let Content::Table { rows } = content("resources") else {
        panic!("a table")
    };
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (&*row.resource, &*row.kind, row.free, row.level))
        .collect();
    assert_eq!(
        rows,
        [
            ("n1", "cpu", 6 * CORE, Level::Warning),
            ("n1", "memory", 40 * GIB, Level::Normal),
            ("n2", "cpu", 10 * CORE, Level::Normal),
            ("n2", "memory", 8 * GIB, Level::Warning),
        ]
    );
    assert_eq!(
        (
            dashboard.collected.refused,
            dashboard.collected.failures.len()
        ),
        (0, 0)
    );
    assert_eq!(
        monitor.dashboard(&usage).widgets,
        dashboard.widgets,
        "reading changes nothing"
    );
}

#[test]
fn the_dashboard_follows_and_raises_its_alarm() {
    let mut cluster = Cluster::at_work();
    let mut monitor = Monitor::default();
    monitor.dashboard(&cluster.usage(10));
    cluster.grant(&ask("fill", "db", 10, 8), 1, 20, 0);
    cluster.grant(&ask("more", "db", 2, 38), 0, 20, 0);
    let usage = cluster.usage(20);
    // Memory: 48 and 8 and 38 of 96 GiB.
    assert_eq!(usage.kinds["memory"].utilisation().ratio(), 94.0 / 96.0);
    let dashboard = monitor.dashboard(&usage);
    let raised = dashboard
        .widgets
        .iter()
        .find_map(|widget| match &widget.content {
            Content::Alert { raised, .. } => Some(raised),
            _ => None,
        });
    let kinds: Vec<_> = raised
        .unwrap()
        .iter()
        .map(|alert| (&*alert.kind, alert.value))
        .collect();
    assert_eq!(kinds, [("cpu", 30.0 / 32.0), ("memory", 94.0 / 96.0)]);
    let points = dashboard
        .widgets
        .iter()
        .find_map(|widget| match &widget.content {
            Content::Chart { lines } if widget.id == "by_kind" => Some(lines[0].points.clone()),
            _ => None,
        });
    assert_eq!(
        points.unwrap(),
        [(second(10), 0.5625), (second(20), 0.9375)]
    );
}

#[test]
fn the_table_for_people_shows_the_same() {
    let table = Cluster::at_work().usage(10).to_string();
    let line = |start: &str| {
        let line = table.lines().find(|line| line.starts_with(start)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("n1"), "n1 cpu 16000 18000 12000 8000 6000 75.0 %");
    assert_eq!(
        line("total"),
        "total cpu 32000 34000 18000 14000 16000 56.2 %"
    );
    assert_eq!(
        line("owner org/batch"),
        "owner org/batch cpu - - 4000 0 - 12.5 %"
    );
    assert!(
        table.contains("granted 0.400/s, finished 0.100/s, contention 33.3 %"),
        "{table}"
    );
}

#[cfg(feature = "openmetrics")]
#[test]
fn the_exported_text_says_the_same() {
    use cloudlot_core::metrics::openmetrics;

    let usage = Cluster::at_work().usage(10);
    let mut monitor = Monitor::default();
    monitor.observe(&usage);
    let text = openmetrics::encode(&usage, monitor.registry());
    for line in [
        r#"cloudlot_usage_resource_held{resource="n1",kind="cpu"} 12000"#,
        r#"cloudlot_usage_resource_free{resource="n2",kind="memory"} 8589934592"#,
        r#"cloudlot_usage_resource_limit{resource="n1",kind="cpu"} 18000"#,
        r#"cloudlot_usage_owner_held{owner="org/batch",kind="cpu"} 4000"#,
        r#"cloudlot_usage_owner_confirmed{owner="org/batch",kind="cpu"} 0"#,
        r#"cloudlot_metric_utilization{kind="cpu"} 0.5625"#,
        r#"cloudlot_metric_utilization{resource="n2"} 0.75"#,
        r#"cloudlot_metric_utilization{owner="db"} 0.25"#,
        "cloudlot_metric_utilization 0.53125",
        "cloudlot_metric_allocation_rate 0.4",
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "{line} is missing in\n{text}"
        );
    }
}

//! Monitoring as a whole: what was wrong where it came from, failures kept apart, and
//! hostile input.

use std::time::Duration;

use cloudlot_core::Timestamp;
use cloudlot_core::metrics::{
    Activity, CollectError, Collector, Collectors, Content, FailureCause, KindUsage, Level,
    MetricKind, MetricLabels, Monitor, Percentile, Reading, Registry, Samples, Series, Usage,
    Utilisation,
};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(second: u32) -> Timestamp {
    Timestamp::ZERO + second * SECOND
}

/// Two nodes and one task; memory is the busier kind.
fn usage(second: u32) -> Usage {
    let mut usage = Usage::at(at(second));
    usage.add_resource("node-1", "cpu", KindUsage::new(100, 100, 50, 50));
    usage.add_resource("node-1", "memory", KindUsage::new(1000, 1000, 950, 475));
    usage.add_resource("node-2", "cpu", KindUsage::new(100, 150, 0, 0));
    usage.add_owner("task-1", "cpu", 50, 50);
    usage.add_owner("task-1", "memory", 950, 475);
    usage.activity = Activity {
        allocation_rate: 1.5,
        contention_rate: 0.25,
        ..Activity::default()
    };
    usage
}

mod percentiles {
    use super::*;

    /// The original failed with one sample, and at 100.
    #[test]
    fn one_sample_has_every_percentile() {
        let mut series = Series::new();
        series.push(at(1), 7.0).unwrap();
        for p in [0.0, 1.0, 50.0, 99.9, 100.0] {
            let p = Percentile::new(p).unwrap();
            assert_eq!(series.percentile(at(1), SECOND, p), Some(7.0));
        }
    }

    #[test]
    fn the_hundredth_is_the_largest() {
        let mut series = Series::new();
        for (second, value) in [(0, 3.0), (1, 9.0), (2, 1.0)] {
            series.push(at(second), value).unwrap();
        }
        let percentile = |p| series.percentile(at(2), 10 * SECOND, p);
        assert_eq!(percentile(Percentile::MAX), Some(9.0));
        assert_eq!(percentile(Percentile::MIN), Some(1.0));
    }
}

mod dashboard {
    use super::*;

    fn content<'a>(dashboard: &'a cloudlot_core::metrics::Dashboard, id: &str) -> &'a Content {
        &dashboard
            .widgets
            .iter()
            .find(|w| w.id == id)
            .expect("a widget of this name")
            .content
    }

    fn points(content: &Content) -> Vec<(&str, Vec<f64>)> {
        let Content::Chart { lines } = content else {
            panic!("{content:?} is no chart");
        };
        let values = |points: &[(Timestamp, f64)]| points.iter().map(|(_, v)| *v).collect();
        lines
            .iter()
            .map(|line| (&*line.name, values(&line.points)))
            .collect()
    }

    /// The original's first read was empty, and so was each within a minute of the last.
    #[test]
    fn the_first_read_shows_everything() {
        let dashboard = Monitor::default().dashboard(&usage(0));
        assert_eq!(
            (dashboard.widgets.len(), dashboard.refresh_seconds),
            (8, 60)
        );
        let mean = (0.25 + 0.95) / 2.0;
        assert_eq!(
            *content(&dashboard, "overall"),
            Content::Gauge {
                value: Some(mean),
                level: Level::Normal
            }
        );
        assert_eq!(
            points(content(&dashboard, "by_kind")),
            [("cpu", vec![0.25]), ("memory", vec![0.95])]
        );
        assert_eq!(
            points(content(&dashboard, "allocation_rate")),
            [("", vec![1.5])]
        );
        assert_eq!(
            points(content(&dashboard, "contention_rate")),
            [("", vec![0.25])]
        );
        assert_eq!(
            points(content(&dashboard, "wait_time")),
            [("50", vec![0.0]), ("95", vec![0.0]), ("99", vec![0.0])]
        );
        let Content::Table { rows } = content(&dashboard, "resources") else {
            panic!("no table");
        };
        let named: Vec<_> = rows
            .iter()
            .map(|r| (&*r.resource, &*r.kind, r.free, r.level))
            .collect();
        assert_eq!(
            named,
            [
                ("node-1", "cpu", 50, Level::Normal),
                ("node-1", "memory", 50, Level::Critical),
                ("node-2", "cpu", 150, Level::Normal),
            ]
        );
        let Content::Alert { above, raised } = content(&dashboard, "high_utilization") else {
            panic!("no alert");
        };
        assert_eq!((*above, raised.len(), &*raised[0].kind), (0.9, 1, "memory"));
        assert_eq!(
            *content(&dashboard, "status"),
            Content::Status {
                level: Level::Critical,
                busiest: 0.95
            }
        );
    }

    #[test]
    fn the_second_read_has_both() {
        let mut monitor = Monitor::default();
        monitor.dashboard(&usage(0));
        let second = monitor.dashboard(&usage(1));
        assert_eq!(
            points(content(&second, "allocation_rate")),
            [("", vec![1.5, 1.5])]
        );
    }

    #[test]
    fn to_read_the_same_usage_twice_is_harmless() {
        let mut monitor = Monitor::default();
        let first = monitor.dashboard(&usage(5));
        let again = monitor.dashboard(&usage(5));
        assert_eq!(first.widgets, again.widgets);
        monitor.observe(&usage(4));
        assert_eq!(monitor.registry().refused(), 0);
    }

    #[test]
    fn exactly_the_threshold_is_critical_but_no_alert() {
        let mut usage = Usage::at(at(0));
        usage.add_resource("node-1", "cpu", KindUsage::new(10, 10, 9, 9));
        let dashboard = Monitor::default().dashboard(&usage);
        assert!(matches!(
            content(&dashboard, "high_utilization"),
            Content::Alert { raised, .. } if raised.is_empty()
        ));
        assert!(matches!(
            content(&dashboard, "status"),
            Content::Status {
                level: Level::Critical,
                ..
            }
        ));
    }

    #[test]
    fn a_chart_by_a_label_has_series_of_that_label_alone() {
        let mut monitor = Monitor::default();
        let labels = MetricLabels::new([("kind", "cpu"), ("zone", "a")]).unwrap();
        let reading = Reading::Gauge(0.1);
        let recorded =
            monitor
                .registry_mut()
                .record(at(0), &MetricKind::Utilization, &labels, reading);
        assert_eq!(recorded, Ok(()));
        let dashboard = monitor.dashboard(&usage(0));
        assert_eq!(
            points(content(&dashboard, "by_kind")),
            [("cpu", vec![0.25]), ("memory", vec![0.95])]
        );
    }

    #[test]
    fn nothing_is_neither_normal_nor_an_alarm() {
        let dashboard = Monitor::default().dashboard(&Usage::at(at(0)));
        assert_eq!(
            *content(&dashboard, "status"),
            Content::Status {
                level: Level::Unknown,
                busiest: 0.0
            }
        );
    }

    #[test]
    fn a_full_registry_still_has_the_sums() {
        let mut usage = usage(0);
        for n in 0..100 {
            usage.add_resource(&format!("extra-{n}"), "cpu", KindUsage::new(1, 1, 1, 1));
        }
        let mut monitor = Monitor::with_registry(Registry::with_limits(10, 5));
        let dashboard = monitor.dashboard(&usage);
        assert_eq!(
            (dashboard.collected.recorded, dashboard.collected.refused),
            (10, 103)
        );
        assert_eq!(points(content(&dashboard, "by_kind")).len(), 2);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn it_travels_as_json() {
        let mut monitor = Monitor::default();
        monitor
            .collectors
            .add(super::collectors::broken("x", || panic!("no")));
        let dashboard = monitor.dashboard(&usage(0));
        let text = serde_json::to_string(&dashboard).unwrap();
        assert!(text.contains(r#""widget":"gauge""#), "{text}");
        let read: cloudlot_core::metrics::Dashboard = serde_json::from_str(&text).unwrap();
        assert_eq!(read, dashboard);
    }
}

mod collectors {
    use super::*;

    /// Says one thing, then does what it is told.
    struct Broken<F>(&'static str, F);

    pub(super) fn broken(
        name: &'static str,
        act: impl FnMut() -> Result<(), CollectError> + Send + 'static,
    ) -> impl Collector + Send + 'static {
        Broken(name, act)
    }

    impl<F: FnMut() -> Result<(), CollectError>> Collector for Broken<F> {
        fn name(&self) -> &str {
            self.0
        }

        fn collect(&mut self, _now: Timestamp, out: &mut Samples) -> Result<(), CollectError> {
            let labels = MetricLabels::new([("from", self.0)]).expect("a label");
            out.push(MetricKind::Throughput, labels, Reading::Gauge(1.0));
            (self.1)()
        }
    }

    struct PanicsWhenDropped;

    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    #[test]
    fn each_is_kept_from_the_failures_of_the_others() {
        let mut collectors = Collectors::default();
        collectors.add(broken("first", || Ok(())));
        collectors.add(broken("error", || Err(CollectError("no route".into()))));
        collectors.add(broken("panic", || panic!("plain")));
        let n = 3;
        collectors.add(broken("formatted", move || panic!("number {n}")));
        collectors.add(broken("other", || std::panic::panic_any(5)));
        collectors.add(broken("drop", || std::panic::panic_any(PanicsWhenDropped)));
        collectors.add(broken("last", || Ok(())));
        let mut registry = Registry::new();
        for second in 0..3 {
            let report = collectors.collect(at(second), &mut registry);
            assert_eq!((report.recorded, report.refused), (2, 0));
            let named: Vec<_> = report
                .failures
                .iter()
                .map(|f| (&*f.collector, f.cause.to_string()))
                .collect();
            let expected = [
                ("error", "no route"),
                ("panic", "panicked: plain"),
                ("formatted", "panicked: number 3"),
                ("other", "panicked: without a message"),
                ("drop", "panicked: without a message"),
            ];
            assert_eq!(
                named,
                expected.map(|(name, cause)| (name, cause.to_owned()))
            );
        }
        // What a failed one had said before is nowhere.
        let mut from: Vec<_> = registry
            .of_kind(&MetricKind::Throughput)
            .map(|(l, _)| l.value("from"))
            .collect();
        from.sort_unstable();
        assert_eq!(from, [Some("first"), Some("last")]);
    }

    #[test]
    fn one_that_recovers_counts_again() {
        let mut calls = 0;
        let mut collectors = Collectors::default();
        collectors.add(broken("flaky", move || {
            calls += 1;
            assert!(calls != 1, "not yet");
            Ok(())
        }));
        let mut registry = Registry::new();
        assert_eq!(collectors.collect(at(0), &mut registry).recorded, 0);
        assert_eq!(collectors.collect(at(1), &mut registry).recorded, 1);
        assert_eq!(collectors.remove("flaky"), 1);
        assert_eq!(collectors.names().count(), 0);
    }

    struct Flood(usize);

    impl Collector for Flood {
        fn name(&self) -> &str {
            "flood"
        }

        fn collect(&mut self, _now: Timestamp, out: &mut Samples) -> Result<(), CollectError> {
            for _ in 0..self.0 {
                out.push(
                    MetricKind::Throughput,
                    MetricLabels::none(),
                    Reading::Gauge(1.0),
                );
            }
            Ok(())
        }
    }

    #[test]
    fn a_flood_is_a_failure() {
        let mut collectors = Collectors::default();
        collectors.add(Flood(Samples::MOST + 7));
        let mut registry = Registry::new();
        let report = collectors.collect(at(0), &mut registry);
        assert_eq!(
            report.failures[0].cause,
            FailureCause::TooMany(Samples::MOST + 7)
        );
        assert!(registry.is_empty());
    }

    #[test]
    fn a_reading_that_is_no_number_spoils_no_other() {
        struct Odd;
        impl Collector for Odd {
            fn name(&self) -> &str {
                "odd"
            }
            fn collect(&mut self, _now: Timestamp, out: &mut Samples) -> Result<(), CollectError> {
                let gauge = |value| Reading::Gauge(value);
                out.push(
                    MetricKind::Efficiency,
                    MetricLabels::none(),
                    gauge(f64::NAN),
                );
                out.push(MetricKind::Throughput, MetricLabels::none(), gauge(2.0));
                Ok(())
            }
        }
        let mut collectors = Collectors::default();
        collectors.add(Odd);
        let report = collectors.collect(at(0), &mut Registry::new());
        assert_eq!(
            (report.recorded, report.refused, report.failures.len()),
            (1, 1, 0)
        );
    }
}

mod report {
    use super::*;

    #[test]
    fn it_prints_as_a_table() {
        let mut usage = usage(0);
        usage.add_owner("line\nbreak", "gpu", 1, 0);
        let expected = "\
name               kind    capacity  limit  held  confirmed  free    used
node-1             cpu          100    100    50         50    50  50.0 %
node-1             memory      1000   1000   950        475    50  95.0 %
node-2             cpu          100    150     0          0   150   0.0 %
total              cpu          200    250    50         50   200  25.0 %
total              memory      1000   1000   950        475    50  95.0 %
owner line\\nbreak  gpu            -      -     1          0     -   0.0 %
owner task-1       cpu            -      -    50         50     -  25.0 %
owner task-1       memory         -      -   950        475     -  95.0 %
in all 60.0 %, efficiency 75.0 %
granted 1.500/s, finished 0.000/s, contention 25.0 %
waited 0 times: mean 0.000 s, p50 0.000 s, p95 0.000 s, p99 0.000 s, max 0.000 s
";
        assert_eq!(usage.to_string(), expected);
    }

    #[test]
    fn amounts_at_the_end_of_the_numbers_give_ratios() {
        let mut usage = Usage::at(at(0));
        let most = KindUsage::new(u64::MAX, u64::MAX, u64::MAX, u64::MAX);
        for node in ["a", "b"] {
            usage.add_resource(node, "cpu", most);
            usage.add_resource(node, "gone", KindUsage::new(0, 0, 5, 9));
        }
        usage.add_owner("o", "cpu", u64::MAX, u64::MAX);
        usage.add_owner("o", "cpu", u64::MAX, u64::MAX);
        usage.add_owner("o", "unknown", 1, 1);
        assert_eq!(usage.kinds["cpu"].capacity, u64::MAX);
        assert_eq!(usage.kinds["gone"].utilisation().ratio(), 0.0);
        assert_eq!(usage.owner_utilisation("o"), Some(1.0));
        assert_eq!((usage.overall.mean, usage.overall.efficiency), (0.5, 1.0));
        assert_eq!(usage.overall.busiest_kind.as_deref(), Some("cpu"));
        assert_eq!(usage.owner_utilisation("nobody"), None);
    }

    #[test]
    fn the_first_by_name_is_busiest_among_equals() {
        let mut usage = Usage::at(at(0));
        for kind in ["b", "a", "c"] {
            usage.add_resource("node", kind, KindUsage::new(10, 10, 5, 5));
        }
        assert_eq!(usage.overall.busiest_kind.as_deref(), Some("a"));
    }

    #[test]
    fn what_is_not_held_has_no_say_in_the_efficiency() {
        let mut usage = Usage::at(at(0));
        usage.add_resource("node", "idle", KindUsage::new(10, 10, 0, 0));
        assert_eq!(usage.overall.efficiency, 1.0);
        usage.add_resource("node", "cpu", KindUsage::new(10, 10, 4, 1));
        assert_eq!(usage.overall.efficiency, 0.25);
    }

    #[test]
    fn an_overfull_node_takes_nothing_from_its_neighbour() {
        let mut usage = Usage::at(at(0));
        usage.add_resource("over", "cpu", KindUsage::new(10, 10, 30, 30));
        usage.add_resource("free", "cpu", KindUsage::new(10, 10, 0, 0));
        assert_eq!(usage.kinds["cpu"].free, 10);
        assert_eq!(usage.resource_utilisation("over"), Some(3.0));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn it_travels_as_json() {
        let text = serde_json::to_string(&usage(3)).unwrap();
        assert_eq!(serde_json::from_str::<Usage>(&text).unwrap(), usage(3));
    }

    proptest! {
        #[test]
        fn sums_are_those_of_the_rows(
            rows in prop::collection::vec((0_u8..4, 0_u8..3, 0_u64..1000, 0_u64..1000), 0..30),
        ) {
            let mut usage = Usage::default();
            for (node, kind, capacity, held) in &rows {
                let row = KindUsage::new(*capacity, *capacity, *held, held / 2);
                usage.add_resource(&node.to_string(), &kind.to_string(), row);
            }
            for (kind, sum) in &usage.kinds {
                let of_kind = || rows.iter().filter(|row| row.1.to_string() == *kind);
                let utilisation = Utilisation {
                    used: of_kind().map(|row| row.3).sum(),
                    capacity: of_kind().map(|row| row.2).sum(),
                };
                prop_assert_eq!(sum.utilisation(), utilisation);
                let free: u64 = of_kind().map(|row| row.2.saturating_sub(row.3)).sum();
                prop_assert_eq!(sum.free, free);
            }
            let ratios: Vec<f64> = usage.kinds.values().map(|sum| sum.utilisation().ratio()).collect();
            let busiest = ratios.iter().copied().fold(0.0, f64::max);
            prop_assert_eq!(usage.overall.busiest, busiest);
        }
    }
}

//! The exported text, read back by a checker that knows the format and forgives nothing.
#![cfg(feature = "openmetrics")]

mod checker;

use checker::{Exposition, check};
use cloudlot_core::Timestamp;
use cloudlot_core::metrics::{
    Activity, KindUsage, MetricKind, MetricLabels, Monitor, Reading, Registry, Usage, WaitSummary,
    openmetrics,
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::ZERO;

fn read(usage: &Usage, registry: &Registry) -> Exposition {
    let text = openmetrics::encode(usage, registry);
    check(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn sample(exposition: &Exposition, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels = labels
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    exposition
        .get(&(name.to_owned(), labels.collect()))
        .copied()
}

#[test]
fn a_usage_is_exported_whole() {
    let mut usage = Usage::at(NOW);
    usage.add_resource("node-1", "cpu", KindUsage::new(100, 150, 90, 45));
    usage.add_owner("task", "cpu", 90, 45);
    usage.activity = Activity {
        allocation_rate: 2.5,
        contention_rate: 0.125,
        throughput: 1.0,
        wait: WaitSummary {
            count: 7,
            p99: 1.5,
            ..WaitSummary::default()
        },
    };
    let read = read(&usage, &Registry::new());
    let node = [("resource", "node-1"), ("kind", "cpu")];
    let own = [("owner", "task"), ("kind", "cpu")];
    let cpu = [("kind", "cpu")];
    for (name, labels, value) in [
        ("resource_capacity", &node[..], 100.0),
        ("resource_limit", &node, 150.0),
        ("resource_held", &node, 90.0),
        ("resource_confirmed", &node, 45.0),
        ("resource_free", &node, 60.0),
        ("kind_held", &cpu, 90.0),
        ("owner_held", &own, 90.0),
        ("owner_confirmed", &own, 45.0),
        ("resource_utilization_ratio", &node[..1], 0.9),
        ("kind_utilization_ratio", &cpu, 0.9),
        ("owner_utilization_ratio", &own[..1], 0.9),
        ("utilization_ratio", &[], 0.9),
        ("efficiency_ratio", &[], 0.5),
        ("allocations_per_second", &[], 2.5),
        ("finished_per_second", &[], 1.0),
        ("contention_ratio", &[], 0.125),
        ("wait_seconds", &[("statistic", "p99")], 1.5),
        ("waits_total", &[], 7.0),
    ] {
        let name = format!("cloudlot_usage_{name}");
        assert_eq!(sample(&read, &name, labels), Some(value), "{name}");
    }
}

#[test]
fn a_registry_is_exported_by_shape() {
    let mut registry = Registry::new();
    let custom = |name| MetricKind::custom(name).unwrap();
    let node = MetricLabels::new([("node", "a")]).unwrap();
    for (name, labels, reading) in [
        ("depth", &MetricLabels::none(), Reading::Gauge(-1.5)),
        ("depth", &node, Reading::Gauge(1e300)),
        ("grants", &node, Reading::Count(3)),
        ("grants", &node, Reading::Count(4)),
        ("wait", &node, Reading::Observation(0.0)),
        ("wait", &node, Reading::Observation(0.75)),
        ("wait", &node, Reading::Observation(1.0)),
        ("wait", &node, Reading::Observation(f64::MAX)),
    ] {
        registry
            .record(NOW, &custom(name), labels, reading)
            .unwrap();
    }
    let read = read(&Usage::at(NOW), &registry);
    let value =
        |name: &str, labels: &[_]| sample(&read, &format!("cloudlot_metric_{name}"), labels);
    assert_eq!(value("depth", &[]), Some(-1.5));
    assert_eq!(value("depth", &[("node", "a")]), Some(1e300));
    assert_eq!(value("grants_total", &[("node", "a")]), Some(7.0));
    assert_eq!(value("wait_count", &[("node", "a")]), Some(4.0));
    assert_eq!(
        value("wait_bucket", &[("node", "a"), ("le", "1.0")]),
        Some(3.0)
    );
    assert_eq!(
        value("wait_bucket", &[("node", "a"), ("le", "+Inf")]),
        Some(4.0)
    );
}

#[test]
fn nothing_is_a_text_too() {
    let text = openmetrics::encode(&Usage::at(NOW), &Registry::new());
    assert!(check(&text).is_ok(), "{text}");
    assert!(text.ends_with("\n# EOF\n"));
}

#[test]
fn what_is_no_number_is_left_out() {
    let mut usage = Usage::at(NOW);
    usage.activity.allocation_rate = f64::NAN;
    usage.activity.throughput = f64::INFINITY;
    let text = openmetrics::encode(&usage, &Registry::new());
    assert!(check(&text).is_ok(), "{text}");
    assert!(!text.contains("allocations_per_second") && !text.contains("NaN"));
}

#[test]
fn custom_names_cannot_pass_for_others() {
    let mut registry = Registry::new();
    for name in ["usage_waits", "wait", "EOF", "_"] {
        let kind = MetricKind::custom(name).unwrap();
        registry
            .record(NOW, &kind, &MetricLabels::none(), Reading::Gauge(1.0))
            .unwrap();
    }
    read(&Usage::at(NOW), &registry);
}

#[test]
fn the_checker_forgives_nothing() {
    let good = "# HELP a x\n# TYPE a gauge\na{l=\"v\"} 1\na{l=\"w\"} 2\n# EOF\n";
    assert!(check(good).is_ok());
    for bad in [
        "# HELP a x\n# TYPE a gauge\na 1\n",
        "# TYPE a gauge\na 1\n# EOF",
        "# TYPE a gauge\na 1\n# EOF\n\n",
        "# TYPE a gauge\n\na 1\n# EOF\n",
        "a 1\n# EOF\n",
        "# TYPE a gauge\nb 1\n# EOF\n",
        "# TYPE a gauge\na 1\na 1\n# EOF\n",
        "# TYPE a gauge\na 1\n# TYPE a gauge\n# EOF\n",
        "# TYPE a gauge\na NaN\n# EOF\n",
        "# TYPE a gauge\na{l=\"v} 1\n# EOF\n",
        "# TYPE a gauge\na{l=\"a\"b\"} 1\n# EOF\n",
        "# TYPE a gauge\na{l=\"\\x\"} 1\n# EOF\n",
        "# TYPE a gauge\na{l=\"1\",l=\"2\"} 1\n# EOF\n",
        "# TYPE a gauge\na{9=\"1\"} 1\n# EOF\n",
        "# TYPE a counter\na 1\n# EOF\n",
        "# TYPE a counter\na_total -1\n# EOF\n",
        "# TYPE a histogram\na_count 1\na_sum 1\na_bucket{le=\"1.0\"} 1\n# EOF\n",
        "# TYPE a histogram\na_count 2\na_sum 1\na_bucket{le=\"+Inf\"} 1\n# EOF\n",
        "# TYPE a histogram\na_count 1\na_sum 1\na_bucket{le=\"2.0\"} 1\na_bucket{le=\"1.0\"} 1\na_bucket{le=\"+Inf\"} 1\n# EOF\n",
        "# TYPE a histogram\na_count 1\na_sum 1\na_bucket{le=\"1.0\"} 2\na_bucket{le=\"+Inf\"} 1\n# EOF\n",
    ] {
        assert!(check(bad).is_err(), "{bad}");
    }
}

/// Names with everything that a format could stumble over.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\\\\\"\n\r{},= a#]{0,12}",
        Just("\\".to_owned()),
        Just("a\" 1\n# EOF\n".to_owned()),
    ]
}

proptest! {
    #[test]
    fn any_name_comes_back_as_it_was(resource in name(), kind in name(), owner in name()) {
        let mut usage = Usage::at(NOW);
        usage.add_resource(&resource, &kind, KindUsage::new(100, 100, 40, 20));
        usage.add_owner(&owner, &kind, 40, 20);
        let mut monitor = Monitor::default();
        monitor.observe(&usage);
        let read = read(&usage, monitor.registry());
        let node = [("resource", &*resource), ("kind", &*kind)];
        prop_assert_eq!(sample(&read, "cloudlot_usage_resource_held", &node), Some(40.0));
        let own = [("owner", &*owner), ("kind", &*kind)];
        prop_assert_eq!(sample(&read, "cloudlot_usage_owner_held", &own), Some(40.0));
        if owner.len() <= MetricLabels::LONGEST_VALUE {
            let series = sample(&read, "cloudlot_metric_utilization", &own[..1]);
            prop_assert_eq!(series, Some(0.4));
        }
    }

    #[test]
    fn any_observations_make_a_histogram(
        values in prop::collection::vec((0_u64..0x7ff0_0000_0000_0000).prop_map(f64::from_bits), 1..100),
    ) {
        let mut registry = Registry::new();
        for value in &values {
            let reading = Reading::Observation(*value);
            registry.record(NOW, &MetricKind::WaitTime, &MetricLabels::none(), reading).unwrap();
        }
        let read = read(&Usage::at(NOW), &registry);
        let count = sample(&read, "cloudlot_metric_wait_time_count", &[]);
        prop_assert_eq!(count, Some(values.len() as f64));
    }
}

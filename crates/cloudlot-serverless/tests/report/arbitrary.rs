//! Reports of anything.

use cloudlot_serverless::report::{Cost, Delays, Price, Report, Run, Shares, Timeline, Workload};
use proptest::prelude::*;

/// Names with all that breaks lines, tables and tags.
pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z]{1,8}:[0-9]{1,3}m",
        any::<String>(),
        "[<>&\"',;\r\n\t\u{0}\u{b}\u{1f}\u{7f}\u{85}\u{2028}\u{fffe}\u{ffff}a-z=]{0,20}",
    ]
}

fn amount() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        0.0..1.0,
        0.0..1e6,
        1e-300..1e-290,
        Just(1e30),
        Just(f64::MIN_POSITIVE)
    ]
}

fn shares() -> impl Strategy<Value = Option<Shares>> {
    let share = || prop_oneof![Just(0.0), Just(1.0), 0.0..1.0];
    let some = (any::<u64>(), share(), share(), share());
    prop::option::of(some.prop_map(|(count, p50, p75, p90)| Shares {
        count,
        p50,
        p75,
        p90,
    }))
}

fn delays() -> impl Strategy<Value = Option<Delays>> {
    let some = prop::array::uniform5(amount());
    prop::option::of(some.prop_map(|[p50, p90, p99, p99_9, max]| Delays {
        p50,
        p90,
        p99,
        p99_9,
        max,
    }))
}

fn timeline() -> impl Strategy<Value = Timeline> {
    let bucket = (any::<u64>(), any::<u64>(), amount(), amount());
    let width = prop_oneof![Just(1_u64), Just(300), 1..=u64::MAX];
    (width, prop::collection::vec(bucket, 0..20)).prop_map(|(bucket_s, buckets)| Timeline {
        bucket_s,
        calls: buckets.iter().map(|it| it.0).collect(),
        cold: buckets.iter().map(|it| it.1).collect(),
        idle_mib: buckets.iter().map(|it| it.2).collect(),
        busy_mib: buckets.iter().map(|it| it.3).collect(),
    })
}

fn run() -> impl Strategy<Value = Run> {
    let count = || prop_oneof![Just(0_u64), 0..100_u64, any::<u64>()];
    let counts = prop::array::uniform9(count());
    let outcomes = prop::collection::btree_map(
        prop_oneof![Just("success".to_owned()), name()],
        count(),
        0..3,
    );
    let names = (
        name(),
        prop_oneof![Just("fixed".to_owned()), name()],
        name(),
    );
    let held = prop::array::uniform4(amount());
    let rest = (shares(), shares(), delays(), timeline(), 0.0..=1.0);
    (names, counts, outcomes, held, rest).prop_map(
        |((name, family, setting), counts, outcomes, held, rest)| {
            let [
                calls,
                starts,
                prewarms,
                failed_starts,
                evictions,
                retries,
                waited,
                cold,
                peak_instances,
            ] = counts;
            let [idle_mib_s, busy_mib_s, starting_mib_s, peak_mib] = held;
            let (cold_by_function, cold_by_app, delay_s, timeline, cold_share) = rest;
            Run {
                name,
                family,
                setting,
                calls,
                outcomes,
                starts,
                prewarms,
                failed_starts,
                evictions,
                retries,
                waited,
                cold,
                cold_share,
                cold_by_function,
                cold_by_app,
                delay_s,
                idle_mib_s,
                busy_mib_s,
                starting_mib_s,
                peak_mib,
                peak_instances,
                cost: None::<Cost>,
                timeline,
            }
        },
    )
}

pub(crate) fn report(runs: std::ops::Range<usize>) -> impl Strategy<Value = Report> {
    let workload = (name(), any::<u64>(), any::<u64>(), any::<u64>(), amount());
    let workload = workload.prop_map(|(name, functions, apps, calls, span_s)| Workload {
        name,
        functions,
        apps,
        calls,
        span_s,
    });
    // A price that keeps the dearest run within what is legal to read.
    let price = prop::option::of((0.0..0.5, 0.0..1e9));
    (workload, price, prop::collection::vec(run(), runs)).prop_map(|(workload, price, runs)| {
        let mut report = Report::new(workload);
        if let Some((gib_s, call)) = price {
            report = report.priced(Price::new(gib_s, call).unwrap());
        }
        for run in runs {
            report.push(run);
        }
        report
    })
}

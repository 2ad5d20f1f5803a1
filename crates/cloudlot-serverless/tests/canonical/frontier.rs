//! Cold starts against idle memory: policies side by side on the day that others were measured on.

use std::time::Duration;

use cloudlot_core::Bytes;
use cloudlot_serverless::keep::frontier::{Course, HEADING, Row};
use cloudlot_serverless::keep::{
    FixedLife, FixedWindow, GapConfig, Gaps, Hybrid, HybridConfig, Oracle,
};
use cloudlot_serverless::trace::Counts;
use cloudlot_serverless::{Arrival, Function, Settings};

use super::{DEFAULT, LATE, PEER, SHARED, minutes, open};

fn functions(list: &Counts) -> Vec<Function> {
    list.functions().iter().map(Function::from).collect()
}

fn course<'a, A: IntoIterator<Item = Arrival> + Clone>(
    functions: &'a [Function],
    arrivals: A,
    settings: Settings,
) -> Course<'a, A> {
    Course {
        functions,
        arrivals,
        start: Duration::from_secs(1),
        settings,
    }
}

fn gaps(times: f64) -> Gaps {
    Gaps::new(GapConfig {
        worth: GapConfig::DEFAULT.worth.mul_f64(times),
        ..GapConfig::DEFAULT
    })
}

fn show(row: Row) -> Row {
    println!("{row}");
    row
}

#[test]
fn the_gap_policy_beats_the_published_hybrid_histogram_in_both_respects() {
    let Some(list) = open("azure2019_dirigent500") else {
        return;
    };
    let functions = functions(&list);
    let early = course(&functions, list.arrivals(), DEFAULT);
    let peer = course(&functions, list.arrivals(), PEER);
    println!("{HEADING}");
    let hybrid = show(peer.measure(
        "hybrid 4 h, as a peer",
        Hybrid::new(HybridConfig::PUBLISHED),
    ));
    let row = show(early.measure("gaps", Gaps::new(GapConfig::DEFAULT)));
    // The peer's own figures for its hybrid histogram are 2,112 and 7.72e8; ours is another program of the same description.
    assert!((2_000..2_350).contains(&hybrid.totals.cold), "{hybrid}");
    assert!(
        (6.9e8..7.9e8).contains(&hybrid.totals.idle_mib_s()),
        "{hybrid}"
    );
    assert!(row.dominates(&hybrid));
    // Measured: 1,864 and 6.03e8.
    assert!(row.totals.cold < 1_900, "{row}");
    assert!(row.totals.idle_mib_s() < 6.2e8, "{row}");
}

/// The setting of the policy, and that it was not chosen here: on this trace as much memory waits as with 95 % of ten minutes. Its
/// durations belong to other functions, so that all run for the median; its memory is as good as drawn by chance.
#[test]
fn the_setting_comes_from_another_trace() {
    let Some(list) = open("azure2019_sample_1350a") else {
        return;
    };
    let functions = functions(&list);
    let mut runs: Vec<Duration> = list.functions().iter().map(|it| it.runs).collect();
    runs.sort_unstable();
    let runs = runs[runs.len() / 2];
    let arrivals = list.arrivals().map(|call| Arrival { runs, ..call });
    let course = course(&functions, arrivals, DEFAULT);
    println!("{HEADING}");
    let ten = show(course.measure("fixed 10 min", FixedWindow(minutes(10))));
    let row = show(course.measure("gaps", Gaps::new(GapConfig::DEFAULT)));
    let share = row.totals.idle_mib_s() / ten.totals.idle_mib_s();
    assert!((0.945..0.955).contains(&share), "{share}");
    // Measured: 6,326 for 12,514.
    assert!(row.totals.cold * 10 < ten.totals.cold * 6, "{row}");
}

#[test]
#[ignore = "for the table in the documents: takes minutes unless optimised"]
fn the_whole_frontier() {
    let Some(list) = open("azure2019_dirigent500") else {
        return;
    };
    let functions = functions(&list);
    for (name, settings) in [
        ("early binding", DEFAULT),
        ("late binding", LATE),
        ("late binding, starts shared", SHARED),
        ("early binding, as a peer", PEER),
    ] {
        println!("\n{name}\n{HEADING}");
        let course = course(&functions, list.arrivals(), settings);
        for window in [1, 2, 5, 10, 20, 30, 60, 120] {
            show(course.measure(&format!("fixed {window} min"), FixedWindow(minutes(window))));
        }
        show(course.measure("life 10 min", FixedLife(minutes(10))));
        for hours in [1, 2, 4] {
            let hybrid = Hybrid::new(HybridConfig::within(60 * hours));
            show(course.measure(&format!("hybrid {hours} h"), hybrid));
        }
        for times in [0.25, 0.5, 1.0, 2.0, 4.0, 8.0] {
            show(course.measure(&format!("gaps, worth × {times}"), gaps(times)));
        }
        let none = GapConfig {
            ahead: false,
            ..GapConfig::DEFAULT
        };
        show(course.measure("gaps, nothing ahead", Gaps::new(none)));
        for times in [0.25, 1.0, 4.0] {
            let worth = GapConfig::DEFAULT.worth.mul_f64(times);
            let oracle = Oracle::new(worth, list.arrivals());
            show(course.measure(&format!("oracle, worth × {times}"), oracle));
        }
    }
}

#[test]
fn on_a_synthetic_day_no_fixed_window_is_better_and_some_are_worse() {
    let day = cloudlot_serverless::synthetic::azure_day(150, cloudlot_core::Seeds::new(11));
    let functions = vec![Function::new(Bytes::mib(100)); 150];
    let mut calls = vec![0; 150];
    let number = |call: &Arrival| usize::try_from(call.function.number()).expect("150 functions");
    day.counts
        .arrivals()
        .for_each(|call| calls[number(&call)] += 1);
    // Those that are called all the time are warm under any window, and take long to simulate.
    let arrivals = day.counts.arrivals();
    let arrivals: Vec<Arrival> = arrivals
        .filter(|call| calls[number(call)] < 5_000)
        .collect();
    for settings in [DEFAULT, LATE] {
        let course = course(&functions, arrivals.iter().copied(), settings);
        let row = show(course.measure("gaps", Gaps::new(GapConfig::DEFAULT)));
        let windows = [1, 2, 5, 10, 15, 20, 30, 45, 60, 120];
        let fixed = windows.map(|window| {
            show(course.measure(&format!("fixed {window} min"), FixedWindow(minutes(window))))
        });
        assert!(fixed.iter().all(|fixed| !fixed.dominates(&row)));
        assert!(fixed.iter().any(|fixed| row.dominates(fixed)));
    }
}

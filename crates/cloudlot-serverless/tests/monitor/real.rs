//! What a real day is like. Where the data are not there, a line says so.

use super::chance::MINUTE;
use cloudlot_core::Timestamp;
use cloudlot_serverless::monitor::{Analysis, Detector, Monitor, MonitorConfig};
use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::trace::azure2019::{Lacking, read};
use cloudlot_serverless::trace::{Counts, Replay};
use cloudlot_serverless::{FixedWindow, Function, Platform, Settings};
use flate2::bufread::GzDecoder;
use std::fs::File;
use std::io::BufReader;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

fn open(name: &str) -> Option<Counts> {
    let data = std::env::var_os("CLOUDLOT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("serverless").join(name);
    if !folder.exists() {
        println!("skipped: {name} is not in the data folder, see CLOUDLOT_DATA");
        return None;
    }
    let file = |table: &str| {
        let file = File::open(folder.join(format!("{table}.anon.d01.csv.gz")))
            .expect("a table of the trace");
        BufReader::new(GzDecoder::new(BufReader::new(file)))
    };
    let day = read(
        file("invocations_per_function_md"),
        file("function_durations_percentiles"),
        file("app_memory_percentiles"),
        Lacking::Refuse,
    );
    Some(day.expect("a trace as published").counts)
}

#[test]
fn a_hundred_real_functions_are_told_apart() {
    let Some(list) = open("azure2019_dirigent100") else {
        return;
    };
    let minutes = 480;
    let config = MonitorConfig {
        settle: Duration::ZERO,
        ..MonitorConfig::default()
    };
    let mut monitor = Monitor::new(config, Timestamp::ZERO).unwrap();
    let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::from_secs(600)));
    for profile in list.functions() {
        platform.add(Function::from(profile));
    }
    let replay = Replay {
        slots: 0..minutes,
        faster: NonZeroU32::MIN,
    };
    Simulation::new(FixedStart(Duration::from_secs(1))).run(
        &mut platform,
        list.arrivals_of(&replay),
        &mut monitor,
    );
    let end = Timestamp::ZERO + minutes * MINUTE;
    let (mut calls, mut cold, mut seasons, mut trends, mut bursts) = (0, 0.0, 0, 0, 0);
    let (mut periods, mut better, mut steps, mut covered, mut alarms, mut judged) =
        (Vec::new(), 0, 0, Vec::new(), 0, 0);
    for function in monitor.functions() {
        let report = monitor.report(function, end).unwrap();
        calls += report.figures.calls;
        cold += report.figures.cold.unwrap() * report.figures.calls as f64;
        // The monitor counts what the trace counts.
        let mut counts = vec![0.0; 480];
        for (slot, count) in list.counts_of(function) {
            counts[usize::try_from(slot).unwrap()] = f64::from(count);
        }
        assert_eq!(report.fine.samples.values(), counts, "{function}");
        let Analysis {
            pattern,
            forecasts,
            anomalies,
            ..
        } = report.fine;
        seasons += u32::from(pattern.season.is_some());
        trends += u32::from(pattern.trend.is_some());
        bursts += u32::from(pattern.burst.is_some());
        periods.extend(pattern.season.map(|it| it.lag));
        alarms += anomalies.len();
        judged += counts.len();
        for it in forecasts.iter().filter(|it| it.baseline.mae > 0.0) {
            steps += 1;
            better += u32::from(it.errors.mae < 0.95 * it.baseline.mae);
            covered.extend(it.interval.and_then(|it| it.coverage));
        }
    }
    periods.sort_unstable();
    let coverage = covered.iter().sum::<f64>() / covered.len() as f64;
    println!(
        "{calls} calls, {cold:.0} cold; of 100 functions {seasons} have a season, {trends} a trend, {bursts} bursts"
    );
    println!("seasons in minutes: {periods:?}");
    println!(
        "{better} of {steps} forecasts are better than repeating by 5 %; intervals of 90 % held {:.1} %",
        coverage * 100.0
    );
    println!(
        "{alarms} anomalies in {judged} minutes of {:?}",
        Detector::default()
    );
    assert_eq!(calls, platform.totals().replies);
    assert!((cold - platform.totals().cold as f64).abs() < 1e-3);
    assert!((0.85..=0.97).contains(&coverage), "{coverage}");
    // Timers are a half of the functions of this trace: their periods are whole minutes that people choose.
    let round = periods
        .iter()
        .filter(|lag| [2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60, 120].contains(*lag))
        .count();
    assert!(
        seasons >= 10 && round * 10 >= periods.len() * 7,
        "{periods:?}"
    );
}

//! Runs on the call lists that published numbers were measured on. Where the data are not there, a line says so.

mod frontier;
mod memory;

use std::fs::File;
use std::io::BufReader;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::trace::azure2019::{self, Lacking};
use cloudlot_serverless::trace::{Counts, Replay};
use cloudlot_serverless::{Binding, FixedWindow, Function, Platform, Reuse, Settings, Totals};
use flate2::bufread::GzDecoder;

const DEFAULT: Settings = Settings {
    binding: Binding::Early,
    reuse: Reuse::MostRecent,
    ..Settings::DEFAULT
};
const PEER: Settings = Settings {
    binding: Binding::Early,
    reuse: Reuse::ArrayFirst,
    ..Settings::DEFAULT
};
const LATE: Settings = Settings {
    binding: Binding::Late,
    reuse: Reuse::MostRecent,
    ..Settings::DEFAULT
};

const SHARED: Settings = Settings {
    binding: Binding::LateShared,
    reuse: Reuse::MostRecent,
    ..Settings::DEFAULT
};

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// The trace in this folder of the data, if the data are there.
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
        let path = folder.join(format!("{table}.anon.d01.csv.gz"));
        let file = File::open(path).expect("a table of the trace");
        BufReader::new(GzDecoder::new(BufReader::new(file)))
    };
    let day = azure2019::read(
        file("invocations_per_function_md"),
        file("function_durations_percentiles"),
        file("app_memory_percentiles"),
        Lacking::Refuse,
    );
    Some(day.expect("a trace as published").counts)
}

/// A start takes a second.
fn run(list: &Counts, slots: u32, settings: Settings, window: Duration) -> Totals {
    let mut platform = Platform::new(settings, FixedWindow(window));
    for profile in list.functions() {
        platform.add(Function::from(profile));
    }
    let replay = Replay {
        slots: 0..slots,
        faster: NonZeroU32::MIN,
    };
    let mut simulation = Simulation::new(FixedStart(Duration::from_secs(1)));
    simulation.run(&mut platform, list.arrivals_of(&replay), &mut ());
    let totals = *platform.totals();
    println!(
        "{:?} {:?} {window:?}: {} calls, {} starts, {} waited, {} cold, {:.4e} MB·s idle, {} events",
        settings.binding,
        settings.reuse,
        totals.calls,
        totals.starts,
        totals.waited,
        totals.cold,
        totals.idle_mib_s(),
        simulation.events()
    );
    assert_eq!(totals.replies, totals.calls, "one reply a call");
    assert_eq!((platform.instances(), platform.pending()), (0, 0));
    totals
}

/// Within half a percent.
fn near(measured: f64, published: f64) -> bool {
    (measured - published).abs() <= 0.005 * published
}

fn check(totals: Totals, cold: f64, idle: f64) {
    assert_eq!(
        (totals.cold, totals.waited),
        (totals.starts, totals.starts),
        "early binding"
    );
    let starts = totals.starts as f64;
    assert!(near(starts, cold), "{starts} for {cold}");
    let measured = totals.idle_mib_s();
    assert!(near(measured, idle), "{measured:.4e} for {idle:.4e}");
}

#[test]
fn fixed_windows_on_500_functions_give_what_an_independent_replay_gave() {
    let Some(list) = open("azure2019_dirigent500") else {
        return;
    };
    let ten = run(&list, 480, DEFAULT, minutes(10));
    assert_eq!(ten.calls, 3_037_902);
    check(ten, 3_363.0, 7.41e8);
    check(run(&list, 480, DEFAULT, minutes(1)), 21_849.0, 3.37e8);
}

#[test]
fn an_array_of_idle_instances_gives_what_the_peer_gave() {
    let Some(list) = open("azure2019_dirigent500") else {
        return;
    };
    check(run(&list, 480, PEER, minutes(10)), 3_193.0, 7.80e8);
    check(run(&list, 480, PEER, minutes(1)), 21_077.0, 3.73e8);
}

#[test]
fn late_binding_makes_fewer_calls_wait_for_a_start() {
    let Some(list) = open("azure2019_dirigent500") else {
        return;
    };
    for window in [minutes(10), minutes(1)] {
        let early = run(&list, 480, DEFAULT, window);
        let late = run(&list, 480, LATE, window);
        let shared = run(&list, 480, SHARED, window);
        assert_eq!(late.starts, late.waited, "each that waits starts one");
        assert!(shared.starts < late.starts && late.cold < early.cold && shared.cold < early.cold);
    }
}

#[test]
fn fixed_windows_on_100_functions_and_two_hours_give_what_independent_replays_gave() {
    let Some(list) = open("azure2019_dirigent100") else {
        return;
    };
    let ten = run(&list, 120, DEFAULT, minutes(10));
    assert_eq!(ten.calls, 77_790);
    assert!((183..=197).contains(&ten.starts), "{}", ten.starts);
    let peer = run(&list, 120, PEER, minutes(10));
    assert!((182..=197).contains(&peer.starts), "{}", peer.starts);
}

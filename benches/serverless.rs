//! Simulated calls a second through the platform, in time of this thread's processor.
//!
//! The first table is the day of 500 functions that other simulators were measured on, where it is there (CLOUDLOT_DATA names the
//! folder that has `serverless/`). The second is made here: more and more calls, and what each costs. `--test` is brief.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::trace::Counts;
use cloudlot_serverless::trace::azure2019::{self, Lacking};
use cloudlot_serverless::{
    Arrival, Binding, FixedWindow, Function, FunctionId, Host, HostChoice, Hosting, Platform,
    Reuse, Settings,
};
use flate2::bufread::GzDecoder;
use std::fs::File;
use std::hint::black_box;
use std::io::BufReader;
use std::path::PathBuf;
use std::time::Duration;

const SETTINGS: Settings = Settings {
    binding: Binding::Early,
    reuse: Reuse::MostRecent,
    ..Settings::DEFAULT
};

fn main() {
    let brief = std::env::args().any(|argument| argument == "--test");
    match trace("azure2019_dirigent500") {
        Some(_) if brief => {}
        Some(trace) => real(&trace),
        None => {
            println!("skipped: azure2019_dirigent500 is not in the data folder, see CLOUDLOT_DATA")
        }
    }
    flat(if brief { 1 } else { 3 });
    hosts(if brief { 2_000 } else { 300_000 });
}

/// The best and the median of some runs, in time of the processor: the machine is shared.
fn times(runs: u32, mut run: impl FnMut()) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = thread_time();
            run();
            thread_time().saturating_sub(start)
        })
        .collect();
    times.sort_unstable();
    (times[0], times[times.len() / 2])
}

fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn real(trace: &Counts) {
    println!("azure2019_dirigent500, one core, one start a second, millions of calls a second");
    println!("{:>28} {:>8} {:>8}", "", "best", "median");
    let rate = |time: Duration| trace.calls() as f64 / time.as_secs_f64() / 1e6;
    let show = |what: &str, run: &mut dyn FnMut()| {
        let (best, median) = times(7, run);
        println!("{what:>28} {:>8.2} {:>8.2}", rate(best), rate(median));
    };
    show("arrivals alone", &mut || {
        trace.arrivals().for_each(|arrival| {
            black_box(arrival);
        });
    });
    for minutes in [10, 1] {
        show(&format!("fixed window of {minutes} min"), &mut || {
            let mut platform =
                Platform::new(SETTINGS, FixedWindow(Duration::from_secs(60 * minutes)));
            for profile in trace.functions() {
                platform.add(Function::from(profile));
            }
            run(&mut platform, trace.arrivals());
        });
        show(&format!("and timeouts, {minutes} min"), &mut || {
            let mut platform =
                Platform::new(SETTINGS, FixedWindow(Duration::from_secs(60 * minutes)));
            for profile in trace.functions() {
                platform.add(Function {
                    timeout: Some(Duration::from_secs(900)),
                    patience: Some(Duration::from_secs(60)),
                    ..Function::from(profile)
                });
            }
            run(&mut platform, trace.arrivals());
        });
    }
    println!("peak of resident memory so far: {}", peak());
}

fn run(platform: &mut Platform<FixedWindow>, arrivals: impl Iterator<Item = Arrival>) {
    let mut simulation = Simulation::new(FixedStart(Duration::from_secs(1)));
    simulation.run(platform, arrivals, &mut ());
    assert_eq!(platform.totals().replies, platform.totals().calls);
    black_box(platform.totals());
}

/// 500 functions in turns, a call each 137 us, each running for 60 ms: the same load for longer and longer.
fn flat(sizes: u32) {
    println!();
    println!("cost of a call in runs of more and more calls");
    println!("{:>12} {:>10} {:>12}", "calls", "ns a call", "peak memory");
    for size in 0..sizes {
        let calls = 100_000 * 10_u64.pow(size);
        let (best, _) = times(if size == 2 { 3 } else { 7 }, || {
            let mut platform = Platform::new(SETTINGS, FixedWindow(Duration::from_secs(600)));
            for _ in 0..500 {
                platform.add(Function::new(Bytes::mib(128)));
            }
            run(&mut platform, synthetic(calls));
        });
        let each = best.as_secs_f64() * 1e9 / calls as f64;
        println!("{calls:>12} {each:>10.1} {:>12}", peak());
    }
}

/// What hosts cost: a start, if every call starts an instance on one of 100 hosts; and a warm call, if none does.
fn hosts(calls: u64) {
    println!();
    println!("with a hundred hosts, or without");
    println!("{:>28} {:>10} {:>12}", "", "ns a call", "starts/s");
    let show = |what: &str, settings: Settings, hosts: u32, window: u64, calls: u64| {
        let mut starts = 0;
        let (best, _) = times(5, || {
            let mut platform = Platform::new(settings, FixedWindow(Duration::from_secs(window)));
            for _ in 0..500 {
                platform.add(Function::new(Bytes::mib(128)));
            }
            for _ in 0..hosts {
                platform.add_host(Host::new(Bytes::gib(64)));
            }
            run(&mut platform, synthetic(calls));
            starts = platform.totals().starts;
        });
        let each = best.as_secs_f64() * 1e9 / calls as f64;
        let rate = starts as f64 / best.as_secs_f64();
        println!("{what:>28} {each:>10.1} {rate:>12.0}");
    };
    let with = |choice| Settings {
        hosts: Hosting {
            choice,
            ..Hosting::DEFAULT
        },
        ..SETTINGS
    };
    show("each starts, no hosts", SETTINGS, 0, 0, calls);
    for choice in [
        HostChoice::FirstFit,
        HostChoice::BestFit,
        HostChoice::LeastLoaded,
        HostChoice::TwoChoices,
        HostChoice::Hashed { bound_percent: 125 },
        HostChoice::Locality,
    ] {
        let name = format!("{choice:?}");
        let name = name.split(' ').next().unwrap_or("");
        show(name, with(choice), 100, 0, calls);
    }
    show("warm, no hosts", SETTINGS, 0, 600, 10 * calls);
    show("warm", with(HostChoice::LeastLoaded), 100, 600, 10 * calls);
}

fn synthetic(calls: u64) -> impl Iterator<Item = Arrival> {
    (0..calls).map(|index| Arrival {
        at: Timestamp::from_nanos(index * 137_000),
        // A stride that visits all 500.
        function: FunctionId::new(u32::try_from(index * 37 % 500).unwrap_or(0)),
        runs: Duration::from_millis(60),
    })
}

/// As the kernel counts it; nothing where it does not say.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}

fn trace(name: &str) -> Option<Counts> {
    let data = std::env::var_os("CLOUDLOT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("serverless").join(name);
    let file = |table: &str| {
        let file = File::open(folder.join(format!("{table}.anon.d01.csv.gz"))).ok()?;
        Some(BufReader::new(GzDecoder::new(BufReader::new(file))))
    };
    let day = azure2019::read(
        file("invocations_per_function_md")?,
        file("function_durations_percentiles")?,
        file("app_memory_percentiles")?,
        Lacking::Refuse,
    );
    Some(day.expect("a trace as published").counts)
}

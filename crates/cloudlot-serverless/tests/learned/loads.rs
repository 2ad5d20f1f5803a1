//! The loads, and a run of one function under one of them.

use std::time::Duration;

use cloudlot_core::{Bytes, Seeds, Timestamp};
use cloudlot_serverless::scale::{Bill, Driver, Prices, Scaler};
use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::synthetic::{Mix, Process, Runs, Source};
use cloudlot_serverless::{
    Arrival, Call, CallId, FixedWindow, Function, FunctionId, Platform, Profile, Settings,
};

pub(crate) const MEMORY: Bytes = Bytes::mib(512);
/// How long a start takes.
pub(crate) const START: Duration = Duration::from_secs(2);
/// From one tick to the next.
pub(crate) const TICK: Duration = Duration::from_secs(2);
/// How long a run lasts.
const LASTS: Duration = Duration::from_secs(7_200);
const RUNS: Duration = Duration::from_millis(300);

/// A load by name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) name: &'static str,
    process: Process,
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Between 4 and 12 calls a second on average, each of 0.3 s.
pub(crate) const LOADS: [Load; 4] = [
    Load {
        name: "steady",
        process: Process::Poisson { rate: 12.0 },
    },
    Load {
        name: "diurnal",
        process: Process::Diurnal {
            mean: 12.0,
            swing: 0.9,
            peak: seconds(1_800),
            period: seconds(3_600),
        },
    },
    Load {
        name: "burst",
        process: Process::Burst {
            quiet: 1.0,
            busy: 40.0,
            quiet_for: seconds(240),
            busy_for: seconds(40),
        },
    },
    Load {
        name: "spike",
        process: Process::Spike {
            base: 4.0,
            spike: 60.0,
            from: seconds(3_600),
            lasts: seconds(120),
        },
    },
];

impl Load {
    fn arrivals(self, seed: u64) -> Vec<Arrival> {
        let profile = Profile {
            name: self.name.into(),
            app: String::new(),
            owner: String::new(),
            memory: MEMORY,
            runs: RUNS,
            longest: RUNS,
        };
        let source = Source {
            profile,
            process: self.process,
            runs: Runs::Exponential,
        };
        let mix = Mix::new(vec![source], LASTS, Seeds::new(seed)).unwrap();
        mix.arrivals().collect()
    }

    /// What it costs when instances are kept for `window`, and calls start them.
    pub(crate) fn kept(self, seed: u64, window: Duration) -> Bill {
        let mut bill = Bill::new(Prices::DEFAULT, Timestamp::ZERO + LASTS, [MEMORY]);
        let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(window));
        platform.add(Function::new(MEMORY));
        Simulation::new(FixedStart(START)).run(&mut platform, self.arrivals(seed), &mut bill);
        bill
    }

    /// What it costs under a scaler, and the scaler afterwards.
    pub(crate) fn scaled<S: Scaler>(self, seed: u64, scaler: S) -> (Bill, S) {
        let end = Timestamp::ZERO + LASTS;
        let mut bill = Bill::new(Prices::DEFAULT, end, [MEMORY]);
        let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::MAX));
        let function = platform.add(Function::new(MEMORY));
        let mut driver = Driver::new(TICK, Prices::DEFAULT.patience);
        driver.scale(function, scaler);
        let calls = self.arrivals(seed);
        let calls = (0..)
            .zip(calls)
            .map(|(number, arrival)| (arrival.at, call(number, arrival)));
        let mut simulation = Simulation::new(FixedStart(START));
        simulation.run_controlled(&mut platform, calls, &mut bill, &mut driver, end);
        assert_eq!(platform.pending(), 0, "every call is answered");
        let scaler = driver.into_scalers().next().unwrap();
        (bill, scaler)
    }
}

pub(crate) fn call(number: u64, arrival: Arrival) -> Call {
    Call {
        id: CallId::new(number),
        function: FunctionId::new(arrival.function.number()),
        payload: u64::try_from(arrival.runs.as_nanos()).unwrap(),
        source: cloudlot_serverless::Source::Request,
        key: None,
    }
}

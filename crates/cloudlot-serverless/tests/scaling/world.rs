//! A platform with one function under a scaler, and what became of it.

use std::time::Duration;

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::scale::{Driver, Sample, Scaler};
use cloudlot_serverless::sim::{FixedStart, Simulation};
use cloudlot_serverless::{
    Call, CallId, FixedWindow, Function, FunctionId, Life, Move, Platform, Record, Settings, Sink,
    Source,
};

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn at(second: u64) -> Timestamp {
    Timestamp::ZERO + seconds(second)
}

/// What the instances did, second by second, and when calls began to run.
#[derive(Default, Debug)]
pub(crate) struct Story {
    /// Starts and stops in seconds, a start as one more and a stop as one fewer.
    pub(crate) moves: Vec<(u64, i32)>,
    pub(crate) records: Vec<Record>,
}

impl Sink for Story {
    fn call(&mut self, record: &Record) {
        self.records.push(*record);
    }

    fn moved(&mut self, step: &Move) {
        let by = match step.to {
            Life::Starting => 1,
            Life::Stopping => -1,
            _ => return,
        };
        self.moves.push((step.at.as_nanos() / 1_000_000_000, by));
    }
}

/// What a scaler said at each tick.
#[derive(Debug)]
pub(crate) struct Heard<S> {
    pub(crate) scaler: S,
    pub(crate) said: Vec<u32>,
}

impl<S: Scaler> Scaler for Heard<S> {
    fn desired(&mut self, sample: &Sample) -> Option<u32> {
        let desired = self.scaler.desired(sample);
        self.said.push(desired.unwrap_or_else(|| sample.current()));
        desired
    }
}

/// Runs calls, each given by its second and how many seconds it takes, under a scaler that is asked every two seconds, up to
/// `until`; a start takes one.
pub(crate) fn run<S: Scaler>(
    scaler: S,
    calls: &[(u64, Duration)],
    until: u64,
) -> (Story, Vec<u32>) {
    let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::MAX));
    let function = platform.add(Function::new(Bytes::mib(128)));
    let mut driver = Driver::new(seconds(2), Duration::from_millis(500));
    let said = Vec::new();
    driver.scale(function, Heard { scaler, said });
    let mut story = Story::default();
    let calls = (0..)
        .zip(calls)
        .map(|(number, &(second, runs))| (at(second), call(number, runs)));
    let mut simulation = Simulation::new(FixedStart(seconds(1)));
    simulation.run_controlled(&mut platform, calls, &mut story, &mut driver, at(until));
    assert_eq!(platform.pending(), 0, "every call is answered");
    let heard = driver.into_scalers().next().unwrap();
    (story, heard.said)
}

fn call(number: u64, runs: Duration) -> Call {
    Call {
        id: CallId::new(number),
        function: FunctionId::new(0),
        payload: u64::try_from(runs.as_nanos()).unwrap(),
        source: Source::Request,
        key: None,
    }
}

/// How often the number turned: went up after down, or down after up.
pub(crate) fn turns(said: &[u32]) -> usize {
    let moves = said.windows(2).map(|pair| pair[1].cmp(&pair[0]));
    let moves: Vec<_> = moves.filter(|order| order.is_ne()).collect();
    moves.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// How often it moved at all.
pub(crate) fn moves(said: &[u32]) -> usize {
    said.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

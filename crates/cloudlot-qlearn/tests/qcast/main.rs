//! The preset for adaptive control: its published constants, and what was wrong with the engine that
//! had them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acceptance;
mod defects;
mod optimum;
mod refusals;

use cloudlot_qlearn::qcast::Measured;
use cloudlot_qlearn::{Stream, stream, unit};

/// What the preset measures: cpu, memory, response, errors, cold starts, cost, instances.
fn measured(values: [f64; 7]) -> [Measured<'static>; 7] {
    let [cpu, memory, response, errors, cold_starts, cost, instances] = values;
    [
        Measured::new("cpu", cpu, "ratio"),
        Measured::new("memory", memory, "ratio"),
        Measured::new("response", response, "ms"),
        Measured::new("errors", errors, "ratio"),
        Measured::new("cold_starts", cold_starts, "1"),
        Measured::new("cost", cost, "1"),
        Measured::new("instances", instances, "1"),
    ]
}

/// A service under a load: the more instances, the less each has to do.
struct Service {
    load: f64,
    noise: f64,
    instances: u64,
    started: i64,
    rng: Stream,
}

impl Service {
    fn new(load: f64, instances: u64, seed: u64) -> Self {
        Self {
            load,
            noise: 0.05,
            instances,
            started: 0,
            rng: stream(seed, 99),
        }
    }

    fn measure(&mut self) -> [Measured<'static>; 7] {
        let count = f64::from(u32::try_from(self.instances).unwrap());
        let wobble = 1.0 + self.noise * (2.0 * unit(&mut self.rng) - 1.0);
        let demand = self.load * wobble / count;
        let cpu = demand.min(1.0);
        let response = 50.0 / (1.05 - cpu);
        let errors = (demand - 1.0).clamp(0.0, 1.0);
        let started = f64::from(i32::try_from(self.started.max(0)).unwrap());
        measured([
            cpu,
            0.4 + 0.3 * cpu,
            response,
            errors,
            started,
            count / 100.0,
            count,
        ])
    }

    fn scale(&mut self, change: i64) {
        self.started = change;
        self.instances = self.instances.checked_add_signed(change).unwrap();
    }
}

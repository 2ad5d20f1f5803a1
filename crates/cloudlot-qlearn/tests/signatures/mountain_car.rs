//! A car too weak for its hill, driven by semi-gradient SARSA over tiles.
//!
//! Source: Sutton and Barto, 2nd edition (2018), example 10.1.

use cloudlot_qlearn::{
    ActionId, Agent, Config, Dimension, End, Environment, Explore, Learner, Linear, Mask, Outcome,
    Rule, Start, StepSize, Stream, Ties, TileCoder, Tiles, stream, unit,
};

use crate::{Runs, reference};

const RUNS: u64 = 25;
/// How many runs the reference is the mean of.
const REFERENCE_RUNS: f64 = 100.0;
const EPISODES: usize = 500;
const STEPS_MAX: u64 = 20_000;
const ROOT: u64 = 20;

struct Car {
    coder: TileCoder,
    chance: Stream,
    position: f64,
    velocity: f64,
}

impl Car {
    fn new(run: u64) -> Self {
        let position = Dimension {
            from: -1.2,
            to: 0.5,
            tiles: 8,
        };
        let velocity = Dimension {
            from: -0.07,
            to: 0.07,
            tiles: 8,
        };
        Self {
            coder: TileCoder::new(8, &[position, velocity]).unwrap(),
            chance: stream(ROOT, run),
            position: 0.0,
            velocity: 0.0,
        }
    }

    fn tiles(&self) -> Tiles {
        self.coder.tiles(&[self.position, self.velocity]).unwrap()
    }
}

impl Environment for Car {
    type State = Tiles;

    fn reset(&mut self, _seed: Option<u64>) -> Start<Tiles> {
        self.position = -0.6 + 0.2 * unit(&mut self.chance);
        self.velocity = 0.0;
        Start {
            state: self.tiles(),
            mask: Mask::all(3),
        }
    }

    fn step(&mut self, action: ActionId) -> Outcome<Tiles> {
        let throttle = f64::from(action.0) - 1.0;
        let pull = 0.001 * throttle - 0.0025 * libm::cos(3.0 * self.position);
        self.velocity = (self.velocity + pull).clamp(-0.07, 0.07);
        self.position = (self.position + self.velocity).clamp(-1.2, 0.5);
        if self.position <= -1.2 {
            self.velocity = 0.0;
        }
        let end = if self.position >= 0.5 {
            End::Terminated
        } else {
            End::Running
        };
        Outcome {
            state: self.tiles(),
            mask: Mask::all(3),
            reward: -1.0,
            end,
            dt: 1.0,
        }
    }
}

/// The steps of each episode of one run.
fn drive(alpha: f64, run: u64) -> Vec<f64> {
    let config = Config {
        rule: Rule::Sarsa,
        discount: 1.0,
        step_size: StepSize::Constant(alpha),
        explore: Explore::Greedy {
            ties: Ties::Uniform,
        },
    };
    let mut car = Car::new(run);
    let values = Linear::new(&car.coder, 3, 0.0).unwrap();
    let mut agent = Agent::new(Learner::new(values, config).unwrap(), ROOT + 1, run);
    let episode = |_| {
        let episode = agent.run(&mut car, STEPS_MAX).unwrap();
        assert_eq!(
            episode.total,
            -f64::from(u32::try_from(episode.steps).unwrap())
        );
        -episode.total
    };
    (0..EPISODES).map(episode).collect()
}

/// Mean steps of the last hundred episodes, held against the reference.
fn late_episodes_last_as_long_as_the_reference(alpha: f64, row: &str) -> f64 {
    let mean_late = |run| drive(alpha, run)[400..].iter().sum::<f64>() / 100.0;
    let runs = Runs::of(&(0..RUNS).map(mean_late).collect::<Vec<_>>());
    let reference = &reference("mountain_car_tile_coding")[row];
    let wanted = reference["mean_400_500"].as_f64().unwrap();
    let deviation = reference["sd_over_runs_of_mean_400_500"].as_f64().unwrap();
    let allowed = 3.0 * runs.error_to(REFERENCE_RUNS, deviation * deviation);
    assert!(
        (runs.mean - wanted).abs() <= allowed,
        "{row}: {} against {wanted} ± {allowed}",
        runs.mean
    );
    runs.mean
}

#[test]
fn a_small_step_drives_as_the_reference() {
    late_episodes_last_as_long_as_the_reference(0.1, "alpha_0.1/8");
}

#[test]
fn a_medium_step_drives_as_the_reference() {
    late_episodes_last_as_long_as_the_reference(0.2, "alpha_0.2/8");
}

#[test]
fn a_large_step_drives_as_the_reference_and_in_120_steps() {
    let steps = late_episodes_last_as_long_as_the_reference(0.5, "alpha_0.5/8");
    assert!(steps <= 120.0, "{steps}");
}

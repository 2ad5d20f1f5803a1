//! Tabular Q-learning: one update against a flat array, the whole Taxi loop against an array loop and
//! against the crate rurel, in turns in one run; the same loop in Python after it; and the allocations of
//! a step, counted.
//!
//! Times are CPU time of this thread. `--test` runs everything once, briefly.

#[path = "qlearn/flat.rs"]
mod flat;
#[path = "qlearn/paired.rs"]
mod paired;
#[path = "qlearn/python.rs"]
mod python;
#[path = "qlearn/rurel_loop.rs"]
mod rurel_loop;
#[path = "qlearn/taxi.rs"]
mod taxi;

use cloudlot_qlearn::{
    ActionId, Agent, Config, Dense, End, Explore, Learner, Mask, Schedule, StateId, StepSize, Ties,
    Transition, below, stream, unit,
};
use paired::Contender;
use std::hint::black_box;
use taxi::{ACTIONS, STATES, Taxi};

/// The states of the table at which an update is held to its goal.
const GATED: u32 = 500;

fn main() {
    let brief = std::env::args().any(|argument| argument == "--test");
    let (rounds, steps) = if brief { (1, 1_000) } else { (60, 200_000) };
    for (states, actions, size) in [
        (GATED, 6, "24 KB"),
        (16_384, 8, "1 MB"),
        (1_000_000, 5, "40 MB"),
    ] {
        if !(brief && states > GATED) {
            updates(states, actions, size, rounds, steps);
        }
    }
    let ours = loops(rounds, steps);
    python::compare(ours, brief);
    allocations(steps);
}

fn config(epsilon: f64) -> Config {
    Config {
        discount: flat::GAMMA,
        step_size: StepSize::Constant(flat::ALPHA),
        explore: Explore::EpsilonGreedy {
            epsilon: Schedule::Constant(epsilon),
            ties: Ties::Lowest,
        },
        ..Config::default()
    }
}

fn learner(states: usize, actions: usize, config: Config) -> Learner {
    let table = Dense::new(states, actions, 0.0).expect("a legal shape");
    Learner::new(table, config).expect("a legal configuration")
}

/// Transitions drawn before the clock starts, one in twenty terminated.
fn draw(states: u32, actions: u16) -> Vec<Transition> {
    let mut rng = stream(1, 0);
    let mask = Mask::all(usize::from(actions));
    (0..8_192)
        .map(|_| {
            let state = StateId(below(&mut rng, states));
            let action = below(&mut rng, u32::from(actions));
            let action = ActionId(u16::try_from(action).unwrap_or(0));
            let next = StateId(below(&mut rng, states));
            let mut step = Transition::new(state, action, unit(&mut rng) - 0.5, next, mask);
            if below(&mut rng, 20) == 0 {
                step.end = End::Terminated;
            }
            step
        })
        .collect()
}

fn updates(states: u32, actions: u16, size: &str, rounds: u32, steps: u64) {
    let log = draw(states, actions);
    let compact: Vec<_> = log
        .iter()
        .map(|step| {
            let terminated = step.end == End::Terminated;
            (
                step.state.0,
                step.executed.0,
                step.reward,
                step.next.0,
                terminated,
            )
        })
        .collect();
    let width = usize::from(actions);
    let mut table = vec![0.0; states as usize * width];
    let mut same = table.clone();
    let mut constant = learner(states as usize, width, config(0.1));
    let mut rescaled = learner(
        states as usize,
        width,
        Config {
            step_size: StepSize::default(),
            ..config(0.1)
        },
    );
    let passes = steps.div_ceil(log.len() as u64);
    let count = passes * log.len() as u64;
    let mut contenders = [
        Contender::new("flat array, the same records", || {
            for _ in 0..passes {
                for step in black_box(&log) {
                    let terminated = step.end == End::Terminated;
                    let (s, a, r, n) = (step.state.0, step.executed.0, step.reward, step.next.0);
                    flat::update(&mut same, width, (s, a, r, n, terminated));
                }
            }
            count
        }),
        Contender::new("flat array, records of 24 bytes", || {
            for _ in 0..passes {
                for step in black_box(&compact) {
                    flat::update(&mut table, width, *step);
                }
            }
            count
        }),
        Contender::new("observe, constant step size", || {
            observe_all(&mut constant, &log, passes)
        }),
        Contender::new("observe, rescaled step size", || {
            observe_all(&mut rescaled, &log, passes)
        }),
    ];
    let medians = paired::measure(rounds, &mut contenders);
    if states == GATED {
        let ratio = medians[2] / medians[0];
        println!("gate: an update takes {ratio:.2} times that of a flat array (goal: 1.25)");
    }
    paired::print(
        &format!("one update, {states} x {actions}, {size}"),
        &contenders,
    );
}

fn observe_all(learner: &mut Learner, log: &[Transition], passes: u64) -> u64 {
    let mut learned = 0;
    for _ in 0..passes {
        for step in black_box(log) {
            learned += u64::from(learner.observe(step).is_ok());
        }
    }
    learned
}

/// Gives what a step of our loop costs, in nanoseconds.
fn loops(rounds: u32, steps: u64) -> f64 {
    let taxi = Taxi::load();
    let mut arrays = flat::Loop::new(&taxi, stream(1, 0), 0.1);
    let mut wandering = flat::Loop::new(&taxi, stream(1, 0), 1.0);
    let mut agent = Agent::new(learner(STATES, ACTIONS, config(0.1)), 1, 0);
    let mut random = Agent::new(learner(STATES, ACTIONS, config(1.0)), 1, 0);
    let (mut world, mut other) = (taxi.clone(), taxi.clone());
    let medians = paired::run(
        "the whole Taxi loop, a step",
        rounds,
        &mut [
            Contender::new("arrays, eps 0.1", || arrays.run(steps)),
            Contender::new("agent and environment, eps 0.1", || {
                train(&mut agent, &mut world, steps)
            }),
        ],
    );
    let mut peer = rurel_loop::Loop::new(&taxi);
    paired::run(
        "the whole Taxi loop at random, a step",
        rounds,
        &mut [
            Contender::new("arrays", || wandering.run(steps)),
            Contender::new("agent and environment", || {
                train(&mut random, &mut other, steps)
            }),
            Contender::new("rurel 0.6", || peer.run(steps)),
        ],
    );
    medians[1]
}

fn train(agent: &mut Agent, world: &mut Taxi, steps: u64) -> u64 {
    let mut done = 0;
    while done < steps {
        done += agent
            .run(world, u64::MAX)
            .expect("Taxi is a legal world")
            .steps;
    }
    done
}

fn allocations(steps: u64) {
    let taxi = Taxi::load();
    let mut agent = Agent::new(learner(STATES, ACTIONS, config(0.1)), 1, 0);
    let mut world = taxi;
    let count = allocation_counter::measure(|| {
        train(&mut agent, &mut world, steps);
    })
    .count_total;
    println!("\nallocations in {steps} steps of the loop: {count}");
    assert_eq!(count, 0, "a step allocates nothing");
}

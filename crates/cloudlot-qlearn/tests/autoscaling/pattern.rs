//! Load patterns: stages with a rate each, and how likely one follows another.

use std::collections::BTreeMap;

use cloudlot_qlearn::ActionId;
use cloudlot_qlearn::exact::{Branch, Model};

use super::service::{Chance, PHASES, Service};

/// A load that moves from stage to stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pattern {
    /// Its name, also in the name of its file.
    pub(crate) name: &'static str,
    /// What arrives in an interval, by stage, in units of what a replica does in one.
    pub(crate) rates: [u32; PHASES],
    /// How likely the row's stage is followed by the column's, in thousandths.
    pub(crate) moves: [[u32; PHASES]; PHASES],
}

/// How likely the arrivals are one below, at, or one above the rate, in hundredths.
const SURGES: [(i32, u32); 3] = [(-1, 25), (0, 50), (1, 25)];
/// How likely the starting replicas get ready in an interval, in hundredths: after 75 s on average.
const STARTED: [(bool, u32); 2] = [(false, 60), (true, 40)];
/// What the product of the three chances is a part of.
const WHOLE: u32 = 100 * 100 * 1000;

/// All patterns. A stage that is left with probability p lasts 1/p intervals of 30 s on average.
pub(crate) const PATTERNS: [Pattern; 4] = [
    // Two levels, each in two stages of 25 minutes that the load itself does not tell apart.
    Pattern {
        name: "steady",
        rates: [2, 3, 3, 2],
        moves: [
            [980, 20, 0, 0],
            [0, 980, 20, 0],
            [0, 0, 980, 20],
            [20, 0, 0, 980],
        ],
    },
    // Night, morning, noon and evening of a short day of five hours.
    Pattern {
        name: "diurnal",
        rates: [1, 2, 4, 3],
        moves: [
            [995, 5, 0, 0],
            [0, 990, 10, 0],
            [0, 0, 995, 5],
            [10, 0, 0, 990],
        ],
    },
    // Ten minutes of quiet, a build-up of 75 s that may come to nothing, a burst of five minutes, an ebb.
    Pattern {
        name: "bursty",
        rates: [1, 2, 5, 2],
        moves: [
            [950, 50, 0, 0],
            [100, 600, 300, 0],
            [0, 0, 900, 100],
            [300, 0, 0, 700],
        ],
    },
    // Fifty minutes of calm, a minute of build-up, a peak of two and a half minutes, an ebb.
    Pattern {
        name: "flash",
        rates: [1, 2, 5, 3],
        moves: [
            [990, 10, 0, 0],
            [0, 500, 500, 0],
            [0, 0, 800, 200],
            [200, 0, 0, 800],
        ],
    },
];

impl Pattern {
    /// The model of this pattern: its probabilities are exact decimals, its rewards are costs below zero.
    pub(crate) fn model(&self) -> Model {
        let states = Service::all();
        let actions = u16::try_from(super::service::CHANGES.len()).unwrap();
        let mut builder = Model::builder(u32::try_from(states.len()).unwrap(), actions);
        for state in &states {
            for action in state.mask().iter() {
                for ((next, halves), weight) in self.outcomes(*state, action) {
                    let branch = Branch {
                        probability: f64::from(weight) / f64::from(WHOLE),
                        next: next.id(),
                        reward: -f64::from(halves) / 2.0,
                        terminated: false,
                    };
                    builder.branch(state.id(), action, branch);
                }
            }
        }
        builder.start(Self::START.id(), 1.0);
        builder.build().unwrap()
    }

    /// Where every evaluation begins: quiet, with a replica to spare.
    pub(crate) const START: Service = Service {
        phase: 0,
        queue: 0,
        ready: 3,
        starting: 0,
    };

    /// What an action may lead to, each with its part of [`WHOLE`]; equal outcomes are one.
    fn outcomes(&self, state: Service, action: ActionId) -> BTreeMap<(Service, u32), u32> {
        let mut outcomes = BTreeMap::new();
        for (surge, hundredths) in SURGES {
            for (started, tries) in STARTED {
                for (phase, thousandths) in self.moves[state.phase].into_iter().enumerate() {
                    let chance = Chance {
                        surge,
                        started,
                        phase,
                    };
                    let weight = hundredths * tries * thousandths;
                    if weight > 0 {
                        let rate = self.rates[state.phase];
                        let outcome = state.after_in_halves(action, rate, chance);
                        *outcomes.entry(outcome).or_default() += weight;
                    }
                }
            }
        }
        outcomes
    }

    /// What chance decides in an interval, from three numbers in [0, 1).
    pub(crate) fn chance(&self, phase: usize, draws: [f64; 3]) -> Chance {
        Chance {
            surge: pick(SURGES, 100, draws[0]),
            started: pick(STARTED, 100, draws[1]),
            phase: pick(self.moves[phase].into_iter().enumerate(), 1000, draws[2]),
        }
    }
}

fn pick<T: Copy>(parts: impl IntoIterator<Item = (T, u32)>, whole: u32, draw: f64) -> T {
    let mut left = draw * f64::from(whole);
    let mut last = None;
    for (value, part) in parts {
        if part > 0 {
            last = Some(value);
            left -= f64::from(part);
            if left < 0.0 {
                break;
            }
        }
    }
    last.unwrap()
}

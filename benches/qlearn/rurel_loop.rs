//! The peer rurel 0.6 on the same world. It explores at random only, knows no end of an episode and
//! takes a reward from the state that is reached; the world is bent to that.

use std::hash::{Hash, Hasher};

use rurel::AgentTrainer;
use rurel::mdp::{Agent, State};
use rurel::strategy::explore::RandomExploration;
use rurel::strategy::learn::QLearning;
use rurel::strategy::terminate::FixedIterations;

use super::flat::{ALPHA, GAMMA};
use super::taxi::Taxi;

#[derive(Clone)]
struct Place {
    id: u32,
    earned: f64,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Place {}

impl Hash for Place {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.id.hash(hasher);
    }
}

impl State for Place {
    type A = u8;

    fn reward(&self) -> f64 {
        self.earned
    }

    fn actions(&self) -> Vec<u8> {
        vec![0, 1, 2, 3, 4, 5]
    }
}

struct Driver {
    taxi: Taxi,
    place: Place,
    over: bool,
}

impl Agent<Place> for Driver {
    fn current_state(&self) -> &Place {
        &self.place
    }

    fn take_action(&mut self, action: &u8) {
        if self.over {
            self.taxi.begin();
        }
        let (id, earned, terminated, late) = self.taxi.go(usize::from(*action));
        self.place = Place { id, earned };
        self.over = terminated || late;
    }
}

pub(crate) struct Loop {
    driver: Driver,
    trainer: AgentTrainer<Place>,
}

impl Loop {
    pub(crate) fn new(taxi: &Taxi) -> Self {
        let mut taxi = taxi.clone();
        let id = taxi.begin();
        Self {
            driver: Driver {
                taxi,
                place: Place { id, earned: 0.0 },
                over: false,
            },
            trainer: AgentTrainer::new(),
        }
    }

    pub(crate) fn run(&mut self, steps: u64) -> u64 {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.trainer.train(
            &mut self.driver,
            &QLearning::new(ALPHA, GAMMA, 0.0),
            &mut FixedIterations::new(steps),
            &RandomExploration::new(),
        );
        u64::from(steps)
    }
}

//! The short paths of a dense table against the general ones: the same answer, the same refusal, the
//! same draws and the same table, bit for bit, whatever comes.

use cloudlot_qlearn::{
    ActionId, Agent, Config, Dense, End, Environment, Explore, Learner, Mask, Outcome, Rule,
    Schedule, Start, StateId, StepSize, Ties, Transition, Values, below, stream,
};
use proptest::prelude::*;
use rand_xoshiro::Xoshiro256PlusPlus;

/// A dense table that offers no short path.
#[derive(Clone, PartialEq, Debug)]
struct Long(Dense);

impl Values for Long {
    type State = StateId;

    fn actions(&self) -> usize {
        self.0.actions()
    }

    fn contains(&self, state: StateId) -> bool {
        self.0.contains(state)
    }

    fn with_row<T>(&self, state: StateId, look: impl FnOnce(&[f64], &[u32]) -> T) -> T {
        self.0.with_row(state, look)
    }

    fn value(&self, state: StateId, action: ActionId) -> f64 {
        self.0.value(state, action)
    }

    fn visit(&mut self, state: StateId, action: ActionId) -> u32 {
        self.0.visit(state, action)
    }

    fn add(&mut self, state: StateId, action: ActionId, delta: f64) {
        self.0.add(state, action, delta);
    }

    fn cells(&mut self, state: StateId, action: ActionId, each: impl FnMut(usize)) {
        self.0.cells(state, action, each);
    }

    fn cell(&self, cell: usize) -> f64 {
        self.0.cell(cell)
    }

    fn add_to_cell(&mut self, cell: usize, delta: f64) {
        self.0.add_to_cell(cell, delta);
    }

    fn best(&self, state: StateId, mask: Mask) -> f64 {
        self.0.best(state, mask)
    }
}

const STATES: usize = 3;

fn table() -> impl Strategy<Value = Dense> {
    let width = prop_oneof![4 => 1..=10_usize, 1 => Just(64)];
    let value = prop_oneof![
        3 => (-3..=3_i8).prop_map(f64::from),
        1 => prop::sample::select(vec![-0.0, 0.25, 5e-324, 1e-300, 1e150, -1e150, 1e149]),
    ];
    let count = prop_oneof![4 => 0..9_u32, 1 => u32::MAX - 2..=u32::MAX];
    width.prop_flat_map(move |width| {
        let cells = STATES * width;
        let values = prop::collection::vec(value.clone(), cells);
        let visits = prop::collection::vec(count.clone(), cells);
        (values, visits).prop_map(move |(values, visits)| {
            let shape = (STATES, width);
            let values = ndarray::Array2::from_shape_vec(shape, values).unwrap();
            let visits = ndarray::Array2::from_shape_vec(shape, visits).unwrap();
            Dense::from_arrays(values, visits).unwrap()
        })
    })
}

fn config() -> impl Strategy<Value = Config> {
    let rule = prop_oneof![
        6 => Just(Rule::QLearning),
        1 => Just(Rule::Sarsa),
        1 => Just(Rule::ExpectedSarsa),
        1 => Just(Rule::DoubleQ),
    ];
    let step_size = prop_oneof![
        Just(StepSize::Constant(0.1)),
        Just(StepSize::Constant(1.0)),
        Just(StepSize::default()),
        Just(StepSize::Power {
            exponent: 0.6,
            floor: 0.01
        }),
    ];
    let discount = prop::sample::select(vec![0.0, 0.9, 1.0]);
    (rule, discount, step_size, explore()).prop_map(|(rule, discount, step_size, explore)| Config {
        rule,
        discount,
        step_size,
        explore,
    })
}

fn explore() -> impl Strategy<Value = Explore> {
    let ties = prop::sample::select(vec![Ties::Lowest, Ties::Uniform]);
    let rate = prop_oneof![
        3 => prop::sample::select(vec![0.0, 0.1, 1.0 / 3.0, 0.5, 1.0, 5e-324, 1e-17]),
        1 => 0.0..=1.0,
    ];
    let fading = Schedule::Linear {
        from: 1.0,
        to: 0.0,
        over: 9,
    };
    let epsilon = prop_oneof![4 => rate.prop_map(Schedule::Constant), 1 => Just(fading)];
    let greedy = ties.clone().prop_map(|ties| Explore::Greedy { ties });
    let usual =
        (epsilon, ties).prop_map(|(epsilon, ties)| Explore::EpsilonGreedy { epsilon, ties });
    prop_oneof![6 => usual, 1 => greedy, 1 => Just(Explore::Ucb { bonus: 1.0 })]
}

/// Mostly everything that the widest table has; cut to the table by [`fitted`].
fn mask() -> impl Strategy<Value = Mask> {
    prop_oneof![
        5 => Just(Mask::all(64)),
        1 => any::<u64>().prop_map(Mask::from_bits),
        1 => Just(Mask::NONE),
    ]
}

/// Everything becomes everything that the table has; other masks stay, past the table or not.
fn fitted(mask: Mask, table: &Dense) -> Mask {
    if mask == Mask::all(64) {
        Mask::all(table.actions())
    } else {
        mask
    }
}

fn step() -> impl Strategy<Value = Transition> {
    let near = |width: u16| prop_oneof![9 => 0..width, 1 => Just(width), 1 => Just(u16::MAX)];
    let state = || prop_oneof![12 => 0..3_u32, 1 => Just(3), 1 => Just(u32::MAX)];
    let number = |usual: f64, others: &[f64]| prop_oneof![6 => Just(usual), 1 => prop::sample::select(others.to_vec())];
    let end = prop::sample::select(vec![
        End::Running,
        End::Running,
        End::Terminated,
        End::Truncated,
    ]);
    let reward = prop_oneof![
        4 => -2.0..2.0,
        1 => prop::sample::select(vec![
            -0.0, 1e150, -1e150, 1.000_001e150, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY,
        ]),
    ];
    let past_one = 1.0 + f64::EPSILON;
    let chance = number(0.7, &[1.0, 5e-324, 0.0, -0.0, -0.5, past_one, f64::NAN]);
    let dt = number(1.0, &[0.5, 2.0, 0.0, -1.0, f64::NAN, f64::INFINITY]);
    let places = (state(), near(6), state(), prop::option::of(near(6)));
    (places, (mask(), mask()), (chance, reward, dt), end).prop_map(
        |(
            (state, action, next, next_action),
            (mask, next_mask),
            (probability, reward, dt),
            end,
        )| {
            Transition {
                mask,
                next_mask,
                probability,
                next_action: next_action.map(ActionId),
                end,
                dt,
                ..Transition::new(
                    StateId(state),
                    ActionId(action),
                    reward,
                    StateId(next),
                    mask,
                )
            }
        },
    )
}

/// Every bit of a table, and every count.
fn bits(table: &Dense) -> (Vec<u64>, Vec<u32>) {
    (
        table.view().iter().map(|value| value.to_bits()).collect(),
        table.visits().iter().copied().collect(),
    )
}

fn learners(table: &Dense, config: Config) -> (Learner, Learner<Long>) {
    (
        Learner::new(table.clone(), config).unwrap(),
        Learner::new(Long(table.clone()), config).unwrap(),
    )
}

/// A world that jumps at random, pays what it is told, and may show what no learner accepts.
#[derive(Clone)]
struct Maze {
    rng: Xoshiro256PlusPlus,
    mask: Mask,
    rewards: Vec<f64>,
}

impl Environment for Maze {
    type State = StateId;

    fn reset(&mut self, _: Option<u64>) -> Start {
        let state = StateId(below(&mut self.rng, 3));
        let mask = self.mask;
        Start { state, mask }
    }

    fn step(&mut self, action: ActionId) -> Outcome {
        let count = u32::try_from(self.rewards.len()).unwrap();
        let drawn = below(&mut self.rng, count) as usize;
        let ends = [End::Running, End::Running, End::Terminated, End::Truncated];
        Outcome {
            state: StateId((below(&mut self.rng, 3) + u32::from(action.0)) % 3),
            mask: self.mask,
            reward: self.rewards[drawn],
            end: ends[below(&mut self.rng, 4) as usize],
            dt: 1.0,
        }
    }
}

proptest! {
    #[test]
    fn a_step_is_learned_or_refused_alike(
        table in table(),
        config in config(),
        steps in prop::collection::vec(step(), 1..30),
    ) {
        let (mut short, mut long) = learners(&table, config);
        for mut step in steps {
            step.mask = fitted(step.mask, &table);
            step.next_mask = fitted(step.next_mask, &table);
            // As text, in which every number that is one differs from every other.
            let (found, wanted) = (short.observe(&step), long.observe(&step));
            prop_assert_eq!(format!("{found:?}"), format!("{wanted:?}"));
            prop_assert_eq!(bits(short.values()), bits(&long.values().0));
            prop_assert_eq!(short.steps(), long.steps());
            prop_assert_eq!(short.episodes(), long.episodes());
        }
    }

    #[test]
    fn an_action_is_chosen_or_refused_alike(
        table in table(),
        config in config(),
        seed: u64,
        asked in prop::collection::vec((0..5_u32, mask()), 1..30),
    ) {
        let (short, long) = learners(&table, config);
        let (mut one, mut other) = (stream(seed, 0), stream(seed, 0));
        for (state, mask) in asked {
            let (state, mask) = (StateId(state), fitted(mask, &table));
            let found = short.decide(state, mask, &mut one);
            let wanted = long.decide(state, mask, &mut other);
            prop_assert_eq!(found, wanted);
            prop_assert_eq!(&one, &other, "as many draws");
        }
    }

    #[test]
    fn an_episode_goes_alike(
        table in table(),
        config in config(),
        seed: u64,
        mask in mask(),
        rewards in prop::collection::vec(
            prop_oneof![9 => -2.0..2.0, 1 => Just(f64::NAN), 1 => Just(1e150)], 1..6),
        steps_max in 0..20_u64,
    ) {
        let (short, long) = learners(&table, config);
        let (mut short, mut long) = (Agent::new(short, seed, 0), Agent::new(long, seed, 0));
        let rng = stream(seed, 1);
        let mask = fitted(mask, &table);
        let mut world = Maze { rng, mask, rewards };
        let mut same = world.clone();
        for _ in 0..9 {
            let found = short.run(&mut world, steps_max);
            let wanted = long.run(&mut same, steps_max);
            prop_assert_eq!(format!("{found:?}"), format!("{wanted:?}"));
            prop_assert_eq!(&short.stream, &long.stream, "as many draws, refused or not");
            prop_assert_eq!(bits(short.learner.values()), bits(&long.learner.values().0));
        }
    }

    #[test]
    fn the_best_of_a_row_is_its_highest(table in table()) {
        for (state, row) in (0..).map(StateId).zip(table.view().rows()) {
            let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert_eq!(table.best(state, Mask::all(table.actions())), highest);
        }
    }
}

//! The rules once more, straight from their definitions: whole episodes in hand, whole tables
//! swept, no thought of speed.

use cloudlot_qlearn::{ActionId, End, Explore, Mask, Schedule, StateId, StepSize, Ties, Trace};

use crate::logs::{ACTIONS, STATES};

pub(crate) type Transition = cloudlot_qlearn::Transition;

/// What the models share: a table, its counts and the numbers of the rule.
#[derive(Clone, Debug)]
pub(crate) struct Naive {
    pub(crate) table: Vec<Vec<f64>>,
    visits: Vec<Vec<u32>>,
    pub(crate) discount: f64,
    pub(crate) step_size: StepSize,
}

/// Which policy is valued after the next step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum After {
    /// The action that was announced.
    Announced,
    /// The best one.
    Greedy,
    /// Those that an explorer would take.
    Exploring(Explore),
}

impl Naive {
    pub(crate) fn new(discount: f64, step_size: StepSize) -> Self {
        Self {
            table: vec![vec![0.0; ACTIONS]; STATES],
            visits: vec![vec![0; ACTIONS]; STATES],
            discount,
            step_size,
        }
    }

    fn value(&self, state: StateId, action: ActionId) -> f64 {
        self.table[state.index()][action.index()]
    }

    fn gamma(&self, step: &Transition) -> f64 {
        libm::pow(self.discount, step.dt)
    }

    fn alpha(&mut self, step: &Transition) -> f64 {
        let count = &mut self.visits[step.state.index()][step.executed.index()];
        *count += 1;
        self.step_size.at(*count, self.discount)
    }

    /// How likely the target is to take each action after `step`.
    fn target(&self, step: &Transition, after: After) -> [f64; ACTIONS] {
        let row = &self.table[step.next.index()];
        let best = step
            .next_mask
            .iter()
            .map(|action| row[action.index()])
            .fold(f64::NEG_INFINITY, f64::max);
        let first = step
            .next_mask
            .iter()
            .find(|action| row[action.index()] == best)
            .unwrap();
        let mut chance = [0.0; ACTIONS];
        match after {
            After::Announced => chance[step.next_action.unwrap().index()] = 1.0,
            After::Greedy => chance[first.index()] = 1.0,
            After::Exploring(explore) => {
                for action in step.next_mask.iter() {
                    chance[action.index()] = likelihood(explore, row, step.next_mask, action);
                }
            }
        }
        chance
    }

    /// The value that the target expects after `step`.
    fn expected(&self, step: &Transition, after: After) -> f64 {
        let chance = self.target(step, after);
        let row = &self.table[step.next.index()];
        row.iter().zip(chance).map(|(value, p)| value * p).sum()
    }

    /// Learns a log by an n-step rule: the return of the step at τ in a run of T steps takes in
    /// the steps up to min(τ + n, T).
    pub(crate) fn n_steps(&mut self, log: &[Transition], steps: usize, after: After) {
        for run in runs(log) {
            for first in 0..run.len() {
                let horizon = &run[first..run.len().min(first + steps)];
                let goal = match after {
                    After::Announced => self.sampled(horizon),
                    _ => self.backed_up(horizon, after),
                };
                let step = &run[first];
                let error = goal - self.value(step.state, step.executed);
                let alpha = self.alpha(step);
                self.table[step.state.index()][step.executed.index()] += alpha * error;
            }
        }
    }

    /// Rewards, each discounted by all that lies before it, and the value of what follows.
    fn sampled(&self, run: &[Transition]) -> f64 {
        let mut goal = 0.0;
        let mut passed = 1.0;
        for step in run {
            goal += passed * step.reward;
            passed *= self.gamma(step);
        }
        let last = run.last().unwrap();
        if last.end != End::Terminated {
            goal += passed * self.expected(last, After::Announced);
        }
        goal
    }

    /// The tree: at each step the return of what was done, weighted by the target, and the values
    /// of all else.
    fn backed_up(&self, run: &[Transition], after: After) -> f64 {
        let step = &run[0];
        if step.end == End::Terminated {
            return step.reward;
        }
        if run.len() == 1 {
            return step.reward + self.gamma(step) * self.expected(step, after);
        }
        let chance = self.target(step, after);
        let mut leaves = 0.0;
        for (action, p) in chance.iter().enumerate() {
            if action != run[1].executed.index() {
                leaves += p * self.table[step.next.index()][action];
            }
        }
        let branch = chance[run[1].executed.index()] * self.backed_up(&run[1..], after);
        step.reward + self.gamma(step) * (leaves + branch)
    }

    /// Learns a log by traces: every cell of the table has one.
    pub(crate) fn traces(&mut self, log: &[Transition], lambda: f64, trace: Trace, after: After) {
        let mut traces = vec![vec![0.0; ACTIONS]; STATES];
        let mut announced = None;
        for step in log {
            if announced != Some((step.state, Some(step.executed))) {
                traces = vec![vec![0.0; ACTIONS]; STATES];
            }
            let over = step.end == End::Terminated;
            let following = if over {
                0.0
            } else {
                self.expected(step, after)
            };
            let goal = step.reward + self.gamma(step) * following;
            let error = goal - self.value(step.state, step.executed);
            let followed = match after {
                After::Greedy if !over => {
                    self.value(step.next, step.next_action.unwrap()) == following
                }
                _ => true,
            };
            let alpha = self.alpha(step);
            let own: &mut f64 = &mut traces[step.state.index()][step.executed.index()];
            *own = match trace {
                Trace::Accumulating => *own + alpha,
                Trace::Replacing => alpha,
                Trace::Dutch => (1.0 - alpha) * *own + alpha,
            };
            let kept = if step.end == End::Running && followed {
                self.gamma(step) * lambda
            } else {
                0.0
            };
            for (values, traces) in self.table.iter_mut().zip(&mut traces) {
                for (value, trace) in values.iter_mut().zip(traces) {
                    *value += *trace * error;
                    *trace *= kept;
                }
            }
            announced = (step.end == End::Running).then_some((step.next, step.next_action));
        }
    }
}

/// How likely an explorer with a constant rate is to take `action`.
fn likelihood(explore: Explore, row: &[f64], mask: Mask, action: ActionId) -> f64 {
    let all: Vec<f64> = mask.iter().map(|other| row[other.index()]).collect();
    let best = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let own = row[action.index()];
    match explore {
        Explore::EpsilonGreedy {
            epsilon: Schedule::Constant(epsilon),
            ties: Ties::Uniform,
        } => {
            let winners = all.iter().filter(|value| **value == best).count() as f64;
            let greedy = if own == best { 1.0 / winners } else { 0.0 };
            epsilon / all.len() as f64 + (1.0 - epsilon) * greedy
        }
        Explore::Boltzmann {
            temperature: Schedule::Constant(temperature),
        } => {
            let total: f64 = all.iter().map(|value| (value / temperature).exp()).sum();
            (own / temperature).exp() / total
        }
        _ => unreachable!("the logs are learned with two explorers"),
    }
}

/// The parts of a log in which each step follows on the one before it.
fn runs(log: &[Transition]) -> impl Iterator<Item = &[Transition]> {
    log.chunk_by(|step, next| step.end == End::Running && step.next == next.state)
}

//! How much room above the load pays: learned, beside a rule that is known to be good enough.

use cloudlot_core::Bytes;
use cloudlot_qlearn::safety::{Mode, SafeAgent, SafeDecision, SafetyConfig, SafetyError, Shield};
use cloudlot_qlearn::{
    ActionId, Agent, Config, ConfigError, Dense, Explore, Learner, Mask, ShapeError, StateId,
    StepSize, Ties,
};

use super::super::rules::requests;
use super::super::{Prices, Sample, Scaler};

/// What the learner may choose besides the rule's answer and leaving things as they are: the load and so many hundredths of its square root.
///
/// Source: square-root staffing, Halfin and Whitt (1981).
const HEADROOM: [u32; 6] = [0, 50, 100, 200, 300, 400];
/// The rule's answer; as it is; and the above.
const ACTIONS: usize = 2 + HEADROOM.len();
const RULE: ActionId = ActionId(0);
const HOLD: ActionId = ActionId(1);
/// Below so many calls in flight there is no load; an instance that would be needed to a tenth is not.
const NONE_BELOW: f64 = 0.1;

/// Classes of the load, of how far the calls in flight are off it in square roots of it, and of the instances that there are.
const LOADS: [f64; 7] = [0.1, 0.5, 1.5, 3.0, 6.0, 12.0, 24.0];
const CHANGES: [f64; 3] = [-1.0, 0.5, 1.5];
const COUNTS: [f64; 13] = [
    1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 13.0, 16.0, 20.0, 26.0, 40.0,
];
const CLASSES: usize = (LOADS.len() + 1) * (CHANGES.len() + 1) * (COUNTS.len() + 1);

/// How it learns.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct HeadroomConfig {
    /// What an instance of the function holds.
    pub memory: Bytes,
    /// What things cost.
    pub prices: Prices,
    /// What a cost is worth that comes a tick later, 0 to 1.
    pub discount: f64,
    /// How many of the decisions are left to chance while it learns, 0 to 1.
    pub explore: f64,
    /// A best choice that was tried less often is not trusted once it acts.
    pub visits_min: u32,
    /// How much of the smoothed load is kept each tick, 0 to 1; what a sample says beyond it counts at once.
    pub memory_of_load: f64,
}

impl HeadroomConfig {
    /// For a function of this size: default prices, a discount of 0.95, a twentieth left to chance, three tries before trust,
    /// nine tenths of the load kept each tick.
    #[must_use]
    pub const fn new(memory: Bytes) -> Self {
        Self {
            memory,
            prices: Prices::DEFAULT,
            discount: 0.95,
            explore: 0.05,
            visits_min: 3,
            memory_of_load: 0.9,
        }
    }
}

/// Why there is no learner.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum HeadroomError {
    /// A part is not between 0 and 1.
    #[error("{name} is {value}, not between 0 and 1")]
    Part {
        /// Which setting.
        name: &'static str,
        /// What it is.
        value: f64,
    },
    /// The learner refuses a setting.
    #[error(transparent)]
    Learner(#[from] ConfigError),
    /// The table cannot be.
    #[error(transparent)]
    Table(#[from] ShapeError),
    /// The guard refuses a setting.
    #[error(transparent)]
    Guard(#[from] SafetyError),
}

/// Lets pass what is best in each class, if it was tried often enough, and the rule else.
#[derive(Clone, PartialEq, Debug)]
pub struct Known(Vec<Mask>);

impl Known {
    /// Everything, for who is to try it.
    fn everything() -> Self {
        Self(vec![Mask::all(ACTIONS); CLASSES])
    }

    fn of(learner: &Learner, visits_min: u32) -> Self {
        let visits = learner.values().visits();
        let known = |class: StateId| {
            let best = learner.best(class, Mask::all(ACTIONS));
            let best = best.map_or(RULE, |decision| decision.action);
            let tried = visits[[class.index(), best.index()]] >= visits_min;
            Mask::NONE.with(if tried { best } else { RULE })
        };
        Self((0..).map(StateId).take(CLASSES).map(known).collect())
    }
}

impl Shield<StateId> for Known {
    fn allows(&self, class: StateId, action: ActionId, _: Mask) -> bool {
        self.0
            .get(class.index())
            .is_some_and(|known| known.allows(action))
    }
}

/// A scaler that learns how much room above the load pays, in a table of classes of the load, its change and the instances that
/// there are.
///
/// It begins as a shadow: `rule` acts, and is asked as if it were alone. In [training](Self::train) it tries things, for a simulator. In
/// [control](Self::control) it learns nothing any more and does what is best as far as it is known, and where little is known what
/// the rule says.
#[derive(Clone, Debug)]
pub struct Headroom<R> {
    rule: R,
    config: HeadroomConfig,
    safe: SafeAgent<ActionId, Known>,
    learns: bool,
    /// What the rule asked for: what it would see as the target, were it alone.
    asked: Option<u32>,
    /// The smoothed load.
    load: f64,
    pending: Option<(StateId, SafeDecision)>,
    ticks: u64,
}

impl<R: Scaler> Headroom<R> {
    /// One that has learned nothing, beside `rule`, with the chance of a seed.
    ///
    /// # Errors
    /// A setting that is out of its range.
    pub fn new(rule: R, config: HeadroomConfig, seed: u64) -> Result<Self, HeadroomError> {
        let parts = [
            ("discount", config.discount),
            ("explore", config.explore),
            ("memory_of_load", config.memory_of_load),
        ];
        for (name, value) in parts {
            if !(0.0..=1.0).contains(&value) {
                return Err(HeadroomError::Part { name, value });
            }
        }
        let table = Dense::new(CLASSES, ACTIONS, 0.0)?;
        let learner = Learner::new(
            table,
            Config {
                discount: config.discount,
                step_size: StepSize::default(),
                explore: Explore::EpsilonGreedy {
                    epsilon: cloudlot_qlearn::Schedule::Constant(config.explore),
                    ties: Ties::Uniform,
                },
                ..Config::default()
            },
        )?;
        let agent = Agent::new(learner, seed, 0);
        let guard = SafetyConfig {
            mode: Mode::Observe,
            ..SafetyConfig::default()
        };
        Ok(Self {
            rule,
            config,
            safe: SafeAgent::new(agent, guard, RULE, Known::everything())?,
            learns: true,
            asked: None,
            load: 0.0,
            pending: None,
            ticks: 0,
        })
    }
}

impl<R> Headroom<R> {
    /// Begins a run of a simulator, beside a fresh rule: the learner acts and tries things, and learns from what happens.
    pub fn train(&mut self, rule: R) {
        self.rule = rule;
        self.learns = true;
        self.asked = None;
        self.load = 0.0;
        self.pending = None;
        self.safe.set_mode(Mode::Control);
    }

    /// Lets the rule act again. The learner watches, and learns if it did so before.
    pub fn roll_back(&mut self) {
        self.pending = None;
        self.safe.set_mode(Mode::Observe);
    }

    /// What was learned so far, frozen and in control, beside a fresh rule: it does what is best of what was tried often enough, and
    /// elsewhere what the rule says.
    ///
    /// # Errors
    /// A setting that the guard refuses.
    pub fn control<Q: Scaler>(&self, rule: Q) -> Result<Headroom<Q>, HeadroomError> {
        let learner = &self.safe.agent.learner;
        let config = Config {
            explore: Explore::Greedy { ties: Ties::Lowest },
            ..*learner.config()
        };
        let learner = Learner::new(learner.values().clone(), config)?;
        let known = Known::of(&learner, self.config.visits_min);
        let guard = SafetyConfig::default();
        Ok(Headroom {
            rule,
            config: self.config,
            safe: SafeAgent::new(Agent::new(learner, 0, 0), guard, RULE, known)?,
            learns: false,
            asked: None,
            load: 0.0,
            pending: None,
            ticks: 0,
        })
    }

    /// Who decides: the agent behind its guard.
    #[must_use]
    pub const fn safe(&self) -> &SafeAgent<ActionId, Known> {
        &self.safe
    }

    /// The load that counts: smoothed on its way down, at once on its way up.
    fn follow(&mut self, sample: &Sample) -> f64 {
        let now = requests(sample.concurrency);
        let kept = self.config.memory_of_load;
        self.load = kept * self.load + (1.0 - kept) * now;
        self.load.max(now)
    }

    /// The class of a sample; `load` is what counts of it, `smooth` what was smooth before.
    fn class(sample: &Sample, load: f64, smooth: f64) -> StateId {
        let root = load.max(0.25).sqrt();
        let change = (f64::from(sample.in_flight) - smooth) / root;
        let count = f64::from(sample.current());
        let place = [
            bin(&LOADS, load),
            bin(&CHANGES, change),
            bin(&COUNTS, count),
        ];
        let widths = [LOADS.len() + 1, CHANGES.len() + 1, COUNTS.len() + 1];
        let number = place
            .iter()
            .zip(widths)
            .fold(0, |number, (bin, width)| number * width + bin);
        StateId(u32::try_from(number).expect("a few hundred classes"))
    }

    /// What the time since the last tick cost, in seconds of waiting.
    fn cost(&self, sample: &Sample) -> f64 {
        let Prices { late, .. } = self.config.prices;
        let idle = self.config.prices.idle(self.config.memory, sample.idle);
        let late = late.as_secs_f64() * sample.late as f64;
        sample.waited.as_secs_f64() + late + idle.as_secs_f64()
    }

    /// Learns what the last choice was worth.
    fn learn(&mut self, sample: &Sample, state: StateId, safe: Mask) {
        let Some((before, decision)) = self.pending.take() else {
            return;
        };
        let step = decision.transition(before, -self.cost(sample), state, safe);
        // A cost is finite, and classes and choices are the table's own.
        let learned = self.safe.observe(&step);
        debug_assert!(learned.is_ok(), "{learned:?}");
    }
}

/// In which of the classes between these edges it is.
fn bin(edges: &[f64], value: f64) -> usize {
    edges.iter().filter(|&&edge| value >= edge).count()
}

/// So many instances, and none for what is left below a tenth of one.
fn instances(load: f64, hundredths: u32) -> u32 {
    let exact = load + f64::from(hundredths) / 100.0 * load.sqrt();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and nothing here is negative"
    )]
    let whole = (exact - NONE_BELOW).ceil().max(0.0) as u32;
    whole
}

impl<R: Scaler> Scaler for Headroom<R> {
    fn desired(&mut self, sample: &Sample) -> Option<u32> {
        let alone = Sample {
            target: self.asked,
            ..*sample
        };
        let rule = self.rule.desired(&alone).unwrap_or(alone.current());
        self.asked = Some(rule);
        let smooth = self.load;
        let load = self.follow(sample);
        let state = Self::class(sample, load, smooth);
        self.ticks += 1;
        let decision = self.safe.decide(state, Mask::all(ACTIONS), self.ticks);
        let Ok(decision) = decision else {
            return Some(rule);
        };
        if self.learns {
            self.learn(sample, state, decision.safe);
            self.pending = Some((state, decision));
        }
        Some(match decision.action {
            RULE => rule,
            HOLD => sample.current(),
            ActionId(room) => {
                let hundredths = HEADROOM.get(usize::from(room) - 2);
                instances(load, hundredths.copied().unwrap_or(0))
            }
        })
    }
}

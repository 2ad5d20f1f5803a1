//! How many times the window of another policy an idle instance should be kept: learned by class of function.

use std::time::Duration;

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_qlearn::safety::{Mode, SafeAgent, SafetyConfig, SafetyError};
use cloudlot_qlearn::{
    ActionId, Agent, Config, ConfigError, Dense, End, Explore, Learner, Mask, ShapeError, StateId,
    Ties, Transition, Values,
};

use super::super::Prices;
use super::gaps::{CLASSES, Gaps, Resting as Idle};
use super::proven::Proven;
use crate::{Function, FunctionId, KeepAlive, Rest, Resting};

/// What a multiple is thought to be worth that was never seen, in seconds of waiting less than the window itself costs.
const UNKNOWN: f64 = -1.0;

/// How windows are learned.
#[derive(Clone, PartialEq, Debug)]
pub struct WindowsConfig {
    /// What things cost.
    pub prices: Prices,
    /// How long a start takes that a call has to wait for.
    pub start: Duration,
    /// By how many percent a window may be multiplied, ascending; 100 is one of them, and at most 64 there are.
    pub percents: Vec<u32>,
    /// Over how many pairs a multiple must have been cheaper.
    pub pairs_min: u32,
    /// And by how many standard errors; finite, not negative.
    pub errors: f64,
    /// So much dearer a class may become than it would have been, before it goes back to the windows as they are.
    pub limit: Duration,
}

impl WindowsConfig {
    /// From none to six times the window, believed after 30 pairs and three standard errors, given up after a minute of waiting.
    #[must_use]
    pub fn new(start: Duration) -> Self {
        Self {
            prices: Prices::DEFAULT,
            start,
            percents: vec![0, 5, 10, 25, 50, 100, 200, 400, 600],
            pairs_min: 30,
            errors: 3.0,
            limit: Duration::from_secs(60),
        }
    }
}

/// Why there is no learner.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum WindowsError {
    /// The multiples are not ascending, or 100 % is none of them.
    #[error("the multiples {0:?} are not ascending with 100 among them")]
    Percents(Vec<u32>),
    /// The errors are no number from zero on.
    #[error("{0} standard errors are not a finite number from zero on")]
    Errors(f64),
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

/// A policy whose windows are multiplied by what paid in functions of the same class.
///
/// Classes are made of the usual gap between calls, its spread, and the time after which an idle instance has cost as much as a start.
/// What a gap would have cost under each multiple is known when it ends, so nothing has to be tried: the
/// learner watches, as a shadow, and learns of all multiples at once. [In control](Self::control) it takes the best one that was
/// cheaper than the window itself for sure, pair by pair; where there is none, the window itself. A class in which that turns out
/// to be dearer by more than a limit goes back to the windows as they are: so a run costs at most the limit more for each class, and a gap
/// for each instance, than it would have.
///
/// This holds as far as every call takes the instance that became idle last, which is what most do.
#[derive(Clone, Debug)]
pub struct Windows<K> {
    base: K,
    config: WindowsConfig,
    functions: Vec<Gaps>,
    safe: SafeAgent<ActionId, Proven>,
    learns: bool,
    rests: u64,
}

impl<K> Windows<K> {
    /// A shadow of `base` that has learned nothing.
    ///
    /// # Errors
    /// A setting that is out of its range.
    pub fn new(base: K, config: WindowsConfig) -> Result<Self, WindowsError> {
        let ascending = config.percents.windows(2).all(|pair| pair[0] < pair[1]);
        let neutral = config.percents.iter().position(|&percent| percent == 100);
        let (true, Some(neutral)) = (ascending, neutral) else {
            return Err(WindowsError::Percents(config.percents));
        };
        if !(config.errors.is_finite() && config.errors >= 0.0) {
            return Err(WindowsError::Errors(config.errors));
        }
        let actions = config.percents.len();
        let neutral = ActionId(u16::try_from(neutral).unwrap_or(u16::MAX));
        let mut table = Dense::new(CLASSES, actions, UNKNOWN)?;
        for class in (0..).take(CLASSES) {
            table.add(StateId(class), neutral, -UNKNOWN);
        }
        let learner = Learner::new(
            table,
            Config {
                discount: 0.0,
                explore: Explore::Greedy { ties: Ties::Lowest },
                ..Config::default()
            },
        )?;
        let evidence = (config.errors, config.pairs_min, config.limit.as_secs_f64());
        let proven = Proven::new((CLASSES, actions), neutral, evidence);
        let guard = SafetyConfig {
            mode: Mode::Observe,
            ..SafetyConfig::default()
        };
        let agent = Agent::new(learner, 0, 0);
        Ok(Self {
            base,
            config,
            functions: Vec::new(),
            safe: SafeAgent::new(agent, guard, neutral, proven)?,
            learns: true,
            rests: 0,
        })
    }

    /// Learns of instances that have been idle for longer than any window, at `now`: else those whose call never comes
    /// would not count.
    pub fn settle(&mut self, now: Timestamp) {
        for function in 0..self.functions.len() {
            for place in 0..self.functions[function].resting.len() {
                let resting = self.functions[function].resting[place];
                let gap = now.since(resting.since);
                if !resting.settled && gap > self.longest(resting.window) {
                    let memory = self.functions[function].memory;
                    self.learn(&resting, memory, gap);
                    self.functions[function].resting[place].settled = true;
                }
            }
        }
    }

    /// What was learned so far, around a fresh base, for functions that are not known yet: it acts, and learns on if `learns`.
    #[must_use]
    pub fn control<Q>(&self, base: Q, learns: bool) -> Windows<Q> {
        let mut safe = self.safe.clone();
        safe.set_mode(Mode::Control);
        safe.shield.forgive();
        Windows {
            base,
            config: self.config.clone(),
            functions: Vec::new(),
            safe,
            learns,
            rests: 0,
        }
    }

    /// Lets the base act again, and watches.
    pub fn roll_back(&mut self) {
        self.safe.set_mode(Mode::Observe);
    }

    /// How many classes were given back to the base because they had become too dear.
    #[must_use]
    pub fn given_back(&self) -> usize {
        self.safe.shield.stopped()
    }

    /// Who decides: the agent behind its guard.
    #[must_use]
    pub const fn agent(&self) -> &Agent {
        &self.safe.agent
    }

    fn function(&mut self, function: FunctionId) -> &mut Gaps {
        let place = function.number() as usize;
        if self.functions.len() <= place {
            self.functions
                .resize_with(place + 1, || Gaps::new(Bytes::ZERO));
        }
        &mut self.functions[place]
    }

    /// What a start costs a call.
    fn start(&self) -> Duration {
        self.config.prices.call(self.config.start)
    }

    /// How long an instance may be idle for the price of a start.
    fn worth(&self, memory: Bytes) -> Duration {
        let hour = Duration::from_secs(3_600);
        let hourly = self.config.prices.idle(memory, hour).as_secs_f64();
        let hours = self.start().as_secs_f64() / hourly.max(1e-9);
        Duration::try_from_secs_f64(hours * 3_600.0).unwrap_or(Duration::MAX)
    }

    fn longest(&self, window: Duration) -> Duration {
        multiplied(window, self.config.percents.last().copied().unwrap_or(100))
    }

    /// What a gap costs an instance that is kept for `window`, in seconds of waiting.
    fn cost(&self, memory: Bytes, gap: Duration, window: Duration) -> f64 {
        let idle = self.config.prices.idle(memory, gap.min(window));
        let start = if gap > window {
            self.start()
        } else {
            Duration::ZERO
        };
        (idle + start).as_secs_f64()
    }

    /// Learns what this gap would have cost under each multiple.
    fn learn(&mut self, resting: &Idle, memory: Bytes, gap: Duration) {
        let usual = self.cost(memory, gap, resting.window);
        let all = Mask::all(self.config.percents.len());
        for (action, place) in (0..).map(ActionId).zip(0..self.config.percents.len()) {
            let window = multiplied(resting.window, self.config.percents[place]);
            let dearer = self.cost(memory, gap, window) - usual;
            self.safe.shield.compare(resting.class, action, dearer);
            // The base earns nothing: what is learned is how much better another is.
            let step = Transition {
                end: End::Terminated,
                ..Transition::new(resting.class, action, -dearer, resting.class, all)
            };
            let learned = self.safe.observe(&step);
            debug_assert!(learned.is_ok(), "{learned:?}");
        }
    }

    fn choose(&mut self, resting: &Resting, window: Duration) -> Duration {
        let Resting {
            function,
            now,
            busy,
            ..
        } = *resting;
        let memory = self.function(function).memory;
        let worth = self.worth(memory);
        let class = self.function(function).class(busy, worth);
        self.rests += 1;
        let mask = Mask::all(self.config.percents.len());
        let Ok(decision) = self.safe.decide(class, mask, self.rests) else {
            return window;
        };
        let action = decision.action;
        self.function(function)
            .push(busy, now, (class, action, window));
        multiplied(window, self.config.percents[action.index()])
    }
}

/// So many percent of a window, rounded down to the nanosecond.
fn multiplied(window: Duration, percent: u32) -> Duration {
    let nanos = window.as_nanos() * u128::from(percent) / 100;
    u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
}

impl<K: KeepAlive> KeepAlive for Windows<K> {
    fn rest(&mut self, resting: &Resting) -> Rest {
        let rest = self.base.rest(resting);
        if rest.keep == Duration::MAX {
            return rest;
        }
        let keep = self.choose(resting, rest.keep);
        Rest { keep, ..rest }
    }

    fn value(&mut self, function: FunctionId, made: Timestamp, now: Timestamp) -> u64 {
        self.base.value(function, made, now)
    }

    fn revalue(&mut self, function: FunctionId, value: u64) -> u64 {
        self.base.revalue(function, value)
    }

    fn evicted(&mut self, function: FunctionId, value: u64) {
        self.base.evicted(function, value);
    }

    fn gone(&mut self, function: FunctionId) {
        self.base.gone(function);
    }

    fn added(&mut self, function: FunctionId, is: &Function) {
        self.base.added(function, is);
        self.function(function).memory = is.memory;
    }

    fn replaced(&mut self, function: FunctionId, is: &Function) {
        self.base.replaced(function, is);
        self.function(function).memory = is.memory;
    }

    fn arrived(&mut self, function: FunctionId, now: Timestamp) {
        self.base.arrived(function, now);
        let Some((resting, gap)) = self.function(function).pop(now) else {
            return;
        };
        let memory = self.function(function).memory;
        let chosen = multiplied(resting.window, self.config.percents[resting.action.index()]);
        let dearer = self.cost(memory, gap, chosen) - self.cost(memory, gap, resting.window);
        self.safe.shield.owe(resting.class, dearer);
        if self.learns && !resting.settled {
            self.learn(&resting, memory, gap);
        }
    }

    fn ready(&mut self, function: FunctionId, took: Duration) {
        self.base.ready(function, took);
    }

    fn finished(&mut self, function: FunctionId, ran: Duration) {
        self.base.finished(function, ran);
    }
}

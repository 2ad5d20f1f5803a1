//! A chooser that learns which rule serves best under which load.
//!
//! It names no host by itself: it picks one of four rules, each of which is good enough. So a table of 96 values is all there is to
//! learn, and what was learned of one host is not lost with it. Until it knows better, and for nine choices of ten that would only be
//! tries, the first candidate is taken.

use std::collections::BTreeMap;
use std::time::Duration;

use cloudlot_core::Timestamp;
use cloudlot_qlearn::safety::{Budget, Drift, Pace, SafeAgent, SafeDecision, SafetyConfig};
use cloudlot_qlearn::{
    ActionId, Agent, Config, Dense, End, Explore, Learner, Mask, StateId, StepSize,
};

use super::host::least;
use super::port::{Candidate, Choose, Question, Wanted};
use crate::{CallId, FunctionId, HostId, Outcome, Record};

/// One of the rules among which [`Learned`] chooses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ChoiceRule {
    /// The first candidate: the least loaded host, the most recent instance. The fallback.
    First,
    /// On the host that is used least, of equals the instance that runs the fewest calls.
    LeastUsed,
    /// On the host that is used most: few hosts in use.
    MostUsed,
    /// On the host where calls lately took least, compared with what their functions' calls take.
    Quickest,
}

impl ChoiceRule {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::First, Self::LeastUsed, Self::MostUsed, Self::Quickest];
}

/// A bandit over rules: its state is how loaded the candidates are and how unequally, its reward how long a call took from its
/// arrival on, compared with what calls of its function take.
///
/// Failures, and whatever takes ten times as long, cost as much as ten calls.
#[derive(Clone, Debug)]
pub struct Learned {
    agent: SafeAgent<ActionId>,
    open: BTreeMap<Ticket, Begun>,
    /// By function: what a call takes on average, in nanoseconds; zero if unknown.
    runs: Vec<f64>,
    /// By host: how long calls lately took, in units of their functions' average; zero if unknown.
    slow: Vec<f64>,
    chosen: [u64; ChoiceRule::ALL.len()],
    choices: u64,
}

/// By what a record finds its choice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Ticket {
    Call(CallId),
    /// The first call on an instance stands for its start.
    Start(FunctionId, HostId),
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    state: StateId,
    decision: SafeDecision,
}

/// Levels of load, of spread, and what is wanted.
const LEVELS: u32 = 4;
const SPREADS: u32 = 3;
const STATES: usize = (LEVELS * SPREADS * 2) as usize;

/// What the newest measurement weighs.
const WEIGHT: f64 = 0.05;

/// The most that a call costs.
const DEAREST: f64 = 10.0;

/// How many choices without a record are remembered.
const OPEN: usize = 4_096;

impl Learned {
    /// A chooser that knows nothing yet. Its tries are drawn from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let config = Config {
            discount: 0.0,
            step_size: StepSize::Rescaled {
                start: 1.0,
                pace: 1.0,
                floor: 0.02,
            },
            explore: Explore::epsilon(0.1),
            ..Config::default()
        };
        let safety = SafetyConfig {
            visits_min: 8,
            budget: Some(Budget {
                deviations: 1,
                period: 10,
                burst: 4,
                pace: Pace::Decisions,
            }),
            drift: Some(Drift::default()),
            ..SafetyConfig::default()
        };
        let table = Dense::new(STATES, ChoiceRule::ALL.len(), 0.0).expect("a table of this size");
        let learner = Learner::new(table, config).expect("numbers within their ranges");
        let agent = Agent::new(learner, seed, 0);
        let agent = SafeAgent::new(
            agent,
            safety,
            ActionId(0),
            cloudlot_qlearn::safety::Unshielded,
        );
        Self {
            agent: agent.expect("numbers within their ranges"),
            open: BTreeMap::new(),
            runs: Vec::new(),
            slow: Vec::new(),
            chosen: [0; ChoiceRule::ALL.len()],
            choices: 0,
        }
    }

    /// How often each rule was chosen, in the order of [`ChoiceRule::ALL`].
    #[must_use]
    pub const fn chosen(&self) -> &[u64; ChoiceRule::ALL.len()] {
        &self.chosen
    }

    fn slowness(&self, host: Option<HostId>) -> f64 {
        let host = host.map(|host| host.number() as usize);
        host.and_then(|host| self.slow.get(host))
            .map_or(0.0, |slow| *slow)
    }

    fn by(&self, rule: ChoiceRule, candidates: &[Candidate]) -> usize {
        let all = 0..candidates.len();
        let load =
            |index: usize| candidates[index].used + f64::from(candidates[index].calls) * 1e-6;
        let named = match rule {
            ChoiceRule::First => None,
            ChoiceRule::LeastUsed => least(all, load),
            ChoiceRule::MostUsed => least(all, |index| -load(index)),
            // A host of which nothing is known is tried before any other.
            ChoiceRule::Quickest => least(all, |index| self.slowness(candidates[index].host)),
        };
        named.unwrap_or(0)
    }

    /// Notes how long a call took, and what that is compared with the usual.
    fn measure(&mut self, record: &Record, host: HostId) -> f64 {
        let (function, host) = (record.function.number() as usize, host.number() as usize);
        let nanos = |time: Duration| time.as_nanos() as f64 + 1.0;
        let ran = nanos(record.ended.since(record.started.unwrap_or(record.ended)));
        let usual = average(&mut self.runs, function, ran);
        average(&mut self.slow, host, (ran / usual).min(DEAREST));
        if record.outcome == Outcome::Success {
            let took = nanos(record.ended.since(record.arrived));
            (took / usual).min(DEAREST)
        } else {
            DEAREST
        }
    }
}

/// Takes a number into the moving average in this place, and gives the average.
fn average(averages: &mut Vec<f64>, place: usize, number: f64) -> f64 {
    if averages.len() <= place {
        averages.resize(place + 1, 0.0);
    }
    let average = &mut averages[place];
    *average = if *average > 0.0 {
        *average + WEIGHT * (number - *average)
    } else {
        number
    };
    *average
}

/// How loaded the candidates are, and how unequally.
fn state(wanted: Wanted, candidates: &[Candidate]) -> StateId {
    let used = || candidates.iter().map(|candidate| candidate.used);
    let most = used().fold(0.0, f64::max);
    let fewest = used().fold(f64::INFINITY, f64::min);
    let above = |number: f64, limits: &[f64]| {
        let count = limits.iter().filter(|&&limit| number > limit).count();
        u32::try_from(count).unwrap_or(0)
    };
    let level = above(most, &[0.25, 0.5, 0.75]);
    let spread = above(most - fewest, &[0.1, 0.3]);
    let wanted = u32::from(matches!(wanted, Wanted::Host));
    StateId((wanted * SPREADS + spread) * LEVELS + level)
}

impl Choose for Learned {
    fn choose(&mut self, question: &Question, candidates: &[Candidate], _: Timestamp) -> usize {
        let state = state(question.wanted, candidates);
        let rules = Mask::all(ChoiceRule::ALL.len());
        self.choices += 1;
        let Ok(decision) = self.agent.decide(state, rules, self.choices) else {
            return 0;
        };
        let rule = usize::from(decision.action.0);
        self.chosen[rule] += 1;
        let named = self.by(ChoiceRule::ALL[rule], candidates);
        let ticket = match question.wanted {
            Wanted::Instance(call) => Some(Ticket::Call(call)),
            Wanted::Host => {
                let host = candidates.get(named).and_then(|candidate| candidate.host);
                host.map(|host| Ticket::Start(question.function, host))
            }
        };
        if let Some(ticket) = ticket {
            self.open.insert(ticket, Begun { state, decision });
        }
        if self.open.len() > OPEN {
            self.open.pop_first();
        }
        named
    }

    fn observe(&mut self, record: &Record, host: HostId) {
        let cost = self.measure(record, host);
        let ticket = if record.cold {
            Ticket::Start(record.function, host)
        } else {
            Ticket::Call(record.call)
        };
        if let Some(Begun { state, decision }) = self.open.remove(&ticket) {
            let mut step = decision.transition(state, -cost, state, decision.safe);
            step.end = End::Terminated;
            // What the learner does not believe it does not learn.
            let _ = self.agent.observe(&step);
        }
    }

    fn boxed(&self) -> Box<dyn Choose> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four hosts of which the first is ten times slower, and is offered first.
    fn play(learned: &mut Learned, calls: std::ops::Range<u64>, slow: u32) {
        for call in calls {
            let candidates: Vec<Candidate> = (0..4)
                .map(|host| Candidate {
                    host: Some(HostId::new(host)),
                    used: 0.1,
                    ..Candidate::NOBODY
                })
                .collect();
            let question = Question {
                function: FunctionId::new(0),
                wanted: Wanted::Instance(CallId::new(call)),
            };
            let named = learned.choose(&question, &candidates, Timestamp::ZERO);
            let host = candidates[named].host.unwrap();
            let runs = if host.number() == slow { 1_000 } else { 100 };
            let record = Record {
                call: CallId::new(call),
                function: FunctionId::new(0),
                arrived: Timestamp::ZERO,
                started: Some(Timestamp::ZERO),
                ended: Timestamp::from_nanos(runs),
                outcome: Outcome::Success,
                attempts: 1,
                cold: false,
            };
            learned.observe(&record, host);
        }
    }

    #[test]
    fn it_finds_the_rule_that_avoids_a_slow_host() {
        for seed in 0..10 {
            let mut learned = Learned::new(seed);
            play(&mut learned, 0..2_000, 0);
            let before = *learned.chosen();
            play(&mut learned, 2_000..4_000, 0);
            let since = learned.chosen()[3] - before[3];
            assert!(since > 1_700, "seed {seed}: {since} of 2000");
        }
    }

    #[test]
    fn where_nothing_is_slow_the_fallback_is_no_worse_and_tries_stay_within_their_budget() {
        let mut learned = Learned::new(1);
        play(&mut learned, 0..100, 9);
        let tries: u64 = learned.chosen()[1..].iter().sum();
        assert!(tries <= 100 / 10 + 4, "{tries} tries");
    }

    #[test]
    fn a_slow_host_that_recovers_is_forgiven_and_another_is_avoided() {
        let mut learned = Learned::new(3);
        play(&mut learned, 0..2_000, 0);
        assert!(learned.slow[0] > 1.5, "{:?}", learned.slow);
        play(&mut learned, 2_000..6_000, 1);
        assert!(learned.slow[0] < 1.1, "{:?}", learned.slow);
        assert!(learned.slow[1] > learned.slow[2], "{:?}", learned.slow);
    }

    #[test]
    fn choices_without_a_record_are_forgotten() {
        let mut learned = Learned::new(1);
        for call in 0..10_000 {
            let question = Question {
                function: FunctionId::new(0),
                wanted: Wanted::Instance(CallId::new(call)),
            };
            learned.choose(&question, &[Candidate::NOBODY], Timestamp::ZERO);
        }
        assert_eq!(learned.open.len(), OPEN);
    }
}

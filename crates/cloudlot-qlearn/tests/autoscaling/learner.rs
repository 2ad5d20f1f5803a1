//! The learners: one trained in a simulator, one let in on a running service beside a rule.

use cloudlot_qlearn::safety::{Budget, Mode, Pace, SafeAgent, SafetyConfig, Unshielded};
use cloudlot_qlearn::{
    ActionId, Agent, Backup, Config, Dense, Explore, Learner, Mask, Plan, Planner, PlannerConfig,
    Practice, StateId, Stream, Transition, below, stream, unit,
};
use ndarray::Array2;

use super::pattern::Pattern;
use super::service::{CHANGES, DAY, Service};

/// An action that was tried less often in a state is not trusted there.
const VISITS_MIN: u32 = 20;

/// How a learner is let in on a running service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// How many days it watches first.
    watched: u32,
    /// How many of its decisions it leaves to chance.
    epsilon: f64,
    visits_min: u32,
    budget: Option<Budget>,
}

/// Behind the guard: 30 tries a day.
pub(crate) const CAREFUL: Terms = Terms {
    watched: 2,
    epsilon: 0.01,
    visits_min: VISITS_MIN,
    budget: Some(Budget {
        deviations: 30,
        period: DAY as u64,
        burst: 10,
        pace: Pace::Time,
    }),
};

/// As a plain learner begins.
pub(crate) const BOLD: Terms = Terms {
    watched: 0,
    epsilon: 0.1,
    visits_min: 0,
    budget: None,
};
const ACTIONS: usize = CHANGES.len();

/// Does an action in the simulated service; says what the interval cost.
pub(crate) fn step(
    pattern: &Pattern,
    service: Service,
    action: ActionId,
    chance: &mut Stream,
) -> (Service, f64) {
    let draws = [unit(chance), unit(chance), unit(chance)];
    let chance = pattern.chance(service.phase, draws);
    service.after(action, pattern.rates[service.phase], chance)
}

/// A learner with the default settings, every value as if the rule's average cost went on for ever,
/// that plans on what it has counted.
fn agent(rule_cost: f64, epsilon: f64, backups: u32, seed: u64) -> Agent {
    let config = Config {
        explore: Explore::epsilon(epsilon),
        ..Config::default()
    };
    let worth = -rule_cost / (1.0 - config.discount);
    let values = Dense::new(Service::all().len(), ACTIONS, worth).unwrap();
    let learner = Learner::new(values, config).unwrap();
    let backup = Backup::Expected;
    let config = PlannerConfig {
        plan: Plan::DynaQ { backups, backup },
        // Chance and the guard's budget say what is tried.
        tries: 0,
        ..PlannerConfig::default()
    };
    let planner = Planner::new(config, ACTIONS).unwrap();
    Agent::new(learner, seed, 0).with_practice(planner)
}

/// What is trusted in a state: the rule's action, and where that is known, what was tried often enough.
fn trusted(learner: &Learner, service: Service, rule: &[ActionId], visits_min: u32) -> Mask {
    let (visits, state) = (learner.values().visits(), service.id().index());
    let base = rule[state];
    let is_known = |action: ActionId| visits[[state, action.index()]] >= visits_min;
    let tried = service
        .mask()
        .iter()
        .filter(|a| is_known(*a) && is_known(base));
    tried.fold(Mask::NONE.with(base), Mask::with)
}

/// The best trusted action of every state: what is done once learning is over.
fn frozen(learner: &Learner, rule: &[ActionId]) -> Vec<ActionId> {
    let best = |service: Service| {
        let decision = learner.best(service.id(), trusted(learner, service, rule, VISITS_MIN));
        decision.unwrap().action
    };
    Service::all().into_iter().map(best).collect()
}

/// What is learned in 200 simulated days. A simulator may be put into any state, every half hour,
/// and a fifth of what is done there is left to chance.
pub(crate) fn train(
    pattern: &Pattern,
    rule: &[ActionId],
    rule_cost: f64,
    seed: u64,
) -> Vec<ActionId> {
    const STRETCH: u32 = DAY / 48;
    const STRETCHES: u32 = 200 * 48;
    let states = Service::all();
    let count = u32::try_from(states.len()).unwrap();
    let mut chance = stream(seed, 1);
    let mut agent = agent(rule_cost, 0.2, 1, seed);
    for _ in 0..STRETCHES {
        let mut service = states[below(&mut chance, count) as usize];
        for _ in 0..STRETCH {
            let mask = service.mask();
            let action = agent.decide(service.id(), mask).unwrap().action;
            let (next, cost) = step(pattern, service, action, &mut chance);
            let mut seen = Transition::new(service.id(), action, -cost, next.id(), mask);
            seen.next_mask = next.mask();
            agent.observe(&seen).unwrap();
            service = next;
        }
    }
    let practice = agent.practice.take();
    if let Some(Practice::Planner(mut planner)) = practice {
        planner.plan(&mut agent.learner, 200_000, &mut agent.stream);
    }
    frozen(&agent.learner, rule)
}

/// What the days of one seed cost beside the rule, in what a replica costs in an interval.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Week {
    /// What each day's decisions cost more than the rule's, their consequences after the day
    /// included.
    pub(crate) caused: Vec<f64>,
    /// What was paid each day beyond what the rule paid on the same arrivals, from the same start.
    pub(crate) paid: Vec<f64>,
    /// How many decisions of each day were tries.
    pub(crate) tries: Vec<u64>,
}

/// A learner beside a rule that it knows nothing of: it watches first, then it acts for `days`.
///
/// `excess` is what an action costs more than the rule's, if the rule decides ever after.
pub(crate) fn live(
    pattern: &Pattern,
    (rule, rule_cost): (&[ActionId], f64),
    excess: &Array2<f64>,
    (terms, days): (Terms, u32),
    seed: u64,
) -> Week {
    let mut chance = stream(seed, 2);
    let config = SafetyConfig {
        mode: Mode::Observe,
        sizes: CHANGES.map(i64::from).to_vec(),
        visits_min: terms.visits_min,
        budget: terms.budget,
        ..SafetyConfig::default()
    };
    let baseline = |state: StateId, _: Mask| rule[state.index()];
    let agent = agent(rule_cost, terms.epsilon, 5, seed);
    let mut safe = SafeAgent::new(agent, config, baseline, Unshielded).unwrap();
    let mut service = Pattern::START;
    let mut week = Week::default();
    let mut now = 0;
    for day in 0..terms.watched + days {
        if day == terms.watched {
            safe.set_mode(Mode::Control);
        }
        let tries = safe.guard().tally().deviations;
        let (mut caused, mut paid) = (0.0, 0.0);
        // The same arrivals, starts and stages under the rule.
        let (mut twin, mut same_chance) = (service, chance.clone());
        for _ in 0..DAY {
            let decision = safe.decide(service.id(), service.mask(), now).unwrap();
            now += 1;
            let (next, cost) = step(pattern, service, decision.action, &mut chance);
            let base = rule[twin.id().index()];
            let (twin_next, twin_cost) = step(pattern, twin, base, &mut same_chance);
            caused += excess[[service.id().index(), decision.action.index()]];
            paid += cost - twin_cost;
            let learner = &safe.agent.learner;
            let next_mask = trusted(learner, next, rule, terms.visits_min);
            let mut seen = decision.transition(service.id(), -cost, next.id(), next_mask);
            // Values are those of what is trusted, not of what was tried once and went well.
            seen.mask = trusted(learner, service, rule, terms.visits_min).with(decision.action);
            safe.observe(&seen).unwrap();
            (service, twin) = (next, twin_next);
        }
        if day >= terms.watched {
            week.caused.push(caused);
            week.paid.push(paid);
            week.tries.push(safe.guard().tally().deviations - tries);
        }
    }
    week
}

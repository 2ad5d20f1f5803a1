//! Arbitrary logs, and the estimators by their definitions.

use cloudlot_qlearn::offline::{ActionValues, Header, Log, TargetPolicy};
use cloudlot_qlearn::{ActionId, End, Mask, StateId, Stream, Transition, below, stream, unit};
use ndarray::Array2;

pub(crate) const STATES: u32 = 5;
pub(crate) const ACTIONS: u16 = 4;

/// A log of a random behaviour, with masks, irregular steps and all ends; and that behaviour.
pub(crate) struct Drawn {
    pub(crate) log: Log,
    pub(crate) behaviour: TargetPolicy,
}

pub(crate) fn drawn(seed: u64, episodes: u32, discount: f64) -> Drawn {
    let mut rng = stream(seed, 1);
    let behaviour = policy(&mut rng);
    let header = Header::new(STATES, ACTIONS, discount).unwrap();
    let mut steps = Vec::new();
    for _ in 0..episodes {
        episode(&behaviour, &mut rng, &mut steps);
    }
    Drawn {
        log: Log::new(header, steps).unwrap(),
        behaviour,
    }
}

/// Any policy that does everything now and then.
pub(crate) fn policy(rng: &mut Stream) -> TargetPolicy {
    let shape = (STATES as usize, usize::from(ACTIONS));
    let mut rows = Array2::from_shape_simple_fn(shape, || 0.1 + unit(rng));
    for mut row in rows.outer_iter_mut() {
        let sum = row.sum();
        row /= sum;
    }
    TargetPolicy::stochastic(rows).unwrap()
}

/// Values of any size.
pub(crate) fn values(rng: &mut Stream) -> ActionValues {
    let shape = (STATES as usize, usize::from(ACTIONS));
    ActionValues::stationary(Array2::from_shape_simple_fn(shape, || {
        4.0 * unit(rng) - 2.0
    }))
    .unwrap()
}

fn episode(behaviour: &TargetPolicy, rng: &mut Stream, steps: &mut Vec<Transition>) {
    let mut state = StateId(below(rng, STATES));
    let mut mask = some_mask(rng);
    loop {
        let (action, probability) = choose(behaviour, state, mask, rng);
        let next = StateId(below(rng, STATES));
        let next_mask = some_mask(rng);
        let end = match below(rng, 8) {
            0 => End::Terminated,
            1 => End::Truncated,
            _ => End::Running,
        };
        steps.push(Transition {
            probability,
            next_mask,
            end,
            dt: if below(rng, 2) == 0 {
                1.0
            } else {
                0.5 + unit(rng)
            },
            ..Transition::new(state, action, 2.0 * unit(rng) - 0.5, next, mask)
        });
        if end != End::Running {
            return;
        }
        (state, mask) = (next, next_mask);
    }
}

fn some_mask(rng: &mut Stream) -> Mask {
    Mask::from_bits(u64::from(1 + below(rng, (1 << ACTIONS) - 1)))
}

fn choose(policy: &TargetPolicy, state: StateId, mask: Mask, rng: &mut Stream) -> (ActionId, f64) {
    let mut at = unit(rng);
    let mut last = (ActionId(0), 0.0);
    for action in mask.iter() {
        let probability = behind(policy, state, mask, action);
        last = (action, probability);
        if at < probability {
            break;
        }
        at -= probability;
    }
    last
}

/// How likely `policy` is to do `action` where only `mask` is allowed.
pub(crate) fn behind(policy: &TargetPolicy, state: StateId, mask: Mask, action: ActionId) -> f64 {
    let whole = |action| policy.probability(state, Mask::all(usize::from(ACTIONS)), action);
    if mask == Mask::all(usize::from(ACTIONS)) {
        return whole(action);
    }
    whole(action) / mask.iter().map(whole).sum::<f64>()
}

/// One episode by the definitions: the ratio of each step, its discount and its reward.
fn terms(log: &Log, target: &TargetPolicy, episode: &[Transition]) -> Vec<[f64; 3]> {
    let mut time = 0.0;
    let mut terms = Vec::new();
    for step in episode {
        let ratio = behind(target, step.state, step.mask, step.executed) / step.probability;
        terms.push([ratio, log.header().discount().powf(time), step.reward]);
        time += step.dt;
    }
    terms
}

/// The product of the ratios up to and with step `k`; of all, past the end.
fn weight(terms: &[[f64; 3]], k: usize) -> f64 {
    terms.iter().take(k + 1).map(|[ratio, ..]| ratio).product()
}

fn gain(terms: &[[f64; 3]], k: usize) -> f64 {
    terms
        .get(k)
        .map_or(0.0, |[_, discount, reward]| discount * reward)
}

/// Importance sampling, the weighted one, per decision, the weighted one, doubly robust, and the
/// effective sample size, each as it is written down.
pub(crate) fn naive(log: &Log, target: &TargetPolicy, values: &ActionValues) -> [f64; 6] {
    let all: Vec<_> = log.episodes().map(|e| terms(log, target, e)).collect();
    let longest = all.iter().map(Vec::len).max().unwrap();
    let count = f64::from(u32::try_from(all.len()).unwrap());
    let whole = |t: &Vec<[f64; 3]>| weight(t, t.len());
    let earned = |t: &Vec<[f64; 3]>| (0..t.len()).map(|k| gain(t, k)).sum::<f64>();
    let weights: f64 = all.iter().map(whole).sum();
    let squares: f64 = all.iter().map(|t| whole(t) * whole(t)).sum();
    let returns: f64 = all.iter().map(|t| whole(t) * earned(t)).sum();
    let (mut single, mut weighted) = (0.0, 0.0);
    for k in 0..longest {
        let above: f64 = all.iter().map(|t| weight(t, k) * gain(t, k)).sum();
        single += above / count;
        weighted += above / all.iter().map(|t| weight(t, k)).sum::<f64>();
    }
    // The recursion written out: the sum over steps of what each guess was wrong by.
    let mut robust = 0.0;
    for (episode, terms) in log.episodes().zip(&all) {
        for (k, step) in episode.iter().enumerate() {
            let guess = values.at(0).row(step.state.index()).to_owned();
            let mean: f64 = step
                .mask
                .iter()
                .map(|a| behind(target, step.state, step.mask, a) * guess[a.index()])
                .sum();
            let before = weight(terms, k) / terms[k][0];
            robust += weight(terms, k) * gain(terms, k)
                + terms[k][1] * (before * mean - weight(terms, k) * guess[step.executed.index()]);
        }
    }
    [
        returns / count,
        returns / weights,
        single,
        weighted,
        robust / count,
        weights * weights / squares,
    ]
}

//! The goal `peak`: no pCPU stands out above the mean; few moves a cycle, each worth its cost.
//!
//! Local search: the best single move or pair swap off a hot pCPU, hottest first. A step's gain
//! is the fall of the higher of the two pCPUs it touches, not of the global maximum: with two
//! equally hot pCPUs the latter is zero and the search would stall.
//! Source of the trigger: the variance of an exponentially weighted mean of correlated samples,
//! `var × α/(2-α) × (1+r)/(1-r)`.

use super::board::{Board, Seat, mean};
use super::{Moves, PinConfig, PinGoal, PinHistory, place};

/// Plans if it is time to; says whether the balance is bad enough to act on.
pub(super) fn plan(
    board: &Board<'_>,
    past: &PinHistory,
    config: &PinConfig,
    moves: &mut Moves,
) -> bool {
    let PinGoal::Peak {
        excess,
        budget,
        budget_least,
        ..
    } = config.goal
    else {
        return false;
    };
    let tally = Tally::new(board, &moves.seats, config);
    let Some(hot) = tally.hottest() else {
        return false;
    };
    let average = mean(&tally.loads);
    let above = tally.load(hot) - average;
    let noise = tally.deviation(hot);
    let stands_out =
        average >= config.idle_load && above > excess.max(config.trigger_deviations * noise);
    let urgent = is_urgent(board, &tally, hot, config);
    if !(stands_out || urgent) {
        return false;
    }
    let lasted = past.triggered_cycles().saturating_add(1);
    if urgent || lasted >= config.trigger_cycles {
        place::settle(board, moves);
        let part = budget * board.players.len() as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a count"
        )]
        let budget = (part as usize).max(budget_least);
        improve(board, config, budget, moves);
    }
    true
}

/// Whether a hot pCPU makes its vCPUs wait while another that they may use has room.
fn is_urgent(board: &Board<'_>, tally: &Tally<'_>, hot: usize, config: &PinConfig) -> bool {
    let PinGoal::Peak {
        urgent_load,
        urgent_steal,
        urgent_room,
        ..
    } = config.goal
    else {
        return false;
    };
    if tally.load(hot) < urgent_load {
        return false;
    }
    let here = || {
        tally.members[hot]
            .iter()
            .map(|&player| &board.players[player])
    };
    let demand: f64 = here().map(|player| player.vcpu.estimate).sum();
    let steal: f64 = here()
        .map(|player| player.vcpu.estimate * player.vcpu.steal)
        .sum();
    let room = |&place: &usize| tally.load(place) <= urgent_room;
    steal >= urgent_steal * demand.max(f64::MIN_POSITIVE)
        && here().any(|player| player.allowed.iter().any(room))
}

fn improve(board: &Board<'_>, config: &PinConfig, budget: usize, moves: &mut Moves) {
    let mut tally = Tally::new(board, &moves.seats, config);
    let mut left = budget;
    let mut moved = vec![false; board.players.len()];
    while let Some(change) = tally.best_change(&moved, left) {
        for (player, to) in change.parts() {
            let why = format!(
                "{} carries {:.0} %, the mean is {:.0} %: {:.0} % goes to {}, the higher of both falls by {:.0} points",
                board.pcpus[change.hot].sample.id,
                tally.load(change.hot) * 100.0,
                mean(&tally.loads) * 100.0,
                board.players[player].vcpu.estimate * 100.0,
                board.pcpus[to].sample.id,
                change.gain * 100.0,
            );
            moves.seat(player, to, why);
            moved[player] = true;
            left -= 1;
        }
        tally.take(&change);
    }
}

/// Least loaded destinations that are looked at for one step: gains fall with the room there is,
/// so the best is nearly always among the first.
const DESTINATIONS: usize = 8;

/// A move of one vCPU off a hot place, or a swap with one of its destination.
#[derive(Clone, Copy, Debug)]
struct Change {
    hot: usize,
    to: usize,
    mover: usize,
    back: Option<usize>,
    gain: f64,
    /// Weighted contention, then sum of squares, on both places afterwards: less is better.
    after: (f64, f64),
}

impl Change {
    fn parts(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        std::iter::once((self.mover, self.to)).chain(self.back.map(|player| (player, self.hot)))
    }

    /// Gains are told apart by a millionth of a core; then less contention, then less unevenness.
    fn beats(&self, other: &Self, by: f64) -> bool {
        let lead = self.gain - other.gain - by;
        if lead.abs() > 1e-6 {
            return lead > 0.0;
        }
        self.after
            .0
            .total_cmp(&other.after.0)
            .then(self.after.1.total_cmp(&other.after.1))
            .is_lt()
    }
}

/// Loads by place that follow moves one by one.
struct Tally<'a> {
    board: &'a Board<'a>,
    config: &'a PinConfig,
    /// Demand in cores, by place.
    raw: Vec<f64>,
    /// Demand over capacity, by place.
    loads: Vec<f64>,
    /// Sum of weight × demand, by place.
    weighted: Vec<f64>,
    /// Pinned players by place, lightest first.
    members: Vec<Vec<usize>>,
    seat: Vec<Option<usize>>,
    siblings: Vec<Vec<usize>>,
}

impl<'a> Tally<'a> {
    fn new(board: &'a Board<'a>, seats: &[Seat], config: &'a PinConfig) -> Self {
        let places = board.pcpus.len();
        let core = |place: usize| {
            (
                board.pcpus[place].sample.node,
                board.pcpus[place].sample.core,
            )
        };
        let mut by_core = std::collections::BTreeMap::<_, Vec<usize>>::new();
        (0..places).for_each(|place| by_core.entry(core(place)).or_default().push(place));
        let siblings = (0..places)
            .map(|place| {
                by_core[&core(place)]
                    .iter()
                    .copied()
                    .filter(|other| *other != place)
                    .collect()
            })
            .collect();
        let mut tally = Self {
            board,
            config,
            raw: board.loads(seats),
            loads: vec![0.0; places],
            weighted: vec![0.0; places],
            members: vec![Vec::new(); places],
            seat: vec![None; seats.len()],
            siblings,
        };
        for (player, seat) in seats.iter().enumerate() {
            if let Seat::Pinned(place) = *seat {
                tally.seat[player] = Some(place);
                tally.members[place].push(player);
                tally.weighted[place] += tally.weight(player);
            }
        }
        for place in 0..places {
            tally.members[place].sort_by(|a, b| lighter(board, *a, *b));
            tally.loads[place] = tally.effective(place, tally.raw[place]);
        }
        tally
    }

    fn demand(&self, player: usize) -> f64 {
        self.board.players[player].vcpu.estimate
    }

    fn weight(&self, player: usize) -> f64 {
        f64::from(self.board.players[player].vcpu.weight) * self.demand(player)
    }

    fn load(&self, place: usize) -> f64 {
        self.loads[place]
    }

    /// Demand over capacity: a slow core counts by its speed, and a thread whose siblings are
    /// busy shares its core with them.
    fn effective(&self, place: usize, raw: f64) -> f64 {
        let PinGoal::Peak {
            sibling_capacity, ..
        } = self.config.goal
        else {
            return raw;
        };
        let busy: f64 = self.siblings[place]
            .iter()
            .map(|&other| self.raw[other].min(1.0))
            .sum();
        let slowdown = 1.0 + busy.min(1.0) * (2.0 / sibling_capacity - 1.0);
        raw * slowdown / self.board.pcpus[place].sample.speed
    }

    /// Places from the least to the most loaded.
    fn by_load(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.loads.len()).collect();
        order.sort_by(|a, b| self.loads[*a].total_cmp(&self.loads[*b]).then(a.cmp(b)));
        order
    }

    fn hottest(&self) -> Option<usize> {
        (0..self.loads.len())
            .max_by(|a, b| self.loads[*a].total_cmp(&self.loads[*b]).then(b.cmp(a)))
    }

    /// Standard deviation of a place's estimated load.
    fn deviation(&self, place: usize) -> f64 {
        let alpha = self.config.estimate.alpha;
        let of_mean = |player: &usize| {
            let vcpu = self.board.players[*player].vcpu;
            vcpu.variance * alpha / (2.0 - alpha) * (1.0 + vcpu.correlation)
                / (1.0 - vcpu.correlation)
        };
        self.members[place].iter().map(of_mean).sum::<f64>().sqrt()
    }

    /// The best step that is worth taking, off the hottest place that has one.
    fn best_change(&self, moved: &[bool], budget: usize) -> Option<Change> {
        let PinGoal::Peak {
            excess,
            gain,
            gain_deviations,
            ..
        } = self.config.goal
        else {
            return None;
        };
        let order = self.by_load();
        let average = mean(&self.loads);
        order
            .iter()
            .rev()
            .take_while(|hot| self.loads[**hot] - average > excess)
            .find_map(|&hot| {
                let least = gain.max(gain_deviations * self.deviation(hot));
                self.best_off(hot, &order, moved, budget, least)
                    .filter(|change| change.gain >= least)
            })
    }

    fn best_off(
        &self,
        hot: usize,
        order: &[usize],
        moved: &[bool],
        budget: usize,
        least: f64,
    ) -> Option<Change> {
        let mut best_move: Option<Change> = None;
        let mut best_swap: Option<Change> = None;
        let movers: Vec<usize> = self.members[hot]
            .iter()
            .copied()
            .filter(|&p| self.free(p, moved))
            .collect();
        let mut tried = 0;
        for &to in order.iter().filter(|&&to| to != hot) {
            // No step can do better than level both places.
            let bound = (self.loads[hot] - self.loads[to]) / 2.0;
            let reached = best_move
                .iter()
                .chain(&best_swap)
                .map(|change| change.gain)
                .fold(0.0, f64::max);
            if budget == 0 || tried == DESTINATIONS || bound < least.max(reached) {
                break;
            }
            let mut reachable = false;
            for &mover in movers.iter().filter(|&&mover| self.may(mover, to)) {
                reachable = true;
                keep_better(&mut best_move, self.change(hot, to, mover, None));
                if budget >= 2 {
                    for back in self.partners(hot, to, mover, moved) {
                        keep_better(&mut best_swap, self.change(hot, to, mover, Some(back)));
                    }
                }
            }
            tried += usize::from(reachable);
        }
        match (best_move, best_swap) {
            (Some(single), Some(swap)) if swap.beats(&single, least) => Some(swap),
            (None, Some(swap)) => Some(swap),
            (single, _) => single,
        }
    }

    fn free(&self, player: usize, moved: &[bool]) -> bool {
        !moved[player] && self.board.players[player].can_move()
    }

    fn may(&self, player: usize, place: usize) -> bool {
        self.board.players[player]
            .allowed
            .binary_search(&place)
            .is_ok()
    }

    /// The players of `to` whose demand comes nearest to levelling both places in a swap.
    fn partners(
        &self,
        hot: usize,
        to: usize,
        mover: usize,
        moved: &[bool],
    ) -> impl Iterator<Item = usize> {
        let wanted = self.demand(mover) - (self.raw[hot] - self.raw[to]) / 2.0;
        let members = &self.members[to];
        let split = members.partition_point(|&player| self.demand(player) < wanted);
        let fits = |player: &&usize| self.free(**player, moved) && self.may(**player, hot);
        let below = members[..split].iter().rev().find(fits).copied();
        let above = members[split..].iter().find(fits).copied();
        below.into_iter().chain(above)
    }

    fn change(&self, hot: usize, to: usize, mover: usize, back: Option<usize>) -> Change {
        let shift = self.demand(mover) - back.map_or(0.0, |player| self.demand(player));
        let weight = self.weight(mover) - back.map_or(0.0, |player| self.weight(player));
        let hot_load = self.effective(hot, self.raw[hot] - shift);
        let to_load = self.effective(to, self.raw[to] + shift);
        let contention = (hot_load - 1.0).max(0.0) * (self.weighted[hot] - weight)
            + (to_load - 1.0).max(0.0) * (self.weighted[to] + weight);
        Change {
            hot,
            to,
            mover,
            back,
            gain: self.loads[hot] - hot_load.max(to_load),
            after: (contention, hot_load * hot_load + to_load * to_load),
        }
    }

    fn take(&mut self, change: &Change) {
        for (player, to) in change.parts() {
            let from = self.seat[player]
                .replace(to)
                .expect("only pinned players change places");
            let (demand, weight) = (self.demand(player), self.weight(player));
            self.raw[from] -= demand;
            self.raw[to] += demand;
            self.weighted[from] -= weight;
            self.weighted[to] += weight;
            self.members[from].retain(|&member| member != player);
            let board = self.board;
            let at =
                self.members[to].partition_point(|&member| lighter(board, member, player).is_lt());
            self.members[to].insert(at, player);
        }
        for place in [change.hot, change.to] {
            for at in 0..=self.siblings[place].len() {
                let place = self.siblings[place].get(at).copied().unwrap_or(place);
                self.loads[place] = self.effective(place, self.raw[place]);
            }
        }
    }
}

fn lighter(board: &Board<'_>, a: usize, b: usize) -> std::cmp::Ordering {
    let estimate = |player: usize| board.players[player].vcpu.estimate;
    estimate(a).total_cmp(&estimate(b)).then(a.cmp(&b))
}

fn keep_better(best: &mut Option<Change>, candidate: Change) {
    if best.as_ref().is_none_or(|best| candidate.beats(best, 0.0)) {
        *best = Some(candidate);
    }
}

//! The fewest and then the cheapest victims for a request: exact as far as the work that was granted allows.
//!
//! What fits is never computed here: every set of victims is tried in a draft, so that amounts over time, owners' limits
//! and company are the ledger's own to judge.
//!
//! A request of one member is searched resource by resource. The ledger's refusal says what is short; at least one
//! victim that holds some of it has to go, so the search branches over those, and a bound on how many it takes cuts it
//! off. Other requests are searched over all candidates: cover the place found with all of them gone, prune the
//! cheapest that suffice, then look at every smaller set.
//!
//! Source: pruning by giving back ("reprieve") is what kube-scheduler does after removing all victims of a node; here it
//! gives the first answer, and the search betters it.

use super::help::ByResource;
use super::order::orders;
use super::place::Place;
use super::victim::{Cost, Field};
use cloudlot_core::ledger::{Draft, Mark, Placement, Reservation, State, Why};
use cloudlot_core::{Need, On, Request, ReservationId, ResourceId, Timestamp};

/// What asking a placer costs, in trials of the ledger: it looks at many places.
const PLACING: u64 = 16;
/// Trials on each resource before any one is searched to its end.
const FIRST: u64 = 64;

/// Victims that make room, by their place among the candidates, and where the request goes then.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) victims: Vec<usize>,
    pub(super) cost: Cost,
    pub(super) placement: Placement,
}

/// What is asked, and when.
#[derive(Clone, Copy)]
pub(super) struct Quest<'a> {
    pub(super) request: &'a Request,
    pub(super) place: &'a dyn Place,
    pub(super) now: Timestamp,
    /// When victims are gone, and the request starts.
    pub(super) gone: Timestamp,
}

/// A search in a draft that is thrown away afterwards.
pub(super) struct Search<'a, 'v> {
    draft: Draft<'v>,
    base: Mark,
    quest: Quest<'a>,
    field: &'a Field,
    holders: ByResource,
    /// Who will have left by itself when the victims are gone.
    ending: Vec<ReservationId>,
    work: u64,
    best: Option<Answer>,
    /// Candidates that the branch at hand has chosen, or does without.
    decided: Vec<bool>,
    /// Whether a placer is asked at each answer; it may have rules that the ledger does not know.
    ask: bool,
    /// Whether the placer does not want the resource at hand.
    vetoed: bool,
}

/// The victims of one branch of the search.
struct Branch {
    chosen: Vec<usize>,
    cost: Cost,
    left: Vec<u32>,
}

impl<'a, 'v> Search<'a, 'v> {
    pub(super) fn new(draft: Draft<'v>, quest: Quest<'a>, field: &'a Field, work: u64) -> Self {
        Self {
            base: draft.mark(),
            holders: ByResource::of(draft.state(), field),
            ending: ending(draft.state(), &quest),
            draft,
            quest,
            field,
            work,
            best: None,
            decided: vec![false; field.candidates.len()],
            ask: true,
            vetoed: false,
        }
    }

    /// The best victims found, if any, and whether it is proven that there are none better.
    pub(super) fn run(mut self) -> (Option<Answer>, bool) {
        let proven = match single(self.quest.request) {
            Some(on) => self.each_resource(on),
            None => self.all_together(),
        };
        if !proven && let Some(best) = self.best.clone() {
            // One look at each victim is owed even now: nobody goes who could stay.
            self.work = PLACING * best.victims.len() as u64;
            self.reprieve(best.victims);
        }
        (self.best, proven)
    }

    /// A little on each resource first, so that none is left out for the sake of another.
    fn each_resource(&mut self, on: On) -> bool {
        let mut targets = self.targets(on);
        targets.retain(|target| !self.cover_on(*target, FIRST));
        targets
            .iter()
            .all(|target| self.cover_on(*target, u64::MAX))
    }

    fn targets(&self, on: On) -> Vec<ResourceId> {
        let state = self.draft.state();
        let ids = state.resources().map(|(id, _)| id);
        let suits = |id: &ResourceId| {
            let part = state.parent(*id).is_some();
            state.takes_new(*id) && part == (on != On::Node)
        };
        ids.filter(suits).collect()
    }

    fn cover_on(&mut self, target: ResourceId, most: u64) -> bool {
        self.vetoed = false;
        self.cover(&Placement::on(target), most)
    }

    /// Finds the best victims for one place, in so many trials at most; whether it got to the end.
    fn cover(&mut self, placement: &Placement, most: u64) -> bool {
        let mut allowance = most.min(self.work);
        let before = allowance;
        let mut branch = self.nobody();
        let finished = self.descend(placement, &mut branch, &mut allowance);
        self.draft.rollback(self.base);
        self.work -= before - allowance;
        finished
    }

    fn nobody(&self) -> Branch {
        Branch {
            chosen: Vec::new(),
            cost: Cost::ZERO,
            left: self.field.left.clone(),
        }
    }

    /// Whether so many victims of that cost would be better than the best so far.
    fn is_better(&self, count: usize, cost: Cost) -> bool {
        let best = self.best.as_ref();
        best.is_none_or(|best| (count, cost) < (best.victims.len(), best.cost))
    }

    fn descend(&mut self, placement: &Placement, branch: &mut Branch, allowance: &mut u64) -> bool {
        if self.vetoed || !self.is_better(branch.chosen.len(), branch.cost) {
            return true;
        }
        let Some(rest) = allowance.checked_sub(1) else {
            return false;
        };
        *allowance = rest;
        let mark = self.draft.mark();
        let quest = self.quest;
        let got = self
            .draft
            .reserve_from(quest.request, placement, quest.gone);
        self.draft.rollback(mark);
        match got {
            Ok(()) => self.arrive(placement, branch, allowance),
            Err(why) => self.branch_over(&why, placement, branch, allowance),
        }
    }

    /// The branch makes room: it is the best so far if the placer agrees.
    fn arrive(&mut self, placement: &Placement, branch: &Branch, allowance: &mut u64) -> bool {
        let agreed = if self.ask {
            let Some(rest) = allowance.checked_sub(PLACING) else {
                return false;
            };
            *allowance = rest;
            let agreed = self.fits(&branch.chosen);
            self.draft.rollback(self.base);
            for victim in &branch.chosen {
                self.evict(*victim, self.quest.gone);
            }
            agreed
        } else {
            Some(placement.clone())
        };
        match agreed {
            Some(placement) => self.note(&branch.chosen, branch.cost, placement),
            None => self.vetoed = true,
        }
        true
    }

    /// Somebody who holds what is short has to go: tries each who does, and from then on does without it.
    fn branch_over(
        &mut self,
        why: &Why,
        placement: &Placement,
        branch: &mut Branch,
        allowance: &mut u64,
    ) -> bool {
        let graced = self.quest.gone > self.quest.now;
        if graced && matches!(why, Why::Apart { .. }) {
            // Company counts until the grace is over.
            return true;
        }
        let may = |victim: usize| {
            let spent = |budget: &usize| branch.left[*budget] == 0;
            !self.decided[victim] && !self.field.candidates[victim].budgets.iter().any(spent)
        };
        let Some(help) = self
            .holders
            .against(why, self.draft.state(), self.field, may)
        else {
            return true;
        };
        let count = branch.chosen.len() + help.at_least;
        if !self.is_better(count, branch.cost.and(help.cheapest)) {
            return true;
        }
        let mut finished = true;
        for (index, victim) in help.who.iter().enumerate() {
            self.decided[*victim] = true;
            let mark = self.draft.mark();
            self.evict(*victim, self.quest.gone);
            let before = branch.cost;
            self.choose(branch, *victim);
            finished = self.descend(placement, branch, allowance);
            branch.cost = before;
            self.unchoose(branch);
            self.draft.rollback(mark);
            if !finished || self.vetoed {
                help.who[..=index]
                    .iter()
                    .for_each(|victim| self.decided[*victim] = false);
                return finished;
            }
        }
        help.who
            .iter()
            .for_each(|victim| self.decided[*victim] = false);
        finished
    }

    fn choose(&self, branch: &mut Branch, victim: usize) {
        let candidate = &self.field.candidates[victim];
        branch.cost = branch.cost.and(candidate.cost);
        candidate
            .budgets
            .iter()
            .for_each(|budget| branch.left[*budget] -= 1);
        branch.chosen.push(victim);
    }

    /// Takes the last choice back, but for its cost.
    fn unchoose(&self, branch: &mut Branch) {
        let victim = branch.chosen.pop().expect("something was chosen");
        let budgets = &self.field.candidates[victim].budgets;
        budgets.iter().for_each(|budget| branch.left[*budget] += 1);
    }

    fn evict(&mut self, victim: usize, at: Timestamp) {
        let id = self.field.candidates[victim].id;
        self.draft.evict(id, at).expect("a candidate is there");
    }

    /// Where the placer puts the request once these are gone, if the plan is possible then.
    fn fits(&mut self, victims: &[usize]) -> Option<Placement> {
        let Quest {
            request,
            place,
            now,
            gone,
        } = self.quest;
        self.draft.rollback(self.base);
        victims.iter().for_each(|victim| self.evict(*victim, now));
        for id in &self.ending {
            // The placer looks at what will be. A victim that would leave anyway is gone already.
            let _ = self.draft.evict(*id, now);
        }
        let placement = place.place(&self.draft, request);
        if gone > now {
            self.draft.rollback(self.base);
            victims.iter().for_each(|victim| self.evict(*victim, gone));
        }
        let fits =
            |placement: &Placement| self.draft.reserve_from(request, placement, gone).is_ok();
        let placement = placement.ok().filter(fits);
        self.draft.rollback(self.base);
        placement
    }

    fn note(&mut self, victims: &[usize], cost: Cost, placement: Placement) {
        if self.is_better(victims.len(), cost) {
            let mut victims = victims.to_vec();
            victims.sort_unstable();
            self.best = Some(Answer {
                victims,
                cost,
                placement,
            });
        }
    }

    fn all_together(&mut self) -> bool {
        let most = self.within_budgets();
        if let Some(placement) = self.fits(&most) {
            self.note(&most, self.cost_of(&most), placement.clone());
            self.ask = false;
            self.cover(&placement, self.work / 2);
            for order in orders(self.draft.state(), self.quest.request, self.field, &most) {
                self.prune(order);
            }
        }
        self.every_smaller()
    }

    /// As many candidates as all budgets allow together, the cheapest first.
    fn within_budgets(&self) -> Vec<usize> {
        let mut branch = self.nobody();
        for victim in 0..self.field.candidates.len() {
            if self.is_allowed(&branch, victim) {
                self.choose(&mut branch, victim);
            }
        }
        branch.chosen
    }

    fn is_allowed(&self, branch: &Branch, victim: usize) -> bool {
        let budgets = &self.field.candidates[victim].budgets;
        budgets.iter().all(|budget| branch.left[*budget] > 0)
    }

    fn cost_of(&self, victims: &[usize]) -> Cost {
        let costs = victims
            .iter()
            .map(|victim| self.field.candidates[*victim].cost);
        costs.fold(Cost::ZERO, Cost::and)
    }

    /// Pays for asking the placer; whether there is work left for it.
    fn pay(&mut self) -> bool {
        let paid = self.work.checked_sub(PLACING);
        self.work = paid.unwrap_or(self.work);
        paid.is_some()
    }

    /// From victims that suffice to as few of the first of them as do, then gives back whoever can stay, the last first.
    fn prune(&mut self, mut kept: Vec<usize>) {
        let (mut few, mut many) = (0, kept.len());
        while few + 1 < many && self.pay() {
            let middle = few.midpoint(many);
            if self.fits(&kept[..middle]).is_some() {
                many = middle;
            } else {
                few = middle;
            }
        }
        kept.truncate(many);
        if let Some(placement) = self.fits(&kept) {
            self.note(&kept, self.cost_of(&kept), placement);
        }
        self.reprieve(kept);
    }

    /// Gives back whoever can stay, the last first.
    fn reprieve(&mut self, mut kept: Vec<usize>) {
        for index in (0..kept.len()).rev() {
            if !self.pay() {
                return;
            }
            let mut fewer = kept.clone();
            fewer.remove(index);
            if let Some(placement) = self.fits(&fewer) {
                kept = fewer;
                self.note(&kept, self.cost_of(&kept), placement);
            }
        }
    }

    /// Looks at every set that would be better, the smallest first; whether it got to the end.
    fn every_smaller(&mut self) -> bool {
        let all = self.field.candidates.len();
        for size in 0..=all {
            let best = self.best.as_ref();
            if best.is_some_and(|best| best.victims.len() < size) {
                return true;
            }
            let mut branch = self.nobody();
            if !self.every_set(0, size, &mut branch) {
                return false;
            }
        }
        true
    }

    fn every_set(&mut self, from: usize, more: usize, branch: &mut Branch) -> bool {
        if more == 0 {
            if !self.pay() {
                return false;
            }
            if let Some(placement) = self.fits(&branch.chosen) {
                self.note(&branch.chosen, branch.cost, placement);
            }
            return true;
        }
        for victim in from..=self.field.candidates.len().saturating_sub(more) {
            let cheapest: Vec<usize> = (victim..victim + more).collect();
            let cost = branch.cost.and(self.cost_of(&cheapest));
            if !self.is_better(branch.chosen.len() + more, cost) {
                // The candidates are sorted by cost: those that follow are no cheaper.
                return true;
            }
            if !self.is_allowed(branch, victim) {
                continue;
            }
            let before = branch.cost;
            self.choose(branch, victim);
            let finished = self.every_set(victim + 1, more - 1, branch);
            branch.cost = before;
            self.unchoose(branch);
            if !finished {
                return false;
            }
        }
        true
    }
}

/// Who leaves by itself while the victims have their grace.
fn ending(state: &State, quest: &Quest<'_>) -> Vec<ReservationId> {
    if quest.gone == quest.now {
        return Vec::new();
    }
    let ends = |(id, holder): (ReservationId, &Reservation)| {
        (holder.span().until <= quest.gone).then_some(id)
    };
    state.reservations().filter_map(ends).collect()
}

/// What the one member of a request sits on; `None` if it has several, or is elastic.
fn single(request: &Request) -> Option<On> {
    match request.need() {
        Need::Parts(parts) => match parts.as_slice() {
            [part] if part.count == 1 => match part.on {
                On::Children { of } if of != 1 => None,
                on => Some(on),
            },
            _ => None,
        },
        Need::Elastic { .. } => None,
    }
}

//! A plan in the making: a copy of the pools that each step shows in at once, and a tally of every pool.

use super::member::{Member, has_state, holds_on};
use super::pools::{PoolId, Pools, index};
use super::sizing::Demand;
use super::spec::PoolSpec;
use super::step::{Due, PoolStep};
use cloudlot_core::ledger::State;
use cloudlot_core::{ResourceId, ResourceState, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) struct Board<'a> {
    pub(super) pools: Pools,
    pub(super) state: &'a State,
    pub(super) steps: Vec<PoolStep>,
    pub(super) tallies: Vec<Tally>,
    now: Timestamp,
    /// Whether the pools know what the state shows; if not, they cannot say how long anything has been idle.
    fresh: bool,
}

/// What a pool has, with what the plan has done so far, and what it should have.
pub(super) struct Tally {
    /// Serve it now, or will once the plan is done.
    pub(super) serving: u32,
    /// Its own and those that it borrows.
    pub(super) all: u32,
    pub(super) lent: u32,
    pub(super) borrowed: u32,
    /// Loans that were told to come back.
    pub(super) coming: u32,
    /// At home and told to go for good.
    pub(super) going: u32,
    pub(super) least: u32,
    pub(super) most: u32,
    /// How many should serve it; `None`: nobody knows.
    pub(super) target: Option<u32>,
    /// The number of the next member.
    pub(super) next: u64,
}

impl Tally {
    /// How many are missing. Without evidence a pool is filled up to its least.
    pub(super) fn short(&self) -> u32 {
        let wanted = self.target.unwrap_or(self.least);
        wanted.saturating_sub(self.serving.saturating_add(self.coming))
    }

    /// How many of the loans that were told to come back it could do without, as far as is known.
    pub(super) fn needless(&self) -> u32 {
        let missing = |target: u32| target.saturating_sub(self.serving);
        let needed = self.target.map_or(u32::MAX, missing);
        self.coming.saturating_sub(needed)
    }

    /// How many it could do without. Without evidence that is only what is above its most.
    pub(super) fn spare(&self) -> u32 {
        let wanted = self.target.unwrap_or(self.most).max(self.least);
        self.serving.saturating_sub(wanted)
    }

    /// How many more it may have.
    pub(super) const fn room(&self) -> u32 {
        self.most.saturating_sub(self.all)
    }
}

impl<'a> Board<'a> {
    pub(super) fn new(
        pools: &Pools,
        state: &'a State,
        demands: &BTreeMap<PoolId, Demand>,
        now: Timestamp,
    ) -> Self {
        let tally = |id| Self::tally(pools, id, state, demands.get(&id));
        Self {
            tallies: pools.ids().map(tally).collect(),
            fresh: pools.seen == state.revision(),
            pools: pools.clone(),
            state,
            steps: Vec::new(),
            now,
        }
    }

    fn tally(pools: &Pools, id: PoolId, state: &State, demand: Option<&Demand>) -> Tally {
        let pool = &pools.pools[index(id)];
        let (spec, counts) = (&pool.spec, pools.counts(id, state));
        let leaving = |home: bool, loans: bool| {
            let members = pools.members.values().filter(move |member| {
                let here = member.user == member.home;
                member.home == id
                    && ((home && here && member.leaving.is_some())
                        || (loans && !here && member.is_reclaimed()))
            });
            super::pools::count(members)
        };
        // What a static pool should have does not depend on the demand.
        let none = spec.sizing.is_fixed().then(Demand::default);
        let demand = demand.or(none.as_ref());
        Tally {
            serving: counts.serving,
            all: counts.all(),
            lent: counts.lent,
            borrowed: counts.borrowed,
            coming: leaving(false, true),
            going: leaving(true, false),
            least: spec.sizing.least(),
            most: spec.sizing.most(),
            target: demand.map(|demand| spec.sizing.target(demand, spec.each(), counts.busy)),
            next: pool.next,
        }
    }

    pub(super) fn ids(&self) -> impl DoubleEndedIterator<Item = PoolId> + use<> {
        self.pools.ids()
    }

    pub(super) fn of(&self, pool: PoolId) -> &Tally {
        &self.tallies[index(pool)]
    }

    pub(super) fn spec(&self, pool: PoolId) -> &PoolSpec {
        &self.pools.pools[index(pool)].spec
    }

    /// All members as they are before the next step.
    pub(super) fn members(&self) -> Vec<(ResourceId, Member)> {
        let members = self.pools.members.iter();
        members.map(|(id, member)| (*id, *member)).collect()
    }

    pub(super) fn holds(&self, id: ResourceId) -> u32 {
        holds_on(id, self.state)
    }

    pub(super) fn is_free(&self, id: ResourceId) -> bool {
        self.holds(id) == 0
    }

    pub(super) fn serves(&self, id: ResourceId) -> bool {
        self.pools.serves(id, self.state)
    }

    pub(super) fn has_failed(&self, id: ResourceId) -> bool {
        has_state(id, self.state, ResourceState::Failed)
    }

    /// How long nothing has been held on a member.
    pub(super) fn idle_for(&self, member: &Member) -> Duration {
        let since = member.idle_since.filter(|_| self.fresh);
        since.map_or(Duration::ZERO, |since| self.now.since(since))
    }

    /// Does a step on the board.
    pub(super) fn push(&mut self, step: PoolStep) {
        debug_assert_eq!(
            self.pools.check(&step, self.state),
            Ok(Due::Now),
            "a plan has legal steps: {step:?}"
        );
        let touched = step.member();
        self.tell(touched, u32::saturating_sub);
        self.pools.settle(&step);
        self.tell(touched, u32::saturating_add);
        self.steps.push(step);
    }

    /// Takes what a member counts for out of the tallies, or puts it in.
    fn tell(&mut self, id: Option<ResourceId>, op: fn(u32, u32) -> u32) {
        let member = id.and_then(|id| Some((id, *self.pools.member(id)?)));
        if let Some((id, member)) = member {
            let serves = self.serves(id);
            self.count(&member, serves, op);
        }
    }

    fn count(&mut self, member: &Member, serves: bool, op: fn(u32, u32) -> u32) {
        let (home, user) = (index(member.home), index(member.user));
        let lent = home != user;
        let one = |tally: &mut u32, if_so: bool| *tally = op(*tally, u32::from(if_so));
        one(&mut self.tallies[home].all, true);
        one(&mut self.tallies[home].lent, lent);
        one(
            &mut self.tallies[home].coming,
            lent && member.is_reclaimed(),
        );
        one(
            &mut self.tallies[home].going,
            !lent && member.leaving.is_some(),
        );
        one(&mut self.tallies[user].all, lent);
        one(&mut self.tallies[user].borrowed, lent);
        one(&mut self.tallies[user].serving, serves);
    }

    /// Lets a pool have one more member, which the factory is to make.
    pub(super) fn add(&mut self, pool: PoolId) {
        let tally = &mut self.tallies[index(pool)];
        let number = tally.next;
        tally.next += 1;
        tally.serving += 1;
        tally.all += 1;
        self.steps.push(PoolStep::Add { pool, number });
    }
}

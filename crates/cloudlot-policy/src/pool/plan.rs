//! From what is asked to what is to be done: the steps that take every pool to its target.
//!
//! Nothing is done for want of evidence: a pool whose demand is not known is filled up to its least, and keeps the rest.

use super::board::Board;
use super::member::{Leaving, Member};
use super::pools::{PoolId, Pools};
use super::sizing::Demand;
use super::spec::Growth;
use super::step::PoolStep;
use cloudlot_core::ledger::State;
use cloudlot_core::{ResourceId, Timestamp};
use std::cmp::Reverse;
use std::collections::BTreeMap;

impl Pools {
    /// The steps that take every pool to the target that its demand calls for, as [`super::Sizing::target`] says. A
    /// demand that is not given is not known.
    ///
    /// What is missing comes, in this order, from members that were to leave, from idle loans that come home, from other
    /// pools' spare members, from the factory up to the most, and then from loans that are called back though they are in
    /// use: they take nothing new and come home when they are free, unless they are no longer missed by then. What is too much goes: loans to their homes at once,
    /// own members when they have been idle for the timeout, longest first, and never below the least or from the core.
    /// Members that are above the most go at once, or take nothing new until they are free. A failed member on which
    /// nothing is held goes, and does not count as serving.
    ///
    /// A pool lends what is above its target here. To lend below it is for a request that finds no room: see
    /// [`Pools::find_room`].
    ///
    /// The same steps are right as long as nothing else changes: when they are done, planning again gives none. How long a
    /// member was idle is known from [`Pools::observe`]; of pools that have not observed the last change of the ledger, no
    /// member counts as idle for any time.
    ///
    /// Cost: O(m log m) and a copy of the pools, for m members.
    #[must_use]
    pub fn plan(
        &self,
        state: &State,
        demands: &BTreeMap<PoolId, Demand>,
        now: Timestamp,
    ) -> Vec<PoolStep> {
        let mut board = Board::new(self, state, demands, now);
        reopen(&mut board);
        clear_out(&mut board);
        bring_home(&mut board);
        call_back(&mut board);
        // Who has to give up a loan may need again whom it was about to lose.
        reopen(&mut board);
        give_back(&mut board);
        lend(&mut board);
        grow(&mut board);
        for pool in board.ids() {
            trim(&mut board, pool);
            shrink(&mut board, pool);
        }
        board.steps
    }

    /// Removes the members of a pool that have been idle for its timeout, whatever is asked of it: burst before all,
    /// longest idle first, never below the least and never the core.
    #[must_use]
    pub fn clean_up(&self, pool: PoolId, state: &State, now: Timestamp) -> Vec<PoolStep> {
        if self.spec(pool).is_none() {
            return Vec::new();
        }
        let nothing = BTreeMap::from([(pool, Demand::default())]);
        let mut board = Board::new(self, state, &nothing, now);
        shrink(&mut board, pool);
        board.steps
    }
}

/// Keeps members that were to go for good and are needed again, and loans that were called back and are not.
fn reopen(board: &mut Board<'_>) {
    for (id, member) in board.members() {
        let home = board.of(member.home);
        let back = match member.leaving {
            Some(Leaving::Surplus) => member.closed && home.short() > 0,
            Some(Leaving::Reclaimed) => member.user != member.home && home.needless() > 0,
            Some(Leaving::Retired) | None => false,
        };
        if back && !board.has_failed(id) {
            board.push(PoolStep::Reopen { member: id });
        }
    }
}

/// Members that do not serve leave as soon as nothing is held on them: loans for home, and whoever has failed or was to go
/// for good, for good. What an operator closed for a while stays where it belongs.
fn clear_out(board: &mut Board<'_>) {
    for (id, member) in board.members() {
        if board.serves(id) || !board.is_free(id) {
            continue;
        }
        if member.user != member.home {
            board.push(PoolStep::Return { member: id });
        }
        let told = member.leaving.is_some() && !member.is_reclaimed();
        if (told || board.has_failed(id)) && board.state.children(id).is_empty() {
            board.push(PoolStep::Remove { member: id });
        }
    }
}

/// Idle loans go home where they are missing, even if the borrower has work for them: they are the home's.
fn bring_home(board: &mut Board<'_>) {
    for (id, member) in board.members() {
        let lent = member.user != member.home && member.leaving.is_none();
        if lent && board.of(member.home).short() > 0 && board.serves(id) && board.is_free(id) {
            board.push(PoolStep::Return { member: id });
        }
    }
}

/// Loans that are in use are called back where they are missing and none can be made: to make one is faster than to wait
/// for the end of somebody else's work. Those with the fewest holds come first.
fn call_back(board: &mut Board<'_>) {
    for pool in board.ids() {
        let tally = board.of(pool);
        let made = match board.spec(pool).growth {
            Growth::Made => tally.room(),
            Growth::Enrolled => 0,
        };
        let missing = tally.short().saturating_sub(made);
        if missing == 0 || tally.lent == 0 {
            continue;
        }
        let lent = |member: &Member| member.home == pool && member.user != pool;
        let mut loans: Vec<(u32, u64, ResourceId)> = (board.members().into_iter())
            .filter(|(id, member)| lent(member) && board.serves(*id))
            .map(|(id, member)| (board.holds(id), member.number, id))
            .collect();
        loans.sort_unstable();
        for (_, _, member) in loans.into_iter().take(size(missing)) {
            let why = Leaving::Reclaimed;
            board.push(PoolStep::Drain { member, why });
        }
    }
}

/// Idle loans go home where they are not needed: at once, since a home that does not need them either waits for them.
fn give_back(board: &mut Board<'_>) {
    for (id, member) in board.members() {
        let borrowed = member.user != member.home && board.serves(id) && board.is_free(id);
        if borrowed && board.of(member.user).spare() > 0 {
            board.push(PoolStep::Return { member: id });
        }
    }
}

/// What some can spare goes to those that miss most, one by one.
fn lend(board: &mut Board<'_>) {
    let mut offers: BTreeMap<PoolId, Vec<ResourceId>> = BTreeMap::new();
    for pool in board.ids() {
        let tally = board.of(pool);
        if board.spec(pool).lends() && tally.borrowed == 0 && tally.spare() > 0 {
            offers.insert(pool, to_spare(board, pool));
        }
    }
    let mut borrowers: Vec<PoolId> = board
        .ids()
        .filter(|pool| board.spec(*pool).borrows())
        .collect();
    loop {
        borrowers.retain(|pool| {
            let tally = board.of(*pool);
            tally.short() > 0 && tally.room() > 0 && tally.lent == 0
        });
        let most = |pool: &PoolId| (board.of(*pool).short(), Reverse(*pool));
        let Some(to) = borrowers.iter().copied().max_by_key(most) else {
            return;
        };
        match offer(board, &mut offers, to) {
            Some(member) => board.push(PoolStep::Lend { member, to }),
            None => borrowers.retain(|pool| *pool != to),
        }
    }
}

/// A member for a pool, from the one that can spare most.
fn offer(
    board: &Board<'_>,
    offers: &mut BTreeMap<PoolId, Vec<ResourceId>>,
    to: PoolId,
) -> Option<ResourceId> {
    let suits = |id: &ResourceId| {
        let resource = board.state.resource(*id);
        resource.is_some_and(|resource| board.spec(to).accepts(resource))
    };
    let able = offers.iter().filter_map(|(home, members)| {
        let spare = board.of(*home).spare();
        let place = members.iter().position(suits)?;
        (*home != to && spare > 0).then_some((spare, Reverse(*home), place))
    });
    let (_, Reverse(home), place) = able.max_by_key(|(spare, home, _)| (*spare, *home))?;
    Some(offers.get_mut(&home)?.remove(place))
}

/// The members that a pool could lend, those that are furthest from the core first.
fn to_spare(board: &Board<'_>, pool: PoolId) -> Vec<ResourceId> {
    let core = board.pools.core(pool, board.state);
    let mut members: Vec<(Reverse<u64>, ResourceId)> = (board.pools.used_by(pool))
        .filter(|id| board.serves(*id) && board.is_free(*id) && !core.contains(id))
        .filter_map(|id| Some((Reverse(board.pools.member(id)?.number), id)))
        .collect();
    members.sort_unstable();
    members.into_iter().map(|(_, id)| id).collect()
}

fn grow(board: &mut Board<'_>) {
    for pool in board.ids() {
        if board.spec(pool).growth == Growth::Made {
            let tally = board.of(pool);
            for _ in 0..tally.short().min(tally.room()) {
                board.add(pool);
            }
        }
    }
}

/// Members above the most go: idle ones at once, others take nothing new, those with the fewest holds first. A pool that
/// is above its most only for members that do not serve keeps those that do.
fn trim(board: &mut Board<'_>, pool: PoolId) {
    let tally = board.of(pool);
    let excess = tally
        .all
        .saturating_sub(tally.most.saturating_add(tally.going));
    let excess = excess.min(tally.spare());
    if excess == 0 {
        return;
    }
    let mut members: Vec<(u32, Reverse<u64>, ResourceId)> = (own_burst(board, pool))
        .map(|(id, member)| (board.holds(id), Reverse(member.number), id))
        .collect();
    members.sort_unstable();
    for (holds, _, member) in members.into_iter().take(size(excess)) {
        let why = Leaving::Surplus;
        board.push(if holds == 0 && board.state.children(member).is_empty() {
            PoolStep::Remove { member }
        } else {
            PoolStep::Drain { member, why }
        });
    }
}

/// Members that are not needed go after their idle timeout, longest idle first.
fn shrink(board: &mut Board<'_>, pool: PoolId) {
    let spare = board.of(pool).spare();
    if spare == 0 {
        return;
    }
    let timeout = board.spec(pool).sizing.idle_timeout();
    let mut members: Vec<(Reverse<std::time::Duration>, Reverse<u64>, ResourceId)> =
        (own_burst(board, pool))
            .filter(|(id, member)| board.is_free(*id) && board.idle_for(member) >= timeout)
            .filter(|(id, _)| board.state.children(*id).is_empty())
            .map(|(id, member)| (Reverse(board.idle_for(&member)), Reverse(member.number), id))
            .collect();
    members.sort_unstable();
    for (_, _, member) in members.into_iter().take(size(spare)) {
        board.push(PoolStep::Remove { member });
    }
}

/// A pool's own members that serve it and are not of its core.
fn own_burst<'a>(
    board: &'a Board<'_>,
    pool: PoolId,
) -> impl Iterator<Item = (ResourceId, Member)> + 'a {
    let core = board.pools.core(pool, board.state);
    let serving = board.pools.used_by(pool);
    serving.filter_map(move |id| {
        let member = *board.pools.member(id)?;
        let free = member.home == pool && board.serves(id) && !core.contains(&id);
        free.then_some((id, member))
    })
}

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

//! From a number of units to steps: which members come, go or stay.
//!
//! Which number it should be is a [`Scaler`](super::Scaler)'s to say; carrying the steps out is in
//! [`carry_out`](super::carry_out).

use cloudlot_core::ledger::State;
use cloudlot_core::{Amounts, ResourceId, ResourceState, Timestamp};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// A unit of a fleet, as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Which.
    pub id: ResourceId,
    /// Its name; that of a new member is none of these.
    pub name: String,
    /// Whether it takes new work or drains. One that failed or is in maintenance is left alone and does not count.
    pub state: ResourceState,
    /// How many reservations hold something on it or on its parts, now or later.
    pub holds: u64,
    /// What is held or booked on it and its parts.
    pub used: Amounts,
    /// What it and its parts may give in all.
    pub limit: Amounts,
    /// Since when it has been there: of members that are equally used the newest goes first.
    pub since: Timestamp,
}

impl Member {
    /// A resource of a ledger as a member, or `None` if it is not there.
    #[must_use]
    pub fn of(state: &State, id: ResourceId, since: Timestamp) -> Option<Self> {
        let resource = state.resource(id)?;
        let (holds, used) = held(state, id);
        Some(Self {
            id,
            name: resource.name().to_owned(),
            state: resource.state(),
            holds,
            used,
            limit: state.limit_with_parts(id),
            since,
        })
    }

    fn is_idle(&self) -> bool {
        self.holds == 0 && self.used.is_zero()
    }

    /// The used share of the kind that is used most, in millionths, rounded up.
    fn load(&self) -> u128 {
        let shares = self.used.iter().map(|(kind, used)| {
            let limit = self.limit.get(kind).max(1);
            (u128::from(used) * 1_000_000).div_ceil(limit.into())
        });
        shares.max().unwrap_or(0)
    }
}

/// What is held on a resource and on all its parts.
pub(super) fn held(state: &State, id: ResourceId) -> (u64, Amounts) {
    let own = (u64::from(state.hold_count(id)), state.taken(id));
    state.children(id).iter().fold(own, |(holds, used), part| {
        let (more, parts) = held(state, *part);
        (holds.saturating_add(more), used.saturating_add(&parts))
    })
}

/// One step of a change. Each says what is to be, so that doing it twice is harmless.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FleetStep {
    /// A member that drains takes new work again.
    Resume(ResourceId),
    /// There is a member of this name.
    Add(String),
    /// A member takes nothing new; what is there may finish.
    Drain(ResourceId),
    /// A member that has drained is gone.
    Remove(ResourceId),
}

/// The steps to a number of units, and how far they lead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FleetPlan {
    /// What to do, in this order.
    pub steps: Vec<FleetStep>,
    /// How many units there will be, with those that were ordered and without those that drain. More than asked for where
    /// what is in use needs them, or where an order is under way.
    pub reaches: u32,
}

/// The steps that bring a fleet to `target` units.
///
/// `ordered` are the names of members that were asked for before and are not there yet; no order is called back. New
/// members are called `prefix` and the lowest number from 1 that is free.
///
/// # What it does
/// - Coming: members that drain are resumed first, the most used first; the rest is added.
/// - Going: members drain, idle ones first and the newest of them, then the least used. The rest keeps room for all that is
///   in use, kind by kind, on draining members too: it stops short of `target` for that.
/// - A member is removed when it drains and nothing is held on it: so never in the plan that drains it.
/// ```
/// use cloudlot_core::{Amounts, Kind, ResourceId, ResourceState, Timestamp};
/// use cloudlot_policy::scale::{FleetStep, Member, plan_fleet};
///
/// let cores = |n: u64| Amounts::of([(Kind::CPU, 1_000 * n)]);
/// let member = |slot, used| Member {
///     id: ResourceId::new(slot, 0),
///     name: format!("web-{}", slot + 1),
///     state: ResourceState::Available,
///     holds: u64::from(used > 0),
///     used: cores(used),
///     limit: cores(8),
///     since: Timestamp::ZERO,
/// };
/// let fleet = [member(0, 6), member(1, 0), member(2, 4)];
/// let more = plan_fleet(5, &fleet, &["web-4".to_owned()], "web-");
/// assert_eq!(more.steps, [FleetStep::Add("web-5".to_owned())]);
/// // The idle one drains. Ten cores are in use, so that two members of eight have to stay.
/// let less = plan_fleet(1, &fleet, &[], "web-");
/// assert_eq!((less.steps, less.reaches), (vec![FleetStep::Drain(ResourceId::new(1, 0))], 2));
/// ```
#[must_use]
pub fn plan_fleet(target: u32, members: &[Member], ordered: &[String], prefix: &str) -> FleetPlan {
    let among = |state| members.iter().filter(move |member| member.state == state);
    let mut open: Vec<&Member> = among(ResourceState::Available).collect();
    let mut draining: Vec<&Member> = among(ResourceState::Draining).collect();
    let have = count(open.len()).saturating_add(count(ordered.len()));

    let missing = target.saturating_sub(have);
    draining.sort_by_key(|member| (Reverse(member.load()), member.since, member.id));
    let resumed = draining.len().min(index(missing));
    let added = missing - count(resumed);
    let left = draining.split_off(resumed);

    open.sort_by_key(|member| {
        let newest = Reverse(member.since);
        (!member.is_idle(), member.load(), newest, member.id)
    });
    let gone = drained(&open, members, have.saturating_sub(target));

    let resume = draining.iter().map(|member| FleetStep::Resume(member.id));
    let add = free_names(members, ordered, prefix).take(index(added));
    let drain = gone.iter().map(|id| FleetStep::Drain(*id));
    let empty = left.iter().filter(|member| member.is_idle());
    let mut remove: Vec<ResourceId> = empty.map(|member| member.id).collect();
    remove.sort_unstable();

    let reaches = have.saturating_add(missing) - count(gone.len());
    let steps = resume
        .chain(add.map(FleetStep::Add))
        .chain(drain)
        .chain(remove.into_iter().map(FleetStep::Remove))
        .collect();
    FleetPlan { steps, reaches }
}

/// The first of `open` that can drain, `most` at most, so that the others keep room for all that is in use.
fn drained(open: &[&Member], members: &[Member], most: u32) -> Vec<ResourceId> {
    let counts = |member: &&Member| {
        matches!(
            member.state,
            ResourceState::Available | ResourceState::Draining
        )
    };
    let used = members.iter().filter(counts).map(|member| member.used);
    let used = used.fold(Amounts::ZERO, |sum, one| sum.saturating_add(&one));
    // Where the sum would pass 2^64 - 1 it is too low, and fewer drain than could.
    let limits = open.iter().map(|member| member.limit);
    let mut room = limits.fold(Amounts::ZERO, |sum, one| sum.saturating_add(&one));
    let mut gone = Vec::new();
    for member in open {
        if gone.len() == index(most) {
            break;
        }
        let rest = room.saturating_sub(&member.limit);
        if used.fits_in(&rest) {
            room = rest;
            gone.push(member.id);
        }
    }
    gone
}

/// `prefix` with each number from 1 that no member has and nobody ordered.
fn free_names<'a>(
    members: &'a [Member],
    ordered: &'a [String],
    prefix: &'a str,
) -> impl Iterator<Item = String> + 'a {
    let names = members.iter().map(|member| &member.name).chain(ordered);
    let taken: BTreeSet<&String> = names.collect();
    (1_u64..)
        .map(move |number| format!("{prefix}{number}"))
        .filter(move |name| !taken.contains(name))
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn index(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

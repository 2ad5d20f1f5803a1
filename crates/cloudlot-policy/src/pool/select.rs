//! Which pool a request goes to, and which members of it come first; and if none has room, what would help.

use super::member::{Member, has_state};
use super::miss::{Advice, Considered, Miss, Standing};
use super::pools::{PoolId, Pools};
use super::spec::{OnMiss, PoolSpec};
use super::step::{Due, PoolStep};
use cloudlot_core::ledger::State;
use cloudlot_core::{
    Amounts, Kinds, On, Quantities, Request, Resource, ResourceId, ResourceState, Rulebook, Window,
};
use std::collections::BTreeSet;

/// Where a request finds room, as far as amounts tell; the ledger has the last word.
#[derive(Clone, PartialEq, Debug)]
pub struct Choice {
    /// The pool.
    pub pool: PoolId,
    /// The member that comes first.
    pub member: ResourceId,
    /// Every pool that was asked, best first.
    pub considered: Vec<Considered>,
}

/// One piece of a request, as the selection sees it.
pub(super) struct Piece<'a> {
    request: &'a Request,
    amounts: &'a Quantities,
    /// Whether it starts now and has no end, so that what is free now decides.
    open: bool,
}

impl<'a> Piece<'a> {
    /// `None` of a request with several pieces: who places those, sees more than one member at a time.
    pub(super) fn of(request: &'a Request) -> Option<Self> {
        match request.need().parts() {
            [part] if part.count == 1 && part.on == On::Node => Some(Self {
                request,
                amounts: &part.amounts,
                open: request.window() == Window::default(),
            }),
            _ => None,
        }
    }

    fn suits(&self, resource: &Resource) -> bool {
        Rulebook::new().matches(self.request, 0, resource)
    }
}

/// What order pools come in: see [`Pools::find_room`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    no_room: bool,
    unneeded: usize,
    utilisation: u64,
    pool: PoolId,
}

impl Pools {
    /// The pool that a request of one piece goes to, and the member of it that comes first.
    ///
    /// Of the pools whose members suit the request and that have room, that one comes first whose members offer the fewest
    /// kinds that it does not ask for, so that a request for processors leaves GPUs alone; among those, the one that
    /// would be the least full; among those, the one that was opened first. Within a pool the core is filled first, then
    /// its other members, then borrowed ones, and of each sort the fullest that has room, so that those that may go are
    /// free soonest. [`Choice::considered`] says of every pool how it stood.
    ///
    /// Cost: O(m log m) for m members.
    ///
    /// # Errors
    /// [`Miss`] if there is no room: whether to wait, and the steps that would help.
    pub fn find_room(&self, request: &Request, state: &State) -> Result<Choice, Miss> {
        self.find_among(request, state, None)
    }

    /// As [`Pools::find_room`], of one pool only or of all.
    pub(super) fn find_among(
        &self,
        request: &Request,
        state: &State,
        only: Option<PoolId>,
    ) -> Result<Choice, Miss> {
        let Some(piece) = Piece::of(request) else {
            return Err(Miss::never(None));
        };
        let asked = self.ids().filter(|id| only.is_none_or(|only| only == *id));
        let mut ranked: Vec<(Rank, Considered)> = asked
            .map(|pool| {
                let standing = self.standing(pool, &piece, state);
                (
                    self.rank(pool, &piece, &standing),
                    Considered { pool, standing },
                )
            })
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        let considered: Vec<Considered> = ranked.into_iter().map(|(_, one)| one).collect();
        if let Some(Considered {
            pool,
            standing: Standing::Room { member, .. },
        }) = considered.first()
        {
            let (pool, member) = (*pool, *member);
            return Ok(Choice {
                pool,
                member,
                considered,
            });
        }
        Err(self.miss(&piece, state, considered, only.is_none()))
    }

    fn rank(&self, pool: PoolId, piece: &Piece<'_>, standing: &Standing) -> Rank {
        let kinds = |quantities: &Quantities| quantities.iter().len();
        let offered = self.spec(pool).map_or(0, |spec| kinds(spec.each()));
        let (no_room, utilisation) = match standing {
            Standing::Room { utilisation, .. } => (false, *utilisation),
            _ => (true, 0),
        };
        Rank {
            no_room,
            unneeded: offered.saturating_sub(kinds(piece.amounts)),
            utilisation,
            pool,
        }
    }

    fn standing(&self, pool: PoolId, piece: &Piece<'_>, state: &State) -> Standing {
        let candidates = self.candidates(pool, piece, state);
        if let Some(member) = candidates.first() {
            return Standing::Room {
                member: *member,
                utilisation: self.utilisation_with(pool, piece.amounts, state),
            };
        }
        let Some(sample) = self.spec(pool).map(|spec| &spec.sample) else {
            return Standing::Unsuitable(Vec::new());
        };
        let mut members = self.used_by(pool).filter_map(|id| state.resource(id));
        if piece.suits(sample) || members.any(|member| piece.suits(member)) {
            let serving = self.used_by(pool).filter(|id| self.serves(*id, state));
            return Standing::Full {
                serving: super::pools::count(serving),
                short: self.smallest_shortage(pool, piece, state),
            };
        }
        Standing::Unsuitable(Rulebook::new().mismatches(piece.request, 0, sample))
    }

    /// The members of a pool that suit a request and have room for it, as far as amounts tell, the best first.
    pub(super) fn candidates(
        &self,
        pool: PoolId,
        piece: &Piece<'_>,
        state: &State,
    ) -> Vec<ResourceId> {
        let Some(need) = amounts(state.kinds(), piece.amounts) else {
            return Vec::new();
        };
        let core = self.core(pool, state);
        let mut candidates: Vec<(bool, Tier, u64, ResourceId)> = (self.used_by(pool))
            .filter(|id| self.serves(*id, state))
            .filter(|id| state.resource(*id).is_some_and(|one| piece.suits(one)))
            .filter_map(|id| {
                let fits = need.fits_in(&state.free(id));
                let tier = self.tier(pool, id, &core);
                (fits || !piece.open).then(|| (!fits, tier, left(&need, id, state), id))
            })
            .collect();
        candidates.sort_unstable();
        candidates.into_iter().map(|(.., id)| id).collect()
    }

    fn tier(&self, pool: PoolId, id: ResourceId, core: &BTreeSet<ResourceId>) -> Tier {
        let own = self.member(id).is_some_and(|member| member.home == pool);
        match own {
            true if core.contains(&id) => Tier::Core,
            true => Tier::Own,
            false => Tier::Borrowed,
        }
    }

    fn utilisation_with(&self, pool: PoolId, asked: &Quantities, state: &State) -> u64 {
        let (used, limit) = self.used_and_limit(pool, state);
        let used = |kind| {
            used.get(kind)
                .saturating_add(asked.get(&state.kinds().name(kind)))
        };
        let share = |(kind, limit): (_, u64)| thousandths(used(kind), limit);
        limit.iter().map(share).max().unwrap_or(0)
    }

    /// What is taken on the members that serve a pool, and what they may give in all.
    #[must_use]
    pub fn used_and_limit(&self, pool: PoolId, state: &State) -> (Amounts, Amounts) {
        let serving = self.used_by(pool).filter(|id| self.serves(*id, state));
        serving.fold((Amounts::ZERO, Amounts::ZERO), |(used, limit), id| {
            (
                used.saturating_add(&state.taken(id)),
                limit.saturating_add(&state.limit(id)),
            )
        })
    }

    /// How full a pool is in the kind of which it has the least left, in thousandths, rounded down; 0 without members.
    #[must_use]
    pub fn utilisation(&self, pool: PoolId, state: &State) -> u64 {
        self.utilisation_with(pool, &Quantities::default(), state)
    }

    /// What is missing on the member that misses least.
    fn smallest_shortage(&self, pool: PoolId, piece: &Piece<'_>, state: &State) -> Quantities {
        let Some(need) = amounts(state.kinds(), piece.amounts) else {
            return piece.amounts.clone();
        };
        let serving = self.used_by(pool).filter(|id| self.serves(*id, state));
        let shortage = serving.map(|id| {
            let short = need.shortfall(&state.free(id));
            let worst = short
                .iter()
                .map(|(kind, short)| thousandths(short, need.get(kind)));
            (worst.max().unwrap_or(0), id, short)
        });
        let least = shortage.min_by_key(|(worst, id, _)| (*worst, *id));
        least.map_or_else(
            || piece.amounts.clone(),
            |(.., short)| state.kinds().quantities(&short),
        )
    }

    /// The answer when no pool of these took the request. A default pool may be opened if it was free to go to any.
    pub(super) fn miss(
        &self,
        piece: &Piece<'_>,
        state: &State,
        considered: Vec<Considered>,
        any: bool,
    ) -> Miss {
        let why = (considered.iter()).find_map(|one| one.standing.against_request());
        let why = why.map(|why| Box::new(why.clone()));
        let wanting = |one: &&Considered| one.standing.wants_members();
        let full: Vec<PoolId> = (considered.iter().filter(wanting))
            .map(|one| one.pool)
            .collect();
        let refused = considered
            .iter()
            .any(|one| matches!(one.standing, Standing::Refused(_)));
        let help = match &why {
            Some(_) => None,
            None if full.is_empty() && !refused && any => self.open_default(piece),
            None => full.iter().find_map(|pool| self.help(*pool, piece, state)),
        };
        let asked = |one: &Considered| one.standing.wants_members() || one.standing.may_pass();
        let mut waiting = considered.iter().filter(|one| asked(one)).peekable();
        let suits = waiting.peek().is_some();
        let queues = |pool| {
            self.spec(pool)
                .is_some_and(|spec| spec.on_miss == OnMiss::Queue)
        };
        let advice = match (&help, suits) {
            (Some(_), _) => Advice::Help,
            (None, false) => Advice::Never,
            (None, true) if waiting.any(|one| queues(one.pool)) => Advice::Queue,
            (None, true) => Advice::Refuse,
        };
        Miss {
            considered,
            advice,
            help: help.unwrap_or_default(),
            why,
        }
    }

    /// The step that would give a pool room for a request: an idle loan comes home, another pool lends a member, or one is
    /// made.
    fn help(&self, pool: PoolId, piece: &Piece<'_>, state: &State) -> Option<Vec<PoolStep>> {
        let home = |member: &Member| member.home == pool && member.user != pool;
        let loans = self.members().filter(|(_, member)| home(member));
        let back = loans.map(|(member, _)| PoolStep::Return { member });
        let lent = self
            .lendable()
            .map(|member| PoolStep::Lend { member, to: pool });
        let fits = |step: &PoolStep| {
            let id = step.member();
            id.is_some_and(|id| self.would_suit(id, piece, state))
        };
        let next = self.pools.get(super::pools::index(pool))?;
        let number = next.next;
        let made = piece
            .suits(&next.spec.sample)
            .then_some(PoolStep::Add { pool, number });
        let mut steps = back.chain(lent).filter(fits).chain(made);
        let possible = |step: &PoolStep| self.check(step, state) == Ok(Due::Now);
        steps.find(possible).map(|step| vec![step])
    }

    /// Whether a member would suit a request when it has changed hands: one that its home called back takes new work then.
    fn would_suit(&self, id: ResourceId, piece: &Piece<'_>, state: &State) -> bool {
        let reclaimed = |member: &Member| {
            member.is_reclaimed() && has_state(id, state, ResourceState::Draining)
        };
        match (state.resource(id), self.member(id)) {
            (Some(resource), Some(member)) if member.closed && reclaimed(member) => {
                let open = resource.clone().with_state(ResourceState::Available);
                piece.suits(&open)
            }
            (Some(resource), Some(member)) => member.leaving.is_none() && piece.suits(resource),
            _ => false,
        }
    }

    /// The members that may be lent as far as pools tell, those with the highest numbers first.
    fn lendable(&self) -> impl Iterator<Item = ResourceId> {
        let at_home = |(_, member): &(ResourceId, &Member)| member.user == member.home;
        let lends = |pool| self.spec(pool).is_some_and(PoolSpec::lends);
        let mut members: Vec<(PoolId, std::cmp::Reverse<u64>, ResourceId)> = (self.members())
            .filter(at_home)
            .filter(|(_, member)| lends(member.home))
            .map(|(id, member)| (member.home, std::cmp::Reverse(member.number), id))
            .collect();
        members.sort_unstable();
        members.into_iter().map(|(.., id)| id)
    }

    /// Opens the default pool that would suit, with its first member.
    fn open_default(&self, piece: &Piece<'_>) -> Option<Vec<PoolStep>> {
        let pool = self.next_pool()?;
        let mut defaults = self.defaults.values();
        let spec =
            defaults.find(|spec| self.find(&spec.name).is_none() && piece.suits(&spec.sample))?;
        let spec = Box::new(spec.clone());
        Some(vec![
            PoolStep::Open { pool, spec },
            PoolStep::Add { pool, number: 0 },
        ])
    }
}

/// Which members of a pool are filled first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    Core,
    Own,
    Borrowed,
}

/// How much of the kind of which the most would be left, in thousandths of the limit.
fn left(need: &Amounts, id: ResourceId, state: &State) -> u64 {
    let (free, limit) = (state.free(id), state.limit(id));
    let rest = |(kind, asked): (_, u64)| {
        thousandths(free.get(kind).saturating_sub(asked), limit.get(kind))
    };
    need.iter().map(rest).max().unwrap_or(0)
}

/// `part / whole` in thousandths, rounded down; of nothing, 0.
fn thousandths(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    let share = u128::from(part) * 1_000 / u128::from(whole);
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// Named amounts as the ledger numbers them; `None` if it does not know one of the kinds, so that nothing offers it.
fn amounts(kinds: &Kinds, quantities: &Quantities) -> Option<Amounts> {
    kinds.amounts(quantities).ok()
}

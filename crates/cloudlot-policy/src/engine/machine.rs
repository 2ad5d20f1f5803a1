//! The engine itself: keeps its view, accounts and queue in step with the ledger, plans, and commits.

use super::allocator::Allocator;
use super::attempt::{Field, Ground};
use super::backfill::Promises;
use super::outcome::{Cause, Outcome, Refused};
use super::queue::{Arrival, Pending, Queue, Ticket};
use super::resource::AsResource;
use super::wake::{Happened, WakeOn};
use crate::accounts::{AccountId, Accounts};
use crate::backfill::Slot;
use crate::contention::Disruptions;
use cloudlot_core::ledger::{
    AdminError, Booking, Change, Grant, Holds, Ledger, Plan, State, View, Why,
};
use cloudlot_core::{Amounts, Faults, Request, RequestKey, ReservationId, ResourceId, Timestamp};

/// A ledger with a policy.
///
/// ```
/// use cloudlot_core::ledger::Ledger;
/// use cloudlot_core::{Request, Resource, Timestamp, cores, gib};
/// use cloudlot_policy::engine::{Allocator, Engine};
/// use cloudlot_policy::order::Fair;
/// use cloudlot_policy::place::score::MostRequested;
///
/// let now = Timestamp::ZERO;
/// let allocator = Allocator::builder().order(Fair::drf()).score(MostRequested, 1).build();
/// let mut engine = Engine::new(Ledger::new(), allocator);
/// engine.add(&Resource::node("n1").capacity([cores(16), gib(64)]), now)?;
///
/// let web = Request::new("web").owner("team-a").part([cores(2), gib(4)]).build()?;
/// match engine.place(&web, now).grant() {
///     Some(grant) => engine.confirm(grant.id, now)?,
///     None => println!("{}", engine.explain(&web, now)),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Engine {
    pub(super) ledger: Ledger,
    pub(super) view: View,
    pub(super) accounts: Accounts,
    pub(super) allocator: Allocator,
    pub(super) queue: Queue,
    pub(super) ground: Ground,
    /// What has happened since the queue was last served.
    pub(super) happened: Happened,
    /// What was evicted of late.
    pub(super) disruptions: Disruptions,
    /// Bookings that wait for others to leave.
    pub(super) booked: Vec<ReservationId>,
    /// With backfill: what was promised to those who wait.
    pub(super) promises: Promises,
}

/// A request cannot wait.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum SubmitError {
    /// Its key was used for another request, which was granted.
    #[error("key {0} was used for another request")]
    KeyReused(RequestKey),
    /// Its key is that of another request, which waits.
    #[error("another request waits under key {0}")]
    KeyWaits(RequestKey),
    /// It was granted before, under its key.
    #[error("it was granted before, as {}", .0.id)]
    Granted(Grant),
}

impl Engine {
    /// An engine on a ledger.
    #[must_use]
    pub fn new(ledger: Ledger, allocator: Allocator) -> Self {
        let view = View::of(&ledger);
        let mut engine = Self {
            accounts: Accounts::decaying(allocator.decay.clone(), view.state(), ledger.now()),
            view,
            ledger,
            allocator,
            queue: Queue::default(),
            ground: Ground::default(),
            happened: Happened::EVERYTHING,
            disruptions: Disruptions::new(),
            booked: Vec::new(),
            promises: Promises::default(),
        };
        engine.survey();
        engine
    }

    /// The truth.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What is true now.
    #[must_use]
    pub const fn state(&self) -> &State {
        self.ledger.state()
    }

    /// Who holds how much.
    #[must_use]
    pub const fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The policy.
    #[must_use]
    pub const fn allocator(&self) -> &Allocator {
        &self.allocator
    }

    /// Adds a resource.
    ///
    /// # Errors
    /// What is wrong with its description, or why the ledger does not take it.
    pub fn add(
        &mut self,
        resource: &impl AsResource,
        now: Timestamp,
    ) -> Result<ResourceId, AddError> {
        let resource = resource.as_resource()?;
        let id = self.ledger.add(resource, now)?;
        self.sync();
        Ok(id)
    }

    /// Does something with the ledger that the engine has no word for: resources, limits, time. The engine follows.
    pub fn with_ledger<T>(&mut self, act: impl FnOnce(&mut Ledger) -> T) -> T {
        let done = act(&mut self.ledger);
        self.sync();
        done
    }

    /// Answers a request at once. It does not wait, and goes before those that do.
    pub fn place(&mut self, request: &Request, now: Timestamp) -> Outcome {
        self.tick(now);
        let refused = |why: Why| {
            Outcome::Refused(Refused {
                request: request.clone(),
                why: Cause::Ledger(why),
                wake: WakeOn::default(),
            })
        };
        match self.ledger.find_answer(request) {
            Ok(None) => {}
            Ok(Some(grant)) => return Outcome::Granted(grant),
            Err(why) => return refused(why),
        }
        let account = self.accounts.account(request.owner());
        let field = Field::new(&self.allocator, &self.ground, &self.ledger);
        let mut draft = self.view.draft(field.now);
        if let Err(no) = field.attempt(&mut draft, &self.accounts, request, account) {
            drop(draft);
            return match self.displace(request, account, &no.why, now) {
                Ok(made) => Outcome::Preempted(made),
                Err(_) => Outcome::Refused(*no),
            };
        }
        let plan = draft.finish();
        Outcome::Granted(self.carry_out(&plan, now)[0])
    }

    /// Lets a request wait for its turn.
    ///
    /// # Errors
    /// If its key is used already: the same request waits on, and a granted one names its grant.
    pub fn submit(&mut self, request: Request, now: Timestamp) -> Result<Ticket, SubmitError> {
        self.submit_until(request, None, now)
    }

    /// Lets a request wait for its turn, up to a deadline.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub fn submit_until(
        &mut self,
        request: Request,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Ticket, SubmitError> {
        self.tick(now);
        if let Some(key) = request.key() {
            match self.ledger.find_answer(&request) {
                Ok(None) => {}
                Ok(Some(grant)) => return Err(SubmitError::Granted(grant)),
                Err(_) => return Err(SubmitError::KeyReused(key)),
            }
            if let Some(ticket) = self.queue.with_key(key) {
                let same = self
                    .queue
                    .get(ticket)
                    .is_some_and(|it| it.request == request);
                return if same {
                    Ok(ticket)
                } else {
                    Err(SubmitError::KeyWaits(key))
                };
            }
        }
        let account = self.accounts.account(request.owner());
        let since = self.ledger.now();
        let field = Field::new(&self.allocator, &self.ground, &self.ledger);
        let arrival = Arrival {
            request,
            since,
            deadline,
            account,
        };
        let books = field.books(&self.accounts);
        Ok(self.queue.push(arrival, self.allocator.order(), &books))
    }

    /// Takes a request out of the queue.
    pub fn cancel(&mut self, ticket: Ticket) -> Option<Request> {
        let field = Field::new(&self.allocator, &self.ground, &self.ledger);
        let books = field.books(&self.accounts);
        let pending = self.queue.remove(ticket, self.allocator.order(), &books)?;
        Some(pending.request)
    }

    /// Takes the request with a key out of the queue.
    pub fn cancel_key(&mut self, key: RequestKey) -> Option<Request> {
        self.cancel(self.queue.with_key(key)?)
    }

    /// The requests that wait, in the order in which they came.
    pub fn waiting(&self) -> impl Iterator<Item = (Ticket, &Pending)> {
        self.queue.iter()
    }

    /// How many requests wait.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.queue.len()
    }

    /// What would wake a request that waits; `None` if it is tried with the next step, or waits no longer.
    #[must_use]
    pub fn parked(&self, ticket: Ticket) -> Option<WakeOn> {
        self.queue.parked(ticket)
    }

    /// The reservation of a request that waits, with backfill: when and where it starts if estimates hold.
    #[must_use]
    pub fn promised(&self, ticket: Ticket) -> Option<&Slot> {
        self.promises.get(ticket)
    }

    /// Confirms a reservation.
    ///
    /// # Errors
    /// As [`Ledger::confirm`].
    pub fn confirm(&mut self, id: ReservationId, now: Timestamp) -> Result<(), Why> {
        self.with_ledger(|ledger| ledger.confirm(id, now))
    }

    /// Gives a reservation back.
    ///
    /// # Errors
    /// As [`Ledger::release`].
    pub fn release(&mut self, id: ReservationId, now: Timestamp) -> Result<(), Why> {
        self.with_ledger(|ledger| ledger.release(id, now))
    }

    /// Takes over what is held already, by work that outlived a restart.
    ///
    /// # Errors
    /// As [`Ledger::adopt`].
    pub fn adopt(
        &mut self,
        booking: &Booking,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Grant, Why> {
        self.with_ledger(|ledger| ledger.adopt(booking, since, now))
    }

    /// When to call [`Engine::step`] though nothing happens; `None`: never.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let ledger = self.ledger.next_deadline().into_iter();
        let queue = self.queue.next_deadline();
        ledger.chain(queue).chain(self.promises.look_again).min()
    }

    /// A group has a member back: who was refused for its sake is tried again.
    pub(super) const fn notice_restored(&mut self) {
        self.happened.freed = u32::MAX;
    }

    /// What planning reads, and what it writes.
    pub(super) fn parts(&mut self) -> (Field<'_>, &mut View, &mut Accounts) {
        let Self {
            view,
            accounts,
            allocator,
            ground,
            ledger,
            ..
        } = self;
        (Field::new(allocator, ground, ledger), view, accounts)
    }

    /// Tells the ledger the time, and follows.
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.ledger.expire(now);
        self.sync();
    }

    /// Commits a plan that was made on the engine's view, follows, and says what was granted.
    pub(super) fn carry_out(&mut self, plan: &Plan, now: Timestamp) -> Vec<Grant> {
        let grants = self.ledger.commit(plan, now);
        self.sync();
        // Nobody else writes to the ledger, so what was legal on the view is legal.
        grants.expect("a plan on a view in step is legal")
    }

    /// Follows the ledger.
    pub(super) fn sync(&mut self) {
        let Self {
            ledger,
            view,
            accounts,
            happened,
            ground,
            ..
        } = self;
        let was = happened.resources;
        happened.resources = false;
        let synced = view.sync_each(ledger, |before, entry| {
            happened.note(before, entry);
            accounts
                .follow(before, entry)
                .expect("a view shows the state that an entry follows from");
            if let Change::Reserved { reservation, .. } = &entry.change {
                ground.last = last_place(reservation.holds());
            }
        });
        if synced.recopied {
            self.reopen();
        }
        if self.happened.resources {
            self.survey();
        }
        self.happened.resources |= was;
    }

    /// Counts everything anew: the journal did not reach back far enough. What owners had used before stays known.
    fn reopen(&mut self) {
        let (state, now) = (self.view.state(), self.ledger.now());
        let before = std::mem::take(&mut self.accounts);
        self.accounts = Accounts::decaying(before.decay().clone(), state, now);
        carry_over(&before, &mut self.accounts, now);
        let field = Field::new(&self.allocator, &self.ground, &self.ledger);
        self.queue
            .rehang(&mut self.accounts, self.allocator.order(), &field);
        self.happened = Happened::EVERYTHING;
    }

    /// Looks which resources there are.
    fn survey(&mut self) {
        let state = self.view.state();
        self.ground.rows = state.resources().map(|(id, _)| id).collect();
        self.ground.rows.sort_unstable();
        let open = self.ground.rows.iter().filter(|id| state.takes_new(**id));
        self.ground.capacity = open.fold(Amounts::ZERO, |sum, id| {
            sum.saturating_add(&state.limit(*id))
        });
    }
}

/// Where the last of some holds lies.
pub(super) fn last_place(holds: &Holds) -> Option<ResourceId> {
    holds.iter().last().map(|hold| hold.resource())
}

/// Brings what owners have used before from one set of accounts to another.
fn carry_over(from: &Accounts, to: &mut Accounts, now: Timestamp) {
    let mut open = from.children(AccountId::ROOT).to_vec();
    while let Some(id) = open.pop() {
        open.extend_from_slice(from.children(id));
        let Some(path) = from.path(id) else { continue };
        let account = to.account(path);
        for (kind, _) in from.recent(id, now) {
            to.remember(account, kind, from.used(id, kind, now), now);
        }
    }
    for (kind, _) in from.recent(AccountId::ROOT, now) {
        to.remember(
            AccountId::ROOT,
            kind,
            from.used(AccountId::ROOT, kind, now),
            now,
        );
    }
}

/// A resource was not added.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum AddError {
    /// Its description is wrong.
    #[error(transparent)]
    Described(#[from] Faults),
    /// The ledger does not take it.
    #[error(transparent)]
    Ledger(#[from] AdminError),
}

//! Requests that wait, in the tree of their owners.
//!
//! Requests of one owner that can only be answered alike form a class: its first is tried, and a refusal parks them all
//! until something happens that may change it. A grant, a release, or a request that comes or goes re-ranks one owner and those above
//! it, and nobody else.

use super::attempt::Field;
use super::wake::{Happened, WakeOn};
use crate::accounts::{AccountId, Accounts};
use crate::order::{Books, Order, Precedence, Rank, Share};
use cloudlot_core::{Request, RequestKey, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Names a request that waits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub(crate) u64);

impl Ticket {
    /// Its number: requests are numbered as they come, from 0.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A request that waits.
#[derive(Clone, Debug)]
pub struct Pending {
    /// What is asked for.
    pub request: Request,
    /// When it came.
    pub since: Timestamp,
    /// When it is refused for good if it was not granted before; `None`: never.
    pub deadline: Option<Timestamp>,
    pub(crate) account: AccountId,
    rank: Rank,
    class: ClassId,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ClassId(u64);

#[derive(Clone, Debug)]
struct Class {
    account: AccountId,
    /// One of them, which stands for all.
    example: Request,
    waiting: BTreeSet<(Rank, Ticket)>,
    parked: Option<WakeOn>,
}

/// What hangs below an owner: other owners, and classes of its own requests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Member {
    Class(ClassId),
    Account(AccountId),
}

/// Who goes first among the members of one owner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key(u128, u128, Ticket);

impl Key {
    fn new(precedence: Precedence, share: Share, rank: Rank, ticket: Ticket) -> Self {
        // The same order in unsigned numbers.
        let rank = rank.0.cast_unsigned() ^ (1 << 127);
        match precedence {
            Precedence::Share => Self(share.0, rank, ticket),
            Precedence::Rank => Self(rank, share.0, ticket),
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Node {
    members: BTreeSet<(Key, Member)>,
    keys: BTreeMap<Member, (Key, Rank, Ticket)>,
}

impl Node {
    fn set(&mut self, member: Member, key: Option<(Key, Rank, Ticket)>) {
        let before = match key {
            Some(key) => self.keys.insert(member, key),
            None => self.keys.remove(&member),
        };
        if let Some((before, ..)) = before {
            self.members.remove(&(before, member));
        }
        if let Some((key, ..)) = key {
            self.members.insert((key, member));
        }
    }

    fn first(&self) -> Option<(Member, Rank, Ticket)> {
        let (_, member) = self.members.first()?;
        let (_, rank, ticket) = self.keys.get(member)?;
        Some((*member, *rank, *ticket))
    }
}

/// Requests that wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    nodes: BTreeMap<AccountId, Node>,
    classes: BTreeMap<ClassId, Class>,
    alike: BTreeMap<(AccountId, u64), Vec<ClassId>>,
    pending: BTreeMap<Ticket, Pending>,
    keys: BTreeMap<RequestKey, Ticket>,
    deadlines: BTreeSet<(Timestamp, Ticket)>,
    tickets: u64,
    made: u64,
}

/// A request to enter.
pub(crate) struct Arrival {
    pub(crate) request: Request,
    pub(crate) since: Timestamp,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) account: AccountId,
}

impl Queue {
    pub(crate) fn push(
        &mut self,
        arrival: Arrival,
        order: &dyn Order,
        books: &Books<'_>,
    ) -> Ticket {
        let Arrival {
            request,
            since,
            deadline,
            account,
        } = arrival;
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        let rank = order.rank(&request, since);
        let class = self.class_of(account, &request);
        if let Some(key) = request.key() {
            self.keys.insert(key, ticket);
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, ticket));
        }
        let pending = Pending {
            request,
            since,
            deadline,
            account,
            rank,
            class,
        };
        self.pending.insert(ticket, pending);
        if let Some(class) = self.classes.get_mut(&class) {
            class.waiting.insert((rank, ticket));
        }
        self.refresh_class(class, order, books);
        ticket
    }

    /// The class of requests like this one, made now if there is none.
    fn class_of(&mut self, account: AccountId, request: &Request) -> ClassId {
        let alike = self.alike.entry((account, request.likeness())).or_default();
        let same = |class: &&ClassId| {
            self.classes.get(class).is_some_and(|class| {
                class.example.is_like(request) && class.example.priority() == request.priority()
            })
        };
        if let Some(class) = alike.iter().find(same) {
            return *class;
        }
        let id = ClassId(self.made);
        self.made += 1;
        alike.push(id);
        let class = Class {
            account,
            example: request.clone(),
            waiting: BTreeSet::new(),
            parked: None,
        };
        self.classes.insert(id, class);
        id
    }

    /// Takes a request out, if it still waits.
    pub(crate) fn remove(
        &mut self,
        ticket: Ticket,
        order: &dyn Order,
        books: &Books<'_>,
    ) -> Option<Pending> {
        let pending = self.pending.remove(&ticket)?;
        if let Some(key) = pending.request.key() {
            self.keys.remove(&key);
        }
        if let Some(deadline) = pending.deadline {
            self.deadlines.remove(&(deadline, ticket));
        }
        if let Some(class) = self.classes.get_mut(&pending.class) {
            class.waiting.remove(&(pending.rank, ticket));
        }
        self.refresh_class(pending.class, order, books);
        self.forget_if_empty(pending.class);
        Some(pending)
    }

    fn forget_if_empty(&mut self, id: ClassId) {
        let Some(class) = self
            .classes
            .get(&id)
            .filter(|class| class.waiting.is_empty())
        else {
            return;
        };
        let place = (class.account, class.example.likeness());
        if let Some(alike) = self.alike.get_mut(&place) {
            alike.retain(|other| *other != id);
            if alike.is_empty() {
                self.alike.remove(&place);
            }
        }
        self.classes.remove(&id);
    }

    /// Who goes first among those that are not parked.
    pub(crate) fn first(&self) -> Option<Ticket> {
        Some(self.nodes.get(&AccountId::ROOT)?.first()?.2)
    }

    /// Puts the class of a request aside until something happens.
    pub(crate) fn park(
        &mut self,
        ticket: Ticket,
        until: WakeOn,
        order: &dyn Order,
        books: &Books<'_>,
    ) {
        let Some(id) = self.pending.get(&ticket).map(|pending| pending.class) else {
            return;
        };
        if let Some(class) = self.classes.get_mut(&id) {
            class.parked = Some(until);
        }
        self.refresh_class(id, order, books);
    }

    /// Brings the class of a parked request back at a moment, too.
    pub(crate) fn wake_at(&mut self, ticket: Ticket, at: Timestamp) {
        let class = self.pending.get(&ticket).map(|pending| pending.class);
        let class = class.and_then(|class| self.classes.get_mut(&class));
        if let Some(parked) = class.and_then(|class| class.parked.as_mut()) {
            parked.at = Some(parked.at.map_or(at, |before| before.min(at)));
        }
    }

    /// Brings back the classes that may be served after what has happened.
    pub(crate) fn wake(&mut self, happened: &Happened, order: &dyn Order, books: &Books<'_>) {
        let met = |class: &Class| {
            class
                .parked
                .is_some_and(|until| until.is_met_by(happened, books.now))
        };
        let awake = self.classes.iter().filter(|(_, class)| met(class));
        let awake: Vec<ClassId> = awake.map(|(id, _)| *id).collect();
        for id in awake {
            if let Some(class) = self.classes.get_mut(&id) {
                class.parked = None;
            }
            self.refresh_class(id, order, books);
        }
    }

    fn refresh_class(&mut self, id: ClassId, order: &dyn Order, books: &Books<'_>) {
        let Some(class) = self.classes.get(&id) else {
            return;
        };
        let account = class.account;
        let first = class.waiting.first().filter(|_| class.parked.is_none());
        let key = first.map(|(rank, ticket)| {
            // An owner's own requests go before those of the owners below it.
            let key = Key::new(order.precedence(), Share::default(), *rank, *ticket);
            (key, *rank, *ticket)
        });
        self.node(account).set(Member::Class(id), key);
        self.refresh(account, order, books);
    }

    /// Hangs everybody under the accounts of a new set of books. Nobody is parked then.
    pub(crate) fn rehang(&mut self, accounts: &mut Accounts, order: &dyn Order, field: &Field<'_>) {
        let before = std::mem::take(self);
        self.keys = before.keys;
        self.deadlines = before.deadlines;
        self.tickets = before.tickets;
        for (ticket, mut pending) in before.pending {
            pending.account = accounts.account(pending.request.owner());
            pending.class = self.class_of(pending.account, &pending.request);
            if let Some(class) = self.classes.get_mut(&pending.class) {
                class.waiting.insert((pending.rank, ticket));
            }
            self.pending.insert(ticket, pending);
        }
        let classes: Vec<ClassId> = self.classes.keys().copied().collect();
        for class in classes {
            self.refresh_class(class, order, &field.books(accounts));
        }
    }

    fn node(&mut self, account: AccountId) -> &mut Node {
        self.nodes.entry(account).or_default()
    }

    /// Ranks an owner and all above it anew, after what it has or what waits there has changed.
    pub(crate) fn refresh(&mut self, account: AccountId, order: &dyn Order, books: &Books<'_>) {
        let mut at = account;
        while let Some(parent) = books.accounts.parent(at) {
            let first = self.nodes.get(&at).and_then(Node::first);
            let key = first.map(|(_, rank, ticket)| {
                let share = order.share(books, at);
                (
                    Key::new(order.precedence(), share, rank, ticket),
                    rank,
                    ticket,
                )
            });
            self.node(parent).set(Member::Account(at), key);
            if first.is_none() {
                self.nodes.remove(&at);
            }
            at = parent;
        }
    }

    /// Ranks all owners anew, after time or the capacity has changed.
    pub(crate) fn refresh_all(&mut self, order: &dyn Order, books: &Books<'_>) {
        let leaves = self.classes.values().map(|class| class.account);
        let accounts: BTreeSet<AccountId> = leaves.collect();
        for account in accounts {
            self.refresh(account, order, books);
        }
    }

    pub(crate) fn get(&self, ticket: Ticket) -> Option<&Pending> {
        self.pending.get(&ticket)
    }

    pub(crate) fn with_key(&self, key: RequestKey) -> Option<Ticket> {
        self.keys.get(&key).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Ticket, &Pending)> {
        self.pending
            .iter()
            .map(|(ticket, pending)| (*ticket, pending))
    }

    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    /// The requests whose deadline has come, in the order of their deadlines.
    pub(crate) fn overdue(&self, now: Timestamp) -> Vec<Ticket> {
        let due = self
            .deadlines
            .iter()
            .take_while(|(deadline, _)| *deadline <= now);
        due.map(|(_, ticket)| *ticket).collect()
    }

    /// When something has to be done about a request that waits, though nothing happens.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        let deadline = self.deadlines.first().map(|(deadline, _)| *deadline);
        let parked = self.classes.values().filter_map(|class| class.parked?.at);
        deadline.into_iter().chain(parked).min()
    }

    /// What a request that waits is parked on.
    pub(crate) fn parked(&self, ticket: Ticket) -> Option<WakeOn> {
        self.classes.get(&self.pending.get(&ticket)?.class)?.parked
    }
}

//! The tree of accounts: interning owners, charging and crediting along their paths, and taking that back.

use super::decay::{Decay, HalfLives};
use super::figures::Figures;
use cloudlot_core::{Amounts, Kind, OwnerPath, Timestamp};
use std::collections::BTreeMap;

cloudlot_core::id_type! {
    /// An account as one [`Accounts`] numbers it.
    pub struct AccountId(u32, "account-");
}

impl AccountId {
    /// The account above all others.
    pub const ROOT: Self = Self::new(0);

    pub(super) const fn index(self) -> usize {
        self.number() as usize
    }
}

/// Who holds how much, and used how much lately, at every level of the owners' tree.
///
/// An account counts what its owner and all owners below hold; [`AccountId::ROOT`] counts everything. Accounts are numbered
/// in the order in which they are first named, an owner's parents before it. Methods that take an [`AccountId`] panic on one
/// that these accounts did not give.
///
/// One account takes about 400 bytes.
/// ```
/// # use cloudlot_policy::accounts::{AccountId, Accounts};
/// # use cloudlot_core::{Amounts, Kind, OwnerPath, Timestamp};
/// let now = Timestamp::ZERO;
/// let mut accounts = Accounts::default();
/// let ci = accounts.account(&"org/team-a/ci".parse()?);
/// let team = accounts.find(&"org/team-a".parse()?).unwrap();
/// let two_cores = Amounts::of([(Kind::CPU, 2_000)]);
/// accounts.charge(ci, &two_cores, now);
/// assert_eq!(*accounts.held(team), two_cores);
///
/// let mark = accounts.mark();
/// accounts.charge(team, &two_cores, now);
/// accounts.restore(mark);
/// assert_eq!(*accounts.held(AccountId::ROOT), two_cores);
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, Debug)]
pub struct Accounts {
    list: Vec<Account>,
    by_path: BTreeMap<OwnerPath, AccountId>,
    /// The accounts by their ledger's numbers for owners.
    pub(super) by_owner: Vec<AccountId>,
    pub(super) half_lives: HalfLives,
    /// Figures as they were before each change, while a mark stands.
    log: Vec<(AccountId, Figures)>,
    marks: usize,
}

#[derive(Clone, Debug)]
struct Account {
    /// `None`: the root.
    path: Option<OwnerPath>,
    parent: AccountId,
    children: Vec<AccountId>,
    figures: Figures,
}

/// A point to go back to, see [`Accounts::mark`].
#[derive(Debug)]
#[must_use = "a mark that is neither restored nor kept makes the accounts remember every change from then on"]
pub struct Mark {
    log: usize,
    depth: usize,
}

/// Why something cannot be credited.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AccountError {
    /// More is given back than is held.
    #[error("{account} holds {held} of {kind:?}, and {back} is given back")]
    NotHeld {
        /// Where.
        account: AccountId,
        /// Of what.
        kind: Kind,
        /// What is held.
        held: u64,
        /// What is given back.
        back: u64,
    },
    /// No reservation is counted there.
    #[error("{0} counts no reservation")]
    NoReservation(AccountId),
}

impl Default for Accounts {
    fn default() -> Self {
        Self::new(Decay::default())
    }
}

impl Accounts {
    /// Accounts of nobody yet, that forget past use like this.
    #[must_use]
    pub fn new(decay: Decay) -> Self {
        let root = Account {
            path: None,
            parent: AccountId::ROOT,
            children: Vec::new(),
            figures: Figures::default(),
        };
        Self {
            list: vec![root],
            by_path: BTreeMap::new(),
            by_owner: Vec::new(),
            half_lives: HalfLives::new(decay),
            log: Vec::new(),
            marks: 0,
        }
    }

    /// How past use is forgotten.
    #[must_use]
    pub const fn decay(&self) -> &Decay {
        self.half_lives.decay()
    }

    /// The account of an owner, opened if there is none, with those of its parents.
    pub fn account(&mut self, path: &OwnerPath) -> AccountId {
        if let Some(id) = self.by_path.get(path) {
            return *id;
        }
        let parent = path.parent();
        let parent = parent.map_or(AccountId::ROOT, |parent| self.account(&parent));
        let number =
            u32::try_from(self.list.len()).expect("a ledger numbers its owners by 32 bits");
        let id = AccountId::new(number);
        self.list.push(Account {
            path: Some(path.clone()),
            parent,
            children: Vec::new(),
            figures: Figures::default(),
        });
        self.list[parent.index()].children.push(id);
        self.by_path.insert(path.clone(), id);
        id
    }

    /// The account of an owner, if there is one.
    #[must_use]
    pub fn find(&self, path: &OwnerPath) -> Option<AccountId> {
        self.by_path.get(path).copied()
    }

    /// How many accounts there are, the root included.
    #[expect(clippy::len_without_is_empty, reason = "the root is always there")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The account one level up; `None` of the root.
    #[must_use]
    pub fn parent(&self, id: AccountId) -> Option<AccountId> {
        (id != AccountId::ROOT).then(|| self.list[id.index()].parent)
    }

    /// The account itself and those above it, up to the root.
    pub fn path_up(&self, id: AccountId) -> impl Iterator<Item = AccountId> {
        std::iter::successors(Some(id), |id| self.parent(*id))
    }

    /// The accounts one level down, in the order in which they were opened.
    #[must_use]
    pub fn children(&self, id: AccountId) -> &[AccountId] {
        &self.list[id.index()].children
    }

    /// The owner; `None` of the root.
    #[must_use]
    pub fn path(&self, id: AccountId) -> Option<&OwnerPath> {
        self.list[id.index()].path.as_ref()
    }

    /// What the owner and those below hold, of each kind 2^64 - 1 at most. What is booked for later counts from the booking
    /// on: its start is no change of the ledger.
    #[must_use]
    pub fn held(&self, id: AccountId) -> &Amounts {
        &self.list[id.index()].figures.held
    }

    /// How many reservations the owner and those below have.
    #[must_use]
    pub fn reservations(&self, id: AccountId) -> u32 {
        self.list[id.index()].figures.reservations
    }

    /// The use of a kind up to `now`, in base units times seconds; zero if its past counts for nothing.
    #[must_use]
    pub fn used(&self, id: AccountId, kind: Kind, now: Timestamp) -> f64 {
        let window = self.half_lives.window(kind).unwrap_or(0.0);
        self.mean(id, kind, now) * window
    }

    /// The mean amount of a kind that was held lately: its use over the window of its half-life, in base units.
    #[must_use]
    pub fn mean(&self, id: AccountId, kind: Kind, now: Timestamp) -> f64 {
        self.list[id.index()]
            .figures
            .mean(kind, now, &self.half_lives)
    }

    /// The means of every kind that is held or remembered.
    pub fn recent(&self, id: AccountId, now: Timestamp) -> impl Iterator<Item = (Kind, f64)> {
        let kinds = self.list[id.index()].figures.kinds();
        kinds.map(move |kind| (kind, self.mean(id, kind, now)))
    }

    /// Sets what an owner and those below used up to `now`, in base units times seconds: how the past survives a restart.
    /// It does not reach those above, which were remembered themselves. What is no number, or below zero, counts as zero.
    pub fn remember(&mut self, id: AccountId, kind: Kind, used: f64, now: Timestamp) {
        let Some(window) = self.half_lives.window(kind) else {
            return;
        };
        let mean = if used > 0.0 { used / window } else { 0.0 };
        let figures = self.change(id, now);
        figures.set_mean(kind, if mean.is_finite() { mean } else { 0.0 });
    }

    /// Counts one more reservation of so much, here and everywhere above, from `now` on.
    ///
    /// A `now` before the last change of an account counts as the time of that change.
    pub fn charge(&mut self, id: AccountId, amounts: &Amounts, now: Timestamp) {
        self.climb(id, now, |figures| {
            figures.add(amounts);
            figures.reservations = figures.reservations.saturating_add(1);
        });
    }

    /// Counts one reservation of so much less, here and everywhere above, from `now` on.
    ///
    /// # Errors
    /// If so much is not held there. Nothing is changed then.
    pub fn credit(
        &mut self,
        id: AccountId,
        amounts: &Amounts,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        self.can_credit(id, amounts)?;
        if self.reservations(id) == 0 {
            return Err(AccountError::NoReservation(id));
        }
        self.climb(id, now, |figures| {
            figures.take(amounts);
            figures.reservations = figures.reservations.saturating_sub(1);
        });
        Ok(())
    }

    /// Counts a reservation that held one thing as holding another, here and everywhere above, from `now` on.
    ///
    /// # Errors
    /// If what it held is not held there. Nothing is changed then.
    pub fn resize(
        &mut self,
        id: AccountId,
        from: &Amounts,
        to: &Amounts,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        self.can_credit(id, from)?;
        self.climb(id, now, |figures| {
            figures.take(from);
            figures.add(to);
        });
        Ok(())
    }

    /// A point to go back to with [`Accounts::restore`], for a what-if; [`Accounts::keep`] lets it go. Marks nest: the last
    /// one is restored or kept first.
    pub fn mark(&mut self) -> Mark {
        self.marks += 1;
        Mark {
            log: self.log.len(),
            depth: self.marks,
        }
    }

    /// Takes back every charge, credit and change since the mark, past use included, to the last bit. Accounts that were opened
    /// since stay open, with nothing in them.
    ///
    /// # Panics
    /// If a mark that was set before this one was restored or kept already.
    pub fn restore(&mut self, mark: Mark) {
        self.close(&mark);
        while self.log.len() > mark.log
            && let Some((id, figures)) = self.log.pop()
        {
            self.list[id.index()].figures = figures;
        }
    }

    /// Lets a mark go and keeps what happened since.
    ///
    /// # Panics
    /// If a mark that was set before this one was restored or kept already.
    pub fn keep(&mut self, mark: Mark) {
        self.close(&mark);
        if self.marks == 0 {
            self.log.clear();
        }
    }

    fn close(&mut self, mark: &Mark) {
        assert!(
            mark.depth <= self.marks && mark.log <= self.log.len(),
            "a mark is closed before those that were set before it"
        );
        // Marks inside that were dropped go with it.
        self.marks = mark.depth - 1;
    }

    fn can_credit(&self, id: AccountId, amounts: &Amounts) -> Result<(), AccountError> {
        let figures = &self.list[id.index()].figures;
        figures
            .can_take(amounts)
            .map_err(|(kind, held)| AccountError::NotHeld {
                account: id,
                kind,
                held,
                back: amounts.get(kind),
            })
    }

    fn climb(&mut self, id: AccountId, now: Timestamp, act: impl Fn(&mut Figures)) {
        let mut level = Some(id);
        while let Some(id) = level {
            act(self.change(id, now));
            level = self.parent(id);
        }
    }

    /// The figures of an account as of `now`, to be changed.
    fn change(&mut self, id: AccountId, now: Timestamp) -> &mut Figures {
        let account = &mut self.list[id.index()];
        if self.marks > 0 {
            self.log.push((id, account.figures.clone()));
        }
        account.figures.advance(now, &self.half_lives);
        &mut account.figures
    }
}

//! Owners of functions: what each may have, and who is served when it may have more.
//!
//! Limits to memory and instances are a tree of quotas, asked when an instance is to start; the limit to calls is a counter. A
//! function whose calls wait for a limit of its owner stands in its owner's line until there is room; the others are not held up by it.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use cloudlot_core::{Bytes, Faults, OwnerId, OwnerPath, Rule};
use cloudlot_policy::accounts::AccountId;

use super::event::{Effect, StopReason};
use super::fair::{Flow, Turns as Line};
use super::keep_alive::KeepAlive;
use super::life::Life;
use super::pool::Frees;
use super::quota::Quotas;
use super::record::Sink;
use super::rows::Stage;
use super::{Platform, Turn};
use crate::FunctionId;

/// Who owns functions, and what they may have together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    /// Its name. Limits to memory and instances hold for all owners below it too: what `org/team` has counts for `org`.
    pub path: OwnerPath,
    /// How much of the memory it gets compared with others that want more: see [`Turns::Fair`](crate::Turns::Fair).
    pub weight: NonZeroU32,
    /// The memory that its instances may hold, those that stop included as long as they hold it.
    pub memory: Option<Bytes>,
    /// How many instances it may have, counted as long as they hold memory.
    pub instances: Option<NonZeroU32>,
    /// How many of its calls may run at once.
    pub calls: Option<NonZeroU32>,
    /// How many of its calls may wait for an instance without one that starts; those beyond are sent away.
    pub queue: Option<u32>,
}

impl Owner {
    /// An owner without limits, of weight 1.
    #[must_use]
    pub const fn new(path: OwnerPath) -> Self {
        Self {
            path,
            weight: NonZeroU32::MIN,
            memory: None,
            instances: None,
            calls: None,
            queue: None,
        }
    }
}

/// An owner and what it has.
#[derive(Clone, Debug)]
pub(super) struct OwnerRow {
    /// Nothing for whoever does not say.
    is: Option<Owner>,
    pub(super) weight: NonZeroU32,
    pub(super) calls: Option<NonZeroU32>,
    pub(super) queue: Option<u32>,
    /// Where it stands in the tree of quotas, if there are any.
    account: Option<AccountId>,
    /// What one instance may hold at most.
    pub(super) most: u64,
    pub(super) functions: Vec<u32>,
    /// Calls that run.
    running: u32,
    /// Instances that start.
    coming: u32,
    /// Memory and number of those that stop and still hold it.
    stopping: (u128, u64),
    /// Functions whose calls wait for room here, in turn.
    pub(super) blocked: VecDeque<u32>,
    /// Whether it is among those with news.
    pub(super) news: bool,
    pub(super) flow: Flow,
    /// Its functions that wait for memory.
    pub(super) short: Line,
}

impl OwnerRow {
    pub(super) const NOBODY: Self = Self {
        is: None,
        weight: NonZeroU32::MIN,
        calls: None,
        queue: None,
        account: None,
        most: u64::MAX,
        functions: Vec::new(),
        running: 0,
        coming: 0,
        stopping: (0, 0),
        blocked: VecDeque::new(),
        news: false,
        flow: Flow::NEW,
        short: Line::new(),
    };

    fn of(owner: Owner) -> Self {
        Self {
            weight: owner.weight,
            calls: owner.calls,
            queue: owner.queue,
            is: Some(owner),
            ..Self::NOBODY
        }
    }

    const fn is_governed(&self) -> bool {
        self.calls.is_some() || self.account.is_some()
    }

    pub(super) fn has_turn(&self) -> bool {
        self.calls.is_none_or(|most| self.running < most.get())
    }

    pub(super) fn may_start_one(&self) -> bool {
        let on_the_way = self.running.saturating_add(self.coming);
        self.calls.is_none_or(|most| on_the_way < most.get())
    }
}

/// All owners; the first is whoever does not say.
#[derive(Clone, Debug)]
pub(super) struct Owners {
    pub(super) rows: Vec<OwnerRow>,
    quotas: Option<Quotas>,
    /// Those in whose line somebody may be served now.
    pub(super) news: Vec<u32>,
}

impl Owners {
    pub(super) const fn new() -> Self {
        Self {
            rows: Vec::new(),
            quotas: None,
            news: Vec::new(),
        }
    }

    pub(super) fn knows(&self, owner: OwnerId) -> bool {
        owner.number() == 0 || (owner.number() as usize) < self.rows.len()
    }

    /// The row of an owner; the first is made when somebody needs it.
    fn row(&mut self, owner: u32) -> &mut OwnerRow {
        if self.rows.is_empty() {
            self.rows.push(OwnerRow::NOBODY);
        }
        &mut self.rows[owner as usize]
    }

    pub(super) fn tell(&mut self, owner: u32) {
        let row = &mut self.rows[owner as usize];
        if !row.blocked.is_empty() && !row.news {
            row.news = true;
            self.news.push(owner);
        }
    }

    fn tell_all(&mut self) {
        for owner in (0..).take(self.rows.len()) {
            self.tell(owner);
        }
    }

    /// What limits hold for whom, anew.
    fn lay_down(&mut self) -> Result<(), Faults> {
        let limited = |owner: &Owner| owner.memory.is_some() || owner.instances.is_some();
        let owners: Vec<Owner> = self.rows.iter().filter_map(|row| row.is.clone()).collect();
        if !owners.iter().any(limited) {
            let quotas = Quotas::of(owners.iter());
            return quotas.map(|_| ());
        }
        let quotas = Quotas::of(owners.iter())?;
        for row in &mut self.rows {
            let Some(owner) = &row.is else { continue };
            row.account = Some(quotas.account(&owner.path));
            let above = |other: &&Owner| owner.path.ancestors().any(|it| it == other.path.as_str());
            let limits = owners.iter().filter(above).filter_map(|it| it.memory);
            row.most = limits.map(Bytes::get).min().unwrap_or(u64::MAX);
        }
        self.quotas = Some(quotas);
        Ok(())
    }
}

impl<K: KeepAlive> Platform<K> {
    /// Takes an owner in; they are numbered from one in this order, and zero is whoever does not say. Its functions are added
    /// afterwards.
    ///
    /// # Errors
    /// If there is an owner of this path already.
    ///
    /// # Panics
    /// If there are 2^32 already.
    /// ```
    /// use cloudlot_core::Bytes;
    /// use cloudlot_serverless::{FixedWindow, Function, Owner, Platform, Settings};
    /// use std::time::Duration;
    ///
    /// let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::from_secs(600)));
    /// let team = Owner { memory: Some(Bytes::gib(2)), ..Owner::new("org/team".parse()?) };
    /// let owner = platform.add_owner(team.clone())?;
    /// platform.add(Function { owner, ..Function::new(Bytes::mib(128)) });
    /// assert!(platform.add_owner(team).is_err());
    /// # Ok::<(), cloudlot_core::Faults>(())
    /// ```
    pub fn add_owner(&mut self, owner: Owner) -> Result<OwnerId, Faults> {
        self.owners.row(0);
        let same = |row: &OwnerRow| row.is.as_ref().is_some_and(|is| is.path == owner.path);
        if self.owners.rows.iter().any(same) {
            let mut faults = Faults::default();
            faults.add("owner.path", owner.path.as_str(), Rule::Twice);
            return Err(faults);
        }
        let number = u32::try_from(self.owners.rows.len()).expect("fewer than 2^32 owners");
        self.owners.rows.push(OwnerRow::of(owner));
        self.owners.lay_down()?;
        self.count_anew();
        Ok(OwnerId::new(number))
    }

    /// Counts for the quotas what is there already, of functions whose owner is governed since a moment ago, too.
    fn count_anew(&mut self) {
        for row in &mut self.owners.rows {
            (row.running, row.coming, row.stopping) = (0, 0, (0, 0));
        }
        for function in &mut self.functions {
            let owner = function.is.owner.number();
            function.governed = self.owners.row(owner).is_governed();
        }
        for place in self.instances.taken() {
            let row = self.instances[place];
            if self.functions[row.function as usize].governed {
                let owner = self.functions[row.function as usize].is.owner.number();
                let frees = self.settings.hosts.frees;
                self.owners
                    .count(owner, row.memory, Life::Gone, row.life, frees);
            }
        }
        for place in self.calls.taken() {
            if self.calls[place].stage == Stage::Running {
                let function = self.calls[place].call.function.number();
                let owner = self.functions[function as usize].is.owner.number();
                self.owners.rows[owner as usize].running += 1;
            }
        }
    }

    /// A function has been added, or put in the place of another.
    pub(super) fn enrol(&mut self, function: u32) {
        let owner = self.functions[function as usize].is.owner.number();
        let row = self.owners.row(owner);
        row.functions.push(function);
        self.functions[function as usize].governed = row.is_governed();
    }

    pub(super) fn owner_of(&self, function: u32) -> &OwnerRow {
        let owner = self.functions[function as usize].is.owner.number();
        &self.owners.rows[owner as usize]
    }

    /// Counts a move of an instance of a governed function.
    pub(super) fn count_for_owner(&mut self, function: u32, memory: u64, from: Life, to: Life) {
        let owner = self.functions[function as usize].is.owner.number();
        let frees = self.settings.hosts.frees;
        self.owners.count(owner, memory, from, to, frees);
    }

    /// One call more or less of a governed function runs.
    pub(super) fn count_running(&mut self, function: u32, more: bool) {
        let owner = self.functions[function as usize].is.owner.number();
        let row = &mut self.owners.rows[owner as usize];
        if more {
            row.running += 1;
        } else {
            row.running -= 1;
            self.owners.tell(owner);
        }
    }

    /// Whether the owner of this governed function may have one more instance of it as things are.
    pub(super) fn owner_admits(&self, function: u32) -> bool {
        self.owner_of(function).may_start_one() && self.quota_refusal(function).is_none()
    }

    /// What a quota lacks for one more instance, if it does: memory, and instances.
    fn quota_refusal(&self, function: u32) -> Option<(u64, u64)> {
        let quotas = self.owners.quotas.as_ref()?;
        let account = self.owner_of(function).account?;
        let memory = self.functions[function as usize].is.memory.get();
        let refusal = quotas.admit(account, memory).err()?;
        Some(quotas.lacking(&refusal))
    }

    /// The same; idle instances of the owner make room.
    pub(super) fn find_owner_room<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) -> bool {
        if !self.owner_of(function).may_start_one() {
            return false;
        }
        while let Some(lacking) = self.quota_refusal(function) {
            let stopping = self.owner_of(function).stopping;
            let on_its_way = u128::from(lacking.0) <= stopping.0 && lacking.1 <= stopping.1;
            if on_its_way || !self.evict_of_owner(function, turn) {
                return false;
            }
        }
        true
    }

    /// Stops the idle instance of this function's owner that the policy values least, if there is one.
    fn evict_of_owner<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) -> bool {
        let functions = self.owner_of(function).functions.iter();
        let rows = functions.map(|&function| &self.functions[function as usize]);
        let idle = rows.filter(|row| row.in_use() > row.floor());
        let idle = idle.flat_map(|row| row.idle.iter().copied());
        let Some(least) = idle.min_by_key(|&it| (self.instances[it].value, it)) else {
            return false;
        };
        let row = self.instances[least];
        self.leave_idle(least);
        self.stop(least, StopReason::Evicted, turn);
        let function = FunctionId::new(row.function);
        self.keep_alive.evicted(function, row.value);
        self.totals.evictions += 1;
        true
    }
}

impl Owners {
    /// Counts a move of an instance, and tells those who may be served for it.
    fn count(&mut self, owner: u32, memory: u64, from: Life, to: Life, frees: Frees) {
        let holds = |life| match life {
            Life::Starting | Life::Busy | Life::Idle => true,
            Life::Stopping => frees == Frees::WhenGone,
            Life::Gone => false,
        };
        let row = &mut self.rows[owner as usize];
        row.coming += u32::from(to == Life::Starting);
        row.coming -= u32::from(from == Life::Starting);
        let stops = |life| u64::from(life == Life::Stopping && holds(life));
        let held = |life| u128::from(memory * stops(life));
        row.stopping.0 = row.stopping.0 + held(to) - held(from);
        row.stopping.1 = row.stopping.1 + stops(to) - stops(from);
        let account = row.account;
        if let (Some(quotas), Some(account)) = (&mut self.quotas, account) {
            match (holds(from), holds(to)) {
                (false, true) => quotas.charge(account, memory),
                (true, false) => quotas.credit(account, memory),
                _ => {}
            }
        }
        if holds(from) && !holds(to) {
            self.tell_all();
        } else if to == Life::Idle || from == Life::Starting {
            self.tell(owner);
        }
    }
}

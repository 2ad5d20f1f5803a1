//! What owners may hold together, as a tree of quotas: a limit holds for an owner and all owners below it.

use cloudlot_core::{Amounts, Faults, Kind, KindName, Kinds, OwnerPath, Quantity};
use cloudlot_policy::accounts::{AccountId, Accounts};
use cloudlot_policy::quota::{Balances, Quota, QuotaRefusal, QuotaTree};

use super::owners::Owner;

/// The kind of which an instance is one.
const INSTANCES: &str = "instances";

/// The tree, and how it stands. The accounts say only who is whose child.
#[derive(Clone, Debug)]
pub(super) struct Quotas {
    tree: QuotaTree,
    balances: Balances,
    accounts: Accounts,
    instances: Kind,
}

/// Larger than any sum of limits needs, and small enough to be added to.
const ALL: u64 = u64::MAX / 4;

impl Quotas {
    /// The tree of these owners, of whom nobody holds anything.
    ///
    /// # Errors
    /// Two owners of the same path.
    pub(super) fn of<'a>(owners: impl Iterator<Item = &'a Owner>) -> Result<Self, Faults> {
        let name: KindName = INSTANCES.parse().expect("a name of a kind");
        let mut kinds = Kinds::new();
        let instances = kinds.register(&name).expect("there is room for one kind");
        let memory = |amount| Quantity::new(Kind::MEMORY, amount);
        let count = |amount| Quantity::new(name.clone(), amount);
        let root = Quota::new().nominal([memory(ALL), count(ALL)]);
        let mut builder = QuotaTree::builder().root(root);
        let mut accounts = Accounts::default();
        for owner in owners {
            let limit = owner.memory.map(|most| memory(most.get()));
            let most = owner.instances.map(|most| count(most.get().into()));
            let quota = Quota::new().limit(limit.into_iter().chain(most));
            builder = builder.node(owner.path.clone(), quota);
            accounts.account(&owner.path);
        }
        let tree = builder.build(&kinds)?;
        let balances = tree.balances(&accounts);
        Ok(Self {
            tree,
            balances,
            accounts,
            instances,
        })
    }

    /// The number by which an owner is asked about.
    pub(super) fn account(&self, path: &OwnerPath) -> AccountId {
        self.accounts
            .find(path)
            .expect("every owner has an account")
    }

    fn one(&self, memory: u64) -> Amounts {
        Amounts::of([(Kind::MEMORY, memory), (self.instances, 1)])
    }

    /// Whether an owner may have one more instance of this memory.
    pub(super) fn admit(&self, owner: AccountId, memory: u64) -> Result<(), QuotaRefusal> {
        let one = self.one(memory);
        let admitted = self
            .tree
            .admit_by(&self.balances, &self.accounts, owner, &one);
        admitted.map(|_| ())
    }

    /// How much is lacking of memory, and of instances, if so.
    pub(super) fn lacking(&self, refusal: &QuotaRefusal) -> (u64, u64) {
        if refusal.kind == self.instances {
            (0, refusal.short)
        } else {
            (refusal.short, 0)
        }
    }

    pub(super) fn charge(&mut self, owner: AccountId, memory: u64) {
        let one = self.one(memory);
        self.tree
            .charge(&mut self.balances, &self.accounts, owner, &one);
    }

    pub(super) fn credit(&mut self, owner: AccountId, memory: u64) {
        let one = self.one(memory);
        self.tree
            .credit(&mut self.balances, &self.accounts, owner, &one);
    }
}

//! What a pool is: its name, what its members are like, how many there are to be; and who makes them.

use super::pools::PoolId;
use super::sizing::{Sizing, SizingError};
use cloudlot_core::{NodeClass, Quantities, Resource, ResourceBuilder};
use std::collections::BTreeMap;

/// The description of a pool. A program that knows it can say what the pool would do.
#[derive(Clone, PartialEq, Debug)]
pub struct PoolSpec {
    /// Its name, which no other pool of the set has.
    pub name: String,
    /// What a member is like: its class, and what it offers at least. Its name is of no account.
    pub sample: Resource,
    /// How many members there are to be.
    pub sizing: Sizing,
    /// What is said to a request that finds no room and that no step would help.
    pub on_miss: OnMiss,
    /// What it does with members that others miss, and with those that others can spare.
    pub lending: Lending,
    /// Where its members come from.
    pub growth: Growth,
}

/// What becomes of a request that finds no room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnMiss {
    /// It may wait until something is given back.
    #[default]
    Queue,
    /// It had better go elsewhere.
    Refuse,
}

/// Which way members may go between pools. A static pool takes no part, whatever stands here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lending {
    /// Neither way.
    Off,
    /// It only gives.
    Lends,
    /// It only takes.
    Borrows,
    /// Both ways, though never at once.
    #[default]
    Both,
}

/// Where members come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Growth {
    /// A [`Factory`] makes them.
    #[default]
    Made,
    /// Somebody enrols them; no plan adds any.
    Enrolled,
}

impl PoolSpec {
    /// A pool of members like this one; it queues what it misses, lends and borrows, and has its members made.
    #[must_use]
    pub fn new(name: impl Into<String>, sample: Resource, sizing: Sizing) -> Self {
        Self {
            name: name.into(),
            sample,
            sizing,
            on_miss: OnMiss::default(),
            lending: Lending::default(),
            growth: Growth::default(),
        }
    }

    /// What all its members are.
    #[must_use]
    pub fn class(&self) -> &NodeClass {
        self.sample.class()
    }

    /// What one member offers at least.
    #[must_use]
    pub fn each(&self) -> &Quantities {
        self.sample.limits()
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// [`SizingError`].
    pub const fn check(&self) -> Result<(), SizingError> {
        self.sizing.check()
    }

    /// Whether a resource may be a member: of the same class, and offering at least as much of each kind.
    #[must_use]
    pub fn accepts(&self, resource: &Resource) -> bool {
        let mut each = self.each().iter();
        resource.class() == self.class()
            && each.all(|quantity| resource.limits().get(quantity.kind()) >= quantity.amount())
    }

    pub(super) const fn lends(&self) -> bool {
        matches!(self.lending, Lending::Lends | Lending::Both) && !self.sizing.is_fixed()
    }

    pub(super) const fn borrows(&self) -> bool {
        matches!(self.lending, Lending::Borrows | Lending::Both) && !self.sizing.is_fixed()
    }
}

/// Makes members. Closures do.
pub trait Factory {
    /// The description of the member with this number, which needs a name of its own. Numbers start at 0 and never come
    /// again.
    fn make(&mut self, number: u64) -> ResourceBuilder;
}

impl<F: FnMut(u64) -> ResourceBuilder> Factory for F {
    fn make(&mut self, number: u64) -> ResourceBuilder {
        self(number)
    }
}

/// Who makes members: a factory for a pool, or else the one for its class.
#[derive(Default)]
pub struct Factories {
    pools: BTreeMap<PoolId, Box<dyn Factory>>,
    classes: BTreeMap<NodeClass, ForClass>,
}

struct ForClass {
    factory: Box<dyn Factory>,
    // Several pools share the factory, so that their own numbers would collide.
    made: u64,
}

impl Factories {
    /// No factory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same and a factory for all pools of a class; the numbers that it is given are one series for all of them.
    #[must_use]
    pub fn class(
        mut self,
        class: impl Into<NodeClass>,
        factory: impl FnMut(u64) -> ResourceBuilder + 'static,
    ) -> Self {
        self.set_class(class, Box::new(factory));
        self
    }

    /// The same and a factory for one pool.
    #[must_use]
    pub fn pool(
        mut self,
        pool: PoolId,
        factory: impl FnMut(u64) -> ResourceBuilder + 'static,
    ) -> Self {
        self.set_pool(pool, Box::new(factory));
        self
    }

    /// Sets the factory of a class, in place of the one it may have.
    pub fn set_class(&mut self, class: impl Into<NodeClass>, factory: Box<dyn Factory>) {
        let made = 0;
        self.classes
            .insert(class.into(), ForClass { factory, made });
    }

    /// Sets the factory of a pool, in place of the one it may have.
    pub fn set_pool(&mut self, pool: PoolId, factory: Box<dyn Factory>) {
        self.pools.insert(pool, factory);
    }

    /// A member for a pool; `None` if nobody makes any.
    pub(super) fn make(
        &mut self,
        pool: PoolId,
        class: &NodeClass,
        number: u64,
    ) -> Option<ResourceBuilder> {
        if let Some(factory) = self.pools.get_mut(&pool) {
            return Some(factory.make(number));
        }
        let class = self.classes.get_mut(class)?;
        class.made += 1;
        Some(class.factory.make(class.made - 1))
    }
}

impl std::fmt::Debug for Factories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Factories")
            .field("pools", &self.pools.keys())
            .field("classes", &self.classes.keys())
            .finish()
    }
}

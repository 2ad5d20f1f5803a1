//! The usage report: how full everything is at one time, as plain data.
//!
//! Whoever holds the amounts (a ledger, a test) adds them; this file sums and divides. A
//! dashboard draws it, an exporter encodes it, `{}` prints it as a table.

use std::collections::BTreeMap;

use super::{Activity, efficiency};
use crate::Timestamp;

/// How much of a capacity is used, in the base units of its kind.
/// ```
/// # use cloudlot_core::metrics::Utilisation;
/// assert_eq!(Utilisation { used: 50, capacity: 100 }.ratio(), 0.5);
/// assert_eq!(Utilisation { used: 7, capacity: 0 }.ratio(), 0.0);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Utilisation {
    /// What is used.
    pub used: u64,
    /// What there is.
    pub capacity: u64,
}

impl Utilisation {
    /// `used / capacity`: more than 1 where more is promised than there is, 0 where there is
    /// nothing. Never NaN.
    #[must_use]
    pub fn ratio(self) -> f64 {
        if self.capacity == 0 {
            return 0.0;
        }
        self.used as f64 / self.capacity as f64
    }
}

/// One kind on one resource, or summed over all: amounts in base units of the kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct KindUsage {
    /// What there is.
    pub capacity: u64,
    /// What may be promised: more than the capacity where it is over-committed, less where some
    /// is set aside.
    pub limit: u64,
    /// What is promised to reservations, confirmed or not.
    pub held: u64,
    /// The part of what is held that is confirmed: in use.
    pub confirmed: u64,
    /// What may still be promised. In a sum it is the sum of what each resource has free: a resource
    /// that holds more than its limit takes nothing from the others.
    pub free: u64,
}

impl KindUsage {
    /// The usage of one resource: `free` is what `held` leaves of `limit`, at least zero.
    /// ```
    /// # use cloudlot_core::metrics::KindUsage;
    /// let node = KindUsage::new(100, 150, 90, 60);
    /// assert_eq!(node.free, 60);
    /// assert_eq!(node.utilisation().ratio(), 0.9);
    /// assert_eq!(node.in_use().ratio(), 0.6);
    /// assert_eq!(node.efficiency(), 60.0 / 90.0);
    /// ```
    #[must_use]
    pub const fn new(capacity: u64, limit: u64, held: u64, confirmed: u64) -> Self {
        Self {
            capacity,
            limit,
            held,
            confirmed,
            free: limit.saturating_sub(held),
        }
    }

    /// What is held of the capacity.
    #[must_use]
    pub const fn utilisation(self) -> Utilisation {
        Utilisation {
            used: self.held,
            capacity: self.capacity,
        }
    }

    /// What is confirmed of the capacity.
    #[must_use]
    pub const fn in_use(self) -> Utilisation {
        Utilisation {
            used: self.confirmed,
            capacity: self.capacity,
        }
    }

    /// What is confirmed of what is held, from 0 to 1; 1 where nothing is held.
    #[must_use]
    pub fn efficiency(self) -> f64 {
        efficiency(self.confirmed, self.held)
    }

    /// The sum of two, each amount at most [`u64::MAX`].
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self {
            capacity: self.capacity.saturating_add(other.capacity),
            limit: self.limit.saturating_add(other.limit),
            held: self.held.saturating_add(other.held),
            confirmed: self.confirmed.saturating_add(other.confirmed),
            free: self.free.saturating_add(other.free),
        }
    }
}

/// What one owner has of one kind, over all resources.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OwnerUsage {
    /// What is promised to its reservations, confirmed or not.
    pub held: u64,
    /// The part that is confirmed.
    pub confirmed: u64,
}

/// Everything in a few numbers. Kinds have different units, so their ratios meet, not their amounts.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Overall {
    /// The mean utilisation of the kinds; 0 without kinds.
    pub mean: f64,
    /// The utilisation of the busiest kind; 0 without kinds.
    pub busiest: f64,
    /// The kind that is busiest, the first by name among equals.
    pub busiest_kind: Option<String>,
    /// The mean efficiency of the kinds of which something is held; 1 where nothing is held.
    pub efficiency: f64,
}

impl Default for Overall {
    /// Of nothing.
    fn default() -> Self {
        Self::of(&BTreeMap::new())
    }
}

impl Overall {
    fn of(kinds: &BTreeMap<String, KindUsage>) -> Self {
        let ratios = || {
            kinds
                .iter()
                .map(|(kind, sum)| (sum.utilisation().ratio(), kind))
        };
        let busiest = ratios().reduce(|a, b| if b.0 > a.0 { b } else { a });
        let held = || kinds.values().filter(|sum| sum.held > 0);
        Self {
            mean: mean(ratios().map(|(ratio, _)| ratio)).unwrap_or(0.0),
            busiest: busiest.map_or(0.0, |(ratio, _)| ratio),
            busiest_kind: busiest.map(|(_, kind)| kind.clone()),
            efficiency: mean(held().map(|sum| sum.efficiency())).unwrap_or(1.0),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// How full everything is at one time, by name.
/// ```
/// # use cloudlot_core::{Timestamp, metrics::{KindUsage, Usage}};
/// let mut usage = Usage::at(Timestamp::ZERO);
/// usage.add_resource("node-1", "cpu", KindUsage::new(100, 100, 50, 50));
/// usage.add_resource("node-2", "cpu", KindUsage::new(100, 100, 0, 0));
/// usage.add_owner("task-1", "cpu", 50, 50);
/// assert_eq!(usage.kinds["cpu"].utilisation().ratio(), 0.25);
/// assert_eq!(usage.resource_utilisation("node-1"), Some(0.5));
/// assert_eq!(usage.owner_utilisation("task-1"), Some(0.25));
/// assert_eq!(usage.overall.mean, 0.25);
/// ```
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Usage {
    /// When it was so.
    pub at: Timestamp,
    /// By resource, then by kind.
    pub resources: BTreeMap<String, BTreeMap<String, KindUsage>>,
    /// By kind: the sums over the resources.
    pub kinds: BTreeMap<String, KindUsage>,
    /// By owner, then by kind.
    pub owners: BTreeMap<String, BTreeMap<String, OwnerUsage>>,
    /// In all.
    pub overall: Overall,
    /// What happened lately.
    pub activity: Activity,
}

impl Usage {
    /// Of nothing yet.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self {
            at,
            ..Self::default()
        }
    }

    /// Adds a kind of a resource, and to the sums; an amount that is there already grows by it.
    pub fn add_resource(&mut self, resource: &str, kind: &str, usage: KindUsage) {
        let row = entry(&mut self.resources, resource);
        for sums in [row, &mut self.kinds] {
            let sum = entry(sums, kind);
            *sum = sum.saturating_add(usage);
        }
        self.overall = Overall::of(&self.kinds);
    }

    /// Adds what an owner has of a kind; an amount that is there already grows by it.
    pub fn add_owner(&mut self, owner: &str, kind: &str, held: u64, confirmed: u64) {
        let sum = entry(entry(&mut self.owners, owner), kind);
        sum.held = sum.held.saturating_add(held);
        sum.confirmed = sum.confirmed.saturating_add(confirmed);
    }

    /// The utilisation of a resource: that of its busiest kind, where it fills up first.
    #[must_use]
    pub fn resource_utilisation(&self, resource: &str) -> Option<f64> {
        let kinds = self.resources.get(resource)?.values();
        kinds
            .map(|kind| kind.utilisation().ratio())
            .max_by(f64::total_cmp)
    }

    /// What an owner holds of all there is of a kind.
    #[must_use]
    pub fn owner_share(&self, owner: &str, kind: &str) -> Option<Utilisation> {
        Some(Utilisation {
            used: self.owners.get(owner)?.get(kind)?.held,
            capacity: self.kinds.get(kind).map_or(0, |sum| sum.capacity),
        })
    }

    /// The utilisation by an owner: its share of the kind of which it has the largest.
    ///
    /// Source: the dominant share of DRF (Ghodsi et al. 2011).
    #[must_use]
    pub fn owner_utilisation(&self, owner: &str) -> Option<f64> {
        let kinds = self.owners.get(owner)?.keys();
        kinds
            .filter_map(|kind| self.owner_share(owner, kind))
            .map(Utilisation::ratio)
            .max_by(f64::total_cmp)
    }
}

/// The value under a name, without a new `String` for a known one.
fn entry<'a, T: Default>(map: &'a mut BTreeMap<String, T>, name: &str) -> &'a mut T {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), T::default());
    }
    map.get_mut(name)
        .expect("the name was inserted if it was not there")
}

//! Who holds: numbers for paths, and the limits along each path.

use crate::{OwnerId, OwnerPath, Quantity};
use std::collections::BTreeMap;
use std::sync::Arc;

/// More owners than this are refused: a ledger remembers every owner that ever held something.
pub(crate) const OWNERS: usize = 1 << 20;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Owner {
    pub(crate) path: OwnerPath,
    /// The owner's own limit, if it has one, and the row that counts it.
    pub(crate) limit: Option<(Arc<[Quantity]>, u32)>,
    /// The rows of all limits along the path, outermost first.
    pub(crate) rows: Vec<u32>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Owners {
    list: Vec<Owner>,
    by_path: BTreeMap<OwnerPath, OwnerId>,
}

impl Owners {
    pub(crate) fn find(&self, path: &OwnerPath) -> Option<OwnerId> {
        self.by_path.get(path).copied()
    }

    pub(crate) fn get(&self, id: OwnerId) -> Option<&Owner> {
        self.list.get(id.number() as usize)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (OwnerId, &Owner)> {
        (0..).map(OwnerId::new).zip(&self.list)
    }

    /// The number that the next owner gets; `None` when there are too many.
    pub(crate) fn next(&self) -> Option<OwnerId> {
        let number = u32::try_from(self.list.len()).ok()?;
        (self.list.len() < OWNERS).then_some(OwnerId::new(number))
    }

    pub(crate) fn add(&mut self, path: OwnerPath) {
        let id = OwnerId::new(u32::try_from(self.list.len()).expect("owners are limited"));
        let rows = self.rows_along(&path);
        self.by_path.insert(path.clone(), id);
        self.list.push(Owner {
            path,
            limit: None,
            rows,
        });
    }

    /// Undoes the [`Owners::add`] that came last and is not undone yet.
    pub(crate) fn unadd(&mut self) {
        if let Some(owner) = self.list.pop() {
            self.by_path.remove(&owner.path);
        }
    }

    /// Sets or lifts a limit, and says whose paths changed.
    pub(crate) fn set_limit(&mut self, id: OwnerId, limit: Option<(Arc<[Quantity]>, u32)>) {
        let place = id.number() as usize;
        self.list[place].limit = limit;
        for place in 0..self.list.len() {
            self.list[place].rows = self.rows_along(&self.list[place].path);
        }
    }

    /// Whether `outer` is `inner` or stands above it.
    pub(crate) fn covers(&self, outer: OwnerId, inner: OwnerId) -> bool {
        let outer = self.list[outer.number() as usize].path.as_str();
        let inner = self.list[inner.number() as usize].path.as_str();
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn rows_along(&self, path: &OwnerPath) -> Vec<u32> {
        let row = |level: &str| {
            let path: OwnerPath = level.parse().ok()?;
            let owner = self.get(self.find(&path)?)?;
            owner.limit.as_ref().map(|(_, row)| *row)
        };
        path.ancestors().filter_map(row).collect()
    }
}

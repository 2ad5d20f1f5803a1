//! How many members with a label, and how many that want to be apart from it, sit in each topology domain.
//!
//! Counted as reservations come and go, so that affinity and anti-affinity are lookups. A reservation without labels
//! and affinities costs nothing here.

use crate::{Label, Labels, Mode, Revision, Terms, Topology};
use std::collections::BTreeMap;

/// A label in one domain of one topology level. The empty level is everywhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Group {
    /// The label that the members bear or avoid.
    pub label: Label,
    /// The level's name, such as `zone`; empty for everywhere.
    pub level: String,
    /// The path down to the domain; empty for everywhere.
    pub domain: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Count {
    /// Members that bear the label.
    pub(crate) members: u64,
    /// Members that must not share the domain with the label.
    pub(crate) averse: u64,
    /// The change that last touched the count.
    pub(crate) version: Revision,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Groups(BTreeMap<Group, Count>);

/// What to do to a count.
#[derive(Clone, Copy)]
pub(crate) enum Sign {
    Plus,
    Minus,
}

impl Groups {
    pub(crate) fn get(&self, group: &Group) -> Count {
        self.0.get(group).copied().unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Group, &Count)> {
        self.0.iter()
    }

    /// Counts `members` more or fewer that bear the label.
    pub(crate) fn count_members(
        &mut self,
        group: Group,
        members: u32,
        sign: Sign,
        version: Revision,
    ) {
        self.change(group, version, |count| {
            sign.apply(&mut count.members, members);
        });
    }

    /// Counts `members` more or fewer that must not share the domain of this level with the label.
    pub(crate) fn count_averse(
        &mut self,
        group: Group,
        members: u32,
        sign: Sign,
        version: Revision,
    ) {
        self.change(group, version, |count| {
            sign.apply(&mut count.averse, members)
        });
    }

    /// Sets a count to what it was.
    pub(crate) fn restore(&mut self, group: Group, count: Count) {
        if count.members == 0 && count.averse == 0 {
            self.0.remove(&group);
        } else {
            self.0.insert(group, count);
        }
    }

    fn change(&mut self, group: Group, version: Revision, change: impl FnOnce(&mut Count)) {
        let count = self.0.entry(group.clone()).or_default();
        change(count);
        count.version = version;
        if count.members == 0 && count.averse == 0 {
            self.0.remove(&group);
        }
    }
}

impl Sign {
    fn apply(self, count: &mut u64, by: u32) {
        *count = match self {
            Self::Plus => *count + u64::from(by),
            Self::Minus => *count - u64::from(by),
        };
    }
}

/// The group of a label without regard to place.
pub(crate) fn everywhere(label: &Label) -> impl Iterator<Item = Group> {
    std::iter::once(Group {
        label: label.clone(),
        level: String::new(),
        domain: String::new(),
    })
}

/// The groups of a label in each domain that a place lies in.
pub(crate) fn domains(label: &Label, place: &Topology) -> impl Iterator<Item = Group> {
    place.domains().map(|(level, domain)| Group {
        label: label.clone(),
        level: level.to_owned(),
        domain: domain.to_owned(),
    })
}

/// Labels one by one.
pub(crate) fn labels(labels: &Labels) -> impl Iterator<Item = Label> {
    labels.iter().map(|(key, value)| Label {
        key: key.to_owned(),
        value: value.to_owned(),
    })
}

/// The groups that work with these terms bears the labels of, at a place.
pub(crate) fn borne(terms: &Terms, place: &Topology) -> impl Iterator<Item = Group> {
    labels(&terms.labels).flat_map(move |label| {
        let here: Vec<Group> = everywhere(&label).chain(domains(&label, place)).collect();
        here
    })
}

/// The groups that work with these terms must not share a domain with, at a place.
pub(crate) fn shunned(terms: &Terms, place: &Topology) -> impl Iterator<Item = Group> {
    let apart = terms
        .affinities
        .iter()
        .filter(|affinity| affinity.mode == Mode::Apart);
    apart.flat_map(move |affinity| {
        let domains = domains(&affinity.label, place);
        domains.filter(|group| group.level == affinity.level)
    })
}

//! Affinity and anti-affinity: whether members keep the company that a request seeks, and that others allow.

use super::groups::{Group, borne, domains, everywhere, labels};
use super::state::State;
use super::suits::Reads;
use super::why::Why;
use crate::{Affinity, Mode, ResourceId, Terms, Topology};
use std::collections::BTreeMap;

/// Whether members on these resources keep the company that the request seeks, and that others allow.
pub(crate) fn company(
    state: &State,
    terms: &Terms,
    sites: impl IntoIterator<Item = (ResourceId, u32)>,
    reads: &mut impl Reads,
) -> Result<(), Why> {
    let mut own = Company::default();
    for (on, members) in sites {
        let standing = state.standing(on).ok_or(Why::UnknownResource(on))?;
        let place = &standing.topology;
        own.admits(state, terms, place, members, reads)?;
        own.add(terms, place, members);
    }
    Ok(())
}

fn apart(group: Group) -> Why {
    Why::Apart {
        label: group.label,
        domain: group.domain,
    }
}

/// Members of the same placement that were looked at before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Company(BTreeMap<Group, u64>);

impl Company {
    pub(crate) fn add(&mut self, terms: &Terms, place: &Topology, members: u32) {
        for group in borne(terms, place) {
            *self.0.entry(group).or_default() += u64::from(members);
        }
    }

    /// Forgets members that were added.
    pub(crate) fn remove(&mut self, terms: &Terms, place: &Topology, members: u32) {
        for group in borne(terms, place) {
            let count = self.0.entry(group).or_default();
            *count = count.saturating_sub(members.into());
        }
    }

    /// Whether `count` members more may sit at a place.
    pub(crate) fn admits(
        &self,
        state: &State,
        terms: &Terms,
        place: &Topology,
        count: u32,
        reads: &mut impl Reads,
    ) -> Result<(), Why> {
        for affinity in &terms.affinities {
            self.check(state, terms, affinity, place, count, reads)?;
        }
        for label in labels(&terms.labels) {
            for group in domains(&label, place) {
                reads.group(&group);
                if state.groups.get(&group).averse > 0 {
                    return Err(apart(group));
                }
            }
        }
        Ok(())
    }

    /// How many members of the same placement are in a group.
    pub(crate) fn own(&self, group: &Group) -> u64 {
        self.0.get(group).copied().unwrap_or(0)
    }

    fn members(&self, state: &State, group: &Group, reads: &mut impl Reads) -> u64 {
        reads.group(group);
        state
            .groups
            .get(group)
            .members
            .saturating_add(self.own(group))
    }

    fn check(
        &self,
        state: &State,
        terms: &Terms,
        affinity: &Affinity,
        place: &Topology,
        count: u32,
        reads: &mut impl Reads,
    ) -> Result<(), Why> {
        let Some(domain) = place.domain(&affinity.level) else {
            // Without a domain there is nobody to be near, and nobody to be apart from.
            return match affinity.mode {
                Mode::Apart => Ok(()),
                Mode::Together => Err(Why::Together {
                    label: affinity.label.clone(),
                    domain: String::new(),
                }),
            };
        };
        let group = Group {
            label: affinity.label.clone(),
            level: affinity.level.clone(),
            domain: domain.to_owned(),
        };
        let members = self.members(state, &group, reads);
        let own = terms.labels.has(&affinity.label);
        match affinity.mode {
            Mode::Apart if members > 0 || (own && count > 1) => Err(apart(group)),
            Mode::Together if members == 0 && !(own && self.is_first(state, affinity, reads)) => {
                Err(Why::Together {
                    label: group.label,
                    domain: group.domain,
                })
            }
            _ => Ok(()),
        }
    }

    /// Whether nobody bears the label yet, so that one that wants its own kind near may start.
    fn is_first(&self, state: &State, affinity: &Affinity, reads: &mut impl Reads) -> bool {
        everywhere(&affinity.label).all(|group| self.members(state, &group, reads) == 0)
    }
}

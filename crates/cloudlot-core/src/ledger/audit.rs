//! A checker apart from the maker: says what is wrong with any state, by counting everything again.

#[cfg(debug_assertions)]
use super::entry::Change;
use super::groups::{Group, domains, everywhere};
#[cfg(debug_assertions)]
use super::holds::Holds;
use super::rows::{Claim, Rows};
use super::state::{Member, State, limited};
use super::timeline::Span;
#[cfg(debug_assertions)]
use crate::OwnerId;
use crate::{Amounts, Mode, ResourceId};
use std::collections::BTreeMap;

/// Something that should never be.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Violation {
    /// What a row says is taken is not what its holders hold.
    #[error("row {row} says {said:?} is taken, its holders hold {counted:?}")]
    Taken {
        /// The row's place.
        row: u32,
        /// What the row says.
        said: Amounts,
        /// What counting gives.
        counted: Amounts,
    },
    /// The number of holders, of confirmed ones, or the timeline of a row is wrong.
    #[error("row {row} does not count its holders or their times right")]
    Head {
        /// The row's place.
        row: u32,
    },
    /// A row contradicts itself.
    #[error("row {row} is not consistent in itself")]
    Row {
        /// The row's place.
        row: u32,
    },
    /// The limit of a row is not what its description says.
    #[error("row {row} allows {said:?}, its description {described:?}")]
    Limit {
        /// The row's place.
        row: u32,
        /// What the row says.
        said: Amounts,
        /// What the description says.
        described: Amounts,
    },
    /// A reservation sits on a resource that is not there.
    #[error("{0} does not exist and is held")]
    Nowhere(ResourceId),
    /// The members of a group are miscounted.
    #[error("group {0:?} is miscounted")]
    Group(Group),
    /// What is handed down from a parent, a name, or the list of children is wrong.
    #[error("{0} does not know its place")]
    Place(ResourceId),
    /// The table of reservations or resources has lost count.
    #[error("the table of {0} has lost count")]
    Table(&'static str),
    /// A reservation has no time left.
    #[error("a reservation spans no time: {0:?}")]
    Time(Span),
}

/// Everything that is wrong with a state; nothing, as it should be.
///
/// Looks at every resource, owner and reservation.
#[must_use]
pub fn audit(state: &State) -> Vec<Violation> {
    let mut found = Vec::new();
    tables(state, &mut found);
    rows(state, &mut found);
    limits(state, &mut found);
    places(state, &mut found);
    groups(state, &mut found);
    found
}

/// The rows that a change touches, asked before it is made.
#[cfg(debug_assertions)]
pub(crate) fn rows_of(state: &State, change: &Change) -> Vec<usize> {
    let mut rows = Vec::new();
    let mut add = |holds: &Holds, owner: OwnerId| {
        rows.extend(holds.iter().map(|hold| hold.resource().index()));
        rows.extend(state.limit_rows(owner).map(|(row, ..)| row));
    };
    if let Change::Reserved { reservation, .. } = change {
        add(reservation.holds(), reservation.owner());
    }
    if let Some(reservation) = super::replay::reservation_of(change).and_then(|id| state.live(id)) {
        add(reservation.holds(), reservation.owner());
        if let Change::Resized { holds, .. } = change {
            add(holds, reservation.owner());
        }
    }
    rows
}

/// Whether rows are consistent in themselves: cheap enough to ask after each step.
#[cfg(debug_assertions)]
pub(crate) fn are_sound(state: &State, rows: &[usize]) -> bool {
    rows.iter().all(|row| state.rows.is_sound(*row))
}

fn tables(state: &State, found: &mut Vec<Violation>) {
    if !state.members.is_sound() {
        found.push(Violation::Table("resources"));
    }
    if !state.reservations.is_sound() {
        found.push(Violation::Table("reservations"));
    }
    let spans = state
        .reservations()
        .map(|(_, reservation)| reservation.span());
    found.extend(spans.filter(|span| span.is_empty()).map(Violation::Time));
}

/// Books every reservation again in an empty table, and compares.
fn rows(state: &State, found: &mut Vec<Violation>) {
    let mut counted = Rows::default();
    for slot in (0..).take(state.members.places()) {
        let limits = state
            .members
            .at(slot)
            .map_or(Amounts::ZERO, |_| state.rows.limits(slot as usize));
        counted.set_limits(slot as usize, &limits);
        counted.head_mut(slot as usize).door = state.rows.head(slot as usize).door;
    }
    for (_, reservation) in state.reservations() {
        for hold in reservation.holds().iter() {
            if state.resource(hold.resource()).is_none() {
                found.push(Violation::Nowhere(hold.resource()));
                continue;
            }
            let head = counted.head_mut(hold.resource().index());
            head.holds += 1;
            head.confirmed += u32::from(reservation.is_confirmed());
            counted.take(
                hold.resource().index(),
                reservation.claim(hold.mask(), hold.values()),
            );
        }
        for (slot, member) in state.members.iter() {
            let Member::Limit { owner, mask } = member else {
                continue;
            };
            if state.owners.covers(*owner, reservation.owner()) {
                let part = limited(&reservation.holds().total(), *mask);
                counted.head_mut(slot.0 as usize).holds += 1;
                let span = reservation.booked();
                counted.take(
                    slot.0 as usize,
                    Claim {
                        mask: part.mask(),
                        values: part.values(),
                        span,
                    },
                );
            }
        }
    }
    for slot in (0..).take(state.members.places()) {
        compare(state, &counted, slot, found);
    }
}

fn compare(state: &State, counted: &Rows, slot: u32, found: &mut Vec<Violation>) {
    let row = slot as usize;
    let (said, counts) = (state.rows.taken(row), counted.taken(row));
    if said != counts {
        found.push(Violation::Taken {
            row: slot,
            said,
            counted: counts,
        });
    }
    if state.rows.head(row) != counted.head(row) {
        found.push(Violation::Head { row: slot });
    }
    if !state.rows.is_sound(row) {
        found.push(Violation::Row { row: slot });
    }
}

fn limits(state: &State, found: &mut Vec<Violation>) {
    for slot in (0..).take(state.members.places()) {
        let described = match state.members.at(slot) {
            Some((_, Member::Resource(standing))) => {
                state.kinds.amounts(standing.resource.limits()).ok()
            }
            Some((_, Member::Limit { owner, .. })) => {
                let limit = state
                    .owners
                    .get(*owner)
                    .and_then(|owner| owner.limit.as_ref());
                limit
                    .filter(|(_, row)| *row == slot)
                    .map(|(limit, _)| state.amounts_of(limit))
            }
            None => Some(Amounts::ZERO),
        };
        let said = state.rows.limits(slot as usize);
        let described = described.unwrap_or_default();
        if said != described {
            found.push(Violation::Limit {
                row: slot,
                said,
                described,
            });
        }
    }
}

fn places(state: &State, found: &mut Vec<Violation>) {
    for (id, standing) in state.standings() {
        let parent = standing.resource.parent().and_then(|name| state.find(name));
        let above = parent.and_then(|parent| state.standing(parent));
        let open = above.is_none_or(|above| above.open) && standing.resource.state().takes_new();
        let known = above
            .is_none_or(|above| above.children.iter().filter(|child| **child == id).count() == 1);
        let stands = above.map_or_else(|| standing.resource.topology(), |above| &above.topology);
        let named = state.find(standing.resource.name()) == Some(id);
        if parent != standing.parent
            || open != standing.open
            || !known
            || !named
            || *stands != standing.topology
            || state
                .rows
                .door(id)
                .is_none_or(|door| (door.open, door.failed) != (standing.open, standing.failed))
        {
            found.push(Violation::Place(id));
        }
    }
}

fn groups(state: &State, found: &mut Vec<Violation>) {
    let mut counted: BTreeMap<Group, (u64, u64)> = BTreeMap::new();
    for (_, reservation) in state.reservations() {
        let Some(terms) = reservation.terms() else {
            continue;
        };
        for hold in reservation.holds().iter() {
            let Some(standing) = state.standing(hold.resource()) else {
                continue;
            };
            let members = u64::from(hold.count());
            for label in super::groups::labels(&terms.labels) {
                for group in everywhere(&label).chain(domains(&label, &standing.topology)) {
                    counted.entry(group).or_default().0 += members;
                }
            }
            for affinity in terms
                .affinities
                .iter()
                .filter(|affinity| affinity.mode == Mode::Apart)
            {
                let domains = domains(&affinity.label, &standing.topology);
                for group in domains.filter(|group| group.level == affinity.level) {
                    counted.entry(group).or_default().1 += members;
                }
            }
        }
    }
    for (group, count) in state.groups.iter() {
        if counted.remove(group) != Some((count.members, count.averse)) {
            found.push(Violation::Group(group.clone()));
        }
    }
    found.extend(counted.into_keys().map(Violation::Group));
}

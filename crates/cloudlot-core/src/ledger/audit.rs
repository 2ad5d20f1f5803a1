//! A checker apart from the maker: says what is wrong with any state, by counting everything again.

use super::charge::limited;
#[cfg(debug_assertions)]
use super::entry::Change;
use super::groups::{Group, domains, everywhere};
#[cfg(debug_assertions)]
use super::holds::Holds;
use super::rows::{Claim, Rows};
use super::state::{Member, State};
use super::timeline::Span;
use crate::{Amounts, Mode, OwnerId, ResourceId, ResourceState};
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
    /// The table of reservations, resources, names or owners has lost count.
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
    if state.by_name.len() != state.standings().count() {
        found.push(Violation::Table("names"));
    }
    if state
        .owners
        .iter()
        .any(|(owner, _)| !knows_its_limits(state, owner))
    {
        found.push(Violation::Table("owners"));
    }
    let spans = state
        .reservations()
        .map(|(_, reservation)| reservation.span());
    found.extend(spans.filter(|span| span.is_empty()).map(Violation::Time));
}

/// Whether an owner's list of limits has exactly those that stand along its path.
fn knows_its_limits(state: &State, owner: OwnerId) -> bool {
    let limits = state
        .members
        .iter()
        .filter_map(|((slot, _), member)| match member {
            Member::Limit { owner: limited, .. } if state.owners.covers(*limited, owner) => {
                Some(slot)
            }
            _ => None,
        });
    let mut known = state
        .owners
        .get(owner)
        .map(|owner| owner.rows.clone())
        .unwrap_or_default();
    known.sort_unstable();
    limits.eq(known)
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
    if !state.rows.head(row).counts_as(counted.head(row)) {
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
        let failed = above.is_some_and(|above| above.failed)
            || standing.resource.state() == ResourceState::Failed;
        let known = above
            .is_none_or(|above| above.children.iter().filter(|child| **child == id).count() == 1);
        let stands = above.map_or_else(|| standing.resource.topology(), |above| &above.topology);
        let named = state.find(standing.resource.name()) == Some(id);
        let told = (parent, open, failed) == (standing.parent, standing.open, standing.failed);
        let door = state
            .rows
            .door(id)
            .map(|door| (door.open, door.failed, door.plain));
        let plain = standing.resource.parent().is_none() && standing.resource.taints().is_empty();
        let shut = door != Some((open, failed, plain));
        if !told || shut || !known || !named || *stands != standing.topology {
            found.push(Violation::Place(id));
        }
        let strangers = standing
            .children
            .iter()
            .filter(|child| state.parent(**child) != Some(id));
        found.extend(strangers.map(|child| Violation::Place(*child)));
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
    // A hold may count for no member, and a group without members is not kept.
    counted.retain(|_, count| *count != (0, 0));
    for (group, count) in state.groups.iter() {
        if counted.remove(group) != Some((count.members, count.averse)) {
            found.push(Violation::Group(group.clone()));
        }
    }
    found.extend(counted.into_keys().map(Violation::Group));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::groups::Sign;
    use crate::ledger::state::Standing;
    use crate::ledger::{Hold, Holds, Ledger};
    use crate::{
        Kind, OwnerPath, Request, ReservationId, Resource, Revision, Timestamp, cores, gpus,
    };

    /// A node with a part in zone a, a limited owner, and two reservations, one of them labelled and booked for later.
    fn state() -> (State, [ResourceId; 2], ReservationId) {
        let now = Timestamp::ZERO;
        let mut ledger = Ledger::new();
        let node = Resource::node("n1")
            .capacity([cores(4)])
            .topology([("zone", "a")]);
        let node = ledger.add(node.build().unwrap(), now).unwrap();
        let part = Resource::node("g1").parent("n1").capacity([gpus(1)]);
        let part = ledger.add(part.build().unwrap(), now).unwrap();
        let owner: OwnerPath = "org".parse().unwrap();
        ledger.set_limit(&owner, [cores(3)], now).unwrap();
        let request = Request::new("open")
            .owner("org/a")
            .part([cores(1)])
            .build()
            .unwrap();
        let open = ledger.reserve(&request, node, now).unwrap().id;
        let later = Request::new("later")
            .part([cores(1)])
            .not_before(Timestamp::from_nanos(5));
        let later = later
            .label("app", "x")
            .anti_affinity("app=y", "zone")
            .build()
            .unwrap();
        ledger.reserve(&later, node, now).unwrap();
        assert_eq!(audit(ledger.state()), []);
        (ledger.state().clone(), [node, part], open)
    }

    /// What the audit finds after one thing was spoilt.
    fn spoilt(spoil: impl FnOnce(&mut State, [ResourceId; 2], ReservationId)) -> Vec<Violation> {
        let (mut state, resources, open) = state();
        spoil(&mut state, resources, open);
        audit(&state)
    }

    fn cpu(amount: u64) -> Amounts {
        Amounts::of([(Kind::CPU, amount)])
    }

    fn claim(values: &[u64], span: Option<Span>) -> Claim<'_> {
        Claim {
            mask: 1,
            values,
            span,
        }
    }

    fn standing(state: &mut State, id: ResourceId) -> &mut Standing {
        match state.members.get_mut((id.slot(), id.generation())) {
            Some(Member::Resource(standing)) => standing,
            _ => panic!("{id} is there"),
        }
    }

    fn label(text: &str) -> crate::Label {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_that_nobody_holds_are_found() {
        let found = spoilt(|state, [node, _], _| state.rows.take(node.index(), claim(&[1], None)));
        assert_eq!(
            found,
            [Violation::Taken {
                row: 0,
                said: cpu(2_001),
                counted: cpu(2_000)
            }]
        );
    }

    #[test]
    fn amounts_that_an_owner_does_not_hold_are_found() {
        let found = spoilt(|state, _, _| state.rows.give(2, claim(&[1], None)));
        assert_eq!(
            found,
            [Violation::Taken {
                row: 2,
                said: cpu(999),
                counted: cpu(1_000)
            }]
        );
    }

    #[test]
    fn amounts_at_a_wrong_time_are_found_though_their_sum_is_right() {
        let found = spoilt(|state, [node, _], _| {
            let later = |from| Some(Span::open(Timestamp::from_nanos(from)));
            state.rows.give(node.index(), claim(&[1_000], later(5)));
            state.rows.take(node.index(), claim(&[1_000], later(6)));
        });
        assert_eq!(found, [Violation::Head { row: 0 }]);
    }

    #[test]
    fn miscounted_holders_are_found() {
        let more = spoilt(|state, [node, _], _| state.rows.head_mut(node.index()).holds += 1);
        assert_eq!(more, [Violation::Head { row: 0 }]);
        let confirmed =
            spoilt(|state, [node, _], _| state.rows.head_mut(node.index()).confirmed = 1);
        assert_eq!(confirmed, [Violation::Head { row: 0 }]);
    }

    #[test]
    fn a_row_that_contradicts_itself_is_found() {
        let found = spoilt(|state, [node, _], _| state.rows.head_mut(node.index()).confirmed = 3);
        assert!(found.contains(&Violation::Row { row: 0 }), "{found:?}");
        let found = spoilt(|state, [_, part], _| state.rows.take(part.index(), claim(&[7], None)));
        assert!(found.contains(&Violation::Row { row: 1 }), "{found:?}");
    }

    #[test]
    fn limits_other_than_described_are_found() {
        let node = spoilt(|state, [node, _], _| state.rows.set_limits(node.index(), &cpu(9)));
        assert_eq!(
            node,
            [Violation::Limit {
                row: 0,
                said: cpu(9),
                described: cpu(4_000)
            }]
        );
        let owner = spoilt(|state, _, _| state.rows.set_limits(2, &cpu(9)));
        assert_eq!(
            owner,
            [Violation::Limit {
                row: 2,
                said: cpu(9),
                described: cpu(3_000)
            }]
        );
    }

    #[test]
    fn a_reservation_on_nothing_is_found() {
        let nowhere = ResourceId::new(40, 0);
        let found = spoilt(|state, _, open| {
            let reservation = state
                .reservations
                .get_mut((open.slot(), open.generation()))
                .unwrap();
            reservation.holds = Holds::one(Hold::new(nowhere, &cpu(1_000)));
        });
        assert!(found.contains(&Violation::Nowhere(nowhere)), "{found:?}");
    }

    #[test]
    fn a_reservation_without_time_is_found() {
        let found = spoilt(|state, _, open| {
            let reservation = state
                .reservations
                .get_mut((open.slot(), open.generation()))
                .unwrap();
            reservation.span.until = reservation.span.from;
        });
        assert!(
            matches!(found.as_slice(), [Violation::Time(_)]),
            "{found:?}"
        );
    }

    #[test]
    fn a_reservation_that_vanished_without_giving_back_is_found() {
        let found = spoilt(|state, _, open| {
            state.reservations.take((open.slot(), open.generation()));
        });
        let taken = |row: &u32| {
            found
                .iter()
                .any(|found| matches!(found, Violation::Taken { row: own, .. } if own == row))
        };
        assert!([0, 2].iter().all(taken), "{found:?}");
    }

    #[test]
    fn members_too_many_too_few_and_elsewhere_are_found() {
        let more = spoilt(|state, [node, _], _| {
            let place = state.standing(node).unwrap().topology.clone();
            let x = label("app=x");
            for group in everywhere(&x).chain(domains(&x, &place)) {
                state
                    .groups
                    .count_members(group, 1, Sign::Plus, Revision::START);
            }
        });
        assert_eq!(more.len(), 3, "{more:?}");
        let fewer = spoilt(|state, [node, _], _| {
            let place = state.standing(node).unwrap().topology.clone();
            let x = label("app=x");
            for group in everywhere(&x).chain(domains(&x, &place)) {
                state
                    .groups
                    .count_members(group, 1, Sign::Minus, Revision::START);
            }
        });
        assert_eq!(fewer.len(), 3, "{fewer:?}");
        let averse = Group {
            label: label("app=y"),
            level: "zone".to_owned(),
            domain: "b".to_owned(),
        };
        let found = spoilt(|state, _, _| {
            state
                .groups
                .count_averse(averse.clone(), 1, Sign::Plus, Revision::START)
        });
        assert_eq!(found, [Violation::Group(averse)]);
    }

    #[test]
    fn a_resource_that_does_not_know_its_place_is_found() {
        type Spoil = fn(&mut State, ResourceId, ResourceId);
        let spoils: [Spoil; 6] = [
            |state, _, part| standing(state, part).open = false,
            |state, _, part| standing(state, part).failed = true,
            |state, _, part| standing(state, part).parent = None,
            |state, _, part| standing(state, part).topology = crate::Topology::default(),
            |state, node, _| standing(state, node).children.clear(),
            |state, _, _| {
                state.by_name.remove("g1");
            },
        ];
        for (n, spoil) in spoils.into_iter().enumerate() {
            let found = spoilt(|state, [node, part], _| spoil(state, node, part));
            assert!(
                found
                    .iter()
                    .any(|found| matches!(found, Violation::Place(_))),
                "{n}: {found:?}"
            );
        }
    }

    #[test]
    fn names_and_parts_of_nothing_are_found() {
        let ghost = ResourceId::new(40, 0);
        let named = spoilt(|state, _, _| {
            state.by_name.insert("ghost".to_owned(), ghost);
        });
        assert_eq!(named, [Violation::Table("names")]);
        let part = spoilt(|state, [node, _], _| standing(state, node).children.push(ghost));
        assert_eq!(part, [Violation::Place(ghost)]);
    }

    #[test]
    fn an_owner_that_forgot_a_limit_is_found() {
        let found = spoilt(|state, _, _| {
            let owner = state.owners.find(&"org".parse().unwrap()).unwrap();
            state.owners.set_limit(owner, None);
        });
        assert!(found.contains(&Violation::Table("owners")), "{found:?}");
        assert!(
            found
                .iter()
                .any(|found| matches!(found, Violation::Limit { row: 2, .. })),
            "{found:?}"
        );
    }
}

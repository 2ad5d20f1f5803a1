//! Where order does not matter.

use super::*;
use cloudlot_core::OwnerPath;
use cloudlot_core::ledger::{Group, Placement};
use proptest::prelude::*;

/// Free, taken at a later moment and holders of each node; what is left of the limit; members by domain.
type Visible = (Vec<(Amounts, Amounts, u32)>, Option<Amounts>, Vec<u64>);

/// What is left everywhere, and how many members with the label there are: all but names and versions.
fn visible(ledger: &Ledger) -> Visible {
    let state = ledger.state();
    let row = |(id, _)| {
        (
            state.free(id),
            state.taken_at(id, at(25)),
            state.hold_count(id),
        )
    };
    let members = ["", "n1", "n2"].map(|domain| {
        let level = if domain.is_empty() { "" } else { "host" };
        state.members(&Group {
            label: "app=x".parse().unwrap(),
            level: level.to_owned(),
            domain: domain.to_owned(),
        })
    });
    (
        state.resources().map(row).collect(),
        state.owner_free(&org()),
        members.to_vec(),
    )
}

fn org() -> OwnerPath {
    owner("org")
}

/// Reservations of many sorts on two nodes: open, timed, labelled, confirmed.
fn crowd(sorts: &[(bool, u64, u64)]) -> (Ledger, Vec<ReservationId>) {
    let (mut ledger, first, second) = two_nodes(1_000);
    ledger.set_limit(&org(), [q(10_000)], at(0)).unwrap();
    let ids = sorts.iter().enumerate().map(|(n, (on, amount, sort))| {
        let request = ask(*amount)
            .owner(format!("org/{}", n % 3))
            .hold_for(secs(1_000));
        let request = match sort {
            0 => request,
            1 => request.label("app", "x"),
            2 => request.window(at(20), at(30)),
            _ => request.not_before(at(25)).label("app", "x"),
        };
        let id = ledger
            .reserve(
                &request.build().unwrap(),
                if *on { first } else { second },
                at(0),
            )
            .unwrap()
            .id;
        if n % 2 == 0 {
            ledger.confirm(id, at(0)).unwrap();
        }
        id
    });
    let ids = ids.collect();
    (ledger, ids)
}

proptest! {
    #[test]
    fn releasing_in_any_order_ends_the_same(
        sorts in proptest::collection::vec((any::<bool>(), 1..9_u64, 0..4_u64), 1..12),
        keys in proptest::collection::vec(any::<u32>(), 12),
        upto in 0..12_usize,
    ) {
        let (mut straight, ids) = crowd(&sorts);
        let mut shuffled = straight.clone();
        let gone = &ids[..upto.min(ids.len())];
        let mut order: Vec<_> = gone.iter().zip(keys).collect();
        order.sort_by_key(|(_, key)| *key);
        for id in gone {
            straight.release(*id, at(1)).unwrap();
        }
        for (id, _) in order {
            shuffled.release(*id, at(1)).unwrap();
        }
        prop_assert_eq!(visible(&straight), visible(&shuffled));
        prop_assert_eq!(straight.next_deadline(), shuffled.next_deadline());
        sound(&shuffled);
    }

    #[test]
    fn plans_on_different_rows_commute(
        sorts in proptest::collection::vec((any::<bool>(), 1..9_u64, 0..4_u64), 0..8),
        amounts in proptest::collection::vec(1..50_u64, 2),
        leave in any::<bool>(),
    ) {
        let (mut ledger, ids) = crowd(&sorts);
        let nodes: Vec<ResourceId> = ledger.state().resources().map(|(id, _)| id).collect();
        let mut view = View::of(&ledger);
        let plans = [0, 1].map(|n| {
            let mut draft = view.draft(at(1));
            let theirs = ids.iter().zip(&sorts).find(|(_, (first, ..))| *first == (n == 0));
            if let Some((id, _)) = theirs.filter(|_| leave) {
                draft.evict(*id, at(1)).unwrap();
            }
            draft.reserve(&want(amounts[n]), &Placement::on(nodes[n])).unwrap();
            draft.finish()
        });
        let checkpoint = ledger.state().clone();
        let both = |ledger: &mut Ledger, order: [usize; 2]| {
            order.map(|n| ledger.commit(&plans[n], at(1)).unwrap().len())
        };
        // Plans are for their own ledger alone: a twin plans the same again for the other order.
        let twin = Ledger::replay(ledger.checkpoint(), &[]).unwrap();
        both(&mut ledger, [0, 1]);
        let mut other = twin;
        let mut view = View::of(&other);
        for n in [1, 0] {
            let mut draft = view.draft(at(1));
            for step in &plans[n].steps {
                match step {
                    cloudlot_core::ledger::Step::Evict { reservation, at } => draft.evict(*reservation, *at).unwrap(),
                    _ => draft.reserve(&want(amounts[n]), &Placement::on(nodes[n])).unwrap(),
                }
            }
            let plan = draft.finish();
            other.commit(&plan, at(1)).unwrap();
            view.sync(&other);
        }
        prop_assert_ne!(ledger.state(), &checkpoint);
        prop_assert_eq!(visible(&ledger), visible(&other));
        sound(&ledger);
        sound(&other);
    }
}

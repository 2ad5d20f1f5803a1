//! Elastic holders: as much as is needed, fairly, and never below what they keep.

use crate::world::{ask, at, cpu, first_fit, keep, nodes, sound, unchanged};
use cloudlot_core::ledger::{Hold, Holds, Ledger, Placement, View, Why};
use cloudlot_core::{Amounts, Kind, Request, ReservationId, ResourceId};
use cloudlot_policy::contention::{Cut, Elastic, redistribute, regrow};
use proptest::prelude::*;

fn amount(n: u64) -> Amounts {
    Amounts::of([(Kind::CPU, n)])
}

/// An elastic holder on one node, in plain numbers.
#[derive(Clone, Debug)]
struct Band {
    node: usize,
    least: u64,
    held: u64,
    most: u64,
    weight: u64,
}

#[derive(Clone, Debug)]
struct World {
    free: Vec<u64>,
    bands: Vec<Band>,
}

fn worlds() -> impl Strategy<Value = World> {
    let band = (0..2_usize, 1..5_u64, 0..8_u64, 0..8_u64, 1..4_u64);
    let band = band.prop_map(|(node, least, more, most, weight)| Band {
        node,
        least,
        held: least + more,
        most: least + more + most,
        weight,
    });
    (
        prop::collection::vec(0..6_u64, 2),
        prop::collection::vec(band, 0..6),
    )
        .prop_map(|(free, bands)| World { free, bands })
}

impl World {
    fn build(&self) -> (Ledger, Vec<ResourceId>, Vec<Elastic>) {
        let on = |node| self.bands.iter().filter(move |band| band.node == node);
        let sizes: Vec<u64> = (0..2)
            .map(|node| self.free[node] + on(node).map(|band| band.held).sum::<u64>() + 1)
            .collect();
        let (mut ledger, ids) = nodes(&sizes);
        // One unit of each node belongs to somebody who cannot shrink.
        for id in &ids {
            keep(&mut ledger, &ask(1, 0), *id, at(0));
        }
        let mut elastic = Vec::new();
        for band in &self.bands {
            let request = Request::new("elastic")
                .elastic([cpu(band.least)], [cpu(band.most)])
                .build()
                .unwrap();
            let shares = Placement::Shares(vec![(ids[band.node], amount(band.held))]);
            let reservation = ledger.place(&request, &shares, at(0)).unwrap().id;
            elastic.push(Elastic {
                reservation,
                least: amount(band.least),
                most: amount(band.most),
                weight: band.weight,
            });
        }
        (ledger, ids, elastic)
    }

    fn held(&self, ledger: &Ledger, elastic: &[Elastic]) -> Vec<u64> {
        elastic
            .iter()
            .map(|one| held(ledger, one.reservation))
            .collect()
    }

    /// While somebody on the node is below its most, nobody above its least has more by weight than that one would have
    /// with one unit more.
    fn is_fair(
        &self,
        node: usize,
        now: &[u64],
        least: impl Fn(usize) -> u64,
        most: impl Fn(usize) -> u64,
    ) -> bool {
        let here: Vec<usize> = (0..now.len())
            .filter(|at| self.bands[*at].node == node)
            .collect();
        here.iter().all(|low| {
            now[*low] >= most(*low)
                || here.iter().all(|high| {
                    now[*high] <= least(*high)
                        || (now[*low] + 1) * self.bands[*high].weight
                            >= now[*high] * self.bands[*low].weight
                })
        })
    }
}

fn held(ledger: &Ledger, id: ReservationId) -> u64 {
    ledger
        .state()
        .reservation(id)
        .unwrap()
        .holds()
        .total()
        .get(Kind::CPU)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn room_is_made_exactly_and_fairly_whenever_it_can_be(world in worlds(), want in 1..25_u64, level in any::<bool>()) {
        let (mut ledger, ids, elastic) = world.build();
        let cut = if level { Cut::Level } else { Cut::Needed };
        let mut view = View::of(&ledger);
        let found = redistribute(&mut view, &ask(want, 0), &elastic, &first_fit, cut, at(1));
        prop_assert!(unchanged(&view, &ledger));
        let spare = |node: usize| {
            let bands = world.bands.iter().filter(|band| band.node == node);
            world.free[node] + bands.map(|band| band.held - band.least).sum::<u64>()
        };
        let possible = (0..2).any(|node| spare(node) >= want);
        prop_assert_eq!(found.is_ok(), possible, "{:?}", found.err());
        let Ok(found) = found else { return Ok(()) };
        ledger.commit(&found.plan, at(1)).unwrap();
        sound(&ledger);

        let roomy = (0..2).any(|node| world.free[node] >= want);
        let before: Vec<u64> = world.bands.iter().map(|band| band.held).collect();
        let after = world.held(&ledger, &elastic);
        let changed: Vec<ReservationId> = (0..after.len()).filter(|at| after[*at] != before[*at]).map(|at| elastic[at].reservation).collect();
        prop_assert_eq!(&found.changed, &changed);
        if roomy {
            prop_assert!(changed.is_empty());
            return Ok(());
        }
        let Placement::Pieces(pieces) = &found.placement else { panic!("one piece") };
        let node = ids.iter().position(|id| *id == pieces[0].on).unwrap();
        let sum = |amounts: &[u64]| (0..amounts.len()).filter(|at| world.bands[*at].node == node).map(|at| amounts[at]).sum::<u64>();
        let left = sum(&before) - (want - world.free[node]);
        let cap = |at: usize| if level { world.bands[at].most } else { before[at] };
        let caps: Vec<u64> = (0..before.len()).map(cap).collect();
        prop_assert_eq!(sum(&after), left.min(sum(&caps)));
        for at in 0..after.len() {
            prop_assert!((world.bands[at].least..=cap(at)).contains(&after[at]));
            prop_assert!(world.bands[at].node == node || after[at] == before[at]);
        }
        prop_assert!(world.is_fair(node, &after, |at| world.bands[at].least, cap), "{before:?} to {after:?}");
    }

    #[test]
    fn what_returns_is_given_back_fairly_and_nobody_loses(world in worlds()) {
        let (mut ledger, ids, elastic) = world.build();
        let before: Vec<u64> = world.bands.iter().map(|band| band.held).collect();
        let plan = regrow(&mut View::of(&ledger), &elastic, at(1));
        ledger.commit(&plan, at(1)).unwrap();
        sound(&ledger);
        let after = world.held(&ledger, &elastic);
        for (node, id) in ids.iter().enumerate() {
            let here = |amounts: &[u64]| (0..amounts.len()).filter(|at| world.bands[*at].node == node).map(|at| amounts[at]).sum::<u64>();
            let most: Vec<u64> = world.bands.iter().map(|band| band.most).collect();
            prop_assert_eq!(here(&after), (here(&before) + world.free[node]).min(here(&most)));
            prop_assert_eq!(ledger.state().free(*id).get(Kind::CPU), here(&before) + world.free[node] - here(&after));
            prop_assert!(world.is_fair(node, &after, |at| before[at], |at| most[at]), "{before:?} to {after:?}");
        }
        prop_assert!(after.iter().zip(&before).all(|(after, before)| after >= before));
        prop_assert!(regrow(&mut View::of(&ledger), &elastic, at(2)).steps.is_empty());
    }
}

#[test]
fn who_holds_on_two_nodes_keeps_its_least_on_both_together() {
    let (mut ledger, ids) = nodes(&[10, 10]);
    let request = Request::new("wide")
        .elastic([cpu(12)], [cpu(20)])
        .build()
        .unwrap();
    let shares = ids.iter().map(|id| (*id, amount(10))).collect();
    let wide = ledger
        .place(&request, &Placement::Shares(shares), at(0))
        .unwrap()
        .id;
    let elastic = [Elastic {
        reservation: wide,
        least: amount(12),
        most: amount(20),
        weight: 1,
    }];
    let mut squeeze = |want| {
        let plan = redistribute(
            &mut View::of(&ledger),
            &ask(want, 0),
            &elastic,
            &first_fit,
            Cut::Needed,
            at(1),
        )?;
        ledger.commit(&plan.plan, at(1)).unwrap();
        sound(&ledger);
        Ok::<u64, Why>(held(&ledger, wide))
    };
    assert_eq!(squeeze(8), Ok(12));
    assert!(matches!(squeeze(1), Err(Why::Full { .. })));
}

#[test]
fn kinds_are_divided_each_by_itself_and_one_may_shrink_while_the_other_grows() {
    let (mut ledger, _) = nodes(&[]);
    let both = |a, b| Amounts::of([(Kind::CPU, a), (Kind::GPU, b)]);
    let offer = [cpu(10), cloudlot_core::Quantity::new(Kind::GPU, 10)];
    let node = cloudlot_core::Resource::node("n0")
        .capacity(offer)
        .build()
        .unwrap();
    let node = ledger.add(node, at(0)).unwrap();
    let mut hold = |a, b| {
        let wish = [cpu(1), cloudlot_core::Quantity::new(Kind::GPU, 1)];
        let most = [cpu(10), cloudlot_core::Quantity::new(Kind::GPU, 10)];
        let request = Request::new("e").elastic(wish, most).build().unwrap();
        let id = ledger
            .place(
                &request,
                &Placement::Shares(vec![(node, both(a, b))]),
                at(0),
            )
            .unwrap()
            .id;
        Elastic {
            reservation: id,
            least: both(1, 1),
            most: both(10, 10),
            weight: 1,
        }
    };
    let elastic = [hold(8, 2), hold(2, 8)];
    let wish = [cpu(2), cloudlot_core::Quantity::new(Kind::GPU, 2)];
    let new = Request::new("new").part(wish).build().unwrap();
    let done = redistribute(
        &mut View::of(&ledger),
        &new,
        &elastic,
        &first_fit,
        Cut::Level,
        at(1),
    )
    .unwrap();
    ledger.commit(&done.plan, at(1)).unwrap();
    for one in elastic {
        assert_eq!(
            ledger
                .state()
                .reservation(one.reservation)
                .unwrap()
                .holds()
                .total(),
            both(4, 4)
        );
    }
    sound(&ledger);
}

#[test]
fn who_is_gone_or_leaving_or_named_twice_gives_nothing() {
    let (mut ledger, ids) = nodes(&[10]);
    let mut hold = |n| {
        let id = keep(&mut ledger, &ask(n, 0), ids[0], at(0));
        Elastic {
            reservation: id,
            least: amount(1),
            most: amount(10),
            weight: 1,
        }
    };
    let [gone, leaving, stays] = [2, 3, 5].map(&mut hold);
    ledger.release(gone.reservation, at(1)).unwrap();
    ledger.evict(leaving.reservation, at(50), at(1)).unwrap();
    let all = [gone, leaving, stays, stays];
    let mut view = View::of(&ledger);
    assert!(redistribute(&mut view, &ask(7, 0), &all, &first_fit, Cut::Needed, at(2)).is_err());
    let done = redistribute(&mut view, &ask(6, 0), &all, &first_fit, Cut::Needed, at(2)).unwrap();
    assert_eq!(done.changed, [stays.reservation]);
    ledger.commit(&done.plan, at(2)).unwrap();
    assert_eq!(held(&ledger, stays.reservation), 1);
}

#[test]
fn growing_stops_at_an_owners_limit() {
    let (mut ledger, ids) = nodes(&[10]);
    ledger
        .set_limit(&"team".parse().unwrap(), [cpu(3)], at(0))
        .unwrap();
    let request = Request::new("e")
        .part([cpu(2)])
        .owner("team")
        .build()
        .unwrap();
    let id = keep(&mut ledger, &request, ids[0], at(0));
    let other = keep(&mut ledger, &ask(2, 0), ids[0], at(0));
    let elastic = [id, other].map(|reservation| Elastic {
        reservation,
        least: amount(1),
        most: amount(9),
        weight: 1,
    });
    let plan = regrow(&mut View::of(&ledger), &elastic, at(1));
    ledger.commit(&plan, at(1)).unwrap();
    assert_eq!((held(&ledger, id), held(&ledger, other)), (2, 5));
    let held = Holds::one(Hold::new(ids[0], &amount(2)));
    assert_eq!(*ledger.state().reservation(id).unwrap().holds(), held);
    sound(&ledger);
}

#[test]
fn what_is_held_above_a_shrunken_capacity_is_made_up_for_first() {
    let (mut ledger, ids) = nodes(&[10]);
    let id = keep(&mut ledger, &ask(9, 0), ids[0], at(0));
    let smaller = cloudlot_core::Resource::node("n0")
        .capacity([cpu(6)])
        .build()
        .unwrap();
    ledger.update(ids[0], smaller, at(1)).unwrap();
    let elastic = [Elastic {
        reservation: id,
        least: amount(1),
        most: amount(9),
        weight: 1,
    }];
    assert!(
        regrow(&mut View::of(&ledger), &elastic, at(1))
            .steps
            .is_empty()
    );
    let mut view = View::of(&ledger);
    assert!(
        redistribute(
            &mut view,
            &ask(6, 0),
            &elastic,
            &first_fit,
            Cut::Needed,
            at(1)
        )
        .is_err()
    );
    let done = redistribute(
        &mut view,
        &ask(2, 0),
        &elastic,
        &first_fit,
        Cut::Needed,
        at(1),
    )
    .unwrap();
    ledger.commit(&done.plan, at(1)).unwrap();
    assert_eq!(held(&ledger, id), 4);
    sound(&ledger);
}

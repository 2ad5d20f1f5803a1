//! The victims of a preemption against every set of victims there is.

use crate::world::{
    Holder, NOW, Wish, World, ask, at, cpu, first_fit, keep, nodes, secs, sound, unchanged, wishes,
    worlds,
};
use cloudlot_core::ledger::{Ledger, View, Why};
use cloudlot_core::{Kind, Priority, Request, ReservationId, Timestamp};
use cloudlot_policy::contention::{
    Allowance, Budget, Considered, Cost, Disruptions, LeastLost, Members, NoRoom, PreemptRules,
    Preempting, Preemption, Verdict, WORK, preempt,
};
use proptest::prelude::*;
use std::num::NonZeroU32;

/// The rules of one case, in plain numbers.
#[derive(Clone, Debug)]
struct Case {
    gap: u32,
    min_run: u64,
    grace: u64,
    /// How many of those with the label may go, of whom one was evicted before if `spent`.
    tagged: Option<u32>,
    spent: bool,
    /// How many of `a` may go in twenty seconds.
    of_a: Option<u32>,
}

fn cases() -> impl Strategy<Value = Case> {
    let budget = || prop::option::weighted(0.3, 0..3_u32);
    let grace = prop_oneof![Just(0_u64), Just(5)];
    (
        prop_oneof![4 => Just(1_u32), 1 => Just(2)],
        prop_oneof![3 => Just(0), 1 => 0..NOW],
        grace,
        budget(),
        any::<bool>(),
        budget(),
    )
        .prop_map(|(gap, min_run, grace, tagged, spent, of_a)| Case {
            gap,
            min_run,
            grace,
            tagged,
            spent,
            of_a,
        })
}

impl Case {
    fn rules(&self) -> PreemptRules {
        let tagged = self.tagged.map(|most| Budget {
            members: Members::Label("app=x".parse().unwrap()),
            allows: Allowance::Down { most },
        });
        let of_a = self.of_a.map(|most| Budget {
            members: Members::Owner("a".parse().unwrap()),
            allows: Allowance::Evictions {
                most,
                within: secs(20),
            },
        });
        PreemptRules {
            gap: NonZeroU32::new(self.gap).unwrap(),
            grace: secs(self.grace),
            min_run: secs(self.min_run),
            budgets: tagged.into_iter().chain(of_a).collect(),
        }
    }

    fn may_go(&self, world: &World, wish: &Wish, holder: &Holder) -> bool {
        wish.priority >= holder.priority + i32::try_from(self.gap).unwrap()
            && holder.since + self.min_run <= NOW
            && holder.nodes.iter().any(|node| world.nodes[*node].open)
    }

    fn allows(&self, victims: &[&Holder]) -> bool {
        let count = |of: fn(&Holder) -> bool| {
            u32::try_from(victims.iter().filter(|holder| of(holder)).count()).unwrap()
        };
        let before = u32::from(self.spent);
        let tagged = count(|holder| holder.tagged);
        let of_a = count(|holder| holder.owner.starts_with('a'));
        // Whoever was evicted before has the label and belongs to `a`. Nobody in a group is no harm to it.
        let within = |count: u32, most: Option<u32>| {
            most.is_none_or(|most| count == 0 || count + before <= most)
        };
        within(tagged, self.tagged) && within(of_a, self.of_a)
    }
}

fn cost(world: &World, victims: &[&Holder]) -> Cost {
    let sum = |of: &dyn Fn(&Holder) -> u128| victims.iter().map(|holder| of(holder)).sum::<u128>();
    let seconds = |holder: &Holder| u128::from(NOW - holder.since) * 1_000_000_000;
    let on = |holder: &Holder| holder.nodes.len() as u128;
    Cost([
        sum(&|holder| u128::try_from(i64::from(holder.priority) + (1 << 31)).unwrap()),
        sum(&|holder| {
            if holder.confirmed {
                on(holder) * u128::from(holder.cpu) * seconds(holder)
            } else {
                0
            }
        }),
        sum(&|holder| {
            let part = |node: &usize| {
                let node = &world.nodes[*node];
                (u128::from(holder.cpu) * 1_000_000 / u128::from(node.cpu))
                    .max(u128::from(holder.mem) * 1_000_000 / u128::from(node.mem))
            };
            holder.nodes.iter().map(part).sum()
        }),
        sum(&seconds),
    ])
}

/// The fewest and then the least cost of all sets of victims that make room; `None` if none does.
fn oracle(world: &World, holders: &[Holder], wish: &Wish, case: &Case) -> Option<(usize, Cost)> {
    let sets = 0..1_u32 << holders.len();
    let best = sets.filter_map(|set| {
        let goes = |at: usize| set & (1 << at) != 0;
        let victims: Vec<&Holder> = (0..holders.len())
            .filter(|at| goes(*at))
            .map(|at| &holders[at])
            .collect();
        let legal = victims
            .iter()
            .all(|holder| case.may_go(world, wish, holder))
            && case.allows(&victims);
        let stay = holders
            .iter()
            .enumerate()
            .filter(|(at, _)| !goes(*at))
            .map(|(_, holder)| holder);
        (legal && world.fits(wish, stay)).then(|| (victims.len(), cost(world, &victims)))
    });
    best.min()
}

/// One member of both groups was evicted a second ago and is still away.
fn history(case: &Case) -> Disruptions {
    let mut past = Disruptions::new();
    if case.spent {
        let (mut other, ids) = nodes(&[1, 1]);
        let both = |node: usize| {
            let request = Request::new("gone")
                .part([cpu(1)])
                .owner("a/y")
                .label("app", "x");
            (request.build().unwrap(), ids[node])
        };
        let (request, on) = both(1);
        let gone = keep(&mut other, &request, on, at(0));
        past.note(
            other.state(),
            ReservationId::new(gone.slot(), 99),
            at(NOW - 1),
        )
        .unwrap_err();
        past.note(other.state(), gone, at(NOW - 1)).unwrap();
    }
    past
}

fn find(
    view: &mut View,
    request: &Request,
    rules: &PreemptRules,
    past: &Disruptions,
) -> Result<Preemption, NoRoom> {
    let how = Preempting {
        place: &first_fit,
        cost: &LeastLost,
        rules,
        disruptions: past,
        work: WORK,
    };
    preempt(view, request, request.priority(), &how, at(NOW))
}

/// Nobody else gets what was made free, before or after, and what is left can be had.
fn nobody_else(ledger: &Ledger, done: &Preemption, left: &[(u64, u64)]) {
    let starts = done.starts;
    for (node, (left, _)) in left.iter().enumerate() {
        let on = ledger.state().find(&format!("n{node}")).unwrap();
        if !ledger.state().takes_new(on) {
            continue;
        }
        let before = Timestamp::from_nanos(starts.as_nanos() - 1);
        for now in [at(NOW), before.max(at(NOW)), starts] {
            let more = ledger.clone().reserve(&ask(left + 1, 9), on, now);
            assert!(
                matches!(more, Err(Why::Full { .. } | Why::Unsuitable { .. })),
                "{more:?} on n{node} at {now:?}"
            );
        }
        if *left > 0 {
            ledger.clone().reserve(&ask(*left, 0), on, starts).unwrap();
        }
    }
}

/// What `done` says about every holder, against the plain rules.
fn verdicts_are_right(
    done: &[Considered],
    victims: &[ReservationId],
    world: &World,
    there: &[(ReservationId, Holder)],
    wish: &Wish,
    case: &Case,
) {
    let ids: Vec<ReservationId> = done.iter().map(|one| one.reservation).collect();
    let mut all: Vec<ReservationId> = there.iter().map(|(id, _)| *id).collect();
    all.sort_unstable();
    assert_eq!(ids, all);
    for one in done {
        let (_, holder) = there.iter().find(|(id, _)| *id == one.reservation).unwrap();
        let may = case.may_go(world, wish, holder);
        match one.verdict {
            Verdict::Victim => assert!(victims.contains(&one.reservation) && may),
            Verdict::Spared => assert!(!victims.contains(&one.reservation) && may),
            Verdict::Priority { has } => {
                assert_eq!(has, Priority(holder.priority));
                assert!(wish.priority < holder.priority + i32::try_from(case.gap).unwrap());
            }
            Verdict::Young { until } => {
                assert_eq!(until, at(holder.since + case.min_run));
                assert!(until > at(NOW));
            }
            Verdict::FreesNothing => {
                assert!(holder.nodes.iter().all(|node| !world.nodes[*node].open))
            }
            Verdict::Budget { .. } => assert!(may && !case.allows(&[holder])),
            Verdict::Leaving => panic!("nobody was told to go"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_500))]
    #[test]
    fn the_victims_are_the_fewest_then_the_cheapest_of_all_that_make_room(
        world in worlds(), wish in wishes(), case in cases(),
    ) {
        let (mut ledger, there) = world.build();
        let holders: Vec<Holder> = there.iter().map(|(_, holder)| holder.clone()).collect();
        let mut view = View::of(&ledger);
        let request = wish.request();
        let found = find(&mut view, &request, &case.rules(), &history(&case));
        prop_assert!(unchanged(&view, &ledger));
        let expected = oracle(&world, &holders, &wish, &case);
        match (found, expected) {
            (Ok(done), Some((count, cost))) => {
                prop_assert!(done.proven);
                prop_assert_eq!((done.victims.len(), done.cost), (count, if count == 0 { Cost::ZERO } else { cost }));
                if count > 0 {
                    prop_assert_eq!(done.starts, at(NOW + case.grace));
                    verdicts_are_right(&done.considered, &done.victims, &world, &there, &wish, &case);
                }
                let grants = ledger.commit(&done.plan, at(NOW)).unwrap();
                sound(&ledger);
                let new = ledger.state().reservation(grants[0].id).unwrap();
                prop_assert_eq!(new.span().from, done.starts);
                prop_assert_eq!(new.holds().total(), ledger.state().kinds().amounts(&request.need().parts()[0].amounts).unwrap().checked_mul(wish.members.into()).unwrap());
                let stay = there.iter().filter(|(id, _)| !done.victims.contains(id)).map(|(_, holder)| holder);
                let mut left = world.free(stay);
                for hold in new.holds().iter() {
                    let name = ledger.state().resource(hold.resource()).unwrap().name();
                    let node: usize = name[1..].parse().unwrap();
                    left[node].0 -= hold.amounts().get(Kind::CPU);
                    left[node].1 -= hold.amounts().get(Kind::MEMORY);
                }
                nobody_else(&ledger, &done, &left);
                // At the start, the victims are gone and the newcomer is there.
                ledger.expire(done.starts);
                for victim in &done.victims {
                    prop_assert!(ledger.state().reservation(*victim).is_none());
                }
                ledger.confirm(grants[0].id, done.starts).unwrap();
            }
            (Err(no), None) => {
                prop_assert!(no.proven);
                prop_assert!(no.considered.iter().all(|one| one.verdict != Verdict::Victim));
                verdicts_are_right(&no.considered, &[], &world, &there, &wish, &case);
            }
            (found, expected) => prop_assert!(false, "found {found:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn a_gang_in_a_large_cluster_takes_whole_nodes_rather_than_a_little_everywhere() {
    // Forty nodes: on the even ones one large holder, on the odd ones four small and less urgent ones.
    let (mut ledger, ids) = nodes(&[8; 40]);
    let mut large = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        if n % 2 == 0 {
            large.push(keep(&mut ledger, &ask(8, 1), *id, at(0)));
        } else {
            for _ in 0..4 {
                keep(&mut ledger, &ask(2, 0), *id, at(0));
            }
        }
    }
    let gang = Request::new("gang")
        .parts(5, [cpu(8)])
        .priority(9)
        .build()
        .unwrap();
    let rules = PreemptRules::default();
    let done = find(&mut View::of(&ledger), &gang, &rules, &Disruptions::new()).unwrap();
    assert_eq!(done.victims.len(), 5);
    assert!(done.victims.iter().all(|victim| large.contains(victim)));
    ledger.commit(&done.plan, at(NOW)).unwrap();
    sound(&ledger);
}

//! Who lends what to whom, and who gets it back when.

use crate::world::*;
use cloudlot_core::{Resource, ResourceId, ResourceState, cores};
use cloudlot_policy::pool::{
    Advice, Demand, Growth, Leaving, Lending, MemberError, PoolId, PoolSpec, PoolStep, StepError,
};

/// A lender with four members, of which it needs none but its core of one, and a borrower with its core of one in use.
fn pair() -> (World, PoolId, PoolId) {
    let (mut world, lender) = World::with(elastic(1, 4));
    let borrower = world.open(spec("borrower", elastic(1, 4)));
    world.tick(&[(lender, busy(4))], 1);
    world.fill(borrower, 1, 1);
    (world, lender, borrower)
}

/// A demand for so many whole members.
fn busy(members: u64) -> Demand {
    match members {
        0 => Demand::default(),
        members => Demand::used([cores(8 * members)]),
    }
}

fn lent(world: &World, home: PoolId) -> u32 {
    world.counts(home).lent
}

#[test]
fn what_one_pool_can_spare_goes_to_one_that_misses_before_anything_is_made() {
    let (mut world, lender, borrower) = pair();
    let last = world.find("made-4");
    let steps = world.tick(&[(lender, busy(0)), (borrower, busy(2))], 2);
    assert_eq!(
        steps,
        [PoolStep::Lend {
            member: last,
            to: borrower
        }]
    );
    // Three more than its core: the lender keeps its core, and only the fifth member has to be made... by nobody, since a
    // loan counts against the borrower's most.
    let steps = world.tick(&[(lender, busy(0)), (borrower, busy(9))], 3);
    assert_eq!(steps.len(), 2);
    assert_eq!((lent(&world, lender), world.counts(borrower).all()), (3, 4));
    assert_eq!(world.counts(lender).serving, 1);
    world.check();
}

#[test]
fn a_loan_goes_home_at_once_when_it_is_idle_and_not_needed() {
    let (mut world, lender, borrower) = pair();
    let demands = [(lender, busy(0)), (borrower, busy(2))];
    world.tick(&demands, 2);
    let lease = world.fill(borrower, 1, 3)[0];
    let loan = world.place(lease);
    assert_eq!(world.pools.member(loan).unwrap().home, lender);
    // In use, though no longer needed.
    assert_eq!(world.tick(&[(lender, busy(0)), (borrower, busy(1))], 4), []);
    world.release(lease, 5);
    let steps = world.tick(&[(lender, busy(0)), (borrower, busy(1))], 5);
    assert_eq!(steps, [PoolStep::Return { member: loan }]);
    world.check();
}

#[test]
fn a_pool_that_misses_gets_its_idle_loans_back_though_they_are_of_use_elsewhere() {
    let (mut world, lender, borrower) = pair();
    world.tick(&[(lender, busy(0)), (borrower, busy(4))], 2);
    let steps = world.tick(&[(lender, busy(3)), (borrower, busy(4))], 3);
    let back = |step: &&PoolStep| matches!(step, PoolStep::Return { .. });
    let made = |step: &&PoolStep| matches!(step, PoolStep::Add { pool, .. } if *pool == borrower);
    assert_eq!(steps.iter().filter(back).count(), 2);
    assert_eq!(steps.iter().filter(made).count(), 2);
    assert_eq!((lent(&world, lender), world.counts(lender).serving), (1, 3));
    world.check();
}

#[test]
fn loans_in_use_are_called_back_when_none_can_be_made_and_lose_nothing() {
    let (mut world, lender, borrower) = pair();
    world.tick(&[(lender, busy(0)), (borrower, busy(4))], 2);
    let leases = world.fill(borrower, 3, 3);
    let steps = world.tick(&[(lender, busy(3)), (borrower, busy(4))], 4);
    let drained: Vec<ResourceId> = steps.iter().filter_map(PoolStep::member).collect();
    assert_eq!(drained.len(), 2);
    assert!(steps.iter().all(|step| {
        matches!(
            step,
            PoolStep::Drain {
                why: Leaving::Reclaimed,
                ..
            }
        )
    }));
    assert_eq!(world.ledger.state().reservation_count(), 4);
    assert!(
        drained
            .iter()
            .all(|id| !world.ledger.state().takes_new(*id))
    );
    // As each becomes free it comes home, and takes new work there.
    for lease in leases {
        let place = world.place(lease);
        world.release(lease, 5);
        world.tick(&[(lender, busy(3)), (borrower, busy(1))], 5);
        let home = world.pools.member(place).unwrap();
        assert_eq!(home.user, lender);
        assert!(world.ledger.state().takes_new(place));
        world.check();
    }
    assert_eq!(world.counts(lender).serving, 4);
}

#[test]
fn a_lender_below_its_most_makes_members_rather_than_wait_for_loans_in_use() {
    let (mut world, lender) = World::with(elastic(1, 6));
    let borrower = world.open(spec("borrower", elastic(1, 4)));
    world.tick(&[(lender, busy(3))], 1);
    world.tick(&[(lender, busy(0)), (borrower, busy(3))], 2);
    world.fill(borrower, 3, 3);
    let steps = world.tick(&[(lender, busy(2)), (borrower, busy(3))], 4);
    assert!(matches!(steps[..], [PoolStep::Add { pool, .. }] if pool == lender));
}

#[test]
fn a_pool_keeps_what_its_own_target_calls_for() {
    let (mut world, lender, borrower) = pair();
    let demands = [(lender, busy(4)), (borrower, busy(2))];
    let steps = world.tick(&demands, 2);
    assert!(matches!(steps[..], [PoolStep::Add { pool, .. }] if pool == borrower));
}

#[test]
fn without_evidence_that_it_can_spare_any_a_pool_lends_none() {
    let (mut world, lender, borrower) = pair();
    let steps = world.tick(&[(borrower, busy(2))], 2);
    assert!(matches!(steps[..], [PoolStep::Add { .. }]));
    assert_eq!(lent(&world, lender), 0);
}

#[test]
fn a_request_that_finds_no_room_may_be_lent_what_a_pool_only_keeps_in_reserve() {
    let (mut world, lender) = World::with(dynamic(1, 8));
    let borrower = world.open(spec("borrower", fixed(1)));
    let other = world.open(spec("other", elastic(0, 1)));
    // Four members for three in use: one in reserve, which a plan leaves alone.
    let demands = [(lender, busy(3)), (other, busy(0))];
    world.tick(&demands, 1);
    world.fill(lender, 3, 1);
    world.fill(borrower, 1, 1);
    let miss = world.reserve_in(other, 8, 2).unwrap_err();
    let spare = world.find("made-4");
    assert_eq!(
        miss.help,
        [PoolStep::Lend {
            member: spare,
            to: other
        }]
    );
    world.carry_out(&miss.help, 2);
    let lease = world.reserve_in(other, 8, 2).unwrap();
    assert_eq!(world.place(lease), spare);
    // A static pool takes no part, so that it has to wait.
    let miss = world.reserve_in(borrower, 8, 2).unwrap_err();
    assert_eq!((miss.advice, miss.help), (Advice::Queue, vec![]));
    world.check();
}

#[test]
fn no_pool_lends_on_what_it_borrowed_nor_borrows_while_it_lends() {
    let (mut world, first, second) = pair();
    let third = world.open(spec("third", elastic(1, 4)));
    world.tick(&[(first, busy(0)), (second, busy(3))], 2);
    let loan = world.find("made-4");
    let refuse = |world: &mut World, member, to, why: StepError| {
        let report = world.carry_out(&[PoolStep::Lend { member, to }], 3);
        assert_eq!(report.failed[0].1, why.into());
    };
    let (member, user) = (loan, second);
    refuse(
        &mut world,
        loan,
        third,
        MemberError::Lent { member, user }.into(),
    );
    let own = world.pools.used_by(third).next().unwrap();
    refuse(&mut world, own, first, StepError::Chain(first));
    world.tick(&[(first, busy(0)), (second, busy(3)), (third, busy(3))], 4);
    assert_eq!(world.counts(third).borrowed, 1);
    // The second has nothing that it could lend on, and may not.
    let (own, home) = (world.find("made-1"), second);
    assert_eq!(world.pools.member(own).unwrap().home, home);
    world.check();
}

#[test]
fn the_core_is_not_lent_nor_what_is_in_use_nor_what_does_not_suit() {
    let (mut world, lender, borrower) = pair();
    let picky = PoolSpec::new(
        "picky",
        Resource::node("sample")
            .capacity([cores(9)])
            .build()
            .unwrap(),
        elastic(0, 4),
    );
    let picky = world.open(PoolSpec {
        growth: Growth::Enrolled,
        ..picky
    });
    let closed = world.open(PoolSpec {
        lending: Lending::Off,
        ..spec("closed", elastic(0, 4))
    });
    let still = world.open(spec("static", fixed(1)));
    let mut leases = world.fill(lender, 2, 2);
    let in_use = world.place(leases.remove(1));
    let (core, free) = (world.find("made-0"), world.find("made-4"));
    world.release(leases.remove(0), 2);
    let mut refused = |member, to| {
        let report = world.carry_out(&[PoolStep::Lend { member, to }], 3);
        report.failed.into_iter().next().map(|(_, why)| why)
    };
    let holds = 1;
    let expected = MemberError::InUse {
        member: in_use,
        holds,
    };
    assert_eq!(
        refused(in_use, borrower),
        Some(StepError::from(expected).into())
    );
    assert_eq!(refused(core, borrower), Some(StepError::Core(core).into()));
    let misfit = MemberError::Misfit {
        member: free,
        pool: picky,
    };
    assert_eq!(refused(free, picky), Some(StepError::from(misfit).into()));
    let home = lender;
    for to in [closed, still, lender] {
        assert_eq!(
            refused(free, to),
            Some(StepError::Lending { home, to }.into())
        );
    }
    assert_eq!(refused(free, borrower), None);
    world.check();
}

#[test]
fn a_dynamic_pool_lends_no_more_than_leaves_its_least() {
    let (mut world, lender) = World::with(dynamic(2, 4));
    let borrower = world.open(spec("borrower", dynamic(0, 4)));
    world.tick(&[(lender, busy(3))], 1);
    world.tick(&[(lender, busy(0)), (borrower, busy(3))], 2);
    assert_eq!((lent(&world, lender), world.counts(lender).serving), (2, 2));
    let member = world.pools.used_by(lender).next().unwrap();
    let report = world.carry_out(
        &[PoolStep::Lend {
            member,
            to: borrower,
        }],
        3,
    );
    let (pool, least) = (lender, 2);
    let too_few = MemberError::TooFew { pool, least };
    assert_eq!(report.failed[0].1, StepError::from(too_few).into());
}

#[test]
fn who_misses_most_is_lent_to_first() {
    let (mut world, lender) = World::with(elastic(0, 3));
    let few = world.open(spec("few", elastic(0, 9)));
    let many = world.open(spec("many", elastic(0, 9)));
    world.tick(&[(lender, busy(3))], 1);
    world.tick(&[(lender, busy(0)), (few, busy(1)), (many, busy(3))], 2);
    assert_eq!(
        (world.counts(few).borrowed, world.counts(many).borrowed),
        (1, 2)
    );
    world.check();
}

#[test]
fn a_loan_that_is_no_longer_missed_at_home_is_not_called_back_any_more() {
    let (mut world, lender, borrower) = pair();
    world.tick(&[(lender, busy(0)), (borrower, busy(4))], 2);
    let leases = world.fill(borrower, 3, 3);
    assert_eq!(
        world
            .tick(&[(lender, busy(3)), (borrower, busy(4))], 4)
            .len(),
        2
    );
    // One is still missed.
    let steps = world.tick(&[(lender, busy(2)), (borrower, busy(4))], 5);
    assert!(matches!(steps[..], [PoolStep::Reopen { .. }]));
    // Nothing is known of the home: nothing changes.
    assert_eq!(world.tick(&[(borrower, busy(4))], 6), []);
    world.tick(&[(lender, busy(1)), (borrower, busy(4))], 7);
    let places = leases.iter().map(|lease| world.place(*lease));
    assert!(
        places
            .into_iter()
            .all(|id| world.ledger.state().takes_new(id))
    );
    world.check();
}

#[test]
fn a_loan_that_was_called_back_and_is_free_helps_who_finds_no_room_at_home() {
    let (mut world, lender, borrower) = pair();
    world.fill(lender, 1, 1);
    world.tick(&[(lender, busy(1)), (borrower, busy(4))], 2);
    let lease = world.fill(borrower, 3, 3)[0];
    world.tick(&[(lender, busy(4)), (borrower, busy(4))], 4);
    let member = world.place(lease);
    world.release(lease, 5);
    let miss = world.reserve_in(lender, 8, 5).unwrap_err();
    assert_eq!(miss.help, [PoolStep::Return { member }]);
    world.carry_out(&miss.help, 5);
    let lease = world.reserve_in(lender, 8, 5).unwrap();
    assert_eq!(world.place(lease), member);
}

#[test]
fn who_has_to_give_up_a_loan_keeps_whom_it_was_about_to_lose() {
    let (mut world, lender) = World::with(elastic(1, 2));
    let borrower = world.open(spec("borrower", elastic(2, 3)));
    world.tick(&[(lender, busy(2))], 1);
    world.tick(&[(lender, busy(0)), (borrower, busy(3))], 2);
    let leases = world.fill(borrower, 3, 3);
    let own = world.place(leases[0]);
    assert_eq!(world.pools.member(own).unwrap().home, borrower);
    let why = Leaving::Surplus;
    world.carry_out(&[PoolStep::Drain { member: own, why }], 4);
    let steps = world.tick(&[(lender, busy(2))], 5);
    assert!(
        matches!(steps[..], [PoolStep::Drain { .. }, PoolStep::Reopen { member }] if member == own)
    );
}

#[test]
fn a_loan_that_an_operator_closed_goes_home_when_it_is_free() {
    let (mut world, lender, borrower) = pair();
    let demands = [(lender, busy(0)), (borrower, busy(2))];
    world.tick(&demands, 2);
    let lease = world.fill(borrower, 1, 3)[0];
    let member = world.place(lease);
    (world.ledger)
        .set_state(member, ResourceState::Maintenance, at(4))
        .unwrap();
    world.tick(&demands, 4);
    assert_eq!(world.pools.member(member).unwrap().user, borrower);
    world.release(lease, 5);
    assert!(
        world
            .tick(&demands, 5)
            .contains(&PoolStep::Return { member })
    );
    // It is there for when it is opened again.
    assert_eq!(world.pools.member(member).unwrap().home, lender);
    assert!(!world.ledger.state().takes_new(member));
    world.check();
}

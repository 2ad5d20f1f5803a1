//! The queue against a naive one that ranks everybody anew at every turn.

use crate::world::{at, engine, job};
use cloudlot_core::{Amounts, Kind, Request};
use cloudlot_policy::accounts::Accounts;
use cloudlot_policy::engine::Allocator;
use cloudlot_policy::order::{
    Books, DecayedUsage, F1, Fair, Fifo, Order, Precedence, PriorityFirst, Rank, Share,
    ShortestFirst,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const OWNERS: [&str; 7] = ["a", "b", "c/x", "c/y", "c/y/p", "c/y/q", "b/z"];

#[derive(Clone, Debug)]
struct Waiting {
    number: u64,
    request: Request,
    rank: Rank,
}

/// Who is next: at each level the lowest key among the owner's own requests and the owners below it.
fn next(order: &dyn Order, books: &Books<'_>, waiting: &[Waiting]) -> Option<u64> {
    descend(order, books, "", &waiting.iter().collect::<Vec<_>>()).map(|first| first.number)
}

fn descend<'a>(
    order: &dyn Order,
    books: &Books<'_>,
    owner: &str,
    waiting: &[&'a Waiting],
) -> Option<&'a Waiting> {
    let depth = if owner.is_empty() { 0 } else { owner.len() + 1 };
    let (mut own, mut below) = (Vec::new(), BTreeMap::<&str, Vec<&Waiting>>::new());
    for it in waiting {
        let path = it.request.owner().as_str();
        match path.get(depth..) {
            None | Some("") => own.push(*it),
            Some(rest) => {
                let name = rest.split('/').next().unwrap();
                below
                    .entry(&path[..depth + name.len()])
                    .or_default()
                    .push(it);
            }
        }
    }
    let key = |share: Share, first: &Waiting| match order.precedence() {
        Precedence::Share => (share.0, first.rank.0, 0, first.number),
        Precedence::Rank => (0, first.rank.0, share.0, first.number),
    };
    let own = own.into_iter().map(|it| (key(Share::default(), it), it));
    let below = below.into_iter().filter_map(|(path, list)| {
        let account = books.accounts.find(&path.parse().unwrap()).unwrap();
        let first = descend(order, books, path, &list)?;
        Some((key(order.share(books, account), first), first))
    });
    own.chain(below)
        .min_by_key(|(key, _)| *key)
        .map(|(_, it)| it)
}

/// An order that is shared between an allocator and the naive queue.
#[derive(Clone)]
struct Shared(Arc<dyn Order>);

impl Order for Shared {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn rank(&self, request: &Request, since: cloudlot_core::Timestamp) -> Rank {
        self.0.rank(request, since)
    }

    fn share(&self, books: &Books<'_>, account: cloudlot_policy::accounts::AccountId) -> Share {
        self.0.share(books, account)
    }

    fn precedence(&self) -> Precedence {
        self.0.precedence()
    }

    fn is_timed(&self) -> bool {
        self.0.is_timed()
    }
}

fn orders() -> Vec<Shared> {
    let weighted = Fair::drf().weight("c".parse().unwrap(), 3).by_priority();
    let all: [Arc<dyn Order>; 8] = [
        Arc::new(Fifo),
        Arc::new(ShortestFirst),
        Arc::new(F1),
        Arc::new(PriorityFirst::default()),
        Arc::new(PriorityFirst::strict()),
        Arc::new(Fair::drf()),
        Arc::new(weighted),
        Arc::new(DecayedUsage::new()),
    ];
    all.into_iter().map(Shared).collect()
}

proptest! {
    #[test]
    fn the_order_of_service_is_that_of_ranking_everybody_at_every_turn(
        which in 0..8_usize,
        arrivals in proptest::collection::vec((0..7_usize, 0..4_u64, 1..4_u64, 0..3_i32), 1..40),
        seats in 1..40_u64,
    ) {
        let order = orders()[which].clone();
        let mut engine = engine(Allocator::builder().order(order.clone()).build(), &[1_000]);
        let mut naive = Accounts::default();
        let mut waiting = Vec::new();
        let mut now = 0;
        for (n, (owner, gap, cores, priority)) in arrivals.iter().enumerate() {
            now += gap;
            let request = job(&format!("job-{n}"), OWNERS[*owner], *cores)
                .priority(*priority)
                .expected(Duration::from_secs(*cores * 10))
                .build()
                .unwrap();
            naive.account(request.owner());
            let ticket = engine.submit(request.clone(), at(now)).unwrap();
            let rank = order.rank(&request, at(now));
            prop_assert_eq!(rank, order.rank(&request, at(now)));
            waiting.push(Waiting { number: ticket.number(), request, rank });
        }
        // Room for everybody: only the order is in question. Some leave the queue before.
        for number in (0..waiting.len() as u64).filter(|number| number % 7 == seats % 7) {
            let place = waiting.iter().position(|it| it.number == number).unwrap();
            let gone = engine.waiting().find(|(ticket, _)| ticket.number() == number).unwrap().0;
            prop_assert!(engine.cancel(gone).is_some());
            waiting.remove(place);
        }
        let capacity = engine.state().limit(engine.state().find("n0").unwrap());
        let kinds = engine.state().kinds().clone();
        let mut expected = Vec::new();
        loop {
            let books = Books { accounts: &naive, capacity: &capacity, kinds: &kinds, now: at(now) };
            let Some(number) = next(&order, &books, &waiting) else { break };
            expected.push(number);
            let place = waiting.iter().position(|it| it.number == number).unwrap();
            let request = waiting.remove(place).request;
            let cores = request.need().parts()[0].amounts.get(&"cpu".parse().unwrap());
            let account = naive.account(request.owner());
            naive.charge(account, &Amounts::of([(Kind::CPU, cores)]), at(now));
        }
        let granted = engine.step(at(now)).granted;
        prop_assert_eq!(granted.iter().map(|(ticket, _)| ticket.number()).collect::<Vec<_>>(), expected);
    }
}

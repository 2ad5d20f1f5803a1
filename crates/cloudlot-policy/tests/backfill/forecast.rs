//! The time axis with estimates: the earliest start is the first that the ledger would grant, and what is planned to start may start.

use crate::world::{END, World, asks, at, estimates};
use cloudlot_core::Amounts;
use cloudlot_policy::backfill::{Config, FirstFit, Forecast, Mode, Waiting, plan};
use proptest::prelude::*;

proptest! {
    #[test]
    fn the_earliest_start_is_the_first_that_the_ledger_grants_and_estimates_allow(
        nodes in proptest::collection::vec([1..8_u64, 1..8_u64], 1..3),
        claims in proptest::collection::vec(asks(1..2), 0..10), ask in asks(1..4), now in 6..14_u64,
    ) {
        let now = 2 * now + 1;
        if ask.until.is_some_and(|until| until < now) {
            return Ok(());
        }
        let mut world = World::new(&nodes, &claims);
        world.ledger.expire(at(now));
        let forecast = Forecast::new(world.ledger.state(), at(now), estimates());
        let request = ask.request(ask.members);
        let found = forecast.earliest(&request, &mut FirstFit);
        let expected = world.earliest(&ask, now);
        prop_assert_eq!(found.as_ref().ok().map(|slot| slot.at), expected.map(at));
        let Ok(slot) = found else { return Ok(()) };
        prop_assert_eq!(Some(slot.until), ask.end(expected.unwrap()).map(at));
        prop_assert!(forecast.fits(&request, slot.at, &slot.placement));
        let due = forecast.at_once(&request, &mut FirstFit);
        prop_assert_eq!(due.as_ref(), Some(&slot).filter(|slot| slot.at == at(now)));
        if due.is_some() {
            prop_assert!(world.ledger.place(&request, &slot.placement, at(now)).is_ok());
        }
    }

    #[test]
    fn bookings_that_are_taken_back_leave_no_trace(
        claims in proptest::collection::vec(asks(1..2), 0..6), queue in proptest::collection::vec(asks(1..3), 1..6),
    ) {
        let world = World::new(&[[6, 6], [4, 8]], &claims);
        let mut forecast = Forecast::new(world.ledger.state(), at(13), estimates());
        let free = |forecast: &Forecast<'_>| {
            let on = world.nodes.iter().map(|(id, _)| *id);
            on.flat_map(|id| (13..END).map(move |tick| (id, tick)))
                .map(|(id, tick)| forecast.free(id, at(tick)))
                .collect::<Vec<Amounts>>()
        };
        let before = free(&forecast);
        let mark = forecast.mark();
        for ask in &queue {
            let request = ask.request(ask.members);
            let Ok(slot) = forecast.earliest(&request, &mut FirstFit) else { continue };
            forecast.book(&request, &slot);
            prop_assert!(before != free(&forecast));
        }
        forecast.rollback(mark);
        prop_assert_eq!(before, free(&forecast));
    }

    #[test]
    fn what_is_planned_to_start_is_granted(
        claims in proptest::collection::vec(asks(1..2), 0..8), queue in proptest::collection::vec(asks(1..4), 1..8),
        mode in prop_oneof![Just(Mode::Strict), Just(Mode::Easy), Just(Mode::Conservative { depth: 3 })],
    ) {
        let mut world = World::new(&[[6, 6], [4, 8]], &claims);
        world.ledger.expire(at(13));
        let requests: Vec<_> = queue.iter().map(|ask| ask.request(ask.members)).collect();
        let waiting: Vec<Waiting<'_>> = requests.iter().map(Waiting::from).collect();
        let config = Config { estimates: estimates(), ..Config::new(mode) };
        let schedule = plan(world.ledger.state(), &waiting, at(13), &config, &mut FirstFit);
        for start in &schedule.starts {
            prop_assert_eq!(start.slot.at, at(13));
            let request = &requests[start.index];
            prop_assert_eq!(world.ledger.place(request, &start.slot.placement, at(13)).err(), None);
        }
        prop_assert_eq!(cloudlot_core::ledger::audit(world.ledger.state()), []);
    }
}

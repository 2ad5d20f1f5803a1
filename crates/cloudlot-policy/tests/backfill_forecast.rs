//! The time axis with estimates: the earliest start is the first that the ledger would grant, and refusals say why.

use cloudlot_core::ledger::{Ledger, Piece, Placement};
use cloudlot_core::{
    Amounts, Kind, On, Request, RequestBuilder, Resource, ResourceId, ResourceState, Timestamp,
    bytes, cores, millicores,
};
use cloudlot_policy::backfill::{
    Config, Estimates, FirstFit, Forecast, Mode, NoStart, Overdue, Slot, Waiting, plan,
};
use proptest::prelude::*;
use std::time::Duration;

/// Ticks of half a second. Everything in a ledger happens at even ticks and every look is at an odd one, so that nothing is due at a look.
fn at(tick: u64) -> Timestamp {
    Timestamp::ZERO + ticks(tick)
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(500 * ticks)
}

const ASSUMED: u64 = 40;
const END: u64 = 200;

fn estimates() -> Estimates {
    Estimates {
        assumed: ticks(ASSUMED),
    }
}

/// What somebody asks for: cores and bytes a member, and when.
#[derive(Clone, Copy, Debug)]
struct Ask {
    size: [u64; 2],
    members: u32,
    from: Option<u64>,
    until: Option<u64>,
    expected: Option<u64>,
    /// When it asks, and which node it gets, if it has room.
    asks: u64,
    node: usize,
}

fn even(range: std::ops::Range<u64>) -> impl Strategy<Value = u64> {
    range.prop_map(|n| 2 * n)
}

fn asks(members: std::ops::Range<u32>) -> impl Strategy<Value = Ask> {
    let size = [0..5_u64, 0..5_u64].prop_map(|size| if size == [0, 0] { [1, 1] } else { size });
    let from = prop_oneof![3 => Just(None), 1 => even(0..15).prop_map(Some)];
    let length = prop_oneof![2 => Just(None), 1 => even(1..12).prop_map(Some)];
    let expected = prop_oneof![1 => Just(None), 4 => even(1..10).prop_map(Some)];
    (
        size,
        members,
        from,
        length,
        expected,
        even(0..6),
        0..2_usize,
    )
        .prop_map(|(size, members, from, length, expected, asks, node)| Ask {
            size,
            members,
            from,
            until: length.map(|length| from.unwrap_or(asks).max(asks) + length),
            expected,
            asks,
            node,
        })
}

impl Ask {
    fn request(&self, members: u32) -> Request {
        let amounts = [cores(self.size[0]), bytes(self.size[1])];
        let some = amounts.into_iter().filter(|quantity| quantity.amount() > 0);
        let mut request = Request::new("job")
            .parts(members, some)
            .hold_for(ticks(2 * END));
        request = match (self.from, self.until) {
            (Some(from), Some(until)) => request.window(at(from), at(until)),
            (Some(from), None) => request.not_before(at(from)),
            (None, Some(until)) => request.window(Timestamp::ZERO, at(until)),
            (None, None) => request,
        };
        let request = self
            .expected
            .into_iter()
            .fold(request, |request: RequestBuilder, n| {
                request.expected(ticks(n))
            });
        request.build().expect("the request is legal")
    }

    /// The tick at which it is thought to be over if it starts then; `None` if that is too late.
    fn end(&self, start: u64) -> Option<u64> {
        let end = match (self.expected, self.until) {
            (Some(expected), _) => start + expected,
            (None, Some(until)) => until,
            (None, None) => start + ASSUMED,
        };
        let timely = start >= self.from.unwrap_or(0) && end > start;
        (timely && self.until.is_none_or(|until| end <= until)).then_some(end)
    }
}

/// A ledger with claims on it, and what is known of each that was granted.
struct World {
    ledger: Ledger,
    nodes: Vec<(ResourceId, [u64; 2])>,
    claims: Vec<(cloudlot_core::ReservationId, Ask)>,
}

impl World {
    fn new(nodes: &[[u64; 2]], asks: &[Ask]) -> Self {
        let mut ledger = Ledger::new();
        let add = |(n, size): (usize, &[u64; 2])| {
            let node = Resource::node(format!("n{n}")).capacity([cores(size[0]), bytes(size[1])]);
            {
                let node = node.build().expect("the node is legal");
                (ledger.add(node, at(0)).expect("its name is free"), *size)
            }
        };
        let nodes: Vec<_> = nodes.iter().enumerate().map(add).collect();
        let mut asks = asks.to_vec();
        asks.sort_by_key(|ask| ask.asks);
        let mut claims = Vec::new();
        for ask in asks {
            let (node, _) = nodes[ask.node % nodes.len()];
            if let Ok(grant) = ledger.reserve(&ask.request(1), node, at(ask.asks)) {
                // Held and confirmed ones are forecast alike here: they were made and confirmed at one time.
                if ask.size[0] % 2 == 0 {
                    let confirmed = ledger.confirm(grant.id, at(ask.asks));
                    confirmed.expect("it was just made");
                }
                claims.push((grant.id, ask));
            }
        }
        Self {
            ledger,
            nodes,
            claims,
        }
    }

    /// The ticks from and until which a claim takes what it takes, as seen at `now`.
    fn forecast(ask: &Ask, now: u64) -> (u64, u64) {
        let from = ask.from.unwrap_or(ask.asks).max(ask.asks);
        let hard = ask.until.unwrap_or(END);
        if from > now {
            let end = ask
                .expected
                .filter(|_| ask.until.is_none())
                .map(|expected| from + expected);
            return (from, end.unwrap_or(hard));
        }
        let estimate = ask.expected.map(|expected| {
            let ends = (0..60).map(|n| from + (expected << n));
            ends.into_iter().find(|end| *end > now).expect("it doubles")
        });
        let assumed = if ask.until.is_some() {
            hard
        } else {
            now + ASSUMED
        };
        (now, estimate.unwrap_or(assumed).min(hard))
    }

    fn live(&self) -> impl Iterator<Item = &(cloudlot_core::ReservationId, Ask)> {
        let live = |(id, _): &&(cloudlot_core::ReservationId, Ask)| {
            self.ledger.state().reservation(*id).is_some()
        };
        self.claims.iter().filter(live)
    }

    /// How many members fit on a node from tick `start` to `end`, by estimate and by the ledger's own word.
    fn members(&self, ask: &Ask, node: usize, now: u64, start: u64, end: u64) -> u32 {
        let (id, limit) = self.nodes[node];
        let mut later = self.ledger.clone();
        for (claim, other) in self.live() {
            if Self::forecast(other, now).1 <= start {
                let _ = later.release(*claim, at(start));
            }
        }
        let by_estimate = |members: u32| {
            (start..end).all(|tick| {
                (0..2).all(|k| {
                    let here = self
                        .live()
                        .filter(|(_, other)| other.node % self.nodes.len() == node);
                    let taken = here.filter(|(_, other)| {
                        let (from, until) = Self::forecast(other, now);
                        from <= tick && tick < until
                    });
                    let taken: u64 = taken.map(|(_, other)| other.size[k]).sum();
                    taken + u64::from(members) * ask.size[k] <= limit[k]
                })
            })
        };
        let by_ledger = |members: u32| {
            let piece = Piece {
                part: 0,
                on: id,
                members,
            };
            let placement = Placement::Pieces(vec![piece]);
            later
                .clone()
                .place(&ask.request(members), &placement, at(start))
                .is_ok()
        };
        let fits = |members: &u32| by_estimate(*members) && by_ledger(*members);
        (1..=ask.members).take_while(fits).last().unwrap_or(0)
    }

    /// The first tick at which a request could start.
    fn earliest(&self, ask: &Ask, now: u64) -> Option<u64> {
        (now..END).find(|start| {
            ask.end(*start).is_some_and(|end| {
                let nodes = 0..self.nodes.len();
                let members = nodes.map(|node| self.members(ask, node, now, *start, end));
                members.sum::<u32>() >= ask.members
            })
        })
    }
}

proptest! {
    #[test]
    fn the_earliest_start_is_the_first_that_the_ledger_grants_and_estimates_allow(
        nodes in proptest::collection::vec([1..8_u64, 1..8_u64], 1..3),
        claims in proptest::collection::vec(asks(1..2), 0..10), ask in asks(1..4), now in 6..14_u64,
    ) {
        let mut world = World::new(&nodes, &claims);
        let now = 2 * now + 1;
        world.ledger.expire(at(now));
        let forecast = Forecast::new(world.ledger.state(), at(now), estimates());
        // Windows are the request's own affair once it was asked in time.
        prop_assume!(ask.until.is_none_or(|until| until > now));
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
}

/// A ledger with one node of four cores.
fn node() -> (Ledger, ResourceId) {
    let mut ledger = Ledger::new();
    let node = Resource::node("n1").capacity([cores(4)]).build();
    let id = ledger.add(node.expect("the node is legal"), at(0));
    let id = id.expect("its name is free");
    (ledger, id)
}

fn job(cpus: u64, expected: u64) -> RequestBuilder {
    Request::new("job")
        .part([cores(cpus)])
        .expected(ticks(expected))
}

fn look(
    ledger: &Ledger,
    requests: &[&Request],
    now: u64,
    mode: Mode,
) -> cloudlot_policy::backfill::Schedule {
    let queue: Vec<Waiting<'_>> = requests
        .iter()
        .map(|request| Waiting::from(*request))
        .collect();
    let config = Config {
        estimates: estimates(),
        ..Config::new(mode)
    };
    plan(ledger.state(), &queue, at(now), &config, &mut FirstFit)
}

#[test]
fn a_job_beyond_its_estimate_is_planned_for_anew_and_reported() {
    let (mut ledger, on) = node();
    let id = ledger
        .reserve(&job(3, 10).build().unwrap(), on, at(0))
        .unwrap()
        .id;
    ledger.confirm(id, at(2)).unwrap();
    let head = job(4, 10).build().unwrap();
    let start = |now| {
        let schedule = look(&ledger, &[&head], now, Mode::Easy);
        (schedule.reserved[0].slot.at, schedule.overdue)
    };
    assert_eq!(start(11), (at(12), vec![]));
    let overdue = |until| Overdue {
        reservation: id,
        since: at(12),
        until: at(until),
    };
    assert_eq!(start(13), (at(22), vec![overdue(22)]));
    assert_eq!(start(23), (at(42), vec![overdue(42)]));
}

#[test]
fn a_promise_that_cannot_be_kept_is_reported_as_broken() {
    let (mut ledger, on) = node();
    let id = ledger
        .reserve(&job(3, 10).build().unwrap(), on, at(0))
        .unwrap()
        .id;
    ledger.confirm(id, at(0)).unwrap();
    let head = job(4, 10).build().unwrap();
    for mode in [Mode::Easy, Mode::Conservative { depth: 9 }] {
        let promised = look(&ledger, &[&head], 1, mode).reserved.remove(0).slot;
        assert_eq!(promised.at, at(10));
        let waiting = Waiting {
            request: &head,
            promised: Some(&promised),
        };
        let again = |now| {
            plan(
                ledger.state(),
                &[waiting],
                at(now),
                &Config::new(mode),
                &mut FirstFit,
            )
        };
        let (before, after) = (again(9), again(11));
        assert_eq!(
            (before.reserved[0].slot.at, before.broken),
            (at(10), vec![])
        );
        assert_eq!((after.reserved[0].slot.at, after.broken), (at(20), vec![0]));
    }
}

#[test]
fn a_promise_holds_where_the_placer_no_longer_finds_its_place() {
    let mut ledger = Ledger::new();
    let mut add = |name: &str, memory| {
        let node = Resource::node(name).capacity([cores(2), bytes(memory)]);
        ledger.add(node.build().unwrap(), at(0)).unwrap()
    };
    let (first, second) = (add("n1", 4), add("n2", 1));
    let early = ledger
        .reserve(&job(1, 100).build().unwrap(), first, at(0))
        .unwrap();
    ledger
        .reserve(&job(2, 10).build().unwrap(), second, at(0))
        .unwrap();
    let pair = Request::new("pair")
        .part([cores(2)])
        .part([cores(1), bytes(4)]);
    let pair = pair.expected(ticks(5)).build().unwrap();
    let modes = [Mode::Easy, Mode::Conservative { depth: 9 }];
    let promised = modes.map(|mode| look(&ledger, &[&pair], 1, mode).reserved.remove(0).slot);
    // Once the first node is free, first fit puts the first part there and finds nothing for the second.
    ledger.release(early.id, at(2)).unwrap();
    for (mode, promised) in modes.into_iter().zip(promised) {
        assert_eq!(promised.at, at(10));
        assert_eq!(
            look(&ledger, &[&pair], 3, mode).refused,
            [(0, NoStart::NoPlace)]
        );
        let queue = [Waiting {
            request: &pair,
            promised: Some(&promised),
        }];
        let config = Config::new(mode);
        let before = plan(ledger.state(), &queue, at(3), &config, &mut FirstFit);
        assert_eq!(before.reserved[0].slot, promised);
        let mut later = ledger.clone();
        let (held, _) = later.state().reservations().next().unwrap();
        later.release(held, at(10)).unwrap();
        let then = plan(later.state(), &queue, at(10), &config, &mut FirstFit);
        assert_eq!(then.starts[0].slot, promised);
        assert!(later.place(&pair, &promised.placement, at(10)).is_ok());
    }
}

#[test]
fn what_never_fits_is_refused_and_stops_nobody() {
    let (ledger, _) = node();
    let wide = job(5, 1).build().unwrap();
    let late = job(1, 10).window(at(0), at(8)).build().unwrap();
    let unknown = Request::new("gpu")
        .part([cloudlot_core::gpus(1)])
        .build()
        .unwrap();
    let small = job(1, 1).build().unwrap();
    for mode in [
        Mode::Strict,
        Mode::Shadow,
        Mode::Easy,
        Mode::Conservative { depth: 9 },
    ] {
        let schedule = look(&ledger, &[&wide, &late, &unknown, &small], 1, mode);
        let late = NoStart::TooLate { until: at(8) };
        let refused = [(0, NoStart::NoPlace), (1, late), (2, NoStart::NoPlace)];
        assert_eq!(schedule.refused, refused, "{mode:?}");
        let starts: Vec<usize> = schedule.starts.iter().map(|start| start.index).collect();
        assert_eq!((starts, schedule.reserved), (vec![3], vec![]), "{mode:?}");
    }
}

#[test]
fn a_window_that_has_not_begun_holds_nobody_up_and_is_reserved_for_only_where_all_are() {
    let (ledger, _) = node();
    let later = job(4, 10).not_before(at(8)).build().unwrap();
    let (long, short) = (job(4, 10).build().unwrap(), job(4, 6).build().unwrap());
    let queue = [&later, &long, &short];
    let starts = |mode| {
        let schedule = look(&ledger, &queue, 1, mode);
        let starts: Vec<usize> = schedule.starts.iter().map(|start| start.index).collect();
        (starts, schedule.wake())
    };
    assert_eq!(starts(Mode::Easy), (vec![1], Some(at(11))));
    assert_eq!(
        starts(Mode::Conservative { depth: 9 }),
        (vec![2], Some(at(8)))
    );
}

#[test]
fn nothing_is_planned_on_a_node_that_takes_nothing_new() {
    let (mut ledger, on) = node();
    ledger
        .set_state(on, ResourceState::Draining, at(0))
        .unwrap();
    let job = job(1, 1).build().unwrap();
    let schedule = look(&ledger, &[&job], 1, Mode::Easy);
    assert_eq!(schedule.refused, [(0, NoStart::NoPlace)]);
    let forecast = Forecast::new(ledger.state(), at(1), estimates());
    let one = Amounts::of([(Kind::CPU, 1)]);
    assert_eq!(forecast.earliest_on(on, &one, at(1), ticks(1)), None);
}

#[test]
fn members_on_devices_have_as_many_of_one_parent_as_they_ask_for() {
    let mut ledger = Ledger::new();
    for (node, devices) in [("n1", 3), ("n2", 4)] {
        let node_itself = Resource::node(node).capacity([cores(4)]).build().unwrap();
        ledger.add(node_itself, at(0)).unwrap();
        for n in 0..devices {
            let device = Resource::node(format!("{node}-{n}"))
                .parent(node)
                .capacity([millicores(10)]);
            ledger.add(device.build().unwrap(), at(0)).unwrap();
        }
    }
    // One pair on the first node, whose third device stays free, and two on the second.
    let pairs = |count| {
        let request =
            Request::new("pairs").gang(count, count, On::Children { of: 2 }, [millicores(7)]);
        request.expected(ticks(1)).build().unwrap()
    };
    let schedule = look(&ledger, &[&pairs(3)], 1, Mode::Easy);
    let Slot { placement, .. } = &schedule.starts[0].slot;
    assert!(ledger.place(&pairs(3), placement, at(1)).is_ok());
    assert_eq!(
        look(&ledger, &[&pairs(4)], 1, Mode::Easy).refused,
        [(0, NoStart::NoPlace)]
    );
}

#[test]
fn an_elastic_need_gets_what_there_is_between_its_bounds() {
    let (ledger, on) = node();
    let elastic = |least, most| {
        let request = Request::new("job").elastic([cores(least)], [cores(most)]);
        request.expected(ticks(2)).build().unwrap()
    };
    let (small, rest, none) = (elastic(1, 3), elastic(1, 3), elastic(1, 3));
    let schedule = look(&ledger, &[&small, &rest, &none], 1, Mode::Easy);
    let share = |n: usize| schedule.starts[n].slot.placement.clone();
    let cpus = |n| Placement::Shares(vec![(on, Amounts::of([(Kind::CPU, n)]))]);
    assert_eq!((share(0), share(1)), (cpus(3_000), cpus(1_000)));
    assert_eq!(schedule.reserved[0].slot.at, at(3));
}

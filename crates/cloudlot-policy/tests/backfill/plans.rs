//! Single looks at a queue: what is overdue, promised, refused, and where things go.

use crate::world::{at, estimates, ticks};
use cloudlot_core::ledger::{Ledger, Placement};
use cloudlot_core::{
    Amounts, Kind, On, Request, RequestBuilder, Resource, ResourceId, ResourceState, bytes, cores,
    gpus, millicores,
};
use cloudlot_policy::backfill::{
    Config, FirstFit, Forecast, Mode, NoStart, Overdue, Schedule, Slot, Waiting, plan,
};

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

fn look(ledger: &Ledger, requests: &[&Request], now: u64, mode: Mode) -> Schedule {
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
fn promises_of_different_sizes_at_one_time_are_kept_apart() {
    let (mut ledger, on) = node();
    let all = job(4, 10).build().unwrap();
    ledger.reserve(&all, on, at(0)).unwrap();
    let [small, large, long] = [job(1, 5), job(3, 5), job(1, 100)].map(|job| job.build().unwrap());
    let mode = Mode::Conservative { depth: 9 };
    let reserved = look(&ledger, &[&small, &large], 1, mode).reserved;
    assert_eq!([reserved[0].slot.at, reserved[1].slot.at], [at(10), at(10)]);
    let promised = |request, n: usize| Waiting {
        request,
        promised: Some(&reserved[n].slot),
    };
    let queue = [
        promised(&small, 0),
        Waiting::from(&long),
        promised(&large, 1),
    ];
    let schedule = plan(
        ledger.state(),
        &queue,
        at(1),
        &Config::new(mode),
        &mut FirstFit,
    );
    let starts: Vec<_> = schedule
        .reserved
        .iter()
        .map(|reserved| reserved.slot.at)
        .collect();
    assert_eq!(starts, [at(10), at(15), at(10)]);
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
    let unknown = Request::new("gpu").part([gpus(1)]).build().unwrap();
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

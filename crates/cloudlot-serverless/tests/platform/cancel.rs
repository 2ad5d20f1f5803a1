//! Calls that are taken back, and where calls stand.

use crate::desk::{Desk, millis};
use cloudlot_core::{Bytes, RequestKey};
use cloudlot_serverless::{
    Backoff, Binding, Call, CallId, Cancelling, Event, Function, FunctionId, Key, Retries,
    Settings, Source, Standing,
};
use std::num::NonZeroU32;

const HELLO: Function = Function {
    instances: Some(NonZeroU32::MIN),
    retries: Retries {
        most: 3,
        backoff: Backoff {
            first: millis(10),
            longest: millis(10),
        },
        oldest: std::time::Duration::MAX,
    },
    ..Function::new(Bytes::mib(1))
};

fn standing(desk: &Desk, call: u64) -> Option<Standing> {
    desk.platform
        .status(CallId::new(call))
        .map(|it| it.standing)
}

#[test]
fn one_that_waits_leaves_and_the_next_keeps_its_place() {
    let mut desk = Desk::new(Settings::DEFAULT, &[HELLO]);
    desk.request(0);
    desk.ready(0);
    desk.request(0);
    desk.request(0);
    assert_eq!(standing(&desk, 1), Some(Standing::Waits));
    assert_eq!(desk.platform.pending_calls().count(), 3);
    assert_eq!(desk.cancel(1), ["reply 1: Cancelled"]);
    assert_eq!(standing(&desk, 1), None);
    assert_eq!(desk.done(0), ["reply 0: Success", "run 2 on 0"]);
    let totals = desk.platform.totals();
    assert_eq!((totals.cancelled, totals.late), (1, 0));
}

#[test]
fn one_that_runs_is_stopped_and_its_end_is_late() {
    let mut desk = Desk::new(Settings::DEFAULT, &[HELLO]);
    desk.request(0);
    desk.ready(0);
    desk.request(0);
    assert_eq!(standing(&desk, 0), Some(Standing::Runs(desk.instance(0))));
    let told = desk.cancel(0);
    // The next one gets an instance in its place.
    assert_eq!(
        told,
        ["stop 0: Cancelled", "reply 0: Cancelled", "start 1 of 0"]
    );
    assert_eq!(desk.done(0), [""; 0]);
    assert_eq!(desk.platform.totals().late, 1);
    assert_eq!(desk.ready(1), ["run 1 on 1"]);
}

#[test]
fn or_it_is_left_to_run_for_nobody_and_its_instance_is_used_again() {
    let settings = Settings {
        cancelling: Cancelling::Leaves,
        ..Settings::DEFAULT
    };
    let mut desk = Desk::new(settings, &[HELLO]);
    desk.event(0);
    desk.ready(0);
    desk.request(0);
    assert_eq!(desk.cancel(0), ["reply 0: Cancelled"]);
    assert_eq!(standing(&desk, 0), None);
    assert_eq!(desk.cancel(0), [""; 0]);
    assert_eq!(desk.platform.totals().late, 1);
    // It fails, and is not tried again.
    assert_eq!(desk.failed(0), ["run 1 on 0"]);
    desk.done(1);
    assert_eq!(desk.platform.pending(), 0);
    let totals = desk.platform.totals();
    assert_eq!((totals.replies, totals.dead_letters), (2, 0));
}

#[test]
fn one_in_its_pause_or_bound_to_a_start_leaves_nothing_behind() {
    let settings = Settings {
        binding: Binding::Early,
        ..Settings::DEFAULT
    };
    let mut desk = Desk::new(settings, &[HELLO]);
    desk.event(0);
    assert_eq!(
        standing(&desk, 0),
        Some(Standing::WaitsFor(desk.instance(0)))
    );
    assert_eq!(desk.cancel(0), ["reply 0: Cancelled"]);
    assert_eq!(desk.ready(0), [""; 0]);
    assert_eq!(desk.event(0), ["run 1 on 0"]);
    desk.failed(1);
    assert_eq!(standing(&desk, 1), Some(Standing::Paused));
    assert_eq!(desk.cancel(1), ["reply 1: Cancelled"]);
    assert_eq!(desk.at(1_000), [""; 0]);
    assert_eq!(desk.platform.pending(), 0);
}

#[test]
fn those_who_joined_a_cancelled_call_get_its_answer() {
    let mut desk = Desk::new(Settings::DEFAULT, &[HELLO]);
    let call = |id| {
        Event::Arrived(Call {
            id: CallId::new(id),
            function: FunctionId::new(0),
            payload: 0,
            source: Source::Request,
            key: Some(Key {
                name: RequestKey(1),
                digest: 0,
            }),
        })
    };
    for id in 0..3 {
        desk.tell(call(id));
    }
    assert_eq!(standing(&desk, 2), Some(Standing::Joined(CallId::new(0))));
    assert_eq!(desk.cancel(0), ["reply 0: Cancelled"]);
    assert_eq!(desk.cancel(2), ["reply 2: Cancelled"]);
    assert_eq!(desk.ready(0), ["run 0 on 0"]);
    assert_eq!(desk.done(0), ["reply 1: Success"]);
    assert_eq!(
        (desk.platform.pending(), desk.platform.remembered()),
        (0, 1)
    );
}

#[test]
fn nobody_is_cancelled_twice_or_unknown() {
    let mut desk = Desk::new(Settings::DEFAULT, &[HELLO]);
    assert_eq!(desk.cancel(5), [""; 0]);
    desk.request(0);
    desk.cancel(0);
    assert_eq!(desk.cancel(0), [""; 0]);
    let totals = desk.platform.totals();
    assert_eq!((totals.cancelled, totals.late, totals.replies), (1, 2, 1));
}

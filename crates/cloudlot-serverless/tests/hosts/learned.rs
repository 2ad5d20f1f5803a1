//! A chooser that learns, on a platform of which one host is slow and nobody says so.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::{
    Call, CallId, Effect, Event, Exit, FixedWindow, Function, FunctionId, Host, HostChoice, HostId,
    Hosting, Learned, Platform, Record, Reuse, Settings, Sink, Source,
};
use std::collections::BTreeMap;
use std::time::Duration;

const CALLS: u64 = 6_000;

/// How long the second half of the calls took, from their arrival on.
#[derive(Default)]
struct Late(Duration);

impl Sink for Late {
    fn call(&mut self, record: &Record) {
        if record.call.number() >= CALLS / 2 {
            self.0 += record.ended.since(record.arrived);
        }
    }
}

/// The mean of the second half: a call each 4 ms, which takes 10 ms, on the first of four hosts 100 ms.
fn mean(settings: Settings, seed: u64) -> Duration {
    let mut platform = Platform::new(settings, FixedWindow(Duration::from_secs(3_600)));
    platform.choose_by(Box::new(Learned::new(seed)));
    platform.add(Function::new(Bytes::mib(1)));
    for _ in 0..4 {
        platform.add_host(Host::new(Bytes::mib(16)));
    }
    let mut queue: BTreeMap<(Timestamp, u64), Event> = BTreeMap::new();
    for number in 0..CALLS {
        let call = Call {
            id: CallId::new(number),
            function: FunctionId::new(0),
            payload: 0,
            source: Source::Request,
            key: None,
        };
        let at = Timestamp::ZERO + Duration::from_millis(4 * number);
        queue.insert((at, number), Event::Arrived(call));
    }
    let (mut made, mut late, mut effects) = (CALLS, Late::default(), Vec::new());
    while let Some(((now, _), event)) = queue.pop_first() {
        platform.handle(event, now, &mut effects, &mut late);
        for effect in effects.drain(..) {
            let (after, event) = match effect {
                Effect::Start { instance, .. } => (50, Event::Ready(instance)),
                Effect::Run {
                    attempt, instance, ..
                } => {
                    let slow = platform.host_of(instance) == Some(HostId::new(0));
                    let exit = Exit::Success;
                    (if slow { 100 } else { 10 }, Event::Done { attempt, exit })
                }
                _ => continue,
            };
            made += 1;
            queue.insert((now + Duration::from_millis(after), made), event);
        }
    }
    assert_eq!(platform.totals().replies, CALLS);
    assert!(platform.audit().is_empty());
    late.0 / u32::try_from(CALLS / 2).expect("few")
}

#[test]
fn calls_are_shorter_where_it_is_asked_than_by_the_rule_that_it_falls_back_to() {
    let with = |reuse, choice| Settings {
        reuse,
        hosts: Hosting {
            choice,
            ..Hosting::DEFAULT
        },
        ..Settings::DEFAULT
    };
    let fixed = mean(with(Reuse::MostRecent, HostChoice::LeastLoaded), 0);
    for seed in 0..5 {
        let learned = mean(with(Reuse::Learned, HostChoice::Learned), seed);
        assert!(learned * 10 < fixed * 7, "{learned:?} for {fixed:?}");
    }
}

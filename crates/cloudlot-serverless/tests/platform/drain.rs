//! After a drain nothing is left.

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_serverless::{
    Call, CallId, Effect, Event, Exit, FixedWindow, Function, InstanceId, Outcome, Platform,
    Settings, Source,
};
use std::time::Duration;

const NOW: Timestamp = Timestamp::ZERO;

fn tell(platform: &mut Platform<FixedWindow>, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    platform.handle(event, NOW, &mut effects, &mut ());
    effects
}

fn started(effects: &[Effect]) -> InstanceId {
    match effects {
        [Effect::Start { instance, .. }] => *instance,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_taken_in_is_finished_and_nothing_is_left() {
    let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::MAX));
    let function = platform.add(Function::new(Bytes::mib(1)));
    let call = |id| {
        Event::Arrived(Call {
            id: CallId::new(id),
            function,
            payload: 0,
            source: Source::Request,
            key: None,
        })
    };
    let idle = started(&tell(&mut platform, call(1)));
    let [Effect::Run { attempt: first, .. }] = tell(&mut platform, Event::Ready(idle))[..] else {
        panic!("the first call runs");
    };
    let second = started(&tell(&mut platform, call(2)));
    let exit = Exit::Success;
    // The second call takes the first instance, so that one starts for nobody.
    let effects = tell(
        &mut platform,
        Event::Done {
            attempt: first,
            exit,
        },
    );
    let [Effect::Reply { .. }, Effect::Run { attempt, .. }] = effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(tell(&mut platform, Event::Drain), []);
    let refused = tell(&mut platform, call(3));
    assert!(matches!(
        refused[..],
        [Effect::Reply {
            outcome: Outcome::Draining,
            ..
        }]
    ));
    let effects = tell(&mut platform, Event::Done { attempt, exit });
    assert!(
        matches!(effects[..], [Effect::Reply { .. }, Effect::Stop { .. }]),
        "{effects:?}"
    );
    assert!(matches!(
        tell(&mut platform, Event::Ready(second))[..],
        [Effect::Stop { .. }]
    ));
    tell(&mut platform, Event::Stopped(idle));
    tell(&mut platform, Event::Stopped(second));
    assert_eq!((platform.instances(), platform.pending()), (0, 0));
    assert_eq!(platform.totals().replies, 3);
}

#[test]
fn idle_instances_go_at_once() {
    let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(Duration::MAX));
    let function = platform.add(Function::new(Bytes::mib(1)));
    let call = Call {
        id: CallId::new(1),
        function,
        payload: 0,
        source: Source::Event,
        key: None,
    };
    let instance = started(&tell(&mut platform, Event::Arrived(call)));
    let [Effect::Run { attempt, .. }] = tell(&mut platform, Event::Ready(instance))[..] else {
        panic!("it runs");
    };
    let exit = Exit::Success;
    tell(&mut platform, Event::Done { attempt, exit });
    let effects = tell(&mut platform, Event::Drain);
    assert!(matches!(effects[..], [Effect::Stop { .. }]), "{effects:?}");
}

//! Calls with the same key are one call.

use cloudlot_core::{Bytes, RequestKey, Timestamp};
use cloudlot_serverless::{
    AttemptId, Call, CallId, Effect, Event, Exit, FixedWindow, Function, Key, KeyMemory, Outcome,
    Platform, Settings, Source,
};
use std::time::Duration;

/// A platform with one function, and what it asked for last.
struct Desk {
    platform: Platform<FixedWindow>,
    effects: Vec<Effect>,
    now: Timestamp,
}

impl Desk {
    fn new(most: usize) -> Self {
        let settings = Settings {
            keys: KeyMemory {
                most,
                ..KeyMemory::DEFAULT
            },
            ..Settings::DEFAULT
        };
        let mut platform = Platform::new(settings, FixedWindow(Duration::MAX));
        platform.add(Function::new(Bytes::mib(1)));
        Self {
            platform,
            effects: Vec::new(),
            now: Timestamp::ZERO,
        }
    }

    fn tell(&mut self, event: Event) {
        self.effects.clear();
        self.platform
            .handle(event, self.now, &mut self.effects, &mut ());
    }

    fn call(&mut self, id: u64, name: u128, digest: u64) {
        let key = Key {
            name: RequestKey(name),
            digest,
        };
        self.tell(Event::Arrived(Call {
            id: CallId::new(id),
            function: cloudlot_serverless::FunctionId::new(0),
            payload: 0,
            source: Source::Request,
            key: Some(key),
        }));
    }

    /// Starts what was asked for, and gives the attempt that runs then.
    fn attempt(&mut self) -> AttemptId {
        if let [Effect::Start { instance, .. }] = self.effects[..] {
            self.tell(Event::Ready(instance));
        }
        match self.effects[..] {
            [Effect::Run { attempt, .. }] => attempt,
            _ => panic!("{:?}", self.effects),
        }
    }

    fn replies(&self) -> Vec<(u64, Outcome, u64)> {
        let reply = |effect: &Effect| match *effect {
            Effect::Reply {
                call,
                outcome,
                answer,
            } => Some((call.number(), outcome, answer.number())),
            _ => None,
        };
        self.effects.iter().filter_map(reply).collect()
    }
}

#[test]
fn calls_that_come_while_the_first_runs_get_its_answer() {
    let mut desk = Desk::new(10);
    desk.call(1, 7, 0);
    let attempt = desk.attempt();
    desk.call(2, 7, 0);
    desk.call(3, 7, 0);
    assert_eq!(desk.effects, []);
    desk.tell(Event::Done {
        attempt,
        exit: Exit::Success,
    });
    let success = Outcome::Success;
    assert_eq!(
        desk.replies(),
        [(1, success, 1), (2, success, 1), (3, success, 1)]
    );
    assert_eq!(desk.platform.pending(), 0);
}

#[test]
fn the_same_key_with_another_input_is_a_conflict_before_and_after_the_answer() {
    let mut desk = Desk::new(10);
    desk.call(1, 7, 0);
    let attempt = desk.attempt();
    desk.call(2, 7, 1);
    assert_eq!(desk.replies(), [(2, Outcome::Conflict, 2)]);
    desk.tell(Event::Done {
        attempt,
        exit: Exit::Success,
    });
    desk.call(3, 7, 1);
    assert_eq!(desk.replies(), [(3, Outcome::Conflict, 3)]);
}

#[test]
fn a_success_is_remembered_for_a_day_and_not_longer() {
    let mut desk = Desk::new(10);
    desk.call(1, 7, 0);
    let attempt = desk.attempt();
    desk.tell(Event::Done {
        attempt,
        exit: Exit::Success,
    });
    let day = Duration::from_secs(24 * 3_600);
    desk.now = Timestamp::ZERO + day;
    desk.call(2, 7, 0);
    assert_eq!(desk.replies(), [(2, Outcome::Success, 1)]);
    desk.now = Timestamp::ZERO + day + Duration::from_nanos(1);
    desk.call(3, 7, 0);
    desk.attempt();
}

#[test]
fn a_failure_is_shared_by_those_who_wait_and_then_forgotten() {
    let mut desk = Desk::new(10);
    desk.call(1, 7, 0);
    let attempt = desk.attempt();
    desk.call(2, 7, 0);
    desk.tell(Event::Done {
        attempt,
        exit: Exit::Failure,
    });
    assert_eq!(
        desk.replies(),
        [(1, Outcome::Failure, 1), (2, Outcome::Failure, 1)]
    );
    desk.call(3, 7, 1);
    desk.attempt();
}

#[test]
fn no_more_answers_are_remembered_than_the_settings_say() {
    let mut desk = Desk::new(2);
    for id in 1..=3 {
        desk.call(id, id.into(), 0);
        let attempt = desk.attempt();
        desk.tell(Event::Done {
            attempt,
            exit: Exit::Success,
        });
    }
    assert_eq!(desk.platform.remembered(), 2);
    desk.call(4, 3, 0);
    assert_eq!(desk.replies(), [(4, Outcome::Success, 3)]);
    desk.call(5, 1, 0);
    desk.attempt();
}

#[test]
fn a_report_of_an_attempt_that_is_over_is_counted_and_changes_nothing() {
    let mut desk = Desk::new(2);
    desk.call(1, 1, 0);
    let attempt = desk.attempt();
    let done = Event::Done {
        attempt,
        exit: Exit::Success,
    };
    desk.tell(done);
    desk.tell(done);
    assert_eq!(desk.effects, []);
    assert_eq!(desk.platform.totals().late, 1);
}

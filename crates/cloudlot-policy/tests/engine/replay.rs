//! A log that is written down, read back and run again gives the same bytes.

use crate::world::at;
use cloudlot_core::ledger::Ledger;
use cloudlot_core::{OwnerPath, Request, Resource, ResourceState, cores, gib};
use cloudlot_policy::contention::PreemptRules;
use cloudlot_policy::engine::{Allocator, Command, Engine, Event, Line, Preempt, Replay};
use cloudlot_policy::order::PriorityFirst;

fn log() -> Vec<Line> {
    let node = |name: &str| {
        Box::new(
            Resource::node(name)
                .capacity([cores(4), gib(8)])
                .build()
                .unwrap(),
        )
    };
    let request = |name: &str, count, priority| {
        Request::new(name)
            .owner("team/one")
            .part([cores(count)])
            .priority(priority)
            .build()
            .unwrap()
    };
    let owner: OwnerPath = "team".parse().unwrap();
    let commands = [
        Command::Add(node("n1")),
        Command::Add(node("n2")),
        Command::Limit {
            owner,
            most: [cores(7)].into_iter().collect(),
        },
        Command::Place(request("first", 4, 0)),
        Command::Submit {
            request: request("second", 3, 0),
            until: None,
        },
        Command::Submit {
            request: request("third", 2, 0),
            until: Some(at(3)),
        },
        Command::Step,
        Command::Confirm(0),
        Command::Confirm(9),
        Command::Place(request("urgent", 3, 5)),
        Command::Cancel(1),
        Command::Release(0),
        Command::SetState {
            resource: "n1".to_owned(),
            state: ResourceState::Draining,
        },
        Command::SetState {
            resource: "n7".to_owned(),
            state: ResourceState::Draining,
        },
        Command::Step,
    ];
    let line = |(second, command)| Line {
        at: at(second),
        command,
    };
    (0..).zip(commands).map(line).collect()
}

fn run(lines: &[Line]) -> (Vec<Event>, Engine) {
    let allocator = Allocator::builder()
        .order(PriorityFirst::default())
        .preempt(Preempt::new(PreemptRules::default()))
        .build();
    let mut replay = Replay::new(Engine::new(Ledger::new(), allocator));
    let events = lines.iter().flat_map(|line| replay.run(line)).collect();
    (events, replay.engine().clone())
}

#[test]
fn every_line_has_its_event() {
    let (events, engine) = run(&log());
    let count = |is: fn(&Event) -> bool| events.iter().filter(|event| is(event)).count();
    assert_eq!(
        count(|event| matches!(event, Event::Granted { .. })),
        3,
        "{events:#?}"
    );
    // A grant that was never made, one that was told to go, and a resource that is not there.
    assert_eq!(
        count(|event| matches!(event, Event::Failed(_))),
        3,
        "{events:#?}"
    );
    assert!(engine.state().reservation_count() > 0);
}

#[cfg(feature = "serde")]
#[test]
fn the_log_and_what_came_of_it_are_the_same_bytes_again() {
    let text = |lines: &[Line]| -> Vec<String> {
        lines
            .iter()
            .map(|line| serde_json::to_string(line).unwrap())
            .collect()
    };
    let log = log();
    let written = text(&log);
    let read: Vec<Line> = written
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(text(&read), written);
    let outcome = |lines: &[Line]| {
        let (events, engine) = run(lines);
        let events = serde_json::to_string(&events).unwrap();
        let records: Vec<String> = engine
            .ledger()
            .records()
            .map(|it| serde_json::to_string(&it).unwrap())
            .collect();
        (events, records, engine.state().revision())
    };
    assert_eq!(outcome(&read), outcome(&log));
}

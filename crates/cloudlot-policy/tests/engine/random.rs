//! Random lives of an engine: what holds after every command.

use crate::world::at;
use cloudlot_core::ledger::{Ledger, Why, audit};
use cloudlot_core::{Request, Resource, cores, gib};
use cloudlot_policy::accounts::{AccountId, Accounts};
use cloudlot_policy::engine::{Allocator, Discipline, Engine, Outcome};
use cloudlot_policy::order::{DecayedUsage, Fair, Fifo, PriorityFirst};
use cloudlot_policy::place::score::{LeastRequested, MostRequested};
use proptest::prelude::*;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Command {
    Submit {
        owner: usize,
        cores: u64,
        members: u32,
        priority: i32,
    },
    Place {
        owner: usize,
        cores: u64,
    },
    Release(usize),
    Cancel(usize),
    Add(u64),
    Step,
    Wait(u64),
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => (0..5_usize, 1..6_u64, 1..4_u32, 0..4_i32)
            .prop_map(|(owner, cores, members, priority)| Command::Submit { owner, cores, members, priority }),
        2 => (0..5_usize, 1..6_u64).prop_map(|(owner, cores)| Command::Place { owner, cores }),
        4 => (0..50_usize).prop_map(Command::Release),
        1 => (0..50_usize).prop_map(Command::Cancel),
        1 => (1..8_u64).prop_map(Command::Add),
        4 => Just(Command::Step),
        2 => (0..400_u64).prop_map(Command::Wait),
    ]
}

const OWNERS: [&str; 5] = ["a", "b", "c/x", "c/y", "c/y/z"];

fn allocator(which: usize) -> Allocator {
    let builder = Allocator::builder();
    match which {
        0 => builder.order(Fifo).score(MostRequested, 1),
        1 => builder.order(Fair::drf()).score(LeastRequested, 1),
        2 => builder
            .order(PriorityFirst::default())
            .discipline(Discipline::Strict),
        _ => builder.order(DecayedUsage::new()),
    }
    .build()
}

/// Runs the commands, asks what has to hold after each, and says what happened.
fn run(which: usize, commands: &[Command]) -> String {
    let mut engine = Engine::new(Ledger::new(), allocator(which));
    let mut seconds = 0;
    let mut log = String::new();
    for (n, command) in commands.iter().enumerate() {
        let now = at(seconds);
        let request = |owner: usize, count: u64, members, priority| {
            Request::new(format!("job-{n}"))
                .owner(OWNERS[owner])
                .parts(members, [cores(count)])
                .priority(priority)
                .hold_for(Duration::from_secs(300))
                .build()
                .unwrap()
        };
        match command {
            Command::Submit {
                owner,
                cores,
                members,
                priority,
            } => {
                engine
                    .submit(request(*owner, *cores, *members, *priority), now)
                    .unwrap();
            }
            Command::Place { owner, cores } => {
                let outcome = engine.place(&request(*owner, *cores, 1, 0), now);
                log += &format!("{outcome:?}\n");
                if let Outcome::Refused(no) = outcome {
                    // The same question has the same answer, and nothing fits in a what-if either.
                    assert!(
                        engine
                            .what_if(now, |what_if| what_if.place(&no.request))
                            .is_err()
                    );
                }
            }
            Command::Release(which) => {
                let live: Vec<_> = engine.state().reservations().map(|(id, _)| id).collect();
                if let Some(id) = live.get(which % live.len().max(1)) {
                    // It may have run out just now.
                    let released = engine.release(*id, now);
                    assert!(matches!(released, Ok(()) | Err(Why::Gone(_))));
                }
            }
            Command::Cancel(which) => {
                let waiting: Vec<_> = engine.waiting().map(|(ticket, _)| ticket).collect();
                if let Some(ticket) = waiting.get(which % waiting.len().max(1)) {
                    assert!(engine.cancel(*ticket).is_some());
                }
            }
            Command::Add(count) => {
                let node = Resource::node(format!("n{n}")).capacity([cores(*count), gib(1)]);
                engine.add(&node, now).unwrap();
            }
            Command::Step => {
                let report = engine.step(now);
                log += &format!("{report:?}\n");
                assert_eq!(
                    engine.step(now).granted,
                    [],
                    "a second step finds nothing to do"
                );
                nobody_waits_in_vain(&mut engine, which);
            }
            Command::Wait(more) => seconds += more,
        }
        assert_eq!(audit(engine.state()), []);
        accounts_are_those_of_the_ledger(&engine);
    }
    log
}

/// After a step, whoever waits finds no place; with a strict order the head does not.
fn nobody_waits_in_vain(engine: &mut Engine, which: usize) {
    if which == 2 {
        return;
    }
    let waiting: Vec<Request> = engine
        .waiting()
        .map(|(_, pending)| pending.request.clone())
        .collect();
    let now = engine.ledger().now();
    for request in waiting {
        let refused = engine.what_if(now, |what_if| what_if.place(&request));
        assert!(
            refused.is_err(),
            "{} could have been served",
            request.name()
        );
    }
}

fn accounts_are_those_of_the_ledger(engine: &Engine) {
    let anew = Accounts::of(engine.state(), engine.ledger().now());
    let accounts = engine.accounts();
    assert_eq!(accounts.held(AccountId::ROOT), anew.held(AccountId::ROOT));
    for owner in OWNERS {
        let path = owner.parse().unwrap();
        let held = |accounts: &Accounts| {
            accounts.find(&path).map_or((Default::default(), 0), |id| {
                (*accounts.held(id), accounts.reservations(id))
            })
        };
        assert_eq!(held(accounts), held(&anew), "{owner}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn an_engine_stays_in_step_and_serves_whoever_it_can(
        which in 0..4_usize, commands in proptest::collection::vec(command(), 1..60),
    ) {
        let log = run(which, &commands);
        prop_assert_eq!(run(which, &commands), log, "the same commands give the same bytes");
    }
}

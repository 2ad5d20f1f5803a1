//! Each rule against a naive model that counts everything anew, and the rules that a packing crate has under the same names.

use crate::random::CHOICES;
use crate::world::World;
use cloudlot_core::ledger::Placement;
use cloudlot_core::{Bytes, Request, ResourceId, bytes};
use cloudlot_policy::place::{self, Strategy as Placing, World as Shown};
use cloudlot_serverless::{
    Binding, Effect, Event, Function, Host, HostChoice, HostId, Hosting, Settings,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// What a model sees of a host: its number, what it has, what is held.
type Seen = (u32, (u64, u64), (u64, u64));

fn share(part: (u64, u64), whole: (u64, u64)) -> f64 {
    let one = |part: u64, whole: u64| {
        if part == 0 {
            0.0
        } else {
            part as f64 / whole as f64
        }
    };
    one(part.0, whole.0).max(one(part.1, whole.1))
}

/// The hosts with room for one more.
fn fitting(world: &World, function: u32) -> Vec<Seen> {
    let need = &world.functions[function as usize];
    let hosts = (0..).zip(&world.hosts);
    let seen = hosts.map(|(number, host)| {
        let held = world.held(HostId::new(number), |_| true);
        (number, (host.memory.get(), host.millicores), held)
    });
    seen.filter(|&(number, has, held)| {
        let fits = held.0 + need.memory.get() <= has.0 && held.1 + need.millicores <= has.1;
        fits && !world.closed.contains(&HostId::new(number))
    })
    .collect()
}

fn first_least(seen: &[Seen], score: impl Fn(&Seen) -> f64) -> Option<u32> {
    let mut best: Option<(f64, u32)> = None;
    for host in seen {
        if best.is_none_or(|(least, _)| score(host) < least) {
            best = Some((score(host), host.0));
        }
    }
    best.map(|(_, host)| host)
}

/// What a rule has to name; nothing if chance has a say.
fn expected(rule: HostChoice, seen: &[Seen], last: Option<u32>, ready: &[u32]) -> Option<u32> {
    let least_loaded = || first_least(seen, |(_, has, held)| share(*held, *has));
    match rule {
        HostChoice::FirstFit => seen.first().map(|host| host.0),
        HostChoice::BestFit => {
            let left = |(_, has, held): &Seen| (has.0 - held.0) * 1_000 + has.1 - held.1;
            first_least(seen, |host| left(host) as f64)
        }
        HostChoice::LeastLoaded | HostChoice::Learned => least_loaded(),
        HostChoice::RoundRobin => {
            let after = seen
                .iter()
                .find(|host| last.is_none_or(|last| host.0 > last));
            after.or(seen.first()).map(|host| host.0)
        }
        HostChoice::Locality => {
            let known = ready
                .iter()
                .rev()
                .find(|&&it| seen.iter().any(|host| host.0 == it));
            known.copied().or_else(least_loaded)
        }
        HostChoice::Random | HostChoice::TwoChoices | HostChoice::Hashed { .. } => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]
    #[test]
    fn a_start_goes_where_the_naive_model_of_its_rule_says(
        rule in prop::sample::select(CHOICES.to_vec()),
        sizes in prop::collection::vec((1..5_u64, 0..3_u64), 3),
        hosts in prop::collection::vec((0..20_u64, 0..9_u64), 1..6),
        steps in prop::collection::vec((0..3_u32, 0..8_usize), 0..40),
    ) {
        let settings = Settings {
            binding: Binding::Early,
            hosts: Hosting { choice: rule, ..Hosting::DEFAULT },
            ..Settings::DEFAULT
        };
        let function = |&(memory, millicores): &(u64, u64)| Function {
            millicores,
            ..Function::new(Bytes::new(memory))
        };
        let host = |&(memory, millicores): &(u64, u64)| Host { memory: Bytes::new(memory), millicores };
        let functions: Vec<Function> = sizes.iter().map(function).collect();
        let hosts: Vec<Host> = hosts.iter().map(host).collect();
        let mut world = World::new(settings, HOUR, &functions, &hosts);
        let mut ready = BTreeMap::<u32, Vec<u32>>::new();
        for (function, step) in steps {
            match step {
                // Something goes, so that hosts are not only filled.
                0 => {
                    let ids = world.all(|_| true);
                    if let Some(&id) = ids.get(function as usize) {
                        world.tell(Event::Lost(id));
                        world.pass(Duration::from_secs(400));
                    }
                    continue;
                }
                1 => {
                    let known = function as usize % hosts.len();
                    let host = HostId::new(u32::try_from(known).expect("few"));
                    let event = if world.closed.contains(&host) { Event::HostBack(host) } else {
                        ready.values_mut().for_each(|it| it.retain(|&it| it != host.number()));
                        Event::HostLost(host)
                    };
                    world.tell(event);
                    continue;
                }
                _ => {}
            }
            let seen = fitting(&world, function);
            let last = world.last.map(HostId::number);
            let effects = world.arrive(function);
            let started = effects.iter().find_map(|effect| match effect {
                Effect::Start { instance, host, .. } => Some((*instance, *host)),
                _ => None,
            });
            let Some((instance, host)) = started else {
                prop_assert!(seen.is_empty(), "{rule:?} found no room in {seen:?}");
                continue;
            };
            let host = host.expect("there are hosts").number();
            prop_assert!(seen.iter().any(|it| it.0 == host), "{rule:?} chose {host} of {seen:?}");
            let ready = ready.entry(function).or_default();
            if let Some(expected) = expected(rule, &seen, last, ready) {
                prop_assert_eq!(host, expected, "{:?} of {:?}", rule, seen);
            }
            world.tell(Event::Ready(instance));
            ready.retain(|&it| it != host);
            ready.push(host);
        }
    }

    /// The ledger is looked at by a planner that knows nothing of the platform.
    #[test]
    fn rules_of_the_same_name_agree_with_the_policies(
        best in any::<bool>(),
        hosts in prop::collection::vec(1..30_u64, 1..6),
        sizes in prop::collection::vec(1..9_u64, 4),
        calls in prop::collection::vec(0..4_u32, 0..20),
    ) {
        let (choice, strategy) = if best {
            (HostChoice::BestFit, Placing::best_fit())
        } else {
            (HostChoice::FirstFit, Placing::first_fit())
        };
        let settings = Settings {
            binding: Binding::Early,
            hosts: Hosting { choice, ..Hosting::DEFAULT },
            ..Settings::DEFAULT
        };
        let functions: Vec<Function> = sizes.iter().map(|&it| Function::new(Bytes::new(it))).collect();
        let hosts: Vec<Host> = hosts.iter().map(|&it| Host::new(Bytes::new(it))).collect();
        let mut world = World::new(settings, HOUR, &functions, &hosts);
        for function in calls {
            let ledger = world.platform.ledger().expect("there are hosts").clone();
            let amounts = [bytes(sizes[function as usize])];
            let request = Request::new("start").part(amounts).build().expect("a request");
            let state = ledger.state();
            let rows: Vec<ResourceId> = state.resources().map(|(id, _)| id).collect();
            let shown = Shown { rows: &rows, now: world.now, last: None };
            let placed = place::place(state, shown, &request, &strategy);
            let effects = world.arrive(function);
            let host = effects.iter().find_map(|effect| match effect {
                Effect::Start { host, .. } => *host,
                _ => None,
            });
            let planned = match placed {
                Ok(Placement::Pieces(pieces)) => pieces.first().map(|piece| piece.on),
                _ => None,
            };
            // Of hosts with as much left the policy takes the fuller one, a rule here the first.
            let left = |id: ResourceId| state.free(id);
            let chosen = host.and_then(|host| state.find(&host.to_string()));
            prop_assert_eq!(chosen.map(left), planned.map(left));
            prop_assert!(best || chosen == planned);
        }
    }
}

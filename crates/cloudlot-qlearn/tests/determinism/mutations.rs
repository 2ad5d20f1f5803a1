//! Tens of thousands of damaged checkpoints: each is refused, or is what it was.

use std::fmt::Debug;

use allocation_counter::measure;
use cloudlot_qlearn::{
    ActionId, Actors, ActorsConfig, Agent, Config, Dense, Dimension, Learner, Linear, Mask, Rule,
    Save, Sparse, StateId, StepSize, Stream, Target, TileCoder, Trace, Transition, Values, below,
    stream, unit,
};
use rand::Rng;
use serde_json::{Value, json};

use crate::hostile::{BYTES_MAX, load_sealed};
use crate::settings::{agent, learner, text};
use crate::world::{Life, World};

/// Mutations of the bytes of each checkpoint.
const BYTES: u32 = 2_000;

/// Mutations of the data of each checkpoint, with either checksum.
const DATA: u32 = 700;

/// An agent whose table has rows for what it saw alone.
fn sparse() -> Agent<Sparse> {
    let world = World::lake(8);
    let rule = Rule::SarsaLambda {
        lambda: 0.9,
        trace: Trace::Dutch,
    };
    let config = Config {
        rule,
        ..Config::default()
    };
    let learner = Learner::new(Sparse::new(1000, 4, 0.1).unwrap(), config).unwrap();
    let mut life = Life::new(Agent::new(learner, 8, 0), world);
    life.live(37);
    life.agent
}

/// An agent over tiles, with steps that wait.
fn linear() -> Agent<Linear> {
    let side = Dimension {
        from: 0.0,
        to: 1.0,
        tiles: 3,
    };
    let coder = TileCoder::new(4, &[side, side]).unwrap();
    let config = Config {
        rule: Rule::NStepSarsa { steps: 5 },
        step_size: StepSize::Constant(0.2),
        ..Config::default()
    };
    let learner = Learner::new(Linear::new(&coder, 3, 0.3).unwrap(), config).unwrap();
    let mut agent = Agent::new(learner, 8, 0);
    let mut chance = stream(8, 8);
    let mut at = coder.tiles(&[0.1, 0.1]).unwrap();
    for _ in 0..30 {
        let point = [unit(&mut chance), unit(&mut chance)];
        let next = coder.tiles(&point).unwrap();
        let step = Transition::new(at, ActionId(1), point[0], next, Mask::all(3));
        let next_action = Some(ActionId(1));
        agent
            .observe(&Transition {
                next_action,
                ..step
            })
            .unwrap();
        at = next;
    }
    agent
}

fn agents() -> Vec<Agent> {
    let tree = Rule::TreeBackup {
        steps: 5,
        target: Target::Exploring,
    };
    let traced = Rule::WatkinsLambda {
        lambda: 0.9,
        trace: Trace::Accumulating,
    };
    [
        (Rule::QLearning, 0),
        (Rule::DoubleQ, 1),
        (tree, 3),
        (traced, 4),
    ]
    .into_iter()
    .map(|(rule, practice)| {
        let world = World::lake(8);
        let config = Config {
            rule,
            ..Config::default()
        };
        let mut life = Life::new(agent(&world, config, practice, 8), world);
        life.live(83);
        life.agent
    })
    .collect()
}

fn crowd() -> Actors {
    let config = Config {
        rule: Rule::Sarsa,
        ..Config::default()
    };
    let numbers = ActorsConfig {
        actors: 3,
        steps: 7,
        episode_steps: 30,
    };
    let mut crowd = Actors::new(learner(&World::lake(0), config), numbers, 8).unwrap();
    let mut worlds = vec![World::lake(0); 3];
    crowd
        .run(&mut worlds, 3, 1, |_| std::ops::ControlFlow::Continue(()))
        .unwrap();
    crowd
}

fn place(rng: &mut Stream, len: usize) -> usize {
    below(rng, len.max(1).try_into().unwrap()) as usize
}

/// Flips, cuts, inserts, doubles or overwrites some of the bytes.
fn garble(text: &str, rng: &mut Stream) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=below(rng, 3) {
        let at = place(rng, bytes.len());
        let until = (at + 1 + place(rng, 20)).min(bytes.len());
        match below(rng, 7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << below(rng, 8),
            1 => bytes.truncate(at),
            2 => bytes.drain(at..until).for_each(drop),
            3 => bytes.insert(at, b"0123456789abcdef{}[]\",:- \n.e"[place(rng, 28)]),
            4 => {
                let copy = bytes[at..until].to_vec();
                let to = place(rng, bytes.len());
                bytes.splice(to..to, copy);
            }
            5 if at + 1 < bytes.len() => bytes.swap(at, at + 1),
            _ if !bytes.is_empty() => bytes[at] = b'0' + (bytes[at] ^ 1) % 10,
            _ => {}
        }
    }
    bytes
}

fn refused_or_equal<T: Save + Debug>(damaged: &[u8], good: &str) -> bool {
    match T::load(damaged, BYTES_MAX) {
        Ok(loaded) => {
            assert_eq!(text(&loaded), good);
            true
        }
        Err(refused) => {
            assert!(refused.to_string().chars().count() < 300, "{refused}");
            false
        }
    }
}

fn garble_all<T: Save + Debug>(good: &str, seed: u64) -> u32 {
    let mut rng = stream(seed, 0);
    let mut equal = 0;
    for _ in 0..BYTES {
        let damaged = garble(good, &mut rng);
        equal += u32::from(refused_or_equal::<T>(&damaged, good));
    }
    equal
}

#[test]
fn damaged_bytes_are_refused_or_mean_the_same() {
    let mut equal = 0;
    for (seed, agent) in (1..).zip(agents()) {
        equal += garble_all::<Agent>(&text(&agent), seed);
    }
    equal += garble_all::<Actors>(&text(&crowd()), 9);
    equal += garble_all::<Agent<Sparse>>(&text(&sparse()), 10);
    equal += garble_all::<Agent<Linear>>(&text(&linear()), 11);
    // Blanks between the parts, and changes that another takes back; all else is noticed.
    assert!((1..BYTES / 4).contains(&equal), "{equal}");
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let good = text(&agents()[0]);
    let mut equal = 0;
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut flipped = good.clone().into_bytes();
            flipped[at] ^= 1 << bit;
            equal += u32::from(refused_or_equal::<Agent>(&flipped, &good));
        }
        equal += u32::from(refused_or_equal::<Agent>(&good.as_bytes()[..at], &good));
    }
    // The line break at the end can become another blank, or go.
    assert!((1..5).contains(&equal), "{equal}");
}

/// A place in a document, drawn; its keys on the way are told.
fn wander<'a>(root: &'a mut Value, rng: &mut Stream, path: &mut Vec<String>) -> &'a mut Value {
    let stop = path.len() > 2 && below(rng, 6) == 0;
    let key = match &*root {
        Value::Object(fields) if !fields.is_empty() && !stop => {
            fields.keys().nth(place(rng, fields.len())).cloned()
        }
        Value::Array(items) if !items.is_empty() && !stop => {
            Some(place(rng, items.len()).to_string())
        }
        _ => None,
    };
    let Some(key) = key else { return root };
    let next = match root {
        Value::Object(fields) => &mut fields[&key],
        Value::Array(items) => &mut items[key.parse::<usize>().unwrap()],
        _ => unreachable!("only objects and lists have keys"),
    };
    path.push(key);
    wander(next, rng, path)
}

/// Changes one thing, and says where.
fn tamper(document: &mut Value, rng: &mut Stream) -> Vec<String> {
    let mut path = Vec::new();
    let at = wander(document, rng, &mut path);
    let other = match at {
        _ if below(rng, 8) == 0 => odd(rng),
        Value::Number(number) => near(number, rng),
        Value::String(text) => retyped(text, rng),
        Value::Array(items) => {
            let (from, to) = (place(rng, items.len()), place(rng, items.len()));
            match below(rng, 3) {
                _ if items.is_empty() => items.push(odd(rng)),
                0 => items.swap(from, to),
                1 => items.insert(to, items[from].clone()),
                _ => drop(items.remove(from)),
            }
            return path;
        }
        Value::Object(fields) => {
            let key = fields.keys().nth(place(rng, fields.len())).cloned();
            match (key, below(rng, 2)) {
                (Some(key), 0) => drop(fields.remove(&key)),
                (key, _) => {
                    let copy = key.and_then(|key| fields.get(&key).cloned());
                    fields.insert("other".to_owned(), copy.unwrap_or_default());
                }
            }
            return path;
        }
        Value::Bool(value) => json!(!*value),
        Value::Null => odd(rng),
    };
    *at = other;
    path
}

fn odd(rng: &mut Stream) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!(""),
        json!(-1),
        json!(0),
        json!(1),
        json!(2),
        json!(0.5),
        json!(1e308),
        json!(-1e-308),
        json!(u64::MAX),
        json!("sarsa"),
        json!("7ff8000000000000"),
    ];
    odd[place(rng, odd.len())].clone()
}

fn near(number: &serde_json::Number, rng: &mut Stream) -> Value {
    let Some(value) = number.as_u64() else {
        let value = number.as_f64().unwrap_or_default();
        let bits = value.to_bits() ^ (1 << below(rng, 64));
        return [
            json!(f64::from_bits(bits)),
            json!(-value),
            json!(value * 2.0),
        ][place(rng, 3)]
        .clone();
    };
    match below(rng, 4) {
        0 => json!(value.wrapping_add(1)),
        1 => json!(value.wrapping_sub(1)),
        2 => json!(value ^ (1 << below(rng, 64))),
        _ => json!(rng.next_u64() >> below(rng, 64)),
    }
}

fn retyped(text: &str, rng: &mut Stream) -> Value {
    let mut bytes = text.as_bytes().to_vec();
    let at = place(rng, bytes.len());
    match below(rng, 4) {
        0 => bytes.truncate(at),
        1 => bytes.extend_from_within(at..),
        2 if bytes.len() >= 16 => {
            let at = at / 16 * 16;
            let end = (at + 3).min(bytes.len());
            bytes[at..end].fill(b'f');
        }
        _ if !bytes.is_empty() => bytes[at] = b"0123456789abcdef"[place(rng, 16)],
        _ => bytes.push(b'0'),
    }
    json!(String::from_utf8(bytes).unwrap())
}

/// Changed data under the old checksum; says how often it meant the same.
fn tamper_all<T: Save + Debug>(good: &str, rng: &mut Stream) -> u32 {
    let document: Value = serde_json::from_str(good).unwrap();
    let mut equal = 0;
    for _ in 0..DATA {
        let mut damaged = document.clone();
        tamper(&mut damaged, rng);
        equal += u32::from(refused_or_equal::<T>(damaged.to_string().as_bytes(), good));
    }
    equal
}

#[test]
fn changed_data_under_an_old_checksum_is_refused_or_means_the_same() {
    let mut rng = stream(11, 0);
    let mut equal = 0;
    for agent in agents() {
        equal += tamper_all::<Agent>(&text(&agent), &mut rng);
    }
    equal += tamper_all::<Actors>(&text(&crowd()), &mut rng);
    equal += tamper_all::<Agent<Sparse>>(&text(&sparse()), &mut rng);
    equal += tamper_all::<Agent<Linear>>(&text(&linear()), &mut rng);
    // A change to what was there before, or the loss of a key whose lack means the same.
    assert!((1..DATA).contains(&equal), "{equal}");
}

/// Changed data under a checksum made for it: refused, or a state like any other.
///
/// Nobody can tell the latter from a state that was reached, for it is one: it is saved and loaded
/// like any other, and acts and learns without a panic. Says how often.
fn forge_all<T: Save + Debug>(
    good: &str,
    rng: &mut Stream,
    carry_on: impl Fn(T, &[String]),
) -> u32 {
    let document: Value = serde_json::from_str(good).unwrap();
    let mut changed = 0;
    for _ in 0..DATA {
        let mut other = document.clone();
        let path = tamper(&mut other, rng);
        let mut loaded = None;
        let used = measure(|| loaded = load_sealed::<T>(other).ok());
        let bound = 60 * good.len() as u64 + 300_000;
        assert!(used.bytes_max < bound, "{path:?}: {used:?}");
        let Some(loaded) = loaded else { continue };
        let saved = text(&loaded);
        changed += u32::from(saved != good);
        let back = T::load(saved.as_bytes(), BYTES_MAX).unwrap();
        assert_eq!(text(&back), saved, "{path:?}");
        carry_on(loaded, &path);
    }
    changed
}

#[test]
fn changed_data_under_a_new_checksum_is_refused_or_is_another_whole_state() {
    let mut rng = stream(12, 0);
    let mut changed = 0;
    for agent in agents() {
        changed += forge_all(&text(&agent), &mut rng, carry_on::<Dense>);
    }
    changed += forge_all(&text(&sparse()), &mut rng, carry_on::<Sparse>);
    changed += forge_all(&text(&linear()), &mut rng, |mut agent: Agent<Linear>, _| {
        let _ = agent.learner.finish();
        text(&agent);
    });
    changed += forge_all(&text(&crowd()), &mut rng, |mut crowd: Actors, path| {
        let small = crowd.config().steps < 100 && crowd.config().actors < 100;
        if small || !is_costly(path) {
            let mut worlds = vec![World::lake(0); crowd.config().actors as usize];
            let _ = crowd.run(&mut worlds, 2, 1, |_| std::ops::ControlFlow::Continue(()));
            text(&crowd);
        }
    });
    assert!(changed > DATA / 5, "{changed}");
}

/// Settings that are legal at any size and cost as much time: no reason to wait for them here.
fn is_costly(path: &[String]) -> bool {
    path.iter()
        .any(|key| ["backups", "batch", "plan", "config"].contains(&key.as_str()))
}

/// As far as it goes: a learner may refuse a step, but not fall over it.
fn carry_on<V: Values<State = StateId>>(mut agent: Agent<V>, path: &[String]) {
    if is_costly(path) && agent.practice.is_some() {
        return;
    }
    let mut world = World::lake(8);
    for _ in 0..3 {
        let _ = agent.run(&mut world, 20);
    }
    let _ = agent.learner.finish();
}

//! Checkpoints that somebody wrote by hand: each is refused for what is wrong with it, although its
//! checksum is right.

use allocation_counter::measure;
use cloudlot_qlearn::{
    Actors, ActorsConfig, Agent, CheckpointError, Config, Dense, Rule, Save, Trace,
};
use serde_json::{Value, json};

use crate::settings::{agent, learner, text};
use crate::world::{Life, World};

pub(crate) const BYTES_MAX: u64 = 1 << 20;

pub(crate) fn saved(rule: Rule, practice: usize, steps: u64) -> Value {
    let world = World::lake(4);
    let config = Config {
        rule,
        ..Config::default()
    };
    let mut life = Life::new(agent(&world, config, practice, 4), world);
    life.live(steps);
    serde_json::from_str(&text(&life.agent)).unwrap()
}

/// Stopped as soon as so many things are kept in mind.
fn saved_with(rule: Rule, list: &str, count: usize) -> Value {
    let path = format!("/body/learner/memory/{list}");
    let kept = |saved: &Value| saved.pointer(&path).and_then(Value::as_array).map(Vec::len);
    (0..200)
        .map(|steps| saved(rule, 0, steps))
        .find(|saved| kept(saved) == Some(count))
        .unwrap()
}

fn crowd() -> Value {
    let first = learner(&World::lake(0), Config::default());
    let numbers = ActorsConfig {
        actors: 2,
        steps: 3,
        episode_steps: 9,
    };
    let mut crowd = Actors::new(first, numbers, 4).unwrap();
    let mut worlds = vec![World::lake(0); 2];
    crowd
        .run(&mut worlds, 1, 1, |_| std::ops::ControlFlow::Continue(()))
        .unwrap();
    serde_json::from_str(&text(&crowd)).unwrap()
}

/// Loads, after the checksum was made right if the data can have one at all.
pub(crate) fn load_sealed<T: Save>(mut checkpoint: Value) -> Result<T, CheckpointError> {
    let load = |checkpoint: &Value| T::load(checkpoint.to_string().as_bytes(), BYTES_MAX);
    match load(&checkpoint) {
        Err(CheckpointError::Checksum { computed, .. }) => {
            checkpoint["checksum"] = json!(format!("{computed:08x}"));
            load(&checkpoint)
        }
        other => other,
    }
}

#[track_caller]
fn refusal<T: Save>(checkpoint: Value, path: &str, value: Value) -> String {
    let mut changed = checkpoint;
    *changed.pointer_mut(path).unwrap() = value;
    let refused = load_sealed::<T>(changed).err().expect(path);
    assert!(!matches!(refused, CheckpointError::Checksum { .. }));
    refused.to_string()
}

#[test]
fn a_value_that_is_no_number_is_named() {
    for (value, name) in [
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
    ] {
        for (table, at) in [("first", "values"), ("second", "twin")] {
            let good = saved(Rule::DoubleQ, 0, 50);
            let path = format!("/body/learner/{at}/values/7");
            let row = good.pointer(&path).and_then(Value::as_str).unwrap();
            let row = format!("{}{:016x}{}", &row[..16], value.to_bits(), &row[32..]);
            assert_eq!(
                refusal::<Agent>(good, &path, json!(row)),
                format!("in the {table} table: the value of action 1 in state 7 is {name}")
            );
        }
    }
}

#[test]
fn shapes_must_be_those_of_the_rows() {
    let good = || saved(Rule::QLearning, 0, 50);
    let at = |path: &str, value| {
        refusal::<Agent>(good(), &format!("/body/learner/values/{path}"), value)
    };
    let values = "in the first table: (16, 4) values where";
    assert_eq!(
        at("states", json!(17)),
        format!("{values} (17, 4) are claimed")
    );
    assert_eq!(
        at("actions", json!(5)),
        format!("{values} (16, 5) are claimed")
    );
    assert_eq!(
        at("states", json!(u32::MAX)),
        format!("{values} (4294967295, 4) are claimed")
    );
    let visits = at("visits/3", json!("00000000"));
    assert_eq!(
        visits,
        "in the first table: (16, 1) counts where (16, 4) are claimed"
    );
    assert!(at("visits/3", json!("0000000")).contains("8 lower-case hexadecimal digits"));
    assert!(at("states", json!(1_u64 << 32)).contains("u32"));

    let mut none = good();
    none["body"]["learner"]["values"] = json!({"states":0,"actions":4,"values":[],"visits":[]});
    let refused = load_sealed::<Agent>(none).unwrap_err().to_string();
    assert_eq!(
        refused,
        "in the first table: 0 states; a table has 1 to 2^32 - 1, as memory allows"
    );
}

#[test]
fn a_claim_takes_no_memory() {
    let mut huge = saved(Rule::QLearning, 4, 50);
    let table = &mut huge["body"]["learner"]["values"];
    table["states"] = json!(u32::MAX);
    table["actions"] = json!(64);
    let planner = &mut huge["body"]["practice"]["planner"];
    planner["counts"]["limits"]["states"] = json!(1 << 26);
    let text = huge.to_string();
    let used = measure(|| assert!(Agent::<Dense>::load(text.as_bytes(), BYTES_MAX).is_err()));
    assert!(used.bytes_max < 40 * text.len() as u64, "{used:?}");
}

#[test]
fn a_reader_without_end_is_left() {
    let used = measure(|| {
        let refused = Agent::<Dense>::load(std::io::repeat(b' '), 10_000).unwrap_err();
        assert!(matches!(refused, CheckpointError::TooLong(10_000)));
    });
    assert!(used.bytes_max < 100_000, "{used:?}");
    let good = saved(Rule::QLearning, 0, 5).to_string();
    let bytes = good.len() as u64;
    assert!(Agent::<Dense>::load(good.as_bytes(), bytes).is_ok());
    assert!(Agent::<Dense>::load(good.as_bytes(), bytes - 1).is_err());
}

#[test]
fn settings_counters_and_generators_must_be_possible() {
    let good = || saved(Rule::QLearning, 0, 50);
    let at = |path: &str, value| refusal::<Agent>(good(), &format!("/body/{path}"), value);
    assert_eq!(
        at("learner/config/discount", json!(1.5)),
        "the discount is 1.5; it lies between 0 and 1"
    );
    assert!(
        at("learner/config/step_size", json!({"constant":0.0}))
            .contains("a step size lies above 0")
    );
    assert_eq!(at("learner/episodes", json!(51)), "51 episodes in 50 steps");
    assert!(at("learner/steps", json!(u64::MAX)).ends_with("in 18446744073709551615 steps"));
    assert_eq!(
        at("stream", json!("0".repeat(64))),
        "the generator of stream 0 stands still"
    );
    assert_eq!(
        at("stream", json!("1".repeat(80))),
        "5 words of a generator where 4 belong"
    );
    let twin = "the second table does not fit the rule or the first table";
    assert_eq!(at("learner/config/rule", json!("double_q")), twin);
    let double = || saved(Rule::DoubleQ, 0, 50);
    assert_eq!(
        refusal::<Agent>(double(), "/body/learner/twin", json!(null)),
        twin
    );
    assert_eq!(
        refusal::<Agent>(double(), "/body/learner/config/rule", json!("sarsa")),
        twin
    );
    let zeros = |digits: usize| vec!["0".repeat(digits); 2];
    let small = json!({"states":2,"actions":1,"values":zeros(16),"visits":zeros(8)});
    assert_eq!(
        refusal::<Agent>(double(), "/body/learner/twin", small),
        twin
    );
}

#[test]
fn what_a_rule_keeps_in_mind_must_be_possible() {
    let memory = "no learner leaves such a memory of the steps before";
    let waiting = || saved_with(Rule::NStepSarsa { steps: 4 }, "window/steps", 3);
    let at =
        |path: &str, value| refusal::<Agent>(waiting(), &format!("/body/learner/{path}"), value);
    let steps = "memory/window/steps";
    for (path, value) in [
        ("config/rule", json!("q_learning")),
        ("config/rule", json!({"n_step_sarsa":{"steps":3}})),
        (
            "config/rule",
            json!({"sarsa_lambda":{"lambda":0.5,"trace":"dutch"}}),
        ),
        ("config/discount", json!(0.5)),
        ("memory", json!("nothing")),
        (&format!("{steps}/1/step/state"), json!(16)),
        (&format!("{steps}/1/step/executed"), json!(4)),
        (&format!("{steps}/1/step/next_action"), json!(null)),
        (&format!("{steps}/1/step/end"), json!("truncated")),
        (&format!("{steps}/1/step/reward"), json!(1e200)),
        (&format!("{steps}/1/step/dt"), json!(3.0)),
        (&format!("{steps}/1/discount"), json!(0.5)),
        (&format!("{steps}/1/step/next"), json!(15)),
    ] {
        assert_eq!(at(path, value), memory, "{path}");
    }
    let trace = Trace::Replacing;
    let traced = || saved_with(Rule::SarsaLambda { lambda: 0.9, trace }, "traces/active", 2);
    for (path, value) in [
        ("active/1/0", json!(64)),
        (
            "active/1",
            traced()
                .pointer("/body/learner/memory/traces/active/0")
                .unwrap()
                .clone(),
        ),
        ("announced", json!(null)),
        ("announced/0", json!(16)),
        ("announced/1", json!(4)),
        ("announced/1", json!(null)),
    ] {
        let path = format!("/body/learner/memory/traces/{path}");
        assert_eq!(refusal::<Agent>(traced(), &path, value), memory, "{path}");
    }
}

#[test]
fn actors_must_stand_where_they_could() {
    let good = crowd();
    assert!(good["body"]["seats"][0]["place"]["within"].is_object());
    let at = |path: &str, value| refusal::<Actors>(crowd(), &format!("/body/{path}"), value);
    let within = "seats/0/place/within";
    for (path, value, why) in [
        ("state", json!(16), "an actor in an unknown state"),
        ("mask", json!(16), "an actor that may do nothing"),
        (
            "chosen",
            json!({"action":0,"probability":0.5}),
            "an actor whose next action does not fit the rule",
        ),
        ("taken", json!(0), "an episode of such a length"),
        ("taken", json!(9), "an episode of such a length"),
    ] {
        let path = format!("{within}/{path}");
        assert_eq!(at(&path, value), format!("no learner leaves {why}"));
    }
    assert_eq!(
        at("rounds", json!(u64::MAX)),
        "no learner leaves so many rounds"
    );
    assert_eq!(at("config/actors", json!(3)), "2 actors where 3 belong");
    assert!(at("config/steps", json!(0)).starts_with("the numbers of"));
    assert_eq!(
        at("seats/1/stream", json!("0".repeat(64))),
        "the generator of stream 1 stands still"
    );
}

#[test]
fn other_formats_and_versions_are_told_apart() {
    let good = saved(Rule::QLearning, 0, 5);
    let load = |checkpoint: &Value| {
        Agent::<Dense>::load(checkpoint.to_string().as_bytes(), BYTES_MAX).unwrap_err()
    };
    let mut other = good.clone();
    other["version"] = json!(2);
    // A newer one may have another body: its version is what is wrong with it.
    other["body"] = json!({"new":[]});
    assert!(matches!(load(&other), CheckpointError::Version(2)));
    other["version"] = json!(0);
    assert!(matches!(load(&other), CheckpointError::Version(0)));
    other["format"] = json!("some other checkpoint");
    assert!(matches!(load(&other), CheckpointError::Format));
    let mut stranger = good.clone();
    stranger["x".repeat(10_000)] = json!(1);
    let refused = load(&stranger).to_string();
    assert!(refused.len() < 300, "{refused}");
}

#[test]
fn blanks_and_the_order_of_keys_are_of_no_account_and_all_else_is() {
    let mut life = Life::new(
        agent(&World::lake(4), Config::default(), 1, 4),
        World::lake(4),
    );
    life.live(60);
    let line = text(&life.agent);
    let sorted: Value = serde_json::from_str(&line).unwrap();
    let spread = serde_json::to_string_pretty(&sorted).unwrap();
    assert_ne!(spread, line);
    for same in [format!("\n {line}\t "), spread] {
        let back: Agent = Agent::load(same.as_bytes(), BYTES_MAX).unwrap();
        assert_eq!(back, life.agent);
    }
    for other in [
        format!("{line}x"),
        format!("{line}{line}"),
        format!("[{line}]"),
        line.replacen("\"version\":1", "\"version\":1,\"version\":1", 1),
        line.replacen("\"steps\":60", "\"steps\":60,\"steps\":60", 1),
        line.replacen("\"steps\":60", "\"steps\":61", 1),
        line.replacen("\"steps\":60", "\"steps\":60,\"more\":1", 1),
        line.replacen("\"body\"", "\"more\":1,\"body\"", 1),
        line.replacen("\"twin\":null", "\"twin\":NaN", 1),
        String::new(),
        "null".to_owned(),
        "[".repeat(100_000),
    ] {
        assert_ne!(other, line);
        let refused = Agent::<Dense>::load(other.as_bytes(), BYTES_MAX).unwrap_err();
        assert!(refused.to_string().len() < 300);
    }
}

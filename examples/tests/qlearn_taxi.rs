//! The program `qlearn-taxi`, run as people run it, and its world.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cloudlot_examples::taxi::world::{self, STATES, STEPS_MAX, Situation, situations};
use cloudlot_qlearn::exact::{Model, ModelFile};
use cloudlot_qlearn::{Mask, StateId};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

/// A driver without planning needs longer than tests have.
const QUICK: &str = "--out . --alone --planner sweeping --steps 6000";

struct Said {
    code: Option<i32>,
    out: String,
    complaint: String,
}

fn program(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qlearn-taxi"));
    command
        .args(line.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

fn run(folder: &Path, line: &str) -> Said {
    let output = program(folder, line).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code(),
        out: text(output.stdout),
        complaint: text(output.stderr),
    }
}

/// What is printed by a run that ends well.
fn told(folder: &Path, line: &str) -> String {
    let said = run(folder, line);
    assert_eq!(
        (said.code, said.complaint.as_str()),
        (Some(0), ""),
        "{line}"
    );
    said.out
}

fn json_of(folder: &Path, line: &str) -> Value {
    let out = told(folder, &format!("--json {line}"));
    assert_eq!(out.lines().count(), 1);
    serde_json::from_str(&out).unwrap()
}

#[track_caller]
fn refused(folder: &Path, line: &str, code: i32, words: &str) {
    let said = run(folder, line);
    assert_eq!(said.code, Some(code), "{line}: {}", said.complaint);
    assert_eq!(said.out, "", "{line}");
    assert!(said.complaint.contains(words), "{line}: {}", said.complaint);
}

/// As [`refused`], in one line that the program itself has written.
#[track_caller]
fn refused_in_a_line(folder: &Path, line: &str, code: i32, words: &str) {
    refused(folder, line, code, words);
    let complaint = run(folder, line).complaint;
    assert!(complaint.starts_with("qlearn-taxi: "), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn reference() -> Value {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let path = format!("{root}/crates/cloudlot-qlearn/tests/data/taxi.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_world_is_the_reference_branch_by_branch() {
    let file: ModelFile = serde_json::from_value(reference()).unwrap();
    assert_eq!(file.max_episode_steps, Some(STEPS_MAX));
    let theirs = Model::try_from(file).unwrap();
    let ours = world::model(false);
    assert_eq!(ours.states(), theirs.states());
    for state in ours.state_ids() {
        assert_eq!(
            ours.is_terminal(state),
            theirs.is_terminal(state),
            "{state:?}"
        );
        for action in Mask::all(6).iter() {
            let (ours, theirs) = (ours.branches(state, action), theirs.branches(state, action));
            assert_eq!(ours, theirs, "{state:?} {action:?}");
        }
    }
    assert_eq!(ours.start(), theirs.start());
    assert_eq!(ours.start().len(), 300);
    assert_eq!(ours, theirs);
}

#[test]
fn the_mask_is_the_reference() {
    let masks: Vec<Vec<u8>> = serde_json::from_value(reference()["action_mask"].clone()).unwrap();
    assert_eq!(masks.len(), 500);
    let masked = world::model(true);
    for (now, theirs) in situations().zip(masks) {
        let allows = |action| u8::from(now.mask().allows(action));
        let ours: Vec<u8> = Mask::all(6).iter().map(allows).collect();
        assert_eq!(ours, theirs, "{now}");
        let legal = match masked.is_terminal(now.state()) {
            true => Mask::NONE,
            false => now.mask(),
        };
        assert_eq!(masked.mask(now.state()), legal, "{now}");
    }
}

#[test]
fn states_are_numbered_without_gaps() {
    for state in (0..STATES).map(StateId) {
        let now = Situation::of(state).unwrap();
        assert_eq!(now.state(), state);
        assert_eq!(state.0.to_string().parse(), Ok(now));
    }
    assert_eq!(Situation::of(StateId(STATES)), None);
    let now: Situation = "3,1,Y,R".parse().unwrap();
    assert_eq!(now.state(), StateId(((3 * 5 + 1) * 5 + 2) * 4));
}

#[test]
fn a_planning_driver_becomes_the_best_and_everything_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let out = told(folder.path(), QUICK);
    let lines: Vec<&str> = out.lines().collect();
    let first =
        "taxi: rule q with prioritised sweeping, epsilon 0.1, discount 0.99, all actions, seed 7";
    assert_eq!(lines[0], first);
    for (line, words) in [
        (1, "trained     60"),
        (2, "value       7.93 of the greedy policy"),
        (3, "optimum     7.93, reached after "),
        (4, "saved       ./taxi.checkpoint.json, "),
        (5, "reloaded    the same to the byte"),
        (6, "drawing     ./taxi.svg"),
    ] {
        assert!(lines[line].starts_with(words), "{out}");
    }
    assert_eq!(names(folder.path()), ["taxi.checkpoint.json", "taxi.svg"]);
    let drawing = fs::read_to_string(folder.path().join("taxi.svg")).unwrap();
    for words in [
        "<svg",
        "optimum 7.93",
        "with prioritised sweeping",
        "best since",
        "</svg>",
    ] {
        assert!(drawing.contains(words), "{words}");
    }
}

#[test]
fn the_same_line_gives_the_same_output_and_files() {
    let [one, two] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let line = "--out . --steps 3000 --planner dyna --json --rules R:G --explain 2,3,taxi,R";
    assert_eq!(told(one.path(), line), told(two.path(), line));
    for name in names(one.path()) {
        let read = |folder: &Path| fs::read(folder.join(&name)).unwrap();
        assert_eq!(read(one.path()), read(two.path()), "{name}");
    }
    let other = told(two.path(), &format!("{line} --seed 8"));
    assert_ne!(told(one.path(), line), other);
}

#[test]
fn json_has_the_figures_of_both_drivers() {
    let folder = tempfile::tempdir().unwrap();
    let all = json_of(folder.path(), "--out deep/er --steps 5000 --mask --seed 3");
    let settings = json!({
        "rule": "q", "planner": "none", "epsilon": 0.1, "discount": 0.99, "mask": true, "seed": 3,
        "loaded_steps": null,
    });
    assert_eq!(all["settings"], settings);
    assert!((all["optimum"].as_f64().unwrap() - 7.93).abs() < 1e-9);
    assert_eq!(all["driver"]["best"], false);
    assert_eq!(all["driver"]["best_since_steps"], Value::Null);
    assert_eq!(all["beside"]["planner"], "sweeping");
    assert_eq!(all["beside"]["best"], true);
    for driver in [&all["driver"], &all["beside"]] {
        let curve = driver["curve"].as_array().unwrap();
        assert_eq!(curve[0]["steps"], 0);
        let last = curve.last().unwrap();
        for key in ["steps", "episodes", "value"] {
            assert_eq!(last[key], driver[key], "{key}");
        }
        assert!((5_000..5_200).contains(&driver["steps"].as_u64().unwrap()));
    }
    let checkpoint = &all["checkpoint"];
    let bytes = fs::read(folder.path().join("deep/er/taxi.checkpoint.json")).unwrap();
    assert_eq!(checkpoint["bytes"], bytes.len());
    let sealed: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(checkpoint["checksum"], sealed["checksum"]);
    assert_eq!(checkpoint["same"], true);
    assert!(checkpoint["same_after_steps"].as_u64().unwrap() >= 1_000);
    assert_eq!(all["interrupted"], false);
    assert_eq!(all["drawing"], "deep/er/taxi.svg");
}

#[test]
fn who_goes_on_from_a_checkpoint_ends_where_one_run_ends() {
    for settings in [
        "",
        "--planner sweeping",
        "--mask --planner dyna --rule double",
        "--rule q-lambda:0.8",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let whole = format!("--alone --out . --save whole {settings}");
        told(folder.path(), &format!("{whole} --steps 4000"));
        let part = format!("--alone --out . --save part {settings}");
        told(folder.path(), &format!("{part} --steps 1500"));
        let out = told(
            folder.path(),
            "--out . --load part --save rest --steps 4000",
        );
        assert!(
            out.lines().next().unwrap().contains(", going on after 1"),
            "{out}"
        );
        let read = |name| fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read("whole"), read("rest"), "{settings}");
        assert_ne!(read("part"), read("rest"), "{settings}");
    }
}

#[test]
fn a_budget_of_episodes_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let all = json_of(folder.path(), "--out . --alone --episodes 20");
    assert_eq!(all["driver"]["episodes"], 20);
    let all = json_of(
        folder.path(),
        "--out . --load taxi.checkpoint.json --episodes 25",
    );
    assert_eq!(all["driver"]["episodes"], 25);
    assert_eq!(all["beside"], Value::Null);
    // What is spent already is no reason to go on.
    let all = json_of(
        folder.path(),
        "--out . --load taxi.checkpoint.json --episodes 10",
    );
    assert_eq!(all["driver"]["episodes"], 25);
}

#[test]
fn every_rule_and_planner_drives() {
    let folder = tempfile::tempdir().unwrap();
    for rule in [
        "q",
        "double",
        "sarsa",
        "expected-sarsa",
        "n-step-sarsa:3",
        "tree-backup:3",
        "q-lambda:0.9",
        "sarsa-lambda:0.9",
    ] {
        for planner in ["none", "sweeping", "dyna"] {
            let line = format!("--out . --alone --steps 1000 --rule {rule} --planner {planner}");
            let all = json_of(folder.path(), &line);
            assert_eq!(all["settings"]["rule"], rule);
            assert_eq!(all["settings"]["planner"], planner);
            assert_eq!(all["checkpoint"]["same"], true, "{line}");
        }
    }
}

#[test]
fn a_state_is_explained_with_values_visits_mask_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("{QUICK} --mask --explain 0,0,taxi,R");
    let out = told(folder.path(), &line);
    let at = out
        .find("state 16: row 0, column 0, passenger in the taxi to R")
        .unwrap();
    let lines: Vec<&str> = out[at..].lines().collect();
    assert!(lines[1].starts_with("best is dropoff, ahead by "), "{out}");
    assert!(lines[1].contains("; done was "), "{out}");
    assert!(
        lines[3].starts_with("  north: value 0.000, visits 0, not allowed"),
        "{out}"
    );
    assert!(
        lines[7].starts_with("  dropoff: value 20.000, visits "),
        "{out}"
    );
    let explained = json_of(folder.path(), &line)["explained"].clone();
    assert_eq!(
        (&explained["state"], &explained["best"]),
        (&json!(16), &json!(5))
    );
    assert_eq!(explained["standing"], "highest");
    let candidates = explained["candidates"].as_array().unwrap();
    let allowed: Vec<&Value> = candidates.iter().map(|one| &one["allowed"]).collect();
    assert_eq!(allowed, [true, false, true, false, false, true]);
}

#[test]
fn the_rules_of_the_best_driver_lead_home() {
    let folder = tempfile::tempdir().unwrap();
    let out = told(folder.path(), &format!("{QUICK} --mask --rules taxi:Y"));
    let at = out.find("passenger in the taxi to Y").unwrap();
    let map: Vec<&str> = out[at..].lines().skip(1).take(5).map(str::trim).collect();
    // From everywhere, as the map says, to the stand at the lower left.
    for (row, column) in (0..5).flat_map(|row| (0..5).map(move |column| (row, column))) {
        let (mut row, mut column) = (row, column);
        for _ in 0..20 {
            match map[row].as_bytes()[column] {
                b'v' => row += 1,
                b'^' => row -= 1,
                b'>' => column += 1,
                b'<' => column -= 1,
                b'D' => break,
                sign => panic!("{sign}: {out}"),
            }
        }
        assert_eq!((row, column), (4, 0), "{out}");
    }
    assert!(out.contains("row 4, column 0: dropoff"), "{out}");
}

#[test]
fn tables_are_written_where_they_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let line = "--out . --steps 1000 --curve-csv c.csv --returns-csv r.csv --policy-csv p.csv \
        --save s.json --plot d.svg";
    told(folder.path(), line);
    assert_eq!(
        names(folder.path()),
        ["c.csv", "d.svg", "p.csv", "r.csv", "s.json"]
    );
    let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
    let (curve, policy, returns) = (read("c.csv"), read("p.csv"), read("r.csv"));
    assert!(curve.starts_with("planner,steps,episodes,value\nnone,0,0,-"));
    assert!(curve.contains("\nsweeping,0,0,-"));
    assert!(
        policy.starts_with(
            "state,action,value,gap,visits\n\"row 0, column 0, passenger at R to G\","
        )
    );
    // All states but the four at which a ride is over.
    assert_eq!(policy.lines().count(), 1 + 496);
    assert!(returns.starts_with("until,count,mean,least,most\n1,1,"));
}

#[test]
fn broken_checkpoints_are_refused_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    told(folder.path(), "--out . --alone --steps 500");
    let path = folder.path().join("taxi.checkpoint.json");
    let whole = fs::read_to_string(&path).unwrap();
    let write = |text: &str| fs::write(folder.path().join("broken"), text).unwrap();
    let line = "--out . --load broken --steps 600";

    let at = whole.find("\"discount\":0.99").unwrap();
    let (before, after) = whole.split_at(at);
    write(&format!("{before}{}", after.replacen("0.99", "0.98", 1)));
    refused_in_a_line(folder.path(), line, 2, "broken: the checksum is ");
    write(&whole[..whole.len() / 2]);
    refused_in_a_line(folder.path(), line, 2, "broken: line 1, column ");
    write("{}");
    refused_in_a_line(folder.path(), line, 2, "broken: ");
    write("");
    refused_in_a_line(folder.path(), line, 2, "broken: ");
    refused_in_a_line(folder.path(), "--out . --load nowhere", 2, "nowhere: ");
    refused_in_a_line(folder.path(), "--out . --load .", 2, ".: ");
    // What was there is still there, and nothing new.
    assert_eq!(fs::read_to_string(&path).unwrap(), whole);
    assert_eq!(
        names(folder.path()),
        ["broken", "taxi.checkpoint.json", "taxi.svg"]
    );
}

#[test]
fn a_driver_of_another_world_or_with_another_mask_is_refused() {
    use cloudlot_qlearn::{Agent, Config, Dense, Learner, Save};
    let folder = tempfile::tempdir().unwrap();
    let learner = Learner::new(Dense::new(16, 4, 0.0).unwrap(), Config::default()).unwrap();
    let agent = Agent::new(learner, 1, 0);
    agent.save_to(&folder.path().join("lake")).unwrap();
    let words = "lake: a table of 16 states and 4 actions is not one of Taxi";
    refused_in_a_line(folder.path(), "--out . --load lake", 2, words);

    told(folder.path(), "--out . --alone --steps 500");
    let line = "--out . --load taxi.checkpoint.json --mask";
    refused_in_a_line(folder.path(), line, 2, "trained without --mask");
}

#[test]
fn wrong_use_is_refused_with_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "--steps many",
        "--steps -1",
        "--steps 1 --episodes 1",
        "--epsilon 1.1",
        "--epsilon nan",
        "--discount=-0.1",
        "--rule best",
        "--planner best",
        "--explain 500",
        "--explain 0,0,taxi,taxi",
        "--explain 5,0,R,G",
        "--explain 0,0,R,R",
        "--rules taxi",
        "--rules R:taxi",
        "--load it --seed 3",
        "--load it --rule q",
        "--load it --epsilon 0.1",
        "--rule n-step-sarsa:0",
        "--rule q-lambda:2",
        "--frobnicate",
        "again",
    ] {
        refused(folder.path(), line, 2, "");
        assert!(!run(folder.path(), line).complaint.is_empty(), "{line}");
    }
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn files_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("taken"), "").unwrap();
    for (line, words) in [
        ("--out taken", "taken: "),
        ("--out . --save none/it", "none/it: "),
        ("--out . --plot none/it.svg", "none/it.svg: "),
        ("--out . --curve-csv none/c", "none/c: "),
        ("--out . --returns-csv none/r", "none/r: "),
        ("--out . --policy-csv none/p", "none/p: "),
    ] {
        let said = run(folder.path(), &format!("{line} --alone --steps 200 --json"));
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{line}");
        assert!(
            said.complaint.starts_with(&format!("qlearn-taxi: {words}")),
            "{}",
            said.complaint
        );
        assert_eq!(said.complaint.lines().count(), 1);
    }
}

#[test]
fn a_signal_ends_the_training_and_what_was_learned_is_saved() {
    for by in [Signal::INT, Signal::TERM] {
        let folder = tempfile::tempdir().unwrap();
        let line = "--out . --steps 1000000000000";
        let mut child = program(folder.path(), line)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut out = String::new();
        stdout.read_line(&mut out).unwrap();
        kill_process(Pid::from_child(&child), by).unwrap();
        stdout.read_to_string(&mut out).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{out}");
        assert!(out.contains(" episodes, interrupted\n"), "{out}");
        assert!(!out.contains("beside"), "{out}");
        let next = "--out . --load taxi.checkpoint.json --episodes 0";
        told(folder.path(), next);
        assert_eq!(names(folder.path()), ["taxi.checkpoint.json", "taxi.svg"]);
    }
}

#[test]
fn help_names_the_options() {
    let folder = tempfile::tempdir().unwrap();
    let help = told(folder.path(), "--help");
    for option in [
        "--steps",
        "--episodes",
        "--seed",
        "--mask",
        "--planner",
        "--rule",
        "--epsilon",
        "--discount",
        "--save",
        "--load",
        "--curve-csv",
        "--returns-csv",
        "--plot",
        "--policy-csv",
        "--rules",
        "--explain",
        "--json",
        "--alone",
        "--out",
    ] {
        assert!(help.contains(option), "{option}");
    }
}

//! The peers in Python, run in the same run where their interpreter was set up.
//!
//! `qlearn/peers.py` says how to set it up. `CLOUDLOT_PYTHON` names another interpreter that has the packages.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Prints what a step costs in Python, and how many times `ours`, nanoseconds for a step, that is.
pub(crate) fn compare(ours: f64, brief: bool) {
    println!("\nthe whole Taxi loop in Python, a step");
    let Some(python) = interpreter() else {
        println!("skipped: no target/python; benches/qlearn/peers.py says how to set it up");
        return;
    };
    let script = Path::new(ROOT).join("benches/qlearn/peers.py");
    let mut command = Command::new(python);
    command.arg(script).stderr(Stdio::inherit());
    if brief {
        command.arg("--test");
    }
    let output = command.output().expect("the interpreter runs");
    assert!(output.status.success(), "peers.py fails");
    let text = String::from_utf8(output.stdout).expect("peers.py prints UTF-8");
    println!(
        "{:<44} {:>9} {:>9} {:>9}",
        "ns of CPU each", "p10", "median", "to ours"
    );
    for line in text.lines() {
        let [name, low, middle] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("a name and two numbers, not {line:?}");
        };
        let number = |text: &str| text.parse::<f64>().expect("a number");
        let (low, middle) = (number(low), number(middle));
        println!("{name:<44} {low:>9.1} {middle:>9.1} {:>9.1}", middle / ours);
    }
}

fn interpreter() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CLOUDLOT_PYTHON") {
        return Some(named.into());
    }
    let usual = Path::new(ROOT).join("target/python/bin/python");
    usual.exists().then_some(usual)
}

//! Cutting a run that fails down to few commands.

use crate::commands::{Command, Shape};
use crate::run::Run;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Plays commands; at the first that goes wrong, how many were played and what went wrong.
pub(crate) fn outcome(shape: &Shape, script: &[Command]) -> Result<(), (usize, String)> {
    let mut played = 0;
    let play = AssertUnwindSafe(|| {
        let mut run = Run::new(*shape);
        for command in script {
            played += 1;
            run.step(*command)?;
        }
        Ok(())
    });
    let result: Result<(), String> = catch_unwind(play).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text
            .or_else(|| panic.downcast_ref().map(|text: &&str| (*text).to_owned()))
            .unwrap_or_default())
    });
    result.map_err(|why| (played, why))
}

/// Leaves out whatever can be left out while something still goes wrong.
pub(crate) fn shrink(shape: &Shape, script: &[Command]) -> (Vec<Command>, String) {
    let mut few = script.to_vec();
    let mut last = String::new();
    let mut chunk = few.len();
    while chunk > 0 {
        let mut from = 0;
        while from < few.len() {
            let mut fewer = few.clone();
            fewer.drain(from..(from + chunk).min(few.len()));
            match outcome(shape, &fewer) {
                Err((played, why)) => {
                    fewer.truncate(played);
                    (few, last) = (fewer, why);
                }
                Ok(()) => from += chunk,
            }
        }
        chunk /= 2;
    }
    (few, last)
}

//! The thread that owns the engine: it commits what waits, and answers after the barrier.

use super::engine::{Engine, Failure};
use super::queue::{Queue, Work};
use crate::{Batch, NotExecuted, Outcome, Promise};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Works until the queue is closed and empty, or until the engine fails.
pub(super) fn run(mut engine: Engine, queue: &Queue) {
    while let Some(work) = queue.next() {
        let failed = match work {
            Work::Group(group) => commit(&mut engine, group).err(),
            Work::Question(question) => {
                // A panic drops the question, which tells its caller.
                let asked = catch_unwind(AssertUnwindSafe(|| question(Ok(&mut engine))));
                let why = asked.is_err().then(|| "the engine panicked".to_owned());
                why.or_else(|| engine.failed().map(str::to_owned))
            }
        };
        if let Some(why) = failed {
            queue.fail(&why);
            return;
        }
    }
}

/// Commits a group and answers it, in order.
fn commit(engine: &mut Engine, group: Vec<(Batch, Promise)>) -> Result<(), String> {
    let (batches, promises): (Vec<Batch>, Vec<Promise>) = group.into_iter().unzip();
    let result = catch_unwind(AssertUnwindSafe(|| engine.commit(&batches)))
        .unwrap_or_else(|_| Err(Failure::During("the engine panicked".into())));
    let (outcomes, failed) = match result {
        Ok(outcomes) => (outcomes, Ok(())),
        // Nothing reached the file's roots, so nothing of it can come back.
        Err(Failure::Before(why)) => {
            let outcome = Outcome::NotExecuted(NotExecuted::Failed(why.clone()));
            (vec![outcome; promises.len()], Err(why))
        }
        Err(Failure::During(why)) => (vec![Outcome::Unknown; promises.len()], Err(why)),
    };
    for (promise, outcome) in promises.into_iter().zip(outcomes) {
        promise.keep(outcome);
    }
    failed
}

//! A ledger with a policy: requests come in, grants and refusals with reasons come out.
//!
//! [`Engine::place`] answers at once. [`Engine::submit`] and [`Engine::step`] keep a queue: every request waits in
//! the tree of its owners, and a step serves in order whoever can be served. Nobody polls: a refused request says what would
//! wake it, and [`Engine::next_deadline`] when to come back though nothing happens.

mod allocator;
mod attempt;
mod backfill;
mod explain;
mod log;
mod machine;
mod outcome;
mod preempt;
mod queue;
mod reclaim;
mod resource;
mod step;
mod wake;
mod what_if;

pub use allocator::{Allocator, AllocatorBuilder, Discipline};
pub use explain::{Explanation, FilterCount, Fix, PartReport, RowScore, ScorePart};
pub use log::{Command, Event, Line, Replay};
pub use machine::{AddError, Engine, SubmitError};
pub use outcome::{Cause, DryRun, Outcome, Refused, StepReport};
pub use preempt::{Preempt, Preempted, Victims};
pub use queue::{Pending, Ticket};
pub use reclaim::TakeBack;
pub use resource::AsResource;
pub use wake::{Happened, WakeOn};
pub use what_if::WhatIf;

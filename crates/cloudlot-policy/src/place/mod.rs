//! Where a request goes: filters say which rows may serve, scores which of them had better, a strategy puts the pieces
//! down.
//!
//! Plug-ins are small and object-safe, and are asked for batches of rows. What is legal is asked of core alone: every
//! strategy begins with the four filters of [`legal`], and whatever a strategy puts together goes through a
//! [`Draft`](cloudlot_core::ledger::Draft) before it is a plan.

pub mod conformance;
mod elastic;
mod field;
pub mod legal;
mod named;
mod objective;
mod optimise;
mod plug;
mod put;
mod reason;
mod rowset;
pub mod score;
mod search;
mod strategy;

pub(crate) use field::{Candidate, Spreads, rank};
pub use objective::Objective;
pub use plug::{Ask, EVALUATIONS, Filter, Reads, SCALE, Score, World};
pub(crate) use put::required;
pub use put::{Unplaced, begin, place, place_under};
pub use reason::Reason;
pub use rowset::RowSet;
pub use strategy::{Search, Strategy, StrategyBuilder, Tie};

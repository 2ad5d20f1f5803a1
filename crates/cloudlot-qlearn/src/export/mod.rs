//! What was learned, for people and their tools: tables, rules and curves.

mod csv;
mod curve;
mod policy;
mod rules;

pub use curve::{Curve, Point};
pub use policy::{PolicyRow, policy_rows, write_policy};
pub use rules::{PolicyRule, PolicyRules};

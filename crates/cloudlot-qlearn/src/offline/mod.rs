//! Learning from logs, and judging a policy by them before it may act.
//!
//! A [`Log`] holds what some behaviour did and how likely it was to do so. An [`Evaluation`] says
//! what a [`TargetPolicy`] would have earned in its place, by five estimators with confidence bounds;
//! [`gate()`] lets it be deployed only where the lower bound beats what was logged. Nothing here acts.
//!
//! Sources: Precup, Sutton and Singh, "Eligibility Traces for Off-Policy Policy Evaluation" (2000);
//! Jiang and Li, "Doubly Robust Off-policy Value Evaluation for Reinforcement Learning" (2016);
//! Thomas and Brunskill, "Data-Efficient Off-Policy Policy Evaluation for Reinforcement Learning"
//! (2016).

mod bound;
mod evaluation;
mod file;
mod fit;
mod gate;
mod learn;
mod log;
mod model;
mod ratio;
mod target;
mod values;

pub use bound::{Confidence, MeanBound};
pub use evaluation::{Estimate, Estimator, Evaluation, EvaluationError};
pub use file::{LogReader, LogWriter, ReadError, WriteError};
pub use fit::{Fit, Fitted};
pub use gate::{Baseline, Gate, Objection, Verdict, gate};
pub use learn::{LearnError, Learned, learn};
pub use log::{Fault, Header, HeaderError, Log, LogError};
pub use model::{CountError, counted};
pub use target::{TargetPolicy, TargetPolicyError};
pub use values::{ActionValues, ActionValuesError};

//! Given models, solved exactly: what an agent should find, known beforehand.
//!
//! A [`Model`] is a finite Markov decision process whose chances and rewards are given. From it
//! come the optimum ([`value_iteration`]), the worth of any [`Policy`] ([`evaluate`]), both within
//! a time limit ([`evaluate_within`], [`optimum_within`]), the best that an agent can do that never
//! stops exploring ([`epsilon_soft_optimum`]), and averages of worlds without an end
//! ([`average`], [`optimal_average`]). [`World`] samples a model, to learn in.
//!
//! Nothing is ever bootstrapped past a terminated outcome, whatever rows the model has for the state
//! it led to.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use cloudlot_qlearn::exact::{Model, Policy, evaluate_within, value_iteration};
//! use cloudlot_qlearn::{ActionId, StateId};
//!
//! // Wait for nothing, or try: half of the tries earn 1 and end.
//! let (wait, attempt) = (ActionId(0), ActionId(1));
//! let model = Model::builder(1, 2)
//!     .goes(StateId(0), wait, 1.0, StateId(0), 0.0)
//!     .goes(StateId(0), attempt, 0.5, StateId(0), 0.0)
//!     .ends(StateId(0), attempt, 0.5, StateId(0), 1.0)
//!     .start(StateId(0), 1.0)
//!     .build()?;
//!
//! let solution = value_iteration(&model, 0.9, 1e-12, 10_000)?;
//! assert!((solution.values[0] - 0.5 / 0.55).abs() < 1e-12);
//!
//! let greedy = Policy::greedy(&model, &solution.q)?;
//! assert_eq!(evaluate_within(&model, &greedy, 2)?, 0.75);
//! # Ok(())
//! # }
//! ```
//!
//! Sources: Bellman, "Dynamic Programming" (1957); Howard, "Dynamic Programming and Markov
//! Processes" (1960); Puterman, "Markov Decision Processes" (1994).

mod average;
mod build;
mod chain;
mod error;
mod evaluate;
mod file;
mod linear;
mod model;
mod optimum;
mod policy;
mod within;
mod world;

pub use average::{AverageOptimum, average, optimal_average};
pub use build::{ModelBuilder, ModelError};
pub use error::{PolicyError, SolveError};
pub use evaluate::evaluate;
pub use file::ModelFile;
pub use model::{Branch, Model};
pub use optimum::{Solution, epsilon_soft_optimum, value_iteration};
pub use policy::{Policy, best_actions, greedy};
pub use within::{evaluate_within, optimum_values_within, optimum_within, values_within};
pub use world::World;

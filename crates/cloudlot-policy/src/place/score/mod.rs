//! Scores: which of the rows that may serve had better.
//!
//! Each asks one question, so that a strategy says what it wants by naming a few with weights.

mod domain;
mod fill;
mod order;
mod wish;

pub use domain::{Near, Scattered};
pub use fill::{Balanced, Even, Fullest, LeastRequested, MostRequested, Tightest};
pub use order::{First, Next};
pub use wish::{Companions, Cost, Preferred};

use cloudlot_core::ResourceId;

/// Writes what `score` says of each row.
fn each(rows: &[ResourceId], out: &mut [i64], score: impl Fn(ResourceId) -> i64) {
    for (on, out) in rows.iter().zip(out) {
        *out = score(*on);
    }
}

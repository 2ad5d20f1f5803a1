//! What must hold of dominant resource fairness: that it is what exact fractions say, that it is fair, and that whole
//! numbers add up.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fairness;
mod given;
mod numbers;
mod oracle;
mod whole;

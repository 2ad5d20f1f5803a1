//! How many instances of a function there should be.
//!
//! A rule looks at the load and says a number; starting and ending instances is for others.

pub mod kpa;

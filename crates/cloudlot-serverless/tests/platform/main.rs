//! What holds of the platform: one reply a call whatever goes wrong, the same as a naive model where nothing does, and the exact
//! course of small cases.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod breaker;
mod cancel;
mod dead_letters;
mod desk;
mod drain;
mod evict;
mod fair;
mod faults;
mod grace;
mod growth;
mod guarded;
mod health;
mod keys;
mod model;
mod once;
mod owners;
mod prewarm;
mod retries;
mod seams;
mod slots;
mod small;

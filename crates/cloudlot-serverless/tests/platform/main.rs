//! What holds of the platform: one reply a call whatever goes wrong, the same as a naive model where nothing does, and the exact
//! course of small cases.

mod drain;
mod evict;
mod faults;
mod growth;
mod keys;
mod model;
mod once;
mod prewarm;
mod retries;
mod slots;
mod small;

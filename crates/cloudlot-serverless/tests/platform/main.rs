//! What holds of the platform: one reply a call whatever goes wrong, the same as a naive model where nothing does, and the exact
//! course of small cases.

mod breaker;
mod cancel;
mod dead_letters;
mod desk;
mod drain;
mod faults;
mod grace;
mod growth;
mod health;
mod keys;
mod model;
mod once;
mod prewarm;
mod retries;
mod small;

//! Contention: every kernel against an oracle that is too simple to be wrong, or against what it must never do.

#![expect(
    clippy::unwrap_used,
    reason = "what the helpers unwrap is part of what is tested"
)]

mod circles;
mod elastic;
mod grace;
mod heritage;
mod strategies;
mod victims;
mod world;

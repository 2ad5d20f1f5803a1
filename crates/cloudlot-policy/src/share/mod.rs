//! Who gets how much: dividing what there is among those who want it.
//!
//! One kind at a time: [`max_min`] and [`max_min_bounded`], which live in `cloudlot_core::share` because tasks on a host
//! divide by them too. Several kinds at once, in the proportions in which tasks use them: [`drf`]. One call for claims
//! and a policy by name: [`split`].

pub mod drf;
pub mod split;

pub use cloudlot_core::share::{BoundedClaim, Claim, Overpromised, max_min, max_min_bounded};

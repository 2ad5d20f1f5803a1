//! Who holds how much, and who used how much lately, at every level of the owners' tree.
//!
//! [`Accounts`] follow a ledger by its entries, as a view does. Orders and the quota tree read them. What an account holds
//! includes what the accounts below it hold. Amounts are whole numbers and count exactly; past use is a rate that fades by
//! half in each half-life, see [`Decay`]. Which share is too much is not decided here.

mod decay;
mod figures;
mod follow;
mod share;
mod tree;

pub use decay::{Decay, DecayError};
pub use follow::FollowError;
pub use share::Share;
pub use tree::{AccountError, AccountId, Accounts, Mark};

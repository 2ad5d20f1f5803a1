//! Whether a request may be served at all, whatever is free: quotas, and rules of a program's own.

mod count;
mod quota;

pub use count::CountLimit;
pub(crate) use quota::by_quota;

use crate::accounts::AccountId;
use crate::engine::WakeOn;
use crate::order::Books;
use cloudlot_core::{Amounts, OwnerPath, Quantities, Request};

/// A request that waits at the gate.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// What is asked for.
    pub request: &'a Request,
    /// The account of its owner.
    pub account: AccountId,
    /// What it takes in all. It is asked first with the least that it needs, all parts with the members they must have;
    /// then, if it found more, with that.
    pub takes: &'a Amounts,
}

/// The gate is closed to a request.
#[derive(Clone, PartialEq, Debug)]
pub struct Denied {
    /// The owner at whose level it is closed.
    pub owner: OwnerPath,
    /// Why, in words.
    pub why: String,
    /// What the owner lacks, kind by kind; nothing if it is no question of amounts.
    pub short: Quantities,
    /// Whether taking back from owners who borrow would open it.
    pub may_reclaim: bool,
    /// What may open it.
    pub wake: WakeOn,
}

/// Says whether a request may be served.
///
/// # Contract
/// - The answer follows from the arguments alone; it is asked before a place is looked for, so it should be quick.
/// - A request that is denied stays so until what [`Denied::wake`] names happens.
pub trait Admit: Send + Sync {
    /// A short name, for explanations.
    fn name(&self) -> &str;

    /// Whether the request may be served now.
    ///
    /// # Errors
    /// Why not.
    fn admit(&self, books: &Books<'_>, entry: &Entry<'_>) -> Result<(), Denied>;
}

//! Where a request goes: asked of whoever places, so that making room needs no opinion about it.

use cloudlot_core::Request;
use cloudlot_core::ledger::{Draft, Placement, Why};

/// Says where a request could go now, beside all that the draft has taken and given back.
///
/// A function of its arguments: asked twice about the same, it says the same. Closures over a draft and a request are
/// placers, too.
pub trait Place {
    /// A place for all of the request, or why there is none.
    ///
    /// # Errors
    /// Why the request has no place.
    fn place(&self, draft: &Draft<'_>, request: &Request) -> Result<Placement, Why>;
}

impl<F> Place for F
where
    F: Fn(&Draft<'_>, &Request) -> Result<Placement, Why>,
{
    fn place(&self, draft: &Draft<'_>, request: &Request) -> Result<Placement, Why> {
        self(draft, request)
    }
}

//! First fit: each request, in its order, on the first node that takes it whole. The least policy there can be, to show the
//! ledger at work on files.

mod files;
mod fit;
mod show;

pub use show::run;

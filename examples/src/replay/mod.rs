//! A day of function calls, generated or read from a trace, replayed under policies of keeping instances warm, and the
//! policies compared.

mod args;
mod policy;
mod show;
mod span;
mod start;
mod trace;

pub use show::run;

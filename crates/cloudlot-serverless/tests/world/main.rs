//! What holds of a platform in a world where things go wrong: exact logs, one reply a call, the same seed the same bytes, and no growth.

mod audit;
mod bytes;
mod delays;
mod golden;
mod growth;
mod losses;
mod once;
mod refusals;
mod script;
mod starts;
mod table;

//! Requests and resources as files and messages hold them (feature `serde`).
//!
//! What is read goes through the same builders as everything else, so that it is checked by the same rules, and all that
//! is wrong with it is said at once. Only text that is no request at all (a field that is unknown, a list where a number
//! should be) ends the reading at the first error.

mod pairs;
mod record;
mod request;
mod resource;
mod text;

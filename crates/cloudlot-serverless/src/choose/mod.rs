//! Which host takes a start, and which of several instances a call: the rules, and the port of choosers that learn.
//!
//! A rule looks at numbers and names one; whether there is room, and what is done with the answer, is the platform's affair. Ties
//! go to the lowest number, chance comes from one seeded stream.

mod hash;
mod host;
mod instance;
mod learned;
mod load;
mod luck;
mod port;

pub use host::HostChoice;
pub use learned::{ChoiceRule, Learned};
pub use port::{Candidate, Choose, Question, Wanted};

pub(crate) use host::Asked;
pub(crate) use instance::Free;
pub(crate) use load::{HostLoad, Size};
pub(crate) use luck::Luck;

//! Traces of real platforms, read as streams into little memory and replayed call by call.
//!
//! Most public traces count calls: so many of a function in a minute. [`Counts`] keeps such a trace in a few bytes a minute and
//! gives its calls in order of time without ever holding them all. [`azure2019`] and [`huawei`] read that kind; [`azure2021`] reads
//! single calls into a [`Calls`]; [`opendc`] reads samples with a time of their own.
//!
//! Readers take what implements `BufRead`: opening and unpacking files is the caller's. A damaged file is refused with the file,
//! the line and the column. What runs the calls is the platform's business.

mod arrivals;
pub mod azure2019;
pub mod azure2021;
mod calls;
mod counts;
mod error;
pub mod huawei;
pub mod opendc;
pub(crate) mod series;
mod table;
mod total;

pub use arrivals::Arrivals;
pub use calls::Calls;
pub(crate) use counts::MINUTE;
pub use counts::{Counts, Replay};
pub use error::{TraceError, TraceFault};

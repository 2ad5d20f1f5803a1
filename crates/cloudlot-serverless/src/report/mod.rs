//! What became of runs: gathered while they go on, compared, and written as a table, JSON, CSV and SVG.
//!
//! A [`Gather`] is a [`Sink`](crate::Sink) and takes no more memory for a longer run. It ends in a [`Run`]: plain data. A [`Report`] is runs of one
//! workload side by side. Nothing here knows a file or a clock: writers take `impl Write` or give text.
//!
//! ```
//! use cloudlot_core::Seeds;
//! use cloudlot_serverless::report::{Gather, Report, Workload};
//! use cloudlot_serverless::sim::{FixedStart, Simulation};
//! use cloudlot_serverless::{FixedWindow, Function, Platform, Settings};
//! use std::time::Duration;
//!
//! let day = cloudlot_serverless::synthetic::azure_day(10, Seeds::new(1)).counts;
//! let mut report = Report::new(Workload::of("a generated day", &day));
//! for minutes in [1, 10] {
//!     let window = Duration::from_secs(60 * minutes);
//!     let mut platform = Platform::new(Settings::DEFAULT, FixedWindow(window));
//!     for profile in day.functions() {
//!         platform.add(Function::from(profile));
//!     }
//!     let mut gather = Gather::new(day.functions());
//!     let mut simulation = Simulation::new(FixedStart(Duration::from_secs(1)));
//!     simulation.run(&mut platform, day.arrivals(), &mut gather);
//!     report.push(gather.finish(&format!("fixed:{minutes}m"), platform.totals()));
//! }
//! assert!(report.runs()[1].cold < report.runs()[0].cold);
//! print!("{report}");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # JSON
//!
//! A [`Report`] is read and written by serde. What is read is checked: its numbers are finite and not negative, shares are at most one, time lines
//! are whole. The schema has a version, now 1; keys stay within one, and new ones may come.
//!
//! - `version`; `workload`: `name`, `functions`, `apps`, `calls`, `span_s`; `price` (null, or `gib_s`, `call`); `runs`, in the order in which
//!   they were made.
//! - A run: `name`, `family`, `setting`; `calls`, `outcomes` (calls by outcome), `starts`, `prewarms` (those ahead of a call), `failed_starts`, `evictions`, `retries`, `waited`
//!   (times that a call found no warm instance), `cold` (calls that were the first on an instance that had to start), `cold_share` (of the calls);
//!   `cold_by_function` and `cold_by_app` (null, or `count`, `p50`, `p75`, `p90` of the shares of those that were called); `delay_s` (null, or
//!   `p50`, `p90`, `p99`, `p99_9`, `max`: from the arrival to the last attempt, in seconds); `idle_mib_s`, `busy_mib_s`, `starting_mib_s`
//!   (memory over time); `peak_mib`, `peak_instances`; `cost` (null, or `calls`, `busy`, `idle`); `timeline`.
//! - A time line: `bucket_s`, and as many numbers as buckets each: `calls` and `cold` by arrival, `idle_mib` and `busy_mib` as means.

mod compare;
mod csv;
mod gather;
mod price;
mod raw;
mod run;
mod sparks;
mod svg;
mod table;
mod timeline;
mod words;

pub use compare::{Cell, Measure, Report, Workload};
pub use gather::Gather;
pub use price::{Cost, Price, PriceError};
pub use raw::ReportError;
pub use run::{Delays, Run, Shares};
pub use svg::{DrawError, Panels};
pub use timeline::Timeline;
pub use words::{share, thousands, time};

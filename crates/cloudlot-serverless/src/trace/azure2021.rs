//! The Azure Functions trace of 2021: one row a call, `app, func, end_timestamp, duration`, times in seconds.
//!
//! The file is sorted by the ends; replaying wants starts: the end less the duration, and zero for a call that began before the
//! trace did. The trace knows no memory and no owners.
//!
//! Source: Zhang et al., "Faster and Cheaper Serverless Computing on Harvested Resources", SOSP 2021;
//! <https://github.com/Azure/AzurePublicDataset>.

use super::calls::Calls;
use super::counts::MOST_FUNCTIONS;
use super::error::{TraceError, TraceFault};
use super::series::as_index;
use super::table::Table;
use super::total::Total;
use crate::{Arrival, FunctionId, Profile};
use cloudlot_core::{Bytes, Timestamp};
use std::collections::BTreeMap;
use std::io::BufRead;

/// Reads the trace; functions are numbered as they first appear, and each holds `memory`.
///
/// A function's profile has the mean of its durations, rounded down to nanoseconds, and the longest; a call has its own.
///
/// # Errors
/// The first fault: a bad number, a missing column, a row that is cut short.
/// ```
/// use cloudlot_core::Bytes;
/// let file = "app,func,end_timestamp,duration\na,f,5.0,1.5\na,g,5.5,3.0\n";
/// let calls = cloudlot_serverless::trace::azure2021::read(file.as_bytes(), Bytes::mib(128))?;
/// let at: Vec<_> = calls.arrivals().map(|call| call.at.as_secs_f64()).collect();
/// assert_eq!(at, [2.5, 3.5]);
/// # Ok::<(), cloudlot_serverless::trace::TraceError>(())
/// ```
pub fn read(source: impl BufRead, memory: Bytes) -> Result<Calls, TraceError> {
    let mut table = Table::open(source, "calls")?;
    let (app, function) = (table.column("app")?, table.column("func")?);
    let (end, duration) = (table.column("end_timestamp")?, table.column("duration")?);
    let mut ids = BTreeMap::new();
    let mut totals: Vec<Total> = Vec::new();
    let mut calls = Vec::new();
    while table.advance()? {
        let key = [table.name(app)?, table.name(function)?];
        let next = u32::try_from(totals.len()).unwrap_or(u32::MAX);
        let id = *ids.entry(key).or_insert(next);
        if id == next {
            if next >= MOST_FUNCTIONS {
                let limit = MOST_FUNCTIONS;
                return Err(table.fault(TraceFault::TooMany { limit }));
            }
            totals.push(Total::default());
        }
        let (end, runs) = (table.duration(end, 1.0)?, table.duration(duration, 1.0)?);
        totals[as_index(id)].add(runs);
        calls.push(Arrival {
            at: Timestamp::ZERO + end.saturating_sub(runs),
            function: FunctionId::new(id),
            runs,
        });
    }
    let mut names: BTreeMap<&str, u32> = BTreeMap::new();
    for [_, function] in ids.keys() {
        *names.entry(function).or_default() += 1;
    }
    let mut functions: Vec<(u32, Profile)> = ids
        .iter()
        .map(|([app, function], &id)| {
            let name = match names[function.as_str()] {
                1 => function.clone(),
                _ => format!("{app}/{function}"),
            };
            (id, totals[as_index(id)].profile(name, app.clone(), memory))
        })
        .collect();
    functions.sort_by_key(|(id, _)| *id);
    let functions = functions.into_iter().map(|(_, profile)| profile).collect();
    Ok(Calls::new(functions, calls))
}

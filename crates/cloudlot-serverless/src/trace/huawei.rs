//! The traces of Huawei Cloud, 2023 and 2025: tables with a row for each minute (or second) and a column for each function.
//!
//! A table has the columns `day` and `time`, the latter in seconds since the trace began, then one a function. There is a table for each
//! day and each metric: requests are calls; delays are how long a call runs, in seconds; memory is what an instance may hold, in MB. An
//! empty field or `NaN` means that nothing is known: no calls, no delay. In 2025 a function's column is
//! `funcName---userID---poolName`, where the user and, as the last number of the pool, the memory are taken from.
//!
//! Source: Joosen et al., "How Does It Function?", SoCC 2023, and "Serverless Cold Starts and Where to Find Them", EuroSys 2025;
//! <https://github.com/sir-lab/data-release>.

use super::counts::{Counts, MOST_CALLS, MOST_FUNCTIONS, MOST_SLOTS};
use super::error::{TraceError, TraceFault};
use super::series::{Series, as_index};
use super::table::{Table, count};
use super::total::Total;
use crate::Profile;
use cloudlot_core::Bytes;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::Duration;

/// How much time a row of the requests stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// As in `requests_minute`.
    Minute,
    /// As in `requests_second`.
    Second,
}

/// Reads a trace table by table: the requests of the first day, of the second, and so on; delays and memory in any order.
///
/// ```
/// use cloudlot_core::Bytes;
/// use cloudlot_serverless::trace::huawei::{Reader, Step};
/// use std::time::Duration;
///
/// let mut reader = Reader::new(Step::Minute);
/// reader.requests("day_00", "day,time,0,1\n0,0,2,NaN\n0,60,,1\n".as_bytes())?;
/// reader.delays("day_00", "day,time,0,1\n0,0,0.25,NaN\n0,60,0.75,NaN\n".as_bytes())?;
/// let trace = reader.finish(Duration::from_secs(1), Bytes::mib(128));
/// assert_eq!(trace.functions()[0].runs, Duration::from_millis(500));
/// let at: Vec<_> = trace.arrivals().map(|call| call.at.as_secs_f64()).collect();
/// assert_eq!(at, [0.0, 30.0, 60.0]);
/// # Ok::<(), cloudlot_serverless::trace::TraceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reader {
    /// In seconds.
    step: u32,
    ids: BTreeMap<String, u32>,
    functions: Vec<Function>,
    /// One past the last slot of the requests.
    slots: u32,
}

#[derive(Clone, Default, Debug)]
struct Function {
    series: Series,
    runs: Total,
    memory: Option<Bytes>,
}

impl Reader {
    /// A reader that has read nothing.
    #[must_use]
    pub fn new(step: Step) -> Self {
        Self {
            step: match step {
                Step::Minute => 60,
                Step::Second => 1,
            },
            ids: BTreeMap::new(),
            functions: Vec::new(),
            slots: 0,
        }
    }

    /// Reads how often the functions are called; errors call the table `name`.
    ///
    /// # Errors
    /// The first fault: a bad number, a missing column, a row that is cut short, a time that is not after all that were read.
    pub fn requests(&mut self, name: &str, source: impl BufRead) -> Result<(), TraceError> {
        let mut table = Table::open(source, name)?;
        let time = table.column("time")?;
        let columns = self.columns(&table)?;
        while table.advance()? {
            let slot = self.slot(&table, time)?;
            for (column, (text, id)) in table.row().zip(&columns).enumerate() {
                let Some(id) = id else { continue };
                if is_unknown(text) {
                    continue;
                }
                let count = count(text, MOST_CALLS)
                    .ok_or_else(|| table.bad(column, text, "a whole number from 0 to 100000000"))?;
                self.functions[as_index(*id)].series.push(slot, count);
            }
            self.slots = slot + 1;
        }
        Ok(())
    }

    /// Reads how long calls run. A function runs as long as the mean of all rows that say it, each counted once, rounded down.
    ///
    /// # Errors
    /// The first fault: a bad number, a missing column, a row that is cut short.
    pub fn delays(&mut self, name: &str, source: impl BufRead) -> Result<(), TraceError> {
        self.values(name, source, |function, table, column, text| {
            function.runs.add(table.duration_of(column, text, 1.0)?);
            Ok(())
        })
    }

    /// Reads what an instance may hold. The largest value counts.
    ///
    /// # Errors
    /// The first fault: a bad number, a missing column, a row that is cut short.
    pub fn memory(&mut self, name: &str, source: impl BufRead) -> Result<(), TraceError> {
        self.values(name, source, |function, table, column, text| {
            let memory = Bytes::from_f64(table.mib_of(column, text)? * 1_048_576.0);
            function.memory = function.memory.max(Some(memory));
            Ok(())
        })
    }

    /// The trace. Functions stand in the order of their first column; those of which no delay or memory was read have the given ones.
    #[must_use]
    pub fn finish(self, runs: Duration, memory: Bytes) -> Counts {
        let mut rows: Vec<(u32, String)> =
            self.ids.into_iter().map(|(name, id)| (id, name)).collect();
        rows.sort_unstable();
        let rows = rows.into_iter().zip(self.functions);
        let rows = rows.map(|((_, name), function)| {
            let known = !function.runs.is_empty();
            let (owner, pool) = parts_of(&name);
            let profile = Profile {
                app: name.clone(),
                owner: owner.unwrap_or_default(),
                memory: function.memory.or(pool).unwrap_or(memory),
                runs: if known { function.runs.mean() } else { runs },
                longest: if known { function.runs.longest() } else { runs },
                name,
            };
            (profile, function.series)
        });
        Counts::new(rows.collect(), self.step * 1_000, self.slots)
    }

    /// Reads a table of something else than calls.
    fn values<R: BufRead>(
        &mut self,
        name: &str,
        source: R,
        mut take: impl FnMut(&mut Function, &Table<R>, usize, &str) -> Result<(), TraceError>,
    ) -> Result<(), TraceError> {
        let mut table = Table::open(source, name)?;
        table.column("time")?;
        let columns = self.columns(&table)?;
        while table.advance()? {
            for (column, (text, id)) in table.row().zip(&columns).enumerate() {
                let Some(id) = id else { continue };
                if !is_unknown(text) {
                    take(&mut self.functions[as_index(*id)], &table, column, text)?;
                }
            }
        }
        Ok(())
    }

    /// Which function each column is of; new ones are added.
    fn columns<R: BufRead>(&mut self, table: &Table<R>) -> Result<Vec<Option<u32>>, TraceError> {
        let mut columns = Vec::with_capacity(table.header().len());
        for name in table.header() {
            // A column without a name is the row number that some tools write.
            if matches!(name.as_str(), "day" | "time" | "") {
                columns.push(None);
                continue;
            }
            let next = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
            let id = *self.ids.entry(name.clone()).or_insert(next);
            if id == next {
                if next >= MOST_FUNCTIONS {
                    let limit = MOST_FUNCTIONS;
                    return Err(table.fault(TraceFault::TooMany { limit }));
                }
                self.functions.push(Function::default());
            }
            columns.push(Some(id));
        }
        Ok(columns)
    }

    fn slot<R: BufRead>(&self, table: &Table<R>, time: usize) -> Result<u32, TraceError> {
        let text = table.field(time);
        let limit = self.step.saturating_mul(MOST_SLOTS - 1);
        let seconds = count(text, limit);
        let whole = seconds.filter(|seconds| seconds.is_multiple_of(self.step));
        let Some(seconds) = whole else {
            return Err(table.bad(time, text, "whole seconds, a multiple of the step"));
        };
        let slot = seconds / self.step;
        if slot < self.slots {
            let before = u64::from(self.slots - 1) * u64::from(self.step);
            let time = seconds.into();
            return Err(table.fault(TraceFault::Order { time, before }));
        }
        Ok(slot)
    }
}

/// Whether a field says that nothing is known.
fn is_unknown(text: &str) -> bool {
    matches!(text, "" | "NaN" | "nan")
}

/// The user and the memory out of `400---418---pool22-300-128`.
fn parts_of(name: &str) -> (Option<String>, Option<Bytes>) {
    let mut parts = name.split("---").skip(1);
    let (user, pool) = (parts.next(), parts.next());
    let memory = pool.and_then(|pool| pool.rsplit('-').next()?.parse().ok());
    let memory = memory.filter(|mib: &u32| *mib <= 1_048_576);
    (
        user.map(str::to_owned),
        memory.map(|mib| Bytes::mib(mib.into())),
    )
}

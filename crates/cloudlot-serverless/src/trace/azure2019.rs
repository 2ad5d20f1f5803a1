//! The Azure Functions trace of 2019: a day in three files, calls by the minute.
//!
//! - Invocations: `HashOwner, HashApp, HashFunction, Trigger`, then the minutes `1`, `2`, … (1,440 in the original) with the
//!   calls in each. Its rows are the functions of the trace, in its order.
//! - Durations: `HashOwner, HashApp, HashFunction, Average, Maximum` in milliseconds, without cold starts.
//! - Memory: `HashOwner, HashApp, AverageAllocatedMb` of an app as a whole.
//!
//! Columns are found by their names; others are passed over. An app's memory is divided equally among its rows in the
//! invocations, rounded down to bytes. One MB of the trace is 1,048,576 bytes.
//!
//! Source: Shahrad et al., "Serverless in the Wild", USENIX ATC 2020; <https://github.com/Azure/AzurePublicDataset>.

use super::counts::{Counts, MINUTE, MOST_CALLS, MOST_FUNCTIONS, MOST_SLOTS};
use super::error::{TraceError, TraceFault};
use super::series::{Series, as_index};
use super::table::{Table, count};
use crate::Profile;
use cloudlot_core::Bytes;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::Duration;

mod write;

/// A day of the trace.
#[derive(Clone, PartialEq, Debug)]
pub struct Day {
    /// The functions and their calls.
    pub counts: Counts,
    /// What calls each function, in the order of the functions.
    pub triggers: Vec<Trigger>,
    /// Rows that had no partner.
    pub unmatched: Unmatched,
}

/// What calls a function, in the trace's own groups.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Trigger {
    /// A web request.
    Http,
    /// A clock.
    Timer,
    /// A message in a queue.
    Queue,
    /// An event of the platform or a stream.
    Event,
    /// A change in a store.
    Storage,
    /// A workflow.
    Orchestration,
    /// Anything else.
    Other,
}

/// What to do with a function whose duration or memory is not in the other files.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Lacking {
    /// It is left out and counted in [`Unmatched`].
    #[default]
    LeaveOut,
    /// The trace is refused.
    Refuse,
    /// It is kept with these in place of what is not known, and counted in [`Unmatched`].
    Assume {
        /// How long a call runs.
        runs: Duration,
        /// What an instance holds.
        memory: Bytes,
    },
}

/// Rows of one file without a row in another.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Unmatched {
    /// Functions without a row in the durations.
    pub without_duration: u64,
    /// Functions whose app has no row in the memory.
    pub without_memory: u64,
    /// The calls of all functions that were left out.
    pub calls_left_out: u64,
    /// Rows of the durations whose function is not in the invocations.
    pub other_durations: u64,
    /// Rows of the memory whose app is not in the invocations.
    pub other_memory: u64,
}

/// Reads the three files of a day.
///
/// # Errors
/// The first fault of the first file that has one: a bad number (negative, not finite, too large), a missing column, a row that is cut
/// short, a function or an app that stands twice, a function without a partner where `lacking` refuses that.
/// ```
/// use cloudlot_core::Bytes;
/// use cloudlot_serverless::trace::azure2019::{self, Lacking};
///
/// let invocations = "HashOwner,HashApp,HashFunction,Trigger,1,2\no,a,f,http,2,0\no,a,g,timer,0,1\n";
/// let durations = "HashOwner,HashApp,HashFunction,Average,Maximum\no,a,f,30,500\no,a,g,7,7\n";
/// let memory = "HashOwner,HashApp,AverageAllocatedMb\no,a,200\n";
/// let day = azure2019::read(
///     invocations.as_bytes(),
///     durations.as_bytes(),
///     memory.as_bytes(),
///     Lacking::LeaveOut,
/// )?;
/// assert_eq!(day.counts.functions()[0].memory, Bytes::mib(100));
/// let at: Vec<_> = day.counts.arrivals().map(|call| call.at.as_secs_f64()).collect();
/// assert_eq!(at, [0.0, 30.0, 60.0]);
/// # Ok::<(), cloudlot_serverless::trace::TraceError>(())
/// ```
pub fn read(
    invocations: impl BufRead,
    durations: impl BufRead,
    memory: impl BufRead,
    lacking: Lacking,
) -> Result<Day, TraceError> {
    let mut day = Reading::default();
    let slots = day.invocations(invocations)?;
    day.durations(durations)?;
    day.memory(memory)?;
    day.join(lacking, slots)
}

/// Who a row is about: owner, app, function.
type Key = [String; 3];

struct Row {
    line: u64,
    trigger: Trigger,
    series: Series,
    /// The average and the maximum.
    runs: Option<(Duration, Duration)>,
    duration_line: u64,
}

#[derive(Default)]
struct App {
    functions: u64,
    memory: Option<Bytes>,
    line: u64,
}

#[derive(Default)]
struct Reading {
    keys: Vec<Key>,
    rows: Vec<Row>,
    row_of: BTreeMap<Key, u32>,
    apps: BTreeMap<[String; 2], App>,
    unmatched: Unmatched,
}

impl Reading {
    /// Reads who is called when; gives the number of minutes.
    fn invocations(&mut self, source: impl BufRead) -> Result<u32, TraceError> {
        let mut table = Table::open(source, "invocations")?;
        let who = who(&table)?;
        let trigger = table.column("Trigger")?;
        let minutes = Minutes::of(&table)?;
        let mut counts = vec![0; minutes.columns.len()];
        while table.advance()? {
            let key = key(&table, who)?;
            let row = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
            if row >= MOST_FUNCTIONS {
                let limit = MOST_FUNCTIONS;
                return Err(table.fault(TraceFault::TooMany { limit }));
            }
            if let Some(first) = self.row_of.insert(key.clone(), row) {
                let first = self.rows[as_index(first)].line;
                return Err(twice(&table, &key, first));
            }
            minutes.read(&table, &mut counts)?;
            let mut series = Series::default();
            for (slot, &count) in (0..).zip(&counts) {
                series.push(slot, count);
            }
            series.shrink();
            let [owner, app, _] = &key;
            let app = [owner.clone(), app.clone()];
            self.apps.entry(app).or_default().functions += 1;
            self.keys.push(key);
            self.rows.push(Row {
                line: table.line(),
                trigger: Trigger::named(table.field(trigger)),
                series,
                runs: None,
                duration_line: 0,
            });
        }
        Ok(u32::try_from(counts.len()).unwrap_or(MOST_SLOTS))
    }

    fn durations(&mut self, source: impl BufRead) -> Result<(), TraceError> {
        let mut table = Table::open(source, "durations")?;
        let who = who(&table)?;
        let (average, maximum) = (table.column("Average")?, table.column("Maximum")?);
        while table.advance()? {
            let key = key(&table, who)?;
            let average = table.duration(average, 1_000.0)?;
            let maximum = table.duration(maximum, 1_000.0)?;
            let Some(&row) = self.row_of.get(&key) else {
                self.unmatched.other_durations += 1;
                continue;
            };
            let row = &mut self.rows[as_index(row)];
            if row.runs.is_some() {
                return Err(twice(&table, &key, row.duration_line));
            }
            row.runs = Some((average, maximum));
            row.duration_line = table.line();
        }
        Ok(())
    }

    fn memory(&mut self, source: impl BufRead) -> Result<(), TraceError> {
        let mut table = Table::open(source, "memory")?;
        let (owner, app) = (table.column("HashOwner")?, table.column("HashApp")?);
        let allocated = table.column("AverageAllocatedMb")?;
        while table.advance()? {
            let key = [table.name(owner)?, table.name(app)?];
            let memory = Bytes::from_f64(table.mib(allocated)? * 1_048_576.0);
            let Some(app) = self.apps.get_mut(&key) else {
                self.unmatched.other_memory += 1;
                continue;
            };
            if app.memory.is_some() {
                return Err(twice(&table, &key, app.line));
            }
            (app.memory, app.line) = (Some(memory), table.line());
        }
        Ok(())
    }

    fn join(mut self, lacking: Lacking, slots: u32) -> Result<Day, TraceError> {
        let mut names: BTreeMap<String, u32> = BTreeMap::new();
        for [_, _, function] in &self.keys {
            *names.entry(function.clone()).or_default() += 1;
        }
        self.row_of.clear();
        let mut kept = Vec::with_capacity(self.rows.len());
        let mut triggers = Vec::with_capacity(self.rows.len());
        for (key, row) in self.keys.into_iter().zip(self.rows) {
            let app = &self.apps[&key[..2]];
            let known = lacking.fill(&mut self.unmatched, &key, &row, app)?;
            let Some((runs, longest, memory)) = known else {
                continue;
            };
            let [owner, app, function] = key;
            let name = if names[&function] == 1 {
                function
            } else {
                format!("{owner}/{app}/{function}")
            };
            let profile = Profile {
                name,
                app,
                owner,
                memory,
                runs,
                longest,
            };
            kept.push((profile, row.series));
            triggers.push(row.trigger);
        }
        Ok(Day {
            counts: Counts::new(kept, MINUTE, slots),
            triggers,
            unmatched: self.unmatched,
        })
    }
}

impl Lacking {
    /// How long a function's calls run, average and longest, and what it holds; `None` to leave it out.
    fn fill(
        self,
        unmatched: &mut Unmatched,
        key: &Key,
        row: &Row,
        app: &App,
    ) -> Result<Option<(Duration, Duration, Bytes)>, TraceError> {
        let share = app.memory.map(|memory| memory.fraction(1, app.functions));
        unmatched.without_duration += u64::from(row.runs.is_none());
        unmatched.without_memory += u64::from(share.is_none());
        if let (Some((runs, longest)), Some(memory)) = (row.runs, share) {
            return Ok(Some((runs, longest, memory)));
        }
        match self {
            Self::LeaveOut => {
                unmatched.calls_left_out += row.series.calls();
                Ok(None)
            }
            Self::Refuse => Err(TraceError {
                file: "invocations".to_owned(),
                line: row.line,
                fault: TraceFault::Unmatched {
                    name: key.join("/"),
                    elsewhere: if row.runs.is_none() {
                        "durations"
                    } else {
                        "memory"
                    },
                },
            }),
            Self::Assume { runs, memory } => {
                let (runs, longest) = row.runs.unwrap_or((runs, runs));
                Ok(Some((runs, longest, share.unwrap_or(memory))))
            }
        }
    }
}

impl Trigger {
    fn named(name: &str) -> Self {
        match name {
            "http" => Self::Http,
            "timer" => Self::Timer,
            "queue" => Self::Queue,
            "event" => Self::Event,
            "storage" => Self::Storage,
            "orchestration" => Self::Orchestration,
            _ => Self::Other,
        }
    }
}

/// Which columns hold the minutes.
struct Minutes {
    /// The slot of each column of the table.
    slots: Vec<Option<u32>>,
    /// The column of each slot.
    columns: Vec<usize>,
}

impl Minutes {
    fn of<R: BufRead>(table: &Table<R>) -> Result<Self, TraceError> {
        let slot = |name: &String| name.parse::<u32>().ok()?.checked_sub(1);
        let slots: Vec<Option<u32>> = table.header().iter().map(slot).collect();
        let count = slots.iter().flatten().count().max(1);
        let mut columns = vec![None; count];
        for (column, slot) in slots.iter().enumerate() {
            let place = slot.and_then(|slot| columns.get_mut(as_index(slot)));
            if let Some(place) = place {
                *place = Some(column);
            }
        }
        let all = (1..).zip(columns);
        let all = all.map(|(minute, column): (u32, Option<usize>)| {
            column.ok_or_else(|| table.fault(TraceFault::MissingColumn(minute.to_string())))
        });
        let columns = all.collect::<Result<_, _>>()?;
        Ok(Self { slots, columns })
    }

    fn read<R: BufRead>(&self, table: &Table<R>, counts: &mut [u32]) -> Result<(), TraceError> {
        for (column, (text, slot)) in table.row().zip(&self.slots).enumerate() {
            let Some(slot) = slot else { continue };
            counts[as_index(*slot)] = count(text, MOST_CALLS).ok_or_else(|| {
                table.bad(column, text, "a whole number of calls from 0 to 100000000")
            })?;
        }
        Ok(())
    }
}

fn who<R: BufRead>(table: &Table<R>) -> Result<[usize; 3], TraceError> {
    Ok([
        table.column("HashOwner")?,
        table.column("HashApp")?,
        table.column("HashFunction")?,
    ])
}

fn key<R: BufRead>(table: &Table<R>, who: [usize; 3]) -> Result<Key, TraceError> {
    let [owner, app, function] = who;
    Ok([table.name(owner)?, table.name(app)?, table.name(function)?])
}

fn twice<R: BufRead>(table: &Table<R>, key: &[String], first: u64) -> TraceError {
    let name = key.join("/");
    table.fault(TraceFault::Twice { name, first })
}

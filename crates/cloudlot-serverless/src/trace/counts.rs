//! A trace that counts calls: so many of a function in each slot of time.

use super::arrivals::Arrivals;
use super::series::Series;
use crate::{FunctionId, Profile};
use std::num::NonZeroU32;
use std::ops::Range;
use std::time::Duration;

/// More calls of a function in a slot are refused; the busiest function known to be public has some millions a minute.
pub(crate) const MOST_CALLS: u32 = 100_000_000;
/// More slots are refused: thirty years of minutes.
pub(crate) const MOST_SLOTS: u32 = 1 << 24;
/// More functions are refused.
pub(crate) const MOST_FUNCTIONS: u32 = 1 << 24;
/// The usual slot, in milliseconds.
pub(crate) const MINUTE: u32 = 60_000;

/// Functions, and how often each is called in each slot of time; a slot is a minute unless the trace says otherwise.
///
/// It keeps the counts, in about two bytes for each slot with calls, and makes the calls when they are asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Counts {
    functions: Vec<Profile>,
    pub(super) series: Vec<Series>,
    /// In milliseconds, at least one.
    width: u32,
    slots: u32,
}

/// Which part of a trace is replayed, and how fast.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replay {
    /// Which slots. Time counts from the start of the first.
    pub slots: Range<u32>,
    /// How many times faster than it was; calls run as long as ever.
    pub faster: NonZeroU32,
}

impl Counts {
    /// Functions and their counts, in slots of so many milliseconds.
    pub(crate) fn new(rows: Vec<(Profile, Series)>, width: u32, slots: u32) -> Self {
        let (functions, mut series): (_, Vec<Series>) = rows.into_iter().unzip();
        series.iter_mut().for_each(Series::shrink);
        let last = series.iter().map(Series::end).max().unwrap_or(0);
        Self {
            functions,
            series,
            width: width.max(1),
            slots: slots.max(last),
        }
    }

    /// What is known of each function; [`FunctionId`] counts them from zero.
    #[must_use]
    pub fn functions(&self) -> &[Profile] {
        &self.functions
    }

    /// How many slots the trace spans.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// How long a slot is.
    #[must_use]
    pub fn slot(&self) -> Duration {
        Duration::from_millis(self.width.into())
    }

    /// How many milliseconds a slot has.
    pub(super) fn width(&self) -> u32 {
        self.width
    }

    /// All calls.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.series.iter().map(Series::calls).sum()
    }

    /// All calls in some slots.
    #[must_use]
    pub fn calls_in(&self, slots: Range<u32>) -> u64 {
        let counts = self.series.iter().flat_map(Series::iter);
        let within = counts.filter(|(slot, _)| slots.contains(slot));
        within.map(|(_, count)| u64::from(count)).sum()
    }

    /// The slots in which a function is called, with how often; empty for a function that is not here.
    pub fn counts_of(&self, function: FunctionId) -> impl Iterator<Item = (u32, u32)> {
        let series = self.series.get(super::series::as_index(function.number()));
        series.into_iter().flat_map(Series::iter)
    }

    /// What the counts take, in bytes, without the functions' profiles.
    #[must_use]
    pub fn size(&self) -> usize {
        self.series.iter().map(Series::size).sum()
    }

    /// Every call in order of time.
    ///
    /// The `k`-th of `n` calls in a slot, from zero, begins `k × width / n` milliseconds after the slot does, rounded down. Calls of
    /// the same millisecond come in the order of the functions. Each call runs as long as its function's profile says.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals<'_> {
        Arrivals::new(self, &self.whole())
    }

    /// The calls of a part of the trace, in order of time, which counts from the start of the part.
    ///
    /// ```
    /// use cloudlot_serverless::trace::Replay;
    /// # use cloudlot_serverless::trace::azure2019::{Lacking, read};
    /// # let ids = "HashOwner,HashApp,HashFunction";
    /// # let counts = format!("{ids},Trigger,1,2,3\no,a,f,http,0,2,1\n");
    /// # let durations = format!("{ids},Average,Maximum\no,a,f,100,900\n");
    /// # let memory = "HashOwner,HashApp,AverageAllocatedMb\no,a,128\n";
    /// # let trace = read(counts.as_bytes(), durations.as_bytes(), memory.as_bytes(), Lacking::Refuse)?.counts;
    /// // Two calls in the second minute, one in the third.
    /// let sixty = Replay { slots: 1..3, faster: 60.try_into()? };
    /// let at: Vec<_> = trace.arrivals_of(&sixty).map(|call| call.at.as_secs_f64()).collect();
    /// assert_eq!(at, [0.0, 0.5, 1.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn arrivals_of(&self, replay: &Replay) -> Arrivals<'_> {
        Arrivals::new(self, replay)
    }

    /// The whole trace at its own speed.
    #[must_use]
    pub fn whole(&self) -> Replay {
        Replay {
            slots: 0..self.slots,
            faster: NonZeroU32::MIN,
        }
    }
}

//! What policies come to on the same calls: cold starts against memory that waits idle.

use std::fmt;
use std::time::Duration;

use crate::sim::{FixedStart, Simulation};
use crate::{Arrival, Function, KeepAlive, Platform, Settings, Totals};

/// What one policy came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// The policy and its setting.
    pub policy: String,
    /// What happened.
    pub totals: Totals,
}

/// The heading of [`Row`]'s lines.
pub const HEADING: &str =
    "policy                             cold   waited   starts    ahead  idle MiB·s";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals {
            cold,
            waited,
            starts,
            prewarms,
            ..
        } = self.totals;
        let idle = self.totals.idle_mib_s();
        write!(
            f,
            "{:<30} {cold:>8} {waited:>8} {starts:>8} {prewarms:>8} {idle:>11.4e}",
            self.policy
        )
    }
}

impl Row {
    /// Whether this one has no more cold starts and no more idle memory than another, and less of one of them.
    #[must_use]
    pub fn dominates(&self, other: &Self) -> bool {
        let (mine, theirs) = (
            (self.totals.cold, self.totals.idle),
            (other.totals.cold, other.totals.idle),
        );
        mine.0 <= theirs.0 && mine.1 <= theirs.1 && mine != theirs
    }
}

/// Calls for policies to be measured on.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a, A> {
    /// The functions, in the order of their numbers.
    pub functions: &'a [Function],
    /// Every call in order of time; cloned for each policy.
    pub arrivals: A,
    /// How long each start takes.
    pub start: Duration,
    /// Settings of the platform.
    pub settings: Settings,
}

impl<A: IntoIterator<Item = Arrival> + Clone> Course<'_, A> {
    /// What this policy comes to.
    /// ```
    /// use cloudlot_core::{Bytes, Timestamp};
    /// use cloudlot_serverless::keep::{FixedWindow, frontier::Course};
    /// use cloudlot_serverless::{Arrival, Function, FunctionId, Settings};
    /// use std::time::Duration;
    ///
    /// let minute = Duration::from_secs(60);
    /// let call = |number| Arrival { at: Timestamp::ZERO + minute * number, function: FunctionId::new(0), runs: Duration::ZERO };
    /// let functions = [Function::new(Bytes::mib(100))];
    /// let course = Course { functions: &functions, arrivals: (0..10).map(call), start: Duration::from_secs(1), settings: Settings::DEFAULT };
    /// let long = course.measure("2 min", FixedWindow(2 * minute));
    /// let short = course.measure("none", FixedWindow(Duration::ZERO));
    /// assert_eq!((long.totals.cold, short.totals.cold), (1, 10));
    /// assert!(!long.dominates(&short) && !short.dominates(&long));
    /// ```
    #[must_use]
    pub fn measure(&self, policy: &str, keep_alive: impl KeepAlive) -> Row {
        let mut platform = Platform::new(self.settings, keep_alive);
        for &function in self.functions {
            platform.add(function);
        }
        let mut simulation = Simulation::new(FixedStart(self.start));
        simulation.run(&mut platform, self.arrivals.clone(), &mut ());
        Row {
            policy: policy.to_owned(),
            totals: *platform.totals(),
        }
    }
}

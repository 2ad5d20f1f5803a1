//! Many functions, each called by a process of its own, as one stream in order of time.

use super::process::{Process, ProcessError, Times};
use crate::chance::Chance;
use crate::{Arrival, FunctionId, Profile};
use cloudlot_core::{Seeds, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// A function of a mix.
#[derive(Clone, PartialEq, Debug)]
pub struct Source {
    /// What is known of it; `runs` is the mean of its calls.
    pub profile: Profile,
    /// When it is called.
    pub process: Process,
    /// How its calls differ in how long they run.
    pub runs: Runs,
}

/// How long calls run, about the mean in the profile.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Runs {
    /// All as long as the mean.
    Fixed,
    /// Exponential.
    Exponential,
    /// Log-normal.
    LogNormal {
        /// The standard deviation of the logarithm; 0 to 4.
        sigma: f64,
    },
}

/// Functions that are called for some time.
#[derive(Clone, PartialEq, Debug)]
pub struct Mix {
    functions: Vec<Profile>,
    how: Vec<(Process, Runs)>,
    until: Timestamp,
    seeds: Seeds,
}

/// Why functions are no mix.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum MixError {
    /// A process is none.
    #[error("{function}: {fault}")]
    Process {
        /// Whose.
        function: FunctionId,
        /// What is wrong.
        fault: ProcessError,
    },
    /// A log-normal distribution is too wide, or no number.
    #[error("{function}: a sigma of {sigma} is not between 0 and 4")]
    Sigma {
        /// Whose.
        function: FunctionId,
        /// What it is.
        sigma: f64,
    },
    /// More functions than have numbers.
    #[error("{0} functions are too many")]
    TooMany(usize),
}

impl Mix {
    /// The functions called from time zero until before `lasts` has passed. Each has chance of its own: one more at the end changes nothing for
    /// those before it.
    ///
    /// # Errors
    /// A rate, a swing, a time or a sigma that is out of its range.
    /// ```
    /// use cloudlot_core::{Bytes, Seeds};
    /// use cloudlot_serverless::Profile;
    /// use cloudlot_serverless::synthetic::{Mix, Process, Runs, Source};
    /// use std::time::Duration;
    ///
    /// let profile = Profile {
    ///     name: "resize".into(),
    ///     app: "photos".into(),
    ///     owner: "ann".into(),
    ///     memory: Bytes::mib(128),
    ///     runs: Duration::from_millis(80),
    ///     longest: Duration::from_millis(900),
    /// };
    /// let process = Process::Poisson { rate: 5.0 };
    /// let source = Source { profile, process, runs: Runs::Fixed };
    /// let mix = Mix::new(vec![source], Duration::from_secs(60), Seeds::new(1))?;
    /// let calls = mix.arrivals().count();
    /// assert!((200..400).contains(&calls));
    /// # Ok::<(), cloudlot_serverless::synthetic::MixError>(())
    /// ```
    pub fn new(sources: Vec<Source>, lasts: Duration, seeds: Seeds) -> Result<Self, MixError> {
        if u32::try_from(sources.len()).is_err() {
            return Err(MixError::TooMany(sources.len()));
        }
        for (function, source) in (0..).map(FunctionId::new).zip(&sources) {
            let checked = source.process.check();
            checked.map_err(|fault| MixError::Process { function, fault })?;
            if let Runs::LogNormal { sigma } = source.runs
                && !(0.0..=4.0).contains(&sigma)
            {
                return Err(MixError::Sigma { function, sigma });
            }
        }
        let how = sources.iter().map(|it| (it.process, it.runs)).collect();
        Ok(Self {
            functions: sources.into_iter().map(|source| source.profile).collect(),
            how,
            until: Timestamp::ZERO + lasts,
            seeds,
        })
    }

    /// What is known of each function; [`FunctionId`] counts them from zero.
    #[must_use]
    pub fn functions(&self) -> &[Profile] {
        &self.functions
    }

    /// Every call in order of time, calls of the same nanosecond in the order of the functions. No function is called twice in a nanosecond.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals<'_> {
        let streams = (0..).zip(&self.how).map(|(number, (process, runs))| {
            let seeds = self.seeds.part(number);
            Stream {
                times: Times::new(*process, Chance::new(seeds, "arrivals"), self.until),
                runs: *runs,
                chance: Chance::new(seeds, "runs"),
            }
        });
        let mut arrivals = Arrivals {
            mix: self,
            streams: streams.collect(),
            next: BinaryHeap::with_capacity(self.how.len()),
        };
        for row in 0..arrivals.streams.len() {
            arrivals.enqueue(row);
        }
        arrivals
    }
}

/// The calls of a mix; see [`Mix::arrivals`].
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    mix: &'a Mix,
    streams: Vec<Stream>,
    /// The next call of each function.
    next: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

#[derive(Clone, Debug)]
struct Stream {
    times: Times,
    runs: Runs,
    chance: Chance,
}

impl Arrivals<'_> {
    fn enqueue(&mut self, row: usize) {
        if let Some(at) = self.streams[row].times.next() {
            self.next.push(Reverse((at, row)));
        }
    }
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let Reverse((at, row)) = self.next.pop()?;
        let mean = self.mix.functions[row].runs;
        let runs = self.streams[row].length(mean);
        self.enqueue(row);
        Some(Arrival {
            at,
            function: FunctionId::new(u32::try_from(row).unwrap_or(u32::MAX)),
            runs,
        })
    }
}

impl Stream {
    /// How long a call runs.
    fn length(&mut self, mean: Duration) -> Duration {
        let factor = match self.runs {
            Runs::Fixed => return mean,
            Runs::Exponential => self.chance.exponential(),
            // exp(σz − σ²/2) has the mean one.
            Runs::LogNormal { sigma } => {
                libm::exp(sigma * self.chance.normal() - sigma * sigma / 2.0)
            }
        };
        Duration::try_from_secs_f64(mean.as_secs_f64() * factor).unwrap_or(Duration::MAX)
    }
}

//! Writes a day in the layout that it is read from, so that a generated one can be given to other simulators.

use super::{Day, Trigger};
use crate::{FunctionId, Profile};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

impl Day {
    /// Writes the three files. Names must be free of commas and of blanks at their ends, as those of the trace and of generated days are.
    ///
    /// What is written reads back as the same day, if the functions of an app hold the same memory. Columns that a day does not know,
    /// percentiles for one, are not written.
    ///
    /// # Errors
    /// What the writers say.
    /// ```
    /// use cloudlot_core::Seeds;
    /// use cloudlot_serverless::synthetic::azure_day;
    /// use cloudlot_serverless::trace::azure2019::{Lacking, read};
    ///
    /// let day = azure_day(30, Seeds::new(1));
    /// let (mut invocations, mut durations, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    /// day.write(&mut invocations, &mut durations, &mut memory)?;
    /// let again = read(&invocations[..], &durations[..], &memory[..], Lacking::Refuse)?;
    /// assert_eq!(again, day);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(
        &self,
        mut invocations: impl Write,
        mut durations: impl Write,
        mut memory: impl Write,
    ) -> io::Result<()> {
        self.write_invocations(&mut invocations)?;
        writeln!(
            durations,
            "HashOwner,HashApp,HashFunction,Average,Count,Maximum"
        )?;
        writeln!(memory, "HashOwner,HashApp,AverageAllocatedMb")?;
        let mut apps: BTreeMap<(&str, &str), f64> = BTreeMap::new();
        for (id, profile) in (0..).map(FunctionId::new).zip(self.counts.functions()) {
            let calls = self.counts.counts_of(id).map(|(_, count)| u64::from(count));
            let (average, longest) = (millis(profile.runs), millis(profile.longest));
            write_key(&mut durations, profile)?;
            writeln!(durations, ",{average},{},{longest}", calls.sum::<u64>())?;
            let app = apps.entry((&profile.owner, &profile.app)).or_default();
            *app += profile.memory.as_mib_f64();
        }
        for ((owner, app), mib) in apps {
            writeln!(memory, "{owner},{app},{mib}")?;
        }
        Ok(())
    }

    fn write_invocations(&self, invocations: &mut impl Write) -> io::Result<()> {
        write!(invocations, "HashOwner,HashApp,HashFunction,Trigger")?;
        for minute in 1..=self.counts.slots() {
            write!(invocations, ",{minute}")?;
        }
        writeln!(invocations)?;
        let rows = self.counts.functions().iter().zip(&self.triggers);
        for (id, (profile, trigger)) in (0..).map(FunctionId::new).zip(rows) {
            write_key(invocations, profile)?;
            write!(invocations, ",{}", trigger.name())?;
            let mut counts = self.counts.counts_of(id).peekable();
            for slot in 0..self.counts.slots() {
                let count = counts.next_if(|(at, _)| *at == slot);
                write!(invocations, ",{}", count.map_or(0, |(_, count)| count))?;
            }
            writeln!(invocations)?;
        }
        Ok(())
    }
}

impl Trigger {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Timer => "timer",
            Self::Queue => "queue",
            Self::Event => "event",
            Self::Storage => "storage",
            Self::Orchestration => "orchestration",
            Self::Other => "others",
        }
    }
}

fn write_key(file: &mut impl Write, profile: &Profile) -> io::Result<()> {
    write!(file, "{},{},{}", profile.owner, profile.app, profile.name)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

//! The runs, and their time lines, as comma-separated tables.
//!
//! Source: RFC 4180.

use super::compare::Report;
use super::run::Run;
use std::io::{self, Write};

/// The columns of a run; `failed` is all outcomes but success.
const RUNS: &str = "policy,family,setting,calls,failed,starts,prewarms,failed_starts,evictions,retries,waited,cold,cold_share,\
    function_p50,function_p75,function_p90,app_p50,app_p75,app_p90,\
    delay_p50_s,delay_p90_s,delay_p99_s,delay_p99_9_s,delay_max_s,\
    idle_mib_s,busy_mib_s,starting_mib_s,peak_mib,peak_instances,cost_calls,cost_busy,cost_idle";
const TIMELINES: &str = "policy,from_s,calls,cold,idle_mib,busy_mib";

impl Report {
    /// A row a run, with a header; what is not known is empty.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_csv(&self, mut out: impl Write) -> io::Result<()> {
        write_row(&mut out, RUNS.split(',').map(str::to_owned))?;
        self.runs()
            .iter()
            .try_for_each(|run| write_row(&mut out, fields(run)))
    }

    /// A row a bucket of each run's time line, with a header.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_timeline_csv(&self, mut out: impl Write) -> io::Result<()> {
        write_row(&mut out, TIMELINES.split(',').map(str::to_owned))?;
        for run in self.runs() {
            let line = &run.timeline;
            let counts = line.calls.iter().zip(&line.cold);
            let held = line.idle_mib.iter().zip(&line.busy_mib);
            for (((calls, cold), (idle, busy)), bucket) in counts.zip(held).zip(0_u64..) {
                let from = bucket.saturating_mul(line.bucket_s).to_string();
                let row = [
                    run.name.clone(),
                    from,
                    calls.to_string(),
                    cold.to_string(),
                    idle.to_string(),
                    busy.to_string(),
                ];
                write_row(&mut out, row)?;
            }
        }
        Ok(())
    }
}

fn fields(run: &Run) -> Vec<String> {
    let mut fields = vec![run.name.clone(), run.family.clone(), run.setting.clone()];
    let counts = [
        run.calls,
        run.failed(),
        run.starts,
        run.prewarms,
        run.failed_starts,
        run.evictions,
        run.retries,
        run.waited,
        run.cold,
    ];
    fields.extend(counts.map(|count| count.to_string()));
    fields.push(run.cold_share.to_string());
    let mut known = |numbers: Option<&[f64]>, count| match numbers {
        Some(numbers) => fields.extend(numbers.iter().map(f64::to_string)),
        None => fields.extend(vec![String::new(); count]),
    };
    for shares in [run.cold_by_function, run.cold_by_app] {
        let shares = shares.map(|it| [it.p50, it.p75, it.p90]);
        known(shares.as_ref().map(|it| &it[..]), 3);
    }
    let delay = run
        .delay_s
        .map(|it| [it.p50, it.p90, it.p99, it.p99_9, it.max]);
    known(delay.as_ref().map(|it| &it[..]), 5);
    let held = [
        run.idle_mib_s,
        run.busy_mib_s,
        run.starting_mib_s,
        run.peak_mib,
    ];
    known(Some(&held), 4);
    fields.push(run.peak_instances.to_string());
    match run.cost {
        Some(cost) => fields.extend([cost.calls, cost.busy, cost.idle].map(|it| it.to_string())),
        None => fields.extend(vec![String::new(); 3]),
    }
    fields
}

/// Fields with a comma, a quote or a line break stand in quotes.
fn write_row(out: &mut impl Write, fields: impl IntoIterator<Item = String>) -> io::Result<()> {
    for (at, field) in fields.into_iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        if field.contains(['"', ',', '\n', '\r']) {
            write!(out, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            out.write_all(field.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")
}

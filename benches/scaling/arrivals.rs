//! The load of real traces, in units: the files named in the benchmark's documentation, read as they were published.

use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

/// A load over time.
pub(crate) struct Trace {
    pub(crate) name: &'static str,
    /// What one unit is.
    pub(crate) unit: &'static str,
    /// How long each of the loads lasts, and how often a scaler is asked.
    pub(crate) interval: Duration,
    /// In units.
    pub(crate) load: Vec<f64>,
}

const MINUTE: Duration = Duration::from_secs(60);
/// Calls a minute that a unit serves where durations are not known, or not to be trusted.
const CALLS: f64 = 50.0;
/// Requests a minute that a unit serves of a language model: the same order as a large model's.
const REQUESTS: f64 = 20.0;
/// How often the controller of Kubernetes looks.
const LLM_INTERVAL: Duration = Duration::from_secs(15);

/// All traces below `folder`.
pub(crate) fn all(folder: &Path) -> io::Result<Vec<Trace>> {
    Ok(vec![
        by_calls(folder, "azure2019_sample_1350a", 1_440)?,
        by_duration(folder, "azure2019_dirigent100", 480)?,
        by_duration(folder, "azure2019_dirigent500", 480)?,
        requests(folder, "code")?,
        requests(folder, "conv")?,
    ])
}

/// The lines of a compressed table, without the head, cut at the commas.
fn rows(path: &Path) -> io::Result<Vec<Vec<String>>> {
    let file = File::open(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    BufReader::new(GzDecoder::new(file))
        .lines()
        .skip(1)
        .map(|line| Ok(line?.trim_end().split(',').map(str::to_owned).collect()))
        .collect()
}

fn number(field: Option<&String>) -> io::Result<f64> {
    let text = field.map_or("0", |text| text.as_str());
    text.parse()
        .map_err(|_| io::Error::other(format!("`{text}` is no number")))
}

/// The calls of each function by minute, each with its function.
fn calls(folder: &Path, name: &str, minutes: usize) -> io::Result<Vec<(String, Vec<f64>)>> {
    let path = folder
        .join(name)
        .join("invocations_per_function_md.anon.d01.csv.gz");
    let each = rows(&path)?.into_iter().map(|row| {
        let counts: io::Result<Vec<f64>> = (0..minutes)
            .map(|minute| number(row.get(4 + minute)))
            .collect();
        Ok((row.get(2).cloned().unwrap_or_default(), counts?))
    });
    each.collect()
}

fn sum(parts: impl Iterator<Item = (f64, Vec<f64>)>, minutes: usize) -> Vec<f64> {
    let mut all = vec![0.0; minutes];
    for (weight, part) in parts {
        for (sum, calls) in all.iter_mut().zip(part) {
            *sum += weight * calls;
        }
    }
    all
}

/// A unit runs one call at a time: calls of the minute by their function's average duration.
fn by_duration(folder: &Path, name: &'static str, minutes: usize) -> io::Result<Trace> {
    let path = folder
        .join(name)
        .join("function_durations_percentiles.anon.d01.csv.gz");
    let mut busy = BTreeMap::new();
    for row in rows(&path)? {
        let millis = number(row.get(3))?;
        let function = row.into_iter().nth(2).unwrap_or_default();
        busy.insert(function, millis / 60_000.0);
    }
    let calls = calls(folder, name, minutes)?.into_iter();
    let parts = calls.map(|(function, calls)| {
        let busy = busy.get(&function).copied().unwrap_or(0.0);
        (busy, calls)
    });
    Ok(Trace {
        name,
        unit: "one call at a time",
        interval: MINUTE,
        load: sum(parts, minutes),
    })
}

/// A unit serves so many calls a minute, whichever they are.
fn by_calls(folder: &Path, name: &'static str, minutes: usize) -> io::Result<Trace> {
    let calls = calls(folder, name, minutes)?.into_iter();
    Ok(Trace {
        name,
        unit: "50 calls a minute",
        interval: MINUTE,
        load: sum(calls.map(|(_, calls)| (1.0 / CALLS, calls)), minutes),
    })
}

/// Requests with the time of their arrival; whole intervals only.
fn requests(folder: &Path, which: &str) -> io::Result<Trace> {
    let path = folder.join(format!("llm/AzureLLMInferenceTrace_{which}.csv.gz"));
    let seconds: Vec<f64> = rows(&path)?
        .iter()
        .map(|row| second_of_day(row.first()))
        .collect::<io::Result<_>>()?;
    let first = seconds.iter().copied().fold(f64::MAX, f64::min);
    let interval = LLM_INTERVAL.as_secs_f64();
    let mut load: Vec<f64> = Vec::new();
    for second in seconds {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an hour, from its first second on"
        )]
        let place = ((second - first) / interval) as usize;
        if load.len() <= place {
            load.resize(place + 1, 0.0);
        }
        load[place] += 60.0 / interval / REQUESTS;
    }
    // The last one was cut off somewhere.
    load.pop();
    Ok(Trace {
        name: if which == "code" {
            "llm code"
        } else {
            "llm conversation"
        },
        unit: "20 requests a minute",
        interval: LLM_INTERVAL,
        load,
    })
}

/// `2023-11-16 18:17:03.9799600` as seconds of its day.
fn second_of_day(field: Option<&String>) -> io::Result<f64> {
    let time = field
        .and_then(|field| field.split_once(' '))
        .map(|(_, time)| time);
    let parts: Vec<String> = time
        .map(|time| time.split(':').map(str::to_owned).collect())
        .unwrap_or_default();
    let [hours, minutes, seconds] = [0, 1, 2].map(|part| number(parts.get(part)));
    Ok(3_600.0 * hours? + 60.0 * minutes? + seconds?)
}

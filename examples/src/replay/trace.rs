//! Traces of all layouts, found in folders and opened, plain or packed.

use super::args::Args;
use clap::ValueEnum;
use cloudlot_core::{Bytes, Seeds, Timestamp};
use cloudlot_serverless::synthetic::azure_day;
use cloudlot_serverless::trace::azure2019::{self, Lacking};
use cloudlot_serverless::trace::huawei::{self, Step};
use cloudlot_serverless::trace::opendc::Samples;
use cloudlot_serverless::trace::{Calls, Counts, Replay, azure2021};
use cloudlot_serverless::{Arrival, Profile};
use flate2::bufread::MultiGzDecoder;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The layouts that can be read.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    /// A folder with the three files of a day
    Azure2019,
    /// A file with a row a call
    Azure2021,
    /// A file of requests, or a folder with requests_minute and maybe function_delay_minute, memory_limit_minute
    Huawei,
    /// A file a function
    Opendc,
}

const MINUTE: Duration = Duration::from_secs(60);
/// Where a trace does not say how long calls run.
const RUNS_UNKNOWN: Duration = Duration::from_millis(500);

/// The part of a trace that is replayed.
pub(super) struct Trace {
    /// How it is called.
    pub(super) name: String,
    /// What was left out or assumed, if anything.
    pub(super) note: Option<String>,
    pub(super) calls: u64,
    pub(super) span: Duration,
    source: Source,
    from: Timestamp,
    replay: Replay,
}

enum Source {
    Counts(Counts),
    Calls(Calls),
    Samples(Samples),
}

impl Trace {
    /// Makes or reads what the command line asks for.
    pub(super) fn open(args: &Args) -> Result<Self, String> {
        let (name, note, source, whole) = match &args.trace {
            None => {
                let day = azure_day(args.functions, Seeds::new(args.seed));
                let name = format!("A generated day, seed {}", args.seed);
                (
                    name,
                    None,
                    Source::Counts(day.counts),
                    Some(args.hours * 60),
                )
            }
            Some(path) => {
                let (note, source) = read(path, args)?;
                let name = path.file_name().unwrap_or(path.as_os_str());
                (name.to_string_lossy().into_owned(), note, source, None)
            }
        };
        let from = Timestamp::ZERO + MINUTE * args.from;
        let left = whole.map(|minutes| minutes.saturating_sub(args.from));
        let minutes = [args.minutes, left].into_iter().flatten().min();
        let mut trace = Self {
            name,
            note,
            calls: 0,
            span: Duration::ZERO,
            replay: replay(&source, args.from, minutes),
            source,
            from,
        };
        trace.measure(minutes)?;
        Ok(trace)
    }

    pub(super) fn functions(&self) -> &[Profile] {
        match &self.source {
            Source::Counts(counts) => counts.functions(),
            Source::Calls(calls) => calls.functions(),
            Source::Samples(samples) => samples.functions(),
        }
    }

    /// The calls in order of time, which counts from the first minute that is replayed.
    pub(super) fn arrivals(&self) -> Box<dyn Iterator<Item = Arrival> + '_> {
        let until = self.from + self.span;
        let part = move |call: Arrival| {
            (call.at >= self.from && call.at < until).then(|| Arrival {
                at: Timestamp::ZERO + call.at.since(self.from),
                ..call
            })
        };
        match &self.source {
            Source::Counts(counts) => Box::new(counts.arrivals_of(&self.replay)),
            Source::Calls(calls) => Box::new(calls.arrivals().filter_map(part)),
            Source::Samples(samples) => Box::new(samples.arrivals(MINUTE).filter_map(part)),
        }
    }

    /// How long it is and how many calls it has; none is no trace.
    fn measure(&mut self, minutes: Option<u32>) -> Result<(), String> {
        if let Source::Counts(counts) = &self.source {
            let slots = self.replay.slots.clone();
            self.span = counts.slot() * (slots.end - slots.start);
            self.calls = counts.calls_in(slots);
        } else {
            self.span = minutes.map_or(Duration::MAX, |minutes| MINUTE * minutes);
            let (mut calls, mut last) = (0, Timestamp::ZERO);
            for call in self.arrivals() {
                (calls, last) = (calls + 1, call.at);
            }
            self.calls = calls;
            // To the end of the last minute that has a call.
            let until = last.since(Timestamp::ZERO).as_secs() / 60 + 1;
            self.span = self.span.min(Duration::from_secs(until * 60));
        }
        match self.calls {
            0 => Err(format!("{}: no calls in this part", self.name)),
            _ => Ok(()),
        }
    }
}

/// Which slots the minutes are.
fn replay(source: &Source, from: u32, minutes: Option<u32>) -> Replay {
    let slots = match source {
        Source::Counts(counts) => {
            let slot = |minute: u32| {
                let slots = (MINUTE * minute).as_nanos() / counts.slot().as_nanos().max(1);
                u32::try_from(slots).map_or(counts.slots(), |slot| slot.min(counts.slots()))
            };
            let until = minutes.map(|minutes| slot(from.saturating_add(minutes)));
            slot(from)..until.unwrap_or(counts.slots())
        }
        Source::Calls(_) | Source::Samples(_) => 0..0,
    };
    Replay {
        slots,
        faster: NonZeroU32::MIN,
    }
}

type Opened = (Option<String>, Source);

fn read(path: &Path, args: &Args) -> Result<Opened, String> {
    let data = fs::metadata(path).map_err(|why| at(path, &why))?;
    let format = match args.format {
        Some(format) => format,
        None if data.is_dir() => format_of_folder(path)?,
        None => format_of_file(path)?,
    };
    let memory = args.memory_unknown;
    let unnoted = |source| (None, source);
    match (format, data.is_dir()) {
        (Format::Azure2019, true) => azure(path, args),
        (Format::Azure2019, false) => Err(at(path, &"give the folder with the three files")),
        (Format::Azure2021, false) => {
            let calls = azure2021::read(open(path)?, memory).map_err(|why| at(path, &why))?;
            Ok(unnoted(Source::Calls(calls)))
        }
        (Format::Azure2021, true) => Err(at(path, &"give the file of the trace")),
        (Format::Huawei, folder) => huawei(path, folder, memory).map(unnoted),
        (Format::Opendc, folder) => {
            let files = if folder {
                tables(path)?
            } else {
                vec![path.to_owned()]
            };
            let mut samples = Samples::new();
            for file in files {
                let name = stem(&file);
                samples
                    .add(&name, open(&file)?)
                    .map_err(|why| at(path, &why))?;
            }
            Ok(unnoted(Source::Samples(samples)))
        }
    }
}

const INVOCATIONS: &str = "invocations_per_function_md.anon.d";
const DURATIONS: &str = "function_durations_percentiles.anon.d";
const MEMORY: &str = "app_memory_percentiles.anon.d";

/// A day of the three files.
fn azure(folder: &Path, args: &Args) -> Result<Opened, String> {
    let names = names(folder)?;
    let day_of = |name: &str| {
        let rest = name.strip_prefix(INVOCATIONS)?;
        let day = rest
            .strip_suffix(".gz")
            .unwrap_or(rest)
            .strip_suffix(".csv")?;
        Some((day.parse::<u32>().ok()?, day.to_owned()))
    };
    let mut days: Vec<(u32, String)> = names.iter().filter_map(|name| day_of(name)).collect();
    days.sort();
    let wanted = |(number, _): &&(u32, String)| args.day.is_none_or(|day| day == *number);
    let Some((_, day)) = days.iter().find(wanted) else {
        let day = args
            .day
            .map_or_else(|| "NN".to_owned(), |day| format!("{day:02}"));
        return Err(at(folder, &format!("{INVOCATIONS}{day}.csv is missing")));
    };
    let file = |table: &str| {
        let plain = format!("{table}{day}.csv");
        let packed = format!("{plain}.gz");
        let name = [plain.clone(), packed]
            .into_iter()
            .find(|name| names.contains(name));
        let name =
            name.ok_or_else(|| at(folder, &format!("{plain} is missing, plain and as .gz")))?;
        open(&folder.join(name))
    };
    let (invocations, durations, memory) = (file(INVOCATIONS)?, file(DURATIONS)?, file(MEMORY)?);
    let day = azure2019::read(invocations, durations, memory, Lacking::LeaveOut);
    let day = day.map_err(|why| at(folder, &why))?;
    let lost = day.unmatched;
    let rows = lost.without_duration + lost.without_memory;
    let note = (rows > 0).then(|| {
        format!(
            "left out: {} calls of functions without a duration ({}) or memory ({})",
            lost.calls_left_out, lost.without_duration, lost.without_memory
        )
    });
    Ok((note, Source::Counts(day.counts)))
}

/// A file of requests alone, or folders with requests, delays and memory.
fn huawei(path: &Path, folder: bool, memory: Bytes) -> Result<Source, String> {
    let mut reader = huawei::Reader::new(Step::Minute);
    let fault = |file: &Path, why: &dyn Display| at(file, why);
    if folder {
        for file in tables(&path.join("requests_minute"))? {
            let read = reader.requests(&stem(&file), open(&file)?);
            read.map_err(|why| fault(&file, &why))?;
        }
        for file in optional(&path.join("function_delay_minute"))? {
            let read = reader.delays(&stem(&file), open(&file)?);
            read.map_err(|why| fault(&file, &why))?;
        }
        for file in optional(&path.join("memory_limit_minute"))? {
            let read = reader.memory(&stem(&file), open(&file)?);
            read.map_err(|why| fault(&file, &why))?;
        }
    } else {
        let read = reader.requests(&stem(path), open(path)?);
        read.map_err(|why| fault(path, &why))?;
    }
    Ok(Source::Counts(reader.finish(RUNS_UNKNOWN, memory)))
}

fn format_of_folder(folder: &Path) -> Result<Format, String> {
    let names = names(folder)?;
    if names.iter().any(|name| name.starts_with("requests_")) {
        return Ok(Format::Huawei);
    }
    let azure = [INVOCATIONS, DURATIONS, MEMORY];
    let is_azure = |name: &String| azure.iter().any(|table| name.starts_with(table));
    if names.iter().any(is_azure) {
        return Ok(Format::Azure2019);
    }
    match tables(folder)?.first() {
        Some(file) => format_of_file(file),
        None => Err(at(
            folder,
            &"no trace is in there; a day of Azure 2019 has the files invocations_per_function_md.anon.dNN.csv, …",
        )),
    }
}

/// By the first line that is no comment.
fn format_of_file(file: &Path) -> Result<Format, String> {
    let lines = open(file)?.take(1 << 16).lines();
    let mut lines = lines.map_while(Result::ok);
    let header = lines
        .find(|line| !line.starts_with('#'))
        .unwrap_or_default();
    let has = |column: &str| header.contains(column);
    if has("end_timestamp") && has("duration") {
        Ok(Format::Azure2021)
    } else if has("HashFunction") || has("HashApp") {
        Ok(Format::Azure2019)
    } else if has("Timestamp [ms]") {
        Ok(Format::Opendc)
    } else if header.contains("day,time") {
        Ok(Format::Huawei)
    } else {
        Err(at(
            file,
            &"not a trace that is known by its first line; see --format",
        ))
    }
}

fn names(folder: &Path) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(folder).map_err(|why| at(folder, &why))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|why| at(folder, &why))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// The tables of a folder by name.
fn tables(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let table = |name: &String| name.ends_with(".csv") || name.ends_with(".csv.gz");
    let names = names(folder)?.into_iter().filter(table);
    Ok(names.map(|name| folder.join(name)).collect())
}

fn optional(folder: &Path) -> Result<Vec<PathBuf>, String> {
    if folder.is_dir() {
        tables(folder)
    } else {
        Ok(Vec::new())
    }
}

/// Reads a file, unpacked if its name says that it is packed.
fn open(file: &Path) -> Result<Box<dyn BufRead>, String> {
    let opened = File::open(file).map_err(|why| at(file, &why))?;
    let reader = BufReader::with_capacity(1 << 16, opened);
    if file.extension().is_some_and(|end| end == "gz") {
        let unpacked = MultiGzDecoder::new(reader);
        return Ok(Box::new(BufReader::with_capacity(1 << 16, unpacked)));
    }
    Ok(Box::new(reader))
}

fn stem(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.strip_suffix(".csv").unwrap_or(name).to_owned()
}

fn at(path: &Path, why: &dyn Display) -> String {
    format!("{}: {why}", path.display())
}

//! Examines, exports and rebuilds the file of a ledger's store.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cloudlot_store::redb::{EngineCheck, Report, doctor, salvage};
use cloudlot_store::{
    Contents, LedgerStore, RedbStore, Retention, StoreError, import, write_lines,
};
use serde_json::json;

/// The file, or the export, is not as it was written.
const DAMAGED: u8 = 1;
/// The command line makes no sense, or what it asks for cannot be done here.
const CANNOT: u8 = 2;

/// Examines, exports and rebuilds the file of a ledger's store.
///
/// Exit status: 0 all is well, 1 the file or the export is damaged, 2 the command cannot be
/// carried out.
#[derive(Parser)]
#[command(name = "cloudlot-store", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read every page and every record, change nothing, and say what is wrong and what to do
    Doctor {
        /// The store
        file: PathBuf,
        /// Tell it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write all records as sealed lines of text
    Export {
        /// The store
        file: PathBuf,
        /// Where to; standard output if it is not given. The file appears when it is complete
        to: Option<PathBuf>,
        /// Take what is whole of a damaged store, and say what is not
        #[arg(long)]
        salvage: bool,
    },
    /// Make a new store from an export
    Import {
        /// The new store; there must be no such file
        file: PathBuf,
        /// The export; standard input if it is not given
        from: Option<PathBuf>,
    },
}

/// Why a command ends early: the exit status, and the words.
type Fault = (u8, String);

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Doctor { file, json } => examine(&file, json),
        Command::Export { file, to, salvage } => write(&file, to.as_deref(), salvage),
        Command::Import { file, from } => rebuild(&file, from.as_deref()),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err((status, words)) => {
            eprintln!("cloudlot-store: {words}");
            ExitCode::from(status)
        }
    }
}

fn examine(file: &Path, json: bool) -> Result<u8, Fault> {
    let report = doctor(file).map_err(store_fault)?;
    let text = if json {
        format!("{:#}\n", as_json(&report))
    } else {
        as_text(&report)
    };
    io::stdout().write_all(text.as_bytes()).map_err(cannot)?;
    Ok(if report.is_whole() { 0 } else { DAMAGED })
}

fn write(file: &Path, to: Option<&Path>, damaged: bool) -> Result<u8, Fault> {
    let (contents, status) = if damaged {
        let (contents, report) = salvage(file).map_err(store_fault)?;
        eprint!("{}", as_text(&report));
        (contents, if report.is_whole() { 0 } else { DAMAGED })
    } else {
        let mut store = RedbStore::open(file, Retention::default()).map_err(store_fault)?;
        (store.load().map_err(store_fault)?, 0)
    };
    match to {
        None => write_lines(&contents, BufWriter::new(io::stdout().lock())).map_err(cannot)?,
        Some(to) => write_whole(&contents, to)
            .map_err(|error| (CANNOT, format!("{}: {error}", to.display())))?,
    }
    Ok(status)
}

/// Writes beside the place and moves there what is complete.
fn write_whole(contents: &Contents, to: &Path) -> io::Result<()> {
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let file = File::create(&partial)?;
    write_lines(contents, BufWriter::new(&file))?;
    file.sync_all()?;
    fs::rename(&partial, to)
}

fn rebuild(file: &Path, from: Option<&Path>) -> Result<u8, Fault> {
    let text: Box<dyn Read> = match from {
        None => Box::new(io::stdin()),
        Some(from) => {
            let opened = File::open(from);
            Box::new(opened.map_err(|error| (CANNOT, format!("{}: {error}", from.display())))?)
        }
    };
    let contents = import(BufReader::new(text)).map_err(|error| (DAMAGED, error.to_string()))?;
    let store = RedbStore::create(file, &contents, Retention::default()).map_err(store_fault)?;
    drop(store);
    let (records, revision) = (contents.records.len(), contents.revision);
    println!("{}: {records} records at {revision}", file.display());
    Ok(0)
}

fn store_fault(error: StoreError) -> Fault {
    let damaged = matches!(
        error,
        StoreError::Record { .. } | StoreError::Damaged { .. }
    );
    (if damaged { DAMAGED } else { CANNOT }, error.to_string())
}

fn cannot(error: io::Error) -> Fault {
    (CANNOT, error.to_string())
}

fn engine_words(check: &EngineCheck) -> &str {
    match check {
        EngineCheck::Clean => "its pages are as it wrote them",
        EngineCheck::Recovers => "it was stopped while open, and recovers on opening",
        EngineCheck::Repairs => "some of its pages are damaged",
        EngineCheck::Refuses(words) => words,
    }
}

fn as_text(report: &Report) -> String {
    let number = |revision: Option<_>| match revision {
        Some(revision) => format!("{revision}"),
        None => "unknown".to_owned(),
    };
    let mut lines = vec![
        format!("file          {}", report.file.display()),
        format!("revision      {}", number(report.revision)),
        format!("acknowledged  {}", number(report.acknowledged)),
        format!("records       {}", report.records),
        format!("batches       {}", report.batches),
        format!("engine        {}", engine_words(&report.engine)),
    ];
    if report.is_whole() {
        lines.push("whole: everything that was acknowledged is there".to_owned());
    }
    let damage = report
        .damage
        .iter()
        .map(|damage| format!("damage        {damage}"));
    lines.extend(damage);
    let advice = report
        .advice()
        .into_iter()
        .map(|step| format!("do            {step}"));
    lines.extend(advice);
    lines.join("\n") + "\n"
}

fn as_json(report: &Report) -> serde_json::Value {
    let damage = report
        .damage
        .iter()
        .map(|damage| json!({ "place": damage.place.to_string(), "problem": damage.problem }));
    json!({
        "file": report.file.display().to_string(),
        "whole": report.is_whole(),
        "revision": report.revision.map(|revision| revision.number()),
        "acknowledged": report.acknowledged.map(|revision| revision.number()),
        "records": report.records,
        "batches": report.batches,
        "engine": engine_words(&report.engine),
        "damage": damage.collect::<Vec<_>>(),
        "advice": report.advice(),
    })
}

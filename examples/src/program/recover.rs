//! The way back: at the end of a run, and after one that was killed.

use super::args::Args;
use super::connect::connect;
use super::control::LIMITS;
use super::lock::Lock;
use super::logbook::Logbook;
use super::place::Place;
use super::signals::Signals;
use super::sink::Sink;
use super::target::Target;
use super::{Fault, Program};
use cloudlot_core::SystemClock;
use cloudlot_hv::journal::FileJournal;
use cloudlot_hv::{Hypervisor, Original, RestoreLimits, RestorePolicy, RestoreReport, restore};
use std::io::stdout;

/// The `restore` command.
pub(super) fn recover(program: Program, args: &Args) -> Result<(), Fault> {
    let uri = match Target::parse(program, &args.host.connect)? {
        Target::Host(uri) => uri,
        Target::Simulation(_) => {
            let complaint = "a simulation leaves nothing to restore";
            return Err(Fault::Usage(complaint.to_owned()));
        }
    };
    let clock = SystemClock::start();
    let (_lock, mut logbook) = claim(program, &uri, args)?;
    let originals = logbook.originals();
    let sink = Sink::new(stdout());
    if originals.is_empty() {
        sink.say(&format!("nothing to restore on {uri}\n"));
        return Ok(());
    }
    let mut host = connect(&args.host.connect, true, &clock)?;
    if !host.capabilities().write {
        return Err(Fault::Unreachable(format!(
            "{uri}: no permission to change anything"
        )));
    }
    let signals = Signals::listen(|| {}).map_err(|error| Fault::Failed(error.to_string()))?;
    let report = go_back(
        &mut host,
        &mut logbook,
        &originals,
        args.host.policy(),
        LIMITS,
        &|| signals.stop(),
    );
    sink.say(&format!("restored {} settings on {uri}\n", report.restored));
    settled(program, args, &report)
}

/// The lock and the journal of a host that is about to be changed.
pub(super) fn claim(program: Program, uri: &str, args: &Args) -> Result<(Lock, Logbook), Fault> {
    let place = Place::find(program, uri, args.host.state_dir.as_deref())?;
    let lock = Lock::take(program, uri, &place.lock)?;
    let journal = FileJournal::open(place.journal, program.name(), uri);
    let journal = journal.map_err(|error| Fault::Failed(with_cause(&error)))?;
    Ok((lock, Logbook::file(journal)))
}

/// Puts back what can be, and keeps the rest written down.
pub(super) fn go_back<H: Hypervisor>(
    host: &mut H,
    logbook: &mut Logbook,
    originals: &[Original],
    policy: RestorePolicy,
    limits: RestoreLimits,
    abandon: &dyn Fn() -> bool,
) -> RestoreReport {
    let mut report = restore(host, originals, policy, limits, abandon);
    if let Err(error) = logbook.keep_only(&report.originals) {
        report.left.push(format!("the journal itself: {error}"));
    }
    report
}

/// Says what is left, if anything is.
pub(super) fn settled(program: Program, args: &Args, report: &RestoreReport) -> Result<(), Fault> {
    if report.left.is_empty() {
        return Ok(());
    }
    for left in &report.left {
        program.complain(&format!("left as it is: {left}"));
    }
    Err(Fault::Failed(format!(
        "{} settings are not restored; `{} restore --connect {}` tries again",
        report.left.len(),
        program.name(),
        args.host.connect
    )))
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

//! The way back: at the end of a run, and after one that was killed.

use super::args::Args;
use super::connect::connect;
use super::control::LIMITS;
use super::lock::Lock;
use super::logbook::Logbook;
use super::output::restored;
use super::place::Place;
use super::signals::Signals;
use super::sink::Sink;
use super::target::Target;
use super::{Fault, Program};
use cloudlot_core::{Clock, SystemClock};
use cloudlot_hv::journal::FileJournal;
use cloudlot_hv::{
    Hypervisor, Original, RestoreLimits, RestorePolicy, RestoreReport, restore_within,
};
use std::io::stdout;
use std::time::Duration;

/// How long guests and host get to make room: some reports of a guest, and a balloon's way.
const PATIENCE: Duration = Duration::from_secs(10);

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
        &clock,
        &|| signals.stop(),
    );
    sink.say(&restored(&report));
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
    clock: &dyn Clock,
    abandon: &dyn Fn() -> bool,
) -> RestoreReport {
    let time = (clock, PATIENCE);
    let mut report = restore_within(host, originals, policy, limits, time, abandon);
    if let Err(error) = logbook.keep_only(&report.originals) {
        report.left.push(format!("the journal itself: {error}"));
    }
    report
}

/// Fails if anything is left to restore.
pub(super) fn settled(program: Program, args: &Args, report: &RestoreReport) -> Result<(), Fault> {
    let Some(first) = report.left.first() else {
        return Ok(());
    };
    let more = match report.left.len() - 1 {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    Err(Fault::Failed(format!(
        "not restored: {first}{more}; `{} restore --connect {}` tries again",
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

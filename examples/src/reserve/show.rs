//! The command line, and what came of it as a table or JSON.

use super::files::Inputs;
use super::fit::{Outcome, Verdict, first_fit};
use clap::Parser;
use cloudlot_core::metrics::{Dashboard, Monitor, Usage};
use cloudlot_core::{Request, Timestamp};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Wrong use, or a file that is not what it should be.
const WRONG: u8 = 2;

/// Reserves each request on the first node that takes it whole, and says why others were refused.
///
/// Without files it shows a small example. Nothing is kept: the ledger ends with the program.
#[derive(Parser, Debug)]
#[command(
    name = "reserve",
    version,
    after_help = "Both files are JSON lists; examples/README.md shows them.\n\n\
        Exit codes: 0 done, refusals included; 1 failed; 2 wrong use or bad files."
)]
struct Args {
    /// The resources, a JSON list
    #[arg(long, value_name = "FILE", requires = "requests")]
    resources: Option<PathBuf>,

    /// The requests, a JSON list
    #[arg(long, value_name = "FILE", requires = "resources")]
    requests: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Show what is held of what there is, too
    #[arg(long)]
    dashboard: bool,
}

/// Does what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    let args = Args::parse();
    // The requests come all at once, so there is one moment.
    let now = Timestamp::ZERO;
    let mut inputs = match Inputs::read(args.resources.as_deref(), args.requests.as_deref(), now) {
        Ok(inputs) => inputs,
        Err(faults) => {
            for fault in faults {
                eprintln!("reserve: {fault}");
            }
            return ExitCode::from(WRONG);
        }
    };
    let outcomes = first_fit(&mut inputs, now);
    let usage = inputs.ledger.state().usage(now);
    let report = Report::of(&inputs.requests, &outcomes, usage, args.dashboard);
    let text = if args.json {
        serde_json::to_string(&report).map(|text| text + "\n")
    } else {
        Ok(report.table())
    };
    let written = text
        .map_err(io::Error::from)
        .and_then(|text| io::stdout().write_all(text.as_bytes()));
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("reserve: cannot write the output: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// All that is told.
#[derive(Serialize)]
struct Report<'a> {
    grants: Vec<Grant<'a>>,
    refusals: Vec<Refusal<'a>>,
    usage: Usage,
    dashboard: Option<Dashboard>,
}

#[derive(Serialize)]
struct Grant<'a> {
    request: &'a str,
    owner: &'a str,
    on: &'a str,
    reservation: String,
    /// When it ends unless it is confirmed; `None`: never.
    until_s: Option<f64>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    request: &'a str,
    owner: &'a str,
    verdict: Verdict,
    reasons: Vec<Reason<'a>>,
}

#[derive(Serialize)]
struct Reason<'a> {
    on: &'a str,
    why: String,
}

impl<'a> Report<'a> {
    fn of(requests: &'a [Request], outcomes: &'a [Outcome], usage: Usage, dashboard: bool) -> Self {
        let (mut grants, mut refusals) = (Vec::new(), Vec::new());
        for (request, outcome) in requests.iter().zip(outcomes) {
            let (name, owner) = (request.name(), request.owner().as_str());
            match outcome {
                Outcome::Granted { on, grant } => grants.push(Grant {
                    request: name,
                    owner,
                    on,
                    reservation: grant.id.to_string(),
                    until_s: (grant.until < Timestamp::MAX).then(|| grant.until.as_secs_f64()),
                }),
                Outcome::Refused { verdict, reasons } => refusals.push(Refusal {
                    request: name,
                    owner,
                    verdict: *verdict,
                    reasons: reasons
                        .iter()
                        .map(|(on, why)| Reason {
                            on,
                            why: why.to_string(),
                        })
                        .collect(),
                }),
            }
        }
        let dashboard = dashboard.then(|| Monitor::default().dashboard(&usage));
        Self {
            grants,
            refusals,
            usage,
            dashboard,
        }
    }

    fn table(&self) -> String {
        let grants = self.grants.iter().map(|grant| grant.request.len());
        let refusals = self.refusals.iter().map(|refusal| refusal.request.len());
        let width = grants.chain(refusals).max().unwrap_or(0);
        let mut text = String::new();
        for grant in &self.grants {
            let (name, on, id) = (grant.request, grant.on, &grant.reservation);
            let until = grant.until_s.map(|end| format!(", held for {end} s"));
            let until = until.unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<width$}  on {on} as {id}{until}");
        }
        for refusal in &self.refusals {
            let (name, verdict) = (refusal.request, refusal.verdict.words());
            let _ = writeln!(text, "{name:<width$}  refused: {verdict}");
            for Reason { on, why } in &refusal.reasons {
                let _ = writeln!(text, "{:<width$}    {on}: {why}", "");
            }
        }
        if self.dashboard.is_some() {
            let _ = write!(text, "\n{}", self.usage);
        }
        text
    }
}

impl Verdict {
    const fn words(self) -> &'static str {
        match self {
            Self::NotNow => "no node has room for it just now",
            Self::Unavailable => "the nodes that could take it take nothing new",
            Self::Never => "these nodes never can take it",
        }
    }
}

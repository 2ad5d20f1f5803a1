//! The first node that takes a request whole.

use super::files::Inputs;
use cloudlot_core::ledger::{Grant, Ledger, Piece, Placement, Why};
use cloudlot_core::{Need, Request, ResourceId, Rulebook, Satisfiable, Timestamp};

/// What became of one request.
pub(super) enum Outcome {
    /// It is held here.
    Granted { on: String, grant: Grant },
    /// It is held nowhere.
    Refused {
        verdict: Verdict,
        /// Why not, node by node.
        reasons: Vec<(String, Why)>,
    },
}

/// Whether waiting may help.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// There is no room just now.
    NotNow,
    /// The resources that could take it take nothing new.
    Unavailable,
    /// These resources never can.
    Never,
}

/// Goes through all requests in their order.
pub(super) fn first_fit(inputs: &mut Inputs, now: Timestamp) -> Vec<Outcome> {
    let Inputs {
        ledger,
        nodes,
        requests,
    } = inputs;
    let outcomes = requests
        .iter()
        .map(|request| reserve(ledger, nodes, request, now));
    outcomes.collect()
}

fn reserve(
    ledger: &mut Ledger,
    nodes: &[ResourceId],
    request: &Request,
    now: Timestamp,
) -> Outcome {
    let mut reasons = Vec::new();
    for node in nodes {
        let on = ledger.state().resource(*node);
        let on = on.map_or_else(String::new, |resource| resource.name().to_owned());
        let granted = whole(ledger, request, *node)
            .and_then(|placement| ledger.place(request, &placement, now));
        match granted {
            Ok(grant) => return Outcome::Granted { on, grant },
            Err(why) => reasons.push((on, why)),
        }
    }
    let resources = ledger.state().resources().map(|(_, resource)| resource);
    let verdict = match Rulebook::new().satisfiable(request, resources) {
        Satisfiable::Yes => Verdict::NotNow,
        Satisfiable::Unavailable(_) => Verdict::Unavailable,
        Satisfiable::No(_) => Verdict::Never,
    };
    Outcome::Refused { verdict, reasons }
}

/// All members of all parts on one node; of an elastic need the least.
fn whole(ledger: &Ledger, request: &Request, on: ResourceId) -> Result<Placement, Why> {
    match request.need() {
        Need::Parts(parts) => {
            let piece = |(part, need): (usize, &cloudlot_core::Part)| Piece {
                part,
                on,
                members: need.count,
            };
            Ok(Placement::Pieces(
                parts.iter().enumerate().map(piece).collect(),
            ))
        }
        Need::Elastic { least, .. } => {
            let amounts = ledger.state().kinds().amounts(least);
            let amounts = amounts.map_err(|_| Why::Placement("a kind is not known here"))?;
            Ok(Placement::Shares(vec![(on, amounts)]))
        }
    }
}

//! Scores by where the other pieces stand in the topology.

use super::each;
use crate::place::{Ask, Reads, SCALE, Score};
use cloudlot_core::ledger::Group;
use cloudlot_core::{Label, ResourceId};

/// The domain with the fewest members: by the request's spreads; without any, the host with the fewest members that bear
/// one of the request's labels, pieces that are placed already included.
///
/// `1000 / (1 + members)`, rounded down, the mean over the spreads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scattered;

/// As near as can be to the first piece: how many of the levels of the topology a row shares with it. All rows alike for
/// the first piece itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Near;

fn few(members: u64) -> i64 {
    let members = i64::try_from(members).unwrap_or(i64::MAX);
    SCALE / members.saturating_add(1)
}

/// The members of the request's own sort on a row's host.
fn alike(ask: &Ask<'_>, labels: &[Label], on: ResourceId) -> u64 {
    let place = ask.state().topology(on);
    let Some((level, domain)) = place.and_then(|place| place.domains().last()) else {
        return 0;
    };
    let members = |label: &Label| {
        ask.assembly.members_in(&Group {
            label: label.clone(),
            level: level.to_owned(),
            domain: domain.to_owned(),
        })
    };
    // A request without labels is its own sort.
    let own = u64::from(!ask.assembly.own(on).is_zero());
    labels.iter().map(members).max().unwrap_or(own)
}

impl Score for Scattered {
    fn name(&self) -> &str {
        "scattered"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        let spreads = ask.request().spreads().len();
        if let (1.., Ok(count)) = (spreads, i64::try_from(spreads)) {
            each(rows, out, |on| {
                let scores = (0..spreads).map(|n| few(ask.assembly.spread_count(n, on)));
                scores.sum::<i64>() / count
            });
            return;
        }
        let label = |(key, value): (&str, &str)| Label {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let labels: Vec<Label> = ask.request().labels().iter().map(label).collect();
        each(rows, out, |on| few(alike(ask, &labels, on)));
    }

    fn reads(&self) -> Reads {
        Reads::World
    }
}

impl Score for Near {
    fn name(&self) -> &str {
        "near"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        let first = ask.assembly.pieces().first().map(|piece| piece.on);
        let Some(there) = first.and_then(|on| ask.state().topology(on)) else {
            out.fill(0);
            return;
        };
        let levels = i64::try_from(there.domains().len())
            .unwrap_or(i64::MAX)
            .max(1);
        each(rows, out, |on| {
            let Some(here) = ask.state().topology(on) else {
                return 0;
            };
            let shared = there
                .domains()
                .filter(|(level, domain)| here.domain(level) == Some(domain));
            i64::try_from(shared.count()).unwrap_or(0) * SCALE / levels
        });
    }

    fn reads(&self) -> Reads {
        Reads::World
    }
}

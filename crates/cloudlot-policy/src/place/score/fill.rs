//! Scores by how full a row is with the piece on it.

use super::each;
use crate::place::plug::share;
use crate::place::{Ask, Reads, SCALE, Score};
use cloudlot_core::{Kind, ResourceId};

/// The row of which most is requested with the piece on it: the mean over the kinds that the piece takes.
///
/// Source: Kubernetes, `NodeResourcesFit` with the scoring strategy `MostAllocated`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MostRequested;

/// The row of which least is requested with the piece on it: the mean over the kinds that the piece takes.
///
/// Source: Kubernetes, `NodeResourcesFit` with the scoring strategy `LeastAllocated`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastRequested;

/// The row that is fullest with the piece on it: the mean over all kinds that the row has, also those that the piece
/// does not take.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fullest;

/// The row of whose rest the piece takes most, in the kind that becomes scarcest: 1,000 where it leaves nothing of it.
///
/// Unlike fullness it is about what is left: a small empty row is tighter than a large one that is half full.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tightest;

/// The row whose fullest kind is the least full with the piece on it: keeps the highest utilisation low.
#[derive(Clone, Copy, Debug, Default)]
pub struct Balanced;

/// The row whose kinds are the most alike in fullness with the piece on it: no kind is left over without the others.
///
/// Source: Kubernetes, `NodeResourcesBalancedAllocation`, with the range in place of the standard deviation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Even;

/// Rounded down; 0 of nothing.
fn mean(filled: impl Iterator<Item = (Kind, i64)>) -> i64 {
    let (sum, count) = filled.fold((0, 0), |(sum, count), (_, share)| (sum + share, count + 1));
    i64::checked_div(sum, count).unwrap_or(0)
}

fn requested(ask: &Ask<'_>, on: ResourceId) -> i64 {
    let wants = ask.wants(on);
    mean(ask.filled(on, |kind| wants.get(kind) > 0))
}

impl Score for MostRequested {
    fn name(&self) -> &str {
        "most-requested"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        each(rows, out, |on| requested(ask, on));
    }

    fn reads(&self) -> Reads {
        Reads::Row
    }
}

impl Score for LeastRequested {
    fn name(&self) -> &str {
        "least-requested"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        each(rows, out, |on| SCALE - requested(ask, on));
    }

    fn reads(&self) -> Reads {
        Reads::Row
    }
}

impl Score for Fullest {
    fn name(&self) -> &str {
        "fullest"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        each(rows, out, |on| mean(ask.filled(on, |_| true)));
    }

    fn reads(&self) -> Reads {
        Reads::Row
    }
}

impl Score for Tightest {
    fn name(&self) -> &str {
        "tightest"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        each(rows, out, |on| {
            let wants = ask.wants(on);
            let taken = wants
                .iter()
                .map(|(kind, wants)| share(wants, ask.assembly.left(on, kind)));
            taken.max().unwrap_or(0)
        });
    }

    fn reads(&self) -> Reads {
        Reads::Row
    }
}

impl Score for Balanced {
    fn name(&self) -> &str {
        "balanced"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        each(rows, out, |on| {
            let fullest = ask.filled(on, |_| true).map(|(_, share)| share).max();
            SCALE - fullest.unwrap_or(0)
        });
    }

    fn reads(&self) -> Reads {
        Reads::Row
    }
}

impl Score for Even {
    fn name(&self) -> &str {
        "even"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        each(rows, out, |on| {
            let shares = ask.filled(on, |_| true).map(|(_, share)| share);
            let (least, most) = shares.fold((SCALE, 0), |(least, most), share| {
                (share.min(least), share.max(most))
            });
            SCALE - (most - least).max(0)
        });
    }

    fn reads(&self) -> Reads {
        Reads::Row
    }
}

//! Scores: which of the rows that may serve had better.

use super::{Ask, Reads, SCALE, Score};
use cloudlot_core::{Kind, ResourceId};

/// The row that is fullest with the piece on it (best fit): the mean over the kinds that the piece takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct MostRequested;

/// The row that is emptiest with the piece on it (worst fit): the mean over the kinds that the piece takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastRequested;

/// The row whose fullest kind is the least full with the piece on it: keeps the highest utilisation low.
#[derive(Clone, Copy, Debug, Default)]
pub struct Balanced;

/// The row whose kinds are the most alike in fullness with the piece on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Even;

/// All rows alike: the first that fits, if ties go by identifier.
#[derive(Clone, Copy, Debug, Default)]
pub struct First;

/// The first row after the one of the last grant, all round (next fit).
#[derive(Clone, Copy, Debug, Default)]
pub struct Next;

/// The weights of the preferences that a row fulfils, less the taints that would rather keep the request away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preferred;

fn mean(filled: impl Iterator<Item = (Kind, i64)>) -> i64 {
    let (sum, count) = filled.fold((0, 0), |(sum, count), (_, share)| (sum + share, count + 1));
    sum.checked_div(count).unwrap_or(0)
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
        for (on, out) in rows.iter().zip(out) {
            *out = requested(ask, *on);
        }
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
        for (on, out) in rows.iter().zip(out) {
            *out = SCALE - requested(ask, *on);
        }
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
        for (on, out) in rows.iter().zip(out) {
            let fullest = ask.filled(*on, |_| true).map(|(_, share)| share).max();
            *out = SCALE - fullest.unwrap_or(0);
        }
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
        for (on, out) in rows.iter().zip(out) {
            let shares = || ask.filled(*on, |_| true).map(|(_, share)| share);
            let spread = shares().max().unwrap_or(0) - shares().min().unwrap_or(0);
            *out = SCALE - spread;
        }
    }

    fn reads(&self) -> Reads {
        Reads::Row
    }
}

impl Score for First {
    fn name(&self) -> &str {
        "first"
    }

    fn score(&self, _: &Ask<'_>, _: &[ResourceId], out: &mut [i64]) {
        out.fill(0);
    }

    fn reads(&self) -> Reads {
        Reads::Description
    }
}

impl Score for Next {
    fn name(&self) -> &str {
        "next"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        // The row of the last piece, else of the last grant; it may serve again, as in the packing rule of that name.
        let last = ask.assembly.pieces().last().map(|piece| piece.on);
        let last = last.or(ask.world.last);
        for (on, out) in rows.iter().zip(out) {
            *out = if last.is_some_and(|last| *on >= last) {
                SCALE
            } else {
                0
            };
        }
    }

    fn reads(&self) -> Reads {
        Reads::World
    }
}

impl Score for Preferred {
    fn name(&self) -> &str {
        "preferred"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        // The middle of the scale is indifferent; the weights that there are reach to its ends.
        let weights = ask.request().preferences().iter();
        let reach: i64 = weights
            .map(|preference| i64::from(preference.weight).abs())
            .sum();
        for (on, out) in rows.iter().zip(out) {
            let (score, disliked) = ask.state().wishes(ask.request(), *on);
            let most = reach.saturating_add(disliked).max(1);
            *out = SCALE / 2 + (score - disliked).clamp(-most, most) * (SCALE / 2) / most;
        }
    }

    fn reads(&self) -> Reads {
        Reads::Description
    }
}

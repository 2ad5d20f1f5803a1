//! Scores by the order of the rows alone.

use super::each;
use crate::place::{Ask, Reads, SCALE, Score};
use cloudlot_core::{Request, ResourceId};

/// All rows alike: the first that fits, if ties go by identifier.
#[derive(Clone, Copy, Debug, Default)]
pub struct First;

/// The row of the last piece, else of the last grant, or the first after it that fits, all round (next fit).
#[derive(Clone, Copy, Debug, Default)]
pub struct Next;

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

    fn matters(&self, _: &Request) -> bool {
        false
    }
}

impl Score for Next {
    fn name(&self) -> &str {
        "next"
    }

    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]) {
        // The row of the last piece may serve again, as in the packing rule of that name.
        let last = ask.assembly.pieces().last().map(|piece| piece.on);
        let last = last.or(ask.world.last);
        each(rows, out, |on| match last {
            Some(last) if on >= last => SCALE,
            _ => 0,
        });
    }

    fn reads(&self) -> Reads {
        Reads::World
    }
}

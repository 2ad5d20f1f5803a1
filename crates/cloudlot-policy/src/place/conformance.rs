//! What every filter and score has to keep, as checks that authors of plug-ins call in their own tests.
//!
//! ```
//! use cloudlot_core::ledger::Ledger;
//! use cloudlot_core::{Request, Resource, Timestamp, cores};
//! use cloudlot_policy::place::score::MostRequested;
//! use cloudlot_policy::place::{Ask, World, begin, conformance};
//!
//! let now = Timestamp::ZERO;
//! let mut ledger = Ledger::new();
//! let node = |name| Resource::node(name).capacity([cores(4)]).build();
//! let rows = [ledger.add(node("n1")?, now)?, ledger.add(node("n2")?, now)?];
//! let request = Request::new("web").part([cores(1)]).build()?;
//! let world = World { rows: &rows, now, last: None };
//! let assembly = begin(ledger.state(), world, &request)?;
//! let ask = Ask { world, assembly: &assembly, part: 0 };
//! conformance::score(&MostRequested, &ask)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::{Ask, Filter, Reads, RowSet, SCALE, Score};
use cloudlot_core::{Kind, ResourceId};

/// How a plug-in breaks its contract.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Breach {
    /// It answers the same question in two ways.
    #[error("`{name}` answers the same question in two ways")]
    Fickle {
        /// The plug-in.
        name: String,
    },
    /// It put a row in that was out.
    #[error("`{name}` puts {on} in, which was out")]
    Adds {
        /// The plug-in.
        name: String,
        /// The row.
        on: ResourceId,
    },
    /// A row alone gets another answer than among others.
    #[error("`{name}` says otherwise of {on} alone than among others")]
    Batch {
        /// The plug-in.
        name: String,
        /// The row.
        on: ResourceId,
    },
    /// A score lies outside of the scale.
    #[error("`{name}` gives {on} a score of {score}, outside of 0..={SCALE}")]
    Scale {
        /// The plug-in.
        name: String,
        /// The row.
        on: ResourceId,
        /// The score.
        score: i64,
    },
    /// It says that it does not matter, and scores rows differently.
    #[error("`{name}` does not matter by its own account, and tells {on} from others")]
    Matters {
        /// The plug-in.
        name: String,
        /// The row.
        on: ResourceId,
    },
    /// Its answer changed though nothing did that it says it reads.
    #[error("`{name}` says otherwise of {on}, where nothing has changed that it reads")]
    Reads {
        /// The plug-in.
        name: String,
        /// The row.
        on: ResourceId,
    },
}

/// Whether a filter answers alike however it is asked, and only takes rows out.
///
/// # Errors
/// The first [`Breach`].
pub fn filter(filter: &dyn Filter, ask: &Ask<'_>) -> Result<(), Breach> {
    let name = || filter.name().to_owned();
    let rows = ask.world.rows;
    let kept = kept(filter, ask, rows);
    if self::kept(filter, ask, rows) != kept {
        return Err(Breach::Fickle { name: name() });
    }
    // Half of the rows are out already.
    let mut half = RowSet::all(rows.len());
    half.retain(|index| index % 2 == 0);
    let before = half.clone();
    filter.keep(ask, rows, &mut half);
    for (index, on) in rows.iter().enumerate() {
        if half.has(index) && !before.has(index) {
            return Err(Breach::Adds {
                name: name(),
                on: *on,
            });
        }
        let alone = self::kept(filter, ask, &[*on]).has(0);
        let with_half = !before.has(index) || half.has(index) == alone;
        if alone != kept.has(index) || !with_half {
            return Err(Breach::Batch {
                name: name(),
                on: *on,
            });
        }
    }
    Ok(())
}

/// Whether a score answers alike however it is asked, within the scale, and matters where rows differ by it.
///
/// # Errors
/// The first [`Breach`].
pub fn score(score: &dyn Score, ask: &Ask<'_>) -> Result<(), Breach> {
    let name = || score.name().to_owned();
    let rows = ask.world.rows;
    let scores = scored(score, ask, rows);
    if scored(score, ask, rows) != scores {
        return Err(Breach::Fickle { name: name() });
    }
    let matters = score.matters(ask.request());
    for (on, said) in rows.iter().zip(&scores) {
        let on = *on;
        if !(0..=SCALE).contains(said) {
            return Err(Breach::Scale {
                name: name(),
                on,
                score: *said,
            });
        }
        if scored(score, ask, &[on]) != [*said] {
            return Err(Breach::Batch { name: name(), on });
        }
        if !matters && *said != scores[0] {
            return Err(Breach::Matters { name: name(), on });
        }
    }
    Ok(())
}

/// Whether a filter answers alike of every row in which nothing differs that it says it reads: `before` and `after` ask
/// for the same request on two states of one ledger.
///
/// # Errors
/// [`Breach::Reads`].
pub fn filter_reads(filter: &dyn Filter, before: &Ask<'_>, after: &Ask<'_>) -> Result<(), Breach> {
    let says = |ask: &Ask<'_>, on| kept(filter, ask, &[on]).has(0);
    alike(filter.name(), filter.reads(), before, after, |on| {
        says(before, on) == says(after, on)
    })
}

/// Whether a score answers alike of every row in which nothing differs that it says it reads.
///
/// # Errors
/// [`Breach::Reads`].
pub fn score_reads(score: &dyn Score, before: &Ask<'_>, after: &Ask<'_>) -> Result<(), Breach> {
    alike(score.name(), score.reads(), before, after, |on| {
        scored(score, before, &[on]) == scored(score, after, &[on])
    })
}

fn kept(filter: &dyn Filter, ask: &Ask<'_>, rows: &[ResourceId]) -> RowSet {
    let mut keep = RowSet::all(rows.len());
    filter.keep(ask, rows, &mut keep);
    keep
}

fn scored(score: &dyn Score, ask: &Ask<'_>, rows: &[ResourceId]) -> Vec<i64> {
    // What stands there before is no part of the question.
    let mut out = vec![-1; rows.len()];
    score.score(ask, rows, &mut out);
    out
}

fn alike(
    name: &str,
    reads: Reads,
    before: &Ask<'_>,
    after: &Ask<'_>,
    mut agrees: impl FnMut(ResourceId) -> bool,
) -> Result<(), Breach> {
    let same = |on: ResourceId| match reads {
        Reads::World => false,
        Reads::Description => same_description(before, after, on),
        Reads::Row => same_description(before, after, on) && same_room(before, after, on),
    };
    for on in before.world.rows {
        if same(*on) && !agrees(*on) {
            return Err(Breach::Reads {
                name: name.to_owned(),
                on: *on,
            });
        }
    }
    Ok(())
}

fn same_description(before: &Ask<'_>, after: &Ask<'_>, on: ResourceId) -> bool {
    let (old, new) = (before.state(), after.state());
    old.resource(on) == new.resource(on) && old.topology(on) == new.topology(on)
}

fn same_room(before: &Ask<'_>, after: &Ask<'_>, on: ResourceId) -> bool {
    let left = |ask: &Ask<'_>, kind: Kind| ask.assembly.left(on, kind);
    let mut kinds = before.state().kinds().iter();
    kinds.all(|kind| left(before, kind) == left(after, kind))
        && before.state().hold_count(on) == after.state().hold_count(on)
}

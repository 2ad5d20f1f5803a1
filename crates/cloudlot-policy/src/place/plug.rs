//! The ports: what a filter and a score are, and what they are shown.

use super::RowSet;
use cloudlot_core::ledger::{Assembly, Row, State};
use cloudlot_core::{Amounts, Kind, Request, ResourceId, Timestamp};

/// The best a score can be; the worst is 0.
pub const SCALE: i64 = 1_000;

/// How many times a row is looked at for one part of a request, where every piece may change what every row is worth.
pub const EVALUATIONS: u64 = 1_000_000;

/// What a decision is made on.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The rows that may serve at all, in ascending order.
    pub rows: &'a [ResourceId],
    /// When it is decided.
    pub now: Timestamp,
    /// Where the last grant before this decision went, for those who go on from there.
    pub last: Option<ResourceId>,
}

/// One more piece that looks for a row.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What the decision is made on.
    pub world: World<'a>,
    /// The request, and the pieces that are placed already.
    pub assembly: &'a Assembly<'a>,
    /// Which part the piece is of; of an elastic need, 0.
    pub part: usize,
}

impl<'a> Ask<'a> {
    /// The request.
    #[must_use]
    pub const fn request(&self) -> &'a Request {
        self.assembly.request()
    }

    /// The state that it is placed on, without the pieces that are placed already.
    #[must_use]
    pub const fn state(&self) -> &'a State {
        self.assembly.state()
    }

    /// What the piece would take of a row: a member's amounts, or of an elastic need as much as fits of what is still
    /// wanted.
    #[must_use]
    pub fn wants(&self, on: ResourceId) -> Amounts {
        if !self.request().need().parts().is_empty() {
            return self.assembly.each(self.part);
        }
        let assembly = self.assembly;
        let rest = assembly.each(1).saturating_sub(&assembly.total());
        let fits = |(kind, rest): (Kind, u64)| {
            let left = assembly.left(on, kind).min(assembly.spare(kind));
            (kind, rest.min(left))
        };
        rest.iter().map(fits).collect()
    }

    /// How much of a row would be taken with the piece on it, in thousandths of the limit, for each kind that the row
    /// has and that `which` names.
    pub fn filled(
        &self,
        on: ResourceId,
        which: impl Fn(Kind) -> bool,
    ) -> impl Iterator<Item = (Kind, i64)> {
        let (wants, limits) = (self.wants(on), self.state().limit(on));
        let assembly = self.assembly;
        self.state().kinds().iter().filter_map(move |kind| {
            let limit = limits.get(kind);
            if limit == 0 || !which(kind) {
                return None;
            }
            let left = assembly.left(on, kind).saturating_sub(wants.get(kind));
            Some((kind, share(limit.saturating_sub(left), limit)))
        })
    }
}

/// A part of a whole in thousandths, rounded down; at most [`SCALE`].
pub(crate) fn share(part: u64, whole: u64) -> i64 {
    let share = u128::from(part) * u128::from(SCALE.unsigned_abs()) / u128::from(whole.max(1));
    i64::try_from(share).map_or(SCALE, |share| share.min(SCALE))
}

/// What an answer about a row depends on: it says how long the answer stays true while pieces are put down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reads {
    /// The row's description alone.
    Description,
    /// The row's description and what is left on it.
    Row,
    /// Anything: other rows, groups, owners, time. A request whose members times rows pass [`EVALUATIONS`] has such scores
    /// taken anew after several members instead of after each.
    World,
}

/// Says which rows may take a piece.
///
/// # Contract
/// - The answer follows from the arguments alone, and about one row not from which others are asked beside it: asking
///   for rows one by one gives the same as asking for all at once.
/// - It only takes rows out of `keep`; rows that are out already may be skipped.
/// - [`Filter::reads`] names everything that the answer depends on.
pub trait Filter: Send + Sync {
    /// A short name, for explanations.
    fn name(&self) -> &str;

    /// Takes the rows out of `keep` that may not take the piece. `keep` goes by the index in `rows`.
    fn keep(&self, ask: &Ask<'_>, rows: &[ResourceId], keep: &mut RowSet);

    /// What the answer depends on.
    fn reads(&self) -> Reads;

    /// Adds what a grant on a row rests on beyond amounts, so that a commit refuses the plan if that has changed.
    fn depends(&self, _ask: &Ask<'_>, _on: ResourceId, _rows: &mut Vec<Row>) {}
}

/// Says how well a row would serve.
///
/// # Contract
/// As [`Filter`]; and every score lies in `0..=SCALE`, as a whole number, so that ties are ties on every machine.
pub trait Score: Send + Sync {
    /// A short name, for explanations.
    fn name(&self) -> &str;

    /// Writes a score for each row, higher for better. All rows have passed the filters.
    fn score(&self, ask: &Ask<'_>, rows: &[ResourceId], out: &mut [i64]);

    /// What the answer depends on.
    fn reads(&self) -> Reads;

    /// Whether rows can differ by it for this request; where not, it is not asked.
    fn matters(&self, _request: &Request) -> bool {
        true
    }
}

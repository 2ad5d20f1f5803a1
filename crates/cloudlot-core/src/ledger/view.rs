//! A planner's copy of a ledger's state: made once, brought up to date by entries.

use super::draft::Draft;
use super::entry::Entry;
use super::machine::Ledger;
use super::plan::Identity;
use super::state::State;
use crate::{Revision, Timestamp};

/// A copy of a ledger's state to plan on.
///
/// ```
/// use cloudlot_core::ledger::{Ledger, Placement, View};
/// use cloudlot_core::{Request, Resource, Timestamp, cores};
///
/// let now = Timestamp::ZERO;
/// let mut ledger = Ledger::new();
/// let node = ledger.add(Resource::node("n1").capacity([cores(4)]).build()?, now)?;
/// let mut view = View::of(&ledger);
///
/// let request = Request::new("web").part([cores(3)]).build()?;
/// let mut draft = view.draft(now);
/// draft.reserve(&request, &Placement::on(node))?;
/// assert!(draft.reserve(&request, &Placement::on(node)).is_err()); // the draft counts its own steps
/// let plan = draft.finish();
///
/// ledger.commit(&plan, now)?;
/// let late = ledger.commit(&plan, now).unwrap_err(); // legal once, not twice
/// assert!(late.to_string().contains("step 0"));
/// view.sync(&ledger);
/// assert_eq!(view.state().free(node), ledger.state().free(node));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct View {
    pub(super) state: State,
    pub(super) identity: Identity,
}

/// What bringing a view up to date took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Synced {
    /// The revision that the view shows now.
    pub revision: Revision,
    /// How many entries were followed.
    pub entries: u64,
    /// How many rows of the table those touched, each as often as it was; of a copy, all rows there are.
    pub rows: u64,
    /// How many bytes of entries and rows that were.
    pub bytes: u64,
    /// Whether everything was copied anew: the view was further behind than the journal remembers, or it was
    /// another ledger's.
    pub recopied: bool,
}

impl View {
    /// A copy of a ledger's state.
    #[must_use]
    pub fn of(ledger: &Ledger) -> Self {
        Self {
            state: ledger.state.clone(),
            identity: ledger.identity.clone(),
        }
    }

    /// What the view shows.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Brings the view up to date with its ledger.
    pub fn sync(&mut self, ledger: &Ledger) -> Synced {
        self.sync_each(ledger, |_, _| ())
    }

    /// Brings the view up to date, and shows each entry before it is followed, with the state before it: for whoever
    /// counts along. After a copy ([`Synced::recopied`]) there is nothing to count along with; count anew.
    pub fn sync_each(&mut self, ledger: &Ledger, mut each: impl FnMut(&State, &Entry)) -> Synced {
        let entries = ledger.journal().since(self.state.revision);
        let (true, Ok(entries)) = (self.identity == ledger.identity, entries) else {
            *self = Self::of(ledger);
            return self.recopied();
        };
        let row_bytes = self.state.rows.row_bytes() as u64;
        let mut synced = Synced {
            revision: ledger.state.revision,
            entries: 0,
            rows: 0,
            bytes: 0,
            recopied: false,
        };
        for entry in entries {
            let rows = self.state.rows_of(&entry.change);
            synced.entries += 1;
            synced.rows += rows;
            synced.bytes += size_of_val(entry) as u64 + rows * row_bytes;
            each(&self.state, entry);
            self.state.apply(entry);
        }
        synced
    }

    fn recopied(&self) -> Synced {
        let rows = self.state.members.places() as u64;
        let reservations = self.state.reservation_count() * size_of::<super::Reservation>();
        Synced {
            revision: self.state.revision,
            entries: 0,
            rows,
            bytes: rows * self.state.rows.row_bytes() as u64 + reservations as u64,
            recopied: true,
        }
    }

    /// Starts a plan as of `now`. While it lasts, the view shows what the plan takes; afterwards it is as before.
    pub fn draft(&mut self, now: Timestamp) -> Draft<'_> {
        Draft::new(self, now)
    }
}

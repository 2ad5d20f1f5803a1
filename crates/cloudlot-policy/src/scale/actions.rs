//! What scaling did: the last actions, each with its reason and how it ended.

use super::Change;
use cloudlot_core::Timestamp;
use std::collections::VecDeque;
use std::fmt;

/// What made units come or go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Trigger {
    /// The load of each unit.
    Utilisation,
    /// Requests that stood in each other's way.
    Contention,
    /// Requests that waited.
    Wait,
    /// How fast the load changes.
    Rate,
    /// The load that was forecast.
    Forecast,
    /// The time of day or week.
    Schedule,
    /// Somebody's word.
    Manual,
    /// A shortage that was to be covered.
    Shortage,
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utilisation => "utilisation",
            Self::Contention => "contention",
            Self::Wait => "wait",
            Self::Rate => "rate",
            Self::Forecast => "forecast",
            Self::Schedule => "schedule",
            Self::Manual => "manual",
            Self::Shortage => "shortage",
        })
    }
}

/// How far an action is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// Decided; units are being provided or drained.
    Pending,
    /// There are as many units as there were to be.
    Done {
        /// Since when.
        at: Timestamp,
    },
    /// It was given up.
    Failed {
        /// When.
        at: Timestamp,
        /// Why, in a few words.
        why: String,
    },
}

cloudlot_core::id_type! {
    /// An action, by its number in one history.
    pub struct ActionId(u64, "action ");
}

/// One action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Action {
    /// Which.
    pub id: ActionId,
    /// From how many units to how many, and when that was decided.
    pub change: Change,
    /// Why.
    pub trigger: Trigger,
    /// How far it is.
    pub status: Status,
}

/// The last actions, newest first.
/// ```
/// use cloudlot_core::Timestamp;
/// use cloudlot_policy::scale::{Actions, Change, Status, Trigger};
///
/// let mut actions = Actions::new(100);
/// let at = Timestamp::ZERO;
/// let up = actions.begin(Change { at, from: 1, to: 2 }, Trigger::Utilisation);
/// let down = actions.begin(Change { at, from: 2, to: 1 }, Trigger::Manual);
/// assert!(actions.done(up, at));
/// let newest = actions.iter().next().unwrap();
/// assert_eq!((newest.id, &newest.status), (down, &Status::Pending));
/// assert!(actions.failed(down, at, "nothing could be drained"));
/// assert_eq!(actions.pending().count(), 0);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actions {
    /// Oldest first.
    kept: VecDeque<Action>,
    most: usize,
    next: u64,
}

impl Actions {
    /// A history of so many actions, one at least.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            most: most.max(1),
            next: 0,
        }
    }

    /// Notes an action that was decided; the oldest is forgotten when there are too many.
    pub fn begin(&mut self, change: Change, trigger: Trigger) -> ActionId {
        let id = ActionId::new(self.next);
        self.next = self.next.saturating_add(1);
        if self.kept.len() == self.most {
            self.kept.pop_front();
        }
        self.kept.push_back(Action {
            id,
            change,
            trigger,
            status: Status::Pending,
        });
        id
    }

    /// Notes that an action is through. Says whether it was pending: what has ended stays as it ended.
    pub fn done(&mut self, id: ActionId, at: Timestamp) -> bool {
        self.end(id, Status::Done { at })
    }

    /// Notes that an action was given up. Says whether it was pending: what has ended stays as it ended.
    pub fn failed(&mut self, id: ActionId, at: Timestamp, why: impl Into<String>) -> bool {
        let why = why.into();
        self.end(id, Status::Failed { at, why })
    }

    fn end(&mut self, id: ActionId, status: Status) -> bool {
        let pending = |action: &&mut Action| action.id == id && action.status == Status::Pending;
        match self.kept.iter_mut().find(pending) {
            Some(action) => {
                action.status = status;
                true
            }
            None => false,
        }
    }

    /// The actions, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Action> {
        self.kept.iter().rev()
    }

    /// Those that have not ended, newest first.
    pub fn pending(&self) -> impl Iterator<Item = &Action> {
        self.iter()
            .filter(|action| action.status == Status::Pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_stays_as_it_ended_and_the_oldest_is_forgotten() {
        let at = Timestamp::ZERO;
        let change = Change { at, from: 1, to: 2 };
        let mut actions = Actions::new(2);
        let first = actions.begin(change, Trigger::Schedule);
        assert!(actions.failed(first, at, "no room"));
        assert!(!actions.done(first, at));
        let second = actions.begin(change, Trigger::Rate);
        let third = actions.begin(change, Trigger::Wait);
        let ids: Vec<ActionId> = actions.iter().map(|action| action.id).collect();
        assert_eq!(ids, [third, second]);
        assert!(!actions.done(first, at), "it is forgotten");
        assert_eq!(actions.pending().count(), 2);
    }
}

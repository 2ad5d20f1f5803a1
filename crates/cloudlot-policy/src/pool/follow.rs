//! Following the ledger: what has ended or vanished, and since when members have been idle.

use super::member::holds_on;
use super::pools::Pools;
use cloudlot_core::ledger::{Change, Ledger};
use cloudlot_core::{ResourceId, Timestamp};
use std::collections::BTreeSet;

impl Pools {
    /// Follows what has happened in the ledger, by its journal: forgets reservations that have ended and members that
    /// somebody else removed, and notes which members are idle. Says which members vanished.
    ///
    /// A member counts as idle from the ledger's present at the first look that finds it so and after the last one that
    /// found it used; between two looks it may have been used and left again. So it is never taken to be idle for longer
    /// than it was.
    pub fn observe(&mut self, ledger: &Ledger) -> Vec<ResourceId> {
        let state = ledger.state();
        if self.seen == state.revision() {
            return Vec::new();
        }
        let used = used_since(self, ledger);
        self.seen = state.revision();
        self.leases.retain(|id, _| state.reservation(*id).is_some());
        let gone = |id: &ResourceId| state.resource(*id).is_none();
        let vanished: Vec<ResourceId> = self.members.keys().copied().filter(gone).collect();
        for id in &vanished {
            self.forget(*id);
        }
        for (id, member) in &mut self.members {
            let known = member.idle_since.filter(|_| !used.contains(id));
            let idle = holds_on(*id, state) == 0;
            member.idle_since = idle.then_some(known.unwrap_or(ledger.now()));
        }
        vanished
    }
}

impl Pools {
    /// When the next member that is idle now will have been idle for its pool's timeout: the time to plan again if nothing
    /// else happens. Those that were kept although their time has come do not count.
    #[must_use]
    pub fn next_timeout(&self, now: Timestamp) -> Option<Timestamp> {
        let ends = self.members().filter_map(|(_, member)| {
            let sizing = self.spec(member.home)?.sizing;
            let at_home = member.user == member.home && !sizing.is_fixed();
            let end = member.idle_since? + sizing.idle_timeout();
            (at_home && end > now).then_some(end)
        });
        ends.min()
    }
}

/// The members that some entry since the last look put something on; all of them if the journal does not reach back.
fn used_since(pools: &Pools, ledger: &Ledger) -> BTreeSet<ResourceId> {
    let Ok(entries) = ledger.journal().since(pools.seen) else {
        return pools.members.keys().copied().collect();
    };
    let mut used = BTreeSet::new();
    for entry in entries {
        let holds = match &entry.change {
            Change::Reserved { reservation, .. } => reservation.holds(),
            Change::Resized { holds, .. } => holds,
            _ => continue,
        };
        for hold in holds.iter() {
            // A hold on a part is a use of the member that it is a part of.
            let mut at = Some(hold.resource());
            while let Some(id) = at {
                used.insert(id);
                at = ledger.state().parent(id);
            }
        }
    }
    used
}

//! Room for those who find none: others are told to go, in one plan with the booking that they make room for.

use super::machine::Engine;
use super::outcome::Cause;
use crate::contention::{
    self, Allowance, Considered, LeastLost, NoRoom, PreemptRules, Preempting, Preemption, Verdict,
    VictimCost,
};
use crate::place::{self, Reason, Unplaced, World};
use cloudlot_core::ledger::{Draft, Grant, Plan, Why};
use cloudlot_core::{Request, ReservationId, Timestamp};
use std::fmt;
use std::sync::Arc;

/// When those who find no room may push others out, and whom.
#[derive(Clone)]
pub struct Preempt {
    /// Who may be told to go, and how.
    pub rules: PreemptRules,
    /// What a victim costs: of as many victims, the cheapest.
    pub cost: Arc<dyn VictimCost>,
    /// How many trials of the ledger a search may take.
    pub work: u64,
}

impl Preempt {
    /// These rules, with the usual cost and work.
    #[must_use]
    pub fn new(rules: PreemptRules) -> Self {
        Self {
            rules,
            cost: Arc::new(LeastLost),
            work: contention::WORK,
        }
    }
}

impl fmt::Debug for Preempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preempt")
            .field("rules", &self.rules)
            .field("work", &self.work)
            .finish_non_exhaustive()
    }
}

/// Others were told to go for a request.
#[derive(Clone, PartialEq, Debug)]
pub struct Preempted {
    /// What the request got.
    pub grant: Grant,
    /// When it may begin: now, or when the grace of the others is over. If they leave before, it begins then.
    pub starts: Timestamp,
    /// Who was told to go.
    pub victims: Vec<ReservationId>,
}

/// Whether it is room that a request lacks, on resources or under an owner's limit, so that others could make some.
pub(super) fn lacks_room(cause: &Cause) -> bool {
    match cause {
        Cause::Ledger(why) => matches!(why, Why::Limit { .. }),
        Cause::Unplaced(Unplaced { reason, .. }) => match reason {
            Reason::Never(_) | Reason::Unavailable(_) => false,
            Reason::Ledger(why) => matches!(why, Why::Limit { .. }),
            _ => true,
        },
        _ => false,
    }
}

impl Engine {
    /// Tells others to go for a request that finds no room, if the policy allows it and the request fits then; else when
    /// time alone may change that.
    pub(super) fn make_room(
        &mut self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Preempted, Option<Timestamp>> {
        let found = match self.search_room(request) {
            Some(Ok(found)) => found,
            Some(Err(no)) => return Err(self.ripens(&no)),
            None => return Err(None),
        };
        Ok(self.push_out_by(&found.plan, found.victims, found.starts, now))
    }

    /// Carries out a plan that tells others to go for a request, which starts when they are gone.
    pub(super) fn push_out_by(
        &mut self,
        plan: &Plan,
        victims: Vec<ReservationId>,
        starts: Timestamp,
        now: Timestamp,
    ) -> Preempted {
        for id in &victims {
            self.disruptions
                .note(self.view.state(), *id, self.ledger.now())
                .expect("a plan names victims that are there");
        }
        let grant = self.carry_out(plan, now)[0];
        if starts > self.ledger.now() {
            self.booked.push(grant.id);
        }
        Preempted {
            grant,
            starts,
            victims,
        }
    }

    /// When somebody who was spared may first be told to go.
    fn ripens(&self, no: &NoRoom) -> Option<Timestamp> {
        let now = self.ledger.now();
        let budgets = self.allocator.preempt.as_ref().map(|it| &it.rules.budgets);
        let at = |considered: &Considered| match considered.verdict {
            Verdict::Young { until } => Some(until),
            // At the latest: the window may end before.
            Verdict::Budget { budget } => match budgets?.get(budget)?.allows {
                Allowance::Evictions { within, .. } => Some(now + within),
                Allowance::Down { .. } => None,
            },
            _ => None,
        };
        no.considered.iter().filter_map(at).min()
    }

    /// What preemption could do for a request; `None` if the policy does not preempt. Nothing is changed.
    pub(super) fn search_room(&mut self, request: &Request) -> Option<Result<Preemption, NoRoom>> {
        let preempt = self.allocator.preempt.as_ref()?;
        let strategy = self.allocator.strategy_for(request).ok()?;
        let now = self.ledger.now();
        let world = World {
            rows: &self.ground.rows,
            now,
            last: self.ground.last,
        };
        let place = |draft: &Draft<'_>, request: &Request| {
            place::place(draft.state(), world, request, strategy).map_err(why)
        };
        let how = Preempting {
            place: &place,
            cost: preempt.cost.as_ref(),
            rules: &preempt.rules,
            disruptions: &self.disruptions,
            work: preempt.work,
        };
        let priority = request.priority();
        Some(contention::preempt(
            &mut self.view,
            request,
            priority,
            &how,
            now,
        ))
    }

    /// Lets bookings begin that wait for others who have left by now.
    pub(super) fn pull_forward(&mut self) {
        let now = self.ledger.now();
        for id in std::mem::take(&mut self.booked) {
            let waits = |id| {
                let booking = self.view.state().reservation(id);
                booking.is_some_and(|booking| booking.span().from > now)
            };
            if !waits(id) {
                continue;
            }
            let Ok(plan) = contention::pull_forward(&mut self.view, id, now) else {
                self.booked.push(id);
                continue;
            };
            self.carry_out(&plan, now);
        }
    }

    /// An evicted holder's work runs again elsewhere, or is over: its group has no member away for it any more.
    pub fn restored(&mut self, id: ReservationId) {
        self.disruptions.restored(id);
        self.notice_restored();
    }
}

/// The reason in the ledger's words.
fn why(unplaced: Unplaced) -> Why {
    match unplaced.reason {
        Reason::Full { nearest, short, .. } => Why::Full {
            resource: nearest,
            short,
        },
        Reason::Ledger(why) => why,
        _ => Why::Placement("no rows for all pieces"),
    }
}

/// What an explanation says of those who might have gone.
#[derive(Clone, PartialEq, Debug)]
pub struct Victims {
    /// Who would be told to go; nobody if that would not help.
    pub go: Vec<ReservationId>,
    /// Every holder that was looked at, and what became of it.
    pub considered: Vec<Considered>,
    /// Whether no fewer, and no cheaper as many, would do.
    pub proven: bool,
}

impl From<Result<Preemption, NoRoom>> for Victims {
    fn from(found: Result<Preemption, NoRoom>) -> Self {
        match found {
            Ok(found) => Self {
                go: found.victims,
                considered: found.considered,
                proven: found.proven,
            },
            Err(no) => Self {
                go: Vec::new(),
                considered: no.considered,
                proven: no.proven,
            },
        }
    }
}

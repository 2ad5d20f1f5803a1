//! Serving a queue so that nobody waits longer than was promised: others pass a request only if its start stays.

use super::machine::Engine;
use super::outcome::{Cause, StepReport};
use super::queue::{Queue, Ticket};
use super::step::Served;
use crate::backfill::{self, Config, FirstFit, Placer, Room, Schedule, Slot, Waiting};
use crate::place;
use cloudlot_core::ledger::{Placement, Plan};
use cloudlot_core::{Amounts, Request, ResourceId, Timestamp};
use std::collections::BTreeMap;

/// What was promised to those who wait, and when to look again.
#[derive(Clone, Debug, Default)]
pub(super) struct Promises {
    slots: BTreeMap<Ticket, Slot>,
    pub(super) look_again: Option<Timestamp>,
}

impl Promises {
    /// The reservation of a request that waits.
    pub(super) fn get(&self, ticket: Ticket) -> Option<&Slot> {
        self.slots.get(&ticket)
    }
}

impl Engine {
    /// Plans for those who wait, by a forecast of the ledger: who starts now, and who has a reservation.
    pub(super) fn serve_by_forecast(
        &mut self,
        config: &Config,
        report: &mut StepReport,
    ) -> (Served, Plan) {
        let line = self.line(config.examine);
        let schedule = self.look(&line, config);
        report.tried += line.len();
        let mut promises = Promises {
            look_again: schedule.wake(),
            ..Promises::default()
        };
        report.reserved.clear();
        for assigned in &schedule.reserved {
            let (ticket, _) = line[assigned.index];
            report.reserved.push((ticket, assigned.slot.at));
            promises.slots.insert(ticket, assigned.slot.clone());
        }
        report.overdue.clone_from(&schedule.overdue);
        self.promises = promises;
        self.start(&line, schedule, report)
    }

    /// Those who wait and may be served, in their order.
    fn line(&mut self, most: usize) -> Vec<(Ticket, Request)> {
        let mut queue: Queue = self.queue.clone();
        let (field, view, accounts) = self.parts();
        let order = field.allocator.order();
        let mut line = Vec::new();
        while line.len() < most
            && let Some(ticket) = queue.first()
        {
            if let Some(pending) = queue.remove(ticket, order, &field.books(accounts))
                && field.may_enter(view.state(), accounts, &pending)
            {
                line.push((ticket, pending.request));
            }
        }
        line
    }

    fn look(&mut self, line: &[(Ticket, Request)], config: &Config) -> Schedule {
        let promises = std::mem::take(&mut self.promises);
        let (field, view, _) = self.parts();
        let waiting = line.iter().map(|(ticket, request)| Waiting {
            request,
            promised: promises.get(*ticket),
        });
        let waiting: Vec<Waiting<'_>> = waiting.collect();
        let mut placer = ByStrategy { field };
        backfill::plan(view.state(), &waiting, field.now, config, &mut placer)
    }

    /// A plan for those who start now.
    fn start(
        &mut self,
        line: &[(Ticket, Request)],
        schedule: Schedule,
        report: &mut StepReport,
    ) -> (Served, Plan) {
        let mut queue = std::mem::take(&mut self.queue);
        let (field, view, accounts) = self.parts();
        let order = field.allocator.order();
        let mut draft = view.draft(field.now);
        let mark = accounts.mark();
        let mut served = Served::default();
        for assigned in schedule.starts {
            let (ticket, request) = &line[assigned.index];
            let Some(pending) = queue.get(*ticket) else {
                continue;
            };
            let account = pending.account;
            // The forecast knows amounts and rules; gates, limits and company are asked here, beside those who start before.
            match field.reserve(
                &mut draft,
                accounts,
                request,
                account,
                &assigned.slot.placement,
            ) {
                Ok(taken) => {
                    accounts.charge(account, &taken, field.now);
                    served.tickets.push(*ticket);
                    queue.remove(*ticket, order, &field.books(accounts));
                    queue.refresh(account, order, &field.books(accounts));
                }
                Err(no) => _ = report.head.get_or_insert((*ticket, no.why)),
            }
        }
        if let Some((ticket, at)) = report.reserved.first() {
            let at = *at;
            report.head.get_or_insert((*ticket, Cause::Reserved { at }));
        }
        accounts.restore(mark);
        let plan = draft.finish();
        self.queue = queue;
        (served, plan)
    }
}

/// Places by the strategy of the request where it can start now, and by first fit for a reservation, that is looked at
/// again before it begins.
struct ByStrategy<'a> {
    field: super::attempt::Field<'a>,
}

impl Placer for ByStrategy<'_> {
    fn place(&mut self, request: &Request, room: &Room<'_>) -> Option<Placement> {
        if !room.is_now() {
            return FirstFit.place(request, room);
        }
        let ceiling = |on: ResourceId| (on, room.free(on));
        let ceilings: BTreeMap<ResourceId, Amounts> = room.resources().map(ceiling).collect();
        let strategy = self.field.allocator.strategy_for(request).ok()?;
        let world = self.field.world();
        place::place_under(room.state(), world, request, strategy, &ceilings).ok()
    }
}

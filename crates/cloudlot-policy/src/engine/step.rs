//! A step: those who wait are served in their order, and those who find no room may push others out.

use super::allocator::Discipline;
use super::attempt::{Field, last_booking};
use super::machine::{Engine, last_place};
use super::outcome::{Cause, DryRun, Refused, StepReport};
use super::preempt::{Preempted, lacks_room};
use super::queue::Ticket;
use super::reclaim::{Quotas, TakeBack, may_take_back};
use super::wake::{Happened, WakeOn};
use crate::accounts::AccountId;
use cloudlot_core::ledger::{Plan, Step};
use cloudlot_core::{Request, Timestamp};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Whom a plan serves, and who found no room.
#[derive(Default)]
pub(super) struct Served {
    pub(super) tickets: Vec<Ticket>,
    /// The first who found none and may push others out; nobody behind it was looked at.
    pub(super) hungry: Option<(Ticket, Cause)>,
}

impl Engine {
    /// Serves those who wait, in order, until nobody more can be served. Those who find no room may push others out, if
    /// the policy says so.
    pub fn step(&mut self, now: Timestamp) -> StepReport {
        self.tick(now);
        self.pull_forward();
        let mut report = StepReport::default();
        self.refuse_overdue(&mut report);
        self.wake();
        // For whom nobody can be told to go in this step.
        let mut helpless = BTreeSet::new();
        loop {
            let before = report.granted.len();
            let (served, plan) = self.serve(&helpless, &mut report);
            if !served.tickets.is_empty() {
                let grants = self.carry_out(&plan, now);
                // What the grants did was taken into account while planning: nobody has to be woken for it again.
                self.happened = Happened::default();
                report
                    .granted
                    .extend(served.tickets.into_iter().zip(grants));
            }
            if let Some((ticket, cause)) = served.hungry {
                if self.push_out(ticket, &cause, &mut report, now) {
                    self.wake();
                }
                helpless.insert(ticket);
                continue;
            }
            // A forecast looks again at what a start leaves; every other order has come to its end.
            let looks = matches!(self.allocator.discipline, Discipline::Backfill(_));
            if !looks || report.granted.len() == before {
                return report;
            }
            self.wake();
        }
    }

    /// Makes room for a request that waits, if that is possible.
    fn push_out(
        &mut self,
        ticket: Ticket,
        cause: &Cause,
        report: &mut StepReport,
        now: Timestamp,
    ) -> bool {
        let Some(pending) = self.queue.get(ticket) else {
            return false;
        };
        let (request, account) = (pending.request.clone(), pending.account);
        match self.displace(&request, account, cause, now) {
            Ok(made) => {
                self.cancel(ticket);
                report.granted.push((ticket, made.grant));
                report.preempted.push((ticket, made));
                return true;
            }
            Err(Some(at)) => self.queue.wake_at(ticket, at),
            Err(None) => {}
        }
        false
    }

    /// Tells others to go for a request, as far as the policy allows; else when time alone may change that.
    pub(super) fn displace(
        &mut self,
        request: &Request,
        account: AccountId,
        cause: &Cause,
        now: Timestamp,
    ) -> Result<Preempted, Option<Timestamp>> {
        if lacks_room(cause) {
            return self.make_room(request, now);
        }
        if may_take_back(cause) {
            return self.take_back(request, account, now).ok_or(None);
        }
        Err(None)
    }

    /// What a step would do now, without telling anybody to go. Nothing is changed.
    #[must_use]
    pub fn dry_run(&mut self) -> DryRun {
        let (queue, promises) = (self.queue.clone(), self.promises.clone());
        let happened = self.happened;
        self.wake();
        let mut report = StepReport::default();
        let everybody: BTreeSet<Ticket> = self.queue.iter().map(|(ticket, _)| ticket).collect();
        let (served, plan) = self.serve(&everybody, &mut report);
        (self.queue, self.promises) = (queue, promises);
        self.happened = happened;
        let bookings = plan.steps.into_iter().filter_map(|step| match step {
            Step::Reserve(booking) => Some(booking),
            Step::Resize { .. } | Step::Evict { .. } | Step::Advance { .. } => None,
        });
        DryRun {
            served: served.tickets.into_iter().zip(bookings).collect(),
            head: report.head,
        }
    }

    fn refuse_overdue(&mut self, report: &mut StepReport) {
        for ticket in self.queue.overdue(self.ledger.now()) {
            if let Some(request) = self.cancel(ticket) {
                let refused = Refused {
                    request,
                    why: Cause::Deadline,
                    wake: WakeOn::default(),
                };
                report.refused.push((ticket, refused));
            }
        }
    }

    /// Brings back those who may be served after what has happened.
    fn wake(&mut self) {
        let field = Field::new(&self.allocator, &self.ground, &self.ledger);
        let (books, order) = (field.books(&self.accounts), self.allocator.order());
        self.queue.wake(&self.happened, order, &books);
        if order.is_timed() || !self.happened.is_nothing() {
            self.queue.refresh_all(order, &books);
        }
        self.happened = Happened::default();
    }

    /// Plans for those who wait: who is served, and the plan that serves them.
    fn serve(&mut self, helpless: &BTreeSet<Ticket>, report: &mut StepReport) -> (Served, Plan) {
        if let Discipline::Backfill(config) = self.allocator.discipline {
            return self.serve_by_forecast(&config, report);
        }
        let Self {
            view,
            accounts,
            allocator,
            queue,
            ground,
            ledger,
            ..
        } = self;
        let mut field = Field::new(allocator, ground, ledger);
        let order = allocator.order();
        let mut draft = view.draft(field.now);
        let mark = accounts.mark();
        let mut served = Served::default();
        let takes_back = |quota: &Quotas| quota.take_back != TakeBack::Never;
        let displaces =
            allocator.preempt.is_some() || allocator.quota.as_ref().is_some_and(takes_back);
        let quota = allocator.quota.as_ref();
        let balances = quota.map(|quota| RefCell::new(quota.tree.balances(accounts)));
        field.balances = balances.as_ref();
        while let Some(ticket) = queue.first() {
            let Some(pending) = queue.get(ticket) else {
                break;
            };
            let (request, account) = (pending.request.clone(), pending.account);
            report.tried += 1;
            match field.attempt(&mut draft, accounts, &request, account) {
                Ok(taken) => {
                    served.tickets.push(ticket);
                    field.count(accounts, account, &taken);
                    accounts.charge(account, &taken, field.now);
                    let books = field.books(accounts);
                    queue.remove(ticket, order, &books);
                    queue.refresh(account, order, &books);
                    if super::attempt::is_social(&request) {
                        let company = Happened {
                            company: true,
                            ..Happened::default()
                        };
                        queue.wake(&company, order, &books);
                    }
                    let placed = last_booking(&draft).and_then(|it| last_place(&it.holds));
                    field.last = placed.or(field.last);
                }
                Err(no) => {
                    report.head.get_or_insert_with(|| (ticket, no.why.clone()));
                    let strict = allocator.discipline == Discipline::Strict;
                    if !strict {
                        queue.park(ticket, no.wake, order, &field.books(accounts));
                    }
                    // Before anybody behind it is served: what they took would be the first to be taken back.
                    let asks = lacks_room(&no.why) || may_take_back(&no.why);
                    if displaces && asks && !helpless.contains(&ticket) {
                        served.hungry = Some((ticket, no.why));
                        break;
                    }
                    if strict {
                        break;
                    }
                }
            }
        }
        accounts.restore(mark);
        (served, draft.finish())
    }
}

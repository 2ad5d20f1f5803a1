//! Carrying out a strategy for a request that there is no room for. Whatever was tried, it is settled only if the
//! request fits in a plan that was checked.

use super::preempt::{Preempting, as_it_is, preempt};
use super::redistribute::{Cut, Elastic, redistribute, total};
use super::severity::{Severity, Strategy};
use super::wait::{Ticket, Turn, WaitQueue};
use cloudlot_core::ledger::{Plan, View, Why};
use cloudlot_core::{Amounts, Quantities, Request, Timestamp};

/// Whoever can bring more capacity.
pub trait AskScaler {
    /// Asks for exactly this much more; answers how much of it there is or will be, which is less if it is capped. A scaler
    /// that has it at once adds it to the ledger and brings the view up to date; one that takes its time leaves the
    /// view alone.
    fn ask(&mut self, deficit: &Amounts, view: &mut View) -> Amounts;
}

/// Nobody can bring more: scaling counts as capped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NoScaler;

impl AskScaler for NoScaler {
    fn ask(&mut self, _: &Amounts, _: &mut View) -> Amounts {
        Amounts::ZERO
    }
}

/// What strategies work with.
pub struct Means<'a> {
    /// How victims are found, and where a request may go.
    pub preempting: Preempting<'a>,
    /// Who can shrink.
    pub elastic: &'a [Elastic],
    /// How far they do.
    pub cut: Cut,
    /// Who waits already.
    pub queue: &'a mut WaitQueue,
    /// Until when the request may wait; `None`: for ever.
    pub deadline: Option<Timestamp>,
    /// Who can bring more; perhaps [`NoScaler`].
    pub scaler: &'a mut dyn AskScaler,
}

/// What came of a strategy.
#[derive(Clone, PartialEq, Debug)]
pub struct Resolution {
    /// What was tried, in order; the last one decided.
    pub tried: Vec<Strategy>,
    /// Whether the request fits now.
    pub outcome: Outcome,
}

/// Whether a request fits now.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// It fits: this plan, checked step by step, reserves for it.
    Resolved {
        /// What to commit.
        plan: Plan,
        /// Who waited and is served by it, the request itself included if it was in the queue: they leave the queue once
        /// it is carried out.
        served: Vec<Ticket>,
    },
    /// It does not fit.
    Unresolved {
        /// Why.
        why: Why,
        /// How much more would be needed where there is most, kind by kind: nothing if amounts are not what is wrong.
        short: Quantities,
        /// How much a scaler has promised, if that is not enough or not there yet.
        coming: Quantities,
        /// Its place in the queue, if it waits.
        waiting: Option<Ticket>,
    },
}

impl Resolution {
    /// Whether the request fits now.
    #[must_use]
    pub const fn is_resolved(&self) -> bool {
        matches!(self.outcome, Outcome::Resolved { .. })
    }
}

/// Tries what the band calls for, or what is wanted `instead`, for a request. A scaler that is capped is followed by what
/// the band calls for. Without contention, and without a wish, the request waits for its turn.
///
/// The view is as before, unless a scaler brought it up to date.
pub fn resolve(
    view: &mut View,
    request: &Request,
    severity: Severity,
    instead: Option<Strategy>,
    means: &mut Means<'_>,
    now: Timestamp,
) -> Resolution {
    let by_band = severity.recommended().unwrap_or(Strategy::Wait);
    let first = instead.unwrap_or(by_band);
    let mut tried = vec![first];
    if first != Strategy::Scale {
        let outcome = carry_out(view, request, first, means, now);
        return Resolution { tried, outcome };
    }
    let (outcome, capped) = scale(view, request, means, now);
    let Outcome::Unresolved { coming, .. } = &outcome else {
        return Resolution { tried, outcome };
    };
    if !capped {
        return Resolution { tried, outcome };
    }
    let promised = coming.clone();
    tried.push(by_band);
    let mut outcome = carry_out(view, request, by_band, means, now);
    if let Outcome::Unresolved { coming, .. } = &mut outcome {
        *coming = promised;
    }
    Resolution { tried, outcome }
}

/// One strategy that needs no scaler.
fn carry_out(
    view: &mut View,
    request: &Request,
    strategy: Strategy,
    means: &mut Means<'_>,
    now: Timestamp,
) -> Outcome {
    let how = means.preempting;
    let resolved = |plan| Outcome::Resolved {
        plan,
        served: Vec::new(),
    };
    match strategy {
        Strategy::Preempt => match preempt(view, request, request.priority(), &how, now) {
            Ok(done) => resolved(done.plan),
            Err(no) => unresolved(view, request, no.why),
        },
        Strategy::Redistribute => {
            match redistribute(view, request, means.elastic, how.place, means.cut, now) {
                Ok(done) => resolved(done.plan),
                Err(why) => unresolved(view, request, why),
            }
        }
        Strategy::Wait | Strategy::Scale => queue(view, request, Turn::Arrival, means, now),
        Strategy::Priority => queue(view, request, Turn::Urgency, means, now),
    }
}

/// The request takes its turn.
fn queue(
    view: &mut View,
    request: &Request,
    turn: Turn,
    means: &mut Means<'_>,
    now: Timestamp,
) -> Outcome {
    let ticket = means.queue.push(request.clone(), now, means.deadline);
    let done = means.queue.serve(view, means.preempting.place, turn, now);
    if done.served.contains(&ticket) {
        return Outcome::Resolved {
            plan: done.plan,
            served: done.served,
        };
    }
    let (_, why) = done
        .blocked
        .expect("who is not served comes at or after who is blocked");
    let short = shortfall(view, request, &why);
    Outcome::Unresolved {
        short: view.state().kinds().quantities(&short),
        why,
        coming: Quantities::default(),
        waiting: Some(ticket),
    }
}

/// Asks for exactly what is missing, and looks whether the request fits then; whether the scaler is capped.
fn scale(
    view: &mut View,
    request: &Request,
    means: &mut Means<'_>,
    now: Timestamp,
) -> (Outcome, bool) {
    let place = means.preempting.place;
    let resolved = |plan| Outcome::Resolved {
        plan,
        served: Vec::new(),
    };
    let why = match as_it_is(view, request, place, now) {
        Ok((plan, _)) => return (resolved(plan), false),
        Err(why) => why,
    };
    let short = shortfall(view, request, &why);
    let granted = if short.is_zero() {
        Amounts::ZERO
    } else {
        means.scaler.ask(&short, view)
    };
    let capped = short.is_zero() || !short.fits_in(&granted);
    match as_it_is(view, request, place, now) {
        Ok((plan, _)) => (resolved(plan), capped),
        Err(why) => {
            let mut outcome = unresolved(view, request, why);
            if let Outcome::Unresolved { coming, .. } = &mut outcome {
                *coming = view.state().kinds().quantities(&granted);
            }
            (outcome, capped)
        }
    }
}

fn unresolved(view: &View, request: &Request, why: Why) -> Outcome {
    let short = shortfall(view, request, &why);
    Outcome::Unresolved {
        short: view.state().kinds().quantities(&short),
        why,
        coming: Quantities::default(),
        waiting: None,
    }
}

/// What is missing: of all that is free where new work is taken, or, if that would do in sum, where the request was
/// refused. Nothing if it was not refused for amounts.
fn shortfall(view: &View, request: &Request, why: &Why) -> Amounts {
    let state = view.state();
    let Why::Full { short, .. } = why else {
        return Amounts::ZERO;
    };
    let open = state.resources().filter(|(id, _)| state.takes_new(*id));
    let free = open.fold(Amounts::ZERO, |sum, (id, _)| {
        sum.saturating_add(&state.free(id))
    });
    let missing = total(state, request).shortfall(&free);
    if missing.is_zero() {
        state.kinds().amounts(short).unwrap_or_default()
    } else {
        missing
    }
}

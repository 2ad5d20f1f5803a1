//! Making room by letting others go: the fewest, then the cheapest, and nobody unless the request fits then.
//!
//! One plan evicts the victims and books what they leave for the request, so that nobody else can have it: with grace
//! the booking starts when the grace is over. When victims leave early, [`pull_forward`] starts it at once.
//!
//! That nobody is pushed out in a circle follows from the gap: a victim's priority is below that of whoever comes, so
//! that the sum over all chains of evictions falls.

use super::budget::Disruptions;
use super::place::Place;
use super::search::{Answer, Quest, Search};
use super::victim::{Considered, Cost, Field, PreemptRules, Verdict, VictimCost};
use cloudlot_core::ledger::{Placement, Plan, View, Why};
use cloudlot_core::{Priority, Request, ReservationId, Timestamp};

/// How victims are found.
#[derive(Clone, Copy)]
pub struct Preempting<'a> {
    /// Where the request may go.
    pub place: &'a dyn Place,
    /// What a victim costs.
    pub cost: &'a dyn VictimCost,
    /// Who may be told to go, and how.
    pub rules: &'a PreemptRules,
    /// What was evicted of late.
    pub disruptions: &'a Disruptions,
    /// How many trials of the ledger the search may take; asking the placer counts as sixteen. See [`WORK`].
    pub work: u64,
}

/// A usual limit on trials: requests of one member are searched to their end on resources with dozens of holders, gangs
/// among some twenty candidates.
pub const WORK: u64 = 200_000;

/// Room is made.
#[derive(Clone, PartialEq, Debug)]
pub struct Preemption {
    /// Evicts the victims and reserves for the request.
    pub plan: Plan,
    /// Where the request goes.
    pub placement: Placement,
    /// When it starts, unless it asks for later: now, or when the grace is over.
    pub starts: Timestamp,
    /// Who has to go; nobody if there was room.
    pub victims: Vec<ReservationId>,
    /// What they cost together.
    pub cost: Cost,
    /// Every holder, and what became of it.
    pub considered: Vec<Considered>,
    /// Whether no fewer, and no cheaper as many, would do: `false` if the work ran out before that was known.
    pub proven: bool,
}

/// No room can be made.
#[derive(Clone, PartialEq, Debug)]
pub struct NoRoom {
    /// Why the request does not fit as things are.
    pub why: Why,
    /// Every holder, and why it is spared.
    pub considered: Vec<Considered>,
    /// Whether there is no way: `false` if the work ran out before that was known.
    pub proven: bool,
}

/// A plan that makes room for a request by evicting the fewest, then the cheapest, of those whose priority is far enough
/// below `priority`; with no victims at all if there is room.
///
/// With grace, the request is booked from its end on, and has to fit then; what ends by itself until then counts as
/// free. The reservation waits to be confirmed for its time after that. The view is as before.
///
/// ```
/// use cloudlot_core::ledger::{Draft, Ledger, Placement, View, Why};
/// use cloudlot_core::{Request, Resource, Timestamp, cores};
/// use cloudlot_policy::contention::{
///     Disruptions, LeastLost, PreemptRules, Preempting, WORK, preempt,
/// };
///
/// let now = Timestamp::ZERO;
/// let mut ledger = Ledger::new();
/// let node = ledger.add(Resource::node("n1").capacity([cores(8)]).build()?, now)?;
/// let batch = |n| Request::new("batch").priority(1).part([cores(n)]).build();
/// let [small, large] = [ledger.reserve(&batch(3)?, node, now)?, ledger.reserve(&batch(5)?, node, now)?];
///
/// let place = |_: &Draft<'_>, _: &Request| Ok::<_, Why>(Placement::on(node));
/// let rules = PreemptRules::default();
/// let disruptions = Disruptions::new();
/// let how = Preempting {
///     place: &place, cost: &LeastLost, rules: &rules, disruptions: &disruptions, work: WORK,
/// };
/// let web = Request::new("web").priority(9).part([cores(4)]).build()?;
/// let mut view = View::of(&ledger);
/// let done = preempt(&mut view, &web, web.priority(), &how, now).expect("the larger one is enough");
/// assert_eq!(done.victims, [large.id]);
/// ledger.commit(&done.plan, now)?;
/// assert!(ledger.state().reservation(small.id).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`NoRoom`]: nobody is evicted.
pub fn preempt(
    view: &mut View,
    request: &Request,
    priority: Priority,
    how: &Preempting<'_>,
    now: Timestamp,
) -> Result<Preemption, NoRoom> {
    let why = match as_it_is(view, request, how.place, now) {
        Ok((plan, placement)) => {
            return Ok(Preemption {
                plan,
                placement,
                starts: now,
                victims: Vec::new(),
                cost: Cost::ZERO,
                considered: Vec::new(),
                proven: true,
            });
        }
        Err(why) => why,
    };
    let state = view.state();
    let field = Field::survey(state, priority, how.rules, how.disruptions, how.cost, now);
    let quest = Quest {
        request,
        place: how.place,
        now,
        gone: now + how.rules.grace,
    };
    let (answer, proven) = Search::new(view.draft(now), quest, &field, how.work).run();
    let Some(answer) = answer else {
        return Err(NoRoom {
            why,
            considered: verdicts(&field, &[]),
            proven,
        });
    };
    let plan = carry_out(view, &quest, &field, &answer);
    Ok(Preemption {
        plan,
        starts: quest.gone,
        victims: ids(&field, &answer.victims),
        cost: answer.cost,
        considered: verdicts(&field, &answer.victims),
        placement: answer.placement,
        proven,
    })
}

/// A plan that lets a reservation which was booked for later start now, since those who were in its way have left.
///
/// # Errors
/// Why it cannot: whoever is in its way is short of it in [`Why::Full`].
pub fn pull_forward(
    view: &mut View,
    reservation: ReservationId,
    now: Timestamp,
) -> Result<Plan, Why> {
    let mut draft = view.draft(now);
    draft.advance(reservation, now)?;
    Ok(draft.finish())
}

/// The plan and the place if there is room without anything done.
pub(super) fn as_it_is(
    view: &mut View,
    request: &Request,
    place: &dyn Place,
    now: Timestamp,
) -> Result<(Plan, Placement), Why> {
    let mut draft = view.draft(now);
    let placement = place.place(&draft, request)?;
    draft.reserve(request, &placement)?;
    Ok((draft.finish(), placement))
}

/// The plan of an answer, in a draft that has read nothing else.
fn carry_out(view: &mut View, quest: &Quest<'_>, field: &Field, answer: &Answer) -> Plan {
    let mut draft = view.draft(quest.now);
    for victim in ids(field, &answer.victims) {
        let told = draft.evict(victim, quest.gone);
        told.expect("the search has tried the very same steps");
    }
    let reserved = draft.reserve_from(quest.request, &answer.placement, quest.gone);
    reserved.expect("the search has tried the very same steps");
    draft.finish()
}

fn ids(field: &Field, victims: &[usize]) -> Vec<ReservationId> {
    let mut ids: Vec<ReservationId> = victims.iter().map(|at| field.candidates[*at].id).collect();
    ids.sort_unstable();
    ids
}

fn verdicts(field: &Field, victims: &[usize]) -> Vec<Considered> {
    let of = |(at, candidate): (usize, &super::victim::Candidate)| Considered {
        reservation: candidate.id,
        verdict: if victims.binary_search(&at).is_ok() {
            Verdict::Victim
        } else {
            Verdict::Spared
        },
    };
    let mut all: Vec<Considered> = field.candidates.iter().enumerate().map(of).collect();
    all.extend_from_slice(&field.exempt);
    all.sort_by_key(|considered| considered.reservation);
    all
}

//! Why a request would get what it gets, worked out when somebody asks, on the state as it is then.

use super::attempt::{Field, is_social, last_booking};
use super::machine::Engine;
use super::outcome::Cause;
use super::preempt::{Victims, lacks_room};
use crate::accounts::{AccountId, Accounts};
use crate::place::{self, Ask, Reason, RowSet, Strategy};
use cloudlot_core::ledger::{Assembly, Booking, Draft, Why};
use cloudlot_core::{
    Mismatch, OwnerPath, Quantities, Request, ResourceId, ResourceState, Revision, Timestamp,
};
use std::fmt;

/// How many rows an explanation scores in full.
const SHOWN: usize = 5;

/// Why a request would be granted or refused just now.
#[derive(Clone, PartialEq, Debug)]
pub struct Explanation {
    /// The name of the request.
    pub request: String,
    /// The state that was looked at.
    pub revision: Revision,
    /// What would be reserved, or what decides the refusal.
    pub answer: Result<Booking, Cause>,
    /// For each part, what each filter leaves of the rows, on the state without the other pieces.
    pub parts: Vec<PartReport>,
    /// Who might have to go for it; `None` if it needs nobody to, or the policy does not preempt.
    pub victims: Option<Victims>,
    /// The smallest change that would let the request through; `None` if it goes through, or nothing of this kind helps.
    pub fix: Option<Fix>,
}

/// One part of a request before the filters and scores.
#[derive(Clone, PartialEq, Debug)]
pub struct PartReport {
    /// How many rows there are.
    pub rows: usize,
    /// What each filter leaves, in the order in which they are asked.
    pub filters: Vec<FilterCount>,
    /// The best rows for the first piece, best first, with the parts of their scores.
    pub best: Vec<RowScore>,
}

/// What a filter leaves of the rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilterCount {
    /// The filter.
    pub filter: String,
    /// How many rows it takes out.
    pub out: usize,
    /// How many are left after it.
    pub left: usize,
}

/// A row and what it scores.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowScore {
    /// The row.
    pub on: ResourceId,
    /// Its name.
    pub name: String,
    /// The sum of its scores, each times its weight.
    pub total: i64,
    /// What each score says.
    pub parts: Vec<ScorePart>,
}

/// What one score says of a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScorePart {
    /// The score.
    pub score: String,
    /// Its weight.
    pub weight: i64,
    /// What it says, in `0..=SCALE`.
    pub value: i64,
}

/// A change that would let a refused request through.
#[derive(Clone, PartialEq, Debug)]
pub enum Fix {
    /// On one row: all of this together.
    Row {
        /// The row.
        on: ResourceId,
        /// Its name.
        name: String,
        /// What does not suit.
        rules: Vec<Mismatch>,
        /// The state that keeps it closed.
        closed: Option<ResourceState>,
        /// The company that it cannot keep there.
        company: Option<Why>,
        /// What it lacks.
        short: Quantities,
    },
    /// Room for so many more members of a part.
    Members {
        /// Which part.
        part: usize,
        /// How many more.
        missing: u64,
        /// What each takes.
        each: Quantities,
    },
    /// So much more on resources that suit, together.
    InAll {
        /// What is missing.
        short: Quantities,
    },
    /// So much more under an owner's limit or quota.
    Owner {
        /// Whose.
        owner: OwnerPath,
        /// What is missing.
        short: Quantities,
    },
}

impl Engine {
    /// Why a request would be granted or refused, on the state as it is. Nothing is changed.
    pub fn explain(&mut self, request: &Request, now: Timestamp) -> Explanation {
        let account = self.accounts.account(request.owner());
        let field = Field {
            now: now.max(self.ledger.now()),
            ..Field::new(&self.allocator, &self.ground, &self.ledger)
        };
        let mut explanation = explain(
            &field,
            &mut self.view.draft(field.now),
            &self.accounts,
            request,
            account,
        );
        if explanation.answer.as_ref().is_err_and(lacks_room) {
            explanation.victims = self.search_room(request).map(Victims::from);
        }
        explanation
    }
}

pub(super) fn explain(
    field: &Field<'_>,
    draft: &mut Draft<'_>,
    accounts: &Accounts,
    request: &Request,
    account: AccountId,
) -> Explanation {
    let mark = draft.mark();
    let answer = field
        .attempt(draft, accounts, request, account)
        .map(|_| last_booking(draft).cloned());
    draft.rollback(mark);
    let answer = match answer {
        Ok(Some(booking)) => Ok(booking),
        Ok(None) => unreachable!("an attempt that succeeds ends in a reservation"),
        Err(no) => Err(no.why),
    };
    let assembly = place::begin(draft.state(), field.world(), request).ok();
    let strategy = field.allocator.strategy_for(request).ok();
    let parts = assembly.as_ref().zip(strategy).map(|(assembly, strategy)| {
        let count = request.need().parts().len().max(1);
        (0..count)
            .map(|part| part_report(field, assembly, strategy, part))
            .collect()
    });
    let fix = answer
        .as_ref()
        .err()
        .and_then(|cause| fix(field, assembly.as_ref()?, cause));
    Explanation {
        request: request.name().to_owned(),
        revision: draft.state().revision(),
        answer,
        parts: parts.unwrap_or_default(),
        victims: None,
        fix,
    }
}

fn part_report(
    field: &Field<'_>,
    assembly: &Assembly<'_>,
    strategy: &Strategy,
    part: usize,
) -> PartReport {
    let world = field.world();
    let ask = Ask {
        world,
        assembly,
        part,
    };
    let mut keep = RowSet::all(world.rows.len());
    let mut filters = Vec::new();
    for filter in strategy.filters() {
        let before = keep.count();
        filter.keep(&ask, world.rows, &mut keep);
        filters.push(FilterCount {
            filter: filter.name().to_owned(),
            out: before - keep.count(),
            left: keep.count(),
        });
    }
    let kept: Vec<ResourceId> = keep.iter().map(|index| world.rows[index]).collect();
    PartReport {
        rows: world.rows.len(),
        filters,
        best: best(&ask, strategy, &kept),
    }
}

fn best(ask: &Ask<'_>, strategy: &Strategy, rows: &[ResourceId]) -> Vec<RowScore> {
    let mut ranked = place::rank(ask, strategy, place::Spreads::Kept, rows);
    ranked.sort_unstable_by(|a, b| b.cmp(a));
    ranked.truncate(SHOWN);
    let parts = |on: ResourceId| {
        let part = |(score, weight): (&dyn place::Score, i64)| {
            let mut value = [0];
            score.score(ask, &[on], &mut value);
            ScorePart {
                score: score.name().to_owned(),
                weight,
                value: value[0],
            }
        };
        strategy.scores().map(part).collect()
    };
    let score = |candidate: place::Candidate| RowScore {
        on: candidate.on(),
        name: name_of(ask, candidate.on()),
        total: candidate.score(),
        parts: parts(candidate.on()),
    };
    ranked.into_iter().map(score).collect()
}

fn name_of(ask: &Ask<'_>, on: ResourceId) -> String {
    let resource = ask.state().resource(on);
    resource.map_or_else(String::new, |resource| resource.name().to_owned())
}

/// The smallest change that would let the request through.
fn fix(field: &Field<'_>, assembly: &Assembly<'_>, cause: &Cause) -> Option<Fix> {
    match cause {
        Cause::Denied { denied, .. } => (!denied.short.is_empty()).then(|| Fix::Owner {
            owner: denied.owner.clone(),
            short: denied.short.clone(),
        }),
        Cause::Ledger(Why::Limit { owner, short })
        | Cause::Unplaced(place::Unplaced {
            reason: Reason::Ledger(Why::Limit { owner, short }),
            ..
        }) => Some(Fix::Owner {
            owner: owner.clone(),
            short: short.clone(),
        }),
        Cause::Unplaced(unplaced) => {
            more(field, assembly, unplaced.part).or_else(|| nearest(field, assembly, unplaced.part))
        }
        Cause::Ledger(_) | Cause::UnknownStrategy(_) | Cause::Reserved { .. } | Cause::Deadline => {
            None
        }
    }
}

/// What is missing where rows suit and do not suffice: members of a gang, or amounts of an elastic need.
fn more(field: &Field<'_>, assembly: &Assembly<'_>, part: usize) -> Option<Fix> {
    let kinds = assembly.state().kinds();
    let parts = assembly.request().need().parts();
    let each = assembly.each(part);
    let suits = |on: &&ResourceId| assembly.suits(part, **on).is_ok();
    let suiting: Vec<ResourceId> = field.rows.iter().filter(suits).copied().collect();
    let Some(own) = parts.get(part) else {
        let left = |kind| suiting.iter().map(move |on| assembly.left(*on, kind));
        let left = |(kind, _)| (kind, left(kind).fold(0, u64::saturating_add));
        let short = each.shortfall(&each.iter().map(left).collect());
        let some = !suiting.is_empty() && !short.is_zero();
        return some.then(|| Fix::InAll {
            short: kinds.quantities(&short),
        });
    };
    let is_large = |on: &&ResourceId| each.fits_in(&assembly.state().limit(**on));
    let large: Vec<&ResourceId> = suiting.iter().filter(is_large).collect();
    if large.is_empty() || (parts.len() == 1 && own.min == 1) {
        return None;
    }
    let fit: u64 = large
        .iter()
        .map(|on| u64::from(assembly.fit(part, **on)))
        .sum();
    Some(Fix::Members {
        part,
        // One at least: what fits by itself need not fit beside the other parts.
        missing: u64::from(own.min).saturating_sub(fit).max(1),
        each: kinds.quantities(&each),
    })
}

/// The row that lacks least: the fewest rules first, then the smallest part of the amounts.
fn nearest(field: &Field<'_>, assembly: &Assembly<'_>, part: usize) -> Option<Fix> {
    let lacks = field
        .rows
        .iter()
        .map(|on| Lack::of(field, assembly, part, *on));
    let least = lacks.min_by_key(|lack| (lack.broken(), lack.worst, lack.on))?;
    (least.broken() > 0 || !least.short.is_empty()).then(|| Fix::Row {
        on: least.on,
        name: name_of(
            &Ask {
                world: field.world(),
                assembly,
                part,
            },
            least.on,
        ),
        rules: least.rules,
        closed: least.closed,
        company: least.company,
        short: least.short,
    })
}

/// What a row lacks for one piece.
struct Lack {
    on: ResourceId,
    rules: Vec<Mismatch>,
    closed: Option<ResourceState>,
    company: Option<Why>,
    short: Quantities,
    /// Whether it lacks that even when empty.
    is_small: bool,
    /// The worst kind, in thousandths of what is asked for.
    worst: u128,
}

impl Lack {
    fn of(field: &Field<'_>, assembly: &Assembly<'_>, part: usize, on: ResourceId) -> Self {
        let (mut rules, mut closed) = (Vec::new(), None);
        match assembly.suits(part, on) {
            Err(Why::Unsuitable { mismatches, .. }) => rules = mismatches,
            Err(Why::Closed { state, .. }) => closed = Some(state),
            _ => {}
        }
        // A row that is too small lacks room as well: told as what it is short of.
        rules.retain(|mismatch| !matches!(mismatch, Mismatch::AboveLimit { .. }));
        let social = is_social(assembly.request());
        let company = social.then(|| assembly.company(on).err()).flatten();
        let each = assembly.each(part);
        let left = Ask {
            world: field.world(),
            assembly,
            part,
        };
        let left = each
            .iter()
            .map(|(kind, _)| (kind, left.assembly.left(on, kind)));
        let short = each.shortfall(&left.collect());
        let worst = short
            .iter()
            .map(|(kind, short)| u128::from(short) * 1_000 / u128::from(each.get(kind).max(1)));
        Self {
            on,
            rules,
            closed,
            company,
            worst: worst.max().unwrap_or(0),
            is_small: !each.fits_in(&assembly.state().limit(on)),
            short: assembly.state().kinds().quantities(&short),
        }
    }

    /// How many things have to change that time alone does not.
    fn broken(&self) -> usize {
        let flags = [self.closed.is_some(), self.company.is_some(), self.is_small];
        self.rules.len() + flags.into_iter().filter(|flag| *flag).count()
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.answer {
            Ok(booking) => {
                let rows = booking.holds.iter().count();
                writeln!(f, "`{}` would be granted on {rows} resources", self.request)?;
            }
            Err(cause) => writeln!(f, "`{}` is refused: {cause}", self.request)?,
        }
        for (n, part) in self.parts.iter().enumerate() {
            write!(f, "  part {n}: {} resources", part.rows)?;
            for count in part.filters.iter().filter(|count| count.out > 0) {
                write!(f, ", {} out by {}", count.out, count.filter)?;
            }
            writeln!(f)?;
            for row in &part.best {
                write!(f, "    {} scores {}", row.name, row.total)?;
                for part in &row.parts {
                    write!(f, " ({} {} × {})", part.score, part.value, part.weight)?;
                }
                writeln!(f)?;
            }
        }
        if let Some(victims) = &self.victims {
            let (go, all) = (victims.go.len(), victims.considered.len());
            writeln!(f, "  of {all} holders {go} would be told to go")?;
        }
        match &self.fix {
            Some(fix) => writeln!(f, "  it would go through with {fix}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members {
                part,
                missing,
                each,
            } => {
                write!(f, "room for {missing} more of part {part}, {each} each")
            }
            Self::InAll { short } => write!(f, "{short} more on resources that suit"),
            Self::Owner { owner, short } => write!(f, "{short} more for {owner}"),
            Self::Row {
                name,
                rules,
                closed,
                company,
                short,
                ..
            } => {
                let mut parts: Vec<String> =
                    rules.iter().map(|rule| format!("not `{rule}`")).collect();
                parts.extend(closed.map(|state| format!("it no longer {state}")));
                parts.extend(company.as_ref().map(|why| format!("not `{why}`")));
                parts.extend((!short.is_empty()).then(|| format!("{short} more")));
                write!(f, "{} on {name}", parts.join(", "))
            }
        }
    }
}

//! Drafts on a view that may be behind, and plans that are committed later.

use crate::acts::Paper;
use crate::ask::{Ask, Put, holds};
use crate::chance::Chance;
use crate::commands::{booked, moment, target};
use crate::compare::{self, same};
use crate::legal::No;
use crate::model::{Loads, Model, Thing, stamp};
use crate::run::{Run, agree};
use cloudlot_core::ledger::{CommitError, Grant, Group, Plan, Row, Step};
use cloudlot_core::{ReservationId, Revision};

/// A step, in the model's words.
#[derive(Clone, Debug)]
pub(crate) enum Meta {
    Reserve {
        ask: Box<Ask>,
        put: Put,
        paper: Box<Paper>,
    },
    Resize(ReservationId, Loads),
    Evict(ReservationId, u64),
    Advance(ReservationId, u64),
}

/// What a guard speaks of, as the model sees it.
#[derive(Clone, PartialEq, Debug)]
enum Content {
    Resource(Option<Thing>, Vec<(&'static str, String)>),
    Group(u64, bool),
}

/// A plan that waits to be committed.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    plan: Plan,
    steps: Vec<Meta>,
    epoch: u64,
    /// When its view was brought up to date.
    turn: u64,
    seen: Vec<Content>,
}

fn content(model: &Model, row: &Row) -> Content {
    match row {
        Row::Resource(id) => Content::Resource(model.things.get(id).cloned(), model.domains(*id)),
        Row::Group(group) => match spot(model, group) {
            Some(spot) => Content::Group(model.members(&spot), model.is_shunned(&spot)),
            None => Content::Group(0, false),
        },
    }
}

/// The model's words for a group; `None` if there is no such place any more.
fn spot(model: &Model, group: &Group) -> Option<crate::model::Spot> {
    compare::spots(model)
        .into_iter()
        .find(|spot| compare::group(spot) == *group)
}

fn touched_since(model: &Model, row: &Row, turn: u64) -> bool {
    let last = match row {
        Row::Resource(id) => model.touched.get(id),
        Row::Group(group) => {
            let tag = |((key, value), _): &(&(&str, &str), &u64)| {
                *key == group.label.key && *value == group.label.value
            };
            model.touched_tags.iter().find(tag).map(|(_, turn)| turn)
        }
    };
    last.is_some_and(|last| *last > turn)
}

/// Names for what a draft or a plan reserves before the ledger has named it.
fn unnamed(n: usize) -> ReservationId {
    ReservationId::new(u32::MAX - u32::try_from(n).unwrap(), 0)
}

impl Run {
    /// Some steps on the view that is behind; the plan waits, or is thrown away.
    pub(crate) fn draft(&mut self, chance: &mut Chance) -> Result<(), String> {
        let shape = self.shape;
        let mut model = self.stale_model.clone();
        model.now = moment(chance, &self.model).max(self.model.now);
        let before = self.stale.state().clone();
        let mut draft = self.stale.draft(stamp(model.now));
        let mut steps: Vec<Meta> = Vec::new();
        let mut marks = Vec::new();
        let mut leaves = None;
        for n in 0..usize::try_from(chance.range(1, 7)).unwrap() {
            match chance.below(10) {
                0 => marks.push((draft.mark(), model.clone(), steps.len())),
                1 => {
                    if let Some((mark, was, len)) = marks.pop() {
                        draft.rollback(mark);
                        model = was;
                        steps.truncate(len);
                    }
                }
                2 => {
                    let id = target(chance, &model);
                    let loads = shape.loads(chance, &model, model.claims.get(&id));
                    let Some(held) = holds(draft.state().kinds(), &loads) else {
                        continue;
                    };
                    let got = draft.resize(id, &held);
                    agree("draft resize", &got, &model.against_resizing(id, &loads))?;
                    if got.is_ok() {
                        model.resize(id, loads.clone());
                        steps.push(Meta::Resize(id, loads));
                    }
                }
                3 | 4 => {
                    let id = target(chance, &model);
                    let at = model.now + chance.below(4);
                    let got = draft.evict(id, stamp(at));
                    agree("draft evict", &got, &model.against_ending(id))?;
                    if got.is_ok() {
                        leaves = Some(at);
                        model.evict(id, at);
                        steps.push(Meta::Evict(id, at));
                    }
                }
                5 => {
                    let id = booked(chance, &model);
                    let from = (model.now + chance.below(8)).saturating_sub(2);
                    let got = draft.advance(id, stamp(from));
                    agree("draft advance", &got, &model.against_advancing(id, from))?;
                    if got.is_ok() {
                        model.advance(id, from);
                        steps.push(Meta::Advance(id, from));
                    }
                }
                _ => {
                    let mut ask = shape.ask(chance, &model);
                    if leaves.is_some() && chance.one_in(2) {
                        (ask.from, ask.until) = (leaves, None);
                    }
                    let put = shape.put(chance, &model, &ask);
                    let Some(request) = ask.request() else {
                        continue;
                    };
                    let got = draft.reserve(&request, &put.placement(draft.state().kinds()));
                    agree("draft reserve", &got, &model.against(&ask, &put))?;
                    if got.is_ok() {
                        let paper = ask.paper(request.digest());
                        let claim = model.claim(&paper, &ask.loads(&put));
                        model.enter(unnamed(n), claim, paper.digest);
                        steps.push(Meta::Reserve {
                            ask: Box::new(ask),
                            put,
                            paper: Box::new(paper),
                        });
                    }
                }
            }
            compare::rows(draft.state(), &model, shape.owners)?;
        }
        let plan = (!chance.one_in(8)).then(|| draft.finish());
        if *self.stale.state() != before {
            return Err("the view is not as it was before the draft".to_owned());
        }
        let Some(plan) = plan else { return Ok(()) };
        same("steps", plan.steps.len(), steps.len())?;
        let seen = plan
            .guards
            .iter()
            .map(|guard| content(&self.stale_model, &guard.row))
            .collect();
        let (epoch, turn) = (self.stale_epoch, self.stale_model.turn);
        self.plans.push(Pending {
            plan,
            steps,
            epoch,
            turn,
            seen,
        });
        if self.plans.len() > 4 {
            self.plans.remove(0);
        }
        Ok(())
    }

    /// Commits a plan that waits, sometimes spoilt, sometimes twice.
    pub(crate) fn commit(&mut self, chance: &mut Chance) -> Result<(), String> {
        let Some(mut pending) = chance.pick(&self.plans) else {
            return Ok(());
        };
        if !chance.one_in(6) {
            self.plans
                .retain(|other| other.turn != pending.turn || other.plan != pending.plan);
        }
        if chance.one_in(6) {
            pending.spoil(chance);
        }
        let now = stamp(moment(chance, &self.model));
        if pending.epoch != self.epoch {
            let revision = self.ledger.state().revision();
            same(
                "check elsewhere",
                self.ledger.check(&pending.plan, now),
                Err(CommitError::OtherLedger),
            )?;
            same(
                "commit elsewhere",
                self.ledger.commit(&pending.plan, now),
                Err(CommitError::OtherLedger),
            )?;
            return same("revision", self.ledger.state().revision(), revision);
        }
        self.model.tick(now.as_nanos());
        self.ledger.expire(now);
        let before = self.ledger.state().clone();
        let now = self.ledger.now();
        let checked = self.ledger.check(&pending.plan, now);
        self.unchanged("check", &before)?;
        let got = self.ledger.commit(&pending.plan, now);
        same(
            "check and commit",
            checked.as_ref().err(),
            got.as_ref().err(),
        )?;
        match got {
            Ok(grants) => {
                let entries = self.ledger.journal().since(before.revision());
                if let (Ok(done), Ok(checked)) = (entries, &checked) {
                    same(
                        "entries",
                        done.cloned().collect::<Vec<_>>(),
                        checked.clone(),
                    )?;
                }
                self.committed(&pending, &grants)
            }
            Err(error) => {
                self.unchanged("a commit that failed", &before)?;
                self.refused(&pending, &error)
            }
        }
    }

    fn unchanged(&self, what: &str, before: &cloudlot_core::ledger::State) -> Result<(), String> {
        if self.ledger.state() != before {
            return Err(format!("{what} changed the state"));
        }
        let revision: Revision = self.ledger.journal().revision();
        same((what, "revision"), revision, before.revision())?;
        compare::ledger(&self.ledger, &self.model, self.shape.owners)
    }

    /// Follows a plan that was carried out: each step was legal by all rules, as if it had been asked for alone.
    fn committed(&mut self, pending: &Pending, grants: &[Grant]) -> Result<(), String> {
        for (guard, seen) in pending.plan.guards.iter().zip(&pending.seen) {
            same(
                ("guard", &guard.row),
                content(&self.model, &guard.row),
                seen.clone(),
            )?;
        }
        self.model.begin();
        let mut grants = grants.iter();
        for (index, step) in pending.steps.iter().enumerate() {
            let no = self.model.against_step(step);
            same(("against step", index), no, Vec::new())?;
            match step {
                Meta::Reserve { ask, put, paper } => {
                    let grant = grants.next().ok_or("a grant is missing")?;
                    if let Some((_, old)) = paper.key.and_then(|key| self.model.keys.get(&key)) {
                        same("the answer to a repetition", grant, old)?;
                        continue;
                    }
                    same(
                        ("all rules", index),
                        self.model.against(ask, put),
                        Vec::new(),
                    )?;
                    let claim = self.model.claim(paper, &ask.loads(put));
                    self.enter(*grant, claim, paper.digest)?;
                }
                Meta::Resize(id, loads) => self.model.resize(*id, loads.clone()),
                Meta::Evict(id, at) => self.model.evict(*id, *at),
                Meta::Advance(id, from) => self.model.advance(*id, *from),
            }
        }
        self.model.done();
        same("grants that are left", grants.next(), None)
    }

    /// Whether a plan was refused for a reason, at the first step that there is a reason against.
    fn refused(&self, pending: &Pending, error: &CommitError) -> Result<(), String> {
        match error {
            CommitError::OtherLedger => Err("the plan is from this ledger".to_owned()),
            CommitError::Stale { row } => {
                let guarded = pending.plan.guards.iter().any(|guard| guard.row == *row);
                same(
                    ("guarded and touched", row),
                    (guarded, touched_since(&self.model, row, pending.turn)),
                    (true, true),
                )
            }
            CommitError::Step { index, why } => {
                let mut model = self.model.clone();
                model.begin();
                for step in &pending.steps[..*index] {
                    same(
                        "against an earlier step",
                        model.against_step(step),
                        Vec::new(),
                    )?;
                    let n = usize::try_from(model.turn).unwrap();
                    model.turn += 1;
                    model.follow(step, unnamed(n));
                }
                agree::<(), _, No>(
                    ("step", index),
                    &Err(why.clone()),
                    &model.against_step(&pending.steps[*index]),
                )
            }
        }
    }
}

impl Model {
    /// Against a step of a plan, by what the ledger looks at: the rest is guarded.
    fn against_step(&self, step: &Meta) -> Vec<No> {
        match step {
            Meta::Resize(id, loads) => self.against_resizing(*id, loads),
            Meta::Evict(id, _) => self.against_ending(*id),
            Meta::Advance(id, from) => self.against_advancing(*id, *from),
            Meta::Reserve { ask, put, paper } => {
                match paper.key.and_then(|key| self.keys.get(&key)) {
                    Some((digest, _)) if *digest == paper.digest => Vec::new(),
                    Some(_) => vec![No::KeyReused],
                    None => self.against_booking(ask.owner, &ask.loads(put), ask.from, ask.until),
                }
            }
        }
    }

    fn follow(&mut self, step: &Meta, id: ReservationId) {
        match step {
            Meta::Resize(id, loads) => self.resize(*id, loads.clone()),
            Meta::Evict(id, at) => self.evict(*id, *at),
            Meta::Advance(id, from) => self.advance(*id, *from),
            Meta::Reserve { ask, put, paper } => {
                if paper.key.is_none_or(|key| !self.keys.contains_key(&key)) {
                    let claim = self.claim(paper, &ask.loads(put));
                    self.enter(id, claim, paper.digest);
                }
            }
        }
    }
}

impl Pending {
    /// Puts a step that cannot be done somewhere.
    fn spoil(&mut self, chance: &mut Chance) {
        let place = usize::try_from(chance.below(self.steps.len() as u64 + 1)).unwrap();
        let nobody = ReservationId::new(7_777, 7);
        self.plan.steps.insert(
            place,
            Step::Evict {
                reservation: nobody,
                at: stamp(0),
            },
        );
        self.steps.insert(place, Meta::Evict(nobody, 0));
    }
}

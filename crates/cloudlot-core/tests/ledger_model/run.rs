//! Gives each command to the ledger and to the model, and compares answers and states.

use crate::ask::{Ask, Put, Wants, holds, quantities};
use crate::chance::Chance;
use crate::commands::{Command, Op, Shape, booked, moment, some, target};
use crate::compare::{self, same};
use crate::legal::No;
use crate::model::{Bag, Loads, Model, NOTHING, Row, Stretch, stamp, total};
use crate::plans::Pending;
use cloudlot_core::ledger::{
    Booking, Checkpoint, Entry, Grant, Ledger, LedgerConfig, View, Why, audit,
};
use cloudlot_core::{ReservationId, ResourceId};
use std::collections::BTreeSet;
use std::fmt::Debug;

/// How often everything is counted again and replayed, in commands.
const DEEP: u64 = 100;

pub(crate) struct Run {
    pub(crate) shape: Shape,
    pub(crate) ledger: Ledger,
    pub(crate) model: Model,
    /// Counts the ledgers: another one after each restoration.
    pub(crate) epoch: u64,
    /// A view that is brought up to date now and then, and the model as it was then.
    pub(crate) stale: View,
    pub(crate) stale_model: Model,
    pub(crate) stale_epoch: u64,
    pub(crate) plans: Vec<Pending>,
    /// A view that follows every command.
    fresh: View,
    start: Checkpoint,
    log: Vec<Entry>,
    pub(crate) names: u64,
    given: BTreeSet<ReservationId>,
}

impl Run {
    pub(crate) fn new(shape: Shape) -> Self {
        let config = LedgerConfig {
            journal: shape.journal,
            ended_keys: shape.ended_keys,
        };
        let ledger = Ledger::with(config);
        let model = Model {
            known: [0, 1].into(),
            keep_keys: shape.ended_keys,
            ..Model::default()
        };
        Self {
            shape,
            fresh: View::of(&ledger),
            stale: View::of(&ledger),
            stale_model: model.clone(),
            stale_epoch: 0,
            epoch: 0,
            plans: Vec::new(),
            start: ledger.checkpoint(),
            log: Vec::new(),
            ledger,
            model,
            names: 0,
            given: BTreeSet::new(),
        }
    }

    /// One command, and everything that has to hold after it.
    pub(crate) fn step(&mut self, (op, seed): Command) -> Result<(), String> {
        let chance = &mut Chance::new(seed);
        self.model.turn += 1;
        let before = compare::excess(self.ledger.state(), self.shape.owners);
        self.act(op, chance)?;
        compare::ledger(&self.ledger, &self.model, self.shape.owners)?;
        if !matches!(op, Op::Update | Op::SetLimit | Op::Adopt) {
            let after = compare::excess(self.ledger.state(), self.shape.owners);
            compare::never_higher(&before, &after)?;
        }
        self.follow()?;
        if self.model.turn.is_multiple_of(DEEP) {
            self.deep()?;
        }
        Ok(())
    }

    fn act(&mut self, op: Op, chance: &mut Chance) -> Result<(), String> {
        match op {
            Op::Add => self.add(chance),
            Op::Update => self.update(chance),
            Op::SetState => self.set_state(chance),
            Op::Remove => self.remove(chance),
            Op::SetLimit => self.set_limit(chance),
            Op::LiftLimit => self.lift_limit(chance),
            Op::Reserve => self.reserve(chance),
            Op::Place => self.place(chance),
            Op::Adopt => self.adopt(chance),
            Op::Confirm => self.confirm(chance),
            Op::Release => self.release(chance),
            Op::ReleasePart => self.release_part(chance),
            Op::Resize => self.resize(chance),
            Op::Extend => self.extend(chance),
            Op::Evict => self.evict(chance),
            Op::Advance => self.advance(chance),
            Op::Expire => self.expire(chance),
            Op::Draft => self.draft(chance),
            Op::Commit => self.commit(chance),
            Op::Sync => self.sync(),
            Op::Restore => self.restore(),
        }
    }

    /// The view that follows shows the same, and the journal has what is new.
    fn follow(&mut self) -> Result<(), String> {
        let last = self.fresh.state().revision();
        let behind = self
            .ledger
            .state()
            .revision()
            .number()
            .saturating_sub(last.number());
        let synced = self.fresh.sync(&self.ledger);
        let known = self.ledger.journal().since(last);
        same(
            "recopied",
            synced.recopied,
            known.is_err() || self.is_restored(),
        )?;
        match known {
            Ok(entries) if !synced.recopied => {
                same("entries", synced.entries, behind)?;
                self.log.extend(entries.cloned());
            }
            _ => {
                self.start = self.ledger.checkpoint();
                self.log.clear();
            }
        }
        if self.fresh.state() != self.ledger.state() {
            return Err("the view that follows shows something else".to_owned());
        }
        Ok(())
    }

    /// Whether the ledger was restored by this command.
    fn is_restored(&self) -> bool {
        self.model.turn > 0 && self.model.touched.get(&RESTORED) == Some(&self.model.turn)
    }

    /// Counts everything again, and replays everything since the start.
    fn deep(&mut self) -> Result<(), String> {
        same("audit", audit(self.ledger.state()), Vec::new())?;
        compare::conserved(&self.ledger)?;
        let replayed =
            Ledger::replay(self.start.clone(), &self.log).map_err(|error| error.to_string())?;
        if replayed.state() != self.ledger.state() {
            return Err("the replay has another state".to_owned());
        }
        same(
            "deadline of the replay",
            replayed.next_deadline(),
            self.ledger.next_deadline(),
        )?;
        same(
            "keys of the replay",
            replayed.key_count(),
            self.ledger.key_count(),
        )
    }

    fn restore(&mut self) -> Result<(), String> {
        self.deep()?;
        self.ledger =
            Ledger::replay(self.start.clone(), &self.log).map_err(|error| error.to_string())?;
        if self.ledger.now() > stamp(self.model.now) {
            return Err("the replay is ahead of its time".to_owned());
        }
        self.model.now = self.ledger.now().as_nanos();
        self.model.backwards = 0;
        self.model.touched.insert(RESTORED, self.model.turn);
        self.epoch += 1;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), String> {
        let behind = self
            .ledger
            .journal()
            .since(self.stale.state().revision())
            .is_err();
        let synced = self.stale.sync(&self.ledger);
        same(
            "recopied",
            synced.recopied,
            behind || self.stale_epoch != self.epoch,
        )?;
        if self.stale.state() != self.ledger.state() {
            return Err("the view that was behind shows something else".to_owned());
        }
        self.stale_model = self.model.clone();
        self.stale_epoch = self.epoch;
        Ok(())
    }

    /// Moves both on in time.
    pub(crate) fn now(&mut self, chance: &mut Chance) -> u64 {
        let now = moment(chance, &self.model);
        self.model.tick(now);
        now
    }

    /// Does nothing at a moment.
    pub(crate) fn pass(&mut self, now: u64) -> Result<(), String> {
        self.ledger.expire(stamp(now));
        Ok(())
    }

    fn reserve(&mut self, chance: &mut Chance) -> Result<(), String> {
        let now = self.now(chance);
        let mut ask = self.shape.ask(chance, &self.model);
        if let Wants::Groups(groups) = &mut ask.wants
            && !chance.one_in(6)
        {
            groups.truncate(1);
            (groups[0].count, groups[0].min) = (1, 1);
        }
        let on = self
            .shape
            .put(chance, &self.model, &ask)
            .resources()
            .first()
            .copied();
        let on = on.unwrap_or(RESTORED);
        let put = Put::Pieces(vec![(0, on, 1)]);
        let Some(request) = ask.request() else {
            return self.pass(now);
        };
        let single = matches!(&ask.wants, Wants::Groups(groups) if groups.len() == 1 && groups[0].count == 1
            && groups[0].children.is_none());
        let mut no = self.model.against(&ask, &put);
        if !single {
            no.push(No::Placement);
        }
        let got = self.ledger.reserve(&request, on, stamp(now));
        self.granted("reserve", &ask, &put, request.digest(), got, no)
    }

    fn place(&mut self, chance: &mut Chance) -> Result<(), String> {
        let now = self.now(chance);
        let ask = self.shape.ask(chance, &self.model);
        let put = self.shape.put(chance, &self.model, &ask);
        let Some(request) = ask.request() else {
            return self.pass(now);
        };
        let placement = put.placement(self.ledger.state().kinds());
        let no = self.model.against(&ask, &put);
        let got = self.ledger.place(&request, &placement, stamp(now));
        self.granted("place", &ask, &put, request.digest(), got, no)
    }

    fn granted(
        &mut self,
        what: &str,
        ask: &Ask,
        put: &Put,
        digest: u64,
        got: Result<Grant, Why>,
        no: Vec<No>,
    ) -> Result<(), String> {
        let loads = ask.loads(put);
        if let Some(done) = self.repeated(ask.key, digest, &got)? {
            return Ok(done);
        }
        agree(what, &got, &no)?;
        let (from, until, timed) = self.model.span(ask.from, ask.until);
        match got {
            Ok(grant) => {
                let claim = self.model.claim(&ask.paper(digest), &loads);
                self.enter(grant, claim, digest)
            }
            Err(why) => self.shorts(&why, &loads, timed.then_some((from, until))),
        }
    }

    /// Whether the request was answered before, and is answered so again.
    fn repeated(
        &self,
        key: Option<u128>,
        digest: u64,
        got: &Result<Grant, Why>,
    ) -> Result<Option<()>, String> {
        let Some((old, grant)) = key.and_then(|key| self.model.keys.get(&key)) else {
            return Ok(None);
        };
        if *old == digest {
            same("the answer to a repetition", got.clone(), Ok(*grant))?;
        } else {
            same(
                "a key used again",
                got.as_ref().map_err(No::from),
                Err(No::KeyReused),
            )?;
        }
        Ok(Some(()))
    }

    pub(crate) fn enter(
        &mut self,
        grant: Grant,
        claim: crate::model::Claim,
        digest: u64,
    ) -> Result<(), String> {
        same("a name given anew", self.given.insert(grant.id), true)?;
        let expected = self.model.enter(grant.id, claim, digest);
        same("grant", grant, expected)
    }

    /// Whether a refusal for want of room says how much is missing.
    fn shorts(&self, why: &Why, loads: &Loads, stretch: Stretch) -> Result<(), String> {
        match why {
            Why::Full { resource, short } => {
                let wanted = loads.get(resource).map_or(NOTHING, |(bag, _)| *bag);
                let lacks = self.model.lacks(Row::On(*resource), &wanted, stretch);
                same(
                    "short",
                    short.clone(),
                    quantities(&lacks).into_iter().collect(),
                )
            }
            Why::Limit { owner, short } => {
                let limited = self
                    .model
                    .limits
                    .keys()
                    .find(|limited| **limited == owner.as_str());
                let lacks = self.model.lacks(
                    Row::Of(limited.ok_or("no such limit")?),
                    &total(loads),
                    stretch,
                );
                same(
                    "short",
                    short.clone(),
                    quantities(&lacks).into_iter().collect(),
                )
            }
            _ => Ok(()),
        }
    }

    fn adopt(&mut self, chance: &mut Chance) -> Result<(), String> {
        let now = self.now(chance);
        let ask = self.shape.ask(chance, &self.model);
        let Some(request) = ask.request() else {
            return self.pass(now);
        };
        let loads = self.shape.loads(chance, &self.model, None);
        let Some(held) = holds(self.ledger.state().kinds(), &loads) else {
            return self.pass(now);
        };
        let since = chance.one_in(2).then_some(self.model.now / 2);
        let no = self
            .model
            .against_adopting(ask.owner, &loads, ask.from, ask.until);
        let got = self
            .ledger
            .adopt(&Booking::of(&request, held), since.map(stamp), stamp(now));
        if let Some(done) = self.repeated(ask.key, request.digest(), &got)? {
            return Ok(done);
        }
        agree("adopt", &got, &no)?;
        let Ok(grant) = got else { return Ok(()) };
        let mut claim = self.model.claim(&ask.paper(request.digest()), &loads);
        claim.confirmed = since;
        self.enter(grant, claim, request.digest())
    }

    fn confirm(&mut self, chance: &mut Chance) -> Result<(), String> {
        let id = target(chance, &self.model);
        let now = self.now(chance);
        let no = self.model.against_confirming(id);
        let got = self.ledger.confirm(id, stamp(now));
        agree("confirm", &got, &no)?;
        if got.is_ok() {
            self.model.confirm(id);
        }
        Ok(())
    }

    fn release(&mut self, chance: &mut Chance) -> Result<(), String> {
        let id = target(chance, &self.model);
        let now = self.now(chance);
        let no = self.model.against_ending(id);
        let got = self.ledger.release(id, stamp(now));
        agree("release", &got, &no)?;
        if got.is_ok() {
            self.model.end(id);
        }
        Ok(())
    }

    fn release_part(&mut self, chance: &mut Chance) -> Result<(), String> {
        let id = target(chance, &self.model);
        let now = self.now(chance);
        let mut part: Loads = self
            .model
            .claims
            .get(&id)
            .map(|claim| claim.loads.clone())
            .unwrap_or_default();
        for (bag, _) in part.values_mut() {
            *bag = less(chance, bag);
        }
        part.retain(|_, (bag, _)| *bag != NOTHING);
        if chance.one_in(10) || part.is_empty() {
            part.insert(some(chance, &self.model), ([1, 0, 0, 0], 1));
        }
        let no = self.model.against_part(id, &part);
        let Some(back) = holds(self.ledger.state().kinds(), &part) else {
            return self.pass(now);
        };
        let got = self.ledger.release_part(id, &back, stamp(now));
        agree("release_part", &got, &no)?;
        if got.is_ok() {
            self.model.release_part(id, &part);
        }
        Ok(())
    }

    fn resize(&mut self, chance: &mut Chance) -> Result<(), String> {
        let id = target(chance, &self.model);
        let now = self.now(chance);
        let claim = self.model.claims.get(&id);
        let loads = self.shape.loads(chance, &self.model, claim);
        let stretch = claim.and_then(|claim| claim.timed.then_some((claim.from, claim.until)));
        let Some(held) = holds(self.ledger.state().kinds(), &loads) else {
            return self.pass(now);
        };
        let no = self.model.against_resizing(id, &loads);
        let more = claim
            .map(|claim| growth(&claim.loads, &loads))
            .unwrap_or_default();
        let got = self.ledger.resize(id, &held, stamp(now));
        agree("resize", &got, &no)?;
        match got {
            Ok(()) => {
                self.model.resize(id, loads);
                Ok(())
            }
            Err(Why::Limit { .. }) => Ok(()),
            Err(why) => self.shorts(&why, &more, stretch),
        }
    }

    fn extend(&mut self, chance: &mut Chance) -> Result<(), String> {
        let id = target(chance, &self.model);
        let now = self.now(chance);
        let until = if chance.one_in(10) {
            u64::MAX
        } else {
            (self.model.now + chance.below(12)).saturating_sub(2)
        };
        let no = self.model.against_extending(id, until);
        let got = self.ledger.extend(id, stamp(until), stamp(now));
        agree("extend", &got, &no)?;
        if got.is_ok() {
            self.model.extend(id, until);
        }
        Ok(())
    }

    fn evict(&mut self, chance: &mut Chance) -> Result<(), String> {
        let id = target(chance, &self.model);
        let now = self.now(chance);
        let at = (self.model.now + chance.below(8)).saturating_sub(2);
        let no = self.model.against_ending(id);
        let got = self.ledger.evict(id, stamp(at), stamp(now));
        agree("evict", &got, &no)?;
        if got.is_ok() {
            self.model.evict(id, at);
        }
        Ok(())
    }

    fn advance(&mut self, chance: &mut Chance) -> Result<(), String> {
        let id = booked(chance, &self.model);
        let now = self.now(chance);
        let from = (self.model.now + chance.below(8)).saturating_sub(2);
        let no = self.model.against_advancing(id, from);
        let got = self.ledger.advance(id, stamp(from), stamp(now));
        agree("advance", &got, &no)?;
        if got.is_ok() {
            self.model.advance(id, from);
        }
        Ok(())
    }

    fn expire(&mut self, chance: &mut Chance) -> Result<(), String> {
        let now = moment(chance, &self.model);
        let ended = self.model.tick(now);
        same("ended", self.ledger.expire(stamp(now)), ended)
    }
}

/// No resource has this name: it marks the turn of a restoration, too.
const RESTORED: ResourceId = ResourceId::new(u32::MAX, u32::MAX);

/// A part of an amount, or all, or a little more.
fn less(chance: &mut Chance, bag: &Bag) -> Bag {
    match chance.below(8) {
        0 => bag.map(|amount| {
            if amount > 0 {
                (amount + 1).min(u64::MAX.into())
            } else {
                0
            }
        }),
        1 => *bag,
        _ => bag.map(|amount| amount / 2),
    }
}

fn growth(old: &Loads, new: &Loads) -> Loads {
    let grown = new.iter().map(|(id, (bag, count))| {
        let has = old.get(id).map_or(NOTHING, |(has, _)| *has);
        (*id, (crate::model::minus(bag, &has), *count))
    });
    grown.collect()
}

/// Whether an answer is one of those that the model allows: yes if nothing is against it, else one of the reasons.
pub(crate) fn agree<T: Debug, E, N>(
    what: impl Debug,
    got: &Result<T, E>,
    no: &[N],
) -> Result<(), String>
where
    E: Debug,
    N: PartialEq + Debug + for<'a> From<&'a E>,
{
    let agrees = match got {
        Ok(_) => no.is_empty(),
        Err(why) => no.contains(&N::from(why)),
    };
    if agrees {
        return Ok(());
    }
    Err(format!(
        "{what:?}: the ledger says {got:?}, against it is {no:?}"
    ))
}

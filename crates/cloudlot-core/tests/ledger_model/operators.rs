//! Operators' commands: resources that join, change and leave, and the limits of owners.

use crate::ask::{quantity, resource};
use crate::chance::Chance;
use crate::commands::some;
use crate::compare::same;
use crate::legal::NoAdmin;
use crate::model::{KINDS, NOTHING, Thing, stamp};
use crate::run::{Run, agree};
use cloudlot_core::{OwnerPath, Quantity, ResourceId};

impl Run {
    pub(crate) fn add(&mut self, chance: &mut Chance) -> Result<(), String> {
        let now = self.now(chance);
        self.names += u64::from(!chance.one_in(15));
        let thing = self
            .shape
            .thing(chance, &self.model, format!("n{}", self.names));
        let mut parent = thing.parent.map(|id| self.model.things[&id].name.clone());
        if parent.as_ref() == Some(&thing.name) {
            return self.pass(now);
        }
        let mut no = Vec::new();
        if self
            .model
            .things
            .values()
            .any(|other| other.name == thing.name)
        {
            no.push(NoAdmin::NameTaken);
        }
        if chance.one_in(30) {
            parent = Some("nowhere".to_owned());
            no.push(NoAdmin::NoParent);
        }
        let above = |id: &ResourceId| self.model.things.get(id)?.parent;
        if std::iter::successors(thing.parent, above).count() == 16 {
            no.push(NoAdmin::TooDeep);
        }
        let got = self
            .ledger
            .add(resource(&thing, parent.as_deref()), stamp(now));
        agree("add", &got, &no)?;
        if let Ok(id) = got {
            self.model.learn(&thing.limit);
            self.model.touched.insert(id, self.model.turn);
            let old = self.model.things.insert(id, thing);
            same("a new place", old, None)?;
        }
        Ok(())
    }

    pub(crate) fn update(&mut self, chance: &mut Chance) -> Result<(), String> {
        let now = self.now(chance);
        let id = some(chance, &self.model);
        let Some(old) = self.model.things.get(&id).cloned() else {
            let got = self
                .ledger
                .update(id, resource(&nobody(), None), stamp(now));
            return agree("update", &got, &[NoAdmin::Unknown]);
        };
        let mut thing = self.shape.changed(chance, &old);
        let parent = old.parent.map(|id| self.model.things[&id].name.clone());
        let mut no = Vec::new();
        if chance.one_in(20) {
            thing.name.push('x');
            no.push(NoAdmin::Moved);
        }
        let got = self
            .ledger
            .update(id, resource(&thing, parent.as_deref()), stamp(now));
        agree("update", &got, &no)?;
        if got.is_ok() {
            self.model.learn(&thing.limit);
            self.model.things.insert(id, thing);
            self.model.redescribed(id);
        }
        Ok(())
    }

    pub(crate) fn set_state(&mut self, chance: &mut Chance) -> Result<(), String> {
        let now = self.now(chance);
        let (id, state) = (some(chance, &self.model), self.shape.state(chance));
        let got = self.ledger.set_state(id, state, stamp(now));
        let no = if self.model.things.contains_key(&id) {
            vec![]
        } else {
            vec![NoAdmin::Unknown]
        };
        agree("set_state", &got, &no)?;
        if let Some(thing) = self.model.things.get_mut(&id) {
            thing.state = state;
            self.model.redescribed(id);
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, chance: &mut Chance) -> Result<(), String> {
        let now = self.now(chance);
        let id = some(chance, &self.model);
        if self.model.things.len() <= self.shape.nodes && !chance.one_in(4) {
            return self.pass(now);
        }
        let holds = self
            .model
            .claims
            .values()
            .filter(|claim| claim.loads.contains_key(&id))
            .count();
        let children = self.model.children(id);
        let no = match (self.model.things.contains_key(&id), holds + children) {
            (false, _) => vec![NoAdmin::Unknown],
            (true, 0) => vec![],
            (true, _) => vec![NoAdmin::InUse(u32::try_from(holds).unwrap(), children)],
        };
        let got = self.ledger.remove(id, stamp(now));
        agree("remove", &got, &no)?;
        if got.is_ok() {
            self.model.things.remove(&id);
            self.model.touched.insert(id, self.model.turn);
        }
        Ok(())
    }

    pub(crate) fn set_limit(&mut self, chance: &mut Chance) -> Result<(), String> {
        let now = self.now(chance);
        let owner = self.shape.owner(chance);
        let limit = self.shape.limits(chance);
        let named = KINDS
            .iter()
            .zip(&limit)
            .filter_map(|(name, amount)| Some(quantity(name, (*amount)?)));
        let mut named: Vec<Quantity> = named.collect();
        let mut no = self.model.against_limiting(owner, &limit);
        if chance.one_in(20) {
            named.extend(named.first().cloned());
            if !named.is_empty() {
                no = vec![NoAdmin::Kinds];
            }
        }
        let path: OwnerPath = owner.parse().unwrap();
        let got = self.ledger.set_limit(&path, named, stamp(now));
        agree("set_limit", &got, &no)?;
        if got.is_ok() {
            self.model
                .known
                .extend((0..4).filter(|kind| limit[*kind].is_some()));
            self.model.owners.insert(owner);
            self.model.limits.insert(owner, limit);
        }
        Ok(())
    }

    pub(crate) fn lift_limit(&mut self, chance: &mut Chance) -> Result<(), String> {
        let now = self.now(chance);
        let owner = self.shape.owner(chance);
        self.ledger.lift_limit(&owner.parse().unwrap(), stamp(now));
        self.model.limits.remove(owner);
        Ok(())
    }
}

fn nobody() -> Thing {
    Thing {
        name: "nobody".to_owned(),
        parent: None,
        state: cloudlot_core::ResourceState::Available,
        limit: NOTHING,
        zone: None,
        ssd: false,
        tainted: false,
    }
}

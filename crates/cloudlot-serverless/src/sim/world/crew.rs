//! Who is there: the instances that a world has and has not reported gone.

use crate::{FunctionId, InstanceId};

/// Instances by their place in the platform's table, and all of them in a row, so that one can be picked at random.
#[derive(Clone, Default, Debug)]
pub(super) struct Crew {
    places: Vec<Option<Member>>,
    alive: Vec<InstanceId>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    is: InstanceId,
    function: FunctionId,
    /// Where it stands in the row.
    stands: usize,
}

impl Crew {
    pub(super) const fn len(&self) -> usize {
        self.alive.len()
    }

    /// The one that stands there; the order is by chance.
    pub(super) fn nth(&self, stands: usize) -> Option<InstanceId> {
        self.alive.get(stands).copied()
    }

    pub(super) fn function(&self, instance: InstanceId) -> Option<FunctionId> {
        self.find(instance).map(|member| member.function)
    }

    pub(super) fn has(&self, instance: InstanceId) -> bool {
        self.find(instance).is_some()
    }

    fn find(&self, instance: InstanceId) -> Option<Member> {
        let member = self
            .places
            .get(instance.place() as usize)
            .copied()
            .flatten();
        member.filter(|member| member.is == instance)
    }

    pub(super) fn join(&mut self, is: InstanceId, function: FunctionId) {
        let place = is.place() as usize;
        if self.places.len() <= place {
            self.places.resize(place + 1, None);
        }
        debug_assert!(
            self.places[place].is_none(),
            "a place is given again when its tenant is gone"
        );
        self.places[place] = Some(Member {
            is,
            function,
            stands: self.alive.len(),
        });
        self.alive.push(is);
    }

    /// Whether it was there.
    pub(super) fn leave(&mut self, instance: InstanceId) -> bool {
        let Some(member) = self.find(instance) else {
            return false;
        };
        self.places[instance.place() as usize] = None;
        self.alive.swap_remove(member.stands);
        if let Some(&moved) = self.alive.get(member.stands)
            && let Some(moved) = &mut self.places[moved.place() as usize]
        {
            moved.stands = member.stands;
        }
        true
    }
}

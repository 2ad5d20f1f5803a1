//! Who is there: the instances that a world has and has not reported gone, and what runs on them.

use crate::{AttemptId, FunctionId, HostId, InstanceId};

/// Instances by their place in the platform's table, and all of them in a row, so that one can be picked at random.
#[derive(Clone, Default, Debug)]
pub(super) struct Crew {
    places: Vec<Option<Member>>,
    alive: Vec<InstanceId>,
    /// The last attempt of each place of calls, and where it runs: an earlier one is over.
    attempts: Vec<Option<(AttemptId, InstanceId)>>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    is: InstanceId,
    function: FunctionId,
    host: Option<HostId>,
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

    /// This attempt has begun there.
    pub(super) fn run(&mut self, attempt: AttemptId, on: InstanceId) {
        let place = attempt.place();
        if self.attempts.len() <= place {
            self.attempts.resize(place + 1, None);
        }
        self.attempts[place] = Some((attempt, on));
    }

    /// Whether this attempt can still end by itself.
    pub(super) fn runs(&self, attempt: AttemptId) -> bool {
        let last = self.attempts.get(attempt.place()).copied().flatten();
        last.is_some_and(|(last, on)| last == attempt && self.has(on))
    }

    pub(super) fn function(&self, instance: InstanceId) -> Option<FunctionId> {
        self.find(instance).map(|member| member.function)
    }

    pub(super) fn has(&self, instance: InstanceId) -> bool {
        self.find(instance).is_some()
    }

    fn find(&self, instance: InstanceId) -> Option<Member> {
        let member = self.places.get(instance.place()).copied().flatten();
        member.filter(|member| member.is == instance)
    }

    pub(super) fn join(&mut self, is: InstanceId, function: FunctionId, host: Option<HostId>) {
        let place = is.place();
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
            host,
            stands: self.alive.len(),
        });
        self.alive.push(is);
    }

    /// Whether it was there.
    pub(super) fn leave(&mut self, instance: InstanceId) -> bool {
        let Some(member) = self.find(instance) else {
            return false;
        };
        self.places[instance.place()] = None;
        self.alive.swap_remove(member.stands);
        if let Some(&moved) = self.alive.get(member.stands)
            && let Some(moved) = &mut self.places[moved.place()]
        {
            moved.stands = member.stands;
        }
        true
    }

    /// Everybody on this host leaves; so many.
    pub(super) fn leave_with(&mut self, host: HostId) -> u64 {
        let mut left = 0;
        let mut stands = 0;
        while let Some(&instance) = self.alive.get(stands) {
            let on = self.find(instance).and_then(|member| member.host);
            if on == Some(host) {
                // The last one stands there now.
                self.leave(instance);
                left += 1;
            } else {
                stands += 1;
            }
        }
        left
    }
}

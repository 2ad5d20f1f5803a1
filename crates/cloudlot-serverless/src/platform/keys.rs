//! Calls that come again under the same key run once.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use cloudlot_core::{RequestKey, Timestamp};

use super::event::{Call, CallId, Effect, Outcome};
use super::keep_alive::KeepAlive;
use super::record::Sink;
use super::rows::{Pending, Stage};
use super::{Platform, Turn};

/// Makes calls of one function with the same name one call.
///
/// While the first has no answer, the others join it and get its answer. Once it has succeeded, they get that
/// answer for as long as it is remembered; a failure is forgotten, so that the caller can try again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// Made by the caller.
    pub name: RequestKey,
    /// Of the input: the same name with another one is a conflict.
    pub digest: u64,
}

/// How long successes are remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyMemory {
    /// After the answer.
    pub keep: Duration,
    /// How many at most; the oldest is forgotten first.
    pub most: usize,
}

impl KeyMemory {
    /// A day, 65,536 answers.
    pub const DEFAULT: Self = Self {
        keep: Duration::from_secs(24 * 3_600),
        most: 65_536,
    };
}

type Name = (u32, RequestKey);

/// Keys in use and keys remembered.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    known: BTreeMap<Name, Known>,
    /// The names of the calls that have no answer yet, by place.
    open: BTreeMap<u32, Name>,
    /// Those that ended, the oldest first.
    ended: VecDeque<(Timestamp, Name)>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    digest: u64,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The call in this place has no answer yet.
    Open(u32),
    /// This call succeeded.
    Succeeded(CallId),
}

/// What a key says of a call that comes.
enum Verdict {
    First,
    Joins(u32),
    Again(CallId),
    Conflict,
}

impl Keys {
    pub(super) const fn new() -> Self {
        Self {
            known: BTreeMap::new(),
            open: BTreeMap::new(),
            ended: VecDeque::new(),
        }
    }

    /// How many answers are remembered.
    pub(super) fn remembered(&self) -> usize {
        self.ended.len()
    }

    fn judge(&self, name: &Name, digest: u64) -> Verdict {
        match self.known.get(name) {
            None => Verdict::First,
            Some(known) if known.digest != digest => Verdict::Conflict,
            Some(known) => match known.state {
                State::Open(call) => Verdict::Joins(call),
                State::Succeeded(call) => Verdict::Again(call),
            },
        }
    }

    /// Forgets what is too old; an answer is remembered through the last moment of its time.
    fn forget(&mut self, memory: KeyMemory, now: Timestamp) {
        while let Some(&(at, name)) = self.ended.front() {
            let old = now.since(at) > memory.keep;
            if !old && self.ended.len() <= memory.most {
                return;
            }
            self.ended.pop_front();
            self.known.remove(&name);
        }
    }
}

impl<K: KeepAlive> Platform<K> {
    /// Takes in a call with a key: the first of its name goes its way, the others are answered with it or at once.
    pub(super) fn arrived_again<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: Call,
        key: Key,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.keys.forget(self.settings.keys, turn.now);
        let name = (call.function.number(), key.name);
        match self.keys.judge(&name, key.digest) {
            Verdict::First => {
                let place = self.calls.insert(Pending::new(call, turn.now));
                let state = State::Open(place);
                let digest = key.digest;
                self.keys.open.insert(place, name);
                self.keys.known.insert(name, Known { digest, state });
                self.serve(place, turn);
            }
            Verdict::Joins(first) => {
                self.totals.joined += 1;
                let place = self.calls.insert(Pending::new(call, turn.now));
                self.calls[place].stage = Stage::Joined;
                self.calls[place].instance = first;
                let mut joined = self.calls[first].joined;
                joined.join(&mut self.calls, place);
                self.calls[first].joined = joined;
            }
            Verdict::Again(answer) => {
                self.totals.joined += 1;
                self.answer_at_once(call, Outcome::Success, answer, turn);
            }
            Verdict::Conflict => self.answer_at_once(call, Outcome::Conflict, call.id, turn),
        }
    }

    /// The first call of its key is answered.
    pub(super) fn close_key(&mut self, call: u32, outcome: Outcome, now: Timestamp) {
        let name = self.keys.open.remove(&call).expect("the first has its key");
        if outcome != Outcome::Success {
            self.keys.known.remove(&name);
            return;
        }
        if let Some(known) = self.keys.known.get_mut(&name) {
            known.state = State::Succeeded(self.calls[call].call.id);
            self.keys.ended.push_back((now, name));
        }
        self.keys.forget(self.settings.keys, now);
    }
}

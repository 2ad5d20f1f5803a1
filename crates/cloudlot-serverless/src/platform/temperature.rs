//! How warm a function is where no instance of it is: whether its code is there, and when it is thrown away.

use std::collections::BTreeMap;

use cloudlot_core::Timestamp;

use super::event::Effect;
use super::record::Sink;
use super::{KeepAlive, Platform, Turn};
use crate::FunctionId;

/// From where a start begins. The third temperature is an instance that is there and idle: it needs no start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub enum Temperature {
    /// There is nothing: room, code and what it depends on have to be fetched.
    #[default]
    NoCode,
    /// The code lies there, compiled or unpacked: an instance has only to be made of it.
    Prepared,
}

/// The code that lies prepared.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    /// When each was last started from, by function.
    used: BTreeMap<u32, Timestamp>,
    /// How much all of them take.
    held: u128,
}

impl Codes {
    pub(super) const fn new() -> Self {
        Self {
            used: BTreeMap::new(),
            held: 0,
        }
    }

    /// From where a start of this function begins now.
    pub(super) fn start(&mut self, function: u32, now: Timestamp) -> Temperature {
        match self.used.get_mut(&function) {
            Some(used) => {
                *used = now;
                Temperature::Prepared
            }
            None => Temperature::NoCode,
        }
    }
}

impl<K: KeepAlive> Platform<K> {
    /// The code of this function lies there now: it was asked for, or an instance was made of it.
    pub(super) fn prepared<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let Some(row) = self.functions.get(function as usize) else {
            self.totals.late += 1;
            return;
        };
        if self.codes.used.insert(function, turn.now).is_none() {
            self.codes.held += u128::from(row.is.code.get());
            self.discard(function, turn);
        }
    }

    /// Asks for the code of a function that wants it there before its first call.
    pub(super) fn prepare<O: Extend<Effect>, S>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let row = &mut self.functions[function as usize];
        if row.is.prepared && !row.asked && !self.draining {
            row.asked = true;
            turn.ask(Effect::Prepare(FunctionId::new(function)));
        }
    }

    /// Throws code away until what is left fits: that which was used least recently first, and none that has an instance, is
    /// wanted in any case, or is `newest`.
    fn discard<O: Extend<Effect>, S>(&mut self, newest: u32, turn: &mut Turn<'_, O, S>) {
        let Some(most) = self.settings.code else {
            return;
        };
        while self.codes.held > u128::from(most.get()) {
            let free = |&(&function, _): &(&u32, &Timestamp)| {
                let row = &self.functions[function as usize];
                function != newest && row.alive == 0 && !row.is.prepared
            };
            let codes = self.codes.used.iter().filter(free);
            let Some((&oldest, _)) = codes.min_by_key(|&(&function, &used)| (used, function))
            else {
                return;
            };
            self.forget_code(oldest, turn);
        }
    }

    /// This code is not there any more.
    pub(super) fn forget_code<O: Extend<Effect>, S>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        if self.codes.used.remove(&function).is_some() {
            self.codes.held -= u128::from(self.functions[function as usize].is.code.get());
            turn.ask(Effect::Discard(FunctionId::new(function)));
        }
    }
}

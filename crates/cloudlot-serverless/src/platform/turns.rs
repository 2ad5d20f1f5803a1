//! Whose turn it is when memory is short: in a round, or by weight.

use std::num::NonZeroU32;

use cloudlot_core::Bytes;

use super::event::Effect;
use super::fair::{Tag, tag};
use super::keep_alive::KeepAlive;
use super::record::Sink;
use super::{Platform, Turn};

/// Whose turn it is when a pool's memory is short.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Turns {
    /// The function that ran short first gets all that its calls want, then the next. A call that finds memory free takes it,
    /// whoever waits, and an instance that ends a call takes the next one of its function.
    #[default]
    Round,
    /// By weight between owners, and alike between the functions of one: whoever got least of late, in memory started or used again
    /// over its weight, is next. While somebody waits nobody goes before it, and an instance that ends a call makes room when its
    /// owner or function is ahead.
    ///
    /// Two owners with calls that wait all the time get memory by their weights: what they got, over their weights, differs by no more
    /// than `lead`, and one instance of each over its weight. The same holds between two functions of an owner.
    Fair {
        /// How far ahead somebody may go, in memory over weight, with instances that are there, before they make room: so much
        /// unfairness saves as many starts.
        lead: Bytes,
    },
}

impl<K: KeepAlive> Platform<K> {
    pub(super) fn is_fair(&self) -> bool {
        !self.hosts.is_empty() && self.settings.turns != Turns::Round
    }

    /// Whether somebody waits for memory who must not be overtaken.
    pub(super) fn must_queue(&self) -> bool {
        !self.serving_short && self.is_fair() && self.owners_short.first().is_some()
    }

    /// This function waits for its turn.
    pub(super) fn join_short(&mut self, function: u32) {
        let row = &mut self.functions[function as usize];
        if row.short {
            return;
        }
        let owner = row.is.owner.number();
        row.short = true;
        let holder = &mut self.owners.rows[owner as usize];
        holder.short.join(function, &mut row.flow);
        self.owners_short.join(owner, &mut holder.flow);
    }

    /// It waits no more.
    fn leave_short(&mut self, function: u32) {
        let row = &mut self.functions[function as usize];
        let owner = row.is.owner.number();
        row.short = false;
        let holder = &mut self.owners.rows[owner as usize];
        holder.short.leave(function, &mut row.flow);
        if holder.short.first().is_none() {
            self.owners_short.leave(owner, &mut holder.flow);
        }
    }

    /// Puts down that a function got the memory of one instance, new or again.
    pub(super) fn charge_turn(&mut self, function: u32) {
        if !self.is_fair() {
            return;
        }
        let row = &mut self.functions[function as usize];
        let owner = row.is.owner.number();
        let memory = row.is.memory.get();
        let holder = &mut self.owners.rows[owner as usize];
        let one = NonZeroU32::MIN;
        holder.short.charge(function, &mut row.flow, memory, one);
        let weight = holder.weight;
        self.owners_short
            .charge(owner, &mut holder.flow, memory, weight);
    }

    /// Who is next.
    fn next_short(&self) -> Option<u32> {
        let (_, owner) = self.owners_short.first()?;
        let (_, function) = self.owners.rows[owner as usize].short.first()?;
        Some(function)
    }

    /// One start after the other for whoever is next, as far as memory goes.
    pub(super) fn serve_fairly<O: Extend<Effect>, S: Sink>(&mut self, turn: &mut Turn<'_, O, S>) {
        self.serving_short = true;
        self.take_up_again();
        while let Some(function) = self.next_short() {
            let row = &self.functions[function as usize];
            let wants = row.wants_more() && (!self.draining || row.is_behind());
            if !wants || !row.may_start(turn.now) {
                let not_before = row.not_before;
                self.leave_short(function);
                if wants && not_before > turn.now {
                    self.look_again(function, not_before, turn);
                }
            } else if row.governed && !self.find_owner_room(function, turn) {
                self.leave_short(function);
                self.block(function);
            } else if self.find_memory(function, turn) {
                self.start(function, turn);
            } else if self.has_a_host(function) {
                break;
            } else {
                // Nobody has to wait until there is a host for it.
                self.leave_short(function);
                self.functions[function as usize].short = true;
                self.hosts.short.push_back(function);
            }
        }
        self.serving_short = false;
    }

    /// Those for whom no host was large enough wait with the others again where one is now.
    fn take_up_again(&mut self) {
        for _ in 0..self.hosts.short.len() {
            let Some(function) = self.hosts.short.pop_front() else {
                return;
            };
            if self.has_a_host(function) {
                self.functions[function as usize].short = false;
                self.join_short(function);
            } else {
                self.hosts.short.push_back(function);
            }
        }
    }

    /// Whether an instance that has ended a call, and for which there is another, makes room: its owner got more than the lead
    /// beyond the one who is next, or its function beyond another of its owner. What is free already, or about to be, counts as given to
    /// whoever is next: so not everybody makes room for one.
    pub(super) fn makes_room(&self, instance: u32) -> bool {
        let Turns::Fair { lead } = self.settings.turns else {
            return false;
        };
        let Some((first, next)) = self.owners_short.first() else {
            return false;
        };
        let is = &self.instances[instance];
        let row = &self.functions[is.function as usize];
        if is.calls > 0 || row.queued == 0 || row.in_use() <= row.floor() {
            return false;
        }
        let own = row.is.owner.number();
        let holder = &self.owners.rows[own as usize];
        let ahead = |start: Tag, first: Tag, weight: NonZeroU32| {
            let given = tag(self.in_reach()) / Tag::from(weight.get());
            start > first.saturating_add(given).saturating_add(tag(lead.get()))
        };
        let weight = self.owners.rows[next as usize].weight;
        let owner = next != own && ahead(self.owners_short.start(&holder.flow), first, weight);
        let sibling = holder.short.first();
        let sibling = sibling.filter(|&(_, function)| function != is.function);
        let start = holder.short.start(&row.flow);
        owner || sibling.is_some_and(|(first, _)| ahead(start, first, NonZeroU32::MIN))
    }
}

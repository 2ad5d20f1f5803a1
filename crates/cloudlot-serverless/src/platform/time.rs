//! What time brings. A function is looked at when the first of its windows, timeouts and patiences may be over; it has
//! one such date, which is late rather than moved: a reuse costs nothing, and a look that finds nothing sets the next date.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use cloudlot_core::Timestamp;

use super::event::Effect;
use super::keep_alive::KeepAlive;
use super::record::Sink;
use super::slab::Handle;
use super::{Platform, Turn};

/// When which function is looked at.
#[derive(Clone, Debug)]
pub(super) struct Agenda {
    /// A date that its function does not have any more is skipped.
    dates: BinaryHeap<Reverse<(Timestamp, Due)>>,
    /// The tick that was asked for.
    wake: Timestamp,
}

/// What a date is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Due {
    /// A look at a function.
    Look(u32),
    /// The end of a call's pause.
    Resume(Handle),
    /// A look at how full hosts are.
    Rebalance,
}

impl Agenda {
    pub(super) const fn new() -> Self {
        Self {
            dates: BinaryHeap::new(),
            wake: Timestamp::MAX,
        }
    }
}

impl<K: KeepAlive> Platform<K> {
    /// Looks at a function at the first tick; nobody is asked for one.
    pub(super) fn look_first(&mut self, function: u32) {
        self.functions[function as usize].due = Timestamp::ZERO;
        let date = Reverse((Timestamp::ZERO, Due::Look(function)));
        self.agenda.dates.push(date);
    }

    /// When the next tick is due, if one is. A driver that begins reports it, so that what is provisioned gets started; afterwards
    /// [`Effect::WakeAt`] says the same.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Timestamp> {
        self.agenda.dates.peek().map(|&Reverse((at, _))| at)
    }

    /// Looks at the function at this time or before. The end of time never comes.
    pub(super) fn look_again<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        at: Timestamp,
        turn: &mut Turn<'_, O, S>,
    ) {
        let due = &mut self.functions[function as usize].due;
        if at >= *due {
            return;
        }
        *due = at;
        self.note(at, Due::Look(function), turn);
    }

    /// Sees to this call again then.
    pub(super) fn remind<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: Handle,
        at: Timestamp,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.note(at, Due::Resume(call), turn);
    }

    /// Looks at how full hosts are then.
    pub(super) fn rebalance_at<O: Extend<Effect>, S: Sink>(
        &mut self,
        at: Timestamp,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.note(at, Due::Rebalance, turn);
    }

    fn note<O: Extend<Effect>, S: Sink>(
        &mut self,
        at: Timestamp,
        due: Due,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.agenda.dates.push(Reverse((at, due)));
        if at < self.agenda.wake {
            self.agenda.wake = at;
            turn.ask(Effect::WakeAt(at));
        }
    }

    pub(super) fn tick<O: Extend<Effect>, S: Sink>(&mut self, turn: &mut Turn<'_, O, S>) {
        // Nothing that is asked for in between is earlier than what is left at the end.
        self.agenda.wake = Timestamp::ZERO;
        while let Some(&Reverse((at, due))) = self.agenda.dates.peek() {
            let current = match due {
                Due::Look(function) => self.functions[function as usize].due == at,
                Due::Resume(_) | Due::Rebalance => true,
            };
            if current && at > turn.now {
                break;
            }
            self.agenda.dates.pop();
            match due {
                Due::Look(function) if current => self.look(function, turn),
                Due::Look(_) => {}
                Due::Resume(call) => self.resume(call, turn),
                Due::Rebalance => self.rebalance_on_time(turn),
            }
        }
        self.agenda.wake = Timestamp::MAX;
        if let Some(&Reverse((at, _))) = self.agenda.dates.peek() {
            self.agenda.wake = at;
            turn.ask(Effect::WakeAt(at));
        }
    }

    /// Ends what is over and sets the next date.
    fn look<O: Extend<Effect>, S: Sink>(&mut self, function: u32, turn: &mut Turn<'_, O, S>) {
        let row = &mut self.functions[function as usize];
        row.due = Timestamp::MAX;
        let (timeout, patience) = (row.is.timeout, row.is.patience);
        if let Some(timeout) = timeout {
            while let Some(call) = self.functions[function as usize].running.first() {
                let end = self.calls[call].started.unwrap_or(turn.now) + timeout;
                if end > turn.now {
                    self.look_again(function, end, turn);
                    break;
                }
                self.time_out(call, turn);
            }
        }
        if let Some(patience) = patience {
            while let Some((call, end)) = self.first_to_give_up(function, patience) {
                if end > turn.now {
                    self.look_again(function, end, turn);
                    break;
                }
                self.give_up(call, turn);
            }
        }
        self.end_aged(function, turn);
        self.let_through(function, turn);
        self.expire(function, turn);
        self.check_round(function, turn);
        self.end_by_force(function, turn);
        self.prepare(function, turn);
        self.start_wanted(function, turn);
        self.prewarm(function, turn);
        let idle = &self.functions[function as usize].idle;
        if let Some(next) = idle
            .iter()
            .map(|&instance| self.instances[instance].until)
            .min()
        {
            self.look_again(function, next, turn);
        }
    }

    /// Which of those who wait has waited longest, and until when it does.
    fn first_to_give_up(
        &self,
        function: u32,
        patience: std::time::Duration,
    ) -> Option<(u32, Timestamp)> {
        let row = &self.functions[function as usize];
        [row.waiting.first(), row.bound.first()]
            .into_iter()
            .flatten()
            .map(|call| (call, self.calls[call].since + patience))
            .min_by_key(|&(_, end)| end)
    }
}

//! Calls before a circuit breaker: who passes, who is sent away, and who is held until it closes.

use super::breaker::{Circuit, Turned, Verdict};
use super::event::{Effect, Outcome, Source};
use super::keep_alive::KeepAlive;
use super::list::Line;
use super::record::Sink;
use super::rows::Stage;
use super::{Platform, Turn};

impl<K: KeepAlive> Platform<K> {
    /// Whether a call may go on. If not, it is answered, or held if it is an event.
    pub(super) fn passes<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        turn: &mut Turn<'_, O, S>,
    ) -> bool {
        let function = self.calls[call].call.function.number();
        match self.judge(function, turn) {
            Verdict::Pass => true,
            Verdict::Probe => {
                self.calls[call].probe = true;
                true
            }
            Verdict::Stop => {
                self.stand_back(call, turn);
                false
            }
        }
    }

    fn judge<O, S>(&mut self, function: u32, turn: &Turn<'_, O, S>) -> Verdict {
        let row = &mut self.functions[function as usize];
        match &row.is.breaker {
            Some(breaker) => row.circuit.admit(breaker, turn.now),
            None => Verdict::Pass,
        }
    }

    /// Holds an event, sends anybody else away. The call is in no line.
    fn stand_back<O: Extend<Effect>, S: Sink>(&mut self, call: u32, turn: &mut Turn<'_, O, S>) {
        if self.calls[call].call.source == Source::Request {
            self.totals.breaker_open += 1;
            return self.answer(call, Outcome::BreakerOpen, turn);
        }
        let function = self.calls[call].call.function.number();
        let row = &mut self.functions[function as usize];
        row.held.join(&mut self.calls, call);
        self.calls[call].stage = Stage::Held;
        self.mind_age(call, turn);
        self.mind_circuit(function, turn);
    }

    /// An attempt of this call has ended.
    pub(super) fn tell_circuit<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        outcome: Outcome,
        turn: &mut Turn<'_, O, S>,
    ) {
        let pending = &mut self.calls[call];
        let probe = std::mem::take(&mut pending.probe);
        let function = pending.call.function.number();
        let row = &mut self.functions[function as usize];
        let Some(breaker) = &row.is.breaker else {
            return;
        };
        let good = outcome == Outcome::Success;
        match row.circuit.ended(breaker, probe, good, turn.now) {
            Turned::Open => self.clear_the_way(function, turn),
            Turned::Closed => self.mind_circuit(function, turn),
            Turned::Not => {}
        }
    }

    /// A call that was to show whether its function works has gone without doing so.
    pub(super) fn give_back_probe<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        self.calls[call].probe = false;
        let function = self.calls[call].call.function.number();
        self.functions[function as usize].circuit.returned();
        self.mind_circuit(function, turn);
    }

    /// The circuit has opened: nobody waits for an instance any more, and what runs shows nothing for the next time.
    fn clear_the_way<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let row = &self.functions[function as usize];
        let mut next = row.running.first();
        while let Some(call) = next {
            self.calls[call].probe = false;
            next = Line::after(&self.calls, call);
        }
        while let Some(call) = self.first_without_instance(function) {
            self.withdraw(call);
            self.calls[call].probe = false;
            self.stand_back(call, turn);
        }
        self.mind_circuit(function, turn);
    }

    fn first_without_instance(&self, function: u32) -> Option<u32> {
        let row = &self.functions[function as usize];
        row.waiting.first().or_else(|| row.bound.first())
    }

    /// Sees to it that those who are held are let through when they may be.
    fn mind_circuit<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let row = &self.functions[function as usize];
        if row.held.first().is_none() {
            return;
        }
        let at = match row.circuit {
            Circuit::Open { until } => until,
            Circuit::Closed { .. } | Circuit::Half { .. } => turn.now,
        };
        self.look_again(function, at, turn);
    }

    /// Lets those through who are held and may go on.
    pub(super) fn let_through<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        while let Some(call) = self.functions[function as usize].held.first() {
            let verdict = self.judge(function, turn);
            if verdict == Verdict::Stop {
                let circuit = self.functions[function as usize].circuit;
                if let Circuit::Open { until } = circuit {
                    self.look_again(function, until, turn);
                }
                return;
            }
            let row = &mut self.functions[function as usize];
            row.held.leave(&mut self.calls, call);
            self.calls[call].probe = verdict == Verdict::Probe;
            self.serve_admitted(call, turn);
        }
    }
}

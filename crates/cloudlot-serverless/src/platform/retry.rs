//! What is tried again, and when: attempts of calls, and starts that failed.

use std::time::Duration;

use super::event::{Effect, Outcome, Source};
use super::keep_alive::KeepAlive;
use super::record::Sink;
use super::rows::Stage;
use super::slab::Handle;
use super::{Platform, Turn};

/// How long to wait before trying again: twice as long each time, up to a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// Before the second try.
    pub first: Duration,
    /// Before any.
    pub longest: Duration,
}

impl Backoff {
    /// The wait after `failures` failures in a row; none after none.
    /// ```
    /// # use cloudlot_serverless::Backoff;
    /// # use std::time::Duration;
    /// let secs = Duration::from_secs;
    /// let backoff = Backoff { first: secs(1), longest: secs(5) };
    /// let waits: Vec<Duration> = (0..6).map(|failures| backoff.after(failures)).collect();
    /// assert_eq!(waits, [0, 1, 2, 4, 5, 5].map(secs));
    /// ```
    #[must_use]
    pub fn after(self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// How often a call is tried again.
///
/// Calls that nobody waits for are; those that somebody waits for only if their function is idempotent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retries {
    /// How many more attempts after the first.
    pub most: u16,
    /// The waits between them.
    pub backoff: Backoff,
    /// No attempt begins when the call is older than this, and an event that waits ends then. While many wait, that may be found out
    /// a sixteenth of this time late.
    pub oldest: Duration,
}

impl Retries {
    /// None, at any age.
    pub const NONE: Self = Self {
        most: 0,
        backoff: Backoff {
            first: Duration::ZERO,
            longest: Duration::ZERO,
        },
        oldest: Duration::MAX,
    };
}

impl<K: KeepAlive> Platform<K> {
    /// An attempt has ended, and with it the call, unless it is tried again.
    pub(super) fn conclude<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: u32,
        outcome: Outcome,
        turn: &mut Turn<'_, O, S>,
    ) {
        let function = self.calls[call].call.function.number();
        if self.functions[function as usize].is.breaker.is_some() {
            self.tell_circuit(call, outcome, turn);
        }
        if outcome == Outcome::Success {
            return self.answer(call, outcome, turn);
        }
        let pending = &self.calls[call];
        let is = &self.functions[function as usize].is;
        let may = pending.call.source == Source::Event || is.idempotent;
        let wait = is.retries.backoff.after(pending.attempts.into());
        let at = turn.now + wait;
        let young = at.since(pending.arrived) <= is.retries.oldest;
        let unwanted = pending.left && pending.joined.first().is_none();
        if unwanted || !may || pending.attempts > is.retries.most || !young {
            return self.answer(call, outcome, turn);
        }
        self.totals.retries += 1;
        self.calls.renew(call);
        self.calls[call].stage = Stage::Paused;
        self.remind(self.calls.handle(call), at, turn);
    }

    /// The pause of this call is over.
    pub(super) fn resume<O: Extend<Effect>, S: Sink>(
        &mut self,
        call: Handle,
        turn: &mut Turn<'_, O, S>,
    ) {
        // Who was cancelled in its pause is not found.
        let Some(call) = self.calls.find(call) else {
            return;
        };
        debug_assert_eq!(self.calls[call].stage, Stage::Paused);
        if self.is_too_old(call, turn.now) {
            return self.expire_call(call, turn);
        }
        self.serve(call, turn);
    }
}

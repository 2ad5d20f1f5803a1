//! Instances that were told to stop and do not: after a grace they are ended by force, and again until they are gone.

use cloudlot_core::Timestamp;

use super::event::{Effect, InstanceId};
use super::keep_alive::KeepAlive;
use super::life::Life;
use super::record::Sink;
use super::slab::Handle;
use super::{Platform, Turn};

/// An instance that stops, and when it is ended by force.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopping {
    instance: Handle,
    at: Timestamp,
    /// How often that was tried.
    kills: u32,
}

impl<K: KeepAlive> Platform<K> {
    /// An instance was told to stop.
    pub(super) fn mind_stop<O: Extend<Effect>, S: Sink>(
        &mut self,
        instance: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        let Some(grace) = self.settings.grace else {
            return;
        };
        let at = turn.now + grace;
        let handle = self.instances.handle(instance);
        let function = self.instances[instance].function;
        let row = &mut self.functions[function as usize];
        row.stopping.push(Stopping {
            instance: handle,
            at,
            kills: 0,
        });
        self.look_again(function, at, turn);
    }

    /// Ends by force what has had its grace, and forgets what is gone.
    pub(super) fn end_by_force<O: Extend<Effect>, S: Sink>(
        &mut self,
        function: u32,
        turn: &mut Turn<'_, O, S>,
    ) {
        if self.functions[function as usize].stopping.is_empty() {
            return;
        }
        let mut stopping = std::mem::take(&mut self.functions[function as usize].stopping);
        stopping.retain_mut(|one| {
            let there = self.instances.find(one.instance);
            let there = there.is_some_and(|place| self.instances[place].life == Life::Stopping);
            there && (one.at > turn.now || self.kill(one, turn))
        });
        let next = stopping.iter().map(|one| one.at).min();
        self.functions[function as usize].stopping = stopping;
        self.look_again(function, next.unwrap_or(Timestamp::MAX), turn);
    }

    /// Ends one by force, and says whether that is to be tried again.
    fn kill<O: Extend<Effect>, S>(
        &mut self,
        one: &mut Stopping,
        turn: &mut Turn<'_, O, S>,
    ) -> bool {
        self.totals.kills += 1;
        one.kills = one.kills.saturating_add(1);
        turn.ask(Effect::Kill {
            instance: InstanceId(one.instance),
        });
        let pause = self.settings.restart.after(one.kills);
        one.at = turn.now + pause;
        !pause.is_zero()
    }
}

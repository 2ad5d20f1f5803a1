//! Turns by weight among those who wait for the same thing: start-time fair queueing.
//!
//! Whoever is served gets a finish tag: where its turn began, plus what it cost over its weight. It begins its next turn there,
//! or at the clock if that is further; the clock is where the last turn began. The one that begins first is next. So while two wait all
//! the time, what they get over their weights differs by no more than one turn of each, in whatever order they came; and who comes
//! back has no claim on the time in which it wanted nothing.
//!
//! Source: P. Goyal, H. Vin, H. Cheng, "Start-time Fair Queuing", SIGCOMM 1996, section 2 and theorem 1.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

/// A tag: a cost over a weight, in parts of 2^32 of a unit of cost.
pub(super) type Tag = u128;

/// What so much is on the scale of tags for somebody of weight 1.
pub(super) const fn tag(cost: u64) -> Tag {
    (cost as Tag) << 32
}

/// One of those who take turns.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Flow {
    finish: Tag,
    /// Where its next turn begins, while it waits for one.
    start: Option<Tag>,
}

impl Flow {
    pub(super) const NEW: Self = Self {
        finish: 0,
        start: None,
    };
}

/// Those who wait for their turns, by number.
#[derive(Clone, Default, Debug)]
pub(super) struct Turns {
    clock: Tag,
    waiting: BTreeSet<(Tag, u32)>,
}

impl Turns {
    pub(super) const fn new() -> Self {
        Self {
            clock: 0,
            waiting: BTreeSet::new(),
        }
    }

    /// Where a turn of this one begins.
    pub(super) fn start(&self, flow: &Flow) -> Tag {
        flow.start.unwrap_or(flow.finish.max(self.clock))
    }

    /// It waits for a turn, if it did not already.
    pub(super) fn join(&mut self, id: u32, flow: &mut Flow) {
        let start = self.start(flow);
        flow.start = Some(start);
        self.waiting.insert((start, id));
    }

    /// It waits no more.
    pub(super) fn leave(&mut self, id: u32, flow: &mut Flow) {
        if let Some(start) = flow.start.take() {
            self.waiting.remove(&(start, id));
        }
    }

    /// Whose turn is next, and where it begins; of equals the one with the lowest number.
    pub(super) fn first(&self) -> Option<(Tag, u32)> {
        self.waiting.first().copied()
    }

    /// It has a turn of this cost, whether it waits or not. Divisions round down.
    pub(super) fn charge(&mut self, id: u32, flow: &mut Flow, cost: u64, weight: NonZeroU32) {
        let waits = flow.start.is_some();
        let start = self.start(flow);
        self.leave(id, flow);
        self.clock = self.clock.max(start);
        flow.finish = start.saturating_add(tag(cost) / Tag::from(weight.get()));
        if waits {
            self.join(id, flow);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn those_who_wait_get_by_weight_within_a_turn_of_each(
            flows in prop::collection::vec((1..20_u32, 1..1_000_u64), 2..6),
            turns in 1..400_usize,
        ) {
            let mut line = Turns::new();
            let mut all = vec![Flow::NEW; flows.len()];
            for (id, flow) in (0..).zip(&mut all) {
                line.join(id, flow);
            }
            let mut got = vec![0_u64; flows.len()];
            for _ in 0..turns {
                let (_, id) = line.first().unwrap();
                let (weight, cost) = flows[id as usize];
                let weight = NonZeroU32::new(weight).unwrap();
                line.charge(id, &mut all[id as usize], cost, weight);
                got[id as usize] += cost;
            }
            let share = |id: usize| got[id] as f64 / f64::from(flows[id].0);
            let turn = |id: usize| flows[id].1 as f64 / f64::from(flows[id].0);
            for a in 0..flows.len() {
                for b in 0..flows.len() {
                    prop_assert!(share(a) - share(b) <= turn(a) + turn(b) + 1e-3);
                }
            }
        }
    }

    #[test]
    fn who_comes_back_has_no_claim_on_the_past() {
        let mut line = Turns::new();
        let [mut busy, mut late] = [Flow::NEW; 2];
        line.join(0, &mut busy);
        for _ in 0..10 {
            line.charge(0, &mut busy, 1, NonZeroU32::MIN);
        }
        line.join(1, &mut late);
        let mut order = Vec::new();
        for _ in 0..4 {
            let (_, id) = line.first().unwrap();
            let flow = if id == 0 { &mut busy } else { &mut late };
            line.charge(id, flow, 1, NonZeroU32::MIN);
            order.push(id);
        }
        assert_eq!(order, [1, 0, 1, 0]);
        line.leave(0, &mut busy);
        line.leave(1, &mut late);
        assert_eq!(line.first(), None);
    }
}

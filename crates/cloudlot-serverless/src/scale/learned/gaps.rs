//! How long instances of a function lie idle between two calls, and what class of function that makes it.

use std::time::Duration;

use cloudlot_core::{Bytes, Timestamp};
use cloudlot_qlearn::{ActionId, StateId};

/// So many others that are busy are told apart.
const LEVELS: usize = 8;
/// A gap that is seen weighs so much in the averages.
const WEIGHT: f32 = 0.125;
/// Of fewer gaps nothing is concluded.
const LEAST_SEEN: u16 = 3;

/// Classes of the usual gap in seconds, of its spread in doublings, and of the time after which an idle instance has
/// cost as much as a start.
const GAPS: [f32; 9] = [
    10.0, 37.5, 75.0, 150.0, 300.0, 600.0, 1_200.0, 2_400.0, 4_800.0,
];
const SPREADS: [f32; 2] = [0.25, 1.0];
const WORTHS: [f32; 4] = [75.0, 300.0, 1_200.0, 4_800.0];
/// Those of a worth: one for functions of which little is known, and one for each gap and spread.
const BY_WORTH: usize = 1 + (GAPS.len() + 1) * (SPREADS.len() + 1);
/// How many classes there are.
pub(super) const CLASSES: usize = BY_WORTH * (WORTHS.len() + 1);

/// The gaps of one function, and its instances that lie idle.
///
/// The most recent is taken first, so an instance is wanted when one more is busy than when it became idle: gaps are told apart by how many
/// that were. Instances that were stopped stay on the pile: their next call would have come when it came, so what any other
/// window would have cost is known exactly.
#[derive(Clone, Debug)]
pub(super) struct Gaps {
    pub(super) memory: Bytes,
    pub(super) resting: Vec<Resting>,
    levels: [Level; LEVELS],
}

/// An instance that became idle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    pub(super) since: Timestamp,
    pub(super) class: StateId,
    /// What was chosen, and by what it was multiplied.
    pub(super) action: ActionId,
    pub(super) window: Duration,
    level: u8,
    /// Whether its gap was longer than any window already.
    pub(super) settled: bool,
}

/// The gaps of instances that became idle when so many others were busy.
#[derive(Clone, Copy, Default, Debug)]
struct Level {
    /// The average logarithm to the base 2 of a gap in seconds, and how far off it a gap is on average.
    log: f32,
    spread: f32,
    seen: u16,
}

impl Gaps {
    pub(super) const fn new(memory: Bytes) -> Self {
        Self {
            memory,
            resting: Vec::new(),
            levels: [Level {
                log: 0.0,
                spread: 0.0,
                seen: 0,
            }; LEVELS],
        }
    }

    /// The class of an instance that becomes idle when so many others are busy; `worth` is how long it may be idle for the
    /// price of a start.
    pub(super) fn class(&self, busy: u32, worth: Duration) -> StateId {
        let level = self.levels[usize::from(level(busy))];
        let worth = bin(&WORTHS, worth.as_secs_f32());
        let place = if level.seen < LEAST_SEEN {
            0
        } else {
            let gap = bin(&GAPS, libm::exp2f(level.log));
            1 + gap * (SPREADS.len() + 1) + bin(&SPREADS, level.spread)
        };
        StateId(u32::try_from(worth * BY_WORTH + place).expect("a few hundred classes"))
    }

    /// An instance became idle.
    pub(super) fn push(
        &mut self,
        busy: u32,
        since: Timestamp,
        (class, action, window): (StateId, ActionId, Duration),
    ) {
        self.resting.push(Resting {
            since,
            class,
            action,
            window,
            level: level(busy),
            settled: false,
        });
    }

    /// A call takes, or would have taken, the last that became idle: who that was, and after which gap.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<(Resting, Duration)> {
        let resting = self.resting.pop()?;
        let gap = now.since(resting.since);
        let level = &mut self.levels[usize::from(resting.level)];
        let log = libm::log2f(gap.as_secs_f32().max(1e-3));
        if level.seen == 0 {
            level.log = log;
        } else {
            level.spread +=
                WEIGHT.max(1.0 / f32::from(level.seen)) * ((log - level.log).abs() - level.spread);
            level.log += WEIGHT.max(1.0 / f32::from(level.seen + 1)) * (log - level.log);
        }
        level.seen = level.seen.saturating_add(1).min(u16::MAX - 1);
        Some((resting, gap))
    }
}

fn level(busy: u32) -> u8 {
    u8::try_from(busy.min(7)).unwrap_or(7)
}

/// In which of the classes between these edges it is.
fn bin(edges: &[f32], value: f32) -> usize {
    edges.iter().filter(|&&edge| value >= edge).count()
}

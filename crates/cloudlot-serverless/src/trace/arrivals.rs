//! Calls one by one out of counts: a slot, or a piece of a busy one, at a time.

use super::counts::{Counts, Replay};
use super::series::{Cursor, as_index};
use crate::{Arrival, FunctionId};
use cloudlot_core::Timestamp;
use std::time::Duration;

/// As many calls as are made at once, if they do not all fall in one millisecond: they fit in a core's own cache.
const AT_ONCE: u64 = 1 << 14;
/// With fewer calls a comparison sort is faster than counting.
const FEW: usize = 192;

/// The calls of a trace in order of time; see [`Counts::arrivals`].
///
/// It holds a place in each function's counts and the calls of one slot at most; nothing is allocated for a call.
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    counts: &'a Counts,
    cursors: Vec<Cursor>,
    runs: Vec<Duration>,
    /// The functions with calls in the slot at hand, with how many.
    active: Vec<(u32, u32)>,
    /// The slot to be taken next, and the end.
    slot: u32,
    end: u32,
    first: u32,
    faster: u64,
    /// The pieces of the slot at hand: which is next, of how many.
    piece: u32,
    pieces: u32,
    /// When the slot at hand begins, in milliseconds.
    base: u64,
    /// Calls made and not yet given: the millisecond in the slot above the function.
    keys: Vec<u64>,
    given: usize,
    spare: Vec<u64>,
}

impl<'a> Arrivals<'a> {
    pub(super) fn new(counts: &'a Counts, replay: &Replay) -> Self {
        let mut cursors: Vec<Cursor> = counts.series.iter().map(Cursor::start).collect();
        let first = replay.slots.start;
        for (cursor, series) in cursors.iter_mut().zip(&counts.series) {
            while cursor.slot < first {
                cursor.advance(series);
            }
        }
        let next = cursors.iter().map(|cursor| cursor.slot).min();
        let next = next.unwrap_or(u32::MAX);
        Self {
            counts,
            cursors,
            runs: counts.functions().iter().map(|it| it.runs).collect(),
            active: Vec::new(),
            slot: first.max(next),
            end: replay.slots.end.min(counts.slots()),
            first,
            faster: replay.faster.get().into(),
            piece: 0,
            pieces: 0,
            base: 0,
            keys: Vec::new(),
            given: 0,
            spare: Vec::new(),
        }
    }

    /// Makes the next piece's calls; `false` when there is no more.
    fn refill(&mut self) -> bool {
        while self.piece == self.pieces {
            if self.slot >= self.end {
                return false;
            }
            self.open_slot();
        }
        self.keys.clear();
        self.given = 0;
        let width = u64::from(self.counts.width());
        let edge = |piece: u32| width * u64::from(piece) / u64::from(self.pieces);
        let (from, to) = (edge(self.piece), edge(self.piece + 1));
        for &(row, count) in &self.active {
            spread(&mut self.keys, row, count, width, from..to);
        }
        self.piece += 1;
        sort_by_time(&mut self.keys, &mut self.spare, width);
        true
    }

    /// Collects who has calls in the next slot, says in how many pieces they are made, and finds the next slot that has any.
    fn open_slot(&mut self) {
        let slot = self.slot;
        self.active.clear();
        let (mut calls, mut next) = (0, u32::MAX);
        for ((row, cursor), series) in (0..).zip(&mut self.cursors).zip(&self.counts.series) {
            if cursor.slot == slot {
                self.active.push((row, cursor.count));
                calls += u64::from(cursor.count);
                cursor.advance(series);
            }
            next = next.min(cursor.slot);
        }
        let width = self.counts.width();
        let pieces = calls.div_ceil(AT_ONCE).min(width.into());
        self.pieces = u32::try_from(pieces).unwrap_or(width);
        self.piece = 0;
        self.base = u64::from(slot - self.first) * u64::from(width);
        self.slot = next;
    }

    #[inline]
    fn arrival(&self, key: u64) -> Arrival {
        let row = u32::try_from(key & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        let nanos = (self.base + (key >> 32)).saturating_mul(1_000_000);
        Arrival {
            at: Timestamp::from_nanos(nanos / self.faster),
            function: FunctionId::new(row),
            runs: self.runs[as_index(row)],
        }
    }
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    #[inline]
    fn next(&mut self) -> Option<Arrival> {
        loop {
            if let Some(&key) = self.keys.get(self.given) {
                self.given += 1;
                return Some(self.arrival(key));
            }
            if !self.refill() {
                return None;
            }
        }
    }
}

/// Adds those of a function's `count` calls that begin in some milliseconds of the slot: call `k` at `k × width / count`, rounded down.
fn spread(keys: &mut Vec<u64>, row: u32, count: u32, width: u64, within: std::ops::Range<u64>) {
    let count = u64::from(count);
    // The first call at or after `ms` is the smallest k with k × width ≥ ms × count.
    let first_from = |ms: u64| (ms * count).div_ceil(width);
    let (from, to) = (first_from(within.start), first_from(within.end));
    if from >= to {
        return;
    }
    // Steps of width / count, with the remainder carried along: no division for a call.
    let (step, part) = (width / count, width % count);
    let (mut ms, mut rest) = (from * width / count, from * width % count);
    for _ in from..to {
        keys.push(ms << 32 | u64::from(row));
        ms += step;
        rest += part;
        if rest >= count {
            rest -= count;
            ms += 1;
        }
    }
}

/// Sorts by the upper half of the keys, whose lower halves already ascend wherever the upper are equal.
fn sort_by_time(keys: &mut Vec<u64>, spare: &mut Vec<u64>, width: u64) {
    if keys.len() < FEW {
        keys.sort_unstable();
        return;
    }
    spare.clear();
    spare.resize(keys.len(), 0);
    let mut shift = 32;
    while width > 1 << (shift - 32) {
        let digit = |key: u64| usize::try_from((key >> shift) & 0xff).unwrap_or(0);
        let mut starts = [0_usize; 256];
        for &key in keys.iter() {
            starts[digit(key)] += 1;
        }
        let mut total = 0;
        for start in &mut starts {
            total += std::mem::replace(start, total);
        }
        for &key in keys.iter() {
            let place = &mut starts[digit(key)];
            spare[*place] = key;
            *place += 1;
        }
        std::mem::swap(keys, spare);
        shift += 8;
    }
}

#[cfg(test)]
mod tests {
    use super::super::series::Series;
    use super::*;
    use crate::Profile;
    use cloudlot_core::Bytes;
    use proptest::prelude::*;
    use std::num::NonZeroU32;
    use std::ops::Range;

    fn profile(number: usize) -> Profile {
        let runs = Duration::from_millis(u64::try_from(number).unwrap_or(0));
        Profile {
            name: number.to_string(),
            app: String::new(),
            owner: String::new(),
            memory: Bytes::mib(128),
            runs,
            longest: runs,
        }
    }

    /// Counts by function and slot.
    fn trace(counts: &[Vec<u32>], width: u32) -> Counts {
        let series = |counts: &Vec<u32>| {
            let mut series = Series::default();
            for (slot, &count) in (0..).zip(counts) {
                series.push(slot, count);
            }
            series
        };
        let rows = counts.iter().enumerate();
        let rows = rows.map(|(number, counts)| (profile(number), series(counts)));
        Counts::new(rows.collect(), width, 0)
    }

    /// Every call by its definition, sorted.
    fn by_definition(
        counts: &[Vec<u32>],
        width: u64,
        slots: &Range<u32>,
        faster: u64,
    ) -> Vec<Arrival> {
        let mut calls = Vec::new();
        for (function, counts) in counts.iter().enumerate() {
            for (slot, &n) in (0..).zip(counts) {
                if !slots.contains(&slot) {
                    continue;
                }
                for k in 0..u64::from(n) {
                    let ms = u64::from(slot - slots.start) * width + k * width / u64::from(n);
                    calls.push(Arrival {
                        at: Timestamp::from_nanos(ms * 1_000_000 / faster),
                        function: FunctionId::new(u32::try_from(function).unwrap()),
                        runs: profile(function).runs,
                    });
                }
            }
        }
        calls.sort_by_key(|call| (call.at, call.function));
        calls
    }

    proptest! {
        #[test]
        fn the_calls_are_those_of_the_definition_in_its_order(
            counts in prop::collection::vec(prop::collection::vec(prop_oneof![3 => Just(0_u32), 2 => 1_u32..4, 2 => 0_u32..300, 1 => 0_u32..9_000], 0..8), 0..8),
            width in prop_oneof![Just(60_000_u32), Just(1_000), Just(300_000), 1_u32..5],
            window in prop_oneof![Just(0..8_u32), (0_u32..8).prop_flat_map(|from| (Just(from), 0_u32..9)).prop_map(|(from, to)| from..to)],
        ) {
            let trace = trace(&counts, width);
            let replay = Replay { slots: window.clone(), faster: NonZeroU32::MIN };
            let expected = by_definition(&counts, width.into(), &window, 1);
            prop_assert_eq!(trace.calls_in(window), u64::try_from(expected.len()).unwrap());
            prop_assert!(trace.arrivals_of(&replay).eq(expected));
        }

        #[test]
        fn a_faster_replay_divides_the_times(counts in prop::collection::vec(prop::collection::vec(0_u32..50, 0..5), 1..5), faster in 1_u32..100) {
            let trace = trace(&counts, 60_000);
            let replay = Replay { faster: faster.try_into().unwrap(), ..trace.whole() };
            let plain = trace.arrivals().map(|call| (call.at.as_nanos() / u64::from(faster), call.function));
            prop_assert!(trace.arrivals_of(&replay).map(|call| (call.at.as_nanos(), call.function)).eq(plain));
        }
    }

    #[test]
    fn a_slot_of_many_calls_is_made_in_pieces() {
        let counts = [
            vec![3, 200_000, 7],
            vec![100_000, 1, 0],
            vec![0, 99_991, 61_234],
        ];
        let trace = trace(&counts, 60_000);
        let mut arrivals = trace.arrivals();
        let mut calls = Vec::new();
        while let Some(call) = arrivals.next() {
            calls.push(call);
            assert!(arrivals.keys.len() < 30_000, "{}", arrivals.keys.len());
        }
        assert!(calls == by_definition(&counts, 60_000, &(0..3), 1));
    }

    #[test]
    fn slots_without_calls_are_skipped_over() {
        let mut series = Series::default();
        series.push(1, 1);
        series.push(super::super::counts::MOST_SLOTS - 1, 2);
        let rows = (0..1_000).map(|number| (profile(number), series.clone()));
        let trace = Counts::new(rows.collect(), 60_000, 0);
        assert_eq!(trace.arrivals().count(), 3_000);
    }
}

//! What timed claims take of one row over time, as a step function for each kind.

use crate::amounts::bits;
use crate::{Kind, Timestamp};

/// A half-open stretch of time; one that ends at [`Timestamp::MAX`] has no end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Span {
    /// The first moment inside.
    pub from: Timestamp,
    /// The first moment after.
    pub until: Timestamp,
}

impl Span {
    /// From a moment on, without end.
    #[must_use]
    pub const fn open(from: Timestamp) -> Self {
        Self {
            from,
            until: Timestamp::MAX,
        }
    }

    /// Whether nothing lies inside.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.until <= self.from
    }
}

/// Breakpoints, and for each kind what is taken from a breakpoint to the next.
///
/// Nothing is taken before the first; the last value holds for ever. It is canonical: at every breakpoint something
/// changes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Timeline {
    at: Vec<Timestamp>,
    // By kind; kinds that never had a timed claim here stay empty.
    used: Vec<Vec<u64>>,
    peak: Vec<u64>,
}

impl Timeline {
    pub(crate) fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// The most that is ever taken of a kind.
    pub(crate) fn peak(&self, kind: Kind) -> u64 {
        self.peak.get(kind.index()).copied().unwrap_or(0)
    }

    /// The most that is taken of a kind within `span`.
    pub(crate) fn most_in(&self, kind: Kind, span: Span) -> u64 {
        let Some(used) = self.used.get(kind.index()).filter(|used| !used.is_empty()) else {
            return 0;
        };
        used[self.segments(span)].iter().copied().max().unwrap_or(0)
    }

    /// The segments that share a moment with `span`.
    fn segments(&self, span: Span) -> std::ops::Range<usize> {
        // The one that `from` lies in began at or before it.
        let first = self
            .at
            .partition_point(|at| *at <= span.from)
            .saturating_sub(1);
        first..self.at.partition_point(|at| *at < span.until).max(first)
    }

    /// What is taken of a kind at one moment.
    pub(crate) fn at(&self, kind: Kind, now: Timestamp) -> u64 {
        let until = Timestamp::from_nanos(now.as_nanos().saturating_add(1));
        self.most_in(kind, Span { from: now, until })
    }

    /// Adds a claim. `None`, with nothing changed, if a kind would pass 2^64 - 1.
    pub(crate) fn add(&mut self, span: Span, mask: u32, values: &[u64]) -> Option<()> {
        for (index, value) in bits(mask).zip(values) {
            self.most_in(Kind::at(index), span).checked_add(*value)?;
        }
        self.change(span, mask, values, |used, value| used + value);
        Some(())
    }

    /// Takes a claim away that was added with the same arguments.
    pub(crate) fn remove(&mut self, span: Span, mask: u32, values: &[u64]) {
        self.change(span, mask, values, |used, value| used - value);
    }

    fn change(&mut self, span: Span, mask: u32, values: &[u64], op: fn(u64, u64) -> u64) {
        if span.is_empty() || mask == 0 {
            return;
        }
        self.widen(mask);
        let first = self.cut(span.from);
        let end = if span.until == Timestamp::MAX {
            self.at.len()
        } else {
            self.cut(span.until)
        };
        for (index, value) in bits(mask).zip(values) {
            for used in &mut self.used[index][first..end] {
                *used = op(*used, *value);
            }
        }
        // Later first, so that the earlier index stays right.
        self.join(end);
        self.join(first);
        for index in bits(mask) {
            self.peak[index] = self.used[index].iter().copied().max().unwrap_or(0);
        }
        self.narrow();
    }

    fn widen(&mut self, mask: u32) {
        let kinds = (u32::BITS - mask.leading_zeros()) as usize;
        if self.used.len() < kinds {
            self.used.resize(kinds, Vec::new());
            self.peak.resize(kinds, 0);
        }
        for index in bits(mask) {
            self.used[index].resize(self.at.len(), 0);
        }
    }

    /// Kinds without claims cost nothing, and the form stays canonical.
    fn narrow(&mut self) {
        for (used, peak) in self.used.iter_mut().zip(&self.peak) {
            if *peak == 0 {
                used.clear();
            }
        }
        let kinds = self
            .peak
            .iter()
            .rposition(|peak| *peak > 0)
            .map_or(0, |last| last + 1);
        self.used.truncate(kinds);
        self.peak.truncate(kinds);
    }

    /// Makes `at` a breakpoint and says which.
    fn cut(&mut self, at: Timestamp) -> usize {
        let place = self.at.partition_point(|other| *other < at);
        if self.at.get(place) != Some(&at) {
            self.at.insert(place, at);
            for used in self
                .used
                .iter_mut()
                .filter(|used| used.len() + 1 == self.at.len())
            {
                let before = place.checked_sub(1).map_or(0, |before| used[before]);
                used.insert(place, before);
            }
        }
        place
    }

    /// Drops a breakpoint at which nothing changes.
    fn join(&mut self, place: usize) {
        if place >= self.at.len() {
            return;
        }
        let same = |used: &Vec<u64>| {
            used.is_empty() || used[place] == place.checked_sub(1).map_or(0, |before| used[before])
        };
        if self.used.iter().all(same) {
            self.at.remove(place);
            for used in self.used.iter_mut().filter(|used| !used.is_empty()) {
                used.remove(place);
            }
        }
    }

    /// The first moment from `after` on at which a claim of `length` fits, when `room` is what
    /// timed claims and this one may take together. `None` if never.
    pub(crate) fn earliest(
        &self,
        after: Timestamp,
        length: std::time::Duration,
        room: &[(Kind, u64, u64)],
    ) -> Option<Timestamp> {
        let mut start = after;
        loop {
            let end = start + length;
            match self.last_clash(
                Span {
                    from: start,
                    until: end,
                },
                room,
            ) {
                None => return Some(start),
                Some(segment) => start = *self.at.get(segment + 1)?,
            }
        }
    }

    /// The last segment inside `span` in which some kind (kind, wanted, room) does not fit.
    fn last_clash(&self, span: Span, room: &[(Kind, u64, u64)]) -> Option<usize> {
        self.segments(span).rev().find(|segment| {
            room.iter().any(|(kind, wanted, room)| {
                let used = self
                    .used
                    .get(kind.index())
                    .and_then(|used| used.get(*segment));
                used.is_some_and(|used| used.checked_add(*wanted).is_none_or(|sum| sum > *room))
            })
        })
    }

    /// Whether the form is canonical and the peaks are right.
    pub(crate) fn is_sound(&self) -> bool {
        let mut copy = self.clone();
        for place in (0..self.at.len()).rev() {
            copy.join(place);
        }
        let peaks = self.used.iter().zip(&self.peak);
        copy.at == self.at
            && self.at.is_sorted()
            && self.used.len() == self.peak.len()
            && peaks
                .clone()
                .all(|(used, peak)| used.iter().copied().max().unwrap_or(0) == *peak)
            && peaks
                .clone()
                .all(|(used, peak)| used.len() == if *peak == 0 { 0 } else { self.at.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn t(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    /// A claim in a naive model: (from, until, kind, amount), until 30 for ever.
    type Claim = (u64, u64, usize, u64);

    fn span((from, until, ..): Claim) -> Span {
        Span {
            from: t(from),
            until: if until == 30 {
                Timestamp::MAX
            } else {
                t(until)
            },
        }
    }

    fn claims() -> impl Strategy<Value = Vec<Claim>> {
        let claim = (0..30_u64, 0..31_u64, 0..3_usize, 1..5_u64);
        proptest::collection::vec(
            claim.prop_map(|(a, b, kind, n)| (a.min(b), a.max(b), kind, n)),
            0..20,
        )
    }

    fn used(claims: &[Claim], kind: usize, at: u64) -> u64 {
        let inside = |c: &&Claim| c.2 == kind && c.0 <= at && (at < c.1 || c.1 == 30);
        claims.iter().filter(inside).map(|c| c.3).sum()
    }

    fn build(claims: &[Claim]) -> Timeline {
        let mut line = Timeline::default();
        for claim in claims {
            line.add(span(*claim), 1 << claim.2, &[claim.3]).unwrap();
            assert!(line.is_sound(), "{line:?}");
        }
        line
    }

    proptest! {
        #[test]
        fn usage_is_what_counting_gives(claims in claims(), a in 0..32_u64, b in 0..32_u64) {
            let line = build(&claims);
            let (a, b) = (a.min(b), a.max(b));
            for kind in 0..3 {
                let most = (a..b).map(|at| used(&claims, kind, at)).max().unwrap_or(0);
                if a < b {
                    prop_assert_eq!(line.most_in(Kind::at(kind), Span { from: t(a), until: t(b) }), most);
                }
                let peak = (0..32).map(|at| used(&claims, kind, at)).max().unwrap_or(0);
                prop_assert_eq!(line.peak(Kind::at(kind)), peak);
                prop_assert_eq!(line.at(Kind::at(kind), t(a)), used(&claims, kind, a));
            }
        }

        #[test]
        fn the_form_does_not_remember_what_is_gone(claims in claims(), gone in claims()) {
            let mut line = build(&[claims.clone(), gone.clone()].concat());
            for claim in gone {
                line.remove(span(claim), 1 << claim.2, &[claim.3]);
                prop_assert!(line.is_sound(), "{line:?}");
            }
            prop_assert_eq!(line, build(&claims));
        }

        #[test]
        fn the_earliest_start_is_the_first_that_fits(
            claims in claims(), after in 0..32_u64, length in 1..6_u64, n in 1..5_u64, more in 0..6_u64,
        ) {
            let (line, room) = (build(&claims), n + more);
            let fits = |start: u64| (start..start + length).all(|at| used(&claims, 0, at) + n <= room);
            // Beyond 32 nothing changes any more.
            let first = (after..40).find(|start| fits(*start)).map(t);
            let found = line.earliest(t(after), Duration::from_nanos(length), &[(Kind::CPU, n, room)]);
            prop_assert_eq!(found, first);
        }
    }

    #[test]
    fn an_overflow_changes_nothing() {
        let mut line = build(&[(1, 5, 0, 3)]);
        let was = line.clone();
        assert_eq!(
            line.add(
                Span {
                    from: t(2),
                    until: t(3)
                },
                1,
                &[u64::MAX - 2]
            ),
            None
        );
        assert_eq!(line, was);
    }
}

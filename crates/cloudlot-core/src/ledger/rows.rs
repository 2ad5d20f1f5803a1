//! The table of everything that can be taken from: limits and what is taken of them, one column for each kind.
//!
//! A row is a resource or an owner's limit; the table does not care which. Claims without an end are a number in the
//! column; timed ones lie in the row's [`Timeline`], and the column counts their peak, so that whether an open claim
//! fits is one comparison.

use super::timeline::{Span, Timeline};
use crate::amounts::bits;
use crate::{Amounts, Kind, ResourceId, Timestamp};
use std::time::Duration;

/// Limit and use side by side: whoever reads one needs the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Cell {
    limit: u64,
    // Open claims, and the peak of the timed ones.
    taken: u64,
}

/// How many kinds lie beside the rest of a row: processors and memory, which nearly everybody takes, cost one cache line.
const NEAR: usize = 2;

/// What is counted of a row apart from amounts, and the amounts of the first kinds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[repr(align(64))]
pub(crate) struct Head {
    /// Reservations that hold something here.
    pub(crate) holds: u32,
    /// Those of them that are confirmed.
    pub(crate) confirmed: u32,
    /// What has to be known of a resource before anything is taken of it.
    pub(crate) door: Door,
    near: [Cell; NEAR],
    timeline: Option<Box<Timeline>>,
}

impl Head {
    /// Whether two heads agree in everything but amounts without an end.
    pub(crate) fn counts_as(&self, other: &Self) -> bool {
        let key = |head: &Self| (head.holds, head.confirmed, head.door);
        key(self) == key(other) && self.timeline == other.timeline
    }
}

/// The part of a resource's description that every reservation asks for, kept where it looks anyway.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Door {
    /// Of the resource; the row is given again later.
    pub(crate) generation: u32,
    /// Whether the row is a resource at all.
    pub(crate) resource: bool,
    /// Whether it and everything above it take new work.
    pub(crate) open: bool,
    /// Whether it or something above it has failed.
    pub(crate) failed: bool,
    /// Whether it is a node of its own without taints, so that a request without rules suits it.
    pub(crate) plain: bool,
}

/// A claim on one row, as its holder describes it.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) mask: u32,
    pub(crate) values: &'a [u64],
    /// `None`: from now on, without end.
    pub(crate) span: Option<Span>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rows {
    heads: Vec<Head>,
    // By kind; those of the near kinds stay empty.
    columns: Vec<Vec<Cell>>,
}

impl Rows {
    /// Makes room for the row, and sets its limits; what is taken stays.
    pub(crate) fn set_limits(&mut self, row: usize, limits: &Amounts) {
        if self.heads.len() <= row {
            self.heads.resize(row + 1, Head::default());
        }
        let kinds = (u32::BITS - limits.mask().leading_zeros()) as usize;
        for index in 0..kinds.max(self.kinds()) {
            let limit = limits.get(Kind::at(index));
            if limit != self.cell(row, index).limit {
                self.cell_mut(row, index).limit = limit;
            }
        }
    }

    /// How many kinds may have something in this table.
    fn kinds(&self) -> usize {
        self.columns.len().max(NEAR)
    }

    #[inline]
    fn cell(&self, row: usize, index: usize) -> Cell {
        if index < NEAR {
            return self
                .heads
                .get(row)
                .map_or(Cell::default(), |head| head.near[index]);
        }
        let column = self.columns.get(index).map_or(&[][..], Vec::as_slice);
        column.get(row).copied().unwrap_or_default()
    }

    #[inline]
    fn cell_mut(&mut self, row: usize, index: usize) -> &mut Cell {
        if index < NEAR {
            return &mut self.heads[row].near[index];
        }
        let there = |column: &Vec<Cell>| column.len() > row;
        if !self.columns.get(index).is_some_and(there) {
            self.grow(row, index);
        }
        &mut self.columns[index][row]
    }

    #[cold]
    fn grow(&mut self, row: usize, index: usize) {
        if self.columns.len() <= index {
            self.columns.resize(index + 1, Vec::new());
        }
        let column = &mut self.columns[index];
        column.resize(column.len().max(row + 1), Cell::default());
    }

    /// What has to be known of a resource; `None` if it is not there.
    #[inline]
    pub(crate) fn door(&self, id: ResourceId) -> Option<Door> {
        let door = self.heads.get(id.index())?.door;
        (door.resource && door.generation == id.generation()).then_some(door)
    }

    #[inline]
    pub(crate) fn head(&self, row: usize) -> &Head {
        &self.heads[row]
    }

    #[inline]
    pub(crate) fn head_mut(&mut self, row: usize) -> &mut Head {
        &mut self.heads[row]
    }

    pub(crate) fn limits(&self, row: usize) -> Amounts {
        self.collect(row, |cell| cell.limit)
    }

    /// What may not be given to a claim without end: open claims and the peak of timed ones.
    pub(crate) fn taken(&self, row: usize) -> Amounts {
        self.collect(row, |cell| cell.taken)
    }

    /// What is left for a claim without end.
    pub(crate) fn free(&self, row: usize) -> Amounts {
        self.collect(row, |cell| cell.limit.saturating_sub(cell.taken))
    }

    /// How much is taken above the limit.
    pub(crate) fn excess(&self, row: usize) -> Amounts {
        self.collect(row, |cell| cell.taken.saturating_sub(cell.limit))
    }

    fn collect(&self, row: usize, what: impl Fn(Cell) -> u64) -> Amounts {
        let cells = (0..self.kinds()).map(|index| (Kind::at(index), what(self.cell(row, index))));
        cells.collect()
    }

    /// What is taken at one moment.
    pub(crate) fn taken_at(&self, row: usize, now: Timestamp) -> Amounts {
        let Some(line) = &self.heads[row].timeline else {
            return self.taken(row);
        };
        let taken = self.taken(row);
        taken
            .iter()
            .map(|(kind, taken)| (kind, taken - line.peak(kind) + line.at(kind, now)))
            .collect()
    }

    /// What a claim of that span could have at most.
    #[inline]
    pub(crate) fn room(&self, row: usize, kind: Kind, span: Option<Span>) -> u64 {
        let limit = self.cell(row, kind.index()).limit;
        limit.saturating_sub(self.most_beside(row, kind, span))
    }

    /// The most that is taken at any moment of a span.
    fn most_beside(&self, row: usize, kind: Kind, span: Option<Span>) -> u64 {
        let taken = self.cell(row, kind.index()).taken;
        match (self.heads[row].timeline.as_deref(), span) {
            (Some(line), Some(span)) => taken - line.peak(kind) + line.most_in(kind, span),
            _ => taken,
        }
    }

    /// Whether a claim fits.
    #[inline]
    pub(crate) fn fits(&self, row: usize, claim: Claim<'_>) -> bool {
        bits(claim.mask)
            .zip(claim.values)
            .all(|(index, value)| *value <= self.room(row, Kind::at(index), claim.span))
    }

    /// What a claim lacks.
    pub(crate) fn shortfall(&self, row: usize, claim: Claim<'_>) -> Amounts {
        let short = |(index, value): (usize, &u64)| {
            let kind = Kind::at(index);
            (kind, value.saturating_sub(self.room(row, kind, claim.span)))
        };
        bits(claim.mask).zip(claim.values).map(short).collect()
    }

    /// Whether taking a claim, fitting or not, keeps every number below 2^64.
    pub(crate) fn can_count(&self, row: usize, claim: Claim<'_>) -> bool {
        bits(claim.mask).zip(claim.values).all(|(index, value)| {
            self.most_beside(row, Kind::at(index), claim.span)
                .checked_add(*value)
                .is_some()
        })
    }

    /// Takes a claim; the caller has checked that it can be counted.
    #[inline]
    pub(crate) fn take(&mut self, row: usize, claim: Claim<'_>) {
        match claim.span {
            None => self.each(row, claim, |cell, value| cell.taken += value),
            Some(span) => self.retime(row, claim, |line| {
                line.add(span, claim.mask, claim.values)
                    .expect("a claim was checked before it is taken");
            }),
        }
    }

    /// Gives a claim back that was taken with the same arguments.
    #[inline]
    pub(crate) fn give(&mut self, row: usize, claim: Claim<'_>) {
        match claim.span {
            None => self.each(row, claim, |cell, value| cell.taken -= value),
            Some(span) => self.retime(row, claim, |line| {
                line.remove(span, claim.mask, claim.values)
            }),
        }
    }

    #[inline]
    fn each(&mut self, row: usize, claim: Claim<'_>, op: impl Fn(&mut Cell, u64)) {
        for (index, value) in bits(claim.mask).zip(claim.values) {
            op(self.cell_mut(row, index), *value);
        }
    }

    fn retime(&mut self, row: usize, claim: Claim<'_>, change: impl FnOnce(&mut Timeline)) {
        let mut line = self.heads[row].timeline.take().unwrap_or_default();
        let kinds = bits(claim.mask).map(Kind::at);
        let mut before = [0; Kind::LIMIT];
        for (before, kind) in before.iter_mut().zip(kinds.clone()) {
            *before = line.peak(kind);
        }
        change(&mut line);
        for (kind, before) in kinds.zip(before) {
            let cell = self.cell_mut(row, kind.index());
            cell.taken = cell.taken - before + line.peak(kind);
        }
        self.heads[row].timeline = Some(line).filter(|line| !line.is_empty());
    }

    /// The first moment from `after` on at which a claim of `length` fits; `None` if never.
    pub(crate) fn earliest(
        &self,
        row: usize,
        wanted: &Amounts,
        after: Timestamp,
        length: Duration,
    ) -> Option<Timestamp> {
        let line = self.heads[row].timeline.as_deref();
        let mut room = Vec::new();
        for (kind, wanted) in wanted.iter() {
            let cell = self.cell(row, kind.index());
            let open = cell.taken - line.map_or(0, |line| line.peak(kind));
            room.push((
                kind,
                wanted,
                cell.limit
                    .checked_sub(open)
                    .filter(|room| wanted <= *room)?,
            ));
        }
        match line {
            Some(line) => line.earliest(after, length, &room),
            None => Some(after),
        }
    }

    /// Whether the row is consistent in itself: canonical timeline, peaks counted, nothing taken without a holder.
    pub(crate) fn is_sound(&self, row: usize) -> bool {
        let head = &self.heads[row];
        let peaks = |index: usize| {
            let peak = head
                .timeline
                .as_ref()
                .map_or(0, |line| line.peak(Kind::at(index)));
            self.cell(row, index).taken >= peak
        };
        head.confirmed <= head.holds
            && (0..self.kinds()).all(peaks)
            && head
                .timeline
                .as_ref()
                .is_none_or(|line| line.is_sound() && !line.is_empty())
            && (head.holds > 0 || (self.taken(row).is_zero() && head.timeline.is_none()))
    }

    /// Two tables that differ only in cells that were never used are the same.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let rows = self.heads.len().max(other.heads.len());
        let kinds = self.kinds().max(other.kinds());
        let empty = Head::default();
        let head = |rows: &Self, row: usize| rows.heads.get(row).unwrap_or(&empty).clone();
        (0..rows).all(|row| head(self, row) == head(other, row))
            && (0..kinds)
                .all(|index| (0..rows).all(|row| self.cell(row, index) == other.cell(row, index)))
    }

    /// Bytes of one row in all columns and its head, to tell what a copy costs.
    pub(crate) fn row_bytes(&self) -> usize {
        size_of::<Head>()
            + self
                .columns
                .iter()
                .filter(|column| !column.is_empty())
                .count()
                * size_of::<Cell>()
    }
}

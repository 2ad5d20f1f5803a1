//! How often one function is called in each slot of time, in about a byte or two for each slot with calls.

/// The counts of one function. Slots without calls take no room.
///
/// Each slot with calls is a number of seven bits a byte: the count doubled, plus one if slots without calls stand before it; how
/// many slots it is from the one before follows then. A function called each minute of a day, less than 8,192 times in any, takes
/// 2,880 bytes at most.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Series {
    bytes: Vec<u8>,
    /// One past the last slot with calls.
    end: u32,
    calls: u64,
}

impl Series {
    /// Adds the count of a slot after all that were added; a count of zero adds nothing.
    ///
    /// # Panics
    /// If the slot does not come after the last with calls.
    pub(crate) fn push(&mut self, slot: u32, count: u32) {
        if count == 0 {
            return;
        }
        let empty = slot
            .checked_sub(self.end)
            .expect("slots are added in their order");
        write(
            &mut self.bytes,
            u64::from(count) << 1 | u64::from(empty > 0),
        );
        if empty > 0 {
            write(&mut self.bytes, u64::from(empty));
        }
        self.end = slot + 1;
        self.calls += u64::from(count);
    }

    /// Gives back what was reserved and is not used.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// The calls of all slots.
    pub(crate) fn calls(&self) -> u64 {
        self.calls
    }

    /// One past the last slot with calls; zero without any.
    pub(crate) fn end(&self) -> u32 {
        self.end
    }

    /// What the counts take, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The slots with calls and their counts, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        let mut cursor = Cursor::start(self);
        std::iter::from_fn(move || {
            let found = (cursor.slot, cursor.count);
            cursor.advance(self);
            (found.0 != u32::MAX).then_some(found)
        })
    }
}

/// A place in a series: the next slot with calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    /// Which slot; `u32::MAX` at the end.
    pub(super) slot: u32,
    /// How many calls it has.
    pub(super) count: u32,
    position: u32,
    end: u32,
}

impl Cursor {
    /// At the first slot with calls.
    pub(super) fn start(series: &Series) -> Self {
        let mut cursor = Self {
            slot: 0,
            count: 0,
            position: 0,
            end: 0,
        };
        cursor.advance(series);
        cursor
    }

    /// To the next slot with calls.
    #[inline]
    pub(super) fn advance(&mut self, series: &Series) {
        let rest = series.bytes.get(as_index(self.position)..);
        let mut rest = rest.unwrap_or_default().iter();
        let Some(head) = read(&mut rest) else {
            self.slot = u32::MAX;
            return;
        };
        let empty = if head & 1 == 1 {
            read(&mut rest).unwrap_or(0)
        } else {
            0
        };
        let left = rest.len();
        self.position = u32::try_from(series.bytes.len() - left).unwrap_or(u32::MAX);
        self.slot = self.end + u32::try_from(empty).unwrap_or(u32::MAX);
        self.count = u32::try_from(head >> 1).unwrap_or(u32::MAX);
        self.end = self.slot + 1;
    }
}

/// A number of 32 bits as an index into something that is in memory.
#[inline]
pub(crate) fn as_index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(low(number) | 0x80);
        number >>= 7;
    }
    bytes.push(low(number));
}

fn low(number: u64) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or(0)
}

#[inline]
fn read(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u64> {
    let mut number = 0;
    let mut shift = 0;
    loop {
        let byte = *bytes.next()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_series_gives_back_what_was_pushed(
            steps in prop::collection::vec((1_u32..300, prop_oneof![0_u32..4, 60_u32..200, 8_000_u32..9_000, 0..=super::super::counts::MOST_CALLS]), 0..200),
        ) {
            let mut series = Series::default();
            let mut pushed = Vec::new();
            let mut slot = 0;
            for (step, count) in steps {
                series.push(slot, count);
                pushed.push((slot, count));
                slot += step;
            }
            pushed.retain(|(_, count)| *count > 0);
            prop_assert_eq!(series.calls(), pushed.iter().map(|(_, count)| u64::from(*count)).sum::<u64>());
            prop_assert_eq!(series.end(), pushed.last().map_or(0, |(slot, _)| slot + 1));
            prop_assert_eq!(series.iter().collect::<Vec<_>>(), pushed);
        }
    }

    #[test]
    fn a_busy_day_takes_less_than_three_kilobytes() {
        let mut series = Series::default();
        for slot in 0..1_440 {
            series.push(slot, 8_000 + slot % 100);
        }
        assert_eq!(series.size(), 2_880);
    }
}

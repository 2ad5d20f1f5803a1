//! A queue of cells, the most urgent first.

use std::collections::BTreeSet;

/// Cells with a priority above zero; among equals the lowest cell comes first.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    /// The bits of a positive double order like the number; the complement puts low cells last.
    order: BTreeSet<(u64, u32)>,
    /// The bits of the priority of each cell; zero for those that do not wait.
    waiting: Vec<u64>,
}

impl PartialEq for Queue {
    /// Room that is left over does not count.
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Queue {
    /// Puts a cell in, or gives it another priority; not above zero takes it out.
    pub(super) fn set(&mut self, cell: u32, priority: f64) {
        let at = cell as usize;
        let bits = if priority > 0.0 {
            priority.to_bits()
        } else {
            0
        };
        if self.waiting.len() <= at {
            if bits == 0 {
                return;
            }
            self.waiting.resize(at + 1, 0);
        }
        let before = std::mem::replace(&mut self.waiting[at], bits);
        if before == bits {
            return;
        }
        if before > 0 {
            self.order.remove(&(before, !cell));
        }
        if bits > 0 {
            self.order.insert((bits, !cell));
        }
    }

    /// Takes out the most urgent cell.
    pub(super) fn pop(&mut self) -> Option<u32> {
        let (_, complement) = self.order.pop_last()?;
        self.waiting[!complement as usize] = 0;
        Some(!complement)
    }

    pub(super) fn contains(&self, cell: u32) -> bool {
        self.waiting
            .get(cell as usize)
            .is_some_and(|bits| *bits > 0)
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The cells that wait with their priorities, the most urgent first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, f64)> + '_ {
        let order = self.order.iter().rev();
        order.map(|(bits, complement)| (!complement, f64::from_bits(*bits)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_queue_is_a_list_sorted_by_priority_and_then_by_cell(
            changes in vec((0_u32..12, -1_i32..4), 0..60),
        ) {
            let mut queue = Queue::default();
            let mut naive: Vec<(u32, f64)> = Vec::new();
            for (cell, priority) in changes {
                let priority = f64::from(priority);
                queue.set(cell, priority);
                naive.retain(|entry| entry.0 != cell);
                if priority > 0.0 {
                    naive.push((cell, priority));
                }
            }
            naive.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            prop_assert_eq!(queue.len(), naive.len());
            prop_assert_eq!(queue.iter().collect::<Vec<_>>(), naive.clone());
            for (cell, _) in naive {
                prop_assert_eq!(queue.pop(), Some(cell));
            }
            prop_assert_eq!(queue.pop(), None);
        }
    }
}

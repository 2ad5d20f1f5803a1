//! Which idle instance is worth least: an order that is corrected when it is asked, so that a reuse costs it nothing.
//!
//! Each host has an order of its own; memory that is limited as a whole is one host.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use cloudlot_core::Timestamp;

/// Idle instances by worth, on each host.
///
/// An instance has one entry that counts, which stays while it runs calls. What the entry says is never more than what it is worth
/// when it is idle: the entry is set right when it comes first, and one worth less than that gets another.
#[derive(Clone, Debug)]
pub(super) struct Worth {
    hosts: Vec<Orders>,
    /// By place.
    listed: Vec<Listed>,
    /// Numbers the entries.
    made: u64,
}

/// An instance as it becomes idle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Idler {
    pub(super) host: usize,
    pub(super) place: u32,
    pub(super) value: u64,
    /// Before this it goes only if no other can.
    pub(super) spared: Timestamp,
}

/// The orders of one host.
#[derive(Clone, Default, Debug)]
struct Orders {
    /// Those that nothing spares.
    old: BinaryHeap<Reverse<Entry>>,
    /// Those that are spared, by worth.
    young: BinaryHeap<Reverse<Entry>>,
    /// The same, by the time at which they are spared no longer.
    ripening: BinaryHeap<Reverse<Entry>>,
    /// Places whose entry is here.
    places: usize,
}

/// A place under its worth or its time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Entry {
    key: u64,
    place: u32,
    made: u64,
}

/// The entry of a place that counts.
#[derive(Clone, Copy, Debug)]
struct Listed {
    /// Its number; zero if there is none.
    made: u64,
    value: u64,
    spared: Timestamp,
    host: usize,
}

impl Listed {
    const NONE: Self = Self {
        made: 0,
        value: 0,
        spared: Timestamp::ZERO,
        host: 0,
    };
}

/// How many entries that do not count are kept for each that does, and besides.
const STALE: usize = 64;

impl Worth {
    pub(super) const fn new() -> Self {
        Self {
            hosts: Vec::new(),
            listed: Vec::new(),
            made: 0,
        }
    }

    /// Takes in an instance that becomes idle.
    pub(super) fn rests(&mut self, idler: Idler, now: Timestamp) {
        let place = idler.place as usize;
        if place >= self.listed.len() {
            self.listed.resize(place + 1, Listed::NONE);
        }
        let listed = self.listed[place];
        let same = listed.made != 0 && (listed.host, listed.spared) == (idler.host, idler.spared);
        if same && listed.value <= idler.value {
            return;
        }
        if listed.made != 0 {
            self.hosts[listed.host].places -= 1;
        }
        if idler.host >= self.hosts.len() {
            self.hosts.resize_with(idler.host + 1, Orders::default);
        }
        self.made += 1;
        self.listed[place] = Listed {
            made: self.made,
            value: idler.value,
            spared: idler.spared,
            host: idler.host,
        };
        let orders = &mut self.hosts[idler.host];
        orders.places += 1;
        let entry = |key| {
            Reverse(Entry {
                key,
                place: idler.place,
                made: self.made,
            })
        };
        if idler.spared > now {
            orders.young.push(entry(idler.value));
            orders.ripening.push(entry(idler.spared.as_nanos()));
        } else {
            orders.old.push(entry(idler.value));
        }
        orders.forget(&self.listed);
    }

    /// Takes out the idle instance of a host that is worth least, of equals the one in the lowest place; one that is spared only if there
    /// is no other. `value` says what an instance is worth now, if it is idle: never less than it said before, since it is idle.
    pub(super) fn take_least(
        &mut self,
        host: usize,
        now: Timestamp,
        mut value: impl FnMut(u32) -> Option<u64>,
    ) -> Option<u32> {
        let orders = self.hosts.get_mut(host)?;
        orders.ripen(&self.listed, now);
        first(
            &mut orders.old,
            &mut orders.places,
            &mut self.listed,
            &mut value,
        )
        .or_else(|| {
            first(
                &mut orders.young,
                &mut orders.places,
                &mut self.listed,
                &mut value,
            )
        })
    }
}

impl Orders {
    /// Moves those that are spared no longer.
    fn ripen(&mut self, listed: &[Listed], now: Timestamp) {
        while let Some(&Reverse(ripe)) = self.ripening.peek()
            && ripe.key <= now.as_nanos()
        {
            self.ripening.pop();
            let is = listed[ripe.place as usize];
            if is.made == ripe.made {
                let key = is.value;
                self.old.push(Reverse(Entry { key, ..ripe }));
            }
        }
    }

    /// Drops what does not count, if that is most of it.
    fn forget(&mut self, listed: &[Listed]) {
        let most = 2 * self.places + STALE;
        let counts = |entry: &Reverse<Entry>| listed[entry.0.place as usize].made == entry.0.made;
        for heap in [&mut self.old, &mut self.young, &mut self.ripening] {
            if heap.len() > most {
                heap.retain(counts);
            }
        }
    }
}

/// Takes out the first of a heap that is idle, after everything before it was set right.
fn first(
    heap: &mut BinaryHeap<Reverse<Entry>>,
    places: &mut usize,
    listed: &mut [Listed],
    value: &mut impl FnMut(u32) -> Option<u64>,
) -> Option<u32> {
    while let Some(mut top) = heap.peek_mut() {
        let entry = top.0;
        let is = &mut listed[entry.place as usize];
        if is.made != entry.made {
            PeekMut::pop(top);
            continue;
        }
        let worth = value(entry.place);
        if let Some(worth) = worth
            && worth > entry.key
        {
            is.value = worth;
            top.0.key = worth;
            continue;
        }
        PeekMut::pop(top);
        *is = Listed::NONE;
        *places -= 1;
        if worth.is_some() {
            return Some(entry.place);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    enum Act {
        /// An instance becomes idle here; if one is already, that one leaves before.
        Rest {
            place: usize,
            host: usize,
            value: u64,
            spared: u64,
        },
        /// It is used, or gone.
        Leave(usize),
        /// All idle instances that are worth less are worth so much.
        Rise(u64),
        Pass(u64),
        Take(usize),
    }

    #[derive(Clone, Copy, Debug)]
    struct Idle {
        host: usize,
        value: u64,
        spared: Timestamp,
    }

    /// Looks at all.
    fn scan(idle: &[Option<Idle>], host: usize, now: Timestamp) -> Option<u32> {
        (0_u32..)
            .zip(idle)
            .filter_map(|(place, is)| is.map(|is| (place, is)))
            .filter(|(_, is)| is.host == host)
            .min_by_key(|(place, is)| (is.spared > now, is.value, *place))
            .map(|(place, _)| place)
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (0..6_usize, 0..2_usize, 0..20_u64, 0..30_u64).prop_map(
                |(place, host, value, spared)| Act::Rest { place, host, value, spared }),
            2 => (0..6_usize).prop_map(Act::Leave),
            1 => (0..30_u64).prop_map(Act::Rise),
            1 => (0..5_u64).prop_map(Act::Pass),
            3 => (0..2_usize).prop_map(Act::Take),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn the_least_is_the_one_that_a_look_at_all_finds(
            acts in prop::collection::vec(act(), 0..80),
        ) {
            let mut worth = Worth::new();
            let mut idle = [None; 6];
            let mut now = Timestamp::ZERO;
            for act in acts {
                match act {
                    Act::Rest { place, host, value, spared } => {
                        let spared = Timestamp::from_nanos(spared);
                        idle[place] = Some(Idle { host, value, spared });
                        let place = u32::try_from(place).expect("few");
                        worth.rests(Idler { host, place, value, spared }, now);
                    }
                    Act::Leave(place) => idle[place] = None,
                    Act::Rise(least) => idle
                        .iter_mut()
                        .flatten()
                        .for_each(|is| is.value = is.value.max(least)),
                    Act::Pass(time) => now = Timestamp::from_nanos(now.as_nanos() + time),
                    Act::Take(host) => {
                        let value = |place: u32| idle[place as usize].map(|is| is.value);
                        let found = worth.take_least(host, now, value);
                        prop_assert_eq!(found, scan(&idle, host, now));
                        if let Some(place) = found {
                            idle[place as usize] = None;
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn entries_do_not_pile_up() {
        let mut worth = Worth::new();
        for round in 0..10_000_u64 {
            let idler = Idler {
                host: 0,
                place: u32::try_from(round % 10).expect("few"),
                value: 10_000 - round,
                spared: Timestamp::from_nanos(round % 7 * 100),
            };
            worth.rests(idler, Timestamp::from_nanos(200));
        }
        let orders = &worth.hosts[0];
        for heap in [&orders.old, &orders.young, &orders.ripening] {
            assert!(heap.len() <= 2 * 10 + STALE, "{}", heap.len());
        }
    }
}

//! Who asks for how much of what there is: contention by amounts, kind by kind, and a record of when it came and went.
//!
//! Leaves to the caller which amounts count as demand: what is held and what is waited for, or the waiting alone
//! against what is free.

use super::severity::{Severity, Strategy};
use cloudlot_core::ledger::State;
use cloudlot_core::{Amounts, Kind, Timestamp};
use std::collections::BTreeMap;

/// How much of a kind is asked for, against how much there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contention {
    /// The kind.
    pub kind: Kind,
    /// What all ask for together, in base units.
    pub demand: u128,
    /// What there is, in base units.
    pub supply: u64,
    /// The band of the two.
    pub severity: Severity,
}

impl Contention {
    /// What is missing for everybody to be served, in base units.
    #[must_use]
    pub const fn deficit(&self) -> u128 {
        self.demand.saturating_sub(self.supply as u128)
    }
}

/// The kinds of which more is asked for than there is, by kind.
///
/// ```
/// use cloudlot_core::{Amounts, Kind};
/// use cloudlot_policy::contention::{detect, Severity};
///
/// let cores = |n: u64| Amounts::of([(Kind::CPU, n * 1_000)]);
/// assert_eq!(detect([cores(1), cores(1), cores(1)], &cores(100)), []);
/// let found = detect([cores(60), cores(90)], &cores(100));
/// assert_eq!((found[0].severity, found[0].deficit()), (Severity::Medium, 50_000));
/// ```
#[must_use]
pub fn detect(demand: impl IntoIterator<Item = Amounts>, supply: &Amounts) -> Vec<Contention> {
    let mut sums = BTreeMap::new();
    for amounts in demand {
        add(&mut sums, &amounts);
    }
    contended(&sums, supply)
}

/// What the resources that take new work may give in all. A part, such as a device, counts beside its parent.
#[must_use]
pub fn supply(state: &State) -> Amounts {
    let open = state.resources().filter(|(id, _)| state.takes_new(*id));
    open.fold(Amounts::ZERO, |sum, (id, _)| {
        sum.saturating_add(&state.limit(id))
    })
}

fn add(sums: &mut BTreeMap<Kind, u128>, amounts: &Amounts) {
    for (kind, amount) in amounts.iter() {
        let sum = sums.entry(kind).or_default();
        *sum = sum.saturating_add(amount.into());
    }
}

fn contended(sums: &BTreeMap<Kind, u128>, supply: &Amounts) -> Vec<Contention> {
    let of = |(kind, demand): (&Kind, &u128)| {
        let supply = supply.get(*kind);
        let severity = Severity::of(*demand, supply.into());
        (severity > Severity::None).then_some(Contention {
            kind: *kind,
            demand: *demand,
            supply,
            severity,
        })
    };
    sums.iter().filter_map(of).collect()
}

/// One spell of contention of a kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event<P> {
    /// Its number, from 1 in the order of detection.
    pub id: u64,
    /// The kind.
    pub kind: Kind,
    /// The worst that it has been.
    pub severity: Severity,
    /// Everybody who asked for the kind meanwhile, in order.
    pub competing: Vec<P>,
    /// When it was first seen.
    pub detected_at: Timestamp,
    /// When demand was first seen to be back within supply; `None` as long as it is not.
    pub resolved_at: Option<Timestamp>,
    /// What the worst band calls for, or what was done instead ([`Detector::settled_by`]).
    pub strategy: Option<Strategy>,
}

/// Keeps count of who asks for how much, and of the spells of contention that follow.
///
/// The answers depend on the amounts and the moments only, not on the order in which parties came.
///
/// ```
/// use cloudlot_core::{Amounts, Kind, Timestamp};
/// use cloudlot_policy::contention::{Detector, Severity};
///
/// let cores = |n: u64| Amounts::of([(Kind::CPU, n * 1_000)]);
/// let mut detector = Detector::new();
/// detector.supply(cores(100));
/// detector.register("a", cores(90));
/// detector.register("b", cores(30));
/// let at = Timestamp::from_nanos;
/// assert_eq!(detector.detect(at(1))[0].severity, Severity::Low);
/// detector.unregister(&"a");
/// assert_eq!(detector.detect(at(5)), []);
/// assert_eq!(detector.events()[0].resolved_at, Some(at(5)));
/// ```
#[derive(Clone, Debug)]
pub struct Detector<P> {
    demand: BTreeMap<P, Amounts>,
    supply: Amounts,
    events: Vec<Event<P>>,
    /// Which event is going on, by kind.
    open: BTreeMap<Kind, usize>,
    found: u64,
}

impl<P: Ord + Clone> Detector<P> {
    /// Nobody asks, and there is nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            demand: BTreeMap::new(),
            supply: Amounts::ZERO,
            events: Vec::new(),
            open: BTreeMap::new(),
            found: 0,
        }
    }

    /// How much there is from now on, instead of before.
    pub const fn supply(&mut self, supply: Amounts) {
        self.supply = supply;
    }

    /// How much a party asks for from now on, instead of before.
    pub fn register(&mut self, party: P, amounts: Amounts) {
        self.demand.insert(party, amounts);
    }

    /// A party asks for nothing any more; what it asked for.
    pub fn unregister(&mut self, party: &P) -> Option<Amounts> {
        self.demand.remove(party)
    }

    /// The kinds that are contended now, by kind. Opens and closes events.
    pub fn detect(&mut self, now: Timestamp) -> Vec<Contention> {
        let found = detect(self.demand.values().copied(), &self.supply);
        let still = |kind: &Kind| found.iter().any(|contention| contention.kind == *kind);
        let events = &mut self.events;
        self.open.retain(|kind, event| {
            let still = still(kind);
            if !still {
                events[*event].resolved_at = Some(now);
            }
            still
        });
        for contention in &found {
            self.note(contention, now);
        }
        found
    }

    fn note(&mut self, contention: &Contention, now: Timestamp) {
        let kind = contention.kind;
        let asks =
            |(party, amounts): (&P, &Amounts)| (amounts.get(kind) > 0).then(|| party.clone());
        let asking = self.demand.iter().filter_map(asks);
        let index = *self.open.entry(kind).or_insert_with(|| {
            self.found += 1;
            self.events.push(Event {
                id: self.found,
                kind,
                severity: Severity::None,
                competing: Vec::new(),
                detected_at: now,
                resolved_at: None,
                strategy: None,
            });
            self.events.len() - 1
        });
        let event = &mut self.events[index];
        event.competing.extend(asking);
        event.competing.sort();
        event.competing.dedup();
        if contention.severity > event.severity {
            event.severity = contention.severity;
            event.strategy = contention.severity.recommended();
        }
    }

    /// Notes what is done about the contention of a kind that is going on; whether there is one.
    pub fn settled_by(&mut self, kind: Kind, strategy: Strategy) -> bool {
        let event = self.open.get(&kind).map(|event| &mut self.events[*event]);
        event.is_some_and(|event| {
            event.strategy = Some(strategy);
            true
        })
    }

    /// All spells that are remembered, in the order of detection.
    #[must_use]
    pub fn events(&self) -> &[Event<P>] {
        &self.events
    }

    /// Forgets the spells that are over, and gives them away.
    pub fn take_resolved(&mut self) -> Vec<Event<P>> {
        let all = std::mem::take(&mut self.events);
        let (over, on): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|event| event.resolved_at.is_some());
        self.open = (0..on.len()).map(|index| (on[index].kind, index)).collect();
        self.events = on;
        over
    }
}

impl<P: Ord + Clone> Default for Detector<P> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores(n: u64) -> Amounts {
        Amounts::of([(Kind::CPU, n)])
    }

    fn at(n: u64) -> Timestamp {
        Timestamp::from_nanos(n)
    }

    #[test]
    fn a_spell_keeps_its_worst_and_everybody_who_took_part() {
        let mut detector = Detector::new();
        detector.supply(cores(10).with(Kind::MEMORY, 5));
        detector.register(2, cores(8));
        detector.register(1, cores(8));
        detector.detect(at(1));
        detector.unregister(&2);
        detector.register(3, cores(30));
        detector.detect(at(2));
        detector.register(3, cores(4));
        detector.register(4, Amounts::of([(Kind::MEMORY, 6)]));
        assert_eq!(detector.detect(at(3)).len(), 2);
        assert!(detector.settled_by(Kind::MEMORY, Strategy::Scale));
        assert!(!detector.settled_by(Kind::GPU, Strategy::Scale));
        detector.unregister(&1);
        detector.detect(at(4));

        let [cpu, memory] = detector.events() else {
            panic!("two spells: {:?}", detector.events());
        };
        assert_eq!((cpu.id, &cpu.competing[..]), (1, &[1, 2, 3][..]));
        assert_eq!(
            (cpu.severity, cpu.strategy),
            (Severity::Critical, Some(Strategy::Preempt))
        );
        assert_eq!((cpu.detected_at, cpu.resolved_at), (at(1), Some(at(4))));
        assert_eq!((memory.id, memory.resolved_at), (2, None));
        assert_eq!(memory.strategy, Some(Strategy::Scale));
        assert_eq!(detector.take_resolved().len(), 1);
        detector.unregister(&4);
        detector.detect(at(5));
        assert_eq!(detector.events()[0].resolved_at, Some(at(5)));
    }

    #[test]
    fn it_does_not_matter_who_came_first() {
        let run = |order: [u64; 3]| {
            let mut detector = Detector::new();
            detector.supply(cores(10));
            for party in order {
                detector.register(party, cores(party * 3));
            }
            (detector.detect(at(1)), detector.events().to_vec())
        };
        assert_eq!(run([1, 2, 3]), run([3, 1, 2]));
    }

    #[test]
    fn demand_beyond_the_largest_number_still_counts() {
        let found = detect([cores(u64::MAX), cores(u64::MAX)], &cores(u64::MAX));
        assert_eq!(found[0].deficit(), u128::from(u64::MAX));
        assert_eq!(found[0].severity, Severity::High);
    }
}

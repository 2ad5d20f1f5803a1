//! Random lives with faults: after each recovery the ledger is what a plain one was after some of what was asked, with
//! everything that was acknowledged in it, and every pending answer says on which side it is.

use crate::world::{Answer, Ask, ask, known};
use crate::{CONFIG, at};
use cloudlot_core::Timestamp;
use cloudlot_core::ledger::{Ledger, audit};
use cloudlot_store::durable::{DurableLedger, Pending, Unsettled};
use cloudlot_store::flaky::{Fault, Flaky};
use cloudlot_store::{LedgerStore, MemoryStore, RedbStore, Retention};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Event {
    Ask(Ask),
    /// Wait for the pending answer of that many asks ago.
    Wait(usize),
    /// Time goes on.
    Pass(u64),
    /// The process ends, and another one opens the store.
    Crash,
    /// Another process opens the store and writes to it.
    Intrude,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => ask().prop_map(Event::Ask),
        4 => (0..6_usize).prop_map(Event::Wait),
        2 => (1..9_u64).prop_map(Event::Pass),
        1 => Just(Event::Crash),
        1 => Just(Event::Intrude),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::None),
        1 => Just(Fault::RequestLost),
        1 => Just(Fault::Refused),
        1 => Just(Fault::AnswerLost),
        1 => Just(Fault::Late),
    ]
}

/// A durable ledger over a bad line, and what it may be.
struct Trial<S> {
    store: S,
    faults: Vec<Fault>,
    durable: DurableLedger<Flaky<S>>,
    now: u64,
    /// The plain ledger after each thing that was asked since the last recovery, the start first.
    past: Vec<Ledger>,
    /// How far `past` is acknowledged.
    acknowledged: usize,
    pending: Vec<(usize, Pending<()>)>,
}

impl<S: LedgerStore + Clone> Trial<S> {
    fn new(store: S, faults: Vec<Fault>) -> Self {
        let durable = reach(&store, &faults, at(0));
        Self {
            store,
            faults,
            durable,
            now: 0,
            past: vec![Ledger::with(CONFIG.ledger)],
            acknowledged: 0,
            pending: Vec::new(),
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Ask(ask) => self.ask(ask),
            Event::Wait(ago) => self.wait(*ago),
            Event::Pass(time) => self.now += time,
            Event::Crash => self.crash(),
            Event::Intrude => drop(reach(&self.store, &[Fault::None], at(self.now))),
        }
    }

    fn ask(&mut self, ask: &Ask) {
        let now = at(self.now);
        let mut plain = self.past.last().unwrap().clone();
        match ask.durable(&mut self.durable, now) {
            Answer::Stopped => return self.recover(),
            answer => {
                let agreed = ask.plain(&mut plain, now);
                assert_eq!(agreed, matches!(answer, Answer::Pending(_)), "{ask:?}");
                assert_eq!(known(self.durable.provisional()), known(&plain), "{ask:?}");
                self.past.push(plain);
                if let Answer::Pending(pending) = answer {
                    self.pending.push((self.past.len() - 1, pending));
                }
            }
        }
    }

    fn wait(&mut self, ago: usize) {
        let Some(which) = self.pending.len().checked_sub(ago + 1) else {
            return;
        };
        let (place, pending) = self.pending[which].clone();
        match self.durable.wait(&pending) {
            Ok(()) => self.acknowledged = self.acknowledged.max(place),
            Err(Unsettled::Stopped(_)) => self.recover(),
            Err(other) => panic!("{other}"),
        }
    }

    /// Recovers; the fates of all that was pending tell which past it is.
    fn recover(&mut self) {
        let now = at(self.now);
        let mut attempts = 0;
        while self.durable.stopped().is_some() || !self.durable.is_settled() {
            attempts += 1;
            assert!(attempts < 50, "recovery ends");
            drop(self.durable.recover(now));
        }
        let (mut least, mut most) = (self.acknowledged, self.past.len() - 1);
        for (place, pending) in std::mem::take(&mut self.pending) {
            match self.durable.wait(&pending) {
                Ok(()) => least = least.max(place),
                Err(Unsettled::Lost) => most = most.min(place - 1),
                Err(other) => panic!("{other}"),
            }
        }
        assert!(
            least <= most,
            "{least} is durable, {most} is the last that is not lost"
        );
        self.go_on(least, most);
    }

    fn crash(&mut self) {
        let fresh = reach(&self.store, &self.faults, at(self.now));
        let old = std::mem::replace(&mut self.durable, fresh);
        // What was late arrives when somebody else has the store.
        drop(old.into_store().into_inner());
        self.pending.clear();
        self.go_on(self.acknowledged, self.past.len() - 1);
    }

    /// The ledger is one of these pasts.
    fn go_on(&mut self, least: usize, most: usize) {
        let now = at(self.now);
        assert_eq!(audit(self.durable.provisional().state()), []);
        let found = known(self.durable.provisional());
        let same = |past: &Ledger| {
            let mut past = past.clone();
            past.expire(now);
            (known(&past) == found).then_some(past)
        };
        let past = self.past[least..=most].iter().rev().find_map(same);
        let past = past.unwrap_or_else(|| panic!("none of {least} to {most} is {found:#?}"));
        self.past = vec![past];
        self.acknowledged = 0;
    }

    fn end(mut self) {
        for (_, pending) in self.pending.clone() {
            if self.durable.wait(&pending).is_err() {
                return self.recover();
            }
        }
        self.acknowledged = self
            .pending
            .last()
            .map_or(self.acknowledged, |(place, _)| *place);
        self.crash();
    }
}

/// Opens a store over a bad line, however often that takes.
fn reach<S: LedgerStore + Clone>(
    store: &S,
    faults: &[Fault],
    now: Timestamp,
) -> DurableLedger<Flaky<S>> {
    for turn in 0..50 {
        let mut faults = faults.to_vec();
        let turn = turn % faults.len();
        faults.rotate_left(turn);
        if let Ok(opened) = DurableLedger::open(Flaky::new(store.clone(), faults), CONFIG, now) {
            return opened;
        }
    }
    panic!("the store was not reached");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_acknowledged_is_lost_whatever_the_line_does(
        events in proptest::collection::vec(event(), 1..60),
        faults in proptest::collection::vec(fault(), 1..12),
    ) {
        prop_assume!(faults.contains(&Fault::None));
        let mut trial = Trial::new(MemoryStore::default(), faults);
        events.iter().for_each(|event| trial.happen(event));
        trial.end();
    }

    #[test]
    fn without_faults_everything_is_there(events in proptest::collection::vec(ask(), 1..60)) {
        let mut trial = Trial::new(MemoryStore::default(), vec![Fault::None]);
        for ask in &events {
            trial.ask(ask);
            trial.now += 1;
        }
        for (_, pending) in trial.pending.clone() {
            prop_assert!(trial.durable.wait(&pending).is_ok());
        }
        trial.acknowledged = trial.past.len() - 1;
        trial.crash();
    }
}

proptest! {
    // Each one is a file with real barriers.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_file_keeps_it_too(
        events in proptest::collection::vec(event(), 1..60),
        faults in proptest::collection::vec(fault(), 1..12),
    ) {
        prop_assume!(faults.contains(&Fault::None));
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().join("ledger");
        let store = RedbStore::open_or_create(&path, Retention::default()).unwrap();
        let mut trial = Trial::new(store, faults);
        events.iter().for_each(|event| trial.happen(event));
        trial.recover();
        let found = known(trial.durable.provisional());
        let now = at(trial.now);
        drop(trial);
        let store = RedbStore::open(&path, Retention::default()).unwrap();
        let reopened = DurableLedger::open(store, CONFIG, now).unwrap();
        prop_assert_eq!(known(reopened.provisional()), found);
    }
}

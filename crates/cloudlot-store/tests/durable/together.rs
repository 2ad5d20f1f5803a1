//! Many callers: work gathers while a batch is under way, stands and falls together, and is refused once that failed.

use crate::world::request;
use crate::{CONFIG, at, empty, open};
use cloudlot_core::ledger::{Booking, Hold, Holds, Placement, View, Why};
use cloudlot_core::{Amounts, Kind, Request, RequestKey, Resource, ResourceId, Timestamp, cores};
use cloudlot_store::durable::{
    DurableConfig, DurableLedger, Refused, SharedLedger, Stop, Unsettled,
};
use cloudlot_store::{
    Batch, BatchKey, Changes, Contents, LedgerStore, Lookup, MemoryStore, Outcome, Promise,
    RedbStore, Retention, Revision, StoreError, Ticket, promise,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const NOW: Timestamp = Timestamp::ZERO;

/// A store that keeps batches back until the gate is opened.
#[derive(Clone, Debug, Default)]
struct Gate {
    inner: MemoryStore,
    kept: Arc<Mutex<Option<Vec<(Batch, Promise)>>>>,
}

impl Gate {
    fn close(&self) {
        *self.kept.lock().unwrap() = Some(Vec::new());
    }

    /// Carries out what was kept back, and goes on keeping. How many batches that were.
    fn let_through(&self) -> usize {
        let kept = self.kept.lock().unwrap().replace(Vec::new()).unwrap();
        let count = kept.len();
        for (batch, promise) in kept {
            promise.keep(self.inner.clone().submit(batch).outcome().unwrap());
        }
        count
    }

    fn open(&self) {
        self.let_through();
        *self.kept.lock().unwrap() = None;
    }
}

impl LedgerStore for Gate {
    fn submit(&mut self, batch: Batch) -> Ticket {
        match &mut *self.kept.lock().unwrap() {
            None => self.inner.submit(batch),
            Some(kept) => {
                let (promise, ticket) = promise();
                kept.push((batch, promise));
                ticket
            }
        }
    }

    fn load(&mut self) -> Result<Contents, StoreError> {
        self.inner.load()
    }

    fn changes(&mut self, after: Revision) -> Result<Changes, StoreError> {
        self.inner.changes(after)
    }

    fn lookup(&mut self, key: BatchKey) -> Result<Lookup, StoreError> {
        self.inner.lookup(key)
    }

    fn compact(&mut self, upto: Revision) -> Result<u64, StoreError> {
        self.inner.compact(upto)
    }
}

fn node<S: LedgerStore>(ledger: &mut DurableLedger<S>) -> ResourceId {
    let node = Resource::node("n1")
        .capacity([cores(1000)])
        .build()
        .unwrap();
    let added = ledger.add(node, NOW).unwrap();
    ledger.wait(&added).unwrap()
}

#[test]
fn what_gathers_is_committed_together() {
    let gate = Gate::default();
    let mut ledger = open(gate.clone());
    let node = node(&mut ledger);
    gate.close();
    let pending: Vec<_> = (0..10)
        .map(|key| ledger.reserve(&request(key, 1), node, NOW).unwrap())
        .collect();
    assert_eq!(gate.let_through(), 1, "one batch is under way");
    ledger.poll();
    assert!(ledger.wait(&pending[0]).is_ok());
    assert_eq!(gate.let_through(), 1, "the others are in the next");
    for pending in &pending {
        assert!(ledger.wait(pending).is_ok());
    }
    assert!(ledger.is_settled());
}

#[test]
fn a_repetition_waits_for_the_first() {
    let gate = Gate::default();
    let impatient = DurableConfig {
        patience: Duration::ZERO,
        ..CONFIG
    };
    let mut ledger = DurableLedger::open(gate.clone(), impatient, NOW).unwrap();
    let node = node(&mut ledger);
    gate.close();
    let first = ledger.reserve(&request(1, 1), node, NOW).unwrap();
    let again = ledger.reserve(&request(1, 1), node, NOW).unwrap();
    assert!(matches!(
        ledger.wait(&again),
        Err(Unsettled::Stopped(Stop::Unknown))
    ));
    // Nothing new, and no answer, before it is known.
    assert!(matches!(
        ledger.reserve(&request(2, 1), node, NOW),
        Err(Refused::Stopped(Stop::Unknown))
    ));
    assert!(matches!(ledger.wait(&first), Err(Unsettled::Stopped(_))));
    assert_eq!(gate.let_through(), 1);
    gate.open();
    let recovered = ledger.recover(NOW).unwrap();
    assert!(recovered.kept || ledger.wait(&first).is_ok());
    assert_eq!(ledger.wait(&again), ledger.wait(&first));
    let grant = ledger.wait(&first).unwrap();
    assert_eq!(ledger.provisional().find_key(RequestKey(1)), Some(grant));
}

#[test]
fn what_rests_on_lost_work_is_lost_with_it() {
    let gate = Gate::default();
    let mut ledger = open(gate.clone());
    let node = node(&mut ledger);
    let kept = ledger.reserve(&request(1, 600 % 250), node, NOW).unwrap();
    let kept = ledger.wait(&kept).unwrap();
    gate.close();
    let first = ledger.release(kept.id, NOW).unwrap();
    let second = ledger.reserve(&request(2, 200), node, NOW).unwrap();
    let second_id = ledger.provisional().find_key(RequestKey(2)).unwrap().id;
    // Somebody else takes the store before the batch arrives.
    drop(open(gate.inner.clone()));
    gate.open();
    assert!(matches!(
        ledger.wait(&second),
        Err(Unsettled::Stopped(Stop::Conflict { .. }))
    ));
    let recovered = ledger.recover(NOW).unwrap();
    assert_eq!((recovered.kept, recovered.lost), (false, 2));
    assert_eq!(ledger.wait(&first), Err(Unsettled::Lost));
    assert_eq!(ledger.wait(&second), Err(Unsettled::Lost));
    // The one that was released is still there under its name; the one that was lost is nobody.
    assert!(ledger.provisional().state().reservation(kept.id).is_some());
    assert!(matches!(
        ledger.confirm(second_id, NOW),
        Err(Refused::No(Why::Gone(_)))
    ));
    let third = ledger.reserve(&request(2, 200), node, NOW).unwrap();
    assert_ne!(ledger.wait(&third).unwrap().id, second_id);
}

#[test]
fn a_late_batch_does_nothing_after_recovery() {
    let gate = Gate::default();
    let impatient = DurableConfig {
        patience: Duration::ZERO,
        ..CONFIG
    };
    let mut ledger = DurableLedger::open(gate.clone(), impatient, NOW).unwrap();
    let node = node(&mut ledger);
    gate.close();
    let late = ledger.reserve(&request(1, 1), node, NOW).unwrap();
    assert!(ledger.wait(&late).is_err());
    let kept = gate.kept.lock().unwrap().take().unwrap();
    ledger.recover(NOW).unwrap();
    assert_eq!(ledger.wait(&late), Err(Unsettled::Lost));
    for (batch, _) in kept {
        let outcome = gate.inner.clone().submit(batch).outcome().unwrap();
        assert!(matches!(outcome, Outcome::Conflict { .. }), "{outcome:?}");
    }
    assert!(
        open(gate.inner.clone())
            .provisional()
            .find_key(RequestKey(1))
            .is_none()
    );
}

#[test]
fn without_a_key_nothing_is_durable() {
    let mut ledger = empty();
    let node = node(&mut ledger);
    let keyless = Request::new("x").part([cores(1)]).build().unwrap();
    let on = Placement::on(node);
    assert_eq!(
        ledger.reserve(&keyless, node, NOW).unwrap_err(),
        Refused::NoKey
    );
    assert_eq!(
        ledger.place(&keyless, &on, NOW).unwrap_err(),
        Refused::NoKey
    );
    let holds = Holds::one(Hold::new(node, &Amounts::of([(Kind::CPU, 1)])));
    let booking = Booking::of(&keyless, holds);
    assert_eq!(
        ledger.adopt(&booking, None, NOW).unwrap_err(),
        Refused::NoKey
    );
    let mut view = View::of(ledger.provisional());
    let mut draft = view.draft(NOW);
    draft.reserve(&keyless, &on).unwrap();
    let plan = draft.finish();
    assert_eq!(ledger.commit(&plan, NOW).unwrap_err(), Refused::NoKey);
    assert_eq!(ledger.provisional().state().reservation_count(), 0);
}

#[test]
fn a_name_that_is_no_key_is_refused_before_anything_happens() {
    let mut ledger = empty();
    let long = ["x"; 3].map(|level| level.repeat(200)).join("/");
    let error = ledger
        .set_limit(&long.parse().unwrap(), [cores(1)], NOW)
        .unwrap_err();
    assert!(matches!(error, Refused::Name(_)));
    assert_eq!(ledger.provisional().records().count(), 1);
}

#[test]
fn what_ran_out_while_nobody_looked_is_gone_when_the_store_is_opened() {
    let store = MemoryStore::default();
    let mut ledger = open(store.clone());
    let node = node(&mut ledger);
    let held = ledger.reserve(&request(1, 1), node, NOW).unwrap();
    let held = ledger.wait(&held).unwrap();
    drop(ledger);
    let ledger = DurableLedger::open(store.clone(), CONFIG, held.until).unwrap();
    assert_eq!(ledger.provisional().state().reservation_count(), 0);
    // The time does not run backwards, and the key is remembered.
    drop(ledger);
    let mut ledger = DurableLedger::open(store, CONFIG, at(1)).unwrap();
    assert_eq!(ledger.provisional().now(), held.until);
    let again = ledger.reserve(&request(1, 1), node, NOW).unwrap();
    assert_eq!(ledger.wait(&again).unwrap().until, held.until);
    let other = ledger.reserve(&request(1, 2), node, NOW).unwrap_err();
    assert_eq!(other, Refused::No(Why::KeyReused(RequestKey(1))));
}

#[test]
fn fewer_ended_keys_than_before_are_taken_out_of_the_store() {
    let mut store = MemoryStore::default();
    let mut ledger = open(store.clone());
    let node = node(&mut ledger);
    for key in 0..9 {
        let grant = ledger.reserve(&request(key, 1), node, NOW).unwrap();
        let grant = ledger.wait(&grant).unwrap();
        let gone = ledger.release(grant.id, NOW).unwrap();
        ledger.wait(&gone).unwrap();
    }
    let mut few = CONFIG;
    few.ledger.ended_keys = 2;
    drop(DurableLedger::open(store.clone(), few, NOW).unwrap());
    let contents = store.load().unwrap();
    let keys: Vec<_> = contents
        .records
        .keys()
        .filter(|key| key.space() == "key")
        .map(|key| key.name())
        .collect();
    assert_eq!(keys, [format!("{:032x}", 7), format!("{:032x}", 8)]);
}

#[test]
fn threads_share_the_barriers_of_a_file() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("ledger");
    let store = RedbStore::open_or_create(&path, Retention::default()).unwrap();
    let mut ledger = open(store.clone());
    let node = node(&mut ledger);
    let before = store.clone().load().unwrap().revision.number();
    let ledger = SharedLedger::new(ledger);
    let (callers, each) = (8_u64, 20_u64);
    std::thread::scope(|scope| {
        for caller in 0..callers {
            let ledger = &ledger;
            scope.spawn(move || {
                for number in 0..each {
                    let key = RequestKey((caller * each + number).into());
                    let request = Request::new("x").key(key).part([cores(1)]).build().unwrap();
                    let reserved = ledger.lock().reserve(&request, node, NOW).unwrap();
                    let grant = ledger.wait(&reserved).unwrap();
                    let confirmed = ledger.lock().confirm(grant.id, NOW).unwrap();
                    ledger.wait(&confirmed).unwrap();
                }
            });
        }
    });
    let batches = store.clone().load().unwrap().revision.number() - before;
    assert!(
        batches < 2 * callers * each,
        "{batches} batches for {} answers",
        2 * callers * each
    );
    drop((ledger, store));
    let store = RedbStore::open(&path, Retention::default()).unwrap();
    let ledger = open(store);
    let state = ledger.provisional().state();
    assert_eq!(
        state.reservation_count(),
        usize::try_from(callers * each).unwrap()
    );
    assert!(
        state
            .reservations()
            .all(|(_, reservation)| reservation.is_confirmed())
    );
}

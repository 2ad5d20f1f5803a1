//! Many threads on one ledger, against the audit.

use cloudlot_core::ledger::{CommitError, Ledger, LedgerConfig, Placement, SharedLedger, audit};
use cloudlot_core::{
    Amounts, Kind, OwnerPath, Request, RequestKey, ReservationId, Resource, ResourceId, Seeds,
    Timestamp, cores, gib, millicores,
};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const THREADS: u64 = 8;
const ROUNDS: u64 = 2_000;

fn shared(nodes: usize) -> (SharedLedger, Vec<ResourceId>) {
    // A short journal, so that slow planners are overrun and copy anew.
    let mut ledger = Ledger::with(LedgerConfig {
        journal: 64,
        ended_keys: 100,
    });
    let node = |n: usize| {
        let node = Resource::node(format!("n{n}"))
            .capacity([cores(4), gib(8)])
            .build()
            .expect("a legal node");
        ledger.add(node, Timestamp::ZERO).expect("names differ")
    };
    let nodes = (0..nodes).map(node).collect();
    let owner: OwnerPath = "org".parse().expect("a path");
    ledger
        .set_limit(&owner, [cores(6)], Timestamp::ZERO)
        .expect("a legal limit");
    (SharedLedger::new(ledger), nodes)
}

/// What one planner does: reserves on its own view, and then confirms, releases, evicts, lets expire or forgets.
struct Planner<'a> {
    shared: &'a SharedLedger,
    nodes: &'a [ResourceId],
    clock: &'a AtomicU64,
    rng: Xoshiro256PlusPlus,
    mine: Vec<ReservationId>,
    granted: u64,
    conflicts: u64,
}

impl Planner<'_> {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.clock.fetch_add(1, Ordering::Relaxed))
    }

    fn run(&mut self, name: u64) {
        let mut view = self.shared.view();
        for round in 0..ROUNDS {
            match self.rng.random_range(0..6) {
                0..3 => {
                    let key = RequestKey(u128::from(name) << 64 | u128::from(round));
                    let request = Request::new("job")
                        .owner(if name.is_multiple_of(2) {
                            "org/even"
                        } else {
                            "odd"
                        })
                        .part([millicores(self.rng.random_range(1..1_500)), gib(1)])
                        .hold_for(Duration::from_nanos(self.rng.random_range(1..2_000)))
                        .key(key);
                    let request = request.build().expect("a legal request");
                    let on = self.nodes[self.rng.random_range(0..self.nodes.len())];
                    self.reserve(&mut view, &request, on);
                }
                3 => self.confirm(),
                4 => self.act(|ledger, id, now| drop(ledger.release(id, now))),
                _ => self.act(|ledger, id, now| {
                    drop(ledger.evict(id, now + Duration::from_nanos(500), now))
                }),
            }
        }
    }

    fn reserve(
        &mut self,
        view: &mut cloudlot_core::ledger::View,
        request: &Request,
        on: ResourceId,
    ) {
        for _ in 0..3 {
            let now = self.now();
            let mut draft = view.draft(now);
            let fits = draft.reserve(request, &Placement::on(on)).is_ok();
            let plan = draft.finish();
            match self.shared.commit(&plan, now) {
                Ok(grants) => {
                    assert_eq!(grants.len(), usize::from(fits));
                    self.granted += u64::from(fits);
                    self.mine.extend(grants.iter().map(|grant| grant.id));
                    if fits {
                        return;
                    }
                }
                Err(CommitError::Step { .. } | CommitError::Stale { .. }) => self.conflicts += 1,
                Err(CommitError::OtherLedger) => panic!("the view is of this ledger"),
            }
            self.shared.sync(view, now);
        }
    }

    fn confirm(&mut self) {
        let now = self.now();
        if let Some(id) = self.mine.last() {
            // It may have expired, been confirmed, or been told to go.
            let _ = self.shared.with(|ledger| ledger.confirm(*id, now));
        }
    }

    fn act(&mut self, act: impl FnOnce(&mut Ledger, ReservationId, Timestamp)) {
        let now = self.now();
        if !self.mine.is_empty() {
            let id = self
                .mine
                .swap_remove(self.rng.random_range(0..self.mine.len()));
            self.shared.with(|ledger| act(ledger, id, now));
        }
    }
}

#[test]
fn many_planners_never_take_more_than_there_is() {
    let (shared, nodes) = shared(3);
    let clock = AtomicU64::new(1);
    let totals: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let planners = (0..THREADS).map(|name| {
            let mut planner = Planner {
                shared: &shared,
                nodes: &nodes,
                clock: &clock,
                rng: Xoshiro256PlusPlus::seed_from_u64(Seeds::new(1).part(name).stream("planner")),
                mine: Vec::new(),
                granted: 0,
                conflicts: 0,
            };
            scope.spawn(move || {
                planner.run(name);
                (planner.granted, planner.conflicts)
            })
        });
        let handles: Vec<_> = planners.collect();
        // Meanwhile somebody looks, again and again.
        for _ in 0..200 {
            shared.with(|ledger| {
                assert_eq!(audit(ledger.state()), []);
                assert_eq!(ledger.state().all_overfull().count(), 0);
            });
        }
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap())
            .collect()
    });
    let granted: u64 = totals.iter().map(|total| total.0).sum();
    assert!(granted > THREADS * 10, "{totals:?}");
    shared.with(|ledger| {
        assert_eq!(audit(ledger.state()), []);
        assert!(ledger.key_count() <= ledger.state().reservation_count() + 100);
        // Whatever was forgotten ends by itself, or is given back; then nothing is left.
        ledger.expire(Timestamp::from_nanos(u64::MAX - 1));
        let left: Vec<ReservationId> = ledger.state().reservations().map(|(id, _)| id).collect();
        for id in left {
            ledger.release(id, ledger.now()).unwrap();
        }
        for node in &nodes {
            assert_eq!(ledger.state().taken(*node), Amounts::ZERO);
            assert_eq!(ledger.state().free(*node).get(Kind::CPU), 4_000);
        }
    });
}

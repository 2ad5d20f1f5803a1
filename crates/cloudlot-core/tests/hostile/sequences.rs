//! A client that gets everything wrong: identifiers of other ledgers and of what has ended, members by the billion, pieces
//! that nobody asked for, times from both ends. Whatever it says, the ledger's numbers stay true, a refusal changes nothing,
//! and the journal tells the whole story.

use crate::chance::Chance;
use cloudlot_core::ledger::{
    Booking, Change, Checkpoint, Entry, Guard, Hold, Holds, Ledger, Piece, Placement, Plan, Row,
    Step, View, audit,
};
use cloudlot_core::{
    Amounts, Kind, KindName, On, OwnerPath, Quantity, Request, RequestKey, ReservationId, Resource,
    ResourceId, ResourceState, Revision, Timestamp, named,
};
use std::time::Duration;

const AMOUNTS: [u64; 8] = [
    1,
    2,
    7,
    1 << 32,
    1 << 63,
    u64::MAX / 2,
    u64::MAX - 1,
    u64::MAX,
];
const COUNTS: [u32; 7] = [0, 1, 2, 3, 1_000, u32::MAX - 1, u32::MAX];
const KINDS: [&str; 4] = ["cpu", "memory", "licence", "unheard-of"];
const OWNERS: [&str; 5] = ["default", "org", "org/a", "org/a/b", "other"];
/// Times, in nanoseconds. The end of time comes last, and seldom: nothing begins after it.
const TIMES: [u64; 8] = [0, 1, 10, 50, 100, 1 << 40, u64::MAX - 1, u64::MAX];

/// What the client knows, some of it from elsewhere and some of it long over.
struct Client {
    chance: Chance,
    now: u64,
    nodes: Vec<ResourceId>,
    reservations: Vec<ReservationId>,
    plans: Vec<Plan>,
}

impl Client {
    fn at(&mut self) -> Timestamp {
        // Mostly forwards in small steps, so that things live long enough to be abused.
        if self.chance.one_in(200) {
            return Timestamp::from_nanos(self.chance.one_of(&TIMES[..7]));
        }
        self.now += self.chance.one_of(&[0, 0, 0, 1, 5]);
        Timestamp::from_nanos(self.now)
    }

    fn time(&mut self) -> Timestamp {
        Timestamp::from_nanos(match self.chance.below(3) {
            0 => self.chance.one_of(&TIMES),
            _ => self.now.saturating_add(self.chance.one_of(&TIMES)),
        })
    }

    fn node(&mut self) -> ResourceId {
        self.chance.one_of(&self.nodes)
    }

    fn reservation(&mut self) -> ReservationId {
        self.chance.one_of(&self.reservations)
    }

    fn owner(&mut self) -> OwnerPath {
        self.chance.one_of(&OWNERS).parse().unwrap()
    }

    fn quantity(&mut self) -> Quantity {
        let kind: KindName = self.chance.one_of(&KINDS).parse().unwrap();
        Quantity::new(kind, self.chance.one_of(&AMOUNTS))
    }

    fn amounts(&mut self) -> Amounts {
        let kinds = [Kind::CPU, Kind::MEMORY, Kind::NETWORK];
        let pairs = (0..self.chance.below(4))
            .map(|_| (self.chance.one_of(&kinds), self.chance.one_of(&AMOUNTS)));
        Amounts::of(pairs.collect::<std::collections::BTreeMap<_, _>>())
    }

    fn holds(&mut self) -> Option<Holds> {
        let count = 1 + self.chance.below(3);
        let list: Vec<Hold> = (0..count)
            .map(|_| Hold::of(self.node(), &self.amounts(), self.chance.one_of(&COUNTS)))
            .collect();
        Holds::sum(list)
    }

    /// A request, if it is one: most of what the client thinks up is refused before it gets anywhere.
    fn request(&mut self) -> Option<Request> {
        let mut request = Request::new("job").owner(self.chance.one_of(&OWNERS));
        if self.chance.one_in(5) {
            request = request.elastic([self.quantity()], [self.quantity()]);
        }
        for _ in 0..self.chance.below(3) {
            let on = self
                .chance
                .one_of(&[On::Node, On::Node, On::Children { of: 2 }]);
            let (count, min) = (
                self.chance.one_of(&COUNTS[..4]),
                self.chance.one_of(&COUNTS[..4]),
            );
            request = request.gang(count, min, on, [self.quantity()]);
        }
        if self.chance.one_in(4) {
            request = request.window(self.time(), self.time());
        }
        if self.chance.one_in(3) {
            request = request.hold_for(Duration::from_nanos(self.chance.one_of(&TIMES)));
        }
        if self.chance.one_in(3) {
            request = request.label("app", "web").anti_affinity("app=web", "host");
        }
        if self.chance.one_in(3) {
            request = request.key(RequestKey(self.chance.one_of(&[0, 1, u128::MAX])));
        }
        request.build().ok()
    }

    fn placement(&mut self) -> Placement {
        if self.chance.one_in(4) {
            let shares = (0..self.chance.below(3)).map(|_| (self.node(), self.amounts()));
            return Placement::Shares(shares.collect());
        }
        let pieces = (0..self.chance.below(4)).map(|_| Piece {
            part: self.chance.one_of(&[0, 0, 1, 2, usize::MAX]),
            on: self.node(),
            members: self.chance.one_of(&COUNTS),
        });
        Placement::Pieces(pieces.collect())
    }

    fn booking(&mut self) -> Option<Booking> {
        let mut booking = Booking::of(&self.request()?, self.holds()?);
        booking.digest = self.chance.one_of(&[0, booking.digest]);
        if self.chance.one_in(3) {
            booking.until = Some(self.time());
        }
        Some(booking)
    }

    /// An old plan, or a new one of a view, with some steps that no draft would have written.
    fn plan(&mut self, ledger: &Ledger) -> Option<Plan> {
        if self.chance.one_in(3) && !self.plans.is_empty() {
            return Some(self.plans[self.chance.below(self.plans.len())].clone());
        }
        let mut view = View::of(ledger);
        let before = view.state().revision();
        let mut draft = view.draft(Timestamp::from_nanos(self.now));
        for _ in 0..self.chance.below(4) {
            let request = self.request()?;
            let _ = draft.reserve(&request, &self.placement());
        }
        let (id, at) = (self.reservation(), self.time());
        let _ = draft.evict(id, at);
        if let Some(holds) = self.holds() {
            let _ = draft.resize(id, &holds);
        }
        let mut plan = draft.finish();
        assert_eq!(view.state().revision(), before);
        assert_eq!(audit(view.state()), []);
        self.forge(&mut plan);
        self.plans.push(plan.clone());
        Some(plan)
    }

    fn forge(&mut self, plan: &mut Plan) {
        match self.chance.below(6) {
            0 => plan.steps.extend(self.booking().map(Step::Reserve)),
            1 => {
                let again = plan.steps.clone();
                plan.steps.extend(again);
            }
            2 => plan.steps.extend(self.holds().map(|holds| Step::Resize {
                reservation: self.reservation(),
                holds,
            })),
            3 => plan.guards.push(Guard {
                row: Row::Resource(self.node()),
                version: Revision::new(self.chance.one_of(&AMOUNTS)),
            }),
            4 => plan.guards.clear(),
            _ => {}
        }
    }

    fn resource(&mut self) -> Option<Resource> {
        let name = self.chance.one_of(&["n0", "n1", "n2", "n3"]);
        let node = Resource::node(name).capacity([self.quantity()]);
        let node = node.overcommit(Kind::CPU, self.chance.one_of(&COUNTS));
        if self.chance.one_in(3) {
            return node
                .parent(self.chance.one_of(&["n0", "n1", "nowhere"]))
                .build()
                .ok();
        }
        node.build().ok()
    }

    /// Does something wrong, or by chance something right; says whether the ledger took it.
    fn act(&mut self, ledger: &mut Ledger) -> Option<bool> {
        let now = self.at();
        ledger.expire(now);
        let before = ledger.state().revision();
        let taken = match self.chance.below(16) {
            0..=2 => {
                let granted = ledger.reserve(&self.request()?, self.node(), now);
                granted
                    .map(|grant| self.reservations.push(grant.id))
                    .is_ok()
            }
            3 | 4 => {
                let granted = ledger.place(&self.request()?, &self.placement(), now);
                granted
                    .map(|grant| self.reservations.push(grant.id))
                    .is_ok()
            }
            5 => {
                let since = self.chance.one_in(2).then(|| self.time());
                let adopted = ledger.adopt(&self.booking()?, since, now);
                adopted
                    .map(|grant| self.reservations.push(grant.id))
                    .is_ok()
            }
            6 => ledger.confirm(self.reservation(), now).is_ok(),
            7 => ledger.release(self.reservation(), now).is_ok(),
            8 => ledger
                .release_part(self.reservation(), &self.holds()?, now)
                .is_ok(),
            9 => ledger
                .resize(self.reservation(), &self.holds()?, now)
                .is_ok(),
            10 => ledger.extend(self.reservation(), self.time(), now).is_ok(),
            11 => ledger.evict(self.reservation(), self.time(), now).is_ok(),
            12 | 13 => {
                let plan = self.plan(ledger)?;
                let checked = ledger.check(&plan, now);
                assert_eq!(ledger.state().revision(), before, "a check changes nothing");
                let done = ledger.commit(&plan, now);
                assert_eq!(
                    checked.is_ok(),
                    done.is_ok(),
                    "a check says what a commit does"
                );
                done.map(|grants| {
                    self.reservations
                        .extend(grants.iter().map(|grant| grant.id))
                })
                .is_ok()
            }
            14 => self.operate(ledger, now)?,
            _ => {
                let length = self.chance.one_of(&TIMES);
                let length = Duration::from_nanos(length);
                let _ = ledger
                    .state()
                    .earliest(&self.request()?, &self.placement(), now, length);
                return None;
            }
        };
        assert!(
            taken || ledger.state().revision() == before,
            "a refusal changes nothing"
        );
        Some(taken)
    }

    fn operate(&mut self, ledger: &mut Ledger, now: Timestamp) -> Option<bool> {
        Some(match self.chance.below(5) {
            0 => {
                let added = ledger.add(self.resource()?, now);
                added.map(|id| self.nodes.push(id)).is_ok()
            }
            1 => ledger.update(self.node(), self.resource()?, now).is_ok(),
            2 => {
                use ResourceState::{Available, Draining, Failed};
                let state = self
                    .chance
                    .one_of(&[Available, Available, Draining, Failed]);
                ledger.set_state(self.node(), state, now).is_ok()
            }
            3 => ledger.remove(self.node(), now).is_ok(),
            _ => {
                let limit = [self.quantity(), self.quantity()];
                ledger.set_limit(&self.owner(), limit, now).is_ok()
            }
        })
    }
}

/// A ledger with two nodes, one of them with two children.
fn ledger() -> (Ledger, Vec<ResourceId>) {
    let mut ledger = Ledger::new();
    let mut add = |name: &str, parent: Option<&str>, amount| {
        let capacity = ["cpu", "memory"].map(|kind| named(kind, amount).unwrap());
        let node = Resource::node(name).capacity(capacity);
        let node = match parent {
            Some(parent) => node.parent(parent),
            None => node,
        };
        ledger.add(node.build().unwrap(), Timestamp::ZERO).unwrap()
    };
    let nodes = vec![
        add("n0", None, 10),
        add("n1", None, u64::MAX),
        add("c0", Some("n1"), 1 << 63),
        add("c1", Some("n1"), 1 << 63),
    ];
    (ledger, nodes)
}

fn client(purpose: &str, nodes: &[ResourceId]) -> Client {
    let strange = [
        (0, 1),
        (1, u32::MAX),
        (9, 0),
        (u32::MAX, 0),
        (u32::MAX, u32::MAX),
    ];
    let strange = strange.map(|(slot, generation)| ResourceId::new(slot, generation));
    Client {
        chance: Chance::of(purpose),
        now: 0,
        nodes: nodes
            .iter()
            .cycle()
            .take(8)
            .copied()
            .chain(strange)
            .collect(),
        reservations: vec![
            ReservationId::new(0, 0),
            ReservationId::new(u32::MAX, u32::MAX),
        ],
        plans: Vec::new(),
    }
}

#[test]
fn whatever_a_client_says_the_numbers_stay_true_and_the_journal_tells_it_all() {
    let (mut taken, mut refused) = (0_u32, 0_u32);
    for run in 0..40 {
        let (mut ledger, nodes) = ledger();
        let start: Checkpoint = ledger.checkpoint();
        let first = ledger.state().revision();
        let mut client = client(&format!("client {run}"), &nodes);
        let (_, foreign) = self::ledger();
        assert_eq!(foreign, nodes);
        for _ in 0..400 {
            match client.act(&mut ledger) {
                Some(true) => taken += 1,
                Some(false) => refused += 1,
                None => {}
            }
            assert_eq!(audit(ledger.state()), [], "run {run}");
        }
        let entries: Vec<Entry> = ledger.journal().since(first).unwrap().cloned().collect();
        let again = Ledger::replay(start, &entries).unwrap();
        assert_eq!(audit(again.state()), []);
        assert_eq!(again.state().revision(), ledger.state().revision());
        let at = ledger.now();
        assert_eq!(again.state().usage(at), ledger.state().usage(at));
    }
    // Both ways are walked, or the test shows nothing.
    assert!(
        taken > 1_000 && refused > 1_000,
        "{taken} taken, {refused} refused"
    );
}

#[test]
fn at_the_end_of_time_nothing_begins_and_the_numbers_stay_true() {
    let (mut ledger, nodes) = ledger();
    let mut client = client("end of time", &nodes);
    for _ in 0..300 {
        let _ = client.act(&mut ledger);
    }
    ledger.expire(Timestamp::MAX);
    client.now = u64::MAX - 10_000;
    let before = ledger.state().reservation_count();
    for _ in 0..300 {
        let _ = client.act(&mut ledger);
        assert_eq!(audit(ledger.state()), []);
    }
    assert!(ledger.state().reservation_count() <= before);
}

#[test]
fn a_journal_that_was_tampered_with_is_refused_where_it_breaks() {
    let mut broken = 0;
    for run in 0..40 {
        let (mut ledger, nodes) = ledger();
        let first = ledger.state().revision();
        let start = ledger.checkpoint();
        let mut client = client(&format!("journal {run}"), &nodes);
        for _ in 0..60 {
            let _ = client.act(&mut ledger);
        }
        let mut entries: Vec<Entry> = ledger.journal().since(first).unwrap().cloned().collect();
        if entries.is_empty() {
            continue;
        }
        let place = client.chance.below(entries.len());
        match client.chance.below(6) {
            0 => _ = entries.remove(place),
            1 => entries.insert(place, entries[place].clone()),
            2 => entries.swap(0, place),
            3 => entries[place].revision = Revision::new(client.chance.one_of(&AMOUNTS)),
            4 => {
                entries[place].change = Change::Confirmed {
                    id: client.reservation(),
                }
            }
            _ => {
                let Some(holds) = client.holds() else {
                    continue;
                };
                let id = client.reservation();
                entries[place].change = Change::Resized { id, holds };
            }
        }
        let mut follower = Ledger::replay(start, &[]).unwrap();
        if let Err(error) = follower.apply(&entries) {
            broken += 1;
            assert!(error.index < entries.len(), "{error}");
            let last = entries[..error.index]
                .last()
                .map_or(first, |entry| entry.revision);
            assert_eq!(
                follower.state().revision(),
                last,
                "what was before it is followed"
            );
        }
        assert_eq!(audit(follower.state()), [], "run {run}");
    }
    assert!(broken > 20, "{broken} journals were found out");
}

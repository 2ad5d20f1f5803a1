//! Accounts follow a ledger, and their past use fades as its closed form says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cloudlot_core::ledger::{Hold, Holds, Ledger, State};
use cloudlot_core::{
    Amounts, Kind, KindName, OwnerPath, Request, ReservationId, Resource, ResourceId, Timestamp,
    bytes, millicores, named,
};
use cloudlot_policy::accounts::{AccountId, Accounts, Decay, Share};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const OWNERS: [&str; 7] = ["a", "a/b", "a/b/c", "a/d", "e", "e/f/g", "default"];

#[derive(Clone, Debug)]
enum Act {
    Reserve {
        owner: usize,
        node: usize,
        cpu: u64,
        memory: u64,
        hold: u64,
    },
    Confirm(usize),
    Release(usize),
    Resize(usize, u64),
    Evict(usize, u64),
    Limit(usize, u64),
    NewKind,
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..OWNERS.len(), 0..2_usize, 0..5_u64, 0..5_u64, 1..50_u64)
            .prop_map(|(owner, node, cpu, memory, hold)| Act::Reserve { owner, node, cpu, memory, hold }),
        2 => (0..20_usize).prop_map(Act::Confirm),
        2 => (0..20_usize).prop_map(Act::Release),
        2 => (0..20_usize, 1..6_u64).prop_map(|(n, cpu)| Act::Resize(n, cpu)),
        1 => (0..20_usize, 0..20_u64).prop_map(|(n, grace)| Act::Evict(n, grace)),
        1 => (0..OWNERS.len(), 0..20_u64).prop_map(|(owner, most)| Act::Limit(owner, most)),
        1 => Just(Act::NewKind),
        2 => (0..100_u64).prop_map(Act::Wait),
    ]
}

fn owner(n: usize) -> OwnerPath {
    OWNERS[n].parse().unwrap()
}

fn seconds(n: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs(n)
}

fn carry_out(ledger: &mut Ledger, nodes: &[ResourceId], act: &Act, now: &mut u64) {
    let nth = |ledger: &Ledger, n: usize| -> Option<ReservationId> {
        let live: Vec<ReservationId> = ledger.state().reservations().map(|(id, _)| id).collect();
        live.get(n % live.len().max(1)).copied()
    };
    let at = seconds(*now);
    match *act {
        Act::Reserve {
            owner: n,
            node,
            cpu,
            memory,
            hold,
        } => {
            let request = Request::new("work").owner(OWNERS[n]);
            let request = request.part([millicores(cpu), bytes(memory)]);
            if let Ok(request) = request.hold_for(Duration::from_secs(hold)).build() {
                let _ = ledger.reserve(&request, nodes[node], at);
            }
        }
        Act::Confirm(n) => {
            let _ = nth(ledger, n).map(|id| ledger.confirm(id, at));
        }
        Act::Release(n) => {
            let _ = nth(ledger, n).map(|id| ledger.release(id, at));
        }
        Act::Resize(n, cpu) => {
            if let Some(id) = nth(ledger, n) {
                let node = ledger.state().reservation(id).unwrap().holds().as_slice()[0].resource();
                let amounts = Amounts::of([(Kind::CPU, cpu)]);
                let _ = ledger.resize(id, &Holds::one(Hold::new(node, &amounts)), at);
            }
        }
        Act::Evict(n, grace) => {
            let _ = nth(ledger, n).map(|id| ledger.evict(id, seconds(*now + grace), at));
        }
        Act::Limit(n, most) => {
            let _ = ledger.set_limit(&owner(n), [millicores(most)], at);
        }
        Act::NewKind => {
            let count = ledger.state().resource_count();
            let more = Resource::node(format!("more-{count}"));
            let more = more.capacity([named(&format!("kind-{count}"), 1).unwrap()]);
            let _ = ledger.add(more.build().unwrap(), at);
        }
        Act::Wait(wait) => {
            *now += wait;
            ledger.expire(seconds(*now));
        }
    }
}

/// What every owner and those below hold, counted from the reservations alone.
fn by_hand(state: &State) -> BTreeMap<String, (Amounts, u32)> {
    let mut sums = BTreeMap::new();
    for (_, reservation) in state.reservations() {
        let path = state.owner(reservation.owner()).unwrap();
        for level in std::iter::once("").chain(path.ancestors()) {
            let (held, count) = sums.entry(level.to_owned()).or_insert((Amounts::ZERO, 0));
            *held = held.checked_add(&reservation.holds().total()).unwrap();
            *count += 1;
        }
    }
    sums
}

fn counted(accounts: &Accounts) -> BTreeMap<String, (Amounts, u32)> {
    let ids = (0..).map(AccountId::new).take(accounts.len());
    let named = ids.map(|id| {
        let path = accounts.path(id).map_or("", OwnerPath::as_str).to_owned();
        (path, (*accounts.held(id), accounts.reservations(id)))
    });
    named.filter(|(_, (_, count))| *count > 0).collect()
}

proptest! {
    #[test]
    fn following_a_ledger_counts_what_counting_it_anew_does(acts in prop::collection::vec(act(), 1..80)) {
        let mut ledger = Ledger::new();
        let nodes: Vec<ResourceId> = (0..2).map(|n| {
            let node = Resource::node(format!("n{n}")).capacity([millicores(12), bytes(12)]);
            ledger.add(node.build().unwrap(), Timestamp::ZERO).unwrap()
        }).collect();
        let mut follower = Ledger::new();
        let mut accounts = Accounts::of(follower.state(), Timestamp::ZERO);
        let mut now = 0;
        for act in &acts {
            carry_out(&mut ledger, &nodes, act, &mut now);
            let entries: Vec<_> = ledger.journal().since(follower.state().revision()).unwrap().cloned().collect();
            for entry in entries {
                accounts.follow(follower.state(), &entry).unwrap();
                follower.apply(&[entry]).unwrap();
            }
            let anew = Accounts::of(ledger.state(), seconds(now));
            prop_assert_eq!(counted(&accounts), by_hand(ledger.state()));
            prop_assert_eq!(counted(&anew), by_hand(ledger.state()));
            for (id, path) in ledger.state().owners() {
                prop_assert_eq!(accounts.of_owner(id), accounts.find(path));
                prop_assert_eq!(anew.of_owner(id), accounts.find(path));
            }
        }
    }

    #[test]
    fn a_what_if_is_taken_back_to_the_last_bit(
        acts in prop::collection::vec((0..OWNERS.len(), 0..4_u64, 0..1_000_u64, 0..4_u8), 0..40),
        split in 0..40_usize,
    ) {
        let mut accounts = Accounts::default();
        let mut now = 0;
        let mut play = |accounts: &mut Accounts, acts: &[(usize, u64, u64, u8)]| {
            for (n, cpu, wait, what) in acts {
                now += wait;
                let id = accounts.account(&owner(*n));
                let amounts = Amounts::of([(Kind::CPU, *cpu), (Kind::GPU, u64::from(*what))]);
                match what {
                    0 => { let _ = accounts.credit(id, &amounts, seconds(now)); }
                    1 => { let _ = accounts.resize(id, &amounts, &Amounts::ZERO, seconds(now)); }
                    _ => accounts.charge(id, &amounts, seconds(now)),
                }
            }
        };
        let (first, rest) = acts.split_at(split.min(acts.len()));
        play(&mut accounts, first);
        let before = accounts.clone();
        let outer = accounts.mark();
        play(&mut accounts, rest);
        let inner = accounts.mark();
        play(&mut accounts, first);
        accounts.keep(inner);
        let dropped = accounts.mark();
        play(&mut accounts, rest);
        drop(dropped);
        accounts.restore(outer);
        let later = seconds(1_000_000);
        for id in (0..).map(AccountId::new).take(before.len()) {
            prop_assert_eq!(before.held(id), accounts.held(id));
            prop_assert_eq!(before.reservations(id), accounts.reservations(id));
            for kind in [Kind::CPU, Kind::GPU] {
                let bits = |accounts: &Accounts| accounts.used(id, kind, later).to_bits();
                prop_assert_eq!(bits(&before), bits(&accounts));
            }
        }
    }

    #[test]
    fn credit_takes_back_a_charge_of_any_size(amounts in prop::collection::vec(any::<u64>(), 1..6)) {
        let mut accounts = Accounts::default();
        let id = accounts.account(&owner(1));
        let cpu = |n| Amounts::of([(Kind::CPU, n)]);
        for n in &amounts {
            accounts.charge(id, &cpu(*n), Timestamp::ZERO);
        }
        let mut left: u128 = amounts.iter().map(|n| u128::from(*n)).sum();
        for n in &amounts {
            let shown = u64::try_from(left).unwrap_or(u64::MAX);
            prop_assert_eq!(accounts.held(AccountId::ROOT).get(Kind::CPU), shown);
            accounts.credit(id, &cpu(*n), Timestamp::ZERO).unwrap();
            left -= u128::from(*n);
        }
        prop_assert!(accounts.held(id).is_zero());
        prop_assert!(accounts.credit(id, &Amounts::ZERO, Timestamp::ZERO).is_err());
    }

    #[test]
    fn use_is_what_fine_steps_add_up_to(
        changes in prop::collection::vec((0..10_u64, 1..20_u64), 1..8),
        half_life in 5..50_u64,
    ) {
        let decay = Decay::half_life_of(Duration::from_secs(half_life)).unwrap();
        let mut accounts = Accounts::new(decay);
        let id = accounts.account(&owner(2));
        let (mut now, mut naive, mut held) = (0, 0.0_f64, 0);
        let steps = 1_000_u32;
        let keep = (-1.0 / (half_life as f64 * f64::from(steps))).exp2();
        for (amount, stretch) in changes {
            let to = Amounts::of([(Kind::CPU, amount)]);
            accounts.resize(id, &Amounts::of([(Kind::CPU, held)]), &to, seconds(now)).unwrap();
            held = amount;
            for _ in 0..stretch * u64::from(steps) {
                // The middle of each step counts, for second order.
                naive = naive * keep + held as f64 / f64::from(steps) * keep.sqrt();
            }
            now += stretch;
            let used = accounts.used(id, Kind::CPU, seconds(now));
            prop_assert!((used - naive).abs() <= 1e-6 * naive.max(1.0), "{used} for {naive}");
            let above = accounts.used(AccountId::ROOT, Kind::CPU, seconds(now));
            prop_assert_eq!(used.to_bits(), above.to_bits());
        }
    }

    #[test]
    fn a_stretch_in_two_parts_is_a_stretch(
        held in any::<u64>(), first in any::<u64>(), second in any::<u64>(),
        half_life in 1..u64::MAX,
    ) {
        let decay = Decay::half_life_of(Duration::from_nanos(half_life)).unwrap();
        let mut whole = Accounts::new(decay);
        let id = whole.account(&owner(0));
        whole.charge(id, &Amounts::of([(Kind::CPU, held)]), Timestamp::ZERO);
        let mut parts = whole.clone();
        let half = Timestamp::from_nanos(first);
        let end = half + Duration::from_nanos(second);
        parts.charge(id, &Amounts::ZERO, half);
        let (one, two) = (whole.used(id, Kind::CPU, end), parts.used(id, Kind::CPU, end));
        prop_assert!(one.is_finite() && (one - two).abs() <= 1e-9 * one.max(1e-9), "{one} and {two}");
    }
}

#[test]
fn who_always_held_the_same_has_the_same_share_in_memory() {
    let mut accounts = Accounts::default();
    let id = accounts.account(&owner(1));
    let capacity = Amounts::of([(Kind::CPU, 8_000), (Kind::MEMORY, 100)]);
    let held = Amounts::of([(Kind::CPU, 2_000), (Kind::MEMORY, 50)]);
    accounts.charge(id, &held, Timestamp::ZERO);
    assert_eq!(accounts.dominant_share(id, &capacity), Share::of(1, 2));
    let week = seconds(7 * 86_400);
    assert_eq!(
        accounts.recent_share(id, &capacity, Timestamp::ZERO),
        Share::ZERO
    );
    assert_eq!(accounts.recent_share(id, &capacity, week), Share::of(1, 4));
    assert_eq!(
        accounts.recent_share(id, &capacity, Timestamp::MAX),
        Share::of(1, 2)
    );
    // What it gave back counts half a week later.
    accounts.credit(id, &held, week).unwrap();
    let next = seconds(14 * 86_400);
    assert_eq!(accounts.recent_share(id, &capacity, next), Share::of(1, 8));
    assert_eq!(
        accounts.recent_share(AccountId::ROOT, &capacity, next),
        Share::of(1, 8)
    );
    assert_eq!(accounts.recent_share(id, &Amounts::ZERO, next), Share::MAX);
}

#[test]
fn the_usual_half_life_is_there_without_being_asked_for() {
    let used = |decay: Decay| {
        let mut accounts = Accounts::new(decay);
        let id = accounts.account(&owner(0));
        accounts.charge(id, &Amounts::of([(Kind::CPU, 1)]), Timestamp::ZERO);
        accounts.used(id, Kind::CPU, seconds(100))
    };
    assert!((used(Decay::default()) - 100.0).abs() < 0.01);
    assert_eq!(used(Decay::none()), 0.0);
    let gpus_only = Decay::none()
        .kind(Kind::GPU, Duration::from_secs(1))
        .unwrap();
    assert_eq!(used(gpus_only), 0.0);
}

#[test]
fn a_kind_that_is_named_later_gets_its_own_half_life() {
    let licence: KindName = "licence".parse().unwrap();
    let decay = Decay::default()
        .kind(licence, Duration::from_secs(1))
        .unwrap();
    let mut ledger = Ledger::new();
    let mut accounts = Accounts::decaying(decay.clone(), ledger.state(), Timestamp::ZERO);
    let mut follower = Ledger::new();
    let node =
        Resource::node("n").capacity([named("other", 1).unwrap(), named("licence", 4).unwrap()]);
    let node = ledger.add(node.build().unwrap(), Timestamp::ZERO).unwrap();
    let request = Request::new("work")
        .owner("a")
        .part([named("licence", 4).unwrap()]);
    ledger
        .reserve(&request.build().unwrap(), node, Timestamp::ZERO)
        .unwrap();
    for entry in ledger.journal().since(follower.state().revision()).unwrap() {
        accounts.follow(follower.state(), entry).unwrap();
        follower.apply(std::slice::from_ref(entry)).unwrap();
    }
    let kind = ledger
        .state()
        .kinds()
        .find(&"licence".parse().unwrap())
        .unwrap();
    let id = accounts.find(&owner(0)).unwrap();
    assert_eq!(accounts.mean(id, kind, seconds(1)), 2.0);
    let anew = Accounts::decaying(decay, ledger.state(), seconds(1));
    assert_eq!(anew.mean(id, kind, seconds(1)), 2.0);
    assert_eq!(anew.decay(), accounts.decay());
}

#[test]
fn what_was_remembered_goes_on_fading() {
    let mut accounts = Accounts::new(Decay::half_life_of(Duration::from_secs(10)).unwrap());
    let id = accounts.account(&owner(0));
    accounts.remember(id, Kind::CPU, 64.0, seconds(5));
    assert!((accounts.used(id, Kind::CPU, seconds(15)) - 32.0).abs() < 1e-12);
    for nonsense in [f64::NAN, -1.0, f64::INFINITY] {
        accounts.remember(id, Kind::CPU, nonsense, seconds(5));
        assert_eq!(accounts.used(id, Kind::CPU, seconds(5)), 0.0);
    }
}

#[test]
fn a_clock_that_runs_backwards_forgets_nothing() {
    let mut accounts = Accounts::default();
    let id = accounts.account(&owner(0));
    accounts.charge(id, &Amounts::of([(Kind::CPU, 5)]), seconds(100));
    let used = accounts.used(id, Kind::CPU, seconds(200));
    accounts.charge(id, &Amounts::ZERO, seconds(200));
    accounts.charge(id, &Amounts::ZERO, seconds(50));
    assert_eq!(accounts.used(id, Kind::CPU, seconds(50)), used);
    assert_eq!(accounts.used(id, Kind::CPU, seconds(200)), used);
}

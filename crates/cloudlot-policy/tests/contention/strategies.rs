//! Carrying out strategies: what each does, when it says that it is settled, and what it says is short if not.

use crate::world::{ask, at, cpu, first_fit, keep, nodes, sound};
use cloudlot_core::ledger::{Ledger, Placement, View, Why};
use cloudlot_core::{Amounts, Kind, Priority, Quantities, Request, ReservationId, Resource};
use cloudlot_policy::contention::{
    AskScaler, Cut, Disruptions, Elastic, LeastLost, Means, NoScaler, Outcome, PreemptRules,
    Preempting, Resolution, Severity, Strategy, Turn, WORK, WaitQueue, resolve,
};

/// A node of ten: an elastic holder of four, a lowly one of two, an urgent one of four; and one that waits.
struct Scene {
    ledger: Ledger,
    elastic: ReservationId,
    lowly: ReservationId,
    queue: WaitQueue,
}

fn scene() -> Scene {
    let (mut ledger, ids) = nodes(&[10]);
    let request = Request::new("elastic")
        .elastic([cpu(1)], [cpu(8)])
        .priority(9)
        .build()
        .unwrap();
    let shares = Placement::Shares(vec![(ids[0], Amounts::of([(Kind::CPU, 4)]))]);
    let elastic = ledger.place(&request, &shares, at(0)).unwrap().id;
    let lowly = keep(&mut ledger, &ask(2, 0), ids[0], at(0));
    keep(&mut ledger, &ask(4, 9), ids[0], at(0));
    let mut queue = WaitQueue::new();
    queue.push(ask(3, 2), at(1), None);
    Scene {
        ledger,
        elastic,
        lowly,
        queue,
    }
}

impl Scene {
    fn resolve(
        &mut self,
        want: u64,
        severity: Severity,
        instead: Option<Strategy>,
        scaler: &mut dyn AskScaler,
    ) -> (Resolution, View) {
        let mut view = View::of(&self.ledger);
        let resolution = self.resolve_in(&mut view, want, severity, instead, scaler);
        (resolution, view)
    }

    fn resolve_in(
        &mut self,
        view: &mut View,
        want: u64,
        severity: Severity,
        instead: Option<Strategy>,
        scaler: &mut dyn AskScaler,
    ) -> Resolution {
        let (rules, past) = (PreemptRules::default(), Disruptions::new());
        let one = |n| Amounts::of([(Kind::CPU, n)]);
        let elastic = [Elastic {
            reservation: self.elastic,
            least: one(1),
            most: one(8),
            weight: 1,
        }];
        let mut means = Means {
            preempting: Preempting {
                place: &first_fit,
                cost: &LeastLost,
                rules: &rules,
                disruptions: &past,
                work: WORK,
            },
            elastic: &elastic,
            cut: Cut::Needed,
            queue: &mut self.queue,
            deadline: Some(at(9)),
            scaler,
        };
        resolve(view, &ask(want, 5), severity, instead, &mut means, at(2))
    }
}

/// Grants so much, now or some day.
struct Scaler<'a> {
    ledger: Option<&'a mut Ledger>,
    most: u64,
    asked: Vec<Amounts>,
}

impl AskScaler for Scaler<'_> {
    fn ask(&mut self, deficit: &Amounts, view: &mut View) -> Amounts {
        self.asked.push(*deficit);
        let granted = deficit.min(&Amounts::of([(Kind::CPU, self.most)]));
        if let Some(ledger) = &mut self.ledger {
            let node = Resource::node("more")
                .capacity([cpu(granted.get(Kind::CPU))])
                .build()
                .unwrap();
            ledger.add(node, at(2)).unwrap();
            view.sync(ledger);
        }
        granted
    }
}

fn short(n: u64) -> Quantities {
    [cpu(n)].into()
}

#[test]
fn each_band_is_met_by_its_strategy_and_a_wish_goes_first() {
    let by_band = [
        (Severity::None, Strategy::Wait),
        (Severity::Low, Strategy::Wait),
        (Severity::Medium, Strategy::Redistribute),
        (Severity::High, Strategy::Priority),
        (Severity::Critical, Strategy::Preempt),
    ];
    for (severity, strategy) in by_band {
        assert_eq!(
            scene().resolve(2, severity, None, &mut NoScaler).0.tried,
            [strategy]
        );
        let (done, _) = scene().resolve(2, severity, Some(Strategy::Redistribute), &mut NoScaler);
        assert_eq!(done.tried, [Strategy::Redistribute]);
    }
}

#[test]
fn shrinking_and_evicting_settle_it_and_touch_only_whom_they_may() {
    let strategies = [
        (Severity::Medium, Some(2), Some(2)),
        (Severity::Critical, Some(4), None),
    ];
    for (severity, elastic, lowly) in strategies {
        let mut scene = scene();
        let (done, _) = scene.resolve(2, severity, None, &mut NoScaler);
        let Outcome::Resolved { plan, served } = done.outcome else {
            panic!("settled")
        };
        assert!(served.is_empty());
        scene.ledger.commit(&plan, at(2)).unwrap();
        let holds = |id| {
            let holder = scene.ledger.state().reservation(id);
            holder.map(|holder| holder.holds().total().get(Kind::CPU))
        };
        assert_eq!((holds(scene.elastic), holds(scene.lowly)), (elastic, lowly));
        sound(&scene.ledger);
    }
}

#[test]
fn nothing_is_settled_that_does_not_fit() {
    for severity in [
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ] {
        let mut scene = scene();
        let (done, view) = scene.resolve(7, severity, None, &mut NoScaler);
        assert!(!done.is_resolved());
        let Outcome::Unresolved {
            short: still,
            waiting,
            coming,
            ..
        } = done.outcome
        else {
            panic!("not settled")
        };
        assert!(coming.is_empty());
        assert_eq!(view.state(), scene.ledger.state());
        let waits = matches!(severity, Severity::Low | Severity::High);
        assert_eq!(waiting.is_some(), waits);
        assert_eq!(scene.queue.len(), if waits { 2 } else { 1 });
        assert_eq!(scene.queue.next_deadline(), waits.then_some(at(9)));
        assert!(!still.is_empty());
        if !waits {
            assert_eq!(still, short(7));
        }
    }
}

#[test]
fn who_came_first_is_served_first_and_by_urgency_the_most_urgent() {
    let turns = [
        (Strategy::Wait, Turn::Arrival, false),
        (Strategy::Priority, Turn::Urgency, true),
    ];
    for (strategy, turn, settled) in turns {
        let mut scene = scene();
        scene.ledger.release(scene.lowly, at(1)).unwrap();
        // Two are free: enough for the newcomer, too little for who waits already.
        let (done, mut view) = scene.resolve(2, Severity::Low, Some(strategy), &mut NoScaler);
        assert_eq!(done.is_resolved(), settled, "{strategy:?}");
        let order: Vec<Priority> = scene
            .queue
            .in_turn(turn)
            .map(|(_, waiting)| waiting.priority)
            .collect();
        assert_eq!(order.len(), 2);
        if let Outcome::Resolved { plan, served } = done.outcome {
            scene.ledger.commit(&plan, at(2)).unwrap();
            for ticket in served {
                assert_eq!(scene.queue.leave(ticket).unwrap().priority, Priority(5));
                assert!(scene.queue.leave(ticket).is_none());
            }
        } else {
            let served = scene
                .queue
                .serve(&mut view, &first_fit, Turn::Arrival, at(2));
            assert_eq!((served.served.len(), served.plan.steps.len()), (0, 0));
        }
    }
}

#[test]
fn a_scaler_is_asked_for_exactly_what_is_missing() {
    let mut first = scene();
    let mut scaler = Scaler {
        ledger: None,
        most: u64::MAX,
        asked: Vec::new(),
    };
    let (done, _) = first.resolve(7, Severity::Critical, Some(Strategy::Scale), &mut scaler);
    assert_eq!(scaler.asked, [Amounts::of([(Kind::CPU, 7)])]);
    assert_eq!(done.tried, [Strategy::Scale]);
    let Outcome::Unresolved {
        coming,
        short: still,
        ..
    } = done.outcome
    else {
        panic!("what is promised is not there yet")
    };
    assert_eq!((coming, still), (short(7), short(7)));

    // In sum there is enough, and nowhere in one place: what the roomiest place lacks is asked for.
    let (ledger, _) = nodes(&[3, 4]);
    let mut split = Scene { ledger, ..scene() };
    split.queue = WaitQueue::new();
    scaler.asked.clear();
    split.resolve(6, Severity::Low, Some(Strategy::Scale), &mut scaler);
    assert_eq!(scaler.asked, [Amounts::of([(Kind::CPU, 2)])]);
}

#[test]
fn capacity_that_comes_at_once_settles_it() {
    let mut scene = scene();
    let mut view = View::of(&scene.ledger);
    let mut copy = std::mem::take(&mut scene.ledger);
    let mut scaler = Scaler {
        ledger: Some(&mut copy),
        most: u64::MAX,
        asked: Vec::new(),
    };
    let done = scene.resolve_in(
        &mut view,
        5,
        Severity::Critical,
        Some(Strategy::Scale),
        &mut scaler,
    );
    let Outcome::Resolved { plan, .. } = done.outcome else {
        panic!("settled")
    };
    copy.commit(&plan, at(2)).unwrap();
    assert!(copy.state().reservation(scene.lowly).is_some());
    sound(&copy);
}

#[test]
fn a_capped_scaler_is_followed_by_what_the_band_calls_for() {
    for most in [None, Some(0), Some(1)] {
        let mut scaler = most.map(|most| Scaler {
            ledger: None,
            most,
            asked: Vec::new(),
        });
        let mut nobody = NoScaler;
        let scaler: &mut dyn AskScaler = match &mut scaler {
            Some(scaler) => scaler,
            None => &mut nobody,
        };
        let (done, _) = scene().resolve(2, Severity::Critical, Some(Strategy::Scale), scaler);
        assert_eq!(done.tried, [Strategy::Scale, Strategy::Preempt]);
        assert!(done.is_resolved());
    }
    let mut scaler = Scaler {
        ledger: None,
        most: 1,
        asked: Vec::new(),
    };
    let (done, _) = scene().resolve(7, Severity::Critical, Some(Strategy::Scale), &mut scaler);
    let Outcome::Unresolved { coming, .. } = done.outcome else {
        panic!("not settled")
    };
    assert_eq!((done.tried.len(), coming), (2, short(1)));
}

#[test]
fn a_queue_keeps_its_order_its_deadlines_and_what_was_asked_for() {
    let mut queue = WaitQueue::new();
    let tickets = [(1, 0, 30), (2, 5, 10), (3, 5, 20)]
        .map(|(n, priority, until)| queue.push(ask(n, priority), at(n), Some(at(until))));
    let order = |queue: &WaitQueue, turn| {
        queue
            .in_turn(turn)
            .map(|(ticket, _)| ticket)
            .collect::<Vec<_>>()
    };
    let [a, b, c] = tickets;
    assert_eq!(
        (order(&queue, Turn::Arrival), order(&queue, Turn::Urgency)),
        (vec![a, b, c], vec![b, c, a])
    );
    assert!(queue.set_priority(a, Priority(7)));
    assert_eq!(order(&queue, Turn::Urgency), [a, b, c]);

    assert_eq!(queue.expire(at(9)), []);
    let late = queue.expire(at(20));
    assert_eq!(
        late.iter().map(|no| no.request.clone()).collect::<Vec<_>>(),
        [ask(2, 5), ask(3, 5)]
    );
    assert!(late[0].why.to_string().contains("10"));
    assert!(!queue.set_priority(b, Priority(1)));
    assert_eq!(queue.next_deadline(), Some(at(30)));
    assert_eq!(queue.leave(a).unwrap().request, ask(1, 0));
    assert!(queue.is_empty() && queue.next_deadline().is_none());
}

#[test]
fn more_capacity_is_not_asked_for_if_that_is_not_what_is_short() {
    let mut scene = scene();
    scene
        .ledger
        .set_limit(&"default".parse().unwrap(), [cpu(11)], at(1))
        .unwrap();
    let mut scaler = Scaler {
        ledger: None,
        most: u64::MAX,
        asked: Vec::new(),
    };
    let spare = Resource::node("spare").capacity([cpu(50)]).build().unwrap();
    scene.ledger.add(spare, at(1)).unwrap();
    let (done, _) = scene.resolve(4, Severity::Medium, Some(Strategy::Scale), &mut scaler);
    assert_eq!(done.tried, [Strategy::Scale, Strategy::Redistribute]);
    assert!(scaler.asked.is_empty());
    let Outcome::Unresolved {
        why, short: still, ..
    } = done.outcome
    else {
        panic!("a limit")
    };
    assert!(matches!(why, Why::Limit { .. }));
    assert!(still.is_empty());
}

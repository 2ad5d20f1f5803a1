//! Who checks a run from outside: every effect, every move and every record, held against each other.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use cloudlot_core::Timestamp;
use cloudlot_serverless::sim::{Backend, Report, Reports, World};
use cloudlot_serverless::{CallId, Effect, InstanceId, Life, Move, Outcome, Record, Sink};

/// What was seen of a call.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Seen {
    pub(crate) runs: u16,
    pub(crate) reply: Option<Outcome>,
    pub(crate) record: Option<Record>,
}

#[derive(Default)]
pub(crate) struct Book {
    pub(crate) calls: BTreeMap<u64, Seen>,
    pub(crate) lives: BTreeMap<InstanceId, Life>,
    pub(crate) starts: u64,
    pub(crate) stops: u64,
    pub(crate) attempts: u64,
    /// Moves for which an effect has to come before the next event.
    owed: Vec<(InstanceId, Life)>,
    last: Timestamp,
}

/// A world that is watched.
pub(crate) struct Watched {
    pub(crate) world: World,
    pub(crate) book: Rc<RefCell<Book>>,
}

/// Watches what is told.
pub(crate) struct Ear(pub(crate) Rc<RefCell<Book>>);

impl Watched {
    pub(crate) fn new(world: World) -> (Self, Ear) {
        let book = Rc::new(RefCell::new(Book::default()));
        let ear = Ear(Rc::clone(&book));
        (Self { world, book }, ear)
    }
}

impl Backend for Watched {
    fn carry_out(&mut self, effect: &Effect, now: Timestamp, reports: &mut Reports) {
        self.book.borrow_mut().asked(effect);
        self.world.carry_out(effect, now, reports);
    }

    fn happens(&mut self, instance: InstanceId, report: Report, now: Timestamp) -> bool {
        self.world.happens(instance, report, now)
    }

    fn next_at(&self) -> Option<Timestamp> {
        self.world.next_at()
    }

    fn occur(&mut self, now: Timestamp, reports: &mut Reports) {
        self.world.occur(now, reports);
    }
}

impl Book {
    fn asked(&mut self, effect: &Effect) {
        match *effect {
            Effect::Start { instance, .. } => {
                self.starts += 1;
                self.pay(instance, Life::Starting);
            }
            Effect::Run { instance, call, .. } => {
                self.attempts += 1;
                self.pay(instance, Life::Busy);
                let seen = self.calls.entry(call.number()).or_default();
                assert_eq!(seen.reply, None, "{call} runs after its reply");
                seen.runs += 1;
            }
            Effect::Stop { instance, .. } => {
                self.stops += 1;
                self.pay(instance, Life::Stopping);
            }
            Effect::Reply { call, outcome, .. } => {
                let seen = self.calls.entry(call.number()).or_default();
                assert_eq!(seen.reply, None, "{call} is answered once");
                seen.reply = Some(outcome);
                let told = seen.record.map(|record| record.outcome);
                assert_eq!(
                    told,
                    Some(outcome),
                    "{call}: the record says what the reply says"
                );
            }
            _ => {}
        }
    }

    /// An effect belongs to the move that asked for it.
    fn pay(&mut self, instance: InstanceId, life: Life) {
        let place = self.owed.iter().position(|&it| it == (instance, life));
        let place = place.unwrap_or_else(|| panic!("{instance} never became {life}"));
        self.owed.remove(place);
    }

    /// Every effect that a move asked for has come.
    pub(crate) fn is_paid(&self) -> bool {
        self.owed.is_empty()
    }

    pub(crate) fn record(&self, call: CallId) -> Record {
        self.calls[&call.number()]
            .record
            .expect("every call has a record")
    }
}

impl Sink for Ear {
    fn call(&mut self, record: &Record) {
        let mut book = self.0.borrow_mut();
        let seen = book.calls.entry(record.call.number()).or_default();
        assert!(seen.record.is_none(), "one record a call: {record:?}");
        seen.record = Some(*record);
    }

    fn moved(&mut self, step: &Move) {
        let mut book = self.0.borrow_mut();
        assert!(step.at >= book.last, "time never runs backwards");
        book.last = step.at;
        let life = book
            .lives
            .get(&step.instance)
            .copied()
            .unwrap_or(Life::Gone);
        assert_eq!(life, step.from, "a life is continuous");
        assert!(step.from.may_become(step.to), "{step:?}");
        if step.to == Life::Gone {
            book.lives.remove(&step.instance);
        } else {
            book.lives.insert(step.instance, step.to);
        }
        if matches!(step.to, Life::Starting | Life::Busy | Life::Stopping) {
            book.owed.push((step.instance, step.to));
        }
    }
}

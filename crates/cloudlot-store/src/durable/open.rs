//! From a store to a ledger: the first time, and after the store failed.

use super::error::{OpenError, Stop, Unsettled};
use super::pending::Fates;
use super::queue::{Queue, batch_after};
use super::writes::{Pieces, Writes, encoded, head_key, image_of, key_of};
use super::{DurableConfig, DurableLedger, stage};
use crate::{Contents, LedgerStore, Lookup, Outcome, RecordKey, Version};
use cloudlot_core::Timestamp;
use cloudlot_core::ledger::{Ledger, Record, Recorder};
use std::collections::{BTreeMap, BTreeSet};

/// How often a store is asked to take the head before it is given up.
const ATTEMPTS: u32 = 16;

/// What a recovery found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovered {
    /// Whether a batch had been under way and turned out to be durable.
    pub kept: bool,
    /// How many decisions, refusals and ends by themselves among them, have never happened.
    pub lost: u64,
}

impl<S: LedgerStore> DurableLedger<S> {
    /// The ledger that a store holds; one without resources in an empty store. Ends what has run out by `now`.
    ///
    /// Whoever had the store open before can write to it no more.
    ///
    /// # Errors
    /// When the store cannot be read or written, or holds anything but the records of a ledger.
    pub fn open(mut store: S, config: DurableConfig, now: Timestamp) -> Result<Self, OpenError> {
        let base = |records: Option<Vec<Record>>| match records {
            Some(records) => Ledger::restore(records, config.ledger),
            None => Ok(Ledger::with(config.ledger)),
        };
        let taken = take_over(&mut store, config, now, base)?;
        let mut opened = Self {
            recorder: Recorder::of(&taken.ledger),
            ledger: taken.ledger,
            pieces: taken.pieces,
            queue: taken.queue,
            fates: Fates::default(),
            stop: None,
            store,
            config,
        };
        opened.go_on(now)?;
        Ok(opened)
    }

    /// Reads the store anew after it failed, and settles everything that is pending. Grants go on after that.
    ///
    /// Reservations and resources that are still known keep their identifiers; no identifier that was lost comes again.
    ///
    /// # Errors
    /// As [`DurableLedger::open`]. The ledger is still stopped then, what is pending is still undecided, and recovery may
    /// be tried again. A store that has failed for good is replaced by [`DurableLedger::reopen`].
    pub fn recover(&mut self, now: Timestamp) -> Result<Recovered, OpenError> {
        self.stop.get_or_insert(Stop::Unknown);
        let old = &self.ledger;
        let base = |records: Option<Vec<Record>>| match records {
            Some(records) => old.restore_over(records),
            None => old.restore_over([Record::Ledger {
                format: Record::FORMAT,
                at: now,
            }]),
        };
        let taken = take_over(&mut self.store, self.config, now, base)?;
        let fate = match self.queue.flight() {
            None => Fate::Lost,
            Some(flight) => match self.store.lookup(flight.batch.key())? {
                Lookup::Committed(_) => Fate::Durable(flight.settles),
                // The store has kept every key since the head that the batch was to follow.
                Lookup::Absent { since } if Some(Version::from(since)) <= flight.after => {
                    Fate::Lost
                }
                Lookup::Absent { since } if flight.after.is_none() && since.number() == 0 => {
                    Fate::Lost
                }
                Lookup::Absent { .. } => Fate::Forgotten,
            },
        };
        if let Fate::Durable(Some(number)) = fate {
            self.fates.durable(number);
        }
        let lost = self.fates.fail(match fate {
            Fate::Forgotten => Unsettled::Undecided,
            Fate::Durable(_) | Fate::Lost => Unsettled::Lost,
        });
        self.recorder = Recorder::of(&taken.ledger);
        self.ledger = taken.ledger;
        self.pieces = taken.pieces;
        self.queue = taken.queue;
        self.stop = None;
        self.go_on(now)?;
        let kept = matches!(fate, Fate::Durable(_));
        Ok(Recovered { kept, lost })
    }

    /// As [`DurableLedger::recover`], with the store opened anew.
    ///
    /// # Errors
    /// As [`DurableLedger::recover`].
    pub fn reopen(&mut self, store: S, now: Timestamp) -> Result<Recovered, OpenError> {
        self.store = store;
        self.recover(now)
    }

    /// Tidies up, ends what has run out, and waits until that is durable.
    fn go_on(&mut self, now: Timestamp) -> Result<(), OpenError> {
        self.ledger.expire(now);
        self.take_down();
        let stopped = |unsettled| match unsettled {
            Unsettled::Stopped(last) => OpenError::Stopped { attempts: 1, last },
            Unsettled::Lost | Unsettled::Undecided => OpenError::Stopped {
                attempts: 1,
                last: Stop::Unknown,
            },
        };
        self.flush().map_err(stopped)
    }
}

/// What became of the batch that was under way.
enum Fate {
    Durable(Option<u64>),
    Lost,
    Forgotten,
}

/// A store of which this writer has the head.
struct Taken {
    ledger: Ledger,
    pieces: Pieces,
    queue: Queue,
}

/// Loads a store and writes its head, so that batches of anybody else, and older ones of our own, can do nothing.
fn take_over<S: LedgerStore>(
    store: &mut S,
    config: DurableConfig,
    now: Timestamp,
    base: impl Fn(Option<Vec<Record>>) -> Result<Ledger, cloudlot_core::ledger::RestoreError>,
) -> Result<Taken, OpenError> {
    let mut last = Stop::Unknown;
    for _ in 0..ATTEMPTS {
        let contents = store.load()?;
        let head = contents
            .records
            .get(&head_key())
            .map(|record| record.version);
        let (ledger, pieces, tidy) = read(contents, &base)?;
        let at = ledger.now().max(now);
        let record = Record::Ledger {
            format: Record::FORMAT,
            at,
        };
        let writes = Writes::from([(head_key(), Some(encoded(&record)))]);
        let batch = batch_after(head, writes);
        last = match store.submit(batch).wait(config.patience) {
            Outcome::Committed(revision) => {
                let mut queue = Queue::after(Some(revision.into()));
                queue.tidy(tidy);
                return Ok(Taken {
                    ledger,
                    pieces,
                    queue,
                });
            }
            Outcome::Conflict { key, found } => Stop::Conflict { key, found },
            Outcome::NotExecuted(why) => Stop::NotExecuted(why),
            Outcome::Unknown => Stop::Unknown,
        };
    }
    Err(OpenError::Stopped {
        attempts: ATTEMPTS,
        last,
    })
}

/// The ledger in a store, and what is there that it does not need.
fn read(
    contents: Contents,
    base: impl Fn(Option<Vec<Record>>) -> Result<Ledger, cloudlot_core::ledger::RestoreError>,
) -> Result<(Ledger, Pieces, Vec<Writes>), OpenError> {
    let mut image: BTreeMap<RecordKey, Vec<u8>> = image_of(contents);
    let undecided = |key| OpenError::Record {
        key,
        why: "is not what was staged".to_owned(),
    };
    let mut tidy = stage::finish(&mut image).map_err(undecided)?;
    let mut pieces = Pieces::default();
    let records = pieces
        .read(&image)
        .map_err(|(key, why)| OpenError::Record { key, why })?;
    let names: Vec<_> = records.iter().filter_map(Record::name).collect();
    let ledger = base((!records.is_empty()).then_some(records))?;
    let needed: BTreeSet<_> = ledger
        .records()
        .filter_map(|record| record.name())
        .collect();
    for name in names.into_iter().filter(|name| !needed.contains(name)) {
        let key = key_of(&name).map_err(|why| OpenError::Record {
            key: head_key(),
            why: why.to_string(),
        })?;
        tidy.push(Writes::from([(key, None)]));
    }
    Ok((ledger, pieces, tidy))
}

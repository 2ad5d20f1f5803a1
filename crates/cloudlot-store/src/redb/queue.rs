//! What waits for the writer: bounded, in order, never blocking who submits.

use super::engine::Engine;
use crate::{Batch, NotExecuted, Outcome, Promise, StoreError, Ticket, promise};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};

/// Most batches in one commit.
pub const MAX_GROUP: usize = 64;

/// Most batches that wait; the next one is answered `NotExecuted`.
pub const MAX_WAITING: usize = 1024;

/// Most bytes in the batches that wait.
pub const MAX_WAITING_BYTES: usize = 64 << 20;

type Question = Box<dyn FnOnce(Result<&mut Engine, StoreError>) + Send>;

/// What the writer does next.
pub(super) enum Work {
    /// Commit these together.
    Group(Vec<(Batch, Promise)>),
    /// Answer a question.
    Question(Question),
}

enum Job {
    Commit(Batch, Promise),
    Question(Question),
}

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    batches: usize,
    bytes: usize,
    /// Nothing more is taken, for this reason.
    ended: Option<NotExecuted>,
}

impl Queue {
    /// Lets batches wait, as many as there is room for.
    pub(super) fn submit(&self, batches: impl IntoIterator<Item = Batch>) -> Vec<Ticket> {
        let mut state = self.state();
        let tickets = batches.into_iter().map(|batch| state.push(batch)).collect();
        drop(state);
        self.changed.notify_one();
        tickets
    }

    /// Has the writer answer a question, after what was submitted before, and waits for it.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Engine) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = mpsc::sync_channel(1);
        let job: Question = Box::new(move |engine| {
            // Whoever asked waits for the answer.
            drop(tell.send(engine.and_then(question)));
        });
        let mut state = self.state();
        match &state.ended {
            Some(NotExecuted::Failed(why)) => return Err(StoreError::Failed(why.clone())),
            Some(_) => return Err(StoreError::Closed),
            None => state.jobs.push_back(Job::Question(job)),
        }
        drop(state);
        self.changed.notify_one();
        told.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Takes nothing more; what waits is still done.
    pub(super) fn close(&self) {
        self.state().ended.get_or_insert(NotExecuted::Closed);
        self.changed.notify_one();
    }

    /// Takes nothing more, and answers all that waits.
    pub(super) fn fail(&self, why: &str) {
        let why = NotExecuted::Failed(why.to_owned());
        let mut state = self.state();
        state.ended = Some(why.clone());
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        for job in jobs {
            match job {
                Job::Commit(_, promise) => promise.keep(Outcome::NotExecuted(why.clone())),
                Job::Question(answer) => answer(Err(StoreError::Failed(why.to_string()))),
            }
        }
    }

    /// The next thing to do, waited for; `None` when the queue was closed and is empty.
    pub(super) fn next(&self) -> Option<Work> {
        let idle = |state: &mut State| state.jobs.is_empty() && state.ended.is_none();
        let mut state = self
            .changed
            .wait_while(self.state(), idle)
            .unwrap_or_else(PoisonError::into_inner);
        let mut group = Vec::new();
        while group.len() < MAX_GROUP
            && let Some(job) =
                state.pop_if(|job| group.is_empty() || matches!(job, Job::Commit(..)))
        {
            match job {
                Job::Commit(batch, promise) => group.push((batch, promise)),
                Job::Question(question) => return Some(Work::Question(question)),
            }
        }
        (!group.is_empty()).then_some(Work::Group(group))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, batch: Batch) -> Ticket {
        let refuse = |why| Ticket::answered(Outcome::NotExecuted(why));
        if let Some(why) = &self.ended {
            return refuse(why.clone());
        }
        let bytes = self.bytes.saturating_add(batch.bytes());
        if self.batches >= MAX_WAITING || bytes > MAX_WAITING_BYTES {
            let waiting = self.batches;
            return refuse(NotExecuted::Full { waiting });
        }
        self.batches += 1;
        self.bytes = bytes;
        let (promise, ticket) = promise();
        self.jobs.push_back(Job::Commit(batch, promise));
        ticket
    }

    fn pop_if(&mut self, wanted: impl FnOnce(&Job) -> bool) -> Option<Job> {
        self.jobs.front().filter(|job| wanted(job))?;
        let job = self.jobs.pop_front()?;
        if let Job::Commit(batch, _) = &job {
            self.batches -= 1;
            self.bytes -= batch.bytes();
        }
        Some(job)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let mut shown = f.debug_struct("Queue");
        shown.field("batches", &state.batches);
        shown.field("ended", &state.ended).finish()
    }
}

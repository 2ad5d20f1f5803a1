//! Actors in a checkpoint: the learner, and where every actor is. Worlds are the caller's to keep.

use serde::{Deserialize, Serialize};

use super::{CheckpointError, Persist, Save, Words};
use crate::Mask;
use crate::actors::{Actors, ActorsConfig, Place, Seat};
use crate::learner::{Learner, LearnerForm, STEPS_MAX};
use crate::values::Values;

/// Actors as they are written, between two rounds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActorsForm<T, S> {
    config: ActorsConfig,
    rounds: u64,
    learner: LearnerForm<T, S>,
    seats: Vec<SeatForm<S>>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeatForm<S> {
    stream: Words,
    place: Place<S>,
}

impl<V: Persist + Clone> Save for Actors<V> {
    type Form = ActorsForm<V::Form, V::State>;

    fn form(&self) -> Self::Form {
        let seats = self.seats.iter().map(|seat| SeatForm {
            stream: Words::of(&seat.stream),
            place: seat.place,
        });
        ActorsForm {
            config: self.config,
            rounds: self.rounds,
            learner: self.learner.form(),
            seats: seats.collect(),
        }
    }

    fn from_form(form: Self::Form) -> Result<Self, CheckpointError> {
        form.config.check()?;
        if form.rounds > STEPS_MAX {
            return Err(CheckpointError::Impossible("so many rounds"));
        }
        let expected = form.config.actors as usize;
        if form.seats.len() != expected {
            return Err(CheckpointError::Length {
                what: "actors",
                found: form.seats.len(),
                expected,
            });
        }
        let learner = Learner::from_form(form.learner)?;
        let mut seats = Vec::with_capacity(expected);
        for (actor, seat) in form.seats.into_iter().enumerate() {
            check(&seat.place, &form.config, &learner)?;
            seats.push(Seat::at(seat.stream.stream(actor)?, seat.place));
        }
        Ok(Self::going_on(form.config, learner, form.rounds, seats))
    }
}

/// Whether an actor could stand there.
fn check<V: Values>(
    place: &Place<V::State>,
    config: &ActorsConfig,
    learner: &Learner<V>,
) -> Result<(), CheckpointError> {
    let Place::Within {
        state,
        mask,
        chosen,
        taken,
    } = *place
    else {
        return Ok(());
    };
    let allowed = mask.and(Mask::all(learner.values().actions()));
    let ahead = learner.config().rule.needs_next_action();
    let fault = if !learner.values().contains(state) {
        "an actor in an unknown state"
    } else if allowed.is_empty() {
        "an actor that may do nothing"
    } else if chosen.is_some() != ahead {
        "an actor whose next action does not fit the rule"
    } else if !chosen.is_none_or(|next| allowed.allows(next.action)) {
        "an actor that will do what it may not"
    } else if !chosen.is_none_or(|next| next.probability > 0.0 && next.probability <= 1.0) {
        "an action with such a probability"
    } else if taken == 0 || taken >= config.episode_steps {
        "an episode of such a length"
    } else {
        return Ok(());
    };
    Err(CheckpointError::Impossible(fault))
}

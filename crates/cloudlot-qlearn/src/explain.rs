//! Why an action is the best one, or was done: for people who have to trust it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::explore;
use crate::values::Values;
use crate::{ActionId, Learner, Mask, Reason, Refused};

/// What a learner knows of one action in one state.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Candidate {
    /// The action.
    pub action: ActionId,
    /// What it is worth.
    pub value: f64,
    /// How often it was learned from.
    pub visits: u32,
    /// Whether it is allowed.
    pub allowed: bool,
}

/// How the best action stands among the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is the only one that is allowed.
    Only,
    /// Its value is the highest.
    Highest,
    /// Others are worth the same; it has the lowest number.
    Level,
    /// It was never tried: its value is the initial one.
    Untried,
}

/// All that a learner knows of a state.
///
/// ```
/// # use cloudlot_qlearn::*;
/// let mut learner = Learner::new(Dense::new(2, 3, 0.0)?, Config::default())?;
/// let mask = Mask::all(3).without(ActionId(2));
/// learner.observe(&Transition::new(StateId(0), ActionId(1), 1.0, StateId(1), mask))?;
/// let explained = learner.explain(StateId(0), mask)?;
/// assert_eq!((explained.best, explained.standing), (ActionId(1), Standing::Highest));
/// let names = ["more", "hold", "less"];
/// let text = explained.named(|action| names[action.index()].to_owned()).to_string();
/// assert!(text.starts_with("best is hold, ahead by 1"), "{text}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// Every action of the table, in order.
    pub candidates: Vec<Candidate>,
    /// The best of the allowed ones, the lowest of equals.
    pub best: ActionId,
    /// By how much it exceeds the second best; nothing where it is the only one.
    pub gap: Option<f64>,
    /// How it stands among the others.
    pub standing: Standing,
    /// What was done in the end and why, where a decision is explained.
    pub done: Option<(ActionId, Reason)>,
}

/// An explanation with names for its actions.
struct Named<'a, N> {
    explanation: &'a Explanation,
    name: N,
}

impl<V: Values> Learner<V> {
    /// All that is known of a state.
    ///
    /// # Errors
    /// If the state is unknown or no known action is allowed.
    pub fn explain(&self, state: V::State, mask: Mask) -> Result<Explanation, Refused> {
        self.look(state, mask, |row| {
            let candidates = (0..).map(ActionId).zip(row.values.iter().zip(row.visits));
            let candidates: Vec<_> = candidates
                .map(|(action, (&value, &visits))| Candidate {
                    action,
                    value,
                    visits,
                    allowed: row.mask.allows(action),
                })
                .collect();
            let best = explore::best(row.values, row.mask);
            let standing = match best.gap {
                None => Standing::Only,
                _ if row.visits[best.action.index()] == 0 => Standing::Untried,
                Some(0.0) => Standing::Level,
                Some(_) => Standing::Highest,
            };
            Explanation {
                candidates,
                best: best.action,
                gap: best.gap,
                standing,
                done: None,
            }
        })
    }
}

impl Explanation {
    /// The same, with what was done and why: of a [`Decision`](crate::Decision), or of a
    /// [`SafeDecision`](crate::safety::SafeDecision).
    #[must_use]
    pub fn of(self, action: ActionId, reason: Reason) -> Self {
        Self {
            done: Some((action, reason)),
            ..self
        }
    }

    /// The text of the explanation with names for its actions.
    pub fn named(&self, name: impl Fn(ActionId) -> String) -> impl fmt::Display {
        Named {
            explanation: self,
            name,
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.named(|action| format!("action {}", action.0)).fmt(f)
    }
}

impl<N: Fn(ActionId) -> String> fmt::Display for Named<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explanation {
            candidates,
            best,
            gap,
            standing,
            done,
        } = self.explanation;
        write!(f, "best is {}, ", (self.name)(*best))?;
        match (standing, gap) {
            (Standing::Only, _) => f.write_str("the only one allowed")?,
            (Standing::Untried, _) => f.write_str("though it was never tried")?,
            (Standing::Level, _) => f.write_str("the first of equals")?,
            (Standing::Highest, gap) => write!(f, "ahead by {:.3}", gap.unwrap_or_default())?,
        }
        if let Some((action, reason)) = done {
            write!(f, "; done was {}: {reason}", (self.name)(*action))?;
        }
        for candidate in candidates {
            let name = (self.name)(candidate.action);
            let Candidate { value, visits, .. } = candidate;
            write!(f, "\n  {name}: value {value:.3}, visits {visits}")?;
            if !candidate.allowed {
                f.write_str(", not allowed")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greedy => "it has the best value",
            Self::Explore => "something else was tried",
            Self::Shield => "the proposal was not safe",
            Self::Cooldown => "the proposal changed too much or too soon",
            Self::Baseline => "too little is known",
            Self::Budget => "the budget for trying is used up",
            Self::Killed => "the errors of learning grew too large",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Dense, StateId};

    fn learner() -> Learner {
        let mut table = Dense::new(1, 3, 0.0).unwrap();
        for (action, value) in [(0, 1.0), (1, 1.0), (2, 2.5)] {
            table.add(StateId(0), ActionId(action), value);
        }
        for action in [0, 1] {
            table.visit(StateId(0), ActionId(action));
        }
        Learner::new(table, Config::default()).unwrap()
    }

    #[test]
    fn the_standing_tells_how_sure_the_choice_is() {
        let of = |bits| {
            let mask = Mask::from_bits(bits);
            let explained = learner().explain(StateId(0), mask).unwrap();
            assert_eq!(
                explained.best,
                learner().best(StateId(0), mask).unwrap().action
            );
            (explained.best.0, explained.standing)
        };
        assert_eq!(of(0b111), (2, Standing::Untried));
        assert_eq!(of(0b011), (0, Standing::Level));
        assert_eq!(of(0b010), (1, Standing::Only));
        assert_eq!(
            learner().explain(StateId(0), Mask::NONE),
            Err(Refused::NoAction)
        );
        assert_eq!(
            learner().explain(StateId(1), Mask::all(3)),
            Err(Refused::State)
        );
    }

    #[test]
    fn the_text_says_it_all() {
        let explained = learner()
            .explain(StateId(0), Mask::from_bits(0b011))
            .unwrap();
        let text = explained.of(ActionId(1), Reason::Cooldown).to_string();
        let wanted = "best is action 0, the first of equals; done was action 1: the proposal changed too much or too soon
  action 0: value 1.000, visits 1
  action 1: value 1.000, visits 1
  action 2: value 2.500, visits 0, not allowed";
        assert_eq!(text, wanted);
    }
}

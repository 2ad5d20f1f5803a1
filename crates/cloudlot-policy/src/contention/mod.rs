//! What to do when more is asked for than there is.
//!
//! - [`detect`] and [`Detector`] tell how much too much, kind by kind, by amounts; [`Severity`] names the band and
//!   recommends a [`Strategy`].
//! - [`preempt`] makes room by letting the fewest and cheapest of the less urgent go, in one plan with the reservation
//!   that takes their place; [`pull_forward`] starts it at once when they have left early.
//! - [`redistribute`] makes room by shrinking elastic holders max-min fairly; [`regrow`] gives back what returns.
//! - [`WaitQueue`] keeps who waits, in order and with deadlines. Who waits holds nothing.
//! - [`resolve`] carries out a strategy and says plainly whether the demand fits now, and what is short if not.
//! - [`WaitFor`] finds parties that hold what others wait for, round in a circle.
//!
//! All are functions of a view, the requests and the moment. Where a request goes is somebody else's to say: [`Place`].

mod budget;
mod cycle;
mod detect;
mod help;
mod order;
mod place;
mod preempt;
mod redistribute;
mod resolve;
mod search;
mod severity;
mod victim;
mod wait;

pub use budget::{Allowance, Budget, Disruptions, Members};
pub use cycle::{Knot, WaitFor};
pub use detect::{Contention, Detector, Event, detect, supply};
pub use place::Place;
pub use preempt::{NoRoom, Preempting, Preemption, WORK, preempt, pull_forward};
pub use redistribute::{Cut, Elastic, Redistribution, redistribute, regrow};
pub use resolve::{AskScaler, Means, NoScaler, Outcome, Resolution, resolve};
pub use severity::{Severity, Strategy};
pub use victim::{Considered, Cost, LeastLost, PreemptRules, Verdict, VictimCost};
pub use wait::{Served, Ticket, Turn, WaitQueue, Waiting};

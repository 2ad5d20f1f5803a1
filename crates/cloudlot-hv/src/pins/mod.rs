//! Which vCPU runs on which pCPU: [`plan_pins`], its parameters, its memory and its controller.
//!
//! The plan is a function of usage, history and parameters alone. Two ideas of balance are built
//! in, as [`PinGoal`] says; both read the same board and repair the same way.

mod board;
mod config;
mod controller;
mod history;
mod peak;
mod place;
mod spread;
mod trigger;

pub use config::{PinConfig, PinConfigError, PinGoal};
pub use controller::PinController;
pub use history::PinHistory;

use crate::{CpuSet, HostPlan, HostStep, HostUsage, Picture, PlannedStep};
use board::{Board, Player, Seat};

/// Decides which vCPUs to pin where.
///
/// Steps are absolute and few: a vCPU that stays where it is pinned is never named. Repairs (a
/// vCPU pinned where it cannot run) come first and at once; everything else waits for the
/// trigger of the goal. The same usage, in whatever order its source listed it, gives the same
/// plan.
/// ```
/// use cloudlot_core::{Clock, ManualClock, Seeds, Timestamp};
/// use cloudlot_hv::Hypervisor;
/// use cloudlot_hv::fake::{FakeHost, scenario};
/// use cloudlot_hv::pins::{PinConfig, PinHistory, plan_pins};
/// use cloudlot_hv::usage::CpuWindow;
/// use std::time::Duration;
///
/// let clock = ManualClock::default();
/// let spec = scenario::named("cpu-1", Seeds::new(1)).expect("a known name");
/// let mut host = FakeHost::new(spec, Seeds::new(1), clock.clone())?;
///
/// // Production, with its interval, and the samples of a few cycles.
/// let (config, interval) = (PinConfig::production(), Duration::from_secs(2));
/// let mut window = CpuWindow::new(config.estimate.clone(), interval);
/// let mut usage = window.push(&host.sample()?);
/// for _ in 0..8 {
///     clock.sleep_until(clock.now() + interval);
///     usage = window.push(&host.sample()?);
/// }
/// // Eight vCPUs crowd one pCPU and wait for it: that is acted on at once, two moves a cycle.
/// let plan = plan_pins(&usage, &PinHistory::default(), &config);
/// assert_eq!(plan.steps.len(), 2);
/// println!("{}: {}", plan.steps[0].step, plan.steps[0].why);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn plan_pins(usage: &HostUsage, past: &PinHistory, config: &PinConfig) -> HostPlan {
    let board = Board::new(usage, past, config);
    let mut notes = usage.notes.clone();
    if board.pcpus.is_empty() {
        notes.push("no pcpu is usable: nothing is planned".to_owned());
        return HostPlan {
            steps: Vec::new(),
            picture: Picture::Blind,
            notes,
        };
    }
    let mut moves = Moves {
        seats: board.seats(),
        why: vec![String::new(); board.players.len()],
    };
    place::repair(&board, &mut moves);
    let triggered = match &config.goal {
        PinGoal::Spread {
            points,
            slack,
            patience,
            work,
        } => {
            let goal = spread::Goal {
                points: *points,
                slack: *slack,
                patience: *patience,
                work: *work,
            };
            spread::plan(&board, past, config, goal, &mut moves)
        }
        PinGoal::Peak { .. } => peak::plan(&board, past, config, &mut moves),
    };
    let steps = board
        .players
        .iter()
        .enumerate()
        .filter_map(|(at, player)| moves.step(&board, player, at));
    HostPlan {
        steps: steps.collect(),
        picture: Picture::Cpu(board.picture(&moves.seats, triggered)),
        notes,
    }
}

/// The seats a plan gives, and why.
struct Moves {
    seats: Vec<Seat>,
    why: Vec<String>,
}

impl Moves {
    /// Gives a player a seat, and the reason for it.
    fn seat(&mut self, player: usize, place: usize, why: String) {
        self.seats[player] = Seat::Pinned(place);
        self.why[player] = why;
    }

    /// The step that this player needs, if its seat changed.
    fn step(&self, board: &Board<'_>, player: &Player<'_>, at: usize) -> Option<PlannedStep> {
        match self.seats[at] {
            Seat::Pinned(place) if player.seat != self.seats[at] => Some(PlannedStep {
                step: HostStep::Pin {
                    vcpu: player.vcpu.id,
                    to: CpuSet::single(board.pcpus[place].sample.id),
                },
                why: self.why[at].clone(),
            }),
            _ => None,
        }
    }
}

//! Carrying out the steps of a fleet on a ledger. Nothing is decided here.

use super::FleetStep;
use super::fleet::held;
use cloudlot_core::ledger::{AdminError, Ledger};
use cloudlot_core::{Faults, Resource, ResourceId, ResourceState, Timestamp};

/// Why a step was not carried out. The ledger is as it was before the step.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum StepError {
    /// The template gave a resource that is none.
    #[error("the template is at fault: {0}")]
    Template(#[from] Faults),
    /// The ledger refused: a member that is to go is in use, or one that is to drain is not there.
    #[error(transparent)]
    Ledger(#[from] AdminError),
}

/// Does each step, goes on past those that fail, and tells of each: the member that it was about, or why not.
///
/// `template` makes a member of a name. A member that is there by its name already is not made again, and one that has gone
/// already is gone; so doing the same steps twice is harmless. A member goes with its parts, if nothing is held on any.
///
/// The whole way: a scale-up registers its members, a scale-down drains one and removes it once nothing is held.
/// ```
/// use cloudlot_core::ledger::Ledger;
/// use cloudlot_core::{Request, Resource, ResourceState, Timestamp, cores};
/// use cloudlot_policy::scale::{FleetStep, Member, carry_out, plan_fleet};
///
/// let mut ledger = Ledger::new();
/// let now = Timestamp::ZERO;
/// let template = |name: &str| Resource::node(name).capacity([cores(8)]).build();
/// let fleet = |ledger: &Ledger| -> Vec<Member> {
///     let state = ledger.state();
///     state.resources().filter_map(|(id, _)| Member::of(state, id, now)).collect()
/// };
///
/// // Up: two members that take requests.
/// let plan = plan_fleet(2, &fleet(&ledger), &[], "web-");
/// let told = carry_out(&mut ledger, &plan.steps, template, now);
/// let (first, second) = (told[0].clone()?, told[1].clone()?);
/// let request = Request::new("task").part([cores(6)]).build()?;
/// let task = ledger.reserve(&request, first, now)?;
///
/// // Down: the idle one drains, and is removed by the next plan.
/// let plan = plan_fleet(1, &fleet(&ledger), &[], "web-");
/// assert_eq!(plan.steps, [FleetStep::Drain(second)]);
/// carry_out(&mut ledger, &plan.steps, template, now);
/// assert!(ledger.reserve(&request, second, now).is_err());
/// let plan = plan_fleet(1, &fleet(&ledger), &[], "web-");
/// assert_eq!(plan.steps, [FleetStep::Remove(second)]);
/// carry_out(&mut ledger, &plan.steps, template, now);
///
/// // Down to nothing: not while the task is there.
/// assert!(plan_fleet(0, &fleet(&ledger), &[], "web-").steps.is_empty());
/// assert!(carry_out(&mut ledger, &[FleetStep::Remove(first)], template, now)[0].is_err());
/// ledger.release(task.id, now)?;
/// for _ in 0..2 {
///     let plan = plan_fleet(0, &fleet(&ledger), &[], "web-");
///     carry_out(&mut ledger, &plan.steps, template, now);
/// }
/// assert_eq!(ledger.state().resource_count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn carry_out(
    ledger: &mut Ledger,
    steps: &[FleetStep],
    mut template: impl FnMut(&str) -> Result<Resource, Faults>,
    now: Timestamp,
) -> Vec<Result<ResourceId, StepError>> {
    let mut each = |step: &FleetStep| match step {
        FleetStep::Add(name) => match ledger.state().find(name) {
            Some(there) => Ok(there),
            None => Ok(ledger.add(template(name)?, now)?),
        },
        FleetStep::Resume(id) => set(ledger, *id, ResourceState::Available, now),
        FleetStep::Drain(id) => set(ledger, *id, ResourceState::Draining, now),
        FleetStep::Remove(id) => Ok(remove(ledger, *id, now)?),
    };
    steps.iter().map(&mut each).collect()
}

/// Removes a member with its parts, if nothing is held on any of them.
fn remove(ledger: &mut Ledger, id: ResourceId, now: Timestamp) -> Result<ResourceId, AdminError> {
    ledger.expire(now);
    let (holds, _) = held(ledger.state(), id);
    if holds > 0 {
        return Err(AdminError::InUse {
            id,
            holds: u32::try_from(holds).unwrap_or(u32::MAX),
            children: ledger.state().children(id).len(),
        });
    }
    for part in ledger.state().children(id).to_vec() {
        remove(ledger, part, now)?;
    }
    match ledger.remove(id, now) {
        Ok(()) | Err(AdminError::Unknown(_)) => Ok(id),
        Err(error) => Err(error),
    }
}

fn set(
    ledger: &mut Ledger,
    id: ResourceId,
    state: ResourceState,
    now: Timestamp,
) -> Result<ResourceId, StepError> {
    ledger.set_state(id, state, now)?;
    Ok(id)
}

//! From usage and history to a plan: pure.
//!
//! The numbers of each guest are in `desk.rs` and `need.rs`, the division among them in
//! `division.rs`; this file puts their outcome into steps.

use super::config::MemoryConfig;
use super::desk::Desk;
use super::division::Table;
use super::history::{Asked, GrantHistory};
use super::usage::{GuestUsage, MemoryUsage};
use crate::{HostPlan, HostState, HostStep, Picture, PlannedStep};

/// Decides about the memory of every guest; reductions stand first.
///
/// Every step keeps these: a guest is made smaller only down to what it uses and `spare_min`
/// more (never below its minimum), and not while it is under pressure, silent, held or barred;
/// grants together never exceed what is available beyond the reserve and beyond earlier grants
/// that have not arrived; no target is above the guest's maximum.
/// ```
/// use cloudlot_core::{Bytes, Clock, ManualClock, Seeds, Timestamp};
/// use cloudlot_hv::{HostStep, Hypervisor};
/// use cloudlot_hv::fake::{FakeHost, scenario};
/// use cloudlot_hv::memory::{GrantHistory, MemoryConfig, MemoryWindow, plan_memory};
/// use std::time::Duration;
///
/// let clock = ManualClock::default();
/// let spec = scenario::named("mem-1", Seeds::new(1)).expect("a known name");
/// let mut host = FakeHost::new(spec, Seeds::new(1), clock.clone())?;
/// clock.sleep_until(Timestamp::ZERO + Duration::from_secs(2));
///
/// let config = MemoryConfig::course().every(Duration::from_secs(2));
/// let usage = MemoryWindow::new(&config).push(&host.sample()?);
/// let plan = plan_memory(&usage, &GrantHistory::new(), &config);
/// let HostStep::SetMemory { target, .. } = plan.steps[0].step else {
///     unreachable!("statistics are asked for every second already");
/// };
/// // An idle guest gives a tenth of its 512 MiB.
/// assert_eq!(target.whole_mib(), 460);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn plan_memory(usage: &MemoryUsage, past: &GrantHistory, config: &MemoryConfig) -> HostPlan {
    let mut steps = period_steps(usage, past, config);
    let mut notes = usage.notes.clone();
    let Some(host) = usage.host else {
        notes.push("the host does not tell its memory: nothing is changed".to_owned());
        return HostPlan {
            steps,
            picture: Picture::Blind,
            notes,
        };
    };
    let mut table = Table::new(usage, past, host, config);
    table.entitle();
    table.take_back();
    table.reclaim();
    table.grant();
    table.give_back();
    if table.state == HostState::Low && past.state() != Some(HostState::Low) {
        notes.push(format!(
            "host memory is low: {} available, {} to be kept",
            host.available, table.reserve
        ));
    }
    let (down, up): (Vec<_>, Vec<_>) = table
        .desks
        .iter()
        .filter(|desk| desk.target != desk.standing())
        .partition(|desk| desk.target < desk.standing());
    steps.extend(down.into_iter().chain(up).map(Desk::step));
    HostPlan {
        steps,
        picture: table.picture(),
        notes,
    }
}

/// Statistics are asked for at the wanted period, once a run.
fn period_steps(
    usage: &MemoryUsage,
    past: &GrantHistory,
    config: &MemoryConfig,
) -> Vec<PlannedStep> {
    let wanted = config.wanted_period();
    let differs = |guest: &&GuestUsage| {
        guest.barred.is_none()
            && guest.period.unwrap_or_default() != wanted
            && past.asked(guest).is_none_or(Asked::may_set_period)
    };
    let step = |guest: &GuestUsage| PlannedStep {
        step: HostStep::SetStatsPeriod {
            domain: guest.id,
            period: wanted,
        },
        why: format!(
            "{}: statistics come every {} s, wanted every {} s",
            guest.name,
            guest.period.unwrap_or_default().as_secs(),
            wanted.as_secs()
        ),
    };
    usage.guests.iter().filter(differs).map(step).collect()
}

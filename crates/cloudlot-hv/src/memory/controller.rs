//! The memory coordinator: window, plan and history, turning together.

use super::check::MemoryConfigError;
use super::config::MemoryConfig;
use super::history::GrantHistory;
use super::plan::plan_memory;
use super::usage::MemoryUsage;
use super::window::MemoryWindow;
use crate::{Controller, CycleReport, HostPlan, HostSample};

/// Divides a host's memory among its guests, turn by turn.
/// ```
/// use cloudlot_core::{Bytes, Clock, ManualClock, Seeds, Timestamp};
/// use cloudlot_hv::fake::{FakeHost, scenario};
/// use cloudlot_hv::memory::{MemoryConfig, MemoryController};
/// use cloudlot_hv::{Cycle, Mode, run};
/// use std::time::Duration;
///
/// let clock = ManualClock::default();
/// let spec = scenario::named("mem-1", Seeds::new(1)).expect("a known name");
/// let host = FakeHost::new(spec, Seeds::new(1), clock.clone())?;
/// let interval = Duration::from_secs(2);
/// let controller = MemoryController::new(MemoryConfig::course().every(interval))?;
/// let mut cycle = Cycle::new(host, controller, Vec::new(), Mode::Act, Vec::new());
///
/// run(&mut cycle, &clock, interval, Some(30), &|| false, &mut |report| {
///     for planned in &report.expect("a simulated link").plan.steps {
///         println!("{}", planned.why);
///     }
/// });
/// let grows = cycle.host().id_of("aos_vm_1").expect("the guest that grows");
/// let memory = cycle.host().memory(grows).expect("it is active");
/// assert!(memory.actual > Bytes::gib(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemoryController {
    config: MemoryConfig,
    window: MemoryWindow,
    history: GrantHistory,
    usage: Option<MemoryUsage>,
}

impl MemoryController {
    /// A controller that has seen nothing.
    ///
    /// # Errors
    /// If the rules make no sense.
    pub fn new(config: MemoryConfig) -> Result<Self, MemoryConfigError> {
        config.check()?;
        Ok(Self {
            window: MemoryWindow::new(&config),
            history: GrantHistory::new(),
            usage: None,
            config,
        })
    }

    /// The rules.
    #[must_use]
    pub fn config(&self) -> &MemoryConfig {
        &self.config
    }

    /// What the guests used at the last turn.
    #[must_use]
    pub fn usage(&self) -> Option<&MemoryUsage> {
        self.usage.as_ref()
    }

    /// What came of earlier turns.
    #[must_use]
    pub fn history(&self) -> &GrantHistory {
        &self.history
    }
}

impl Controller for MemoryController {
    fn plan(&mut self, sample: &HostSample) -> HostPlan {
        let usage = self.window.push(sample);
        let plan = plan_memory(&usage, &self.history, &self.config);
        self.usage = Some(usage);
        plan
    }

    fn observe(&mut self, report: &CycleReport) {
        if let Some(usage) = &self.usage {
            self.history.observe(usage, report, &self.config);
        }
    }

    /// Targets that were set stay known, so that grants in flight are still counted.
    fn forget_samples(&mut self) {
        self.window.clear();
    }
}

//! The vCPU planner with its window and history: what a cycle drives.

use super::{PinConfig, PinConfigError, PinHistory, plan_pins};
use crate::usage::CpuWindow;
use crate::{Controller, CycleReport, HostPlan, HostSample, HostStep, HostUsage, Picture};
use std::time::Duration;

/// Balances vCPUs.
#[derive(Clone, Debug)]
pub struct PinController {
    config: PinConfig,
    window: CpuWindow,
    history: PinHistory,
    usage: Option<HostUsage>,
}

impl PinController {
    /// A controller for cycles of `interval`.
    ///
    /// # Errors
    /// If a parameter is out of its range.
    pub fn new(config: PinConfig, interval: Duration) -> Result<Self, PinConfigError> {
        config.validate()?;
        let window = CpuWindow::new(config.estimate.clone(), interval);
        Ok(Self {
            config,
            window,
            history: PinHistory::default(),
            usage: None,
        })
    }

    /// What the last plan was made from.
    #[must_use]
    pub fn usage(&self) -> Option<&HostUsage> {
        self.usage.as_ref()
    }
}

impl Controller for PinController {
    fn plan(&mut self, sample: &HostSample) -> HostPlan {
        let usage = self.window.push(sample);
        let plan = if usage.elapsed.is_zero() {
            HostPlan {
                steps: Vec::new(),
                picture: Picture::Blind,
                notes: usage.notes.clone(),
            }
        } else {
            plan_pins(&usage, &self.history, &self.config)
        };
        self.usage = Some(usage);
        plan
    }

    fn observe(&mut self, report: &CycleReport) {
        for step in report.done() {
            if let HostStep::Pin { vcpu, to } = step {
                self.window.pinned(*vcpu, to);
            }
        }
        if let Some(usage) = &self.usage {
            self.history.observe(usage, report, &self.config);
        }
    }

    fn forget_samples(&mut self) {
        self.window.clear();
    }
}

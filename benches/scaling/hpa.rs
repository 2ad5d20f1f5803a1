//! The Kubernetes HPA formula, written anew from its documentation, to stand beside our scalers in every table.
//!
//! Source: Kubernetes documentation, "Horizontal Pod Autoscaling": algorithm details, default behaviour, stabilization window.

use cloudlot_core::Timestamp;
use cloudlot_core::metrics::Series;
use cloudlot_policy::scale::Scaler;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const TOLERANCE: f64 = 0.1;
const STABILIZATION: Duration = Duration::from_secs(300);

/// `desired = ceil(current × metric / target)` with its defaults: a tolerance of a tenth, the highest recommendation of five
/// minutes, at most twice as many units or four at once.
///
/// The controller reads utilisation of ready pods and counts those that are not ready as unused; of a load that is known
/// whole that is the same number.
pub(crate) struct Hpa {
    utilisation: f64,
    /// It remembers what it recommended, which our scalers do not.
    recommended: Mutex<Vec<(Timestamp, u32)>>,
}

impl Hpa {
    pub(crate) fn new(utilisation: f64) -> Self {
        let recommended = Mutex::default();
        Self {
            utilisation,
            recommended,
        }
    }
}

impl Scaler for Hpa {
    fn target(&self, history: &Series, current: u32, now: Timestamp) -> Option<u32> {
        let ratio = history.latest()? / f64::from(current) / self.utilisation;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the formula rounds so"
        )]
        let desired = if (ratio - 1.0).abs() <= TOLERANCE {
            current
        } else {
            (f64::from(current) * ratio).ceil() as u32
        };
        let mut recommended = self
            .recommended
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        recommended.retain(|(at, _)| now.since(*at) < STABILIZATION);
        recommended.push((now, desired));
        let highest = recommended.iter().map(|(_, units)| *units).max()?;
        let most = current.saturating_mul(2).max(4);
        Some(highest.min(most).max(1))
    }
}

//! The most urgent first, and who waits becomes more urgent.

use super::{Order, Precedence, Rank};
use cloudlot_core::{Request, Timestamp};
use std::time::Duration;

/// The highest priority first, whoever the owner is.
///
/// With ageing, a request gains one step of priority for each `step` that it waits. All gain alike, so that the order of
/// two requests never changes while they wait: one of priority `p` that came at `t` goes as if it had come at
/// `t - p × step` among requests of priority 0. From that follows the bound on waiting: a request is overtaken only by
/// those that come less than `(their priority - its own) × step` after it.
///
/// ```
/// use cloudlot_core::ledger::Ledger;
/// use cloudlot_core::{Request, Resource, Timestamp, cores};
/// use cloudlot_policy::engine::{Allocator, Engine};
/// use cloudlot_policy::order::PriorityFirst;
///
/// let now = Timestamp::ZERO;
/// let mut engine = Engine::new(Ledger::new(), Allocator::builder().order(PriorityFirst::default()).build());
/// engine.add(&Resource::node("compute-node-1").capacity([cores(100)]), now)?;
/// for (task, priority) in [("task-2", 5), ("task-1", 10)] {
///     engine.submit(Request::new(task).owner(task).priority(priority).part([cores(60)]).build()?, now)?;
/// }
/// let report = engine.step(now);
/// assert_eq!(report.granted[0].0.number(), 1); // task-1, though it came second
/// let (waits, why) = report.head.expect("there is room for one");
/// assert_eq!(waits.number(), 0);
/// assert!(why.to_string().contains("short by cpu 20"), "{why}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// Source: aging, A. Silberschatz, P. Galvin, G. Gagne, "Operating System Concepts", section 5.3.
#[derive(Clone, Copy, Debug)]
pub struct PriorityFirst {
    step: Option<Duration>,
}

impl Default for PriorityFirst {
    /// With ageing by [`PriorityFirst::STEP`].
    fn default() -> Self {
        Self::ageing(Self::STEP)
    }
}

impl PriorityFirst {
    /// How long a request waits for a step of priority, unless said otherwise: 5 minutes, as long as a hold lives.
    pub const STEP: Duration = Duration::from_secs(300);

    /// A request gains a step of priority for each `step` that it waits.
    #[must_use]
    pub const fn ageing(step: Duration) -> Self {
        Self { step: Some(step) }
    }

    /// Priorities do not change; a request may wait for ever while more urgent ones come.
    #[must_use]
    pub const fn strict() -> Self {
        Self { step: None }
    }
}

impl Order for PriorityFirst {
    fn name(&self) -> &str {
        "priority"
    }

    fn rank(&self, request: &Request, since: Timestamp) -> Rank {
        let (priority, since) = (
            i128::from(request.priority().0),
            i128::from(since.as_nanos()),
        );
        let Some(step) = self.step else {
            // 2^64 nanoseconds are more than any difference of arrivals.
            return Rank(since - (priority << 64));
        };
        let step = i128::try_from(step.as_nanos()).unwrap_or(i128::MAX);
        Rank(since.saturating_sub(priority.saturating_mul(step)))
    }

    fn precedence(&self) -> Precedence {
        Precedence::Rank
    }
}

//! What somebody asks for: how much, where it may be, where it had better be, and until when.
//!
//! A request is checked once, in [`RequestBuilder::build`], and never changes after. What holds for whom is decided
//! by the [rulebook](crate::Rulebook), and who gets what by a policy.

mod build;
mod digest;
mod need;
mod terms;

pub use build::RequestBuilder;
#[cfg(feature = "serde")]
pub(crate) use build::{RawAffinity, affinities_checked};
pub use need::{Need, On, Part};
pub use terms::{Affinity, Mode, Preference, Priority, SoftAffinity, Spread, Terms, Window};

use crate::{Constraint, Labels, OwnerPath, RequestKey, Toleration, labels};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Something that somebody asks for.
///
/// A clone shares everything, and costs one counter.
///
/// ```
/// use cloudlot_core::{Capability, CapabilityRule, Request, Selector, cores, gib};
/// use std::time::Duration;
///
/// let request = Request::new("web")
///     .owner("org/team-a")
///     .parts(3, [cores(2), gib(4)]) // all three, or none
///     .require(Selector::any_of("zone", ["a", "b"]))
///     .require(CapabilityRule::equals("arch", "x86_64"))
///     .prefer(Selector::any_of("disk", ["ssd"]), 10)
///     .label("app", "web")
///     .anti_affinity("app=web", "host")
///     .hold_for(Duration::from_secs(30))
///     .build()?;
/// assert_eq!(request.constraints().len(), 2);
///
/// let faults = Request::new("web").owner("org//").part([cores(0)]).build().unwrap_err();
/// assert_eq!(faults.len(), 2); // the owner and the amount, at once
/// # Ok::<(), cloudlot_core::Faults>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    key: Option<RequestKey>,
    body: Arc<Body>,
}

#[derive(PartialEq, Eq, Debug)]
struct Body {
    name: String,
    owner: OwnerPath,
    need: Need,
    constraints: Vec<Constraint>,
    preferences: Vec<Preference>,
    tolerations: Vec<Toleration>,
    terms: Option<Arc<Terms>>,
    soft_affinities: Vec<SoftAffinity>,
    spreads: Vec<Spread>,
    priority: Priority,
    window: Window,
    hold_for: Duration,
    expected: Option<Duration>,
    strategy: Option<String>,
    digest: u64,
}

impl Request {
    /// How long a reservation waits to be confirmed unless the request says otherwise.
    pub const HOLD_FOR: Duration = Duration::from_secs(300);

    /// Starts a request of this name.
    #[expect(
        clippy::new_ret_no_self,
        reason = "a request exists once it was checked"
    )]
    pub fn new(name: impl Into<String>) -> RequestBuilder {
        RequestBuilder::new(name)
    }

    /// The same request under a key, or without one.
    #[must_use]
    pub fn with_key(self, key: Option<RequestKey>) -> Self {
        Self { key, ..self }
    }

    /// The client's own name for it, by which asking twice is granted once.
    #[must_use]
    pub fn key(&self) -> Option<RequestKey> {
        self.key
    }

    /// A name for people; two requests may share it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.body.name
    }

    /// Who asks.
    #[must_use]
    pub fn owner(&self) -> &OwnerPath {
        &self.body.owner
    }

    /// How much.
    #[must_use]
    pub fn need(&self) -> &Need {
        &self.body.need
    }

    /// What has to hold on every resource that it gets.
    #[must_use]
    pub fn constraints(&self) -> &[Constraint] {
        &self.body.constraints
    }

    /// What had better hold.
    #[must_use]
    pub fn preferences(&self) -> &[Preference] {
        &self.body.preferences
    }

    /// The taints that it puts up with.
    #[must_use]
    pub fn tolerations(&self) -> &[Toleration] {
        &self.body.tolerations
    }

    /// Labels and affinities, which others meet as long as the reservation lives; `None` if there are neither.
    #[must_use]
    pub fn terms(&self) -> Option<&Arc<Terms>> {
        self.body.terms.as_ref()
    }

    /// Labels of the work, which affinities speak of.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        self.terms().map_or(&labels::NONE, |terms| &terms.labels)
    }

    /// Whose company it seeks or shuns.
    #[must_use]
    pub fn affinities(&self) -> &[Affinity] {
        self.terms().map_or(&[], |terms| &terms.affinities)
    }

    /// Whose company it would rather have, or not.
    #[must_use]
    pub fn soft_affinities(&self) -> &[SoftAffinity] {
        &self.body.soft_affinities
    }

    /// How evenly its own pieces have to be spread.
    #[must_use]
    pub fn spreads(&self) -> &[Spread] {
        &self.body.spreads
    }

    /// How urgent it is.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.body.priority
    }

    /// When it may be granted.
    #[must_use]
    pub fn window(&self) -> Window {
        self.body.window
    }

    /// How long a reservation waits to be confirmed.
    #[must_use]
    pub fn hold_for(&self) -> Duration {
        self.body.hold_for
    }

    /// How long the work is thought to take; an estimate that nobody enforces.
    #[must_use]
    pub fn expected(&self) -> Option<Duration> {
        self.body.expected
    }

    /// The name of the strategy that the requester wants.
    #[must_use]
    pub fn strategy(&self) -> Option<&str> {
        self.body.strategy.as_deref()
    }

    /// A hash of everything but the key: the same for the same request, on every machine and in every version.
    ///
    /// It tells a repeated request from another one under the same key. It is no proof against somebody who looks for
    /// collisions.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.body.digest
    }
}

impl Request {
    /// Whether two requests can only be answered alike: they differ at most in name, key, priority, time to confirm
    /// and estimate.
    ///
    /// ```
    /// # use cloudlot_core::{Request, cores};
    /// let first = Request::new("a").part([cores(2)]).build()?;
    /// let second = Request::new("b").part([cores(2)]).priority(7).build()?;
    /// let third = Request::new("c").part([cores(3)]).build()?;
    /// assert!(first.is_like(&second) && first.likeness() == second.likeness());
    /// assert!(!first.is_like(&third));
    /// # Ok::<(), cloudlot_core::Faults>(())
    /// ```
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let (a, b) = (&*self.body, &*other.body);
        let alike = |a: &Body, b: &Body| {
            a.owner == b.owner
                && a.need == b.need
                && a.constraints == b.constraints
                && a.preferences == b.preferences
                && a.tolerations == b.tolerations
                && a.terms == b.terms
                && a.soft_affinities == b.soft_affinities
                && a.spreads == b.spreads
                && a.window == b.window
                && a.strategy == b.strategy
        };
        Arc::ptr_eq(&self.body, &other.body) || alike(a, b)
    }

    /// A hash that requests which [are alike](Self::is_like) share.
    #[must_use]
    pub fn likeness(&self) -> u64 {
        digest::likeness(&self.body)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("key", &self.key)
            .field("body", &self.body)
            .finish()
    }
}

//! What is legal, written once: the matcher, the validator and the explanation of a refusal ask the same rules.
//!
//! The rules are those that hold or fail whoever else is there: state, taints, constraints, limits. What is free just
//! now, and who stands beside whom, is the ledger's to know. So a resource without a mismatch may still be full, and a
//! request that no resource could ever take is told apart from one that has to wait.

mod check;
mod judge;
mod mismatch;
mod room;
mod satisfiable;

pub use check::Check;
pub use judge::Place;
pub use mismatch::{Found, Mismatch, Reason};
pub use satisfiable::{Satisfiable, Shortage};

use crate::{CapabilityRule, Constraint, Effect, Faults, Request, Resource, Rule};
use judge::{All, First};
use std::fmt;
use std::sync::Arc;

/// The rules: those that are always there, and checks that a program adds.
///
/// ```
/// use cloudlot_core::{CapabilityRule, Measure, Mismatch, Request, Resource, Rulebook, cores};
///
/// let rules = Rulebook::new();
/// let node = Resource::node("n1").capacity([cores(4)]).build()?;
/// let request = Request::new("job")
///     .part([cores(8)])
///     .require(CapabilityRule::at_least("clock", "2GHz".parse::<Measure>()?))
///     .build()?;
/// assert!(!rules.matches(&request, 0, &node));
/// let why: Vec<String> = rules.mismatches(&request, 0, &node).iter().map(Mismatch::to_string).collect();
/// assert_eq!(why, [
///     "cpu 8000 is above the limit 4000",
///     "`capability clock >= 2 GHz` does not hold: it is missing",
/// ]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Rulebook {
    checks: Vec<Arc<dyn Check>>,
}

impl Rulebook {
    /// The rules that are always there.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same rules and one more check.
    #[must_use]
    pub fn with(mut self, check: impl Check + 'static) -> Self {
        self.checks.push(Arc::new(check));
        self
    }

    /// Whether there are only the rules that are always there.
    #[must_use]
    pub fn has_no_checks(&self) -> bool {
        self.checks.is_empty()
    }

    /// Whether this resource, if it were empty, could take a member of this part.
    ///
    /// It is true exactly if [`Rulebook::mismatches`] finds nothing, and allocates nothing.
    #[must_use]
    pub fn matches<'a>(&self, request: &Request, part: usize, place: impl Into<Place<'a>>) -> bool {
        let place = place.into();
        let verdict = judge::request(request, &place, &self.checks, &mut First);
        verdict.is_continue() && judge::part(request, part, &place, &mut First).is_continue()
    }

    /// Everything that keeps a member of this part from this resource, even if it were empty.
    #[must_use]
    pub fn mismatches<'a>(
        &self,
        request: &Request,
        part: usize,
        place: impl Into<Place<'a>>,
    ) -> Vec<Mismatch> {
        let place = place.into();
        let mut all = All::default();
        // `All` never breaks off.
        let _ = judge::part(request, part, &place, &mut all);
        let _ = judge::request(request, &place, &self.checks, &mut all);
        all.0
    }

    /// The same as faults with paths, for whoever wants to know what is wrong with a placement.
    ///
    /// # Errors
    /// Everything that keeps a member of this part from this resource.
    pub fn validate<'a>(
        &self,
        request: &Request,
        part: usize,
        place: impl Into<Place<'a>>,
    ) -> Result<(), Faults> {
        let mut faults = Faults::default();
        let place = place.into();
        for mismatch in self.mismatches(request, part, place) {
            let path = mismatch.path(part);
            faults.add(path, place.resource.name(), Rule::Mismatch(mismatch));
        }
        faults.or(())
    }

    /// What the added checks have against a request; its form was checked when it was built.
    #[must_use]
    pub fn faults(&self, request: &Request) -> Faults {
        self.ask("request", |check| check.request(request))
    }

    /// What the added checks have against a resource; its form was checked when it was built.
    #[must_use]
    pub fn resource_faults(&self, resource: &Resource) -> Faults {
        self.ask("resource", |check| check.resource(resource))
    }

    fn ask(&self, path: &str, mut ask: impl FnMut(&dyn Check) -> Result<(), String>) -> Faults {
        let mut faults = Faults::default();
        for check in &self.checks {
            if let Err(why) = ask(check.as_ref()) {
                let why = crate::fault::shown(why);
                faults.add(path, check.name(), Rule::Other(why));
            }
        }
        faults
    }

    /// The weights of the preferences that this resource fulfils, added up.
    #[must_use]
    pub fn preference_score<'a>(&self, request: &Request, place: impl Into<Place<'a>>) -> i64 {
        let place = place.into();
        let holds = |rule: &Constraint| judge::verdict(rule, &place).holds();
        let preferences = request.preferences().iter();
        let weights = preferences.filter(|preference| holds(&preference.rule));
        weights.fold(0, |sum: i64, preference| {
            sum.saturating_add(preference.weight.into())
        })
    }

    /// How many taints of this resource would rather keep the request away ([`Effect::PreferNoSchedule`]) and are not
    /// tolerated.
    #[must_use]
    pub fn disliked<'a>(&self, request: &Request, place: impl Into<Place<'a>>) -> usize {
        let taints = judge::not_tolerated(request, place.into().resource);
        taints
            .filter(|taint| taint.effect == Effect::PreferNoSchedule)
            .count()
    }

    /// What keeps one resource from standing in for another: it has to be of the same class, and as good in every
    /// capability (see [`CapabilityRule::as_good_as`]).
    ///
    /// A mismatch's index is the place of the capability among the other's, in the order of their names, plus one;
    /// zero is the class.
    #[must_use]
    pub fn incompatibilities(&self, other: &Resource, instead: &Resource) -> Vec<Mismatch> {
        let class = Constraint::class(other.class().clone());
        let capabilities = other.capabilities();
        let rules =
            capabilities.map(|(name, value)| CapabilityRule::as_good_as(name, value).into());
        let place = Place::from(instead);
        let mut all = All::default();
        for (n, rule) in std::iter::once(class).chain(rules).enumerate() {
            let _ = judge::constraint(n, &rule, &place, &mut all);
        }
        all.0
    }
}

impl fmt::Debug for Rulebook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.checks.iter().map(|check| check.name());
        f.debug_list().entries(names).finish()
    }
}

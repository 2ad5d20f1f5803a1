//! The rules themselves: every one stands here, once.
//!
//! A rule tells a sink what is wrong; the fast answer stops at the first and never asks for the values.

use super::{Check, Found, Mismatch};
use crate::capability::Verdict;
use crate::fault::shown;
use crate::{Constraint, Effect, Need, On, Part, Quantities, Request, Resource, Taint, Topology};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A resource as the rules see it.
///
/// A ledger may know more of it than the resource says itself: what its devices add to its limits, and where a device
/// stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The resource.
    pub resource: &'a Resource,
    /// How much of it may be promised in all.
    pub limits: &'a Quantities,
    /// Where it stands.
    pub topology: &'a Topology,
}

impl<'a> From<&'a Resource> for Place<'a> {
    /// With the limits and the topology that it says itself.
    fn from(resource: &'a Resource) -> Self {
        Self {
            resource,
            limits: resource.limits(),
            topology: resource.topology(),
        }
    }
}

/// Takes what is wrong, and says whether to go on.
pub(super) trait Sink {
    fn miss(&mut self, mismatch: impl FnOnce() -> Mismatch) -> ControlFlow<()>;
}

/// Stops at the first and asks for nothing.
pub(super) struct First;

impl Sink for First {
    fn miss(&mut self, _: impl FnOnce() -> Mismatch) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

/// Collects all.
#[derive(Default)]
pub(super) struct All(pub(super) Vec<Mismatch>);

impl Sink for All {
    fn miss(&mut self, mismatch: impl FnOnce() -> Mismatch) -> ControlFlow<()> {
        self.0.push(mismatch());
        ControlFlow::Continue(())
    }
}

/// The rules that are the same for every part of the request.
pub(super) fn request(
    request: &Request,
    place: &Place<'_>,
    checks: &[Arc<dyn Check>],
    sink: &mut impl Sink,
) -> ControlFlow<()> {
    let resource = place.resource;
    if !resource.state().takes_new() {
        sink.miss(|| Mismatch::State(resource.state()))?;
    }
    for taint in not_tolerated(request, resource) {
        if taint.effect != Effect::PreferNoSchedule {
            sink.miss(|| Mismatch::Taint(taint.clone()))?;
        }
    }
    for (index, rule) in request.constraints().iter().enumerate() {
        constraint(index, rule, place, sink)?;
    }
    let affinities = request.affinities().iter().map(|affinity| &affinity.level);
    let spreads = request.spreads().iter().map(|spread| &spread.level);
    for level in affinities.chain(spreads) {
        if place.topology.domain(level).is_none() {
            let level = level.clone();
            sink.miss(|| Mismatch::NoLevel { level })?;
        }
    }
    for check in checks {
        if let Err(why) = check.place(request, place) {
            let name = || check.name().to_owned();
            sink.miss(|| Mismatch::Check {
                name: name(),
                why: shown(why),
            })?;
        }
    }
    ControlFlow::Continue(())
}

/// The rules about what one member takes, and on what it sits.
pub(super) fn part(
    request: &Request,
    part: usize,
    place: &Place<'_>,
    sink: &mut impl Sink,
) -> ControlFlow<()> {
    match request.need() {
        Need::Parts(parts) => match parts.get(part) {
            Some(part) => member(part, place, sink),
            None => sink.miss(|| Mismatch::NoPart { part }),
        },
        Need::Elastic { least, .. } => piece(least, place, sink),
    }
}

fn member(part: &Part, place: &Place<'_>, sink: &mut impl Sink) -> ControlFlow<()> {
    match (part.on, place.resource.parent()) {
        (On::Node, Some(of)) => sink.miss(|| Mismatch::Device { of: of.to_owned() })?,
        (On::Children { .. }, None) => sink.miss(|| Mismatch::Whole)?,
        _ => {}
    }
    for quantity in part.amounts.iter() {
        let (kind, asked) = (quantity.kind(), quantity.amount());
        let limit = place.limits.get(kind);
        if limit == 0 {
            let kind = || kind.clone();
            sink.miss(|| Mismatch::NotOffered {
                kind: kind(),
                asked,
            })?;
        } else if asked > limit {
            let kind = || kind.clone();
            sink.miss(|| Mismatch::AboveLimit {
                kind: kind(),
                asked,
                limit,
            })?;
        }
    }
    ControlFlow::Continue(())
}

/// An elastic need may be split, so that a resource only has to have something of every kind.
fn piece(least: &Quantities, place: &Place<'_>, sink: &mut impl Sink) -> ControlFlow<()> {
    if let Some(of) = place.resource.parent() {
        sink.miss(|| Mismatch::Device { of: of.to_owned() })?;
    }
    for quantity in least.iter() {
        let (kind, asked) = (quantity.kind(), quantity.amount());
        if place.limits.get(kind) == 0 {
            let kind = || kind.clone();
            sink.miss(|| Mismatch::NotOffered {
                kind: kind(),
                asked,
            })?;
        }
    }
    ControlFlow::Continue(())
}

/// One constraint.
pub(super) fn constraint(
    index: usize,
    rule: &Constraint,
    place: &Place<'_>,
    sink: &mut impl Sink,
) -> ControlFlow<()> {
    let verdict = verdict(rule, place);
    if verdict.holds() {
        return ControlFlow::Continue(());
    }
    sink.miss(|| Mismatch::Constraint {
        index,
        rule: shown(rule),
        found: found(rule, verdict, place),
    })
}

/// How one rule comes out here: the same for constraints and preferences.
pub(super) fn verdict(rule: &Constraint, place: &Place<'_>) -> Verdict {
    let resource = place.resource;
    match rule {
        Constraint::Label(rule) => rule.holds(resource.labels()).into(),
        Constraint::Capability(rule) => rule.verdict(resource.capability(&rule.name)),
        Constraint::Class(classes) => classes.contains(resource.class()).into(),
        Constraint::Name(names) => names.contains(resource.name()).into(),
        Constraint::Domain { level, domain } => {
            (place.topology.domain(level) == Some(domain)).into()
        }
        Constraint::AnyOf(rules) => rules.iter().any(|rule| verdict(rule, place).holds()).into(),
        Constraint::AllOf(rules) => rules.iter().all(|rule| verdict(rule, place).holds()).into(),
    }
}

fn found(rule: &Constraint, verdict: Verdict, place: &Place<'_>) -> Found {
    let resource = place.resource;
    let or_missing = |value: Option<&dyn fmt::Display>| match value {
        Some(value) if verdict == Verdict::Incomparable => Found::Incomparable(shown(value)),
        Some(value) => Found::Value(shown(value)),
        None => Found::Missing,
    };
    match rule {
        Constraint::Label(rule) => {
            let value = resource.labels().get(&rule.key);
            or_missing(value.as_ref().map(|value| value as &dyn fmt::Display))
        }
        Constraint::Capability(rule) => {
            let value = resource.capability(&rule.name);
            or_missing(value.map(|value| value as &dyn fmt::Display))
        }
        Constraint::Class(_) => or_missing(Some(resource.class())),
        Constraint::Name(_) => or_missing(Some(&resource.name())),
        Constraint::Domain { level, .. } => {
            let value = place.topology.domain(level);
            or_missing(value.as_ref().map(|value| value as &dyn fmt::Display))
        }
        Constraint::AnyOf(_) | Constraint::AllOf(_) => Found::Various,
    }
}

/// The taints that the request does not put up with, whatever they do.
pub(super) fn not_tolerated<'a>(
    request: &'a Request,
    resource: &'a Resource,
) -> impl Iterator<Item = &'a Taint> {
    let tolerated = |taint: &Taint| {
        let mut tolerations = request.tolerations().iter();
        tolerations.any(|toleration| toleration.tolerates(taint))
    };
    let taints = resource.taints().iter();
    taints.filter(move |taint| !tolerated(taint))
}

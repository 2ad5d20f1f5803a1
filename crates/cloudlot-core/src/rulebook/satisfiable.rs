//! Whether anything could ever take a request: what tells "never" from "not just now".

use super::judge::{self, All, First};
use super::room::Room;
use super::{Mismatch, Place, Reason, Rulebook};
use crate::{Mode, Need, On, Request};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Whether resources could take a request if they were empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Satisfiable {
    /// No rule stands against it; if there is no room, it has to wait for some.
    Yes,
    /// Only with resources that take nothing new at present: drained, in maintenance, failed.
    Unavailable(Vec<Shortage>),
    /// Never, with these resources.
    No(Vec<Shortage>),
}

/// A part that cannot be placed, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shortage {
    /// The part; zero of an elastic need.
    pub part: usize,
    /// How many members have to fit.
    pub asked: u64,
    /// How many would, in empty resources.
    pub fits: u64,
    /// How many resources were looked at.
    pub resources: u64,
    /// How many resources each reason stands against; one resource may count for several.
    pub reasons: Vec<(Reason, u64)>,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            part,
            asked,
            fits,
            resources,
            ..
        } = self;
        write!(
            f,
            "part {part}: {fits} of {asked} fit on {resources} resources"
        )?;
        for (n, (reason, count)) in self.reasons.iter().enumerate() {
            let separator = if n == 0 { ": " } else { ", " };
            write!(f, "{separator}{count} {reason}")?;
        }
        Ok(())
    }
}

impl Rulebook {
    /// Whether these resources could take the request if they were empty.
    ///
    /// It looks at each part by itself, and at members that shun each other; a `Yes` is not yet a plan, but a `No` is
    /// certain. The time goes with the resources times the parts and constraints.
    /// ```
    /// use cloudlot_core::{Request, Resource, Rulebook, Satisfiable, cores};
    ///
    /// let nodes: Vec<Resource> = ["n1", "n2"]
    ///     .map(|name| Resource::node(name).capacity([cores(100)]).build())
    ///     .into_iter()
    ///     .collect::<Result<_, _>>()?;
    /// let whole = Request::new("job").part([cores(150)]).build()?;
    /// let split = Request::new("job").elastic([cores(150)], [cores(150)]).build()?;
    /// let rules = Rulebook::new();
    /// let Satisfiable::No(why) = rules.satisfiable(&whole, &nodes) else { panic!() };
    /// assert_eq!(why[0].to_string(), "part 0: 0 of 1 fit on 2 resources: 2 too little cpu");
    /// assert_eq!(rules.satisfiable(&split, &nodes), Satisfiable::Yes);
    /// # Ok::<(), cloudlot_core::Faults>(())
    /// ```
    #[must_use]
    pub fn satisfiable<'a, P: Into<Place<'a>>>(
        &self,
        request: &'a Request,
        places: impl IntoIterator<Item = P>,
    ) -> Satisfiable {
        let parts = request.need().parts();
        let mut tallies = vec![Tally::default(); parts.len().max(1)];
        let apart = own_apart(request);
        for place in places {
            let place: Place<'a> = place.into();
            let mut common = All::default();
            let _ = judge::request(request, &place, &self.checks, &mut common);
            let (state, common): (Vec<_>, Vec<_>) = common
                .0
                .into_iter()
                .partition(|mismatch| matches!(mismatch, Mismatch::State(_)));
            for (n, tally) in tallies.iter_mut().enumerate() {
                let own = judge::part(request, n, &place, &mut First).is_continue();
                tally.resources += 1;
                if own && common.is_empty() {
                    let room = if state.is_empty() {
                        &mut tally.open
                    } else {
                        &mut tally.shut
                    };
                    room.add(request.need(), n, &place, &apart);
                }
                if !own || !common.is_empty() || !state.is_empty() {
                    let mut all = All::default();
                    let _ = judge::part(request, n, &place, &mut all);
                    tally.count(all.0.iter().chain(&common).chain(&state));
                }
            }
        }
        conclude(request.need(), tallies)
    }
}

/// The levels on which members of the request shun each other.
fn own_apart(request: &Request) -> Vec<&str> {
    let affinities = request.affinities().iter();
    affinities
        .filter(|own| own.mode == Mode::Apart && request.labels().has(&own.label))
        .map(|own| own.level.as_str())
        .collect()
}

/// What was seen for one part.
#[derive(Clone, Default)]
struct Tally<'a> {
    resources: u64,
    reasons: BTreeMap<Reason, u64>,
    /// In resources that take what is new.
    open: Room<'a>,
    /// In the others.
    shut: Room<'a>,
}

impl Tally<'_> {
    fn count<'m>(&mut self, mismatches: impl Iterator<Item = &'m Mismatch>) {
        // A resource with two taints of one key is still one resource.
        let reasons: BTreeSet<Reason> = mismatches.map(Mismatch::reason).collect();
        for reason in reasons {
            *self.reasons.entry(reason).or_default() += 1;
        }
    }

    /// How many have to fit, how many do with this room, and what stands against more.
    fn verdict(need: &Need, part: usize, room: &Room<'_>) -> (u64, u64, Vec<Reason>) {
        match need {
            Need::Elastic { least, .. } => {
                let lacks = room.lacks(least);
                let fits = u64::from(lacks.is_empty());
                (1, fits, lacks.into_iter().map(Reason::InAll).collect())
            }
            Need::Parts(parts) => {
                let Some(part) = parts.get(part) else {
                    return (0, 0, Vec::new());
                };
                let (asked, members) = (u64::from(part.min), room.members(part));
                match room.domains().filter(|_| part.on == On::Node) {
                    Some((level, domains)) if domains < members => {
                        (asked, domains, vec![Reason::Apart(level.to_owned())])
                    }
                    _ => (asked, members, vec![Reason::TooFew]),
                }
            }
        }
    }
}

fn conclude(need: &Need, tallies: Vec<Tally<'_>>) -> Satisfiable {
    let (mut never, mut unavailable) = (Vec::new(), Vec::new());
    for (part, tally) in tallies.into_iter().enumerate() {
        let (asked, fits, against) = Tally::verdict(need, part, &tally.open);
        if fits >= asked {
            continue;
        }
        let in_all = tally.open.clone().with(&tally.shut);
        let (_, ever, against_all) = Tally::verdict(need, part, &in_all);
        let (list, room, fits, against) = if ever >= asked {
            (&mut unavailable, &tally.open, fits, against)
        } else {
            (&mut never, &in_all, ever, against_all)
        };
        let counted: Vec<(Reason, u64)> = tally.reasons.into_iter().collect();
        // Where nothing fits at all, the resources say why; where something does, it is the number that is too small.
        let matched = room.places();
        let totals = against.into_iter().filter(|_| matched > 0);
        let totals = totals.map(|reason| (reason, matched));
        list.push(Shortage {
            part,
            asked,
            fits,
            resources: tally.resources,
            reasons: counted.into_iter().chain(totals).collect(),
        });
    }
    match (never.is_empty(), unavailable.is_empty()) {
        (true, true) => Satisfiable::Yes,
        (true, false) => Satisfiable::Unavailable(unavailable),
        (false, _) => Satisfiable::No(never),
    }
}

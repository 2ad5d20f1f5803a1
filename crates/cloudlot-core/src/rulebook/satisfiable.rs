//! Whether anything could ever take a request: what tells "never" from "not just now".

use super::judge::{self, All};
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
    /// certain. The time goes with the resources times the parts and constraints; it ends as soon as
    /// the answer is `Yes`.
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
            let place = place.into();
            let common = Common::of(self, request, &place);
            let mut settled = true;
            for (n, tally) in tallies.iter_mut().enumerate() {
                tally.look(request, n, &place, &common, &apart);
                settled &= tally.settled;
            }
            if settled {
                return Satisfiable::Yes;
            }
        }
        conclude(request.need(), tallies)
    }
}

/// What is the same for every part: whatever stands against the resource but its state, and its state.
struct Common {
    rules: Vec<Mismatch>,
    state: Vec<Mismatch>,
}

impl Common {
    fn of(rules: &Rulebook, request: &Request, place: &Place<'_>) -> Self {
        let mut all = All::default();
        // `All` never breaks off.
        let _ = judge::request(request, place, &rules.checks, &mut all);
        let is_state = |mismatch: &Mismatch| matches!(mismatch, Mismatch::State(_));
        let (state, rules) = all.0.into_iter().partition(is_state);
        Self { rules, state }
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
    /// Enough members fit, so that there is no need to look further.
    settled: bool,
    resources: u64,
    reasons: BTreeMap<Reason, u64>,
    /// In resources that take what is new.
    open: Room<'a>,
    /// In the others.
    shut: Room<'a>,
}

impl<'a> Tally<'a> {
    fn look(
        &mut self,
        request: &Request,
        part: usize,
        place: &Place<'a>,
        common: &Common,
        apart: &[&'a str],
    ) {
        if self.settled {
            return;
        }
        self.resources += 1;
        let mut own = All::default();
        let _ = judge::part(request, part, place, &mut own);
        self.count(own.0.iter().chain(&common.rules).chain(&common.state));
        if !own.0.is_empty() || !common.rules.is_empty() {
            return;
        }
        if !common.state.is_empty() {
            self.shut.add(request.need(), part, place, apart);
            return;
        }
        self.open.add(request.need(), part, place, apart);
        // Devices are only counted at the end: adding up all of their parents at each of them would take too long.
        let devices = place.resource.parent().is_some();
        if !devices {
            let (asked, fits, _) = Self::verdict(request.need(), part, &self.open);
            self.settled = fits >= asked;
        }
    }

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
        if tally.settled || fits >= asked {
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

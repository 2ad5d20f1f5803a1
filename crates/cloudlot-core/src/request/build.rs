//! A request before it is checked, and the checks.

use super::{
    Affinity, Body, Mode, Need, On, Part, Preference, Priority, Request, SoftAffinity, Spread,
    Terms, Window,
};
use crate::{
    Constraint, Faults, KindName, Label, Labels, OwnerPath, Quantity, RequestKey, Rule, Timestamp,
    Toleration, checked::amounts_checked, text,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const PARTS: usize = 4_096;
const PREFERENCES: usize = 4_096;
const TOLERATIONS: usize = 256;
const AFFINITIES: usize = 256;
const SPREADS: usize = 16;
/// The most members of one part: ten times the largest cluster there is a test for.
const MEMBERS: u32 = 1_000_000;
const CHILDREN: u32 = 1_024;

/// A [`Request`] before [`RequestBuilder::build`] has checked it.
#[derive(Clone, Debug)]
#[must_use = "a request is nothing before `build`"]
pub struct RequestBuilder {
    pub(crate) name: String,
    pub(crate) key: Option<RequestKey>,
    pub(crate) owner: Option<String>,
    pub(crate) parts: Vec<RawPart>,
    pub(crate) elastic: Option<(Vec<Quantity>, Vec<Quantity>)>,
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) preferences: Vec<Preference>,
    pub(crate) tolerations: Vec<Toleration>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) affinities: Vec<RawAffinity<Mode>>,
    pub(crate) soft_affinities: Vec<RawAffinity<i32>>,
    pub(crate) spreads: Vec<Spread>,
    pub(crate) priority: Priority,
    pub(crate) window: Window,
    pub(crate) hold_for: Duration,
    pub(crate) expected: Option<Duration>,
    pub(crate) strategy: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct RawPart {
    pub(crate) amounts: Vec<Quantity>,
    pub(crate) count: u32,
    pub(crate) min: u32,
    pub(crate) on: On,
}

#[derive(Clone, Debug)]
pub(crate) struct RawAffinity<W> {
    pub(crate) label: String,
    pub(crate) level: String,
    pub(crate) want: W,
}

impl RequestBuilder {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            key: None,
            owner: None,
            parts: Vec::new(),
            elastic: None,
            constraints: Vec::new(),
            preferences: Vec::new(),
            tolerations: Vec::new(),
            labels: Vec::new(),
            affinities: Vec::new(),
            soft_affinities: Vec::new(),
            spreads: Vec::new(),
            priority: Priority::default(),
            window: Window::default(),
            hold_for: Request::HOLD_FOR,
            expected: None,
            strategy: None,
        }
    }

    /// The client's own name for it.
    pub fn key(mut self, key: RequestKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Who asks, as a path of names; `default` unless it is set.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// One more part of one member, on one node.
    pub fn part(self, amounts: impl IntoIterator<Item = Quantity>) -> Self {
        self.parts(1, amounts)
    }

    /// One more part of `count` equal members, each on one node; all of them, or none.
    pub fn parts(self, count: u32, amounts: impl IntoIterator<Item = Quantity>) -> Self {
        self.gang(count, count, On::Node, amounts)
    }

    /// One more part of `count` members, of which `min` are enough, each on what `on` says.
    pub fn gang(
        mut self,
        count: u32,
        min: u32,
        on: On,
        amounts: impl IntoIterator<Item = Quantity>,
    ) -> Self {
        self.parts.push(RawPart {
            amounts: amounts.into_iter().collect(),
            count,
            min,
            on,
        });
        self
    }

    /// Any amount from `least` to `most`, which may be split over resources and resized; instead of parts.
    pub fn elastic(
        mut self,
        least: impl IntoIterator<Item = Quantity>,
        most: impl IntoIterator<Item = Quantity>,
    ) -> Self {
        self.elastic = Some((least.into_iter().collect(), most.into_iter().collect()));
        self
    }

    /// One more rule that has to hold on every resource.
    pub fn require(mut self, rule: impl Into<Constraint>) -> Self {
        self.constraints.push(rule.into());
        self
    }

    /// One more rule that counts `weight` where it holds.
    pub fn prefer(mut self, rule: impl Into<Constraint>, weight: i32) -> Self {
        let rule = rule.into();
        self.preferences.push(Preference { rule, weight });
        self
    }

    /// One more sort of taint to put up with.
    pub fn tolerate(mut self, toleration: Toleration) -> Self {
        self.tolerations.push(toleration);
        self
    }

    /// One more label of the work.
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// Only in a domain of `level` where something labelled `key=value` is.
    pub fn affinity(self, label: impl Into<String>, level: impl Into<String>) -> Self {
        self.company(label.into(), level.into(), Mode::Together)
    }

    /// Only in a domain of `level` where nothing labelled `key=value` is.
    pub fn anti_affinity(self, label: impl Into<String>, level: impl Into<String>) -> Self {
        self.company(label.into(), level.into(), Mode::Apart)
    }

    fn company(mut self, label: String, level: String, want: Mode) -> Self {
        self.affinities.push(RawAffinity { label, level, want });
        self
    }

    /// Rather in a domain of `level` where something labelled `key=value` is; with a negative weight, rather not.
    pub fn prefer_affinity(
        mut self,
        label: impl Into<String>,
        level: impl Into<String>,
        weight: i32,
    ) -> Self {
        self.soft_affinities.push(RawAffinity {
            label: label.into(),
            level: level.into(),
            want: weight,
        });
        self
    }

    /// Its own pieces as evenly over the domains of `level` as `max_skew` says.
    pub fn spread(mut self, level: impl Into<String>, max_skew: u32) -> Self {
        self.spreads.push(Spread::over(level, max_skew));
        self
    }

    /// Stands in no domain of a level with more than so many of its members.
    pub fn at_most_per(mut self, level: impl Into<String>, most: u32) -> Self {
        self.spreads.push(Spread {
            most: Some(most),
            ..Spread::over(level, u32::MAX)
        });
        self
    }

    /// Spreads as said, also among members of other requests.
    pub fn spread_as(mut self, spread: Spread) -> Self {
        self.spreads.push(spread);
        self
    }

    /// How urgent it is; 0 unless it is set.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = Priority(priority);
        self
    }

    /// Only from `from`, up to but not at `until`.
    pub fn window(mut self, from: Timestamp, until: Timestamp) -> Self {
        self.window = Window {
            from: Some(from),
            until: Some(until),
        };
        self
    }

    /// Not before `from`.
    pub fn not_before(mut self, from: Timestamp) -> Self {
        self.window.from = Some(from);
        self
    }

    /// How long a reservation waits to be confirmed; [`Request::HOLD_FOR`] unless it is set.
    pub fn hold_for(mut self, duration: Duration) -> Self {
        self.hold_for = duration;
        self
    }

    /// How long the work is thought to take.
    pub fn expected(mut self, duration: Duration) -> Self {
        self.expected = Some(duration);
        self
    }

    /// The name of the strategy that is wanted.
    pub fn strategy(mut self, name: impl Into<String>) -> Self {
        self.strategy = Some(name.into());
        self
    }

    /// The request.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn build(self) -> Result<Request, Faults> {
        self.build_after(Faults::default())
    }

    /// As `build`, after faults that were found in reading the description.
    pub(crate) fn build_after(self, mut all: Faults) -> Result<Request, Faults> {
        let faults = &mut all;
        text::name(faults, "name", &self.name);
        let owner = match &self.owner {
            Some(owner) => OwnerPath::checked(faults, "owner", owner),
            None => OwnerPath::default(),
        };
        let need = need_checked(faults, self.parts, self.elastic);
        Constraint::check_all(faults, "constraints", &self.constraints);
        preferences_checked(faults, &self.preferences);
        if text::at_most(faults, "tolerations", self.tolerations.len(), TOLERATIONS) {
            for (n, toleration) in self.tolerations.iter().enumerate() {
                toleration.check(faults, format_args!("tolerations[{n}]"));
            }
        }
        let labels = Labels::checked(faults, "labels", self.labels);
        let affinities = affinities_checked(faults, "affinities", self.affinities);
        let soft_affinities = affinities_checked(faults, "soft_affinities", self.soft_affinities);
        spreads_checked(faults, &self.spreads);
        times_checked(faults, self.window, self.hold_for, self.expected);
        if let Some(strategy) = &self.strategy {
            text::name(faults, "strategy", strategy);
        }
        let terms = Terms { labels, affinities };
        let some = !terms.labels.is_empty() || !terms.affinities.is_empty();
        let mut body = Body {
            name: self.name,
            owner,
            need,
            constraints: self.constraints,
            preferences: self.preferences,
            tolerations: self.tolerations,
            terms: some.then(|| Arc::new(terms)),
            soft_affinities,
            spreads: self.spreads,
            priority: self.priority,
            window: self.window,
            hold_for: self.hold_for,
            expected: self.expected,
            strategy: self.strategy,
            digest: 0,
        };
        if all.is_empty() {
            body.digest = super::digest::digest(&body);
        }
        all.or(Request {
            key: self.key,
            body: Arc::new(body),
        })
    }
}

fn need_checked(
    faults: &mut Faults,
    parts: Vec<RawPart>,
    elastic: Option<(Vec<Quantity>, Vec<Quantity>)>,
) -> Need {
    let Some((least, most)) = elastic else {
        if parts.is_empty() {
            faults.add("parts", "", Rule::Empty);
        }
        return Need::Parts(parts_checked(faults, parts));
    };
    if !parts.is_empty() {
        faults.add("elastic", "", Rule::Excludes("parts"));
        parts_checked(faults, parts);
    }
    let least = amounts_checked(faults, "elastic.least", least);
    let most = amounts_checked(faults, "elastic.most", most);
    if least.is_empty() {
        faults.add("elastic.least", 0, Rule::Zero);
    }
    for low in least.iter() {
        let high = most.get(low.kind());
        if low.amount() > high {
            let path = format_args!("elastic.least.{}", low.kind());
            faults.add(path, low.amount(), Rule::Above(format!("the most, {high}")));
        }
    }
    Need::Elastic { least, most }
}

fn parts_checked(faults: &mut Faults, parts: Vec<RawPart>) -> Vec<Part> {
    if !text::at_most(faults, "parts", parts.len(), PARTS) {
        return Vec::new();
    }
    let mut totals = BTreeMap::new();
    let mut checked = Vec::with_capacity(parts.len());
    for (n, raw) in parts.into_iter().enumerate() {
        let part = part_checked(faults, n, raw);
        add_up(faults, n, &part, &mut totals);
        checked.push(part);
    }
    checked
}

fn part_checked(faults: &mut Faults, n: usize, raw: RawPart) -> Part {
    let amounts = amounts_checked(faults, &format!("parts[{n}].amounts"), raw.amounts);
    if amounts.is_empty() {
        faults.add(format_args!("parts[{n}].amounts"), 0, Rule::Zero);
    }
    let mut within = |what: &str, value: u32, most: u32| {
        let legal = (1..=most).contains(&value);
        if !legal {
            let range = Rule::Outside {
                least: 1,
                most: most.into(),
            };
            faults.add(format_args!("parts[{n}].{what}"), value, range);
        }
        legal
    };
    if within("count", raw.count, MEMBERS) {
        within("min", raw.min, raw.count);
    }
    if let On::Children { of } = raw.on {
        within("on.children.of", of, CHILDREN);
    }
    Part {
        amounts,
        count: raw.count,
        min: raw.min,
        on: raw.on,
    }
}

/// A ledger adds up in 64 bits, so the whole request has to fit in them.
fn add_up(faults: &mut Faults, n: usize, part: &Part, totals: &mut BTreeMap<KindName, u128>) {
    let each = match part.on {
        On::Node => 1,
        On::Children { of } => u128::from(of),
    };
    for quantity in part.amounts.iter() {
        let total = totals.entry(quantity.kind().clone()).or_default();
        let before = *total;
        let times = each * u128::from(part.count);
        *total = before.saturating_add(times.saturating_mul(quantity.amount().into()));
        let limit = u128::from(u64::MAX);
        if before <= limit && *total > limit {
            let path = format_args!("parts[{n}].amounts.{}", quantity.kind());
            faults.add(path, *total, Rule::Above("2^64 - 1 in all".to_owned()));
        }
    }
}

fn preferences_checked(faults: &mut Faults, preferences: &[Preference]) {
    if text::at_most(faults, "preferences", preferences.len(), PREFERENCES) {
        let rules = preferences.iter().map(|preference| &preference.rule);
        Constraint::check_each(faults, "preferences", rules);
    }
}

pub(crate) fn affinities_checked<W, A: From<(Label, String, W)>>(
    faults: &mut Faults,
    path: &str,
    list: Vec<RawAffinity<W>>,
) -> Vec<A> {
    if !text::at_most(faults, path, list.len(), AFFINITIES) {
        return Vec::new();
    }
    let mut affinities = Vec::with_capacity(list.len());
    for (n, raw) in list.into_iter().enumerate() {
        text::word(faults, format_args!("{path}[{n}].level"), &raw.level);
        let label = Label::checked(faults, format_args!("{path}[{n}].label"), &raw.label);
        affinities.push((label, raw.level, raw.want).into());
    }
    affinities
}

impl From<(Label, String, Mode)> for Affinity {
    fn from((label, level, mode): (Label, String, Mode)) -> Self {
        Self { label, level, mode }
    }
}

impl From<(Label, String, i32)> for SoftAffinity {
    fn from((label, level, weight): (Label, String, i32)) -> Self {
        Self {
            label,
            level,
            weight,
        }
    }
}

fn spreads_checked(faults: &mut Faults, spreads: &[Spread]) {
    if !text::at_most(faults, "spread", spreads.len(), SPREADS) {
        return;
    }
    for (n, spread) in spreads.iter().enumerate() {
        text::word(faults, format_args!("spread[{n}].level"), &spread.level);
        if spread.max_skew == 0 {
            faults.add(format_args!("spread[{n}].max_skew"), 0, Rule::Zero);
        }
        if spread.most == Some(0) {
            faults.add(format_args!("spread[{n}].most"), 0, Rule::Zero);
        }
        if spreads[..n].iter().any(|other| other.level == spread.level) {
            faults.add(
                format_args!("spread[{n}].level"),
                &spread.level,
                Rule::Twice,
            );
        }
    }
}

fn times_checked(
    faults: &mut Faults,
    window: Window,
    hold_for: Duration,
    expected: Option<Duration>,
) {
    if let (Some(from), Some(until)) = (window.from, window.until)
        && from >= until
    {
        let rule = Rule::Above(format!("or at its end, {}", until.as_nanos()));
        faults.add("window.from", from.as_nanos(), rule);
    }
    let durations = [("hold_for", Some(hold_for)), ("expected", expected)];
    for (path, duration) in durations {
        let Some(duration) = duration else { continue };
        if duration.is_zero() {
            faults.add(path, 0, Rule::Zero);
        }
        if duration.as_nanos() > u128::from(u64::MAX) {
            let rule = Rule::Above("2^64 - 1 nanoseconds".to_owned());
            faults.add(path, format_args!("{duration:?}"), rule);
        }
    }
}

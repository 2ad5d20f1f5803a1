//! One rule about a resource, as a constraint where it has to hold and as a preference where it had better.

use crate::selector::{Listed, VALUES};
use crate::{CapabilityRule, Faults, LabelTest, NodeClass, Rule, Selector, text};
use std::collections::BTreeSet;
use std::fmt;

/// How many rules one request may have, those inside of others included.
const RULES: usize = 4_096;
/// How deep rules may stand in rules.
const DEPTH: usize = 8;

/// A rule about a resource.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum Constraint {
    /// About a label.
    Label(Selector),
    /// About a capability.
    Capability(CapabilityRule),
    /// The class is one of these.
    Class(BTreeSet<NodeClass>),
    /// The name is one of these.
    Name(BTreeSet<String>),
    /// It stands in this domain of the topology.
    Domain {
        /// The level: `rack`.
        level: String,
        /// The whole path down to it: `a/r1`.
        domain: String,
    },
    /// At least one of these holds.
    AnyOf(Vec<Constraint>),
    /// All of these hold; of use inside of `AnyOf`.
    AllOf(Vec<Constraint>),
}

impl Constraint {
    /// The class is this.
    pub fn class(class: impl Into<NodeClass>) -> Self {
        Self::Class(BTreeSet::from([class.into()]))
    }

    /// The resource is this one.
    pub fn name(name: impl Into<String>) -> Self {
        Self::Name(BTreeSet::from([name.into()]))
    }

    /// The resource stands in this domain.
    pub fn domain(level: impl Into<String>, domain: impl Into<String>) -> Self {
        Self::Domain {
            level: level.into(),
            domain: domain.into(),
        }
    }

    /// Checks the list as a whole: how many, how deep, how many values, and each rule.
    pub(crate) fn check_all(faults: &mut Faults, path: &str, list: &[Self]) {
        if text::at_most(faults, path, list.len(), RULES) {
            Self::check_each(faults, path, list.iter());
        }
    }

    /// Checks rules that are known to be few enough at the top.
    pub(crate) fn check_each<'a>(
        faults: &mut Faults,
        path: &str,
        list: impl Iterator<Item = &'a Self>,
    ) {
        let mut left = Budget {
            rules: RULES,
            values: VALUES,
        };
        for (n, rule) in list.enumerate() {
            if !rule.check(faults, &format!("{path}[{n}]"), DEPTH, &mut left) {
                return;
            }
        }
    }

    /// Whether the rest of the list is worth a look: not when this rule has used up what a request may have.
    fn check(&self, faults: &mut Faults, path: &str, depth: usize, left: &mut Budget) -> bool {
        if !left.take(faults, path, self) {
            return false;
        }
        let inner = match self {
            Self::Label(rule) => {
                rule.check(faults, path);
                return true;
            }
            Self::Capability(rule) => {
                rule.check(faults, path);
                return true;
            }
            Self::Class(_) | Self::Name(_) | Self::Domain { .. } => {
                self.check_names(faults, path);
                return true;
            }
            Self::AnyOf(inner) | Self::AllOf(inner) => inner,
        };
        if inner.is_empty() {
            faults.add(path, "", Rule::Empty);
        }
        if depth == 0 {
            faults.add(path, "", Rule::Other(format!("is more than {DEPTH} deep")));
            return true;
        }
        for (n, rule) in inner.iter().enumerate() {
            if !rule.check(faults, &format!("{path}[{n}]"), depth - 1, left) {
                return false;
            }
        }
        true
    }

    fn check_names(&self, faults: &mut Faults, path: &str) {
        let mut none = || faults.add(path, "", Rule::Empty);
        match self {
            Self::Class(classes) if classes.is_empty() => none(),
            Self::Name(names) if names.is_empty() => none(),
            Self::Class(classes) => {
                for class in classes {
                    text::name(faults, path, class.as_str());
                }
            }
            Self::Name(names) => {
                for name in names {
                    text::name(faults, path, name);
                }
            }
            Self::Domain { level, domain } => {
                text::word(faults, format_args!("{path}.level"), level);
                for name in domain.split('/') {
                    text::name(faults, format_args!("{path}.domain"), name);
                }
            }
            _ => {}
        }
    }

    fn values(&self) -> usize {
        match self {
            Self::Label(rule) => match &rule.test {
                LabelTest::In(values) | LabelTest::NotIn(values) => values.len(),
                _ => 0,
            },
            Self::Capability(rule) => rule.values(),
            Self::Class(classes) => classes.len(),
            Self::Name(names) => names.len(),
            Self::Domain { .. } | Self::AnyOf(_) | Self::AllOf(_) => 0,
        }
    }
}

/// What is left of what one request may have.
struct Budget {
    rules: usize,
    values: usize,
}

impl Budget {
    fn take(&mut self, faults: &mut Faults, path: &str, rule: &Constraint) -> bool {
        let values = rule.values();
        if self.rules == 0 {
            faults.add(path, RULES + 1, Rule::TooMany(RULES));
            return false;
        }
        if values > self.values {
            faults.add(path, VALUES - self.values + values, Rule::TooMany(VALUES));
            return false;
        }
        self.rules -= 1;
        self.values -= values;
        true
    }
}

impl From<Selector> for Constraint {
    fn from(rule: Selector) -> Self {
        Self::Label(rule)
    }
}

impl From<CapabilityRule> for Constraint {
    fn from(rule: CapabilityRule) -> Self {
        Self::Capability(rule)
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(rule) => rule.fmt(f),
            Self::Capability(rule) => rule.fmt(f),
            Self::Class(classes) => write!(f, "class in {}", Listed(classes)),
            Self::Name(names) => write!(f, "name in {}", Listed(names)),
            Self::Domain { level, domain } => write!(f, "{level} is {domain}"),
            Self::AnyOf(rules) => joined(f, "any of ", rules),
            Self::AllOf(rules) => joined(f, "all of ", rules),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, what: &str, rules: &[Constraint]) -> fmt::Result {
    f.write_str(what)?;
    for (n, rule) in rules.iter().enumerate() {
        write!(f, "{}{rule}", if n == 0 { "(" } else { "; " })?;
    }
    f.write_str(if rules.is_empty() { "()" } else { ")" })
}

//! Policies by name.

use super::span;
use cloudlot_serverless::evict::{Evicting, GreedyDual, Lru};
use cloudlot_serverless::{FixedWindow, KeepAlive};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A way of keeping instances warm, as it stands on the command line.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Policy {
    name: String,
    rule: Rule,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Rule {
    Fixed(Duration),
    Lru,
    GreedyDual,
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, setting) = match text.split_once(':') {
            Some((name, setting)) => (name, Some(span::parse(setting)?)),
            None => (text, None),
        };
        let rule = match (name, setting) {
            ("fixed", Some(window)) => Rule::Fixed(window),
            ("fixed", None) => return Err("fixed wants a time, such as fixed:10m".to_owned()),
            ("lru", None) => Rule::Lru,
            ("greedy-dual", None) => Rule::GreedyDual,
            _ => return Err("known are fixed:TIME, lru and greedy-dual".to_owned()),
        };
        let name = text.to_owned();
        Ok(Self { name, rule })
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Policy {
    /// The settings of the whole frontier.
    pub(super) fn sweep() -> Vec<Self> {
        let names = "fixed:1m fixed:2m fixed:5m fixed:10m fixed:20m fixed:30m fixed:60m fixed:120m";
        names
            .split_whitespace()
            .filter_map(|name| name.parse().ok())
            .collect()
    }

    /// Whether it lets go only when memory is short.
    pub(super) const fn wants_limit(&self) -> bool {
        matches!(self.rule, Rule::Lru | Rule::GreedyDual)
    }

    /// The policy at the beginning of a run.
    pub(super) fn make(&self) -> Box<dyn KeepAlive> {
        let keep = FixedWindow(Duration::MAX);
        match self.rule {
            Rule::Fixed(window) => Box::new(FixedWindow(window)),
            Rule::Lru => Box::new(Evicting { keep, by: Lru }),
            Rule::GreedyDual => Box::new(Evicting {
                keep,
                by: GreedyDual::default(),
            }),
        }
    }
}

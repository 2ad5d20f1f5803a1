//! Policies by name.

use super::span;
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
}

const KNOWN: &str = "known are fixed:TIME";

impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, setting) = match text.split_once(':') {
            Some((name, setting)) => (name, Some(setting)),
            None => (text, None),
        };
        let rule = match (name, setting) {
            ("fixed", Some(window)) => Rule::Fixed(span::parse(window)?),
            ("fixed", None) => return Err("fixed wants a time, such as fixed:10m".to_owned()),
            _ => return Err(KNOWN.to_owned()),
        };
        Ok(Self {
            name: text.to_owned(),
            rule,
        })
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
        let windows = ["1m", "2m", "5m", "10m", "20m", "30m", "60m", "120m"];
        let names = windows.map(|window| format!("fixed:{window}"));
        names.iter().filter_map(|name| name.parse().ok()).collect()
    }

    /// The policy at the beginning of a run.
    pub(super) fn make(&self) -> Box<dyn KeepAlive> {
        match self.rule {
            Rule::Fixed(window) => Box::new(FixedWindow(window)),
        }
    }
}

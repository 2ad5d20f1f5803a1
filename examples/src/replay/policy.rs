//! Policies by name.

use super::span;
use super::trace::Trace;
use cloudlot_serverless::evict::{Evicting, GreedyDual, Lru};
use cloudlot_serverless::keep::{GapConfig, Gaps, Hybrid, HybridConfig, Oracle};
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
    /// In minutes.
    Hybrid(u32),
    /// What a cold start is worth.
    Gaps(Duration),
    Oracle(Duration),
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
        let worth = setting.unwrap_or(GapConfig::DEFAULT.worth);
        let rule = match (name, setting) {
            ("fixed", Some(window)) => Rule::Fixed(window),
            ("fixed" | "hybrid", None) => {
                return Err(format!("{name} wants a time, such as {name}:4h"));
            }
            ("hybrid", Some(range)) => Rule::Hybrid(minutes(range)?),
            ("gaps", _) => Rule::Gaps(worth),
            ("oracle", _) => Rule::Oracle(worth),
            ("lru", None) => Rule::Lru,
            ("greedy-dual", None) => Rule::GreedyDual,
            _ => {
                return Err(
                    "known are fixed:TIME, hybrid:TIME, gaps, oracle, lru and greedy-dual"
                        .to_owned(),
                );
            }
        };
        let name = text.to_owned();
        Ok(Self { name, rule })
    }
}

/// The range of a histogram.
fn minutes(range: Duration) -> Result<u32, String> {
    let minutes = u32::try_from(range.as_secs() / 60).ok();
    let legal = minutes.filter(|minutes| (1..=10_080).contains(minutes));
    legal.ok_or_else(|| "hybrid wants a time from 1m to 7d".to_owned())
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Policy {
    /// The settings of the whole frontier.
    pub(super) fn sweep() -> Vec<Self> {
        let names = "fixed:1m fixed:2m fixed:5m fixed:10m fixed:20m fixed:30m fixed:60m fixed:120m \
            hybrid:1h hybrid:2h hybrid:4h gaps:2m gaps:5m gaps:10m gaps:20m gaps:40m gaps:80m gaps:160m \
            oracle:2m oracle:10m oracle:40m oracle:160m";
        names
            .split_whitespace()
            .filter_map(|name| name.parse().ok())
            .collect()
    }

    /// Whether it lets go only when memory is short.
    pub(super) const fn wants_limit(&self) -> bool {
        matches!(self.rule, Rule::Lru | Rule::GreedyDual)
    }

    /// Whether it is a bound, which holds where starts take no time.
    pub(super) const fn foresees(&self) -> bool {
        matches!(self.rule, Rule::Oracle(_))
    }

    /// The policy at the beginning of a run.
    pub(super) fn make(&self, trace: &Trace) -> Box<dyn KeepAlive> {
        let keep = FixedWindow(Duration::MAX);
        match self.rule {
            Rule::Fixed(window) => Box::new(FixedWindow(window)),
            Rule::Hybrid(minutes) => Box::new(Hybrid::new(HybridConfig::within(minutes))),
            Rule::Gaps(worth) => Box::new(Gaps::new(GapConfig {
                worth,
                ..GapConfig::DEFAULT
            })),
            Rule::Oracle(worth) => Box::new(Oracle::new(worth, trace.arrivals())),
            Rule::Lru => Box::new(Evicting { keep, by: Lru }),
            Rule::GreedyDual => Box::new(Evicting {
                keep,
                by: GreedyDual::default(),
            }),
        }
    }
}
